"""What becomes of two pictures of one view, whatever is important in them?"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from retempo.errors import UsageError
from retempo.fusion.mixing import Solver, fit_colour, mix, regress
from retempo.fusion.options import FITS, Fit
from retempo.fusion.space import decode, encode, from_log, to_log

RNG = np.random.default_rng(11)
SHAPE = (37, 52, 3)
NIGHT = (RNG.random(SHAPE) ** 8 * 30).astype(np.float32)
DAY = RNG.random(SHAPE).astype(np.float32)
WEIGHT = (RNG.random(SHAPE[:2]) < 0.4).astype(np.float32)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("space", ["linear", "log"])
@pytest.mark.parametrize("solver", [Solver(fit="offset"), Solver(fit="affine"), Solver(screen=0.003)])
def test_the_two_ends(solver: Solver, space: str, kind: type) -> None:
    night, day = encode(NIGHT.astype(kind), space), encode(DAY.astype(kind), space)  # type: ignore[arg-type]
    for level, wanted in ((0, DAY), (1, NIGHT)):
        made = decode(mix(night, day, np.full(SHAPE[:2], level, kind), solver=solver), space)  # type: ignore[arg-type]
        assert made.dtype == kind
        assert (np.abs(made - wanted) / np.maximum(1, wanted)).max() < 1e-4  # of white; of itself above


@settings(max_examples=25, deadline=None)
@given(st.floats(-50, 50), st.floats(-50, 50), st.sampled_from(FITS))
def test_an_offset_of_both_is_an_offset_of_the_result(common: float, apart: float, fit: Fit) -> None:
    """And one of the night frame alone has no say where the day's colour decides."""
    night, day, weight = NIGHT.astype(np.float64), DAY.astype(np.float64), WEIGHT
    plain = mix(night, day, weight, solver=Solver(fit=fit))
    assert np.allclose(
        mix(night + common, day + common, weight, solver=Solver(fit=fit)), plain + common, atol=1e-8
    )
    nothing = np.zeros_like(weight)
    shifted = mix(night + apart, day, nothing, weight, Solver(fit=fit))
    assert np.allclose(shifted, mix(night, day, nothing, weight, Solver(fit=fit)), atol=1e-8)


def test_a_lit_house_before_a_dark_sky() -> None:
    """By day the sky is brighter than the house, by night darker: the gradient between them turns round.

    An alpha blend leaves the dark sky's halo where importance fades; here the house's windows stay, and the sky beyond
    keeps the day's level, flat.
    """
    height, width = 60, 90
    day, night = np.full((height, width, 3), 0.8), np.full((height, width, 3), 0.02)
    day[20:, 20:60], night[20:, 20:60] = 0.3, 0.25
    windows = np.zeros((height, width), bool)
    windows[30:36, 30:36] = windows[42:48, 44:50] = True
    night[windows] = 2.0
    weight = np.zeros((height, width))
    weight[27:39, 27:39] = weight[39:51, 41:53] = 1
    made = mix(night, day, weight)
    sky = np.ones((height, width), bool)
    sky[16:, 16:64] = False
    assert made[sky].std() < 0.02
    assert np.abs(made[sky].mean() - 0.8) < 0.03
    inside, around = made[32, 32, 0], made[32, 25, 0]
    assert inside - around == pytest.approx(2.0 - 0.25, abs=0.05)  # the window's own step, on the day's wall
    assert around == pytest.approx(0.3, abs=0.05)
    assert made[10, 10, 0] > around + 0.4  # the day's order of sky and house


def test_affine_fit_is_least_squares() -> None:
    one, wanted = RNG.random((8, 9)), RNG.random((8, 9))
    gain, offset = regress(one, wanted + 2 * one)
    columns = np.stack([one.ravel(), np.ones(72)], axis=1)
    assert [gain, offset] == pytest.approx(
        np.linalg.lstsq(columns, (wanted + 2 * one).ravel(), rcond=None)[0]
    )
    assert regress(np.ones((3, 3)), np.full((3, 3), 5.0)) == (1.0, 4.0)
    assert regress(one, -one)[0] == 1.0
    apart = fit_colour(one[..., None], 3 * one[..., None] + 1, "affine")
    assert np.allclose(apart, 3 * one[..., None] + 1)


def test_channels_are_fitted_apart() -> None:
    shifted = DAY + np.array([1, -2, 3], np.float32)
    for fit in FITS:
        assert np.allclose(fit_colour(DAY, shifted, fit), shifted, atol=1e-5)


def test_sizes_that_differ() -> None:
    with pytest.raises(UsageError, match="one size"):
        mix(NIGHT, DAY[:-1], WEIGHT)


def test_log_goes_there_and_back() -> None:
    light: NDArray[np.float64] = np.array([-3.0, -0.01, 0.0, 1e-5, 0.18, 1.0, 42.0, 65504.0, 1e6])
    logs = to_log(light)  # type: ignore[arg-type]
    assert np.allclose(from_log(logs), light, rtol=1e-12)
    assert to_log(np.float64([0, 1])).tolist() == [0, pytest.approx(1)]  # type: ignore[arg-type]
    assert (np.diff(logs) > 0).all()
