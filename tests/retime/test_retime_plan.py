"""Does every output get the right frames and phase, whatever is outside, missing or hit exactly?"""

from __future__ import annotations

import json
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retempo.errors import InputError, TimingError, UsageError
from retempo.retime.curves import Curve
from retempo.retime.extent import MAX_OUTPUTS, output_range
from retempo.retime.plan import Plan, build_plan, sources_needed
from retempo.retime.time_map import ConstantSpeed, Duration, FrameCurve, Freeze, SpeedCurve, TimeMap

TEN = range(1, 11)


def show(plan: Plan) -> list[str]:
    return [
        "black"
        if e.kind == "black"
        else f"{e.first}"
        if e.kind == "copy"
        else f"{e.first}~{e.second}@{e.phase}"
        for e in plan.entries
    ]


def test_half_speed() -> None:
    plan = build_plan(ConstantSpeed("1/2", 1, 1), (1, 5), TEN)
    assert show(plan) == ["1", "1~2@1/2", "2", "2~3@1/2", "3"]
    assert [e.source_time for e in plan.entries][:2] == [1, Fraction(3, 2)]


def test_half_speed_avoiding_originals() -> None:
    plan = build_plan(ConstantSpeed("1/2", 1, 1), (1, 4), TEN, avoid_originals=True)
    assert show(plan) == ["1~2@1/4", "1~2@3/4", "2~3@1/4", "2~3@3/4"]


@pytest.mark.parametrize(
    ("outside", "expected"),
    [
        ("hold", ["1", "1", "1", "2", "3", "3", "3", "3"]),
        ("loop", ["2", "3", "1", "2", "3", "1", "2", "3"]),
        ("bounce", ["3", "2", "1", "2", "3", "2", "1", "2"]),
        ("black", ["black", "black", "1", "2", "3", "black", "black", "black"]),
    ],
)
def test_outside(outside: str, expected: list[str]) -> None:
    plan = build_plan(ConstantSpeed(1, 1, 1), (-1, 6), [1, 2, 3], outside=outside)  # type: ignore[arg-type]
    assert show(plan) == expected
    assert plan.entries[0].note and not plan.entries[2].note


def test_outside_as_an_error_names_the_output() -> None:
    with pytest.raises(
        TimingError, match=r"output 20 asks for source time 10\.5, outside of frames 1-10"
    ) as caught:
        build_plan(ConstantSpeed("1/2", 1, 1), (1, 40), TEN, outside="error")
    assert "--outside" in caught.value.hint


def test_the_seam_of_a_loop_is_a_cut() -> None:
    plan = build_plan(ConstantSpeed("1/2", 1, 1), (1, 8), [1, 2, 3], outside="loop")
    assert show(plan) == ["1", "1~2@1/2", "2", "2~3@1/2", "3", "3", "1", "1~2@1/2"]


@given(st.fractions(-3, 3, max_denominator=12).filter(bool), st.integers(2, 9), st.integers(-40, 40))
def test_loop_and_bounce_are_periodic(speed: Fraction, count: int, output: int) -> None:
    for outside, period in (("loop", count), ("bounce", 2 * (count - 1))):
        later = output + period * speed.denominator  # a whole number of periods of the source
        entries = [
            build_plan(ConstantSpeed(speed, 0, 1), [n], range(1, count + 1), outside=outside).entries[0]  # type: ignore[arg-type]
            for n in (output, later)
        ]
        assert (entries[0].first, entries[0].second, entries[0].phase) == (
            entries[1].first,
            entries[1].second,
            entries[1].phase,
        )


def test_one_frame_sources_only_ever_copy() -> None:
    for outside in ("hold", "loop", "bounce"):
        assert show(build_plan(ConstantSpeed("1/2", 1, 7), (1, 4), [7], outside=outside)) == ["7"] * 4  # type: ignore[arg-type]


def test_missing_frames_are_named() -> None:
    frames = [n for n in range(1001, 1021) if n not in (1017,)]
    with pytest.raises(InputError) as caught:
        build_plan(ConstantSpeed("1/2", 1001, 1001), (1001, 1039), frames, name=lambda n: f"shot.{n}.exr")
    assert str(caught.value) == (
        "shot.1017.exr is missing, needed for output 1032 (source time 1016.5); "
        "render it, or pass --on-missing hold or --on-missing interpolate"
    )


def test_several_missing_frames_are_counted() -> None:
    with pytest.raises(
        InputError, match=r"source frame 2 is missing, needed for output 2 .*6 more \(3, 4, 5, 6 \.\.\.\)"
    ):
        build_plan(ConstantSpeed(1, 1, 1), (1, 10), [1, 9, 10])


def test_frames_that_no_output_needs_may_be_missing() -> None:
    assert show(build_plan(ConstantSpeed(2, 1, 1), (1, 3), [1, 3, 5])) == ["1", "3", "5"]


def test_missing_frames_held() -> None:
    plan = build_plan(ConstantSpeed("1/2", 1, 1), (1, 9), [1, 2, 4, 5], on_missing="hold")
    assert show(plan) == ["1", "1~2@1/2", "2", "2", "2", "2", "4", "4~5@1/2", "5"]
    assert plan.entries[4].note == "held: 3 is missing"


def test_missing_frames_interpolated_across_the_gap() -> None:
    plan = build_plan(ConstantSpeed("1/2", 1, 1), (1, 9), [1, 2, 5], on_missing="interpolate")
    assert show(plan) == ["1", "1~2@1/2", "2", "2~5@1/6", "2~5@1/3", "2~5@1/2", "2~5@2/3", "2~5@5/6", "5"]
    assert plan.entries[5].note == "across the gap 2-5"


