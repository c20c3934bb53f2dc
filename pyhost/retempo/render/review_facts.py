"""What is there to tell about a retimed shot beside its pictures? States of its frames, marks, settings, versions."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from importlib import metadata

from retempo.io.pattern import format_range
from retempo.io.result import ResultFrames
from retempo.io.source import Excerpt, Source
from retempo.render.frame import FrameRenderer
from retempo.render.job import open_renderer
from retempo.render.settings import AUTO, OFF, RetimeSettings, parse_repeats
from retempo.render.shot import ShotReport
from retempo.render.survey import survey
from retempo.report.review import BROKEN, MADE, MISSING, OTHER, UNSTAMPED, Gap, OutputFrame, misplacement
from retempo.retime.cuts import Cuts, parse_cuts, parse_dissolves
from retempo.retime.moment import PlanEntry
from retempo.retime.plan import Plan

PACKAGES = ("numpy", "OpenImageIO", "opencolorio", "opencv-python-headless", "av", "scipy", "torch")
BUILD = ("compiler", "build_type", "isa", "cuda", "cuda_toolkit")


@dataclass(frozen=True)
class Found:
    """What a look at every source frame says, whether or not the retime knew.

    Args:
        cuts: first frames of new shots. dissolves: first and last frames. repeats: frames that repeat the one before.
    """

    cuts: tuple[int, ...] = ()
    dissolves: tuple[tuple[int, int], ...] = ()
    repeats: tuple[int, ...] = ()

    @property
    def as_cuts(self) -> Cuts:
        """Cuts and dissolves as a plan takes them."""
        return Cuts.of(self.cuts, dissolves=self.dissolves)


def look(settings: RetimeSettings, source: Source, plan: Plan) -> Found:
    """Cuts, dissolves and repeated frames: those that the settings list, others by looking at every frame of the plan.

    Raises:
        InputError: a frame cannot be read.
    """
    asked = replace(
        settings,
        cuts=AUTO if settings.cuts == OFF or not settings.cuts else settings.cuts,
        dissolves=AUTO if settings.dissolves == OFF or not settings.dissolves else settings.dissolves,
        duplicates="drop",
        overlay=OFF,
    )
    used = [
        frame
        for entry in plan.entries
        for one in entry.moments
        for frame in (one.first, one.second)
        if frame is not None
    ]
    part = (
        Excerpt(source, min(used) - 1, max(used) + 1) if used else source
    )  # one more, to see what comes anew
    found = survey(asked, part, open_renderer).settings
    repeats = parse_repeats(found.duplicate_frames) if found.duplicate_frames else ()
    return Found(parse_cuts(found.cuts), parse_dissolves(found.dissolves), repeats)


def unheeded(found: Found, plan: Plan) -> list[str]:
    """Sentences about what was found in the source and the retime did not know of."""
    told = []
    cuts = [one for one in found.cuts if one not in plan.cuts.frames]
    if cuts:
        told.append(
            f"A new shot seems to begin at source frame {format_range(cuts)}, which the retime did not know: "
            "see --cuts."
        )
    repeats = [one for one in found.repeats if one not in plan.cadence.dropped]
    if repeats:
        again = (
            "frame {} repeats the one before it and was"
            if len(repeats) == 1
            else "frames {} repeat others and were"
        )
        told.append(f"Source {again.format(format_range(repeats))} kept: see --duplicates.")
    fades = [one for one in found.dissolves if one not in plan.cuts.dissolves]
    if fades:
        named = ", ".join(f"{first}-{last}" for first, last in fades)
        told.append(f"Source frames {named} seem to dissolve into another shot: see --dissolves.")
    return told


def mark_frames(plan: Plan, found: Found) -> list[tuple[str, ...]]:
    """For every output frame what happens there: ``cut``, ``dissolve``, ``repeat``, ``held``."""
    cuts, repeats = found.as_cuts, frozenset(found.repeats)
    befores = [None, *plan.entries[:-1]]
    return [
        tuple(_marks(entry, before, cuts, repeats))
        for entry, before in zip(plan.entries, befores, strict=True)
    ]


def _marks(entry: PlanEntry, before: PlanEntry | None, cuts: Cuts, repeats: frozenset[int]) -> Iterator[str]:
    """What happens at one output frame, ``before`` being the one shown before it."""
    if before is not None and _shot(cuts, before) != _shot(cuts, entry):
        yield "cut"
    first, second = entry.first, entry.second
    if first is not None and second is not None and cuts.dissolve(first, second):
        yield "dissolve"
    if (first if second is None else second) in repeats:  # nothing new comes with it
        yield "repeat"
    stands = before is not None and before.source_time == entry.source_time and entry.kind != "black"
    if stands or "held" in entry.note:
        yield "held"


def _shot(cuts: Cuts, entry: PlanEntry) -> int:
    nearest = nearest_source(entry)
    return -1 if nearest is None else cuts.shot(nearest)


def nearest_source(entry: PlanEntry) -> int | None:
    """The source frame that would be shown without any motion: the nearer of the two, the earlier in the middle."""
    if entry.first is None or entry.second is None:
        return entry.first
    if entry.kind in ("between", "fade"):
        return entry.first if entry.phase <= Fraction(1, 2) else entry.second
    near = min(entry.instants, key=lambda one: abs(one.source_time - entry.source_time), default=None)
    return entry.first if near is None else nearest_source(near)


def error_of(entry: PlanEntry, gaps: Mapping[tuple[int, int], Gap]) -> float | None:
    """The expected misplacement of an output frame in pixels, of a blur the mean; None where no motion is known."""
    errors = []
    for one in entry.moments:
        if one.kind == "between" and one.first is not None and one.second is not None:
            gap = gaps.get((one.first, one.second))
            if gap is None:
                return None
            errors.append(misplacement(float(one.phase), gap.forward, gap.backward))
        else:
            errors.append(0.0)
    return sum(errors) / len(errors)


def state_of(number: int, result: ResultFrames, stamp: str) -> tuple[str, str]:
    """State of a result frame (see ``report.review.MADE``), and what is wrong with it in words.

    Args:
        stamp: that it would carry if these settings had made it from these files.
    """
    fault = result.fault(number)
    if fault:
        return (MISSING, "") if fault == "missing" else (BROKEN, fault)
    found = result.stamp(number)
    if found is None:
        return UNSTAMPED, ""
    return (MADE, "") if found == stamp else (OTHER, "")


def settings_rows(settings: RetimeSettings) -> list[tuple[str, str, bool]]:
    """Every setting: its flag, its value, and whether that is the default; what was chosen comes first."""
    rows = []
    for one in fields(settings):
        value = getattr(settings, one.name)
        told = ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
        rows.append(("--" + one.name.replace("_", "-"), told, value == one.default))
    return sorted(rows, key=lambda row: row[2])


def colour_rows(renderer: FrameRenderer, shown: str) -> list[tuple[str, str]]:
    """The colour decisions."""
    facts = renderer.color.describe()
    wanted = (
        "config", "config_source", "input_space", "input_reason", "working_space", "output_space", "flow_space",
        "flow_reason",
    )  # fmt: skip
    rows = [(name.replace("_", " "), str(facts[name])) for name in wanted if name in facts]
    return [*rows, ("in this review", shown)]


def version_rows() -> list[tuple[str, str]]:
    """What computed it: Retempo, its build, the packages it stands on."""
    from retempo import _native

    build = dict(_native.build_info())
    rows = [("retempo", str(build.pop("version")))]
    rows += [(key.replace("_", " "), str(build[key])) for key in BUILD if build[key] is not None]
    rows.append(("Python", platform.python_version()))
    for name in PACKAGES:
        try:
            rows.append((name, metadata.version(name)))
        except metadata.PackageNotFoundError:
            continue
    return [*rows, ("machine", f"{platform.system()} {platform.release()}, {platform.machine()}")]


def gap_index(entry: PlanEntry, gaps: Sequence[tuple[int, int]]) -> int | None:
    """Which gap an output lies in, of a blur the one nearest to its middle; of a copy the gap that begins there."""
    between = [(index, one) for index, one in enumerate(entry.moments) if one.kind == "between"]
    if between:
        middle = (len(entry.moments) - 1) / 2
        one = min(between, key=lambda numbered: abs(numbered[0] - middle))[1]
        return next((index for index, pair in enumerate(gaps) if pair == (one.first, one.second)), None)
    if entry.kind != "copy":
        return None
    return next((index for index, pair in enumerate(gaps) if pair[0] == entry.first), None)


def tell_states(frames: Sequence[OutputFrame]) -> list[str]:
    """Sentences about result frames that are not what they should be."""
    said = {
        MISSING: "missing from the result",
        BROKEN: "broken",
        OTHER: "made with other settings, or from other files, than this page tells",
        UNSTAMPED: "without Retempo's stamp, so nobody knows how they were made",
    }
    told = []
    for state, words in said.items():
        numbers = [frame.output for frame in frames if frame.state == state]
        if numbers:
            told.append(f"{count_frames(len(numbers))} {words}: {format_range(numbers)}.")
    return told


def tell_strangers(others: Sequence[int]) -> list[str]:
    """A sentence about frames of the result's name that the retime does not make."""
    if not others:
        return []
    there = "1 more frame is" if len(others) == 1 else f"{len(others)} more frames are"
    return [f"{there} there that this retime does not make: {format_range(others)}."]


