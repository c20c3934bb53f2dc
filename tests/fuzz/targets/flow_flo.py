"""Is a .flo file refused or exact?"""

from __future__ import annotations

import struct

import numpy as np
from target import file_of

from retempo.flow.files import MAGIC, read_flo, write_flo

WORDS = (MAGIC, b"\xff\xff\xff\x7f", b"\x00\x00\x00\x80")


def parse(data: bytes) -> None:
    path = file_of(data, ".flo")
    flow, valid = read_flo(path)
    assert np.isfinite(flow).all() and flow.shape == (*valid.shape, 2)
    write_flo(path, flow, valid)
    again, still = read_flo(path)
    assert np.array_equal(flow, again) and np.array_equal(valid, still)


def seeds() -> dict[str, bytes]:
    values = np.array([0.5, -1, 2e9, np.nan, 3, 4], "<f4").tobytes()
    return {
        "small.flo": MAGIC + struct.pack("<ii", 3, 1) + values,
        "huge.flo": MAGIC + struct.pack("<ii", 99999, 99999),
    }