def test_frames_missing_at_the_ends_are_held() -> None:
    plan = build_plan(
        ConstantSpeed(1, 1, 1), (1, 5), [2, 3, 4], source_range=(1, 5), on_missing="interpolate"
    )
    assert show(plan) == ["2", "2", "3", "4", "4"]


gappy = st.sets(st.integers(1, 24), min_size=1).map(sorted)
maps: st.SearchStrategy[TimeMap] = st.one_of(
    st.builds(
        ConstantSpeed,
        st.fractions(-4, 4, max_denominator=16).filter(bool),
        st.just(1),
        st.fractions(-30, 60, max_denominator=6),
    ),
    st.builds(Duration, st.integers(1, 90), st.integers(1, 24), st.integers(1, 24), st.just(1)),
    st.builds(Freeze, st.fractions(-5, 40, max_denominator=5)),
    st.just(SpeedCurve(Curve.through([(1, 1, "smooth"), (20, -1, "smooth"), (40, 2)]), 1, 5)),
    st.just(FrameCurve(Curve.through([(1, 1, "smooth"), (20, 24, "hold"), (40, 2)]))),
)


@given(
    maps,
    gappy,
    st.sampled_from(["hold", "loop", "bounce", "black"]),
    st.sampled_from(["hold", "interpolate"]),
    st.booleans(),
)
def test_every_entry_is_sound(
    time_map: TimeMap, frames: list[int], outside: str, missing: str, avoid: bool
) -> None:
    plan = build_plan(
        time_map, (-20, 60), frames, source_range=(min(frames), max(frames)),
        outside=outside, on_missing=missing, avoid_originals=avoid,  # type: ignore[arg-type]
    )  # fmt: skip
    have = set(frames)
    for entry, output in zip(plan.entries, range(-20, 61), strict=True):
        assert entry.output == output
        if entry.kind == "black":
            assert (entry.first, entry.second, entry.phase) == (None, None, 0) and outside == "black"
        elif entry.kind == "copy":
            assert (
                entry.first in have
                and entry.second is None
                and entry.phase == 0
                and entry.source_time == entry.first
            )
        else:
            assert entry.first in have and entry.second in have
            assert entry.first is not None and entry.second is not None and entry.first < entry.second
            assert not any(entry.first < n < entry.second for n in have)
            assert 0 < entry.phase < 1
            assert entry.first + entry.phase * (entry.second - entry.first) == entry.source_time
    assert [e for group in plan.pairs() for e in group.entries] == list(plan.entries)


def test_pairs_are_grouped_for_preparing_once() -> None:
    groups = list(build_plan(ConstantSpeed("1/4", 1, 1), (1, 9), TEN).pairs())
    assert [(g.first, g.second, len(g.entries)) for g in groups] == [
        (1, None, 1),
        (1, 2, 3),
        (2, None, 1),
        (2, 3, 3),
        (3, None, 1),
    ]


def test_sources_in_order_of_use() -> None:
    uses = sources_needed(build_plan(ConstantSpeed("-1/2", 1, 3), (1, 5), TEN))
    assert [(u.frame, u.first_use, u.last_use) for u in uses] == [(3, 0, 1), (2, 1, 3), (1, 3, 4)]


def test_frames_that_rest_long_are_read_again() -> None:
    plan = build_plan(ConstantSpeed(1, 1, 1), (1, 60), TEN, outside="loop")
    assert len(sources_needed(plan)) == 10
    again = sources_needed(plan, reread_after=4)
    assert len(again) == 60 and [u.frame for u in again[9:12]] == [10, 1, 2]


def test_table_and_json() -> None:
    plan = build_plan(ConstantSpeed("1/3", 1, 1), (1, 3), TEN)
    assert plan.table()[1:3] == [("1", "1", "copy of 1", "", ""), ("2", "1+1/3", "1 and 2", "1/3", "")]
    document = json.loads(json.dumps(plan.to_json()))
    assert document["entries"][1] == {
        "output": 2, "source_time": "4/3", "kind": "between", "first": 1, "second": 2, "phase": "1/3", "note": "",
    }  # fmt: skip


def test_picked_outputs_equal_the_whole() -> None:
    whole = build_plan(ConstantSpeed("1/4", 1, 1), (1, 37), TEN)
    picked = build_plan(ConstantSpeed("1/4", 1, 1), [5, 17, 30], TEN)
    assert list(picked.entries) == [whole.entries[n - 1] for n in (5, 17, 30)]


def test_natural_length_needs_nothing_outside() -> None:
    for speed in ("1/4", "-1/4", "3", "24000/25025"):
        time_map = ConstantSpeed.over(speed, (1, 10))
        build_plan(time_map, output_range(time_map, (1, 10)), TEN, outside="error")


def test_impossible_plans() -> None:
    still = Freeze(1)
    with pytest.raises(TimingError, match="empty"):
        build_plan(still, (5, 4), TEN)
    with pytest.raises(TimingError, match="no output"):
        build_plan(still, [], TEN)
    for absurd in ((1, MAX_OUTPUTS + 1), range(MAX_OUTPUTS + 1)):
        with pytest.raises(TimingError, match="more than"):
            build_plan(still, absurd, TEN)
    with pytest.raises(InputError, match="no source frames"):
        build_plan(still, (1, 4), [])
    with pytest.raises(InputError, match="no frame of 20-30 exists"):
        build_plan(still, (1, 4), TEN, source_range=(20, 30))
    with pytest.raises(UsageError, match="outside is 'mirror'"):
        build_plan(still, (1, 4), TEN, outside="mirror")  # type: ignore[arg-type]
