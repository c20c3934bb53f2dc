"""Do EXR headers that lie (sizes, channels, windows, parts, attributes) give an error of ours, and no huge memory?

The input is a recipe: numbers that a writer makes a header of, so that chance does not have to find the format first.
"""

from __future__ import annotations

import struct

from exr_headers import Part, write_exr
from target import file_of

from retempo.io.exr_structure import broken_reason
from retempo.io.reader import read_frame, read_header, set_threads

set_threads(1)
_RECIPE = struct.Struct("<4iBBBBiI")
NUMBERS = (0, 1, -1, 3, 16, 255, 4096, 65535, 65536, 2**24, 2**30, 2**31 - 1, -(2**31), -(2**30))
WORDS = tuple(struct.pack("<i", one) for one in NUMBERS)
LONGEST = 512


def parse(data: bytes) -> None:
    parts, rest = [], data[1:]
    while len(rest) >= _RECIPE.size and len(parts) < 8:
        parts.append(_part(rest[: _RECIPE.size], rest[_RECIPE.size :], len(parts)))
        rest = rest[_RECIPE.size :]
    whole = write_exr(parts, multipart=bool(data[:1] and data[0] & 1) or len(parts) > 1)
    keep = len(whole) - (data[0] >> 2) if data else 0
    path = file_of(whole[:keep], ".exr")
    said = broken_reason(path)
    assert said is None or said
    read_header(path)
    read_frame(path)


def _part(recipe: bytes, rest: bytes, index: int) -> Part:
    x0, y0, x1, y1, compression, count, flags, kind, size, chunks = _RECIPE.unpack(recipe)
    names = ("R", "G", "B", "A", "Z", "a" * 255, "", "left.R", "\xff", "R")
    channels = tuple(
        (names[i % len(names)] + str(i // len(names) or ""), kind % 4) for i in range(count * (flags & 3))
    )
    attributes = (
        ((names[kind % len(names)] or "note", "string", rest[: kind % 32], size),) if flags & 4 else ()
    )
    return Part(
        window=(x0, y0, x1, y1), display=(x0, y0, y1, x1) if flags & 8 else None, compression=compression % 14,
        channels=channels or (("Y", 1),), name=f"part{index}", attributes=attributes, claimed=bool(flags & 16),
        tiles=(size, chunks & 0xFFFFFFFF, kind) if flags & 32 else None, chunk_count=chunks if flags & 64 else None,
        sampling=(kind, count) if flags & 128 else (1, 1),
    )  # fmt: skip


def seeds() -> dict[str, bytes]:
    def recipe(*values: int) -> bytes:
        return b"\0" + _RECIPE.pack(*values)

    return {
        "small": recipe(0, 0, 3, 3, 0, 3, 1, 1, 0, 0),
        "wide": recipe(0, 0, 2**31 - 1, 0, 3, 4, 17, 2, 0, 0),
        "high": recipe(0, 0, 15, 2**31 - 1, 3, 4, 17, 2, 0, 0),
        "negative": recipe(5, 5, 4, 4, 0, 1, 1, 1, 0, 0),
        "overflow": recipe(-(2**31), -(2**31), 2**31 - 1, 2**31 - 1, 4, 1, 17, 1, 0, 0),
        "channels": recipe(0, 0, 3, 3, 0, 255, 3, 1, 0, 0),
        "attribute": recipe(0, 0, 3, 3, 0, 1, 5, 1, 2**31 - 1, 0),
        "tiles": recipe(0, 0, 3, 3, 0, 1, 33, 0, 2, 2),
        "chunks": recipe(0, 0, 3, 3, 0, 1, 65, 1, 0, 2**31),
        "sampled": recipe(0, 0, 3, 3, 0, 2, 129, 0, 0, 0),
        "flat": recipe(0, 0, 60000, 15, 4, 4, 17, 2, 0, 0),
    }
