"""Are dissolves found with their lengths, and are motion, fades, flashes, wipes and cuts left alone?"""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from retempo.metrics.dissolves import find_dissolves
from retempo.metrics.shots import HEIGHT, WIDTH
from retempo.metrics.small import Small, shrink_parts

DATA = (
    Path(os.environ.get("RETEMPO_DATA", Path(__file__).resolve().parents[3] / "shared" / "data")) / "training"
)
COUNT = 40


def place(seed: int) -> np.ndarray:
    """A wide grey picture of a place, [36, 800]: smooth shapes of several sizes."""
    rng = np.random.default_rng(seed)
    made = np.zeros((HEIGHT, 800))
    for size in (3, 8, 20):
        coarse = rng.random((HEIGHT // size + 2, 800 // size + 2))
        grown = coarse.repeat(size, 0).repeat(size, 1)[:HEIGHT, :800]
        for axis in (0, 1):
            grown = np.mean([np.roll(grown, shift, axis) for shift in range(-size // 2, size // 2 + 1)], 0)
        made += grown / 3
    return np.clip((made - made.mean()) * 2 + 0.45, 0, 1)


def pan(seed: int, speed: float, count: int = COUNT) -> list[Small]:
    wide, at = place(seed), np.arange(WIDTH)
    return [
        np.stack([np.interp(at + 50 + speed * time, np.arange(800), row) for row in wide]).astype(np.float32)
        for time in range(count)
    ]


def dissolve(one: list[Small], other: list[Small], first: int, last: int, ease: bool = False) -> list[Small]:
    """From one to the other; frames ``first`` to ``last`` are mixed."""
    shares = np.clip((np.arange(len(one)) - first + 1) / (last - first + 2), 0, 1)
    shares = shares**2 * (3 - 2 * shares) if ease else shares
    return [
        (a * (1 - share) + b * share).astype(np.float32)
        for a, b, share in zip(one, other, shares, strict=True)
    ]


@pytest.mark.parametrize("speed", [0.0, 0.1, 0.3])
@pytest.mark.parametrize("length", [3, 4, 8, 16])
def test_dissolves_are_found_to_the_frame_or_next_to_it(length: int, speed: float) -> None:
    first, last = 12, 11 + length
    ((begin, end),) = find_dissolves(dissolve(pan(1, speed), pan(2, -speed), first, last))
    slack = 0 if speed == 0 else 1
    assert abs(begin - first) <= slack and abs(end - last) <= slack


def test_eased_dissolves() -> None:
    ((begin, end),) = find_dissolves(dissolve(pan(1, 0.1), pan(2, 0.1), 10, 25, ease=True))
    assert 10 <= begin <= 12 and 23 <= end <= 25


def test_several_of_one_clip() -> None:
    one = dissolve(pan(1, 0.1, 90), pan(2, 0.1, 90), 10, 18)
    both = dissolve(one, pan(3, 0.1, 90), 40, 55)
    (a, b), (c, d) = find_dissolves(both)
    assert max(abs(a - 10), abs(b - 18), abs(c - 40), abs(d - 55)) <= 1


def test_beyond_a_block() -> None:
    clip = dissolve(pan(1, 0.0, 600), pan(2, 0.0, 600), 250, 262)
    assert find_dissolves(clip) == [(250, 262)]
    clip = dissolve(pan(1, 0.0, 600), pan(2, 0.0, 600), 520, 532)
    assert find_dissolves(clip) == [(520, 532)]


@pytest.mark.parametrize("speed", [0.05, 0.3, 1, 3, 8, 17])
def test_motion_is_none(speed: float) -> None:
    assert find_dissolves(pan(3, speed)) == []


def test_fades_are_none() -> None:
    black = [np.zeros((HEIGHT, WIDTH), np.float32)] * COUNT
    scene = pan(4, 0.1)
    assert find_dissolves(dissolve(scene, black, 10, 20)) == []
    assert find_dissolves(dissolve(black, scene, 10, 20)) == []
    assert find_dissolves(dissolve(scene, [one * 0.4 + 0.1 for one in scene], 10, 20)) == []
    dip = dissolve(dissolve(scene, black, 6, 16), pan(5, 0.1), 20, 20)
    assert find_dissolves(dip) == []


def test_cuts_flashes_and_wipes_are_none() -> None:
    one, other = pan(5, 0.2), pan(6, 0.2)
    assert find_dissolves(one[:20] + other[:20]) == []
    flash = [np.clip(a + (0.8 if 18 <= index < 22 else 0), 0, 1) for index, a in enumerate(one)]
    assert find_dissolves(flash) == []
    wipe = [
        np.where(np.arange(WIDTH) < (index - 8) * 4, b, a)
        for index, (a, b) in enumerate(zip(one, other, strict=True))
    ]
    assert find_dissolves(wipe) == []


def test_clips_of_any_length() -> None:
    assert all(find_dissolves(pan(7, 0.2, count)) == [] for count in (0, 1, 2, 5, 6))
    clip = dissolve(pan(7, 0.0, 5), pan(8, 0.0, 5), 1, 3)
    assert find_dissolves(clip) == [(1, 3)], "the shortest there is"


@pytest.mark.skipif(not DATA.is_dir(), reason="the training clips are not there")
def test_real_footage() -> None:
    """No false alarm in clips at their own speed and four times as fast; what is dissolved of them is found."""
    import av

    small = {}
    for name in ("road_960x540.mp4", "tokyo_walk_1280x720.mp4", "asl_help.mkv"):
        with av.open(str(DATA / name)) as container:
            frames = islice(container.decode(video=0), 58)
            small[name] = [
                shrink_parts([frame.to_ndarray(format="rgb24").astype(np.float32) / 255], WIDTH, HEIGHT)
                for frame in frames
            ]
    for one in small.values():
        assert find_dissolves(one) == [] and find_dissolves(one[::4]) == []
    road, walk, sign = small.values()
    for a, b in ((road, walk), (walk, sign), (sign, road)):
        ((begin, end),) = find_dissolves(dissolve(a[:40], b[18:], 14, 25))
        assert abs(begin - 14) <= 2 and abs(end - 25) <= 2
