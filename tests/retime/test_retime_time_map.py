"""Is every source time exact, for every map, and is its natural length right?"""

from __future__ import annotations

import contextlib
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retempo.errors import RetempoError, TimingError, UsageError
from retempo.retime.curves import Curve
from retempo.retime.extent import output_range
from retempo.retime.rational import format_number, parse_number, parse_rate, parse_speed
from retempo.retime.time_map import (
    AvoidOriginals,
    ConstantSpeed,
    Duration,
    FrameCurve,
    FrameRate,
    Freeze,
    SpeedCurve,
    TimeMap,
    constant_speed,
    is_whole,
)

speeds = st.fractions(Fraction(-8), Fraction(8), max_denominator=60).filter(bool)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1/4", Fraction(1, 4)),
        ("0.5", Fraction(1, 2)),
        (".5", Fraction(1, 2)),
        ("-2", Fraction(-2)),
        ("25%", Fraction(1, 4)),
        ("23.976", Fraction(2997, 125)),
        ("24000/1001", Fraction(24000, 1001)),
        (" 1 / 4 ", Fraction(1, 4)),
        ("1e-3", Fraction(1, 1000)),
        (0.1, Fraction(1, 10)),
        (3, Fraction(3)),
    ],
)
def test_numbers_are_exact(text: str | float, value: Fraction) -> None:
    assert parse_number(text) == value


@pytest.mark.parametrize(
    "text",
    ["", "fast", "1/0", "1//2", "nan", "inf", "1 4", "1e999999999", "0x10", True, float("nan"), "1/2e5"],
)
def test_nonsense_numbers_are_refused_by_name(text: object) -> None:
    with pytest.raises(UsageError, match="speed is"):
        parse_number(text, "speed")  # type: ignore[arg-type]


@given(st.text(alphabet="0123456789./-+e%x ", max_size=12))
def test_parsing_never_fails_in_another_way(text: str) -> None:
    with contextlib.suppress(RetempoError):
        assert isinstance(parse_number(text), Fraction)


def test_zero_and_negative_rates_and_speeds() -> None:
    with pytest.raises(TimingError, match="freeze"):
        parse_speed("0.000")
    for rate in (0, "-24"):
        with pytest.raises(TimingError, match="greater than 0"):
            parse_rate(rate)


@pytest.mark.parametrize(
    ("given_rate", "meant"),
    [
        ("23.976", "24000/1001"),
        ("29.97", "30000/1001"),
        (59.94, "60000/1001"),
        (24000 / 1001, "24000/1001"),
        ("25", "25"),
        (24.0, "24"),
    ],
)
def test_ntsc_shorthands(given_rate: str | float, meant: str) -> None:
    assert parse_rate(given_rate) == Fraction(meant)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Fraction(2067, 2), "1033.5"),
        (Fraction(3), "3"),
        (Fraction(10, 3), "3+1/3"),
        (Fraction(-1, 8), "-0.125"),
    ],
)
def test_numbers_print_exactly(value: Fraction, text: str) -> None:
    assert format_number(value) == text


@pytest.mark.parametrize(
    ("time_map", "source", "expected"),
    [
        (ConstantSpeed("1/4", 1, 1), (1, 10), (1, 37)),
        (ConstantSpeed("0.5", 1001, 1001), (1001, 1010), (1001, 1019)),
        (ConstantSpeed(2, 1, 1), (1, 10), (1, 5)),
        (ConstantSpeed(3, 1, 1), (1, 10), (1, 4)),
        (ConstantSpeed.over(-1, (1, 10)), (1, 10), (1, 10)),
        (ConstantSpeed.over("-1/2", (1, 10), 101), (1, 10), (101, 119)),
        (ConstantSpeed(1, 5, 5), (1, 10), (1, 10)),
        (FrameRate(24, 60, 0, 0), (0, 24), (0, 60)),
        (FrameRate("24000/1001", 24, 0, 0), (0, 1000), (0, 1001)),
        (Duration(97, 1, 10, 1), (1, 10), (1, 97)),
        (Duration(1, 1, 10, 1), (1, 10), (1, 1)),
        (FrameCurve(Curve.through([(1, 1), ("24.5", 9)])), (1, 10), (1, 24)),
        (SpeedCurve(Curve.through([(1, 1), (5, 0)]), 1, 1), (1, 10), (1, 5)),
        (SpeedCurve(Curve.through([(1, "1/2")]), 1, 1), (1, 10), (1, 19)),
        (SpeedCurve(Curve.through([(1, 1), (7, -1)]), 1, 1), (1, 10), (1, 7)),
        (AvoidOriginals(ConstantSpeed("1/2", 1, 1)), (1, 10), (1, 18)),
        (AvoidOriginals(Duration(19, 1, 10, 1)), (1, 10), (1, 18)),
        (AvoidOriginals(ConstantSpeed.over("-1/2", (1, 10))), (1, 10), (1, 18)),
    ],
)
def test_natural_length(time_map: TimeMap, source: tuple[int, int], expected: tuple[int, int]) -> None:
    assert output_range(time_map, source) == expected
    assert time_map.describe()


