"""Is a plate the exact median of all frames, whatever memory there is, for every kind of channel?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest

from plates import LINEAR, Program, assert_same_pixels, names, planes, raw, write_image
from retempo.errors import UsageError
from retempo.io.frame import Window, make_layer
from retempo.io.sequence import file_digest, open_source
from retempo.render.plate import make_plate, plan_rows

CHANNELS = ("R", "G", "B", "A", "Z", "motion.u")
KINDS = {**dict.fromkeys("RGBA", "half"), "Z": "float", "motion.u": "float", "id": "uint"}
COUNT = 6


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Six frames of noise with data channels and ids, and a second part whose data window moves."""
    rng = np.random.default_rng(1)
    for number in range(1, COUNT + 1):
        values = rng.random((40, 32, 6)).astype(np.float16).astype(np.float32)
        ids = rng.integers(0, 4, (40, 32, 1)).astype(np.uint32) + np.uint32(0xFFFFFFF0)
        first = make_layer(values, CHANNELS, ids=ids, id_names=("id",), formats=KINDS, name="main")
        small = rng.random((10, 12, 1)).astype(np.float32)
        window = Window(3 + number, 5, 12, 10)
        second = make_layer(
            small, ("mask",), window=window, display=Window(0, 0, 32, 40), formats="float", name="side"
        )
        write_image(tmp_path / "in" / f"c.{number:04d}.exr", first, second)
    return tmp_path / "in" / "c.####.exr"


def stack(clip: Path, name: str, part: int = 0) -> np.ndarray:
    found = [raw(clip.parent / f"c.{number:04d}.exr")[part, name] for number in range(1, COUNT + 1)]
    return np.stack(found)


def test_every_channel_is_the_median(retempo: Program, clip: Path, tmp_path: Path) -> None:
    report = retempo.done("plate", clip, "-o", tmp_path / "plate.exr", "--data-type", "float")
    assert report["frames"] == list(range(1, COUNT + 1)) and report["strips"] == 1
    for index, name in enumerate(CHANNELS):
        kind = np.float16 if name in "RGBA" else np.float32
        values = stack(clip, name).view(kind).astype(np.float32)
        made = planes(tmp_path / "plate.exr", [name])[..., 0]
        assert np.array_equal(made, np.median(values, axis=0)), (index, name)


def test_ids_are_the_most_frequent(retempo: Program, clip: Path, tmp_path: Path) -> None:
    retempo.done("plate", clip, "-o", tmp_path / "plate.exr")
    ids, made = stack(clip, "id"), raw(tmp_path / "plate.exr")[0, "id"]
    for y in range(0, 40, 7):
        for x in range(32):
            values, counts = np.unique(ids[:, y, x], return_counts=True)
            assert made[y, x] == values[counts == counts.max()].min()


def test_data_windows_that_move_are_held_by_one(retempo: Program, clip: Path, tmp_path: Path) -> None:
    """Beyond a data window OpenEXR has 0."""
    retempo.done("plate", clip, "-o", tmp_path / "plate.exr")
    made = raw(tmp_path / "plate.exr")[1, "mask"].view(np.float32)
    assert made.shape == (10, 17)
    values = np.zeros((COUNT, 10, 17), np.float32)
    for number in range(1, COUNT + 1):
        values[number - 1, :, number - 1 : number + 11] = raw(clip.parent / f"c.{number:04d}.exr")[
            1, "mask"
        ].view(np.float32)
    assert np.array_equal(made, np.median(values, axis=0))


def test_memory_changes_passes_and_no_bit(retempo: Program, clip: Path, tmp_path: Path) -> None:
    retempo.done("plate", clip, "-o", tmp_path / "whole.exr")
    report = retempo.done("plate", clip, "-o", tmp_path / "strips.exr", "--memory", "64K")
    assert report["strips"] > 3 and report["rows"] < 12
    assert_same_pixels(tmp_path / "whole.exr", tmp_path / "strips.exr")
    outcome = retempo("plate", clip, "-o", tmp_path / "none.exr", "--memory", "2K")
    assert outcome.code == 2 and "give --memory at least" in outcome.err


def test_rows_fit_the_budget(clip: Path) -> None:
    header = open_source(str(clip)).header(1)
    for budget in (64 << 10, 128 << 10):
        rows = plan_rows(header, COUNT, str(budget))
        assert rows * COUNT * 4 * (32 * 7 + 12) < budget
    assert plan_rows(header, COUNT, "") == 40
    with pytest.raises(UsageError, match="at least"):
        plan_rows(header, 100000, "1M")


def test_some_frames(retempo: Program, clip: Path, tmp_path: Path) -> None:
    retempo.done("plate", clip, "-o", tmp_path / "p.exr", "--frames", "2-4")
    values = stack(clip, "Z").view(np.float32)[1:4]
    assert np.array_equal(planes(tmp_path / "p.exr", ["Z"])[..., 0], np.median(values, axis=0))


