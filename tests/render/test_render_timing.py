"""Do the timing settings become the plans that their names promise?"""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest

from retempo.errors import InputError, TimingError, UsageError
from retempo.render.settings import RetimeSettings
from retempo.render.timing import schedule, split_clip

FRAMES = tuple(range(1001, 1011))


def times(settings: RetimeSettings, fps: Fraction | None = Fraction(24)) -> list[Fraction]:
    return [entry.source_time for entry in schedule(settings, FRAMES, fps).plan.entries]


def test_half_speed_is_the_default_and_hits_every_original() -> None:
    made = schedule(RetimeSettings(), FRAMES, Fraction(24))
    plan, fps = made.plan, made.fps
    assert [entry.kind for entry in plan.entries[:3]] == ["copy", "between", "copy"]
    assert len(plan) == 19 and fps == 24 and plan.entries[0].output == 1001


def test_avoiding_originals_at_half_speed_samples_quarters() -> None:
    found = times(RetimeSettings(avoid_originals=True))
    assert {time % 1 for time in found} == {Fraction(1, 4), Fraction(3, 4)}


def test_reverse_starts_at_the_last_frame() -> None:
    assert times(RetimeSettings(speed="-1")) == list(reversed(FRAMES))


def test_frame_rate_conversion_keeps_the_length_in_seconds() -> None:
    made = schedule(RetimeSettings(to_fps="60"), FRAMES, Fraction(24))
    plan, fps = made.plan, made.fps
    assert fps == 60 and len(plan) == 23  # 9 intervals of 1/24 s hold 22.5 of 1/60 s
    assert plan.entries[1].source_time - plan.entries[0].source_time == Fraction(24, 60)


def test_an_unknown_rate_cannot_be_converted() -> None:
    with pytest.raises(UsageError, match="--fps"):
        schedule(RetimeSettings(to_fps="60"), FRAMES, None)


def test_duration_lands_on_both_ends() -> None:
    found = times(RetimeSettings(duration=100))
    assert len(found) == 100 and (found[0], found[-1]) == (1001, 1010)


def test_a_freeze_lasts_as_long_as_it_is_told() -> None:
    assert times(RetimeSettings(freeze="1003.5", duration=4)) == [Fraction(2007, 2)] * 4
    with pytest.raises(TimingError, match="--duration"):
        times(RetimeSettings(freeze="1003.5"))


def test_curves_come_from_files(tmp_path: Path) -> None:
    ramp = tmp_path / "ramp.json"
    ramp.write_text(json.dumps({"curve": "speed", "keys": [[1001, 1], [1005, "1/2"]]}))
    assert times(RetimeSettings(speed_curve=str(ramp)))[4] == 1004  # the mean of 1 and 1/2 over four frames
    frame = tmp_path / "frame.csv"
    frame.write_text("time,value\n1,1001\n5,1003\n")
    assert times(RetimeSettings(frame_curve=str(frame))) == [
        1001,
        Fraction(2003, 2),
        1002,
        Fraction(2005, 2),
        1003,
    ]


def test_two_ways_of_timing_contradict_each_other() -> None:
    with pytest.raises(UsageError, match="--to-fps and --duration"):
        times(RetimeSettings(to_fps="48", duration=10))


@pytest.mark.parametrize("speed", ["0", "fast", "1/0", "nan"])
def test_impossible_speeds_are_refused(speed: str) -> None:
    with pytest.raises((TimingError, UsageError)):
        times(RetimeSettings(speed=speed))


def test_a_missing_frame_is_named() -> None:
    frames = tuple(frame for frame in FRAMES if frame != 1004)
    with pytest.raises(InputError, match=r"shot\.1004\.exr is missing.*--on-missing hold"):
        schedule(RetimeSettings(), frames, None, name=lambda number: f"shot.{number}.exr")


def test_a_clip_can_be_named_after_a_colon() -> None:
    assert split_clip("edit.otio:shot 3") == ("edit.otio", "shot 3")
    assert split_clip("edit.otio") == ("edit.otio", None)
