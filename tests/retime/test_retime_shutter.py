"""Does the shutter open when its settings say, and does each instant get its own source time?"""

from __future__ import annotations

import json
from fractions import Fraction as F
from itertools import pairwise
from typing import Any

import pytest

from retempo.errors import InputError, TimingError, UsageError
from retempo.retime.curves import Curve
from retempo.retime.moment import PlanEntry
from retempo.retime.plan import build_plan, sources_needed
from retempo.retime.shutter import AUTO_INSTANTS, Shutter
from retempo.retime.time_map import AvoidOriginals, ConstantSpeed, Freeze, SpeedCurve, TimeMap

TEN = range(1, 11)


def shutter(samples: int = 4, angle: float = 180, offset: str = "centred", phase: float = -90) -> Shutter:
    made = Shutter.of(samples, angle, offset, phase)
    assert made is not None
    return made


def entry(time_map: TimeMap, output: int, open_at: Shutter | None = None, **options: Any) -> PlanEntry:
    plan = build_plan(time_map, (output, output), TEN, shutter=open_at or shutter(), **options)
    return plan.entries[0]


def shown(one: PlanEntry) -> list[F]:
    return [moment.source_time for moment in one.moments]


@pytest.mark.parametrize(
    ("options", "times"),
    [
        ({}, [F(-3, 16), F(-1, 16), F(1, 16), F(3, 16)]),
        ({"angle": 360}, [F(-3, 8), F(-1, 8), F(1, 8), F(3, 8)]),
        ({"offset": "start"}, [F(1, 16), F(3, 16), F(5, 16), F(7, 16)]),
        ({"offset": "end"}, [F(-7, 16), F(-5, 16), F(-3, 16), F(-1, 16)]),
        ({"offset": "custom", "phase": 90.0, "samples": 2}, [F(3, 8), F(5, 8)]),
        ({"angle": 172.8, "samples": 3}, [F(-4, 25), F(0), F(4, 25)]),
        ({"angle": 0, "samples": 2}, [F(0), F(0)]),
    ],
)
def test_instants_lie_in_the_middle_of_equal_shares(options: dict[str, Any], times: list[F]) -> None:
    assert shutter(**options).times(7) == [7 + time for time in times]


def test_one_sample_is_off_and_auto_has_many() -> None:
    assert Shutter.of(1, 180, "centred", 0) is None
    assert len(shutter(0).times(1)) == AUTO_INSTANTS
    with pytest.raises(UsageError, match="sideways"):
        Shutter.of(2, 180, "sideways", 0)


def test_the_interval_is_that_of_the_output_frame() -> None:
    """At a quarter of the speed the shutter is open for a quarter of the way; backwards it runs backwards."""
    slow = entry(ConstantSpeed("1/4", 1, 1), 7)
    assert slow.kind == "blur" and slow.source_time == F(5, 2) and (slow.first, slow.second) == (2, 3)
    assert shown(slow) == [F(5, 2) + F(one, 64) for one in (-3, -1, 1, 3)]
    assert shown(entry(ConstantSpeed("-1", 1, 10), 4)) == [7 - F(one, 16) for one in (-3, -1, 1, 3)]


def test_a_ramp_blurs_as_fast_as_it_runs_at_each_instant() -> None:
    ramp = SpeedCurve(Curve.through([(1, F(0)), (9, F(2))]), 1, 1)  # 1 + (t - 1)^2 / 8
    times = shown(entry(ramp, 5, shutter(4, 360)))
    assert times == [1 + (4 + F(one, 8)) ** 2 / 8 for one in (-3, -1, 1, 3)]
    steps = [after - before for before, after in pairwise(times)]
    assert steps == sorted(steps) and steps[0] < steps[-1]


def test_an_interval_over_a_source_frame_uses_two_pairs_and_the_frame() -> None:
    one = entry(ConstantSpeed(1, 1, 1), 4, shutter(3, 360))
    assert [(part.kind, part.first, part.second) for part in one.moments] == [
        ("between", 3, 4), ("copy", 4, None), ("between", 4, 5),
    ]  # fmt: skip
    assert (one.first, one.second) == (3, 5)
    plan = build_plan(ConstantSpeed(1, 1, 1), (4, 4), TEN, shutter=shutter(3, 360))
    assert [use.frame for use in sources_needed(plan)] == [3, 4, 5]


