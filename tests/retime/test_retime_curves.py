"""Are curves exact between their keys, and do broken files say where they are broken?"""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retempo.errors import InputError, TimingError, UsageError
from retempo.retime.curves import INTERPOLATIONS, Curve, Key, load_curve, parse_csv, parse_json
from retempo.retime.time_map import FrameCurve, SpeedCurve


@st.composite
def curves(draw: st.DrawFn, low: int = -4, high: int = 4) -> Curve:
    times = draw(
        st.lists(st.fractions(0, 60, max_denominator=8), min_size=1, max_size=7, unique=True).map(sorted)
    )
    values = st.fractions(low, high, max_denominator=12)
    return Curve(tuple(Key(time, draw(values), draw(st.sampled_from(INTERPOLATIONS))) for time in times))


@given(curves(), st.fractions(-10, 70, max_denominator=7), st.fractions(-10, 70, max_denominator=7))
@settings(max_examples=60)
def test_integral_equals_numeric_integration(curve: Curve, start: Fraction, end: Fraction) -> None:
    marks = sorted({start, end, *(k.time for k in curve.keys if min(start, end) < k.time < max(start, end))})
    total = 0.0
    nodes, weights = np.polynomial.legendre.leggauss(4)  # exact for the cubics between keys
    for a, b in pairwise(marks):
        half, centre = float(b - a) / 2, float(a + b) / 2
        samples = [float(curve.value(Fraction(centre + half * x))) for x in nodes]
        total += half * float(np.dot(weights, samples))
    exact = curve.integral(start, end)
    assert float(exact) == pytest.approx(total if end >= start else -total, abs=1e-8)


@given(
    curves(),
    st.fractions(-10, 70, max_denominator=9),
    st.fractions(-10, 70, max_denominator=9),
    st.fractions(-10, 70),
)
def test_integral_adds_up_exactly(curve: Curve, a: Fraction, b: Fraction, c: Fraction) -> None:
    assert curve.integral(a, b) + curve.integral(b, c) == curve.integral(a, c)


@given(curves(), st.fractions(-10, 70, max_denominator=64))
def test_curves_never_overshoot_their_keys(curve: Curve, time: Fraction) -> None:
    around = [k.value for k in curve.keys if k.time <= time][-1:] + [
        k.value for k in curve.keys if k.time >= time
    ][:1]
    assert min(around) <= curve.value(time) <= max(around)


@given(curves(low=0))
def test_positive_speeds_never_turn_round(curve: Curve) -> None:
    time_map = SpeedCurve(curve, 0, 1001)
    times = [time_map.source_time(n) for n in range(-5, 70, 3)]
    assert times == sorted(times)
    assert time_map.source_time(0) == 1001


@given(curves())
def test_keys_are_hit_exactly(curve: Curve) -> None:
    time_map = FrameCurve(curve)
    assert all(time_map.source_time(key.time) == key.value for key in curve.keys)


def test_linear_speed_integrates_to_a_parabola() -> None:
    ramp = SpeedCurve(Curve.through([(0, 1), (10, 0)]), 0, 100)
    assert [ramp.source_time(n) for n in (0, 1, 5, 10, 20)] == [
        100,
        Fraction(2019, 20),
        Fraction(415, 4),
        105,
        105,
    ]


def test_smooth_keys_ease_in_and_out() -> None:
    ease = Curve.through([(0, 0, "smooth"), (4, 8)])
    assert [ease.value(n) for n in range(5)] == [0, Fraction(5, 4), 4, Fraction(27, 4), 8]


def test_smooth_is_continuous_in_slope_at_inner_keys() -> None:
    curve = Curve.through([(0, 0, "smooth"), (3, 1, "smooth"), (4, 5, "smooth"), (9, 6)])
    e = Fraction(1, 10**9)
    for key in curve.keys[1:-1]:
        left, right = (
            (curve.value(key.time) - curve.value(key.time - e)) / e,
            (curve.value(key.time + e) - key.value) / e,
        )
        assert float(left) == pytest.approx(float(right), abs=1e-6)
        assert left > 0


