"""Are timelines of OpenTimelineIO refused, or do they give cuts and a clip's retime?"""

from __future__ import annotations

import os
import signal
from fractions import Fraction
from pathlib import Path
from typing import Any

import opentimelineio as otio
from target import file_of

from retempo.errors import InputError, RetempoError
from retempo.retime import timeline_files
from retempo.retime.cut_lists import load_cuts
from retempo.retime.otio_clip import load_clip

WORDS = tuple(
    f'"{word}"'.encode()
    for word in (
        "OTIO_SCHEMA", "Timeline.1", "Stack.1", "Track.1", "Clip.2", "Gap.1", "Transition.1", "LinearTimeWarp.1",
        "FreezeFrame.1", "RationalTime.1", "TimeRange.1", "speed_curve", "retempo", "time_scalar", "rate", "value",
        "ExternalReference.1", "ImageSequenceReference.1", "source_range", "metadata", "effects", "children", "Video",
    )
)  # fmt: skip
LONGEST = 8192


def _in_a_fork(path: Path) -> str:
    """As ``timeline_files`` does it, but in a copy of this process: a new one takes too long for millions of files."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGSEGV, signal.SIG_DFL)
        signal.signal(signal.SIGABRT, signal.SIG_DFL)
        try:
            text = otio.adapters.read_from_file(str(path)).to_json_string()
            otio.adapters.read_from_string(text, "otio_json")
            with os.fdopen(writing, "w", encoding="utf-8") as out:
                out.write(text)
        except Exception:
            os._exit(1)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as coming:
        text = coming.read()
    if os.waitpid(child, 0)[1]:
        raise InputError(f"cannot read the timeline {path}")
    return text


timeline_files._in_a_child = _in_a_fork


def parse(data: bytes) -> None:
    path = str(file_of(data, ".otio"))
    try:
        cuts, _ = load_cuts(path, 1001, Fraction(24))
        assert list(cuts) == sorted(cuts)
    except RetempoError as error:
        str(error)
    found = load_clip(path)
    first, last = found.output_range
    found.time_map.source_time(first)
    found.time_map.source_time(last)


def seeds() -> dict[str, bytes]:
    schema, times = otio.schema, otio.opentime

    def clip(count: float, **more: Any) -> Any:
        span = times.TimeRange(times.RationalTime(0, 24), times.RationalTime(count, 24))
        return schema.Clip("a", source_range=span, **more)

    def timeline(*items: Any) -> bytes:
        made = schema.Timeline("t")
        made.tracks.append(schema.Track("v", children=list(items), kind="Video"))
        return made.to_json_string().encode()

    warp = schema.LinearTimeWarp(time_scalar=0.5)
    offset = times.RationalTime(4, 24)
    curve = {"retempo": {"speed_curve": {"keys": [[0, 1], [24, "1/4"]]}}}
    media = schema.ImageSequenceReference(
        "/shots/", "a.", ".exr", 1001, available_range=clip(48).source_range
    )
    return {
        "warp.otio": timeline(clip(48, effects=[warp])),
        "fade.otio": timeline(
            clip(48), schema.Transition("f", in_offset=offset, out_offset=offset), clip(24)
        ),
        "curve.otio": timeline(clip(48, metadata=curve)),
        "clip.otio": clip(48, media_reference=media, effects=[schema.FreezeFrame()])
        .to_json_string()
        .encode(),
    }
