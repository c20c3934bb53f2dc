"""Are PSNR, SSIM and interpolation error the ones that everybody else computes?"""

from __future__ import annotations

import math

import numpy as np
import pytest

from retempo.errors import InputError
from retempo.metrics.quality import absolute_error, decibels, flicker, interpolation_error, psnr, ssim


def pictures(dtype: type, shape: tuple[int, ...] = (31, 40, 3)) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(4)
    truth = random.random(shape)
    test = np.clip(truth + random.normal(0, 0.05, shape), 0, 1)
    if np.issubdtype(dtype, np.integer):
        top = np.iinfo(dtype).max
        return np.rint(truth * top).astype(dtype), np.rint(test * top).astype(dtype)
    return truth.astype(dtype), test.astype(dtype)


def test_known_values() -> None:
    black, grey = np.zeros((8, 8, 3), np.uint8), np.full((8, 8, 3), 16, np.uint8)
    assert psnr(black, grey) == pytest.approx(20 * math.log10(255 / 16))
    assert psnr(grey, black) == psnr(black, grey)  # no wrap-around of uint8
    assert interpolation_error(black, grey) == pytest.approx(16)
    assert interpolation_error(black / 255.0, grey / 255.0) == pytest.approx(16)
    assert absolute_error(black, grey) == pytest.approx(16)
    half = grey.copy()
    half[:4] = 0
    assert absolute_error(black, half) == pytest.approx(8)
    assert decibels(256) == pytest.approx(psnr(black, grey)) and decibels(0, 60) == decibels(1e-9, 60) == 60
    assert psnr(black, black) == math.inf and ssim(grey, grey) == pytest.approx(1)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("shape", [(31, 40, 3), (12, 11)])
def test_same_as_scikit_image(dtype: type, shape: tuple[int, ...]) -> None:
    peer = pytest.importorskip("skimage.metrics")
    truth, test = pictures(dtype, shape)
    reach = 1.0 if dtype is np.float32 else float(np.iinfo(dtype).max)
    axis = 2 if len(shape) == 3 else None
    assert psnr(truth, test) == pytest.approx(
        peer.peak_signal_noise_ratio(truth, test, data_range=reach), abs=1e-4
    )
    expected = peer.structural_similarity(truth, test, data_range=reach, channel_axis=axis)
    assert ssim(truth, test) == pytest.approx(expected, abs=1e-5)
    expected = peer.structural_similarity(
        truth,
        test,
        data_range=reach,
        channel_axis=axis,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )
    assert ssim(truth, test, gaussian=True) == pytest.approx(expected, abs=1e-5)


def test_mistakes_are_named() -> None:
    truth, test = pictures(np.uint8)
    with pytest.raises(InputError, match="shapes"):
        psnr(truth, test[:-1])
    with pytest.raises(InputError, match="uint8 with float64"):
        psnr(truth, test / 255.0)
    with pytest.raises(InputError, match="window of 7x7"):
        ssim(truth[:6], test[:6])
    bad = truth / 255.0
    bad[3, 3, 0] = np.nan
    with pytest.raises(InputError, match="NaN"):
        interpolation_error(bad, bad)
    with pytest.raises(InputError, match="shape"):
        ssim(truth[:, 0, 0], test[:, 0, 0])


def test_flicker_is_change_that_the_truth_has_not() -> None:
    still = [np.full((4, 5, 3), 100, np.uint8)] * 4
    pulse = [np.full((4, 5, 3), 100 + 10 * (at % 2), np.uint8) for at in range(4)]
    assert flicker(still, still) == 0
    assert flicker(still, pulse) == pytest.approx(10)
    assert flicker(pulse, pulse) == 0
    assert flicker(pulse, still) == pytest.approx(10)  # a change that is lost counts as one that was made up
    assert flicker(still, [picture + np.uint8(9) for picture in still]) == 0  # an error that stands still
    green = [picture.copy() for picture in still]
    green[2][..., 1] += 10
    assert flicker(still, green) == pytest.approx(7.152 * math.sqrt(2 / 3))
    with pytest.raises(InputError, match="4 with 3 pictures"):
        flicker(still, still[:3])
    with pytest.raises(InputError, match="1 with 1"):
        flicker(still[:1], still[:1])
