"""Does an OpenTimelineIO clip give the time map that its editor meant?"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from retempo.errors import InputError, TimingError, UsageError
from retempo.retime.otio_clip import load_clip, read_clip
from retempo.retime.time_map import FrameCurve, Freeze, SpeedCurve

otio = pytest.importorskip("opentimelineio")


def clip(
    *effects: Any, start: float = 86410, duration: float = 20, rate: float = 24, metadata: Any = None
) -> Any:
    time = otio.opentime.RationalTime
    media = otio.schema.ImageSequenceReference(
        "plates/", "shot.", ".exr", start_frame=1001, frame_zero_padding=4, rate=24,
        available_range=otio.opentime.TimeRange(time(86400, 24), time(48, 24)),
    )  # fmt: skip
    return otio.schema.Clip(
        "shot",
        media,
        otio.opentime.TimeRange(time(start, rate), time(duration, rate)),
        metadata or {},
        list(effects),
    )


def test_a_plain_clip_is_itself() -> None:
    retime = read_clip(clip())
    assert retime.output_range == (1011, 1030)
    assert retime.media_range == (1001, 1048)
    assert retime.media == "plates/shot.%04d.exr"
    assert retime.rate == 24
    assert retime.time_map.source_time(1015) == 1015


def test_linear_time_warp() -> None:
    retime = read_clip(clip(otio.schema.LinearTimeWarp(time_scalar=0.1)), first_output=1)
    assert retime.output_range == (1, 20)
    assert [retime.time_map.source_time(n) for n in (1, 2, 20)] == [
        1011,
        1011 + Fraction(1, 10),
        1011 + Fraction(19, 10),
    ]


def test_negative_warp_shows_the_same_media_backwards() -> None:
    forward = read_clip(clip(otio.schema.LinearTimeWarp(time_scalar=0.5)), 1)
    backward = read_clip(clip(otio.schema.LinearTimeWarp(time_scalar=-0.5)), 1)
    assert [backward.time_map.source_time(n) for n in range(1, 21)] == [
        forward.time_map.source_time(21 - n) for n in range(1, 21)
    ]


def test_warps_multiply() -> None:
    both = [otio.schema.LinearTimeWarp(time_scalar=0.5), otio.schema.LinearTimeWarp(time_scalar=0.5)]
    assert read_clip(clip(*both), 0).time_map.source_time(4) == 1012


def test_freeze_frame() -> None:
    retime = read_clip(clip(otio.schema.FreezeFrame()))
    assert retime.time_map == Freeze(Fraction(1011))
    assert retime.output_range == (1011, 1030)


def test_record_rate_may_differ_from_the_media() -> None:
    retime = read_clip(clip(start=86410 * 2, duration=40, rate=48), 1)
    assert retime.rate == 48
    assert [retime.time_map.source_time(n) for n in (1, 2, 3)] == [1011, Fraction(2023, 2), 1012]


def test_curves_in_metadata() -> None:
    speed = read_clip(clip(metadata={"retempo": {"speed_curve": {"keys": [[0, 1], [10, 0]]}}}), 1)
    assert isinstance(speed.time_map, SpeedCurve)
    assert speed.time_map.source_time(11) == 1016
    frame = read_clip(clip(metadata={"retempo": {"frame_curve": [[0, 1001, "smooth"], [19, "1020"]]}}), 1)
    assert isinstance(frame.time_map, FrameCurve)
    assert frame.time_map.source_time(20) == 1020


def test_what_is_not_understood_is_said() -> None:
    with pytest.raises(TimingError, match="not understood"):
        read_clip(clip(otio.schema.TimeEffect("ramp", "TimeRemap")))
    with pytest.raises(TimingError, match="several retimes"):
        read_clip(clip(otio.schema.FreezeFrame(), metadata={"retempo": {"speed_curve": [[0, 1]]}}))
    with pytest.raises(InputError, match="neither a source range"):
        read_clip(otio.schema.Clip("empty"))
    with pytest.raises(TimingError, match="empty"):
        read_clip(clip(duration=0))


def test_clips_are_found_in_files(tmp_path: Path) -> None:
    timeline = otio.schema.Timeline("cut")
    track = otio.schema.Track("V1")
    timeline.tracks.append(track)
    track.append(clip(otio.schema.LinearTimeWarp(time_scalar=0.5)))
    path = tmp_path / "cut.otio"
    otio.adapters.write_to_file(timeline, str(path))
    assert load_clip(path).time_map.source_time(1013) == 1012
    other = clip()
    other.name = "other"
    track.append(other)
    otio.adapters.write_to_file(timeline, str(path))
    assert load_clip(path, "other").name == "other"
    with pytest.raises(InputError, match="2 clips"):
        load_clip(path)
    with pytest.raises(InputError, match="no clip called 'nobody'; name one of its clips: 'shot', 'other'"):
        load_clip(path, "nobody")
    with pytest.raises(InputError, match="cannot read the timeline"):
        load_clip(tmp_path / "none.otio")


def test_without_opentimelineio(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "opentimelineio", None)
    with pytest.raises(UsageError, match="not installed"):
        read_clip(object())


def test_a_file_that_ends_its_reader_is_an_error(tmp_path: Path) -> None:
    """OpenTimelineIO 0.18 dies of a clip of version 1 without media; it does so in a process of its own."""
    path = tmp_path / "old.otio"
    otio.adapters.write_to_file(clip(), str(path))
    text = path.read_text().replace('"Clip.2"', '"Clip.1"')
    path.write_text(text.replace('"media_references"', '"media_reference_s"'))
    try:
        load_clip(path)
    except InputError as error:
        assert str(path) in error.message and error.hint
    path.write_text("[" * 100000)
    with pytest.raises(InputError, match=r"old\.otio"):
        load_clip(path)
