"""Do the plugin and the command line agree on which moment of the source a frame shows?"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retempo.errors import UsageError
from retempo.retime.curves import Curve
from retempo.retime.cuts import Cuts, parse_cuts
from retempo.retime.outside import fold_time
from retempo.retime.plan import build_plan
from retempo.retime.shutter import OFFSETS, Shutter
from retempo.retime.time_map import ConstantSpeed, FrameCurve, FrameRate, SpeedCurve, TimeMap

PLUGIN = Path(__file__).resolve().parents[2] / "plugin"
OUTSIDE: tuple[Any, ...] = ("hold", "loop", "bounce", "black")
Ask = Callable[[list[str]], list[str]]


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Ask:
    """The functions of source_time.h in a program: questions in, answers out."""
    compiler = os.environ.get("CXX") or shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        pytest.skip("no C++ compiler on the path; plugin/src/source_time.h cannot be tried")
    program = tmp_path_factory.mktemp("time") / "driver"
    flags = ["-std=c++17", "-O1", "-Wall", "-Wextra", "-Werror", "-ffp-contract=off"]
    driver = Path(__file__).with_name("source_time_driver.cpp")
    folders = [f"-I{PLUGIN}", f"-I{PLUGIN / 'src'}"]
    subprocess.run([compiler, *flags, *folders, str(driver), "-o", str(program)], check=True)

    def run(questions: list[str]) -> list[str]:
        text = "\n".join(questions) + "\n"
        done = subprocess.run([str(program)], input=text, capture_output=True, text=True, check=True)
        return done.stdout.split()

    return run


def expect(time_map: TimeMap, source: tuple[int, int], outside: Any, output: int) -> str:
    time, _ = fold_time(time_map.source_time(output), source, outside, output)
    return "black" if time is None else f"{time.numerator}/{time.denominator}"


def question(
    kind: int, values: list[float], source: tuple[int, int], outside: str, output: int,
    rates: tuple[float, float] = (24, 24), animated: bool = False, shutter: tuple[Any, ...] = (1, 180, 0, -90),
    fade: bool = False, cuts: str = "none",
) -> str:  # fmt: skip
    head = (kind, int(animated), *map(repr, rates), OUTSIDE.index(outside), *source, output, len(values))
    return " ".join(map(str, [*head, *map(repr, values), *shutter, int(fade), cuts]))


def moments(time_map: TimeMap, source: tuple[int, int], outside: Any, output: int, **how: Any) -> str:
    """What the plan of the command line says of an output frame, as the driver writes it."""
    (entry,) = build_plan(
        time_map, (output, output), range(source[0], source[1] + 1), outside=outside, **how
    ).entries
    told = []
    for one in entry.moments:
        time = f"{one.source_time.numerator}/{one.source_time.denominator}"
        told.append({"black": "black", "fade": f"fade{time}"}.get(one.kind, time))
    return ";".join(told)


SOURCES = st.tuples(st.integers(-1000, 100000), st.integers(0, 500)).map(lambda one: (one[0], sum(one)))
SPEEDS = st.fractions(-8, 8, max_denominator=48).filter(bool)
CASES = st.lists(
    st.tuples(SPEEDS, SOURCES, st.sampled_from(OUTSIDE), st.integers(-300, 3000)), min_size=1, max_size=60
)
QUICK = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(CASES)
@QUICK
def test_constant_speeds(ask: Ask, cases: list[Any]) -> None:
    questions, answers = [], []
    for speed, source, outside, offset in cases:
        output = source[0] + offset
        questions.append(question(0, [float(speed)], source, outside, output))
        answers.append(expect(ConstantSpeed.over(speed, source), source, outside, output))
    assert ask(questions) == answers


SHUTTERS = st.tuples(
    st.sampled_from([0, 1, 2, 3, 8]), st.sampled_from([0.0, 45.0, 172.8, 180.0, 360.0, 720.0]),
    st.integers(0, 3), st.sampled_from([-360.0, -90.0, 0.0, 30.5]),
)  # fmt: skip
BLURRED = st.lists(
    st.tuples(
        SPEEDS, st.sampled_from([(1, 30), (995, 1010), (7, 7)]), st.sampled_from(OUTSIDE), st.integers(-20, 60),
        SHUTTERS, st.booleans(), st.lists(st.integers(0, 40), max_size=6),
    ), min_size=1, max_size=30,
)  # fmt: skip


@given(BLURRED)
@QUICK
def test_shutters_and_cuts(ask: Ask, cases: list[Any]) -> None:
    questions, answers = [], []
    for speed, source, outside, offset, shutter, fade, cuts in cases:
        output, first = source[0] + offset, source[0]
        cuts = [first + cut for cut in cuts]
        listed = ",".join(map(str, cuts)) or "none"
        questions.append(
            question(0, [float(speed)], source, outside, output, shutter=shutter, fade=fade, cuts=listed)
        )
        samples, angle, where, phase = shutter
        made = {
            "shutter": Shutter.of(samples, angle, OFFSETS[where], phase),
            "cuts": Cuts.of(cuts, "cross-fade" if fade else "hold"),
        }
        answers.append(moments(ConstantSpeed.over(speed, source), source, outside, output, **made))
    assert ask(questions) == answers


@given(st.lists(st.fractions(-3, 3, max_denominator=4), min_size=2, max_size=20), SHUTTERS)
@QUICK
def test_ramps_blur_as_they_run(ask: Ask, speeds: list[Fraction], shutter: tuple[Any, ...]) -> None:
    source = (5, 60)
    keys = Curve.through([(5 + index, speed) for index, speed in enumerate(speeds)])
    samples, angle, where, phase = shutter
    made = Shutter.of(samples, angle, OFFSETS[where], phase)
    values = [float(speed) for speed in speeds]
    for output in range(2, 40, 7):
        (found,) = ask([question(0, values, source, "bounce", output, animated=True, shutter=shutter)])
        exact = moments(SpeedCurve(keys, 5, 5), source, "bounce", output, shutter=made).split(";")
        times = [[Fraction(one) for one in some] for some in (found.split(";"), exact)]
        assert len(times[0]) == len(times[1])
        assert max(abs(a - b) for a, b in zip(*times, strict=True)) < Fraction(1, 10**8)


@pytest.mark.parametrize("text", ["10,", ",", "a", "1-5", "1.5", "--1", "-", "1234567890", "1;2"])
def test_what_is_no_list_of_cuts_is_refused(ask: Ask, text: str) -> None:
    assert ask([question(0, [1.0], (1, 9), "hold", 3, cuts=text)]) == ["bad"]
    with pytest.raises(UsageError):
        parse_cuts(text)


def test_frame_rates(ask: Ask) -> None:
    rates = ("24", "25", "29.97", "23.976", "59.94", "30", "60", "12", "119.88")
    questions, answers = [], []
    for first in rates:
        for second in rates:
            for output in (1001, 1002, 1013, 1040):
                pair = float(first), float(second)
                questions.append(question(2, [1.0], (1001, 1100), "hold", output, pair))
                answers.append(expect(FrameRate(first, second, 1001, 1001), (1001, 1100), "hold", output))
    assert ask(questions) == answers


@given(st.lists(st.fractions(-3, 3, max_denominator=8), min_size=2, max_size=40), st.sampled_from(OUTSIDE))
@QUICK
def test_animated_speeds_and_frames(ask: Ask, speeds: list[Fraction], outside: str) -> None:
    source = (5, 60)
    curve = Curve.through([(5 + index, speed) for index, speed in enumerate(speeds)])
    outputs = range(0, 60, 3)
    values = [float(speed) for speed in speeds]
    asked = ask([question(0, values, source, outside, one, animated=True) for one in outputs])
    assert asked == [expect(SpeedCurve(curve, 5, 5), source, outside, one) for one in outputs]
    asked = ask([question(1, values, source, outside, one) for one in outputs])
    assert asked == [expect(FrameCurve(curve), source, outside, one) for one in outputs]


def test_a_thousand_frames_do_not_drift(ask: Ask) -> None:
    """Trapezoids of tenths: added up in doubles, found again as fractions."""
    speeds = [Fraction(index % 7, 10) for index in range(1001)]
    curve = Curve.through([(1 + index, speed) for index, speed in enumerate(speeds)])
    outputs = range(1, 1001, 37)
    values = [float(speed) for speed in speeds]
    asked = ask([question(0, values, (1, 5000), "hold", one, animated=True) for one in outputs])
    assert asked == [expect(SpeedCurve(curve, 1, 1), (1, 5000), "hold", one) for one in outputs]
