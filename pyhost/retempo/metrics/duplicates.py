"""Which frames show the picture before them once more? Exact repeats, and those that a codec has made a little unlike.

How much a frame differs from another is told where they differ most (the mean over the hundredth part of a small
picture's blocks), so that one thing moving before a still wall counts. A frame is a repeat where that is far less than
between the neighbours on *both* sides: the clip around it is the measure, noise and coding included. So nothing in a
still or slow scene is one, for nothing around it moves more. Further, what moves has to go on behind the repeat as if
it had not been (a pendulum that turns comes back), and must not have slowed down towards it (a pause is no repeat).
More than ``LONGEST`` repeats in a row are a pause, too, or a freeze frame: they are meant.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from retempo.metrics.small import Small

WIDTH, HEIGHT, BLOCK = 256, 144, 4
"""Of the small pictures, and of the blocks they are compared in."""
TOP: Final = WIDTH * HEIGHT // BLOCK**2 // 100
"""Blocks that tell."""
LONGEST: Final = 3
"""Repeats in a row: drawings on fours have three."""
RATIO: Final = 3.0
"""By how much the neighbours differ more. In real clips of 15 to 30 frames a second no frame comes to 1.4; repeats that
went through a codec of good quality come to 5 to 100, of poor quality (H.264 at 34) to 3 to 10."""
LEAST: Final = 1.5 / 255
"""How much the neighbours differ at least: less is noise, or rounding."""
ACROSS: Final = 0.7
"""Difference from before to behind a repeat, as a share of the lesser of those beside it."""
STEADY: Final = 0.5
"""Difference beside a repeat, as a share of the next two further away."""


@dataclass(frozen=True)
class Step:
    """What leads to a frame.

    Args:
        changes: how much it differs from each of the frames before it, the nearest first; in flow space, [0, 1].
        same: it has the very values of the frame before it.
    """

    changes: tuple[float, ...]
    same: bool = False


class StepMeter:
    """Takes the frames of a clip in order and keeps the last few small pictures, no more."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self._last: deque[Small] = deque(maxlen=LONGEST + 2)
        self._identity = b""

    def add(self, small: Small, identity: bytes) -> None:
        """The next frame: small, [144, 256] grey, and a hash of all its values."""
        changes = tuple(measure_change(small, before) for before in reversed(self._last))
        self.steps.append(Step(changes, identity == self._identity))
        self._last.append(small)
        self._identity = identity


def measure_change(one: Small, other: Small) -> float:
    """How much two small pictures differ where they differ most, [0, 1]."""
    apart: NDArray[np.float32] = np.abs(one - other)
    blocks = apart.reshape(HEIGHT // BLOCK, BLOCK, WIDTH // BLOCK, BLOCK).mean(axis=(1, 3)).ravel()
    return float(np.partition(blocks, blocks.size - TOP)[-TOP:].mean())


def find_duplicates(steps: Sequence[Step]) -> list[int]:
    """The indices of the frames that repeat the one before them.

    At the ends of a clip there is a neighbour on one side alone; a repeat there counts where the clip has others.
    """
    inner = [index for run in _runs(steps, ends=False) for index in run]
    return [index for run in _runs(steps, ends=True) for index in run] if inner else []


def _runs(steps: Sequence[Step], ends: bool) -> list[range]:
    """Runs of repeats; with ``ends`` also those that a clip begins or ends with."""
    found = []
    index = 1
    while index < len(steps):
        for length in range(LONGEST, 0, -1):
            run = range(index, index + length)
            if run.stop <= len(steps) and _repeats(steps, run, ends):
                found.append(run)
                index = run.stop
                break
        index += 1
    return found


def _repeats(steps: Sequence[Step], run: range, ends: bool) -> bool:
    """Does each frame of ``run`` repeat the one before it, in a clip that moves on both sides?"""
    low = max(steps[index].changes[0] for index in run)
    sides = [index for index in (run.start - 1, run.stop) if 1 <= index < len(steps)]
    if not sides or (len(sides) < 2 and not ends):
        return False
    beside = [steps[index].changes[0] for index in sides]
    if min(beside) < max(RATIO * low, LEAST):
        return False
    if len(sides) == 2 and steps[run.stop].changes[len(run) + 1] < ACROSS * min(beside):
        return False
    if all(steps[index].same for index in run):
        return True
    further = (
        (run.start - 1, range(run.start - 3, run.start - 1)),
        (run.stop, range(run.stop + 1, run.stop + 3)),
    )
    return all(
        steps[side].changes[0]
        >= STEADY * max((steps[at].changes[0] for at in beyond if 1 <= at < len(steps)), default=0)
        for side, beyond in further
        if side in sides
    )
