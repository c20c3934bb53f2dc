"""Where do new shots begin, and what is shown at an instant between two of them, or in a dissolve? Never a morph."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

from retempo.errors import UsageError
from retempo.retime.moment import PlanEntry

AtCut = Literal["hold", "cross-fade"]
AT_CUT = ("hold", "cross-fade")
MOST_CUTS = 100_000

Stretch = tuple[int, int]
"""First and last frame."""


@dataclass(frozen=True)
class Cuts:
    """The first frames of new shots, and the frames where one shot goes over into another.

    Args:
        frames: source frame numbers, ascending.
        at_cut: 'hold': between the last frame of a shot and the first of the next, ``cut``, the earlier stands before
            ``cut - 1/2``, the later from there on. 'cross-fade': the two are mixed.
        dissolves: the frames that show two scenes at once, ascending and apart, if nothing is to move there: beside and
            between such frames neighbours are mixed, which keeps the shares of both scenes, and no path is bent by
            what lies on the other side.
    """

    frames: tuple[int, ...] = ()
    at_cut: AtCut = "hold"
    dissolves: tuple[Stretch, ...] = ()

    @classmethod
    def of(cls, frames: Iterable[int], at_cut: str = "hold", dissolves: Iterable[Stretch] = ()) -> Cuts:
        """Cuts and dissolves in any order, each once; dissolves that overlap are one.

        Raises:
            UsageError: an unknown ``at_cut``.
        """
        if at_cut not in AT_CUT:
            raise UsageError(f"--at-cut is {at_cut!r}", f"use one of {', '.join(AT_CUT)}")
        return cls(tuple(sorted(set(frames))), at_cut, join_stretches(dissolves))  # type: ignore[arg-type]

    def shot(self, frame: int) -> int:
        """Which shot a source frame belongs to, from 0; shots that dissolve into one another count as one."""
        return bisect_right(self.frames, frame)

    def part(self, first: int, second: int) -> bool:
        """Are two source frames of different shots, or is one of them mixed of two?"""
        return self.shot(first) != self.shot(second) or self.dissolve(first, second) is not None

    def dissolve(self, first: int, second: int) -> Stretch | None:
        """The first dissolve that two different source frames have part in, or have between them."""
        first, second = min(first, second), max(first, second)
        if first == second:
            return None
        at = bisect_left(self.dissolves, first, key=lambda one: one[1])
        return self.dissolves[at] if at < len(self.dissolves) and self.dissolves[at][0] <= second else None

    def settle(self, entry: PlanEntry) -> PlanEntry:
        """The same moment, if need be without motion across a cut, or within a dissolve."""
        if entry.kind != "between" or entry.first is None or entry.second is None:
            return entry
        if not self.part(entry.first, entry.second):
            return entry
        if self.shot(entry.first) == self.shot(entry.second):
            over = self.dissolve(entry.first, entry.second)
            assert over is not None  # what else parts them?
            return replace(entry, kind="fade", note=_join(entry.note, f"dissolve {name_stretch(over)}"))
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


def parse_dissolves(text: str) -> tuple[Stretch, ...]:
    """The dissolves of ``1010-1022,1100-1112``; an empty text and ``off`` have none.

    Raises:
        UsageError: anything but ranges of whole numbers, ascending, with commas between them.
    """
    parts = [part.strip() for part in text.split(",")] if text.strip() not in ("", "off") else []
    found = [re.fullmatch(r"(-?\d{1,9})(?:-(-?\d{1,9}))?", part, re.ASCII) for part in parts]
    stretches = [(int(one[1]), int(one[2] or one[1])) for one in found if one]
    if len(parts) > MOST_CUTS or not all(found) or any(first > last for first, last in stretches):
        raise UsageError(
            f"--dissolves is {text[:80]!r}",
            "give off, auto, or the frames that show two scenes at once, e.g. 1010-1022,1100-1112",
        )
    return join_stretches(stretches)


def join_stretches(stretches: Iterable[Stretch]) -> tuple[Stretch, ...]:
    """Stretches in order, those that overlap as one."""
    joined: list[Stretch] = []
    for first, last in sorted(stretches):
        if joined and first <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(last, joined[-1][1])
        else:
            joined.append((first, last))
    return tuple(joined)


def name_stretch(stretch: Stretch) -> str:
    """As ``--dissolves`` takes it."""
    return f"{stretch[0]}-{stretch[1]}"


def tell_dissolves(cuts: Cuts, most: int = 12) -> str:
    """One line for people, of the first few; '' where there are none."""
    if not cuts.dissolves:
        return ""
    more = f" and {len(cuts.dissolves) - most} more" if len(cuts.dissolves) > most else ""
    kind = "dissolve" if len(cuts.dissolves) == 1 else "dissolves"
    return f"{kind} {', '.join(map(name_stretch, cuts.dissolves[:most]))}{more}"


def _join(*parts: str) -> str:
    return "; ".join(part for part in parts if part)
