"""Between which frames does a new shot begin? Told from small pictures of the frames, whatever moves or flashes.

Two pictures are compared block by block, each block with where in the other it is found again, so that motion counts
little; their brightness and contrast are made equal before, so that exposure does. A cut is where *no* frame shortly
before is like any shortly after (behind a flash is what was there before it) and where the two differ by far more than
neighbours on either side do (a whip pan differs all the time).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from retempo.metrics.small import Small, shrink_parts

WIDTH, HEIGHT = 64, 36
"""Of a small picture."""
BLOCK = 8, 6
"""Width and height of a block in pixels of a small picture."""
REACH = 6
"""How far a block may have moved, pixels of a small picture."""
LEAST = 0.2
"""Difference that a cut has at least. Neighbours differ by up to 0.15 in a hand-held walk, two places by 0.5."""
RATIO = 2.0
"""By how much it exceeds the differences of neighbours on either side."""
FLASH = 4
"""Frames that a flash lasts at most. So long a shot at least must be between two that look alike."""

FLAT = 1e-3
"""Standard deviation, of values in [0, 1], below which a picture shows nothing."""

Thumbnail = NDArray[np.float32]


def make_thumbnail(parts: Iterable[NDArray[np.float32]]) -> Thumbnail:
    """A small grey picture, [36, 64] float32, of mean 0 and standard deviation 1; 0 where the picture is flat.

    Args:
        parts: the rows of the picture from the top, in as many pieces as memory asks for: [h, W, 3] float32 each, in
            flow space.
    """
    return normalise(shrink_parts(parts, WIDTH, HEIGHT))


def normalise(small: Small) -> Thumbnail:
    """A small picture [36, 64] with mean 0 and standard deviation 1; 0 where it is flat."""
    small = small - small.mean()
    spread = float(small.std())
    return np.ascontiguousarray(small / spread if spread > FLAT else np.zeros_like(small), dtype=np.float32)


def differ(one: Thumbnail, other: Thumbnail) -> float:
    """How unlike two small pictures are: 0 for the same, or moved; about 0.5 for two scenes; the same both ways."""
    return (_unexplained(one, other) + _unexplained(other, one)) / 2


def find_cuts(pictures: Sequence[Thumbnail]) -> list[int]:
    """The indices of the pictures that begin a new shot; a shot has at least two."""
    known: dict[tuple[int, int], float] = {}

    def difference(a: int, b: int) -> float:
        if (a, b) not in known:
            known[a, b] = differ(pictures[a], pictures[b])
        return known[a, b]

    cuts = []
    count = len(pictures)
    for start in range(1, count):
        if (
            np.abs(pictures[start] - pictures[start - 1]).mean() < LEAST
        ):  # it is no more with motion allowed for
            continue
        neighbours = [(a, a + 1) for a in (start - 2, start) if 0 <= a < count - 1]
        needed = max([LEAST, *(RATIO * difference(*pair) for pair in neighbours)])
        before = range(start - 1, max(-1, start - 2 - FLASH), -1)
        after = range(start, min(count, start + 1 + FLASH))
        if all(difference(a, b) >= needed for a in before for b in after):
            cuts.append(start)
    return cuts


def _unexplained(one: Thumbnail, other: Thumbnail) -> float:
    """Mean over the blocks of ``one`` of the least absolute difference from anywhere near in ``other``."""
    wide, high = BLOCK
    around = np.pad(other, REACH, mode="edge")
    least: NDArray[np.float32] | None = None
    for dy in range(2 * REACH + 1):
        for dx in range(2 * REACH + 1):
            apart = np.abs(one - around[dy : dy + HEIGHT, dx : dx + WIDTH])
            blocks = apart.reshape(HEIGHT // high, high, WIDTH // wide, wide).mean(axis=(1, 3))
            least = blocks if least is None else np.minimum(least, blocks)
    assert least is not None
    return float(least.mean())
