"""Is timecode counted right, drop-frame and packed form included?"""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retempo.errors import InputError, UsageError
from retempo.io.metadata import exact_rate
from retempo.io.timecode import Timecode, timecode_at

NTSC, NTSC60, FILM, PAL = Fraction(30000, 1001), Fraction(60000, 1001), Fraction(24000, 1001), Fraction(25)


@pytest.mark.parametrize(
    ("base", "offset", "fps", "expected"),
    [
        ("01:00:00:00", 24, FILM, "01:00:01:00"), ("23:59:59:24", 1, PAL, "00:00:00:00"),
        ("00:00:00:00", -1, PAL, "23:59:59:24"), ("00:00:59;29", 1, NTSC, "00:01:00;02"),
        ("00:09:59;29", 1, NTSC, "00:10:00;00"), ("00:01:00;02", -1, NTSC, "00:00:59;29"),
        ("00:00:59;59", 1, NTSC60, "00:01:00;04"), ("00:00:59:29", 1, NTSC, "00:01:00:00"),
        ("00:00:00;00", 17982, NTSC, "00:10:00;00"), ("00:00:00;00", 107892, NTSC, "01:00:00;00"),
        ("01:00:00;00", 1, FILM, "01:00:00:01"),
    ],
)  # fmt: skip
def test_known_answers(base: str, offset: int, fps: Fraction, expected: str) -> None:
    assert str(timecode_at(base, offset, fps)) == expected


@pytest.mark.parametrize(
    ("code", "old", "new", "expected"),
    [
        ("01:00:00:12", Fraction(24), Fraction(30), "01:00:00:15"), ("01:00:00:23", Fraction(24), PAL, "01:00:00:23"),
        ("01:00:00:29", Fraction(30), Fraction(24), "01:00:00:23"), ("10:59:59:20", Fraction(24), FILM, "10:59:59:20"),
        ("00:01:00;02", NTSC, NTSC60, "00:01:00;04"), ("00:01:00;04", NTSC60, NTSC, "00:01:00;02"),
        ("00:01:00;02", NTSC, PAL, "00:01:00:01"), ("12:00:00:05", Fraction(12), Fraction(24), "12:00:00:10"),
        ("01:00:00:22", Fraction(24), Fraction(1), "01:00:00:00"), ("01:00:00:00", PAL, NTSC, "01:00:00:00"),
    ],
)  # fmt: skip
def test_another_rate_is_the_same_moment(code: str, old: Fraction, new: Fraction, expected: str) -> None:
    assert str(Timecode.parse(code).rescaled(old, new)) == expected


@given(count=st.integers(0, 2589407), drop=st.booleans())
def test_rescaled_codes_exist(count: int, drop: bool) -> None:
    """From 29.97 to 59.94 and back nothing is lost, and no dropped number comes up."""
    code = Timecode.from_count(count, NTSC, drop)
    fast = code.rescaled(NTSC, NTSC60)
    assert Timecode.from_count(fast.count(NTSC60), NTSC60, drop) == fast
    assert fast.rescaled(NTSC60, NTSC) == code


@given(count=st.integers(0, 2589407), drop=st.booleans())
def test_count_round_trip(count: int, drop: bool) -> None:
    code = Timecode.from_count(count, NTSC, drop)
    assert code.count(NTSC) == count
    assert not (drop and code.minutes % 10 and code.seconds == 0 and code.frames < 2)
    assert Timecode.unpack(*code.packed(NTSC)) == code


@given(
    count=st.integers(0, 86400 * 60 - 1),
    fps=st.sampled_from([FILM, PAL, Fraction(48), Fraction(50), Fraction(60)]),
)
def test_packed_round_trip(count: int, fps: Fraction) -> None:
    code = Timecode.from_count(count, fps, user=0xDEADBEEF)
    assert Timecode.unpack(*code.packed(fps), fps) == code


def test_packed_known_answer() -> None:
    assert Timecode(1, 2, 3, 4).packed(PAL) == (0x01020304, 0)
    assert Timecode(12, 34, 56, 12, drop=True).packed(NTSC)[0] == 0x12345612 | 1 << 6


def test_refusals() -> None:
    with pytest.raises(InputError):
        Timecode.parse("1:2:3")
    with pytest.raises(UsageError, match="drop-frame"):
        Timecode.from_count(0, PAL, drop=True)
    with pytest.raises(UsageError):
        Timecode(0, 0, 0, 0).packed(Fraction(120))


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        (23.976, FILM),
        (29.97, NTSC),
        (59.94, NTSC60),
        (24.0, Fraction(24)),
        (12.5, Fraction(25, 2)),
        ("24000/1001", FILM),
    ],
)
def test_exact_rate(given_: float | str, expected: Fraction) -> None:
    assert exact_rate(given_) == expected
