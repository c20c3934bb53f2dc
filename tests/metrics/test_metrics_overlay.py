"""Is what is burnt in found, and nothing else that lies still?"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from retempo.metrics.overlay import LEAST_FRAMES, OverlayMeter

DATA = (
    Path(os.environ.get("RETEMPO_DATA", Path(__file__).resolve().parents[3] / "shared" / "data")) / "training"
)
HEIGHT, WIDTH = 180, 320
Frame = np.ndarray


def pan(at: int) -> Frame:
    """A camera that moves over textures; [180, 320, 3] float32."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    x = x + 5 * at
    waves = [np.sin(x / 7 + np.sin(y / 11)), np.cos(x / 17 - y / 13), np.sin(x / 31) * np.cos(y / 5)]
    return (np.stack(waves, 2) * 0.25 + 0.45).astype(np.float32)


def burn(frame: Frame) -> Frame:
    """The same with a letterbox, words and a logo."""
    shown = np.ascontiguousarray(frame.copy())
    shown[:20] = shown[-20:] = 0
    words = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.putText(words, "not part of it", (70, 145), cv2.FONT_HERSHEY_SIMPLEX, 0.7, 255, 2, cv2.LINE_AA)
    share = words[..., None].astype(np.float32) / 255
    cv2.circle(shown, (285, 45), 14, (1.0, 0.8, 0.2), -1, cv2.LINE_AA)
    return shown * (1 - share) + share


def burnt(shape: tuple[int, ...] = (HEIGHT, WIDTH, 3)) -> tuple[np.ndarray, np.ndarray]:
    """Where nothing of the picture is left, and where it is not touched."""
    on_black, on_white = burn(np.zeros(shape, np.float32)), burn(np.ones(shape, np.float32))
    left = np.abs(on_white - on_black).max(axis=2)
    return left < 0.01, left > 0.99


def find(frames: Iterable[Frame]) -> np.ndarray | None:
    meter = OverlayMeter()
    for frame in frames:
        for row in range(0, frame.shape[0], 50):
            meter.add(frame[row : row + 50])
        assert meter.finish()
    return meter.find()


@pytest.mark.parametrize("noise", [0.0, 0.004])
def test_letterbox_words_and_logo(noise: float) -> None:
    rng = np.random.default_rng(4)
    frames = [burn(pan(at)) for at in range(12)]
    found = find([frame + rng.normal(0, noise, frame.shape).astype(np.float32) for frame in frames])
    covered, untouched = burnt()
    assert found is not None and found.dtype == np.bool_ and found.shape == (HEIGHT, WIDTH)
    assert (found & covered).sum() >= 0.99 * covered.sum()
    apart = cv2.erode(untouched.astype(np.uint8), np.ones((7, 7), np.uint8), borderValue=1).astype(bool)
    assert not (found & apart).any()


def standing(at: int) -> Frame:
    """A camera that stands; something passes."""
    shown = pan(0).copy()
    shown[60:120, 40 + 12 * at : 90 + 12 * at] = pan(50 + at)[60:120, 40 + 12 * at : 90 + 12 * at]
    return shown


def sky(at: int) -> Frame:
    """Even blue above a skyline that moves."""
    shown = pan(at).copy()
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    shown[y < 70 + 20 * np.sin((x + 5 * at) / 40)] = (0.5, 0.7, 0.95)
    return shown


@pytest.mark.parametrize(
    "scene", [pan, standing, sky, lambda at: burn(pan(0))], ids=["pan", "stands", "sky", "still"]
)
def test_what_is_none(scene: Callable[[int], Frame]) -> None:
    assert find(scene(at) for at in range(14)) is None


def test_too_few_frames_and_other_sizes() -> None:
    assert find(burn(pan(at)) for at in range(LEAST_FRAMES - 1)) is None
    assert find([]) is None
    meter = OverlayMeter()
    meter.add(pan(0))
    assert meter.finish()
    meter.add(pan(1)[:-1])
    assert not meter.finish() and meter.frames == 1


def clip(name: str) -> list[Frame]:
    with av.open(str(DATA / name)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in islice(container.decode(video=0), 0, 24, 2)]
    small = [cv2.resize(frame, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA) for frame in frames]
    return [frame.astype(np.float32) / 255 for frame in small]


@pytest.mark.skipif(not DATA.is_dir(), reason="the training clips are not there")
@pytest.mark.parametrize(
    ("name", "most"), [("tokyo_walk_1280x720.mp4", 0.03), ("road_960x540.mp4", 0.01), ("asl_walk.mkv", 0.0)]
)
def test_real_footage_without_any(name: str, most: float) -> None:
    """Little of a moving camera's picture; of one that stands nothing."""
    found = find(clip(name))
    assert (0.0 if found is None else float(found.mean())) <= most


@pytest.mark.skipif(not DATA.is_dir(), reason="the training clips are not there")
def test_real_footage_with_one() -> None:
    found = find([burn(frame) for frame in clip("tokyo_walk_1280x720.mp4")])
    covered, _ = burnt()
    assert found is not None and (found & covered).sum() > 0.97 * covered.sum() and found.mean() < 0.35
