"""Can a file of so many bytes hold a picture of the size that its header claims? Looked at before memory is taken.

A header is believed by whoever allocates; a kilobyte that claims 60000 x 60000 pixels must be an error, not 57 GB.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from retempo.errors import InputError

ALWAYS: Final = 64 << 20
"""Bytes of pixels that any file may claim."""
DENSEST: Final = 1 << 14
"""Float bytes of pixels a byte of file. Black frames came to 4065 as PNG, 1777 as EXR with ZIP or PXR24: deflate
ends at 1032, of bytes that become floats at four times that; LZW at about 11000."""
DENSER: Final = 1 << 18
"""The same of what codes blocks or wavelets: black frames came to 21725 with HTJ2K, 19967 with DWAB, 8722 as WebP."""
WAVES: Final = ("dwaa", "dwab", "htj2k256", "htj2k32", "htj2k", "webp", "heif", "avif", "jpeg2000")
BOUNDLESS: Final = ("jpegxl",)
"""A constant picture of any size in some hundred bytes: only this machine's memory counts."""


def check_claim(path: Path, claimed: int, *kinds: str) -> None:
    """See that a picture's pixels may be there, and fit into this machine.

    Args:
        path: the file. claimed: bytes of its pixels in memory. kinds: names of its format and compression.

    Raises:
        InputError: the file is too small for them, or they are larger than this machine's memory.
    """
    if claimed <= ALWAYS:
        return
    size = path.stat().st_size
    densest = DENSER if set(kinds) & set(WAVES) else DENSEST
    if claimed > ALWAYS + densest * size and not set(kinds) & set(BOUNDLESS):
        raise InputError(
            f"{path} claims {claimed} bytes of pixels and has {size}: its header is damaged, or lies",
            "write or copy it again",
        )
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGESIZE")
    if claimed > memory:
        raise InputError(
            f"{path} has {claimed} bytes of pixels, more than this machine's memory of {memory}",
            "crop or scale it first, or use a larger machine",
        )
