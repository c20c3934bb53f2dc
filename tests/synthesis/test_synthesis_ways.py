"""Does a picture between two frames know where its pixels lie in both, as exactly as its paths do?"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from retempo.errors import TimingError
from retempo.ops import warp_image
from retempo.synthesis.candidates import FlowPair
from retempo.synthesis.options import SynthesisOptions
from retempo.synthesis.paths import Past
from retempo.synthesis.pipeline import Prepared, prepare
from retempo.synthesis.ways import render_ways

SIZE = (40, 56)
INSIDE = slice(12, -12)


def constant(dx: float, dy: float = 0.0) -> np.ndarray:
    flow = np.empty((*SIZE, 2), np.float32)
    flow[...] = dx, dy
    return flow


def sure(flow: np.ndarray) -> Past:
    return Past(flow, np.ones(SIZE, np.float32), -1.0)


def texture(shift: float) -> np.ndarray:
    y, x = np.mgrid[: SIZE[0], : SIZE[1]].astype(np.float32)
    wave = 0.5 + 0.25 * np.sin((x - shift) * 0.7) + 0.2 * np.cos(y * 0.9 + (x - shift) * 0.23)
    return np.repeat(wave[..., None], 3, axis=2).astype(np.float32)


def moving(dx: float, dy: float = 0.0, **past: Past) -> Prepared:
    pair = FlowPair(0, 1, constant(dx, dy), constant(-dx, -dy), **past)
    return prepare([texture(0), texture(dx)], [0, 1], [pair], SynthesisOptions(inverses=True))


@pytest.mark.parametrize("time", [Fraction(1, 4), Fraction(1, 2), Fraction(7, 8)])
def test_straight_motion_is_shared_by_time(time: Fraction) -> None:
    made = render_ways(moving(4, -2), time)[INSIDE, INSIDE]
    left, gone = float(1 - time), float(time)
    expected = [4 * left, -2 * left, -4 * gone, 2 * gone]
    np.testing.assert_allclose(made, np.broadcast_to(expected, made.shape), atol=1e-5)


def test_curved_motion_is_that_of_the_path() -> None:
    """Displacements -1 before the frame, 3 after it, 7 in the next gap: at half time 1 of the 3 pixels are gone."""
    curved = moving(3, past_i=sure(constant(1)), past_j=sure(constant(7)))
    made = render_ways(curved, Fraction(1, 2))[INSIDE, INSIDE]
    np.testing.assert_allclose(made[..., 0], 2.0, atol=1e-5)
    np.testing.assert_allclose(made[..., 2], -1.0, atol=1e-5)
    np.testing.assert_allclose(made[..., [1, 3]], 0.0, atol=1e-5)


def test_they_lead_to_the_neighbours_of_four_frames() -> None:
    """Whatever frames a candidate's own flow joins."""
    flows = [
        FlowPair(i, j, constant(2 * (j - i)), constant(2 * (i - j)))
        for i, j in ((0, 1), (1, 2), (2, 3), (0, 2))
    ]
    four = prepare([texture(2 * i) for i in range(4)], [0, 1, 2, 3], flows)
    made = render_ways(four, Fraction(5, 4))[INSIDE, INSIDE]
    np.testing.assert_allclose(made, np.broadcast_to([1.5, 0, -0.5, 0], made.shape), atol=1e-5)


def test_the_neighbours_warped_by_them_are_the_picture() -> None:
    """Of a shear, where every row has its own motion."""
    rows = np.linspace(-6, 6, SIZE[0], dtype=np.float32)[:, None]
    flow = np.zeros((*SIZE, 2), np.float32)
    flow[..., 0] = rows
    frames = [texture(0), np.ascontiguousarray(warp_image(texture(0), -flow, filter="lanczos4"))]
    sheared = prepare(frames, [0, 1], [FlowPair(0, 1, flow, -flow)])
    ways = render_ways(sheared, Fraction(1, 2))
    picture = sheared.render(frames, Fraction(1, 2)).pixels
    for frame, way in zip(frames[::-1], (ways[..., :2], ways[..., 2:]), strict=True):
        warped = warp_image(frame, np.ascontiguousarray(way), filter="bilinear")
        assert np.abs(warped - picture)[INSIDE, INSIDE].max() < 0.06
    assert np.abs(frames[0] - picture)[INSIDE, INSIDE].max() > 0.2, "it does move"


@pytest.mark.parametrize("time", [0, 1])
def test_a_frame_of_its_own_is_between_none(time: int) -> None:
    with pytest.raises(TimingError, match="between"):
        render_ways(moving(4), time)
