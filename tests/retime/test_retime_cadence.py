"""When were frames taken, once repeats are dropped, and which of them make an output?"""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest

from retempo.errors import InputError, UsageError
from retempo.retime.cadence import STEADY, find_cadence, space_evenly, tell_cadence
from retempo.retime.cuts import Cuts
from retempo.retime.plan import build_plan
from retempo.retime.time_map import ConstantSpeed

F = Fraction


def test_pulldown_is_evened_out() -> None:
    """24 in 30: each frame a whole period of 5/4 after the one before, wherever the pattern starts."""
    for start in range(4):
        taken = [F(5, 4) * at + F(start, 4) for at in range(40)]
        shown = [time.numerator // time.denominator for time in taken]
        times = list(space_evenly(shown).values())
        assert {b - a for a, b in pairwise(times)} == {F(5, 4)}
        assert all(0 <= time - frame < 1 for time, frame in zip(times, shown, strict=True))


@pytest.mark.parametrize("shown", [[0, 2, 4, 6], [5, 8, 11], [7], [1, 2, 3, 4, 5], [0, 1]])
def test_what_is_even_stays(shown: list[int]) -> None:
    assert space_evenly(shown) == {frame: F(frame) for frame in shown}


def test_two_rhythms_are_two_lines() -> None:
    shown = [0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 14, 16]
    times = space_evenly(shown)
    assert [times[at] for at in range(5)] == [F(at) for at in range(5)]
    later = [times[at] for at in (8, 10, 12, 14, 16)]
    assert {b - a for a, b in pairwise(later)} == {F(2)}
    assert all(times[at] == at for at in shown), "and what was even stays"


def test_a_single_gap_is_no_rhythm() -> None:
    for shown in ([0, 1, 2, 4, 5, 6, 7], [0, 2, 3, 4, 5], [0, 1, 2, 3, 5], [0, 2, 3]):
        assert space_evenly(shown) == {frame: F(frame) for frame in shown}


def test_long_clips_take_little_time() -> None:
    shown = [at for at in range(6000) if at % 13]
    times = list(space_evenly(shown).values())
    assert {b - a for a, b in pairwise(times[:1900])} == {F(13, 12)}
    assert all(a < b for a, b in pairwise(times))


def test_dropped_frames_are_interpolated_at_their_own_time() -> None:
    frames = range(1, 11)
    cadence = find_cadence(frames, [4, 8, 9], "drop")
    plan = build_plan(ConstantSpeed(1, 1, 1), (1, 10), frames, cadence=cadence)
    shown = [(one.first, one.second, one.phase) for one in plan.entries]
    assert shown[2:6] == [(3, None, 0), (3, 5, F(1, 2)), (5, None, 0), (6, None, 0)]
    assert shown[7:9] == [(7, 10, F(1, 3)), (7, 10, F(2, 3))]
    assert plan.entries[3].note == "4 repeats 3" and plan.entries[7].note == "8-9 repeat 7"
    assert plan.to_json()["dropped"] == [4, 8, 9]
    assert tell_cadence(cadence) == "3 repeated frames dropped: 4, 8-9"


def test_even_spacing_moves_frames() -> None:
    frames = range(15)
    cadence = find_cadence(frames, [4, 9, 14], "retime")
    plan = build_plan(ConstantSpeed(1, 0, 0), (0, 14), frames, cadence=cadence)
    assert [(one.first, one.second, one.phase) for one in plan.entries[:6]] == [
        (0, None, 0), (0, 1, F(4, 5)), (1, 2, F(3, 5)), (2, 3, F(2, 5)), (3, 5, F(1, 5)), (5, None, 0),
    ]  # fmt: skip
    last = plan.entries[-1]
    assert (last.kind, last.first, last.source_time) == ("copy", 13, F(55, 4)), "then nothing"
    assert "nothing new" in last.note


def test_rhythms_end_at_cuts() -> None:
    frames = range(15)
    cadence = find_cadence(frames, [2, 5, 8], "retime", Cuts.of([9]))
    assert all(cadence.time_of(frame) == frame for frame in range(9, 15))
    assert cadence.time_of(1) != 1
    assert find_cadence(frames, [], "retime") == find_cadence(frames, [3], "keep") == STEADY
    assert find_cadence(frames, [0, 99], "drop") == STEADY, (
        "the first frame repeats none, and 99 does not exist"
    )


def test_what_is_missing_is_still_missing() -> None:
    frames = [1, 2, 3, 4, 7, 8]
    cadence = find_cadence(frames, [4], "drop")
    with pytest.raises(InputError, match="5 is missing"):
        build_plan(ConstantSpeed("1/2", 1, 1), (1, 15), frames, cadence=cadence)
    plan = build_plan(ConstantSpeed("1/2", 1, 1), (1, 15), frames, cadence=cadence, on_missing="interpolate")
    assert {(one.first, one.second) for one in plan.entries[5:12]} == {(3, 7)}
    with pytest.raises(UsageError, match="needs every frame"):
        find_cadence(frames, [4], "retime")
    with pytest.raises(UsageError, match="keep, drop, retime"):
        find_cadence(frames, [4], "remove")
