"""Which output frames are made, and from what? Turns the timing settings into a plan."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from retempo.errors import TimingError, UsageError
from retempo.render.settings import RetimeSettings, parse_repeats
from retempo.retime.cadence import find_cadence
from retempo.retime.curves import load_curve
from retempo.retime.cuts import Cuts, parse_cuts, parse_dissolves
from retempo.retime.extent import output_range
from retempo.retime.gaps import take_part
from retempo.retime.plan import Plan, build_plan
from retempo.retime.rational import parse_number, parse_rate
from retempo.retime.shutter import Shutter
from retempo.retime.time_map import (
    AvoidOriginals,
    ConstantSpeed,
    Duration,
    FrameCurve,
    FrameRange,
    FrameRate,
    Freeze,
    SpeedCurve,
    TimeMap,
)


@dataclass(frozen=True)
class Timing:
    """A time map, the outputs it makes by itself, and the frame rate of the result (None: as the source)."""

    time_map: TimeMap
    outputs: FrameRange | None
    fps: Fraction | None


@dataclass(frozen=True)
class Schedule:
    """What is to be made.

    Args:
        plan: each output frame and its source frames.
        fps: frame rate of the result; None when nothing says it.
        start: output frame that gets the timecode of the first source frame, whatever part is made now.
        whole: what the plan is a part of; None where it is all.
    """

    plan: Plan
    fps: Fraction | None
    start: int
    whole: Plan | None = None

    def take(self, part: Collection[int], limit: int) -> Schedule:
        """The gaps that begin in ``part``; see ``retime.gaps.take_part``."""
        whole = self.whole or self.plan
        return replace(self, plan=take_part(whole, part, limit), whole=whole)


def timing_of(settings: RetimeSettings, span: FrameRange, source_fps: Fraction | None) -> Timing:
    """The time map that the settings ask for.

    Args:
        settings: one of --to-fps, --duration, --freeze, --speed-curve, --frame-curve, --otio; else --speed rules.
        span: first and last source frame in play.
        source_fps: frame rate of the source, where it is known.

    Raises:
        UsageError: two ways of timing at once, or a frame rate conversion from an unknown rate.
        TimingError, InputError: see the time maps and curves.
    """
    chosen = [
        name for name in ("to_fps", "freeze", "speed_curve", "frame_curve", "otio") if getattr(settings, name)
    ]
    if settings.duration and not settings.freeze:
        chosen.append("duration")
    if len(chosen) > 1:
        flags = " and ".join("--" + name.replace("_", "-") for name in chosen)
        raise UsageError(f"{flags} both decide the timing", "give one of them")
    rate = parse_rate(settings.fps, "--fps") if settings.fps else source_fps
    first, last = span
    start = first if settings.output_start is None else settings.output_start
    if settings.to_fps:
        if rate is None:
            raise UsageError("the source does not say its frame rate", "give it with --fps, e.g. --fps 24")
        target = parse_rate(settings.to_fps, "--to-fps")
        return _natural(FrameRate(rate, target, start, first), span, target, settings)
    if settings.freeze:
        if settings.duration < 1:
            raise TimingError(
                "a freeze has no length of its own", "say how long with --duration, e.g. --duration 48"
            )
        frozen = Freeze(parse_number(settings.freeze, "--freeze"))
        return Timing(frozen, (start, start + settings.duration - 1), rate)
    if settings.duration:
        return _natural(Duration(settings.duration, first, last, start), span, rate, settings)
    if settings.speed_curve:
        ramp = SpeedCurve(load_curve(settings.speed_curve, "speed"), start, first)
        return _natural(ramp, span, rate, settings)
    if settings.frame_curve:
        return _natural(FrameCurve(load_curve(settings.frame_curve, "frame")), span, rate, settings)
    if settings.otio:
        from retempo.retime.otio_clip import load_clip

        path, clip = split_clip(settings.otio)
        asked = load_clip(path, clip, settings.output_start)
        return Timing(asked.time_map, asked.output_range, rate or asked.rate)
    return _natural(ConstantSpeed.over(settings.speed, span, start), span, rate, settings)


def schedule(
    settings: RetimeSettings,
    source_frames: Sequence[int],
    source_fps: Fraction | None,
    outputs: Sequence[int] | None = None,
    name: Callable[[int], str] | None = None,
) -> Schedule:
    """The plan of a shot.

    Args:
        settings: timing, outside and missing-frame rules.
        source_frames: frame numbers that exist, ascending.
        source_fps: frame rate of the source, if known.
        outputs: make only these output frames; None makes the whole retimed range.
        name: frame number -> file name, for messages.
    """
    span = (source_frames[0], source_frames[-1])
    timing = timing_of(settings, span, source_fps)
    wanted = list(outputs) if outputs is not None else timing.outputs
    if wanted is None:
        raise TimingError(f"{timing.time_map.describe()} has no length of its own", "give --output-range")
    cuts = Cuts.of(parse_cuts(settings.cuts), settings.at_cut, parse_dissolves(settings.dissolves))
    repeats = () if settings.duplicates == "keep" else parse_repeats(settings.duplicate_frames)
    plan = build_plan(
        timing.time_map,
        wanted,
        source_frames,
        outside=settings.outside,  # type: ignore[arg-type]
        on_missing=settings.on_missing,  # type: ignore[arg-type]
        avoid_originals=settings.avoid_originals,
        shutter=shutter_of(settings),
        cuts=cuts,
        cadence=find_cadence(source_frames, repeats, settings.duplicates, cuts),
        name=name,
    )
    start = settings.output_start
    if start is None:
        start = timing.outputs[0] if timing.outputs else span[0]
    return Schedule(plan, timing.fps, start)


def shutter_of(settings: RetimeSettings) -> Shutter | None:
    """The shutter of the settings; None when it is off."""
    return Shutter.of(
        settings.shutter_samples, settings.shutter_angle, settings.shutter_offset, settings.shutter_phase
    )


def split_clip(text: str) -> tuple[str, str | None]:
    """``FILE`` or ``FILE:CLIP`` (a drive letter is not a clip)."""
    path, colon, clip = text.rpartition(":")
    return (path, clip) if colon and len(path) > 1 and not Path(text).exists() else (text, None)


def _natural(time_map: TimeMap, span: FrameRange, fps: Fraction | None, settings: RetimeSettings) -> Timing:
    shown = AvoidOriginals(time_map) if settings.avoid_originals else time_map
    if settings.output_range:
        return Timing(time_map, None, fps)
    return Timing(time_map, output_range(shown, span), fps)
