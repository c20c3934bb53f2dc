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
DENSEST: Final = 4096
"""Bytes of pixels a byte of file: deflate reaches 1032, run lengths and wavelets of black frames a few hundred."""
BOUNDLESS: Final = ("jpegxl", "htj2k256", "htj2k32", "htj2k")
"""File formats and compressions that store a constant picture of any size in next to nothing."""


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
    if claimed > ALWAYS + DENSEST * size and not set(kinds) & set(BOUNDLESS):
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
