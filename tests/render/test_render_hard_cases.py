"""How near does the engine come to the truth where motion is hard to find? What it reaches today, so that changes show.

Each scene is painted at any time; of four frames the moment in the middle is made with DIS and the defaults. Figures
are PSNR in dB; those of a blend of the two neighbours are beside them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from plates import LINEAR, Program, planes, write_image
from retempo.io.frame import make_layer
from retempo.metrics.quality import psnr

WIDTH, HEIGHT = 320, 180
Y, X = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
BELOW = 0.7
"""dB by which a result may fall short of what was measured."""
Scene = Callable[[float], np.ndarray]


def texture(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Smooth shapes of several sizes that do not repeat within the frame; [180, 320, 3] float32."""
    waves = [
        np.sin(x / 7 + 2 * np.sin(y / 11 + x / 90)),
        np.cos(x / 17 - y / 13 + np.sin(x / 41)),
        np.sin(x / 31 + y / 9) * np.cos(y / 5 - x / 57),
    ]
    return (np.stack(waves, 2) * 0.22 + 0.45).astype(np.float32)


def over(picture: np.ndarray, share: np.ndarray, colour: tuple[float, float, float]) -> np.ndarray:
    share = np.clip(share, 0, 1)[..., None]
    return (picture * (1 - share) + np.float32(colour) * share).astype(np.float32)


def fence(speed: float) -> Scene:
    """Bars of 6 pixels, 16 apart, before a place that stands."""
    return lambda time: over(texture(X, Y), 3.5 - abs((X - speed * time) % 16 - 8), (0.1, 0.1, 0.12))


def wires(speed: float) -> Scene:
    """Four lines of 1.5 pixels that fall over a place that stands."""
    return lambda time: over(
        texture(X, Y), 1.25 - abs((Y - 0.2 * X - speed * time + 5) % 45 - 22), (0.05, 0.05, 0.05)
    )


def leaving(speed: float) -> Scene:
    """A textured ball of 80 pixels half way out of the frame."""

    def paint(time: float) -> np.ndarray:
        x = X - 300 - speed * time
        share = np.clip(40.5 - np.hypot(x, Y - 90), 0, 1)[..., None]
        return (texture(X, Y) * (1 - share) + texture(2 * x, 2 * Y)[..., ::-1] * share).astype(np.float32)

    return paint


def pan(speed: float) -> Scene:
    """Everything moves, and new things come in."""
    return lambda time: texture(X + speed * time, Y)


@pytest.mark.parametrize(
    ("scene", "measured", "blend"),
    [
        (fence(3), 26.6, 19.7),
        (fence(7), 17.7, 14.9),  # nearly half of what it repeats by
        (wires(3), 42.7, 22.5),
        (wires(9), 26.1, 21.6),
        (leaving(8), 43.5, 35.8),
        (leaving(24), 32.3, 30.4),
        (pan(12), 47.1, 29.8),
        (pan(40), 32.1, 14.7),
        (pan(80), 13.6, 16.1),  # a quarter of the width: not followed, and worse than nothing
    ],
    ids=["fence 3", "fence 7", "wires 3", "wires 9", "leaving 8", "leaving 24", "pan 12", "pan 40", "pan 80"],
)
def test_what_is_reached(
    retempo: Program, tmp_path: Path, scene: Scene, measured: float, blend: float
) -> None:
    for at in range(4):
        layer = make_layer(scene(at), "RGB", formats="float")
        write_image(tmp_path / "in" / f"s.{at:04d}.exr", layer)
    flags = ("--speed", "1/2", "--output-range", "3", "--flow", "dis", "--quiet", *LINEAR)
    retempo.done("retime", tmp_path / "in" / "s.####.exr", "-o", tmp_path / "o.####.exr", *flags)
    truth, made = scene(1.5), planes(tmp_path / "o.0003.exr", "RGB")
    assert psnr(truth, made) > measured - BELOW, "worse than it was"
    assert psnr(truth, (scene(1) + scene(2)) / 2) == pytest.approx(blend, abs=0.1)


def dissolving(pace: float) -> Scene:
    """A pan that goes over into another one, half way at 1.5; a frame shows ``pace`` more of the other."""

    def paint(time: float) -> np.ndarray:
        share = np.float32(np.clip(0.5 + pace * (time - 1.5), 0, 1))
        other = texture(1.3 * X - 4 * time, 1.2 * Y)[::-1, ::-1]
        return texture(X + 6 * time, Y) * (1 - share) + other * share

    return paint


@pytest.mark.parametrize(
    ("pace", "moved", "mixed"), [(0.1, 50.1, 45.5), (0.3, 30.4, 41.0)], ids=["slow", "quick"]
)
def test_what_is_reached_in_dissolves(
    retempo: Program, tmp_path: Path, pace: float, moved: float, mixed: float
) -> None:
    """Motion serves slow ones better, mixed neighbours (``--dissolves``) quick ones of slow scenes."""
    scene = dissolving(pace)
    for at in range(4):
        write_image(tmp_path / "in" / f"s.{at:04d}.exr", make_layer(scene(at), "RGB", formats="float"))
    flags = ("--speed", "1/2", "--output-range", "3", "--flow", "dis", "--quiet", "--overwrite", *LINEAR)
    for listed, measured in (("off", moved), ("0-3", mixed)):
        out = tmp_path / "o.####.exr"
        retempo.done("retime", tmp_path / "in" / "s.####.exr", "-o", out, *flags, "--dissolves", listed)
        assert psnr(scene(1.5), planes(tmp_path / "o.0003.exr", "RGB")) > measured - BELOW, (
            "worse than it was"
        )
