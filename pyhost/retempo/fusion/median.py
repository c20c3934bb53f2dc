"""What stands still in a clip? Of every pixel and channel the median over time; of ids the most frequent."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray


def median_of(frames: NDArray[np.float32]) -> NDArray[np.float32]:
    """The exact median over the first axis; of an even number the mean of the middle two.

    Args:
        frames: [N, ...] float32; NaN is left out, where all are NaN it stays. May be reordered in place.
    """
    count = frames.shape[0]
    low, high = (count - 1) // 2, count // 2
    if np.isnan(frames).any():
        return _median_of_known(frames)
    frames.partition((low, high), axis=0)
    middle: NDArray[np.float32] = frames[low] if low == high else frames[low] * 0.5 + frames[high] * 0.5
    return middle.astype(np.float32)


def _median_of_known(frames: NDArray[np.float32]) -> NDArray[np.float32]:
    frames.sort(axis=0)  # NaN comes last
    known = np.maximum(np.count_nonzero(~np.isnan(frames), axis=0), 1)
    low = np.take_along_axis(frames, (known - 1)[None] // 2, axis=0)[0]
    high = np.take_along_axis(frames, known[None] // 2, axis=0)[0]
    middle: NDArray[np.float32] = np.where(known % 2 == 1, low, low * 0.5 + high * 0.5).astype(np.float32)
    return middle


def mode_of(ids: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """The most frequent value over the first axis, of several equally frequent ones the smallest.

    Args:
        ids: [N, ...] uint32; may be reordered in place.
    """
    ids.sort(axis=0)
    run = np.ones(ids.shape[1:], np.int32)
    longest, found = run.copy(), ids[0].copy()
    for before, here in pairwise(ids):
        run = np.where(here == before, run + 1, 1).astype(np.int32)
        better = run > longest
        longest[better] = run[better]
        found[better] = here[better]
    return found
