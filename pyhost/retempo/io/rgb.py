"""What is a frame as plain 8 bits of RGB, as test sets and trainings take it?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from retempo.errors import InputError
from retempo.io.frame import Frame

Rgb = NDArray[np.uint8]
"""[H, W, 3], encoded as in the file."""


def to_rgb(frame: Frame) -> Rgb:
    """The main colour of a frame as 8 bits, rounded; alpha is dropped (what it hides has become black).

    Raises:
        InputError: the frame holds floating-point pixels, or no colour.
    """
    layer = frame.main()
    columns = layer.color_indices()[:3]
    if not columns:
        raise InputError(f"{frame.path} holds no colour", "give pictures with R, G, B or grey")
    kinds = {layer.formats[layer.channels[column]] for column in columns}
    if kinds & {"half", "float", "double"}:
        raise InputError(
            f"{frame.path} holds floating-point pixels, and encoded values of 8 bits are needed",
            "encode it first, e.g. with retempo retime SOURCE -o out.####.png --speed 1",
        )
    pixels = np.ascontiguousarray(layer.pixels[..., list(columns)])
    return np.clip(np.rint(pixels * np.float32(255)), 0, 255).astype(np.uint8)
