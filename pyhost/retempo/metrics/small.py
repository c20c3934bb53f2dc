"""What does a frame look like from far away? Small grey pictures, made of parts, so that no frame is held whole."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Small = NDArray[np.float32]


class Shrinker:
    """Takes the rows of a picture from the top, in as many pieces as memory asks for; the same bits whatever these.

    Args:
        width, height: of the small picture, pixels.
    """

    def __init__(self, width: int, height: int) -> None:
        self._width, self._height = width, height
        self._narrow: list[Small] = []

    def add(self, part: NDArray[np.float32]) -> None:
        """The next rows: [h, W, 3] float32, in flow space."""
        self._narrow.append(_average(part.mean(axis=2, dtype=np.float32).T, self._width).T)

    def finish(self) -> Small:
        """Means over equal shares of the picture, grey: [height, width] float32. The next picture may begin."""
        small = _average(np.concatenate(self._narrow), self._height)
        self._narrow = []
        return small


def shrink_parts(parts: Iterable[NDArray[np.float32]], width: int, height: int) -> Small:
    """The small picture of one that comes in parts; see ``Shrinker``."""
    shrinker = Shrinker(width, height)
    for part in parts:
        shrinker.add(part)
    return shrinker.finish()


def _average(values: NDArray[np.float32], count: int) -> Small:
    """Means over ``count`` equal shares of the rows."""
    edges = np.linspace(0, values.shape[0], count + 1)
    starts = np.minimum(edges[:-1].astype(int), values.shape[0] - 1)
    ends = np.maximum(edges[1:].astype(int), starts + 1)
    sums = np.concatenate([np.zeros((1, values.shape[1])), values.cumsum(axis=0, dtype=np.float64)])
    means: Small = ((sums[ends] - sums[starts]) / (ends - starts)[:, None]).astype(np.float32)
    return means
