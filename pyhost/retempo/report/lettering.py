"""How do labels get into a picture without a font library?

A 5x7 dot-matrix alphabet, drawn larger by whole factors. Printable ASCII; anything else shows as a box.
"""

from __future__ import annotations

import numpy as np

Color = tuple[int, int, int]

CELL_WIDTH = 6
CELL_HEIGHT = 9

# Five columns a glyph, from space to tilde; bit 0 is the top row, bit 6 the base line, bit 7 a descender.
_ALPHABET = """
0000000000 00005f0000 0007000700 147f147f14 242a7f2a12 2313086462 3649556220 0005030000
001c224100 0041221c00 2a1c7f1c2a 08083e0808 0080600000 0808080808 0060600000 2010080402
3e5149453e 00427f4000 4261514946 2141454b31 1814127f10 2745454539 3c4a494930 0171090503
3649494936 064949291e 0036360000 0056360000 0814224100 1414141414 0041221408 0201510906
3e415d551e 7e1111117e 7f49494936 3e41414122 7f41413e00 7f49494941 7f09090901 3e41495932
7f0808087f 00417f4100 2040413f01 7f08142241 7f40404040 7f020c027f 7f0408107f 3e4141413e
7f09090906 3e4151215e 7f09192946 4649494931 01017f0101 3f4040403f 1f2040201f 3f4038403f
6314081463 0708700807 6151494543 007f414100 0204081020 0041417f00 0402010204 8080808080
0003050000 2054545478 7f48444438 3844444428 384444487f 3854545418 087e090102 18a4a4a47c
7f08040478 00447d4000 4080847d00 007f102844 00417f4000 7c04180478 7c08040478 3844444438
fc24242418 18242424fc 7c08040408 4854545420 043f444020 3c4040207c 1c2040201c 3c4030403c
4428102844 1ca0a0a07c 4464544c44 0008364100 00007f0000 0041360800 0804080804
"""
_COLUMNS = _ALPHABET.split()
_UNKNOWN = "7f4141417f"


def text_size(text: str, scale: int = 1) -> tuple[int, int]:
    """(width, height) in pixels of one line of text."""
    return len(text) * CELL_WIDTH * scale, CELL_HEIGHT * scale


def draw_text(
    picture: np.ndarray,
    text: str,
    x: int,
    y: int,
    *,
    scale: int = 1,
    color: Color = (255, 255, 255),
    plate: Color | None = None,
) -> None:
    """Write one line into a picture in place; what falls outside is cut off.

    Args:
        picture: [H, W, 3] uint8.
        x, y: top-left corner of the first cell, in pixels.
        scale: whole factor, 1 gives letters 7 pixels high.
        plate: colour of a box behind the text, for legibility over images.
    """
    if not text:
        return
    width, height = text_size(text, scale)
    mask = np.zeros((CELL_HEIGHT, len(text) * CELL_WIDTH), bool)
    for place, letter in enumerate(text):
        mask[:8, place * CELL_WIDTH : place * CELL_WIDTH + 5] = _glyph(letter)
    mask = np.kron(mask, np.ones((scale, scale), bool))
    top, left = max(0, y), max(0, x)
    bottom, right = min(picture.shape[0], y + height), min(picture.shape[1], x + width)
    if top >= bottom or left >= right:
        return
    if plate is not None:
        border = 2 * scale
        picture[
            max(0, y - border) : bottom, max(0, x - border) : min(picture.shape[1], x + width + scale)
        ] = plate
    picture[top:bottom, left:right][mask[top - y : bottom - y, left - x : right - x]] = color


def shorten(text: str, width: int, scale: int = 1) -> str:
    """The text, or its beginning and end around '..', so that it fits ``width`` pixels."""
    most = max(0, width // (CELL_WIDTH * scale))
    if len(text) <= most:
        return text
    if most < 5:
        return text[:most]
    head = (most - 2) // 2
    return f"{text[:head]}..{text[len(text) - (most - 2 - head) :]}"


def _glyph(letter: str) -> np.ndarray:
    index = ord(letter) - 32
    columns = bytes.fromhex(_COLUMNS[index] if 0 <= index < len(_COLUMNS) else _UNKNOWN)
    bits = np.unpackbits(np.frombuffer(columns, np.uint8)[:, None], axis=1, bitorder="little")
    return bits.T.astype(bool)
