"""Are patterns, ranges, gaps, folders and single files understood, and nonsense refused?"""

from __future__ import annotations

from pathlib import Path

import fileseq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retempo.errors import InputError, UsageError
from retempo.io import pattern as pat
from retempo.io.sequence import open_source


@pytest.mark.parametrize(
    ("text", "number", "name"),
    [
        ("s.####.exr", 7, "s.0007.exr"),
        ("s.#.exr", 7, "s.0007.exr"),
        ("s.##.exr", 7, "s.07.exr"),
        ("s.@@@.exr", 7, "s.007.exr"),
        ("s.@.exr", 12, "s.12.exr"),
        ("s.%04d.exr", 10001, "s.10001.exr"),
        ("s.%d.exr", 7, "s.7.exr"),
        ("s.$F4.exr", 7, "s.0007.exr"),
        ("s.$F.exr", 7, "s.7.exr"),
        ("s.%04d.exr", -5, "s.-005.exr"),
    ],
)
def test_token(text: str, number: int, name: str) -> None:
    pattern = pat.parse(text)
    assert pattern.name(number) == name
    assert pattern.number(name) == number


@given(number=st.integers(-99999, 99999), width=st.integers(1, 7))
def test_every_number_comes_back(number: int, width: int) -> None:
    pattern = pat.parse("a." + "@" * width + ".exr")
    assert pattern.number(pattern.name(number)) == number


def test_width_is_respected() -> None:
    pattern = pat.parse("s.####.exr")
    assert pattern.number("s.7.exr") is None
    assert pattern.number("s.00007.exr") is None
    assert pattern.number("s.12345.exr") == 12345
    assert pattern.number("s.-0005.exr") == -5


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("1-4", (1, 2, 3, 4)),
        ("1-10x3", (1, 4, 7, 10)),
        ("1-3,8", (1, 2, 3, 8)),
        ("-3--1", (-3, -2, -1)),
        ("5", (5,)),
    ],
)
def test_range(text: str, numbers: tuple[int, ...]) -> None:
    assert pat.parse_range(text) == numbers


@given(
    st.lists(
        st.tuples(*[st.integers(-12, 12)] * 2, st.sampled_from(("", "x1", "x3", "x-2", "x0"))),
        min_size=1,
        max_size=3,
    )
)
def test_ranges_are_those_of_fileseq(parts: list[tuple[int, int, str]]) -> None:
    text = ",".join(f"{first}-{last}{step}" for first, last, step in parts)
    try:
        wanted = tuple(sorted(set(fileseq.FrameSet(text))))
    except fileseq.ParseException:
        with pytest.raises(UsageError):
            pat.parse_range(text)
    else:
        assert pat.parse_range(text) == wanted


def test_a_million_frames_take_no_time_and_more_are_refused() -> None:
    assert len(pat.parse_range("1-500000,2-500001")) == 500001
    for text in ("1-1000001", "1-900000,1-900000", "1-99999999999"):
        with pytest.raises(UsageError):
            pat.parse_range(text)


@pytest.mark.parametrize("text", ["1-10:5", "1-10y2", "abc", "1-", "", "1-10x0"])
def test_bad_range(text: str) -> None:
    with pytest.raises(UsageError):
        pat.parse_range(text)


@given(st.sets(st.integers(-500, 5000), min_size=1, max_size=30))
def test_ranges_round_trip(numbers: set[int]) -> None:
    assert pat.parse_range(pat.format_range(sorted(numbers))) == tuple(sorted(numbers))


def test_gap_negative_and_range(make_sequence) -> None:
    pattern = make_sequence([-1, 0, 1, 4, 10000])
    source = open_source(pattern, "-2-5")
    assert source.frames == (-1, 0, 1, 4)
    assert source.missing == (-2, 2, 3, 5)
    assert open_source(pattern, "-1-4").frames == (-1, 0, 1, 4)
    assert open_source(pattern).frames == (-1, 0, 1, 4, 10000)
    assert 2 in open_source(pattern).missing
    with pytest.raises(InputError, match=r"shot.0002.exr is missing.*--on-missing"):
        source.read(2)


def test_single_file_folder_and_ambiguity(make_sequence, tmp_path: Path) -> None:
    make_sequence([98, 99, 100, 101], "shot.{:03d}.exr")
    assert open_source(tmp_path / "shot.101.exr").frames == (101,)
    source = open_source(tmp_path)
    assert source.frames == (98, 99, 100, 101)
    (tmp_path / "plate_v02.exr").write_bytes((tmp_path / "shot.101.exr").read_bytes())
    assert open_source(tmp_path / "plate_v02.exr").frames == (1,)
    with pytest.raises(UsageError, match="more than one sequence"):
        open_source(tmp_path)


def test_name_that_looks_like_a_pattern_but_exists(make_sequence, tmp_path: Path) -> None:
    make_sequence([1], "logo@2x.exr")
    assert open_source(tmp_path / "logo@2x.exr").frames == (1,)


def test_nothing_matches(make_sequence, tmp_path: Path) -> None:
    make_sequence([1], "shot.{:02d}.exr")
    with pytest.raises(InputError, match=r"matches nothing.*shot.01.exr"):
        open_source(tmp_path / "shot.####.exr")
    with pytest.raises(InputError, match="no folder"):
        open_source(tmp_path / "nowhere" / "shot.####.exr")
    with pytest.raises(InputError, match=r"none of the frames 5-6 exists.*there are 1"):
        open_source(tmp_path / "shot.##.exr", "5-6")
    with pytest.raises(InputError, match="holds no images"):
        (tmp_path / "void").mkdir()
        open_source(tmp_path / "void")
    with pytest.raises(UsageError, match="more than one frame token"):
        open_source(tmp_path / "s_##_####.exr")


def test_one_frame_sequence_and_digest(make_sequence, tmp_path: Path) -> None:
    source = open_source(make_sequence([5]))
    assert source.frames == (5,) and source.missing == () and source.fps is None
    before = source.digest(5)
    assert before == source.digest(5)
    path = source.path(5)
    path.write_bytes(path.read_bytes() + b"x")
    assert source.digest(5) != before
