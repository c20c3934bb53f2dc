"""Where do new shots begin, and what is shown at an instant that lies between two of them? Never a morph."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

from retempo.errors import UsageError
from retempo.retime.moment import PlanEntry

AtCut = Literal["hold", "cross-fade"]
AT_CUT = ("hold", "cross-fade")
MOST_CUTS = 100_000


@dataclass(frozen=True)
class Cuts:
    """The first frames of new shots.

    Args:
        frames: source frame numbers, ascending.
        at_cut: 'hold': between the last frame of a shot and the first of the next, ``cut``, the earlier stands before
            ``cut - 1/2``, the later from there on. 'cross-fade': the two are mixed.
    """

    frames: tuple[int, ...] = ()
    at_cut: AtCut = "hold"

    @classmethod
    def of(cls, frames: Iterable[int], at_cut: str = "hold") -> Cuts:
        """Cuts in any order, each once.

        Raises:
            UsageError: an unknown ``at_cut``.
        """
        if at_cut not in AT_CUT:
            raise UsageError(f"--at-cut is {at_cut!r}", f"use one of {', '.join(AT_CUT)}")
        return cls(tuple(sorted(set(frames))), at_cut)  # type: ignore[arg-type]

    def shot(self, frame: int) -> int:
        """Which shot a source frame belongs to, from 0."""
        return bisect_right(self.frames, frame)

    def part(self, first: int, second: int) -> bool:
        """Are two source frames of different shots?"""
        return self.shot(first) != self.shot(second)

    def settle(self, entry: PlanEntry) -> PlanEntry:
        """The same moment, if need be without motion across a cut."""
        if entry.kind != "between" or entry.first is None or entry.second is None:
            return entry
        if not self.part(entry.first, entry.second):
            return entry
        cut = self.frames[self.shot(entry.first)]
        if self.at_cut == "cross-fade":
            return replace(entry, kind="fade", note=_join(entry.note, f"cross-fade at the cut {cut}"))
        held = entry.first if entry.source_time < cut - Fraction(1, 2) else entry.second
        note = _join(entry.note, f"held at the cut {cut}")
        return PlanEntry(entry.output, Fraction(held), "copy", held, None, Fraction(0), note)

    def within_shot(self, entry: PlanEntry, instants: Sequence[PlanEntry]) -> Sequence[PlanEntry]:
        """The instants that show the shot which a frame itself shows: a held cut is not blurred over.

        All of them where shots are cross-faded, or the frame is black; the frame's own moment where there are none.
        """
        if entry.first is None or self.at_cut != "hold" or not self.frames:
            return instants
        shot = self.shot(entry.first)
        return [one for one in instants if one.first is None or self.shot(one.first) == shot] or [entry]


NO_CUTS = Cuts()


def parse_cuts(
    text: str, flag: str = "--cuts", what: str = "the first frames of new shots"
) -> tuple[int, ...]:
    """The frames of ``1010,1050``; an empty text has none.

    Args:
        text: what the user gave.
        flag, what: for the message.

    Raises:
        UsageError: anything but whole numbers with commas between them.
    """
    parts = [part.strip() for part in text.split(",")] if text.strip() else []
    if len(parts) > MOST_CUTS or not all(re.fullmatch(r"-?\d{1,9}", part, re.ASCII) for part in parts):
        raise UsageError(f"{flag} is {text[:80]!r}", f"give {what}, e.g. 1010,1050")
    return tuple(int(part) for part in parts)


def _join(*parts: str) -> str:
    return "; ".join(part for part in parts if part)
