"""Does bisection make the frames that it says, and as few as that takes?"""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retempo.errors import UsageError
from retempo.models.bisection import DEEPEST, Halving, describe, nearest_instant, schedule

TIMES = st.fractions(0, 1, max_denominator=1000)
DEPTHS = st.integers(1, DEEPEST)


@given(TIMES, DEPTHS)
def test_every_run_halves_what_is_there_already(time: Fraction, depth: int) -> None:
    made = {Fraction(0), Fraction(1)}
    runs = schedule(time, depth)
    assert len(runs) <= depth
    for run in runs:
        assert {run.left, run.right} <= made and run.middle not in made
        made.add(run.middle)
    assert nearest_instant(time, depth) in made
    assert not runs or runs[-1].middle == nearest_instant(time, depth)


@given(TIMES, DEPTHS)
def test_no_instant_of_that_depth_is_nearer(time: Fraction, depth: int) -> None:
    grid = [Fraction(step, 2**depth) for step in range(2**depth + 1)]
    assert abs(nearest_instant(time, depth) - time) == min(abs(step - time) for step in grid)


def test_known_schedules() -> None:
    half, quarter = Fraction(1, 2), Fraction(1, 4)
    assert schedule(half) == (Halving(Fraction(0), Fraction(1)),)
    assert schedule(quarter) == (Halving(Fraction(0), Fraction(1)), Halving(Fraction(0), half))
    assert schedule(Fraction(0)) == schedule(Fraction(1)) == ()
    assert describe(quarter) == "1/4 = 1/2 > 1/4"
    assert describe(Fraction(1, 3), 3) == "1/3 = 1/2 > 1/4 > 3/8, off by 0.0417"
    assert describe(Fraction(1, 100), 2) == "1/100 = 0, off by 0.0100"


@pytest.mark.parametrize("depth", [0, -1, DEEPEST + 1])
def test_depth_out_of_range(depth: int) -> None:
    with pytest.raises(UsageError, match=f"depth={depth}"):
        nearest_instant(Fraction(1, 3), depth)
