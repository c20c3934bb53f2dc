"""Is a change of exposure told from one of the scene, and how exactly?"""

from __future__ import annotations

import os
from itertools import islice, pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from retempo.metrics.exposure import BLOWN, HEIGHT, WIDTH, match_exposure
from retempo.metrics.small import Small, shrink_parts

DATA = (
    Path(os.environ.get("RETEMPO_DATA", Path(__file__).resolve().parents[3] / "shared" / "data")) / "training"
)


def view(left: float, thing: float = 0.0) -> np.ndarray:
    """A place seen from ``left``, and before it a bright thing that covers a quarter of it; [144, 256, 3]."""
    y, x = np.mgrid[0:144, 0:256].astype(np.float32)
    far = x + left
    waves = [np.sin(far / 9 + y / 17), np.cos(far / 23 - y / 13), np.sin(far / 5) * np.cos(y / 7)]
    made = np.stack(waves, 2) * 0.12 + 0.28 + far[..., None] / 4000
    made[(abs(y - 72) < 36) & (abs(x - 60 - thing) < 64)] = 0.5
    return made.astype(np.float32)


def small(frame: np.ndarray) -> Small:
    return shrink_parts([frame.astype(np.float32)], WIDTH, HEIGHT)


@pytest.mark.parametrize("gain", [0.4, 0.9, 1.1, 1.6])
@pytest.mark.parametrize("offset", [0.0, 0.1])
@pytest.mark.parametrize("moved", [(0, 0), (6, 0), (2, 20)])
def test_gain_and_offset_are_found(gain: float, offset: float, moved: tuple[int, int]) -> None:
    """Whatever moves, within two grey levels of 255 at a third of full brightness."""
    shown = np.clip(view(*moved) * gain + offset, 0, 1)
    found = match_exposure(small(view(0)), small(shown))
    assert found.is_change and found.lost < BLOWN
    assert abs(found.gain * 0.3 + found.offset - gain * 0.3 - offset) < 2 / 255
    assert abs(found.gain / gain - 1) < 0.05
    back = match_exposure(small(shown), small(view(0)))
    assert abs(back.gain * found.gain - 1) < 0.1


@pytest.mark.parametrize("moved", [(0, 0), (3, 0), (40, 0), (0, 30), (8, 60)])
def test_motion_is_no_change(moved: tuple[int, int]) -> None:
    assert not match_exposure(small(view(0)), small(view(*moved))).is_change


def test_flashes_leave_nothing() -> None:
    flash = np.clip(view(2) * 4 + 0.2, 0, 1)
    assert match_exposure(small(flash), small(view(0))).lost > BLOWN
    white = match_exposure(small(np.ones((144, 256, 3), np.float32)), small(view(0)))
    assert white.lost == 1 and not white.is_change and white.gain == 1


def test_flat_pictures_have_an_offset_only() -> None:
    flat = np.full((144, 256, 3), 0.3, np.float32)
    found = match_exposure(small(flat), small(flat + 0.2))
    assert found.gain == 1 and found.offset == pytest.approx(0.2, abs=1e-5) and found.is_change
    assert match_exposure(small(flat), small(flat)).change == 0


def test_what_is_applied_stays_in_bounds() -> None:
    shown = match_exposure(small(view(0)), small(view(0) * 1.5)).apply(view(0) * 2)
    assert shown.min() >= 0 and shown.max() <= 1 and shown.dtype == np.float32


@pytest.mark.skipif(not DATA.is_dir(), reason="the training clips are not there")
@pytest.mark.parametrize("name", ["road_960x540.mp4", "tokyo_walk_1280x720.mp4", "asl_hungry.mkv"])
def test_real_footage(name: str) -> None:
    """Nothing where exposure is even; 6 grey levels or more, made, are seen."""
    with av.open(str(DATA / name)) as container:
        taken = islice(container.decode(video=0), 20)
        frames = [frame.to_ndarray(format="rgb24").astype(np.float32) / 255 for frame in taken]
    even = [small(frame) for frame in frames]
    assert not any(match_exposure(*pair).is_change for pair in pairwise(even))
    flickering = [small(np.clip(frame * (0.9, 1.1)[at % 2], 0, 1)) for at, frame in enumerate(frames)]
    assert all(match_exposure(*pair).is_change for pair in pairwise(flickering))
