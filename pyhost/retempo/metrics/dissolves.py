"""Which frames show one scene while it goes over into another? Told from small pictures, by how they mix.

Every frame of a dissolve is nearly a mix of the frame before it and the frame behind it, with shares that grow with
time. A mix is fitted to each stretch of frames; what is left over must be small against the difference of its two ends,
in every frame. A wipe, or something that passes, leaves over half of that difference. The ends must be two scenes, by
the measure that tells cuts: motion between them is allowed for and so is exposure, and neither may be flat. So pans,
whatever their pace, are none, nor are fades to black or flashes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from retempo.metrics.shots import differ, normalise
from retempo.metrics.small import Small

SHORTEST: Final = 3
"""Mixed frames that a dissolve has at least."""
LONGEST: Final = 72
"""The same at most: three seconds of film."""
UNLIKE: Final = 0.35
"""Difference of the two ends at least, see ``shots.differ``. Two scenes come to 0.5."""
LEFT: Final = 0.4
"""Share of the difference that a mix may leave unexplained. 24 frames between clips whose cameras
move leave up to 0.36, a walk that turns 0.53, a wipe 0.5."""
EASE: Final = 0.2
"""How far shares may be from even steps: an eased dissolve is 0.1 off, one in linear light seen in a log space 0.2."""
CONTRAST: Final = 0.02
"""Standard deviation of an end, at least: from less it is faded, not dissolved."""
_BLOCK = 256

Stretch = tuple[int, int]


def find_dissolves(pictures: Sequence[Small]) -> list[Stretch]:
    """The first and the last mixed frame of every dissolve, as indices, in order.

    Args:
        pictures: of all frames, [36, 64] grey in [0, 1], flow space.
    """
    if len(pictures) < SHORTEST + 2:
        return []
    vectors = np.stack(pictures).reshape(len(pictures), -1)
    textured = vectors.std(axis=1) >= CONTRAST
    found: list[Stretch] = []
    for _, start, stop in sorted(_mixes(vectors, textured), reverse=True):
        if any(start < end and begin < stop for begin, end in found):
            continue
        one, other = normalise(pictures[start]), normalise(pictures[stop])
        if np.abs(one - other).mean() >= UNLIKE and differ(one, other) >= UNLIKE:
            found.append((start, stop))
    trimmed = [_trim(vectors[start : stop + 1].astype(np.float64), start) for start, stop in sorted(found)]
    return [one for one in trimmed if one[1] - one[0] + 1 >= SHORTEST]


def _mixes(vectors: NDArray[np.float32], textured: NDArray[np.bool_]) -> list[tuple[float, int, int]]:
    """Stretches whose inner frames are mixes of their ends: (squared difference of the ends, first, last).

    Of those that begin with the same frame, the one whose ends differ most.
    """
    best: dict[int, tuple[float, int, int]] = {}
    for begin in range(0, len(vectors), _BLOCK):
        block = vectors[begin : begin + _BLOCK + LONGEST + 1].astype(np.float64)
        products = block @ block.T
        for length in range(SHORTEST + 1, min(LONGEST + 1, len(block) - 1) + 1):
            starts = np.arange(min(_BLOCK, len(block) - length))
            shares, left, apart = _fit(products, starts, length)
            even = np.arange(1, length) / length
            good = (left <= LEFT).all(axis=1) & (np.abs(shares - even) <= EASE).all(axis=1)
            good &= textured[begin + starts] & textured[begin + starts + length]
            for index in np.flatnonzero(good):
                start, size = begin + int(index), float(apart[index])
                if size > best.get(start, (0.0, 0, 0))[0]:
                    best[start] = size, start, start + length
    return list(best.values())


def _fit(
    products: NDArray[np.float64], starts: NDArray[np.intp], length: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Mixes of the ends of stretches fitted to the frames within: least squares, out of inner products alone.

    Args:
        products: [N, N] inner products of all pictures.
        starts: [S] indices of the first frames.
        length: from the first to the last.

    Returns:
        Shares of the last frame, [S, length - 1]; what is left over, likewise, in units of the difference of the ends;
        the square of that, [S].
    """
    squares = np.diag(products)
    first, last = starts[:, None], starts[:, None] + length
    inner = first + np.arange(1, length)
    apart = squares[last] + squares[first] - 2 * products[first, last]
    way = products[inner, last] - products[inner, first] - products[first, last] + squares[first]
    shares = way / np.maximum(apart, 1e-12)
    off = squares[inner] + squares[first] - 2 * products[inner, first] - shares**2 * apart
    left = np.sqrt(np.maximum(off, 0) / np.maximum(apart, 1e-12))
    return shares, left, apart[:, 0]


def _trim(vectors: NDArray[np.float64], start: int) -> Stretch:
    """The frames of a stretch that are mixed: within the ramp between two levels that fits their shares best."""
    way = vectors[-1] - vectors[0]
    shares = (vectors - vectors[0]) @ way / (way @ way)
    count = len(shares)
    best, found = np.inf, (0, count - 1)
    for begin in range(count - SHORTEST - 1):
        for end in range(begin + SHORTEST + 1, count):
            ramp = np.clip((np.arange(count) - begin) / (end - begin), 0, 1)
            ramp -= ramp.mean()
            slope = (ramp @ shares) / (ramp @ ramp)
            left = float(((shares - shares.mean() - slope * ramp) ** 2).sum())
            if left < best:
                best, found = left, (begin, end)
    return start + found[0] + 1, start + found[1] - 1
