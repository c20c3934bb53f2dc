"""In which order do frames travel, and of which is each made? Keys, then the middle, then quarters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from retempo.codec.config import FARTHEST
from retempo.errors import UsageError

LONGEST: Final = 2 * FARTHEST
"""Frames from key to key at the most: the middle is then as far from both as a reference may be."""


@dataclass(frozen=True)
class Step:
    """One frame of the order.

    Attributes:
        frame: position in the clip, from 0. references: positions of decoded frames; none for a key.
    """

    frame: int
    references: tuple[int, ...] = ()

    @property
    def is_key(self) -> bool:
        """Does it stand by itself?"""
        return not self.references


def plan_order(count: int, gop: int, references: int) -> list[Step]:
    """The order of all frames of a clip; the last frame is always a key.

    Args:
        count: frames, >= 1. gop: from key to key, 1 (keys alone) to 10. references: of each frame between, >= 2.

    Raises:
        UsageError: the distance between keys is out of range.
    """
    if not 1 <= gop <= LONGEST:
        raise UsageError(
            f"a key every {gop} frames", f"1 to {LONGEST}: references are at most {FARTHEST} frames away"
        )
    steps, known = [Step(0)], [0]
    before = 0
    while before < count - 1:
        after = min(before + gop, count - 1)
        steps.append(Step(after))
        known.append(after)
        spans = [(before, after)]
        while spans:
            low, high = spans.pop(0)
            middle = (low + high) // 2
            if middle == low:
                continue
            steps.append(Step(middle, choose_references(middle, known, references)))
            known.append(middle)
            spans += [(low, middle), (middle, high)]
        before = after
    return steps


def choose_references(frame: int, known: Sequence[int], references: int) -> tuple[int, ...]:
    """Decoded frames to make a frame of: the nearest before, the nearest after, the next of each, in turn.

    None is more than 5 away; where there are too few, the nearest ones come again.
    """
    before = sorted((one for one in known if 0 < frame - one <= FARTHEST), reverse=True)
    after = sorted(one for one in known if 0 < one - frame <= FARTHEST)
    found: list[int] = []
    for index in range(references):
        found += before[index : index + 1] + after[index : index + 1]
    if not found:
        raise UsageError(f"frame {frame} has no decoded frame within {FARTHEST}", "choose a smaller gop")
    return tuple((found * references)[:references])


def last_uses(steps: Sequence[Step]) -> dict[int, int]:
    """Index of the step after which a frame is no longer needed as a reference, for every frame."""
    found = {step.frame: index for index, step in enumerate(steps)}
    for index, step in enumerate(steps):
        for reference in step.references:
            found[reference] = index
    return found
