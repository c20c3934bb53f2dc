"""Is there never motion across a cut, and does what stands there stand where the rule says?"""

from __future__ import annotations

from fractions import Fraction as F

import pytest

from retempo.errors import UsageError
from retempo.retime.cuts import Cuts, parse_cuts
from retempo.retime.moment import PlanEntry
from retempo.retime.outside import Outside
from retempo.retime.plan import OnMissing, build_plan
from retempo.retime.shutter import Shutter
from retempo.retime.time_map import ConstantSpeed

TEN = range(1, 11)
CUT = Cuts.of([6])


def plan(
    speed: str,
    last: int,
    cuts: Cuts = CUT,
    shutter: Shutter | None = None,
    outside: Outside = "hold",
    on_missing: OnMissing = "error",
    frames: list[int] | None = None,
) -> tuple[PlanEntry, ...]:
    return build_plan(
        ConstantSpeed(speed, 1, 1), (1, last), frames or TEN,
        cuts=cuts, shutter=shutter, outside=outside, on_missing=on_missing, source_range=(1, 10),
    ).entries  # fmt: skip


def test_the_earlier_frame_is_held_until_half_way_then_the_later() -> None:
    entries = plan("1/4", 37)
    crossing = [one for one in entries if 5 < (one.output - 1) * F(1, 4) + 1 < 6]
    assert [(one.kind, one.first, one.source_time) for one in crossing] == [
        ("copy", 5, 5), ("copy", 6, 6), ("copy", 6, 6),
    ]  # fmt: skip
    assert all("held at the cut 6" in one.note for one in crossing)
    plain = plan("1/4", 37, Cuts())
    assert [one for one in entries if one not in crossing] == [
        one for one in plain if one.output not in {c.output for c in crossing}
    ]


def test_shots_are_mixed_on_request() -> None:
    crossing = [one for one in plan("1/4", 37, Cuts.of([6], "cross-fade")) if one.kind == "fade"]
    assert [(one.first, one.second, one.phase) for one in crossing] == [
        (5, 6, F(1, 4)), (5, 6, F(1, 2)), (5, 6, F(3, 4)),
    ]  # fmt: skip
    assert crossing[0].note == "cross-fade at the cut 6"


def test_a_table_says_what_happens_at_a_cut() -> None:
    table = build_plan(ConstantSpeed("1/2", 1, 1), (1, 19), TEN, cuts=Cuts.of([6], "cross-fade")).table()
    assert table[10][1:] == ("5.5", "5 and 6, mixed", "0.5", "cross-fade at the cut 6")


def test_a_gap_over_a_cut_changes_shots_where_the_cut_is() -> None:
    gap = [1, 2, 3, 7, 8, 9, 10]
    entries = plan("1/2", 19, on_missing="interpolate", frames=gap)
    held = {(one.output + 1) * F(1, 2): one.first for one in entries if "cut" in one.note}
    assert held == {F(7, 2): 3, F(4): 3, F(9, 2): 3, F(5): 3, F(11, 2): 7, F(6): 7, F(13, 2): 7}


def test_a_missing_frame_is_held_from_its_own_shot() -> None:
    gap = [1, 2, 3, 4, 5, 7, 8, 9, 10]
    entries = plan("1", 10, on_missing="hold", frames=gap)
    assert (entries[5].first, entries[5].note) == (7, "held: 6 is missing")
    assert plan("1", 10, Cuts(), on_missing="hold", frames=gap)[5].first == 5


def test_a_shutter_does_not_reach_into_another_shot() -> None:
    shutter = Shutter.of(4, 720, "centred", 0)
    entries = plan("1", 10, shutter=shutter)
    times = {one.output: [moment.source_time for moment in one.moments] for one in entries}
    assert times[4] == [F(13, 4), F(15, 4), F(17, 4), F(19, 4)]
    assert times[5] == [F(17, 4), F(19, 4), F(5)], "5.25 shows frame 5; 5.75, the next shot, is left out"
    assert times[6] == [F(6), F(25, 4), F(27, 4)]
    mixed = plan("1", 10, Cuts.of([6], "cross-fade"), shutter)
    assert [one.kind for one in mixed[4].moments] == ["between", "between", "fade", "fade"]


def test_where_a_shutter_shows_only_another_shot_the_frame_stands() -> None:
    late = Shutter.of(2, 180, "custom", 360)
    (entry,) = plan("1", 5, shutter=late)[4:]
    assert entry.kind == "copy" and entry.first == 5


def test_loops_with_cuts() -> None:
    entries = plan("1", 12, shutter=Shutter.of(2, 720, "centred", 0), outside="loop")
    assert [(one.kind, one.first, one.second) for one in entries[9].moments] == [
        ("between", 9, 10), ("copy", 10, None),
    ], "the instant after the last frame holds it; a loop's seam is a cut"  # fmt: skip
    assert {one.first for one in entries[10].moments} == {1}


def test_shots() -> None:
    cuts = Cuts.of([20, 6, 6])
    assert cuts.frames == (6, 20) and [cuts.shot(frame) for frame in (5, 6, 19, 20)] == [0, 1, 1, 2]
    assert cuts.part(5, 6) and not cuts.part(6, 19)
    with pytest.raises(UsageError, match="morph"):
        Cuts.of([1], "morph")


def test_lists_of_cuts() -> None:
    assert parse_cuts("1010, 1050") == (1010, 1050) and parse_cuts(" ") == () and parse_cuts("-3") == (-3,)


@pytest.mark.parametrize("text", ["1010,", "a", "1-5", "1.5", "1 2", "9999999999", "1;2", "\u0661"])
def test_what_is_no_list_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="first frames of new shots"):
        parse_cuts(text)
