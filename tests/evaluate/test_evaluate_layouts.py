"""Is every published layout told from the others, and are the right frames made from the right ones?"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from sets import picture, write_picture, write_set

from retempo.cli.evaluate import LAYOUTS as CHOICES
from retempo.errors import InputError, UsageError
from retempo.evaluate.clip import Gap, drop_frames
from retempo.evaluate.layouts import AUTO, LAYOUTS, find_clips, find_layout
from retempo.evaluate.sequences import crop_centre, halve


def make_triplets(folder: Path) -> None:
    write_set(
        folder,
        {f"sequences/00001/{n:04d}/im{i}.png": picture(10 * n + i) for n in (1, 2, 3) for i in (1, 2, 3)},
    )
    (folder / "tri_testlist.txt").write_text("00001/0001\n00001/0003\n\n")


def make_septuplets(folder: Path) -> None:
    write_set(folder, {f"sequences/00001/0001/im{i}.png": picture(i) for i in range(1, 8)})
    (folder / "sep_testlist.txt").write_text("00001/0001\n")


def make_ucf(folder: Path) -> None:
    names = ("frame_00.png", "frame_01_gt.png", "frame_02.png")
    write_set(folder, {f"{n}/{name}": picture(10 * n + i) for n in (1, 2) for i, name in enumerate(names)})


def make_middlebury(folder: Path) -> None:
    write_set(
        folder,
        {
            "other-data/Venus/frame10.png": picture(0),
            "other-data/Venus/frame11.png": picture(2),
            "other-gt-interp/Venus/frame10i11.png": picture(1),
            "other-data/Army/frame10.png": picture(5),  # of the hidden set: no truth
        },
    )


def make_snu(folder: Path) -> None:
    write_set(folder, {f"test/GOPRO/{n:06d}.png": picture(n) for n in range(1, 8)})
    lines = [f"data/SNU-FILM/test/GOPRO/{a:06d}.png" for a in range(1, 8)]
    (folder / "test-easy.txt").write_text(" ".join(lines[:3]) + "\n" + " ".join(lines[2:5]) + "\n")
    (folder / "eval_modes").mkdir()
    (folder / "eval_modes" / "test-hard.txt").write_text(" ".join((lines[0], lines[3], lines[6])) + "\n")


def make_xiph(folder: Path) -> None:
    write_set(folder, {f"Tango-{n:03d}.png": picture(n) for n in range(1, 101)})


def make_x_test(folder: Path) -> None:
    write_set(folder, {f"test/Type1/TEST01/{n:04d}.png": picture(n) for n in range(33)})


def make_sequence(folder: Path) -> None:
    write_set(folder, {f"shot.{n:04d}.png": picture(n) for n in range(1001, 1006)})


MAKERS = {
    "vimeo-triplet": make_triplets,
    "vimeo-septuplet": make_septuplets,
    "ucf101": make_ucf,
    "middlebury": make_middlebury,
    "snu-film": make_snu,
    "xiph-2k": make_xiph,
    "x-test": make_x_test,
    "sequence": make_sequence,
}
TWINS = {"xiph-2k": "xiph-4k", "x-test": "x-test-2k"}


@pytest.mark.parametrize("name", MAKERS)
def test_layout_is_recognised(name: str, tmp_path: Path) -> None:
    MAKERS[name](tmp_path)
    if name not in TWINS:
        assert find_layout(tmp_path) == name
        return
    with pytest.raises(UsageError, match=f"{name} or {TWINS[name]}"):
        find_layout(tmp_path)
    assert find_layout(tmp_path, TWINS[name]) == TWINS[name]


def test_every_layout_has_a_maker() -> None:
    assert {*MAKERS, *TWINS.values()} == set(LAYOUTS)
    assert (AUTO, *LAYOUTS) == CHOICES


@pytest.mark.parametrize("name", [name for name in LAYOUTS if name != "sequence"])
def test_another_set_is_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected"):
        find_clips(tmp_path, name)
    with pytest.raises(InputError, match="no folder"):
        find_clips(tmp_path / "absent", name)


def test_listed_triplets_alone_are_scored(tmp_path: Path) -> None:
    make_triplets(tmp_path)
    clips = find_clips(tmp_path, "vimeo-triplet")
    assert [clip.name for clip in clips] == ["00001/0001", "00001/0003"]
    assert clips[1].gaps == (Gap((0, 2), 0, (1,)),)
    for at in range(3):
        assert np.array_equal(clips[1].read(at), picture(31 + at))
    (tmp_path / "tri_testlist.txt").unlink()
    assert find_layout(tmp_path) == "vimeo-triplet"
    assert len(find_clips(tmp_path, "vimeo-triplet")) == 3


def test_a_triplet_alone_and_other_formats(tmp_path: Path) -> None:
    write_set(tmp_path, {f"im{i}.tif": picture(i) for i in (1, 2, 3)})
    assert find_layout(tmp_path) == "vimeo-triplet"
    (clip,) = find_clips(tmp_path, "vimeo-triplet")
    assert clip.name == tmp_path.name
    assert np.array_equal(clip.read(1), picture(2))


def test_septuplets_show_four_frames(tmp_path: Path) -> None:
    make_septuplets(tmp_path)
    (clip,) = find_clips(tmp_path, "vimeo-septuplet")
    assert clip.gaps == (Gap((1, 3, 5, 7), 3, (4,)),)
    assert np.array_equal(clip.read(4), picture(4))


def test_ucf_and_middlebury(tmp_path: Path) -> None:
    make_ucf(tmp_path / "ucf")
    clips = find_clips(tmp_path / "ucf", "ucf101")
    assert [clip.name for clip in clips] == ["1", "2"]
    assert np.array_equal(clips[1].read(1), picture(21))
    make_middlebury(tmp_path / "mb")
    (clip,) = find_clips(tmp_path / "mb", "middlebury")
    assert clip.name == "Venus"
    assert [np.array_equal(clip.read(at), picture(at)) for at in range(3)] == [True] * 3


def test_snu_film_splits(tmp_path: Path) -> None:
    make_snu(tmp_path)
    easy, hard = find_clips(tmp_path, "snu-film")
    assert (easy.name, hard.name) == ("easy", "hard")
    assert [gap.truths for gap in easy.gaps] == [(1,), (4,)]
    assert np.array_equal(easy.read(4), picture(4))  # line 2 is of frames 3, 4, 5
    assert np.array_equal(hard.read(hard.gaps[0].inputs[1]), picture(7))
    (tmp_path / "test-easy.txt").write_text("one.png two.png\n")
    with pytest.raises(InputError, match="line 1: 2 names"):
        find_clips(tmp_path, "snu-film")


def test_xiph_protocol(tmp_path: Path) -> None:
    make_xiph(tmp_path)
    (small,) = find_clips(tmp_path, "xiph-2k")
    (centre,) = find_clips(tmp_path, "xiph-4k")
    assert [gap.truths[0] for gap in small.gaps] == list(range(2, 99, 2))
    assert all(gap.inputs == (gap.truths[0] - 1, gap.truths[0] + 1) for gap in small.gaps)
    assert len(small.gaps) == 49
    assert np.array_equal(small.read(7), halve(picture(7)))
    assert np.array_equal(centre.read(7), picture(7)[6:-6, 8:-8])


def test_half_size_is_that_of_opencv() -> None:
    pixels = picture(1, (64, 48))
    assert np.array_equal(halve(pixels), cv2.resize(pixels, (24, 32), interpolation=cv2.INTER_AREA))
    assert crop_centre(np.zeros((2160, 4096, 3), np.uint8)).shape == (1080, 2048, 3)
    with pytest.raises(InputError, match="31x24"):
        halve(picture(1, (24, 31)))


def test_x_test_protocol(tmp_path: Path) -> None:
    make_x_test(tmp_path)
    (clip,) = find_clips(tmp_path, "x-test")
    assert clip.name == "Type1/TEST01"
    assert clip.gaps == (Gap((0, 32), 0, (4, 8, 12, 16, 20, 24, 28)),)
    assert np.array_equal(find_clips(tmp_path, "x-test-2k")[0].read(28), halve(picture(28)))
    (tmp_path / "test/Type1/TEST01/0009.png").unlink()
    with pytest.raises(InputError, match="32 pictures"):
        find_clips(tmp_path, "x-test")


def test_dropped_frames() -> None:
    assert drop_frames(range(1, 8), 2) == tuple(Gap((1, 3, 5, 7), n, (n + 1,)) for n in (1, 3, 5))
    assert drop_frames(range(7), 4) == (Gap((0, 4), 0, (1, 2, 3)),)
    assert drop_frames((5, 6), 2) == ()


def test_sequences_in_many_shapes(tmp_path: Path) -> None:
    make_sequence(tmp_path / "one")
    make_sequence(tmp_path / "two")
    (clip,) = find_clips(tmp_path / "one", "sequence")
    assert [gap.truths for gap in clip.gaps] == [(1002,), (1004,)]
    assert list(clip.flicker) == [4]
    assert find_clips(tmp_path / "one", "sequence", flicker=False)[0].flicker == {}
    assert [clip.name for clip in find_clips(tmp_path, "sequence")] == ["one", "two"]
    (clip,) = find_clips(tmp_path / "one" / "shot.####.png", "sequence", every=3, frames="1002-1005")
    assert clip.gaps == (Gap((1002, 1005), 1002, (1003, 1004)),)
    assert np.array_equal(clip.read(1003), picture(1003))
    with pytest.raises(InputError, match="has 5 frames"):
        find_clips(tmp_path / "one", "sequence", every=5)
    (tmp_path / "one" / "shot.1003.png").unlink()
    with pytest.raises(InputError, match=r"shot\.1003\.png.* is missing"):
        find_clips(tmp_path / "one", "sequence")


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    make_ucf(tmp_path)
    (tmp_path / "2" / "frame_02.png").unlink()
    with pytest.raises(InputError, match=r"2/frame_02\.png is missing"):
        find_clips(tmp_path, "ucf101")


def test_floating_point_is_refused(tmp_path: Path) -> None:
    for number in range(3):
        write_picture(tmp_path / f"shot.{number:04d}.exr", picture(number).astype(np.float32), "half")
    (clip,) = find_clips(tmp_path, "sequence")
    with pytest.raises(InputError, match="floating-point"):
        clip.read(1)


def test_sixteen_bits_are_rounded(tmp_path: Path) -> None:
    values = np.float32([[[100.4, 100.6, 255]]]).repeat(8, 0).repeat(8, 1) / np.float32(255)
    for number in range(3):
        write_picture(tmp_path / f"shot.{number:04d}.png", values, "uint16")
    assert find_clips(tmp_path, "sequence")[0].read(1)[0, 0].tolist() == [100, 101, 255]
