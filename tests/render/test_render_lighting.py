"""Does flow see through flicker, while pixels keep their exposure, in whole frames and in strips?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from plates import LINEAR, Program, planes, write_image
from retempo.io.frame import make_layer
from retempo.metrics.exposure import HEIGHT, WIDTH
from retempo.metrics.quality import psnr
from retempo.metrics.small import shrink_parts
from retempo.render.lighting import AS_SHOT, match_lighting
from retempo.render.settings import RetimeSettings
from retempo.render.surroundings import surround

FLAGS = ("--flow", "dis:fast", "--quiet", *LINEAR)
FLICKER = (1.0, 0.3, 1.6, 0.5, 0.9, 0.2, 1.3)


def scene(time: float) -> np.ndarray:
    """A textured disc before a place that moves the other way; [90, 160, 3] float32, linear light."""
    y, x = np.mgrid[0:90, 0:160].astype(np.float32)

    def paint(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.stack(
            [np.sin(x / 5 + np.sin(y / 9)), np.cos(x / 11 - y / 7), np.sin(x / 17) * np.cos(y / 6)], 2
        )

    place, disc = paint(x + 3 * time, y) * 0.12 + 0.3, paint(y, x - 4 * time) * (0.1, 0.2, 0.05) + 0.35
    distance = np.hypot(x - 60 - 4 * time, y - 45)[..., None]
    share = np.clip(26.5 - distance, 0, 1)
    return (place * (1 - share) + disc * share).astype(np.float32)


def shoot(folder: Path, gains: Sequence[float]) -> Path:
    for at, gain in enumerate(gains):
        write_image(
            folder / f"s.{at:04d}.exr", make_layer(scene(at) * np.float32(gain), "RGB", formats="float")
        )
    return folder / "s.####.exr"


def halves(retempo: Program, shot: Path, out: Path, *flags: str) -> tuple[dict[int, np.ndarray], dict]:
    report = retempo.done("retime", shot, "-o", out / "o.####.exr", "--speed", "1/2", *flags, *FLAGS)
    return {number: planes(out / f"o.{number:04d}.exr", "RGB") for number in report["written"]}, report


def mean_score(made: dict[int, np.ndarray], gains: Sequence[float]) -> float:
    """Mean PSNR of the frames half way, dB; exposure, too, is half way between its neighbours'."""
    scores = []
    for at in range(len(gains) - 1):
        truth = scene(at + 0.5) * np.float32((gains[at] + gains[at + 1]) / 2)
        scores.append(psnr(truth, made[2 * at + 1]))
    return float(np.mean(scores))


@pytest.mark.parametrize(
    ("gains", "least"), [(FLICKER, 0.3), (np.linspace(0.02, 1, 7).tolist(), 0.3)], ids=["flicker", "fade"]
)
def test_flicker_and_fades(retempo: Program, tmp_path: Path, gains: Sequence[float], least: float) -> None:
    """Measured in dB, off and auto: flicker 34.2 and 34.6, fade 46.4 and 46.8."""
    shot = shoot(tmp_path / "in", gains)
    off, _ = halves(retempo, shot, tmp_path / "off")
    auto, report = halves(retempo, shot, tmp_path / "auto", "--normalise-exposure", "auto")
    assert mean_score(auto, gains) > mean_score(off, gains) + least
    assert report["exposure_matched"]
    for number in range(0, 13, 2):
        np.testing.assert_array_equal(off[number], auto[number], err_msg="source frames stay as they are")


def test_even_footage_is_left_alone(retempo: Program, tmp_path: Path) -> None:
    shot = shoot(tmp_path / "in", [1.0] * 4)
    off, _ = halves(retempo, shot, tmp_path / "off")
    auto, report = halves(retempo, shot, tmp_path / "auto", "--normalise-exposure", "auto")
    assert report["exposure_matched"] == []
    for number, pixels in off.items():
        np.testing.assert_array_equal(auto[number], pixels)


@pytest.mark.parametrize("mode", ["auto", "on"])
def test_strips_have_the_same_bits(retempo: Program, tmp_path: Path, mode: str) -> None:
    shot = shoot(tmp_path / "in", FLICKER)
    flags = ("--normalise-exposure", mode, "--output-range", "3-6")
    whole, told = halves(retempo, shot, tmp_path / "whole", *flags)
    cut, report = halves(retempo, shot, tmp_path / "cut", *flags, "--memory", "7M")
    assert report["strips"] > 0 and report["flow_scale"] == 1.0
    assert report["exposure_matched"] == told["exposure_matched"] != []
    dry = retempo.done(
        "retime", shot, "-o", tmp_path / "o.####.exr", "--dry-run", "--speed", "1/2", *flags, *LINEAR
    )
    assert dry["exposure_matched"] == told["exposure_matched"]
    for number, pixels in whole.items():
        np.testing.assert_array_equal(cut[number], pixels)


def test_a_flash_bends_no_path_beside_it() -> None:
    shown = {at: scene(at) for at in range(4)}
    shown[0] = np.clip(shown[0] * 6, 0, 1)
    around = surround((0, 1, 2, 3), 1, RetimeSettings(motion="quadratic"))

    def small(number: int) -> np.ndarray:
        return shrink_parts([shown[number]], WIDTH, HEIGHT)

    assert around.past == ((0, 1), (2, 3))
    left, lighting = match_lighting(around, small, "auto")
    assert left.past == ((2, 3),) and left.pairs == around.pairs and 2 not in lighting.exposures
    assert match_lighting(around, small, "off") == (around, AS_SHOT)
