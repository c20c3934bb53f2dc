"""Does `retempo inbetween` make frames between two stills, and leave the stills alone?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from plates import Program, assert_same_pixels, make_shot, names, numbers, picture, planes

FAST = ("--flow", "dis:fast")


@pytest.fixture
def stills(tmp_path: Path) -> tuple[Path, Path]:
    """Two pictures four pixels apart: numbers 10 and 12 of the moving picture."""
    make_shot(tmp_path / "in", (10, 12))
    return tmp_path / "in" / "shot.0010.exr", tmp_path / "in" / "shot.0012.exr"


def test_one_frame_in_the_middle(retempo: Program, stills: tuple[Path, Path], tmp_path: Path) -> None:
    report = retempo.done("inbetween", *stills, "-o", tmp_path / "middle.exr")
    assert report["written"] == [1] and names(tmp_path) == ["in", "middle.exr"]
    made, inside = planes(tmp_path / "middle.exr", "RGB"), (slice(6, -6), slice(10, -10))
    mixed = (picture(10) + picture(12)) / 2
    error, blurred = (np.abs(one[inside] - picture(11)[inside]).mean() for one in (made, mixed))
    assert error < 0.25 * blurred


def test_many_frames(retempo: Program, stills: tuple[Path, Path], tmp_path: Path) -> None:
    report = retempo.done("inbetween", *stills, "-o", tmp_path / "o" / "m.##.exr", "-n", "3", *FAST)
    assert report["written"] == [1, 2, 3] and report["copied"] == [] and report["pairs"] == 1
    assert numbers(tmp_path / "o") == [1, 2, 3]


def test_with_the_originals(retempo: Program, stills: tuple[Path, Path], tmp_path: Path) -> None:
    flags = ("-n", "3", "--with-originals", *FAST)
    report = retempo.done("inbetween", *stills, "-o", tmp_path / "o" / "m.####.exr", *flags)
    assert report["written"] == [0, 1, 2, 3, 4] and report["copied"] == [0, 4]
    assert_same_pixels(stills[0], tmp_path / "o" / "m.0000.exr")
    assert_same_pixels(stills[1], tmp_path / "o" / "m.0004.exr")


def test_uneven_phases_are_exact(retempo: Program, stills: tuple[Path, Path], tmp_path: Path) -> None:
    plan = retempo.done("inbetween", *stills, "-o", tmp_path / "o" / "m.####.exr", "-n", "2", "--dry-run")[
        "plan"
    ]
    assert [entry["phase"] for entry in plan["entries"]] == ["1/3", "2/3"]
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize("elsewhere", [False, True])
def test_vectors_span_the_gap(retempo: Program, plate: Path, tmp_path: Path, elsewhere: bool) -> None:
    """A renderer's vectors reach to the next frame; between frames 1001 and 1003 things move twice as far."""
    pair = [plate / f"plate.{number}.exr" for number in (1001, 1003)]
    flags = ("--flow", "vectors", *(("--vectors", plate / "plate.####.exr") if elsewhere else ()))
    retempo.done("inbetween", *pair, "-o", tmp_path / "o.exr", *flags)
    shot, before, after = (planes(plate / f"plate.{number}.exr", "RGB") for number in (1002, 1001, 1003))
    shot, made, mixed = (
        np.minimum(one, 1) for one in (shot, planes(tmp_path / "o.exr", "RGB"), (before + after) / 2)
    )
    assert np.abs(made - shot).mean() < 0.7 * np.abs(mixed - shot).mean()


def test_the_order_of_names_does_not_matter(
    retempo: Program, stills: tuple[Path, Path], tmp_path: Path
) -> None:
    """The later file comes first: that is the order that was asked for."""
    retempo.done(
        "inbetween", *reversed(stills), "-o", tmp_path / "o" / "m.####.exr", "-n", "3", "--with-originals"
    )
    assert_same_pixels(stills[1], tmp_path / "o" / "m.0000.exr")


def test_resume(retempo: Program, stills: tuple[Path, Path], tmp_path: Path) -> None:
    arguments = ("inbetween", *stills, "-o", tmp_path / "o" / "m.####.exr", "-n", "3", *FAST)
    retempo.done(*arguments)
    (tmp_path / "o" / "m.0002.exr").unlink()
    report = retempo.done(*arguments, "--resume")
    assert report["written"] == [2] and report["skipped"] == [1, 3]


def test_a_movie_of_two_stills(retempo: Program, stills: tuple[Path, Path], tmp_path: Path) -> None:
    from retempo.io.sequence import open_source

    flags = ("-n", "4", "--with-originals", *FAST)
    assert retempo("inbetween", *stills, "-o", tmp_path / "m.mkv", *flags).code == 0
    assert open_source(tmp_path / "m.mkv").frames == (0, 1, 2, 3, 4, 5)
