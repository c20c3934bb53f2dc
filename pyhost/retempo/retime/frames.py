"""Which existing source frames enclose a source time?"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from fractions import Fraction

from retempo.errors import InputError


class FrameIndex:
    """The frame numbers that exist, sorted, for searches.

    Args:
        frames: the numbers.
        time_of: when each of them was taken, in the same order; by default at its number.

    Raises:
        InputError: there are none.
    """

    def __init__(self, frames: Iterable[int], time_of: Callable[[int], Fraction] = Fraction) -> None:
        self.frames = tuple(sorted(set(frames)))
        if not self.frames:
            raise InputError("there are no source frames", "check the pattern and the range")
        self._known = frozenset(self.frames)
        self._time_of = time_of

    def __contains__(self, frame: object) -> bool:
        return frame in self._known

    def within(self, span: tuple[int, int]) -> FrameIndex:
        """Those inside [first, last]."""
        kept = [frame for frame in self.frames if span[0] <= frame <= span[1]]
        if not kept:
            have = f"{self.frames[0]}-{self.frames[-1]}"
            raise InputError(f"no frame of {span[0]}-{span[1]} exists", f"the source has frames {have}")
        return self if len(kept) == len(self.frames) else FrameIndex(kept, self._time_of)

    def around(self, time: Fraction) -> tuple[int | None, int | None]:
        """The latest frame at or before ``time`` and the earliest at or after it; the same frame on a hit."""
        left = bisect_right(self.frames, time, key=self._time_of) - 1
        right = bisect_left(self.frames, time, key=self._time_of)
        before = self.frames[left] if left >= 0 else None
        return before, (self.frames[right] if right < len(self.frames) else None)
