"""Are repeats found, exact or coded, and is everything left alone that only looks like one?"""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from itertools import islice
from pathlib import Path

import av
import numpy as np
import pytest

from retempo.metrics.duplicates import HEIGHT, WIDTH, StepMeter, find_duplicates
from retempo.metrics.small import shrink_parts

DATA = (
    Path(os.environ.get("RETEMPO_DATA", Path(__file__).resolve().parents[3] / "shared" / "data")) / "training"
)


@lru_cache
def wide() -> np.ndarray:
    """A picture of smooth shapes, [180, 1200, 3]."""
    y, x = np.mgrid[0:180, 0:1200].astype(np.float32)
    waves = [np.sin(x / 7 + np.sin(y / 11)), np.cos(x / 17 - y / 13), np.sin(x / 31) * np.cos(y / 5)]
    return (np.stack(waves, 2) * 0.3 + 0.5).astype(np.float32)


def shot(positions: Sequence[float], noise: float = 0.0, small: bool = False) -> list[np.ndarray]:
    """A camera at these positions (pixels), or with ``small`` a fixed one with a thing of 40 pixels that is there."""
    rng = np.random.default_rng(3)
    frames = []
    for at in positions:
        left = int(np.floor(at))
        share = np.float32(at - left)
        view = wide()[:, left : left + 320] * (1 - share) + wide()[:, left + 1 : left + 321] * share
        if small:
            still = wide()[:, 700:1020].copy()
            still[60:100, 100:140] = view[60:100, 100:140]
            view = still
        frames.append(view + rng.normal(0, noise, view.shape).astype(np.float32) if noise else view)
    return frames


def found(frames: Sequence[np.ndarray]) -> list[int]:
    meter = StepMeter()
    for frame in frames:
        meter.add(shrink_parts([frame.astype(np.float32)], WIDTH, HEIGHT), frame.tobytes())
    return find_duplicates(meter.steps)


def repeats(order: Sequence[int]) -> list[int]:
    return [at for at in range(1, len(order)) if order[at] == order[at - 1]]


PULLDOWN = [0, 1, 2, 3, 3, 4, 5, 6, 7, 7, 8, 9, 10, 11, 11, 12, 13]
TWOS = [at // 2 for at in range(20)]
THREES = [at // 3 for at in range(21)]
MIXED = [0, 1, 1, 2, 3, 3, 3, 4, 5, 5, 5, 5, 6, 7, 8, 9]
SKIPPED = [0, 1, 2, 3, 3, 5, 6, 7, 8, 9, 10, 10, 12, 13, 14]


@pytest.mark.parametrize("order", [PULLDOWN, TWOS, THREES, MIXED, SKIPPED])
@pytest.mark.parametrize("small", [False, True])
@pytest.mark.parametrize("noise", [0.0, 0.004])
def test_repeats_are_found(order: list[int], small: bool, noise: float) -> None:
    """Exact ones, and those with noise of a grey level in 255 of their own."""
    assert found(shot([100 + 6 * at for at in order], noise, small)) == repeats(order)


@pytest.mark.parametrize("noise", [0.0, 0.004])
@pytest.mark.parametrize(
    "positions",
    [
        [100.0] * 12,
        [100 + 0.02 * at for at in range(12)],
        [100 + 5 * at for at in range(12)],
        [150 + 40 * np.cos(np.pi * (at + 0.5) / 6) for at in range(24)],  # turns between two equal frames
        [150 + 8 * abs(at - 6) for at in range(13)],
        [100 + at**3 / 20 for at in range(-9, 10)],  # slows down, stands and goes on
        [*(100 + 6 * at for at in range(6)), *[130] * 5, *(130 + 6 * at for at in range(6))],  # a pause
        [100, 100, 106, 112, 118, 124, 130],  # starts from rest
    ],
    ids=["still", "slow", "pan", "pendulum", "there and back", "ease", "pause", "start"],
)
def test_what_is_no_repeat(positions: list[float], noise: float) -> None:
    assert found(shot([float(at) + 50 for at in positions], noise)) == []


def test_flashes_are_no_neighbours() -> None:
    """Between two bright frames of a flash little changes, and after it everything."""
    frames = shot([100 + 3 * at for at in range(14)])
    for at in (5, 6):
        frames[at] = np.clip(frames[at] * 2 + 0.3, 0, 1)
    assert found(frames) == []


def test_ends_count_where_the_clip_repeats_elsewhere() -> None:
    assert found(shot([100, 100, 106, 112, 112, 118, 124, 124])) == [1, 4, 7]
    assert found(shot([100])) == [] and found([]) == []


def coded(frames: Sequence[np.ndarray], quality: int) -> list[np.ndarray]:
    """8-bit frames after H.264."""
    data = io.BytesIO()
    with av.open(data, "w", format="matroska") as container:
        stream = container.add_stream("libx264", rate=Fraction(30))
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": str(quality), "preset": "veryfast", "threads": "1"}
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    data.seek(0)
    with av.open(data) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def clip(name: str, count: int) -> list[np.ndarray]:
    with av.open(str(DATA / name)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in islice(container.decode(video=0), count)]


def graded(frames: Sequence[np.ndarray]) -> list[int]:
    return found([frame.astype(np.float32) / 255 for frame in frames])


@pytest.mark.skipif(not DATA.is_dir(), reason="the training clips are not there")
@pytest.mark.parametrize("name", ["road_960x540.mp4", "tokyo_walk_1280x720.mp4", "asl_walk.mkv"])
def test_real_footage(name: str) -> None:
    """No false alarm as it was shot; spread by pulldown or held on threes, then coded, every repeat is found."""
    frames = clip(name, 24)
    assert graded(frames) == []
    for order in (PULLDOWN, THREES):
        assert graded(coded([frames[at] for at in order], 26)) == repeats(order)


@pytest.mark.skipif(not DATA.is_dir(), reason="the training clips are not there")
def test_real_repeats() -> None:
    """A clip of 27.7 frames a second that its maker spread over 30, coded: every thirteenth frame."""
    assert graded(clip("asl_hungry.mkv", 50)) == [6, 19, 32, 45]