@given(speeds, st.integers(-2000, 2000), st.integers(1, 80))
def test_natural_length_is_all_of_the_inside_and_no_more(speed: Fraction, first: int, count: int) -> None:
    source = (first, first + count - 1)
    time_map = ConstantSpeed.over(speed, source)
    start, end = output_range(time_map, source)
    assert start == first
    assert source[0] <= time_map.source_time(end) <= source[1]
    assert not source[0] <= time_map.source_time(end + 1) <= source[1]


@pytest.mark.parametrize(
    ("time_map", "source", "message"),
    [
        (Freeze(3), (1, 10), "has no end"),
        (ConstantSpeed("1/1000000", 1, 1), (1, 1000), "more than"),
        (ConstantSpeed(1, 1, 1), (10, 1), "empty"),
        (SpeedCurve(Curve.through([(1, 1)]), 1, 50), (1, 10), "starts at source time 50"),
        (FrameCurve(Curve.through([("1.2", 1), ("1.8", 2)])), (1, 10), "no whole output"),
        (ConstantSpeed(8, 1, "1/2"), (1, 2), "no output frame"),
    ],
)
def test_impossible_lengths(time_map: TimeMap, source: tuple[int, int], message: str) -> None:
    if isinstance(time_map, ConstantSpeed) and time_map.first_source == "1/2":
        time_map = ConstantSpeed(8, 1, Fraction(1, 2))
    with pytest.raises(TimingError, match=message) as caught:
        output_range(time_map, source)
    assert caught.value.hint


def test_durations_below_one_frame() -> None:
    with pytest.raises(TimingError, match="0 frames"):
        Duration(0, 1, 10, 1)


@given(speeds, st.integers(-(10**6), 10**6), st.fractions(max_denominator=1000))
def test_no_drift_over_a_million_frames(speed: Fraction, start: int, source: Fraction) -> None:
    time_map = ConstantSpeed(speed, start, source)
    assert time_map.source_time(start + 10**6) - source == speed * 10**6
    assert time_map.source_time(start + 10**6) - time_map.source_time(start + 10**6 - 1) == speed


def test_frame_rate_round_trip_has_no_drift() -> None:
    up, down = FrameRate("23.976", 60, 0, 0), FrameRate(60, "23.976", 0, 0)
    assert all(up.source_time(down.source_time(n)) == n for n in range(0, 10**6, 9973))


@given(speeds, st.integers(2, 60))
def test_backwards_is_forwards_mirrored(speed: Fraction, count: int) -> None:
    source = (1, count)
    forward, backward = ConstantSpeed.over(abs(speed), source), ConstantSpeed.over(-abs(speed), source)
    assert output_range(forward, source) == output_range(backward, source)
    for n in range(1, count + 1):
        assert forward.source_time(n) - 1 == count - backward.source_time(n)
        assert AvoidOriginals(forward).source_time(n) - 1 == count - AvoidOriginals(backward).source_time(n)


@given(st.integers(2, 5000), st.integers(-100, 100), st.integers(-100, 100))
def test_duration_ends_land_exactly(frames: int, first: int, last: int) -> None:
    time_map = Duration(frames, first, last, 7)
    assert time_map.source_time(7) == first
    assert time_map.source_time(7 + frames - 1) == last


@pytest.mark.parametrize(
    ("speed", "phases"),
    [
        ("1/2", {"1/4", "3/4"}),
        ("1/4", {"1/8", "3/8", "5/8", "7/8"}),
        ("1", {"1/2"}),
        ("2", {"1/2"}),
        ("2/3", {"1/6", "1/2", "5/6"}),
        ("-1/2", {"1/4", "3/4"}),
    ],
)
def test_half_phase_sampling(speed: str, phases: set[str]) -> None:
    time_map = AvoidOriginals(ConstantSpeed(speed, 1, 1))
    assert {time_map.source_time(n) % 1 for n in range(1, 40)} == {Fraction(p) for p in phases}


@given(speeds, st.fractions(max_denominator=50))
def test_originals_are_avoided_at_every_speed(speed: Fraction, source: Fraction) -> None:
    plain = ConstantSpeed(speed, 1, source)
    avoiding = AvoidOriginals(plain)
    for n in range(1, 130):
        time = avoiding.source_time(n)
        assert abs(time - round(time)) >= Fraction(1, 2 * speed.denominator)
        moved = (time - plain.source_time(n)) * (1 if speed > 0 else -1)
        assert 0 <= moved < Fraction(1, speed.denominator)
    assert constant_speed(avoiding) == speed


def test_curves_avoid_originals_where_their_speed_is_one_over_q() -> None:
    ramp = AvoidOriginals(SpeedCurve(Curve.through([(1, "1/2")]), 1, 1))
    assert {ramp.source_time(n) % 1 for n in range(1, 20)} == {Fraction(1, 4), Fraction(3, 4)}
    assert is_whole(AvoidOriginals(Freeze(5)).source_time(9))