def tell_network(settings: RetimeSettings, moved: bool) -> list[str]:
    """A sentence about motion that is not that of the colour."""
    if settings.network is None or not moved:
        return []
    return [
        f"The engine {settings.engine} makes the colour without it: the motion here moves the other channels only."
    ]


def count_frames(count: int) -> str:
    """``1 frame is``, ``3 frames are``."""
    return "1 frame is" if count == 1 else f"{count} frames are"


def tell_times(made: ShotReport | None) -> str:
    """Whose times the page shows."""
    if made is None:
        return "How long the render took is not written in its frames; retempo retime --review tells."
    count = len(made.written)
    each = sum(made.seconds.values()) / count if count else 0.0
    skipped = f", {len(made.skipped)} found done" if made.skipped else ""
    return f"The render made {count} frames{skipped}, {each:.2f} s each."


def footage_rows(source: Source, result: str, plan: Plan, fps: Fraction | None) -> list[tuple[str, str]]:
    """What the frames are."""
    header = source.header(source.frames[0])
    return [
        ("source", source.pattern),
        ("result", result),
        ("size", f"{header.display.width} x {header.display.height}"),
        ("source frames", format_range(source.frames)),
        ("source frames missing", format_range(source.missing) if source.missing else "none"),
        ("source rate", f"{source.fps} fps" if source.fps else "not stated"),
        ("output frames", format_range([entry.output for entry in plan.entries])),
        ("result rate", f"{fps} fps" if fps else "not stated; played at 24 fps"),
    ]
