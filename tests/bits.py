"""Are two arrays, or two files, the same bit for bit, and if not, where?

``assert a.tobytes() == b.tobytes()`` asks the same; but where CI is set, pytest then writes the whole difference of
some million bytes, which takes hours.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np


def assert_same_bits(one: np.ndarray, other: np.ndarray) -> None:
    """Both arrays have one shape and type and the same bits: NaN equals NaN, 0 differs from -0."""
    assert (one.shape, one.dtype) == (other.shape, other.dtype)
    kind = np.dtype(f"u{one.dtype.itemsize}")
    first, second = (np.ascontiguousarray(array).view(kind) for array in (one, other))
    if not np.array_equal(first, second):
        places = np.argwhere(first != second)
        at = tuple(int(index) for index in places[0])
        raise AssertionError(
            f"{len(places)} of {one.size} values differ, first at {at}: {one[at]!r}, {other[at]!r}"
        )


def assert_holds(path: Path, expected: np.ndarray) -> None:
    """A file holds the array's memory and nothing else."""
    held = path.read_bytes()
    assert len(held) == expected.nbytes
    assert_same_bits(np.frombuffer(held, expected.dtype).reshape(expected.shape), expected)


def digest_of(*paths: Path) -> str:
    """SHA-256 of the files' contents in that order."""
    found = hashlib.sha256()
    for path in paths:
        found.update(path.read_bytes())
    return found.hexdigest()
