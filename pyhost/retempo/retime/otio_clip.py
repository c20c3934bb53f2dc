"""Which time map does an OpenTimelineIO clip ask for?

Read here: LinearTimeWarp and FreezeFrame, the only time effects of OpenTimelineIO 0.18, and curves in the
clip's metadata, since OTIO has no effect for them::

    clip.metadata["retempo"] = {"speed_curve": {"keys": [[0, 1], [24, "1/4"]]}}      # or "frame_curve"

Curve times count from 0 at the clip's first output frame; values of a frame curve are media frames.

What the format leaves open is decided so: ``source_range.duration`` is the record duration (the number of
output frames, as the EDL adapters write it), ``start_time`` the earliest media frame shown. A negative
scalar plays the same media backwards, from start_time + (duration - 1) * |scalar|. The cmx_3600 adapter
drops a negative M2 without a word: a reversed clip that comes from an EDL arrives as a plain one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from retempo.errors import InputError, TimingError
from retempo.retime.curves import curve_from_document
from retempo.retime.extent import check_range
from retempo.retime.rational import parse_number, parse_rate
from retempo.retime.time_map import ConstantSpeed, FrameCurve, FrameRange, Freeze, SpeedCurve, TimeMap
from retempo.retime.timeline_files import import_otio, read_timeline


@dataclass(frozen=True)
class ClipRetime:
    """What a clip asks for.

    Attributes:
        name: the clip's name.
        time_map: output frame -> media frame number.
        output_range: the clip's output frames, both ends included.
        media_range: first and last frame of its available range, None when the clip does not say.
        rate: frames per second of the output.
        media: target URL or file pattern of the media, '' when the clip does not say.
    """

    name: str
    time_map: TimeMap
    output_range: FrameRange
    media_range: FrameRange | None
    rate: Fraction
    media: str


def load_clip(path: str | Path, name: str | None = None, first_output: int | None = None) -> ClipRetime:
    """The retime of a clip in a timeline file: the one called ``name``, or the only one.

    Raises:
        UsageError: OpenTimelineIO is not installed.
        InputError: unreadable file, no such clip, several clips and no name.
        TimingError: an effect that is not understood, or an impossible range.
    """
    otio, document = import_otio(), read_timeline(path)
    clips = [document] if isinstance(document, otio.schema.Clip) else list(_find_clips(document))
    named = [clip for clip in clips if name is None or clip.name == name]
    if len(named) != 1:
        listed = ", ".join(repr(clip.name) for clip in clips[:8]) or "none"
        problem = "has no clip" if not named else f"has {len(named)} clips"
        wanted = f" called {name!r}" if name is not None else ""
        raise InputError(f"{path} {problem}{wanted}", f"name one of its clips: {listed}")
    return read_clip(named[0], first_output)


def read_clip(clip: Any, first_output: int | None = None) -> ClipRetime:
    """The retime of an ``opentimelineio.schema.Clip``.

    Args:
        clip: the clip; without a ``source_range`` its available range is used.
        first_output: number of its first output frame; default the number of its first media frame.

    Raises:
        InputError: neither a source range nor an available range.
        TimingError: an effect that is not understood, or an impossible range.
    """
    otio = import_otio()
    label = f"clip {clip.name!r}"
    media = clip.media_reference
    available = getattr(media, "available_range", None)
    trimmed = clip.source_range or available
    if trimmed is None:
        raise InputError(
            f"{label} has neither a source range nor an available range", "set one of them in the timeline"
        )
    rate = parse_rate(trimmed.duration.rate, f"{label}: rate")
    media_rate = (
        parse_rate(available.start_time.rate, f"{label}: media rate") if available is not None else rate
    )
    start = _frames(trimmed.start_time, media_rate)
    offset = Fraction(0)
    if available is not None and isinstance(media, otio.schema.ImageSequenceReference):
        offset = media.start_frame - _frames(available.start_time, media_rate)
    count = math.floor(_frames(trimmed.duration, rate))
    begin = math.floor(start + offset) if first_output is None else first_output
    outputs = check_range((begin, begin + count - 1), f"output range of {label}")
    media_range = None
    if available is not None:
        low = math.ceil(_frames(available.start_time, media_rate) + offset)
        media_range = (low, low + math.floor(_frames(available.duration, media_rate)) - 1)
    time_map = _map_of(otio, clip, label, start + offset, count, begin, media_rate / rate)
    return ClipRetime(clip.name, time_map, outputs, media_range, rate, _media_name(otio, media))


def _map_of(
    otio: Any, clip: Any, label: str, start: Fraction, count: int, first_output: int, per_output: Fraction
) -> TimeMap:
    curves = clip.metadata.get("retempo", {})
    if not hasattr(curves, "items"):
        raise InputError(f"{label}: its metadata of retempo are no table", "write curves as in the manual")
    scalar = Fraction(1)
    for effect in clip.effects:
        if not getattr(effect, "enabled", True) or not isinstance(effect, otio.schema.TimeEffect):
            continue
        if not isinstance(effect, otio.schema.LinearTimeWarp):  # FreezeFrame is a LinearTimeWarp of scalar 0
            kind = type(effect).__name__
            raise TimingError(
                f"{label}: effect {effect.name!r} ({kind}) is not understood",
                "use a LinearTimeWarp or a curve",
            )
        scalar *= parse_number(effect.time_scalar, f"{label}: time_scalar")
    known = [field for field in ("speed_curve", "frame_curve") if field in curves]
    if known:
        if len(known) == 2 or scalar != 1:
            raise TimingError(
                f"{label} has several retimes at once", "keep one of the time effect and the curves"
            )
        kind = known[0].removesuffix("_curve")
        curve = curve_from_document(_plain(curves[known[0]]), f"{label}, {known[0]}", kind)
        keys = [(key.time + first_output, key.value, key.interpolation) for key in curve.keys]
        shifted = type(curve).through(keys)
        return SpeedCurve(shifted, first_output, start) if kind == "speed" else FrameCurve(shifted)
    if scalar == 0:
        return Freeze(start)
    speed = scalar * per_output
    return ConstantSpeed(speed, first_output, start if speed > 0 else start + (count - 1) * -speed)


def _frames(time: Any, rate: Fraction) -> Fraction:
    """A RationalTime in frames of ``rate``."""
    value = parse_number(time.value, "time")
    own = parse_rate(time.rate, "rate")
    return value if own == rate else value * rate / own


def _media_name(otio: Any, media: Any) -> str:
    if isinstance(media, otio.schema.ImageSequenceReference):
        digits = f"%0{media.frame_zero_padding}d" if media.frame_zero_padding else "%d"
        return f"{media.target_url_base}{media.name_prefix}{digits}{media.name_suffix}"
    return getattr(media, "target_url", "") or ""


def _find_clips(document: Any) -> Any:
    find = getattr(document, "find_clips", None)
    return find() if find is not None else []


def _plain(value: Any) -> Any:
    """OTIO metadata containers as dicts and lists."""
    if hasattr(value, "items"):
        return {key: _plain(item) for key, item in value.items()}
    if hasattr(value, "__iter__") and not isinstance(value, str):
        return [_plain(item) for item in value]
    return value


__all__ = ["ClipRetime", "load_clip", "read_clip"]
