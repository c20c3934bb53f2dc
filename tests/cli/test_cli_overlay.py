"""Does what is burnt in stand, sharp and without a halo, while the picture behind it moves?"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from plates import LINEAR, Program, names, planes, write_image
from retempo.io.frame import make_layer
from retempo.metrics.quality import psnr

FAST = ("--flow", "dis:fast", "--speed", "1/2", "--quiet", *LINEAR)
WIDTH, HEIGHT, COUNT = 192, 108, 8


def scene(time: float) -> np.ndarray:
    """A camera that pans; [108, 192, 3] float32."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    x = x + 6 * time
    waves = [np.sin(x / 5 + np.sin(y / 9)), np.cos(x / 11 - y / 7), np.sin(x / 17) * np.cos(y / 6)]
    return (np.stack(waves, 2) * 0.25 + 0.45).astype(np.float32)


def cover() -> np.ndarray:
    """How far each pixel is burnt over, [108, 192] float32: a letterbox and words with soft edges."""
    drawn = np.zeros((HEIGHT, WIDTH), np.uint8)
    drawn[:12] = drawn[-12:] = 255
    cv2.putText(drawn, "words", (60, 84), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 255, 2, cv2.LINE_AA)
    return drawn.astype(np.float32) / 255


def burn(picture: np.ndarray) -> np.ndarray:
    light = np.where(np.arange(HEIGHT)[:, None] % 96 < 12, 0.0, 0.95).astype(np.float32)
    share = cover()[..., None]
    return picture * (1 - share) + light[..., None] * share


def shoot(folder: Path, count: int = COUNT) -> Path:
    for at in range(count):
        write_image(folder / f"s.{at:04d}.exr", make_layer(burn(scene(at)), "RGB", formats="float"))
    return folder / "s.####.exr"


def paint(path: Path, share: np.ndarray) -> Path:
    return write_image(path, make_layer(share[..., None], "Y", formats="half"))


def run(retempo: Program, shot: Path, out: Path, *flags: object) -> tuple[dict[int, np.ndarray], dict]:
    report = retempo.done("retime", shot, "-o", out / "o.####.exr", *flags, *FAST)
    return {number: planes(out / f"o.{number:04d}.exr", "RGB") for number in report["written"]}, report


@pytest.mark.parametrize("how", ["auto", "picture", "sequence"])
def test_it_stands(retempo: Program, tmp_path: Path, how: str) -> None:
    """Pixels that are wholly burnt over are the source's; near them PSNR is no worse, mostly far better."""
    shot = shoot(tmp_path / "in")
    given: object = how
    if how == "picture":
        given = paint(tmp_path / "mask.exr", (cover() > 0).astype(np.float32))
    if how == "sequence":
        for at in range(COUNT):
            paint(tmp_path / "m" / f"mask.{at:04d}.exr", (cover() > 0).astype(np.float32))
        given = tmp_path / "m" / "mask.####.exr"
    off, _ = run(retempo, shot, tmp_path / "off")
    made, report = run(retempo, shot, tmp_path / "on", "--overlay", given)
    if how == "auto":
        assert report["overlay"]["box"] == [0, 0, WIDTH, HEIGHT] and 0.2 < report["overlay"]["share"] < 0.4
    whole = cover() == 1
    near = cv2.dilate((cover() > 0).astype(np.uint8), np.ones((13, 13), np.uint8)).astype(bool) & ~whole
    for number in range(3, 12, 2):
        truth = burn(scene(number / 2))
        assert np.abs(made[number] - truth)[whole].max() < 1 / 255
        assert np.abs(off[number] - truth)[whole].max() > 20 / 255, "it wobbles by itself"
        assert psnr(truth[near], made[number][near]) > psnr(truth[near], off[number][near]) + 3
    np.testing.assert_array_equal(made[4], off[4], err_msg="source frames stay as they are")


def test_nothing_found_changes_nothing(retempo: Program, tmp_path: Path) -> None:
    for at in range(COUNT):
        write_image(tmp_path / "in" / f"s.{at:04d}.exr", make_layer(scene(at), "RGB", formats="float"))
    shot = tmp_path / "in" / "s.####.exr"
    off, _ = run(retempo, shot, tmp_path / "off")
    auto, report = run(retempo, shot, tmp_path / "auto", "--overlay", "auto")
    assert report["overlay"] is None
    np.testing.assert_array_equal(auto[5], off[5])
    told = retempo.done(
        "retime", shot, "-o", tmp_path / "o.####.exr", "--overlay", "auto", "--dry-run", *FAST
    )
    assert told["overlay"] is None


def test_resume_sees_another_mask(retempo: Program, tmp_path: Path) -> None:
    shot, mask = shoot(tmp_path / "in", 3), tmp_path / "mask.exr"
    paint(mask, (cover() > 0).astype(np.float32))
    flags = ("--overlay", mask, "--resume")
    assert len(run(retempo, shot, tmp_path / "o", *flags)[1]["written"]) == 5
    assert run(retempo, shot, tmp_path / "o", *flags)[1]["written"] == []
    paint(mask, (cover() > 0.5).astype(np.float32))
    assert run(retempo, shot, tmp_path / "o", *flags)[1]["written"]


def test_what_does_not_fit_is_refused(retempo: Program, tmp_path: Path) -> None:
    shot = shoot(tmp_path / "in", 3)
    small = paint(tmp_path / "small.exr", np.ones((10, 10), np.float32))
    mask = paint(tmp_path / "mask.exr", cover())
    for number in (0, 1):
        paint(tmp_path / "m" / f"mask.{number:04d}.exr", cover())
    some = tmp_path / "m" / "mask.####.exr"
    for flags, code, said in (
        (("--overlay", small), 3, "source's size"),
        (("--overlay", tmp_path / "none.exr"), 3, "none.exr"),
        (("--overlay", some), 3, "mask.0002.exr is missing"),
        (("--overlay", mask, "--matte-channel", "R"), 2, "give one of them"),
        (("--overlay", mask, "--memory", "4M"), 2, "made whole"),
    ):
        outcome = retempo("retime", shot, "-o", tmp_path / "o.####.exr", *flags, *FAST)
        assert outcome.code == code and said in outcome.err, (flags, outcome.err)
    assert names(tmp_path / "o") == []
