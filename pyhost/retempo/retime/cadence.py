"""When was each source frame really taken, where some of them only repeat the one before?

Repeats are dropped. What remains keeps its time (``drop``), or is spaced evenly (``retime``): 24 frames a second that
were spread over 30 by repeating every fourth one show 0, 1, 2, 3, 3, 4, ... and were taken 5/4 frames apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise

import numpy as np

from retempo.errors import UsageError
from retempo.retime.cuts import NO_CUTS, Cuts

DUPLICATES = ("keep", "drop", "retime")
_LONGEST = 2000
"""Frames that one rhythm is looked for in; a longer stretch is taken for several."""


@dataclass(frozen=True)
class Cadence:
    """Which source frames count, and when they were taken.

    Args:
        dropped: numbers of frames that repeat another.
        times: frame number -> source time, where it is not the number itself.
    """

    dropped: frozenset[int] = frozenset()
    times: Mapping[int, Fraction] = field(default_factory=dict)

    def time_of(self, frame: int) -> Fraction:
        """When a frame was taken."""
        return self.times.get(frame, Fraction(frame))

    def keep(self, frames: Sequence[int]) -> tuple[int, ...]:
        """Those that count."""
        return (
            tuple(frame for frame in frames if frame not in self.dropped) if self.dropped else tuple(frames)
        )


STEADY = Cadence()


def find_cadence(frames: Sequence[int], repeats: Iterable[int], kind: str, cuts: Cuts = NO_CUTS) -> Cadence:
    """What dropping ``repeats`` makes of a source.

    Args:
        frames: numbers of the frames that exist, ascending.
        repeats: those that repeat the one before; the first frame cannot.
        kind: 'keep', 'drop' or 'retime'.
        cuts: a rhythm does not go on across them.

    Raises:
        UsageError: unknown kind; 'retime' of a source that lacks frames.
    """
    if kind not in DUPLICATES:
        raise UsageError(f"--duplicates is {kind!r}", f"use one of {', '.join(DUPLICATES)}")
    dropped = frozenset(repeats) & frozenset(frames[1:])
    if kind == "keep" or not dropped:
        return STEADY
    if kind == "drop":
        return Cadence(dropped)
    if frames[-1] - frames[0] + 1 != len(frames):
        raise UsageError(
            "--duplicates retime needs every frame of the source, and some are missing",
            "render them, or choose --duplicates drop",
        )
    kept = [frame for frame in frames if frame not in dropped]
    shots: dict[int, list[int]] = {}
    for frame in kept:
        shots.setdefault(cuts.shot(frame), []).append(frame)
    times: dict[int, Fraction] = {}
    for shot in shots.values():
        times.update(space_evenly(shot))
    return Cadence(dropped, {frame: time for frame, time in times.items() if time != frame})


def space_evenly(shown: Sequence[int]) -> dict[int, Fraction]:
    """The time at which each frame was taken, where it was ``shown`` from a whole number on: ascending.

    Frames that were taken at an even pace and shown at whole numbers lie on a line: a step b and a start a with
    ``shown[k] <= a + b k < shown[k] + 1`` for all k. The frames are cut into as few stretches of that kind as they
    take, the first as long as can be; of the steps that fit the simplest fraction is chosen, then the earliest start.
    So no frame is ever further than one from where it was shown, and where nothing was repeated nothing changes. A
    single odd gap is no rhythm: a stretch ends before it, and what follows stays where it was shown.
    """
    times: dict[int, Fraction] = {}
    start = 0
    while start < len(shown):
        count, step = _rhythm(shown[start : start + _LONGEST])
        stretch = shown[start : start + count]
        offset = max(frame - step * index for index, frame in enumerate(stretch))
        times.update((frame, offset + step * index) for index, frame in enumerate(stretch))
        start += count
    return times


def _rhythm(shown: Sequence[int]) -> tuple[int, Fraction]:
    """How many of the first frames lie on one line, and its step.

    A line fits if and only if its step lies strictly between the slopes of all pairs, each bent as far as it can be.
    """
    at = np.asarray(shown, np.float64)  # exact; so is the order of slopes with divisors below 2^26
    low, high = Fraction(0), Fraction(10**9)
    count = 1
    while count < len(shown):
        runs = count - np.arange(count)
        rise = at[count] - at[:count]
        steepest = int(np.argmax((rise - 1) / runs))
        flattest = int(np.argmin((rise + 1) / runs))
        lower = max(low, Fraction(int(rise[steepest]) - 1, int(runs[steepest])))
        upper = min(high, Fraction(int(rise[flattest]) + 1, int(runs[flattest])))
        if lower >= upper:
            break
        low, high = lower, upper
        count += 1
    gaps = np.diff(at[:count]).astype(int)
    for odd in set(gaps) if len(set(gaps)) == 2 else ():
        (places,) = np.nonzero(gaps == odd)
        if len(places) == 1 and len(gaps) > 1:
            count = int(places[0]) + 1
            return count, Fraction(int(gaps[0]) if count > 1 else 1)
    return count, _simplest(low, high) if count > 1 else Fraction(1)


def _simplest(low: Fraction, high: Fraction) -> Fraction:
    """The fraction of the least denominator strictly between two; 0 <= low < high."""
    whole = low.numerator // low.denominator
    if whole + 1 < high:
        return Fraction(whole + 1)
    if low == whole:  # then high <= whole + 1
        rest = high - whole
        return whole + Fraction(1, rest.denominator // rest.numerator + 1)
    upper = None if high == whole else 1 / (high - whole)
    assert upper is not None  # low lies above whole, and high above low
    return whole + 1 / _simplest(upper, 1 / (low - whole))


def tell_cadence(cadence: Cadence) -> str:
    """One line for people; '' where every frame counts."""
    if not cadence.dropped:
        return ""
    dropped = sorted(cadence.dropped)
    told = f"{len(dropped)} repeated frames dropped: {name_runs(dropped)}"
    if cadence.times:
        told += f"; {len(cadence.times)} frames re-timed"
    return told


def name_runs(numbers: Sequence[int], most: int = 12) -> str:
    """``1-3, 7, 9``: ascending numbers as runs, the first ``most`` of them."""
    runs: list[list[int]] = [[numbers[0], numbers[0]]] if numbers else []
    for one, other in pairwise(numbers):
        if other == one + 1:
            runs[-1][1] = other
        else:
            runs.append([other, other])
    named = [str(first) if first == last else f"{first}-{last}" for first, last in runs[:most]]
    return ", ".join(named) + (f" and {len(runs) - most} more" if len(runs) > most else "")