def test_smooth_joins_a_straight_line_without_a_kink() -> None:
    curve = Curve.through([(0, 0, "linear"), (4, 4, "smooth"), (8, 6)])
    e = Fraction(1, 10**9)
    assert float((curve.value(4 + e) - 4) / e) == pytest.approx(1.0, abs=1e-6)


def test_hold_steps() -> None:
    curve = Curve.through([(1, 10, "hold"), (5, 20, "hold"), (9, 30)])
    assert [curve.value(t) for t in (0, 1, Fraction(49, 10), 5, 9, 100)] == [10, 10, 10, 20, 30, 30]


def test_json_and_csv_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(
        '{"curve": "speed", "keys": [{"time": 1001, "value": 0.1, "interpolation": "smooth"}, [1025, "1/3"]]}'
    )
    (tmp_path / "a.csv").write_text("time,value,interpolation\n# a ramp\n\n1001, 0.1, smooth\n1025,1/3,\n")
    expected = Curve((Key(Fraction(1001), Fraction(1, 10), "smooth"), Key(Fraction(1025), Fraction(1, 3))))
    assert load_curve(tmp_path / "a.json", "speed") == load_curve(tmp_path / "a.csv", "speed") == expected


def test_csv_header_may_say_anything() -> None:
    keys = parse_csv("1001,1\n1025,0.5\n")
    assert parse_csv("frame,speed\n1001,1\n1025,0.5\n") == keys
    assert parse_csv("Frame, Value, Interpolation\n1001,1\n1025,0.5\n") == keys
    with pytest.raises(InputError, match="line 1: value is 'fast'"):
        parse_csv("1001,fast\n1025,0.5\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"keys": [[1, 2],\n [3, }', r"ramp\.json:2: "),
        ('{"keys": []}', "no keys"),
        ('{"kees": []}', "unknown field 'kees'"),
        ('"keys"', "no list of keys"),
        ("[[1, 2], [1, 3]]", "key 2: time is 1, not after 1"),
        ('[[1, "fast"]]', "key 1: value is 'fast', not a number"),
        ("[[1, null]]", "key 1: value is None"),
        ('[{"time": 1}]', "key 1: field 'value' is missing"),
        ('[{"time": 1, "value": 1, "ease": 1}]', "key 1: unknown field 'ease'"),
        ('[[1, 2, "bezier"]]', "key 1: interpolation is 'bezier'"),
        ("[[1, NaN]]", "key 1: value is nan"),
        ("[[1, 1e999999999]]", "key 1: value is '1E\\+999999999'"),
        ("[7]", "key 1: 7 is not a key"),
        ('{"curve": "frame", "keys": [[1, 2]]}', "holds a frame curve, but a speed curve"),
    ],
)
def test_broken_json_says_where(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        parse_json(text, "ramp.json", "speed")
    assert caught.value.hint
    assert "ramp.json" in caught.value.message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no keys"),
        ("time,value\n1,2\n3", r"ramp\.csv, line 3: \['3'\] is not a key"),
        ("1,2\n3,x\n", "line 2: value is 'x'"),
        ("5,2\n3,1\n", "line 2: time is 3, not after 5"),
        ("1,2,linear,9\n", "is not a key"),
    ],
)
def test_broken_csv_says_where(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_csv(text, "ramp.csv")


def test_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        load_curve(tmp_path / "none.csv")
    (tmp_path / "bad.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="UTF-8"):
        load_curve(tmp_path / "bad.csv")


def test_curves_check_their_keys() -> None:
    with pytest.raises(TimingError, match="no keys"):
        Curve(())
    with pytest.raises(TimingError, match="rising"):
        Curve.through([(2, 1), (1, 1)])
    with pytest.raises(UsageError, match="bezier"):
        Curve.through([(2, 1, "bezier")])


@pytest.mark.parametrize("text", ["1," + "1" * 131073, '1,"' + "x" * 200000, "1,1e99999999999999999999\n"])
def test_cells_without_end_are_an_error(text: str) -> None:
    with pytest.raises(InputError, match="curve"):
        parse_csv(text)
    with pytest.raises(InputError, match="curve"):
        parse_json("[[1, 1e" + "9" * 30 + "]]")
