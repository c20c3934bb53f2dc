"""How much brighter is one frame than another? A gain and an offset that what moves does not disturb.

Both frames are small, so that most blocks show the same things. The line through the pairs of their values is fitted
with weights that fall with the distance from it (Cauchy's, in rounds), so that what moves or is new counts little.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from retempo.metrics.small import Small

WIDTH, HEIGHT = 64, 36
"""Of the small pictures."""
LEAST: Final = 1.5 / 255
"""Median change of brightness that counts as one. Real clips at an even exposure stay below."""
EXPLAINED: Final = 0.6
"""What is left of the difference once it is taken away, as a share, at most."""
BLOWN: Final = 0.25
"""Share of the blocks that only one of two frames shows white, from which on it tells nothing of how things moved."""
_GAINS = 0.1, 10.0
_ROUNDS = 12
_WHITE = 0.98
_FLAT = 1e-3


@dataclass(frozen=True)
class Exposure:
    """What turns one frame's values into another's: ``gain * value + offset``, in flow space.

    Args:
        gain, offset: of the line.
        change: median change of brightness that it makes, [0, 1].
        explained: the line explains most of the difference.
        lost: share of the blocks that are white in one of the two alone.
    """

    gain: float = 1.0
    offset: float = 0.0
    change: float = 0.0
    explained: bool = False
    lost: float = 0.0

    @property
    def is_change(self) -> bool:
        """Did the exposure change, and not just the scene?"""
        return self.explained and self.change >= LEAST

    def apply(self, picture: NDArray[np.float32]) -> NDArray[np.float32]:
        """The picture [H, W, 3] as the other frame would show it; clipped to [0, 1], as that would be."""
        made = picture * np.float32(self.gain)
        made += np.float32(self.offset)
        return np.clip(made, 0.0, 1.0, out=made)


SAME: Final = Exposure()


def match_exposure(one: Small, other: Small) -> Exposure:
    """What turns ``one`` into ``other``, [36, 64] grey of flow space each.

    Blocks that are white in either say nothing of the gain; of a flat picture only the offset is known.
    """
    lost = float(((one >= _WHITE) != (other >= _WHITE)).mean())
    seen = (one < _WHITE) & (other < _WHITE)
    if seen.sum() < seen.size // 8:
        change = float(np.median(np.abs(other - one)))
        return Exposure(1.0, 0.0, change, False, lost)
    x, y = one[seen].astype(np.float64), other[seen].astype(np.float64)
    gain, offset = 1.0, float(np.median(y - x))
    for _ in range(_ROUNDS):
        apart = np.abs(y - gain * x - offset)
        weight = 1 / (1 + (apart / (1.5 * float(np.median(apart)) + 1e-4)) ** 2)
        gain, offset = _fit(x, y, weight)
    left, before = float(np.median(np.abs(y - gain * x - offset))), float(np.median(np.abs(y - x)))
    change = float(np.median(np.abs(gain * x + offset - x)))
    return Exposure(gain, offset, change, left <= EXPLAINED * before, lost)


def _fit(x: NDArray[np.float64], y: NDArray[np.float64], weight: NDArray[np.float64]) -> tuple[float, float]:
    """Weighted least squares; a gain out of bounds, or of a flat picture, is taken to them, or for 1."""
    total = weight.sum()
    middle_x, middle_y = float((weight * x).sum() / total), float((weight * y).sum() / total)
    spread = float((weight * (x - middle_x) ** 2).sum() / total)
    gain = 1.0
    if spread > _FLAT**2:
        gain = float((weight * (x - middle_x) * (y - middle_y)).sum() / total) / spread
        gain = min(max(gain, _GAINS[0]), _GAINS[1])
    return gain, middle_y - gain * middle_x
