"""Do noise, shapes and motion do what the painters count on?"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retempo.scene.motion import Motion
from retempo.scene.noise import fractal_noise, lattice, value_noise
from retempo.scene.shapes import cover, disc, fold_angle, gear, ring, rounded_box, segment
from retempo.scene.texture import Canvas, Texture


def test_noise_is_the_same_on_planes_and_on_axes() -> None:
    x, y = np.linspace(-9, 300, 50)[None, :], np.linspace(-40, 12, 31)[:, None]
    table = lattice(5)
    full = value_noise(np.broadcast_to(x, (31, 50)), np.broadcast_to(y, (31, 50)), table)
    assert np.array_equal(value_noise(x, y, table), full)
    assert np.abs(full).max() <= 1


def test_noise_keeps_its_band_limit() -> None:
    x, y = np.arange(512.0)[None, :], np.arange(512.0)[:, None]
    spectrum = np.abs(np.fft.rfft(fractal_noise(x, y, 3, 64, 8) * np.hanning(512), axis=1)) ** 2
    share = spectrum[:, 512 // 4 :].sum() / spectrum[:, 1:].sum()  # wavelengths below 4 pixels
    assert share < 2e-3


def test_distances_of_simple_shapes() -> None:
    x, y = np.array([0.0, 3.0, 10.0]), np.array([0.0, 4.0, 0.0])
    assert disc(x, y, 5) == pytest.approx([-5, 0, 5])
    assert ring(x, y, 5, 2) == pytest.approx([4, -1, 4])
    assert rounded_box(x, y, 4, 6, 0) == pytest.approx([-4, -1, 6])
    assert segment(x, y, (0, 0), (10, 0), 2) == pytest.approx([-1, 3, -1])


@given(st.floats(-50, 50), st.floats(-50, 50), st.integers(2, 12))
def test_folding_repeats_a_sector(x: float, y: float, count: int) -> None:
    fx, fy = fold_angle(np.array([x]), np.array([y]), count)
    assert math.hypot(fx[0], fy[0]) == pytest.approx(math.hypot(x, y))
    assert abs(math.atan2(fy[0], fx[0])) <= math.pi / count + 1e-6 or math.hypot(x, y) < 1e-6


def test_gears_have_teeth_and_a_hole() -> None:
    angle = np.linspace(0, 2 * math.pi, 720, endpoint=False)
    around = gear(105 * np.cos(angle), 105 * np.sin(angle), 100, 12, 10, 20) < 0
    assert np.count_nonzero(around & ~np.roll(around, 1)) == 12
    assert gear(np.array([0.0, 50.0]), np.array([0.0, 0.0]), 100, 12, 10, 20)[0] > 0


def test_cover_is_half_on_the_edge() -> None:
    assert cover(np.array([-9.0, 0.0, 9.0]), 2).tolist() == [1.0, 0.5, 0.0]


@given(st.floats(-30, 30), st.floats(-2, 2), st.floats(0.99, 1.01))
def test_motion_moves_its_pivot_straight(t: float, spin: float, growth: float) -> None:
    motion = Motion((3, -4), (2, 1), 0.5, spin, 1.5, growth)
    assert (motion.matrix(t) @ [0, 0, 1])[:2] == pytest.approx([3 + 2 * t, -4 + t])
    assert np.linalg.det(motion.matrix(t)) == pytest.approx(motion.scale_at(t) ** 2)


def test_textures_reproduce_what_is_linear() -> None:
    def paint(canvas: Canvas) -> tuple[np.ndarray, np.ndarray]:
        plane = np.broadcast_to(canvas.x + 2 * canvas.y, canvas.shape)
        return np.stack([plane, plane * 0, plane * 0 + 1], -1), plane * 3

    texture = Texture(paint, (20, 10), 1.0, 0)
    x, y = np.array([-7.3, 0.0, 19.9]), np.array([3.1, 0.0, -9.9])
    found = texture.sample(x, y)
    assert found[:, 0] == pytest.approx(x + 2 * y, abs=1e-4)
    assert found[:, 3] == pytest.approx(3 * (x + 2 * y), abs=1e-3)
    assert found[:, 2].tolist() == [1, 1, 1]
