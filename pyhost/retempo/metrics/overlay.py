"""Which pixels lie still before a picture that moves? Subtitles, logos, letterboxes, displays: burnt in.

A pixel belongs to an overlay where it is the same in every frame (a codec's noise apart), in a region whose rim
changes and which is sharp against it in most frames, not just where something passes. So a sky that stays blue over
moving roofs is none. Where most of the picture lies still, the camera stands: walls cannot be told from overlays, and
do not wobble either; nothing is found. Neither is what comes and goes.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

LEAST_FRAMES: Final = 6
"""In fewer frames too much stands still by chance."""
STILL: Final = 2.0 / 255
"""Mean difference of neighbouring frames up to which a pixel is still."""
SWING: Final = 14.0 / 255
"""Difference of its greatest and least value, at most."""
CHANGING: Final = 24.0 / 255
"""Difference of the greatest and the least value of a pixel from which on it changes; half the median of those that are
not still, where that is less (a log encoding of a dull scene)."""
RIM: Final = 0.5
"""Share of the rim around a region that changes, at least."""
SHARP: Final = 8.0 / 255
"""Difference within a few pixels that makes an edge."""
OFTEN: Final = 0.6
"""Share of the frames in which there is one, at least, along most of a region's outline."""
STANDING: Final = 0.35
"""Share of what has edges that is still at most, overlays included. (A flat sky is still whatever the camera does.)"""
SPECK: Final = 4
"""Pixels that a region has at least."""
WALL: Final = 0.25
"""Share of the picture that a region has at most; a letterbox takes two."""
LETTER: Final = 0.01
"""The same of thin things, which nothing would be left of if they were cut where values change."""
GROWN: Final = 1
"""Pixels that are added around, for softened edges."""
_REACH = 6


class OverlayMeter:
    """Takes the frames of a clip in order, some rows at a time; holds five planes of the size of a frame."""

    def __init__(self) -> None:
        self.frames = 0
        self._rows: list[NDArray[np.float32]] = []
        self._last: NDArray[np.float32] | None = None
        self._low = self._high = self._edges = self._steps = np.zeros((0, 0), np.float32)

    def add(self, part: NDArray[np.float32]) -> None:
        """The next rows of a frame: [h, W, 3] float32, in flow space."""
        self._rows.append(part.mean(axis=2, dtype=np.float32))

    def finish(self) -> bool:
        """The frame is over. False where it is not of the size of the one before; it is not counted then."""
        grey = np.concatenate(self._rows)
        self._rows = []
        if self._last is None:
            self._low, self._high = grey.copy(), grey.copy()
            self._steps, self._edges = np.zeros_like(grey), np.zeros_like(grey)
        elif grey.shape != self._last.shape:
            return False
        else:
            self._steps += np.abs(grey - self._last)
            np.minimum(self._low, grey, out=self._low)
            np.maximum(self._high, grey, out=self._high)
        self._edges += cv2.morphologyEx(grey, cv2.MORPH_GRADIENT, np.ones((5, 5), np.uint8)) >= SHARP
        self._last = grey
        self.frames += 1
        return True

    def find(self) -> NDArray[np.bool_] | None:
        """The overlay's pixels, [H, W]; None where there is none, or too few frames tell."""
        if self.frames < LEAST_FRAMES:
            return None
        swing = self._high - self._low
        still = (self._steps <= STILL * (self.frames - 1)) & (swing <= SWING)
        textured = self._edges >= self.frames / 4
        if not textured.any() or still[textured].mean() > STANDING:
            return None
        free = swing[swing > SWING]
        enough = max(SWING, min(CHANGING, float(np.median(free)) / 2)) if free.size else CHANGING
        changing, sharp = swing >= enough, self._edges >= OFTEN * self.frames
        steep = cv2.morphologyEx(self._low, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) >= SHARP
        thin = choose_regions(still, changing, sharp, LETTER)
        broad = choose_regions(still & ~steep, changing, sharp, WALL)  # apart from what is as still beside it
        kept = thin | (_grow(broad, 1) & still)
        return _grow(kept, GROWN) if kept.any() else None


def choose_regions(
    still: NDArray[np.bool_], changing: NDArray[np.bool_], sharp: NDArray[np.bool_], most: float
) -> NDArray[np.bool_]:
    """The regions of ``still`` that are sharp against a rim that changes.

    Args:
        still, changing: [H, W]; what is neither is in doubt, such as softened edges.
        sharp: [H, W]; there is an edge nearly always.
        most: share of the picture that a region has at most.
    """
    count, labels, stats, _ = cv2.connectedComponentsWithStats(still.astype(np.uint8), connectivity=8)
    kept = np.zeros(still.shape, np.bool_)
    for label in range(1, count):
        x, y, wide, high, area = (int(one) for one in stats[label])
        if not SPECK <= area <= most * still.size:
            continue
        rows = slice(max(0, y - _REACH), y + high + _REACH)
        columns = slice(max(0, x - _REACH), x + wide + _REACH)
        here, free = labels[rows, columns] == label, ~still[rows, columns]
        near = _grow(here, 2) & ~here
        rim = _grow(here, _REACH) & ~here & ~near
        rim = rim if rim.any() else near
        outline = here & _grow(free, 1)
        if not (rim.any() and outline.any()) or changing[rows, columns][rim].mean() < RIM:
            continue
        if sharp[rows, columns][outline].mean() >= OFTEN:
            kept[rows, columns] |= here
    return kept


def _grow(region: NDArray[np.bool_], by: int) -> NDArray[np.bool_]:
    kernel = np.ones((2 * by + 1, 2 * by + 1), np.uint8)
    return cv2.dilate(region.astype(np.uint8), kernel).astype(np.bool_)
