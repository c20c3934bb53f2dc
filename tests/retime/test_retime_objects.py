"""Is an object's curve read exactly, said again without its file, and refused where it leads out of the gap?"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retempo.errors import InputError, UsageError
from retempo.retime.curves import INTERPOLATIONS, Curve, Key
from retempo.retime.objects import ObjectCurve, parse_object_curve, parse_object_curves

SHARES = st.fractions(0, 1, max_denominator=1000)


def test_a_file_and_its_text_are_the_same(tmp_path: Path) -> None:
    path = tmp_path / "slow.json"
    path.write_text('{"keys": [[0, 0], {"time": "1/2", "value": 0.25, "interpolation": "smooth"}, [1, 1]]}')
    curve = parse_object_curve(f"7={path}")
    assert curve.id == 7 and curve.joins and curve.at(Fraction(1, 2)) == Fraction(1, 4)
    assert curve.spelled() == '7=[["0","0","linear"],["0.5","0.25","smooth"],["1","1","linear"]]'
    path.unlink()
    assert parse_object_curve(curve.spelled()) == curve


@given(
    st.lists(
        st.tuples(SHARES, SHARES, st.sampled_from(INTERPOLATIONS)), min_size=1, unique_by=lambda key: key[0]
    )
)
def test_spelled_curves_are_read_as_they_were(keys: list[tuple[Fraction, Fraction, str]]) -> None:
    curve = ObjectCurve("matte.kite", Curve(tuple(Key(*key) for key in sorted(keys))))
    assert parse_object_curve(curve.spelled()) == curve and curve.id is None


def test_what_does_not_join() -> None:
    assert not parse_object_curve("3=[[0,0],[1,0.5]]").joins


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("slow.json", "write for example 7=slow.json"),
        ("=slow.json", "write for example"),
        ("7=", "write for example"),
        ("4294967296=[[0,0]]", "is no id"),
        ("7=[[0,0],[2,1]]", "a time is 2"),
        ("7=[[0,-0.5],[1,1]]", "a value is -0.5"),
    ],
)
def test_mistakes_are_named(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        parse_object_curve(text)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read the curve"):
        parse_object_curve(f"7={tmp_path / 'none.json'}")
    with pytest.raises(InputError, match="--object-curve 7:1"):
        parse_object_curve("7=[[0,0],")


def test_an_object_has_one_curve() -> None:
    assert len(parse_object_curves(("7=[[0,0]]", "8=[[0,0]]"))) == 2
    with pytest.raises(UsageError, match="names 7 twice"):
        parse_object_curves(("7=[[0,0]]", "7=[[0,1]]"))
