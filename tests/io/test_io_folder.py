"""Does a folder appear whole or not at all, and is nothing of anybody else's lost? What is there of a result?"""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from retempo.conventions import SETTINGS_KEY
from retempo.errors import InputError, OutputError
from retempo.io import temporary
from retempo.io.folder import open_folder
from retempo.io.frame import Frame, make_layer
from retempo.io.result import ResultFrames
from retempo.io.stills import write_still
from retempo.io.target import open_target

HOLDS = ("index.html", "media")


def fill(folder: Path, text: str, overwrite: bool = False) -> None:
    with open_folder(folder, overwrite=overwrite, holds=HOLDS) as place:
        assert place.parent == folder.parent
        (place / "media").mkdir()
        (place / "index.html").write_text(text)


def listing(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


def test_a_folder_gets_its_name_when_it_is_whole(tmp_path: Path) -> None:
    with open_folder(tmp_path / "page", overwrite=False, holds=HOLDS) as place:
        (place / "index.html").write_text("new")
        assert not (tmp_path / "page").exists()
    assert (tmp_path / "page" / "index.html").read_text() == "new"
    assert listing(tmp_path) == ["page"]


def test_an_error_leaves_what_was_there(tmp_path: Path) -> None:
    fill(tmp_path / "page", "old")
    with pytest.raises(InputError), open_folder(tmp_path / "page", overwrite=True, holds=HOLDS) as place:
        (place / "index.html").write_text("half")
        raise InputError("a frame is broken")
    assert (tmp_path / "page" / "index.html").read_text() == "old"
    assert listing(tmp_path) == ["page"]


def test_only_its_like_is_replaced_and_only_when_asked(tmp_path: Path) -> None:
    fill(tmp_path / "page", "old")
    with pytest.raises(OutputError, match="--overwrite"):
        fill(tmp_path / "page", "new")
    fill(tmp_path / "page", "new", overwrite=True)
    assert (tmp_path / "page" / "index.html").read_text() == "new"
    (tmp_path / "page" / "plate.exr").write_text("mine")
    with pytest.raises(OutputError, match=r"plate\.exr"):
        fill(tmp_path / "page", "newer", overwrite=True)
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "page")
    for name in ("file", "link"):
        with pytest.raises(OutputError, match="no folder"):
            fill(tmp_path / name, "new", overwrite=True)


def test_a_new_name_that_fails_brings_the_old_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path / "page", "old")
    rename, failures = os.rename, iter([False, True, False])

    def sometimes(source: Path, target: Path) -> None:
        if next(failures):
            raise OSError(28, "No space left on device")
        rename(source, target)

    monkeypatch.setattr(os, "rename", sometimes)
    with pytest.raises(OutputError, match="No space left"):
        fill(tmp_path / "page", "new", overwrite=True)
    assert (tmp_path / "page" / "index.html").read_text() == "old"
    assert listing(tmp_path) == ["page"]


def test_what_a_killed_process_left_goes(tmp_path: Path) -> None:
    dead = tmp_path / f".page.{temporary._HOST}.{2**22 + 1}.tmp"
    (dead / "media").mkdir(parents=True)
    (dead / "media" / "after.jpg").write_text("half")
    fill(tmp_path / "page", "new")
    assert listing(tmp_path) == ["page"]


def test_a_folder_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be made"):
        fill(tmp_path / "file" / "page", "new")


def picture(number: int) -> Frame:
    pixels = np.full((8, 10, 3), number / 16, np.float32)
    layer = make_layer(pixels, ("R", "G", "B"), formats="uint8")
    return Frame([layer], layer.window, Path("made"), "png")


@pytest.mark.parametrize("name", ["out.####.png", "out.mkv"])
def test_a_result_is_read_by_output_number(tmp_path: Path, name: str) -> None:
    numbers = [1001, 1002, 1004]
    pattern = tmp_path / name
    target = open_target(str(pattern), fps=Fraction(24))
    for number in numbers:
        target.write(number, picture(number - 1000), {SETTINGS_KEY: "abc"})
    target.close()
    result = ResultFrames(pattern, numbers)
    for number in numbers:
        assert result.fault(number) == ""
        assert result.stamp(number) == "abc"
        assert result.read(number).main().pixels[4, 4, 0] == pytest.approx((number - 1000) / 16, abs=0.01)
    assert result.others() == ()
    longer = ResultFrames(pattern, [*numbers, 1010])
    assert longer.fault(1010) == "missing"
    with pytest.raises(InputError):
        longer.read(1010)
    assert len(ResultFrames(pattern, numbers[:1]).others()) == 2
    before = listing(tmp_path)
    nothing = ResultFrames(tmp_path / "none" / name, numbers)
    assert [nothing.fault(number) for number in numbers] == ["missing"] * 3
    assert nothing.others() == ()
    assert listing(tmp_path) == before  # looking makes no folder


def test_a_still_that_cannot_be_written_names_its_place(tmp_path: Path) -> None:
    codes = np.zeros((4, 4, 3), np.uint8)
    write_still(tmp_path / "a.jpg", codes)
    assert (tmp_path / "a.jpg").read_bytes()[:3] == b"\xff\xd8\xff"
    with pytest.raises(OutputError, match=r"none/a\.jpg"):
        write_still(tmp_path / "none" / "a.jpg", codes)