def test_a_movie_in_several_passes(retempo: Program, clip: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    codes = rng.integers(0, 256, (5, 24, 40, 3))
    for number, picture in enumerate(codes, 1):
        path = tmp_path / "m" / f"m.{number:04d}.png"
        write_image_png(path, picture.astype(np.uint8))
    movie = tmp_path / "m.mkv"
    retempo.done("retime", tmp_path / "m" / "m.####.png", "-o", movie, "--speed", "1", "--fps", "24")
    retempo.done("plate", movie, "-o", tmp_path / "one.exr", "--data-type", "float")
    report = retempo.done(
        "plate", movie, "-o", tmp_path / "two.exr", "--data-type", "float", "--memory", "32K"
    )
    assert report["strips"] > 1
    assert_same_pixels(tmp_path / "one.exr", tmp_path / "two.exr")
    made = planes(tmp_path / "one.exr", "RGB") * 255
    assert np.abs(made - np.median(codes, axis=0)).max() < 0.01


def write_image_png(path: Path, picture: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    buffer = oiio.ImageBuf(oiio.ImageSpec(picture.shape[1], picture.shape[0], 3, "uint8"))
    buffer.set_pixels(oiio.ROI(), picture)
    assert buffer.write(str(path)), buffer.geterror()


def test_a_plate_of_the_street_has_no_cars(retempo: Program, tmp_path: Path) -> None:
    retempo.done("sample", tmp_path / "s", "--scene", "street", "--frames", "1-60x4", "--size", "96x54")
    retempo.done("plate", tmp_path / "s" / "night.####.exr", "-o", tmp_path / "plate.exr")
    made, clean = planes(tmp_path / "plate.exr", "RGB"), planes(tmp_path / "s" / "reference.exr", "RGB")
    one = planes(tmp_path / "s" / "night.0005.exr", "RGB")
    road = slice(42, 54)
    assert np.abs(one[road] - clean[road]).max() > 5
    assert np.abs(made[road] - clean[road]).max() < 0.3
    assert np.abs(made - clean).mean() < 0.4 * np.abs(one - clean)[:40].mean() + 0.003


def test_resume_and_overwrite(retempo: Program, clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "o" / "plate.exr"
    assert retempo.done("plate", clip, "-o", out)["skipped"] is False
    assert retempo("plate", clip, "-o", out).code == 4
    assert retempo.done("plate", clip, "-o", out, "--resume")["skipped"] is True
    assert retempo.done("plate", clip, "-o", out, "--resume", "--frames", "1-3")["skipped"] is False
    assert retempo.done("plate", clip, "-o", out, "--overwrite")["skipped"] is False
    assert retempo("plate", clip, "-o", out, "--resume", "--overwrite").code == 2
    assert names(tmp_path / "o") == ["plate.exr"]


def test_nothing_is_left_of_a_plate_that_failed(retempo: Program, clip: Path, tmp_path: Path) -> None:
    broken = clip.parent / "c.0004.exr"
    broken.write_bytes(broken.read_bytes()[:3000])
    outcome = retempo("plate", clip, "-o", tmp_path / "o" / "plate.exr")
    assert outcome.code == 3 and "c.0004.exr" in outcome.err
    assert names(tmp_path / "o") == []


def test_what_is_refused(retempo: Program, clip: Path, tmp_path: Path) -> None:
    assert retempo("plate", clip, "-o", tmp_path / "o.mov").code == 2
    before = file_digest(clip.parent / "c.0001.exr")
    assert retempo("plate", clip, "-o", clip.parent / "c.0001.exr", "--overwrite").code == 4
    assert file_digest(clip.parent / "c.0001.exr") == before
    other = make_layer(np.zeros((30, 32, 6), np.float32), CHANNELS)
    write_image(clip.parent / "c.0007.exr", other)
    outcome = retempo("plate", clip, "-o", tmp_path / "o.exr")
    assert outcome.code == 3 and "do not fit together" in outcome.err


def test_make_plate_tells_its_progress(clip: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    make_plate(
        open_source(str(clip)),
        str(tmp_path / "p.exr"),
        progress=lambda done, total, what: seen.append((done, total)),
    )
    assert seen == [(done, COUNT) for done in range(1, COUNT + 1)]


def test_a_plate_serves_as_a_background(retempo: Program, tmp_path: Path) -> None:
    retempo.done("sample", tmp_path, "--scene", "street", "--frames", "1-5", "--size", "64x36")
    retempo.done("plate", tmp_path / "night.####.exr", "-o", tmp_path / "plate.exr")
    report = retempo.done("fuse", tmp_path / "night.####.exr", "--background", tmp_path / "plate.exr", "-o",
                          tmp_path / "o.####.exr", *LINEAR)  # fmt: skip
    assert len(report["written"]) == 5
