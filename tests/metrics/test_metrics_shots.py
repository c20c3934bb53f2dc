"""Are joins found, and are motion, flashes and exposure left alone?"""

from __future__ import annotations

import os
from functools import lru_cache
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from retempo.metrics.shots import LEAST, differ, find_cuts, make_thumbnail

WIDTH, HEIGHT = 320, 180
DATA = (
    Path(os.environ.get("RETEMPO_DATA", Path(__file__).resolve().parents[3] / "shared" / "data")) / "training"
)


@lru_cache
def place(seed: int) -> np.ndarray:
    """A wide picture of a place, [180, 2000, 3]: smooth shapes of several sizes."""
    rng = np.random.default_rng(seed)
    made = np.zeros((HEIGHT, 2000, 3), np.float32)
    for size in (6, 20, 60):
        coarse = rng.random((HEIGHT // size + 2, 2000 // size + 2, 3)).astype(np.float32)
        grown = coarse.repeat(size, 0).repeat(size, 1)[:HEIGHT, :2000]
        for axis in (0, 1):
            grown = np.mean([np.roll(grown, shift, axis) for shift in range(-size // 2, size // 2 + 1)], 0)
        made += grown / 3
    return np.clip((made - made.mean()) * 2.5 + 0.4, 0, 1).astype(np.float32)


def pan(seed: int, count: int, speed: int, start: int = 100) -> list[np.ndarray]:
    """``count`` frames of a camera that pans over a place by ``speed`` pixels a frame."""
    wide = place(seed)
    return [wide[:, start + speed * at : start + speed * at + WIDTH] for at in range(count)]


def cuts_of(frames: list[np.ndarray]) -> list[int]:
    return find_cuts([make_thumbnail([frame]) for frame in frames])


@pytest.mark.parametrize("speed", [0, 4, 15])
def test_joins_of_places_are_found(speed: int) -> None:
    frames = pan(1, 6, speed) + pan(2, 7, -speed, 900) + pan(3, 2, speed) + pan(1, 5, speed)
    assert cuts_of(frames) == [6, 13, 15]


@pytest.mark.parametrize("speed", [1, 8, 25, 80, 200])
def test_fast_motion_is_no_cut(speed: int) -> None:
    assert cuts_of(pan(4, 8, speed)) == []


def test_a_pan_that_starts_and_stops_is_no_cut() -> None:
    wide = place(5)
    at = [100, 100, 100, 130, 190, 250, 280, 280, 280]
    assert cuts_of([wide[:, x : x + WIDTH] for x in at]) == []


@pytest.mark.parametrize("length", [1, 2, 3, 4])
@pytest.mark.parametrize(("gain", "lift"), [(2.5, 0.2), (0.15, 0.0), (8.0, 0.0)])
def test_flashes_and_lights_going_out_are_no_cuts(length: int, gain: float, lift: float) -> None:
    frames = [frame.copy() for frame in pan(6, 14, 3)]
    for index in range(5, 5 + length):
        frames[index] = np.clip(frames[index] * gain + lift, 0, 1)
    assert cuts_of(frames) == []


def test_exposure_that_flickers_and_fades_is_no_cut() -> None:
    gains = [1, 0.6, 1.1, 0.5, 0.9, 0.7, 1.2, 0.4]
    assert cuts_of([frame * gain for frame, gain in zip(pan(7, 8, 2), gains, strict=True)]) == []
    one, two = pan(8, 12, 1), pan(9, 12, 1)
    dissolve = [a * (1 - k / 11) + b * k / 11 for k, (a, b) in enumerate(zip(one, two, strict=True))]
    assert cuts_of(dissolve) == [], "a cross-fade has no first frame"


def test_cuts_next_to_flashes_and_ends() -> None:
    frames = pan(1, 5, 2) + pan(2, 8, 2)
    frames[7] = np.clip(frames[7] * 3, 0, 1)
    assert cuts_of(frames) == [5]
    assert cuts_of(pan(1, 2, 2) + pan(2, 2, 2)) == [2]
    assert cuts_of(pan(1, 1, 2)) == [] and cuts_of([]) == []


def test_black_and_flat_frames() -> None:
    black = [np.zeros((HEIGHT, WIDTH, 3), np.float32)] * 3
    assert cuts_of(black) == [] and not make_thumbnail([black[0]]).any()
    assert cuts_of(black + pan(1, 6, 2)) == [3], "a shot that begins out of black"


@pytest.mark.parametrize("size", [(1, 1), (7, 3), (64, 36), (100, 2000), (1080, 5)])
def test_pictures_of_any_size(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(1)
    one = make_thumbnail([rng.random((*size, 3), np.float32)])
    assert one.shape == (36, 64) and one.dtype == np.float32 and np.isfinite(one).all()


def test_parts_of_a_picture_make_the_same_thumbnail() -> None:
    (frame,) = pan(1, 1, 0)
    whole = make_thumbnail([frame])
    parts = make_thumbnail([frame[row : row + 50] for row in range(0, HEIGHT, 50)])
    np.testing.assert_array_equal(whole, parts)


def test_difference_is_symmetric_and_allows_for_motion() -> None:
    still, moved = (make_thumbnail([frame]) for frame in pan(1, 2, 15))
    (other,) = (make_thumbnail([frame]) for frame in pan(2, 1, 0))
    assert differ(still, still) == 0.0 and differ(still, moved) == differ(moved, still)
    assert differ(still, moved) < LEAST / 2 < LEAST < differ(still, other)


@pytest.mark.skipif(not DATA.is_dir(), reason="the training clips are not there")
def test_real_footage() -> None:
    """No false alarm within clips, at their own speed and four times as fast; every join of two places is found."""
    import av

    small = {}
    for name in ("road_960x540.mp4", "tokyo_walk_1280x720.mp4", "asl_help.mkv", "asl_brother.mkv"):
        with av.open(str(DATA / name)) as container:
            frames = islice(container.decode(video=0), 40)
            small[name] = [
                make_thumbnail([frame.to_ndarray(format="rgb24").astype(np.float32) / 255])
                for frame in frames
            ]
    for one in small.values():
        assert find_cuts(one) == [] and find_cuts(one[::4]) == []
    road, walk, sign, _ = small.values()
    assert find_cuts(road[:8] + walk[:8] + sign[:8] + road[20:28]) == [8, 16, 24]