def test_what_stands_still_is_not_blurred() -> None:
    """A frozen source frame stays a copy, bit for bit; a frozen moment between two stays one moment."""
    assert entry(Freeze(4), 2).kind == "copy"
    frozen = entry(Freeze(F(9, 2)), 2)
    assert (frozen.kind, frozen.source_time, frozen.output) == ("between", F(9, 2), 2)
    assert entry(ConstantSpeed(1, 1, 1), 3, shutter(2, 0)).kind == "copy"


def test_outside_is_as_without_a_shutter() -> None:
    speed = ConstantSpeed(1, 1, 1)
    assert [one.kind for one in entry(speed, 1).moments] == ["copy", "copy", "between", "between"]
    held = entry(speed, 15)
    assert held.kind == "copy" and held.first == 10 and "held" in held.note
    dark = entry(speed, 1, outside="black")
    assert [one.kind for one in dark.moments] == ["black", "black", "between", "between"]
    assert (dark.first, dark.second) == (1, 2)
    assert entry(speed, 0, outside="black").kind == "black"
    assert shown(entry(speed, 1, shutter(2, 720), outside="bounce")) == [F(3, 2)], "to and fro"
    assert shown(entry(speed, 11, shutter(2, 720), outside="loop")) == [10, F(3, 2)], "the seam is held"


def test_an_error_outside_is_about_frames_not_instants() -> None:
    speed = ConstantSpeed(1, 1, 1)
    first = entry(speed, 1, outside="error")
    assert [one.source_time for one in first.moments][:2] == [1, 1]
    with pytest.raises(TimingError, match="output 0"):
        entry(speed, 0, outside="error")


def test_frames_that_only_an_instant_needs_may_be_missing() -> None:
    gap = [frame for frame in TEN if frame != 5]
    with pytest.raises(InputError, match="source frame 5 is missing, needed for output 4"):
        build_plan(ConstantSpeed(1, 1, 1), (4, 4), gap, shutter=shutter())
    (spanned,) = build_plan(
        ConstantSpeed(1, 1, 1), (4, 4), gap, shutter=shutter(), on_missing="interpolate"
    ).entries
    assert [(one.first, one.second) for one in spanned.moments] == [(3, 4), (3, 4), (4, 6), (4, 6)]


def test_a_missing_frame_is_named_once_for_all_instants() -> None:
    gap = [frame for frame in TEN if frame != 4]
    with pytest.raises(InputError, match="source frame 4 is missing") as raised:
        build_plan(ConstantSpeed(1, 1, 1), (4, 4), gap, shutter=shutter(64))
    assert "more" not in str(raised.value)


def test_avoided_originals_move_the_instants_along() -> None:
    plain = shown(entry(AvoidOriginals(ConstantSpeed("1/2", 1, 1)), 3))
    assert plain == [time + F(1, 4) for time in shown(entry(ConstantSpeed("1/2", 1, 1), 3))]


def test_times_that_the_plugin_could_not_be_told_are_rounded() -> None:
    rate = ConstantSpeed(F(1001, 2400), 1, 1)
    exact = [rate.source_time(time) for time in shutter(0).times(6)]
    found = shown(entry(rate, 6, shutter(0)))
    assert found != exact and max(time.denominator for time in found) <= 100_000
    assert max(abs(a - b) for a, b in zip(found, exact, strict=True)) < F(1, 100_000)


def test_a_plan_tells_of_instants() -> None:
    plan = build_plan(ConstantSpeed("1/2", 1, 1), (3, 4), TEN, shutter=shutter(2))
    assert plan.table()[1][2] == "2 instants of 1 to 3"
    told = json.loads(json.dumps(plan.to_json()))["entries"][0]
    assert told["kind"] == "blur" and [one["source_time"] for one in told["instants"]] == ["31/16", "33/16"]
