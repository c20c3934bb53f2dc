"""Which source frames, at which phase, make each output frame?

``build_plan`` applies a time map to a list of output frames and settles everything that depends on what
exists: what lies outside of the source range, which frames are missing, which are hit exactly. A plan is
plain data: a renderer walks its groups, ``--dry-run`` prints its table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import groupby
from typing import Any, Literal, get_args

from retempo.errors import InputError, TimingError, UsageError
from retempo.retime.cadence import STEADY, Cadence, name_runs
from retempo.retime.cuts import NO_CUTS, Cuts
from retempo.retime.extent import MAX_OUTPUTS, check_range
from retempo.retime.frames import FrameIndex
from retempo.retime.moment import PlanEntry
from retempo.retime.outside import Outside, fold_time
from retempo.retime.rational import format_number
from retempo.retime.shutter import Shutter, expose, near
from retempo.retime.time_map import AvoidOriginals, FrameRange, TimeMap

OnMissing = Literal["error", "hold", "interpolate"]
_LISTED = 4


@dataclass(frozen=True, slots=True)
class PairGroup:
    """Consecutive outputs that share their source frames: prepare once, render each entry."""

    first: int | None
    second: int | None
    entries: tuple[PlanEntry, ...]


@dataclass(frozen=True, slots=True)
class SourceUse:
    """A source frame and the positions in ``Plan.entries`` of its first and its last use."""

    frame: int
    first_use: int
    last_use: int


@dataclass(frozen=True)
class Plan:
    """Every output frame of a job, in order, with the source frames that make it."""

    entries: tuple[PlanEntry, ...]
    source_range: FrameRange
    description: str = ""
    cuts: Cuts = NO_CUTS
    cadence: Cadence = STEADY

    def __len__(self) -> int:
        return len(self.entries)

    def pairs(self) -> Iterator[PairGroup]:
        """Runs of consecutive entries with the same (first, second); copies and black form runs of their own."""
        for (first, second), run in groupby(self.entries, key=lambda entry: (entry.first, entry.second)):
            yield PairGroup(first, second, tuple(run))

    def table(self) -> list[tuple[str, ...]]:
        """Rows of text, the first of them the header, for ``--dry-run``."""
        rows: list[tuple[str, ...]] = [("output", "source time", "made from", "phase", "note")]
        for entry in self.entries:
            made = {
                "copy": f"copy of {entry.first}",
                "black": "black",
                "fade": f"{entry.first} and {entry.second}, mixed",
                "blur": f"{len(entry.instants)} instants of {entry.first} to {entry.second}",
            }.get(entry.kind, f"{entry.first} and {entry.second}")
            phase = format_number(entry.phase) if entry.kind in ("between", "fade") else ""
            rows.append((str(entry.output), format_number(entry.source_time), made, phase, entry.note))
        return rows

    def to_json(self) -> dict[str, Any]:
        """Plain data for ``json.dumps``; fractions are exact texts such as '1/4'."""
        return {
            "description": self.description,
            "source_range": list(self.source_range),
            "cuts": list(self.cuts.frames),
            "dissolves": [list(one) for one in self.cuts.dissolves],
            "dropped": sorted(self.cadence.dropped),
            "times": {str(frame): str(time) for frame, time in self.cadence.times.items()},
            "entries": [_entry_json(entry) for entry in self.entries],
        }


def build_plan(
    time_map: TimeMap,
    out_range: FrameRange | Sequence[int],
    source_frames: Sequence[int],
    *,
    source_range: FrameRange | None = None,
    outside: Outside = "hold",
    on_missing: OnMissing = "error",
    avoid_originals: bool = False,
    shutter: Shutter | None = None,
    cuts: Cuts = NO_CUTS,
    cadence: Cadence = STEADY,
    name: Callable[[int], str] | None = None,
) -> Plan:
    """Settle how each output frame is made.

    Args:
        time_map: output frame -> source time.
        out_range: a tuple (first, last), both included; or any other sequence of output frames (a ``range``,
            a list: the chunk of a farm job, the frames that a resumed job still lacks).
        source_frames: the frame numbers that exist.
        source_range: first and last frame in play, default the outermost of ``source_frames``; what it names and
            ``source_frames`` lacks is missing.
        outside: what shows before the first and after the last frame: their neighbour held, the range in a loop
            (last + 1 is first again; the last frame is held across the seam, for a seam is a cut), the range back
            and forth, black, or an error.
        on_missing: a missing frame is an error; or the latest frame before it is held; or its neighbours that
            exist are interpolated across the gap, at the exact phase.
        avoid_originals: sample off the originals, see ``AvoidOriginals``. What is held stays an original.
        shutter: when given, outputs are means of instants. What stands outside of the source stands there for
            instants too, but that with 'error' the end is held for instants of a frame inside.
        cuts: where new shots begin, and which frames are dissolves; see ``Cuts``.
        cadence: which frames count, and when they were taken; what is dropped is not missing.
        name: frame number -> file name, for messages.

    Raises:
        TimingError: an empty or absurd range, or an output outside of the source where ``outside`` is 'error'.
        InputError: a missing frame where ``on_missing`` is 'error'; no source frames at all.
        UsageError: an unknown option.
    """
    _check_choice("outside", outside, get_args(Outside))
    _check_choice("on_missing", on_missing, get_args(OnMissing))
    outputs = _list_outputs(out_range)
    frames = FrameIndex(source_frames)
    span = check_range(
        source_range if source_range is not None else (frames.frames[0], frames.frames[-1]), "source range"
    )
    index = FrameIndex(cadence.keep(frames.within(span).frames), cadence.time_of)
    mapped = (
        AvoidOriginals(time_map) if avoid_originals and not isinstance(time_map, AvoidOriginals) else time_map
    )
    lacking: dict[int, tuple[int, Fraction]] = {}

    def settle(output: int, asked: Fraction, outside: Outside) -> PlanEntry:
        time, note = fold_time(asked, span, outside, output)
        if time is None:
            return PlanEntry(output, asked, "black", None, None, Fraction(0), note)
        entry, missing = _settle(output, time, index, on_missing, note, cuts, cadence)
        for frame in missing:
            lacking.setdefault(frame, (output, time))
        entry = cuts.settle(entry)
        if entry.kind == "copy" and entry.first is not None:
            return replace(entry, source_time=cadence.time_of(entry.first))
        return entry

    within: Outside = "hold" if outside == "error" else outside
    entries: list[PlanEntry] = []
    for output in outputs:
        entry = settle(output, mapped.source_time(output), outside)
        if shutter is not None:
            times = [near(mapped.source_time(time)) for time in shutter.times(output)]
            entry = expose(entry, cuts.within_shot(entry, [settle(output, time, within) for time in times]))
        entries.append(entry)
    if lacking and on_missing == "error":
        raise _missing_error(lacking, name or (lambda frame: f"source frame {frame}"))
    return Plan(tuple(entries), span, mapped.describe(), cuts, cadence)


def _entry_json(entry: PlanEntry) -> dict[str, Any]:
    told: dict[str, Any] = {
        "output": entry.output, "source_time": str(entry.source_time), "kind": entry.kind,
        "first": entry.first, "second": entry.second, "phase": str(entry.phase), "note": entry.note,
    }  # fmt: skip
    if entry.instants:
        told["instants"] = [_entry_json(one) for one in entry.instants]
    return told


def sources_needed(plan: Plan, reread_after: int | None = None) -> list[SourceUse]:
    """Every source frame in the order of first use, with its last use, so that a renderer can free it.

    With ``reread_after`` a frame that rests for more than that many entries (a loop, a bounce) is listed again
    at its return instead of being held in memory all the while.
    """
    uses: list[SourceUse] = []
    open_uses: dict[int, int] = {}
    for position, entry in enumerate(plan.entries):
        frames = {frame for one in entry.moments for frame in (one.first, one.second) if frame is not None}
        for frame in sorted(frames):
            slot = open_uses.get(frame)
            if slot is None or (reread_after is not None and position - uses[slot].last_use > reread_after):
                open_uses[frame] = len(uses)
                uses.append(SourceUse(frame, position, position))
            else:
                uses[slot] = SourceUse(frame, uses[slot].first_use, position)
    return uses


def _settle(
    output: int,
    time: Fraction,
    index: FrameIndex,
    on_missing: OnMissing,
    note: str,
    cuts: Cuts,
    cadence: Cadence,
) -> tuple[PlanEntry, list[int]]:
    """The entry of one source time inside the range, and which of the frames it wanted are missing."""
    before, after = index.around(time)
    floor = time.numerator // time.denominator
    wanted = [floor] if floor == time else [floor, floor + 1]
    if cadence.dropped:  # any frame may be wanted that is not there between two that count
        wanted = list(range(before + 1, after)) if before is not None and after is not None else []
    missing = [frame for frame in wanted if frame not in index and frame not in cadence.dropped]
    if before is None or after is None or (missing and on_missing == "hold"):
        held = before if before is not None else after
        if (
            before is not None
            and after is not None
            and cuts.part(before, floor)
            and not cuts.part(after, floor)
        ):
            held = after  # the earlier one is of another shot
        assert held is not None  # FrameIndex.within keeps at least one frame
        why = f"held: {missing[0]} is missing" if missing else "held: nothing new is shown here"
        return PlanEntry(output, Fraction(held), "copy", held, None, Fraction(0), _join(note, why)), missing
    if before == after:
        return PlanEntry(output, time, "copy", before, None, Fraction(0), note), missing
    if missing:
        note = _join(note, f"across the gap {before}-{after}")
    repeats = [frame for frame in range(before + 1, after) if frame in cadence.dropped]
    if repeats:
        note = _join(note, f"{name_runs(repeats)} repeat{'s' if len(repeats) == 1 else ''} {before}")
    begin, end = cadence.time_of(before), cadence.time_of(after)
    phase = (time - begin) / (end - begin)
    return PlanEntry(output, time, "between", before, after, phase, note), missing


def _missing_error(lacking: dict[int, tuple[int, Fraction]], name: Callable[[int], str]) -> InputError:
    frame, (output, time) = next(iter(lacking.items()))
    text = f"{name(frame)} is missing, needed for output {output} (source time {format_number(time)})"
    others = sorted(set(lacking) - {frame})
    if others:
        listed = ", ".join(map(str, others[:_LISTED])) + (" ..." if len(others) > _LISTED else "")
        text += f", and so {'is' if len(others) == 1 else 'are'} {len(others)} more ({listed})"
    what = "it" if not others else "them"
    return InputError(text, f"render {what}, or pass --on-missing hold or --on-missing interpolate")


def _list_outputs(out_range: FrameRange | Sequence[int]) -> Sequence[int]:
    if isinstance(out_range, tuple) and len(out_range) == 2:
        first, last = check_range((out_range[0], out_range[1]), "output range")
        return range(first, last + 1)
    if not out_range:
        raise TimingError("there are no output frames", "give an output range, such as 1001-1010")
    if len(out_range) > MAX_OUTPUTS:
        raise TimingError(
            f"{len(out_range)} output frames are more than {MAX_OUTPUTS}", "work in several parts"
        )
    return out_range


def _check_choice(what: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise UsageError(f"{what} is {value!r}", f"use one of {', '.join(choices)}")


def _join(*parts: str) -> str:
    return "; ".join(part for part in parts if part)
