"""How far is a picture from the truth? PSNR, SSIM, interpolation error; and a run of pictures: does it flicker?

Sources: Wang et al., "Image quality assessment: from error visibility to structural similarity", IEEE TIP 2004,
with the window and constants of scikit-image's ``structural_similarity``; Baker et al., "A database and evaluation
methodology for optical flow", IJCV 2011, for the interpolation error.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from retempo.errors import InputError

Picture = NDArray[np.generic]
LUMA: Final = (0.2126, 0.7152, 0.0722)


def psnr(truth: Picture, test: Picture, *, data_range: float | None = None) -> float:
    """Return the peak signal-to-noise ratio in dB over all pixels and channels; inf for equal pictures.

    Args:
        truth, test: the same shape, any number of dimensions, integer or float.
        data_range: largest minus smallest possible value; default 255 (uint8), 65535 (uint16), 1 (float).

    Raises:
        InputError: shapes or kinds differ, or a value is not finite.
    """
    truth, test, peak = _check(truth, test, data_range)
    error = float(np.mean(np.square(truth - test)))
    return float("inf") if error == 0 else float(10.0 * np.log10(peak * peak / error))


def interpolation_error(truth: Picture, test: Picture, *, data_range: float | None = None) -> float:
    """Return the root mean square difference in grey levels of 0..255 (Middlebury's IE); arguments as ``psnr``."""
    truth, test, peak = _check(truth, test, data_range)
    return float(np.sqrt(np.mean(np.square(truth - test))) * 255.0 / peak)


def absolute_error(truth: Picture, test: Picture, *, data_range: float | None = None) -> float:
    """Return the mean absolute difference in grey levels of 0..255; arguments as ``psnr``.

    Several learned methods publish this, not the root mean square, as their IE on Middlebury.
    """
    truth, test, peak = _check(truth, test, data_range)
    return float(np.mean(np.abs(truth - test)) * 255.0 / peak)


def decibels(error: float, cap: float = float("inf")) -> float:
    """Return the PSNR of a mean squared error in squared grey levels of 0..255, and ``cap`` where it is more."""
    return cap if error <= 0 else min(cap, float(10.0 * np.log10(255.0 * 255.0 / error)))


def flicker(truths: Sequence[Picture], tests: Sequence[Picture], *, data_range: float | None = None) -> float:
    """Return by how much pictures change from one to the next otherwise than the truth does, in grey levels.

    With g the made sequence and f the true one, both as luma (Rec. 709 weights of the encoded values), of T pictures:

        sqrt( mean over t = 1..T-1 and pixels of ((g[t] - g[t-1]) - (f[t] - f[t-1]))^2 )

    0 for the truth, and for any error that stands still. Where the footage is static it is the change of g itself.
    Kept frames belong into both sequences: a pulse between sharp originals and soft in-betweens is flicker.

    Args:
        truths, tests: [H, W] or [H, W, 3] each, one shape, in the order of time, evenly spaced, two at least.
        data_range: as in ``psnr``.

    Raises:
        InputError: as in ``psnr``; fewer than two pictures, or another number of tests.
    """
    if len(truths) != len(tests) or len(truths) < 2:
        raise InputError(
            f"cannot compare {len(truths)} with {len(tests)} pictures in time", "give two or more of each"
        )
    squares, before = [], None
    for truth, test in zip(truths, tests, strict=True):
        first, second, peak = _check(truth, test, data_range)
        error = (second - first) * (255.0 / peak)
        if error.ndim == 3:
            error = error @ np.array(LUMA)
        if before is not None:
            squares.append(float(np.mean(np.square(error - before))))
        before = error
    return float(np.sqrt(np.mean(squares)))


def ssim(
    truth: Picture,
    test: Picture,
    *,
    data_range: float | None = None,
    gaussian: bool = False,
    k1: float = 0.01,
    k2: float = 0.03,
) -> float:
    """Return the mean structural similarity, in (-1, 1], averaged over channels.

    Args:
        truth, test: [H, W] or [H, W, C], at least as large as the window.
        data_range: as in ``psnr``.
        gaussian: False is scikit-image's default (7x7 uniform window, sample covariance); True is the setting of
            the paper (Gaussian of sigma 1.5 in an 11x11 window, population covariance).
        k1, k2: the paper's constants.

    Raises:
        InputError: as in ``psnr``, or the picture is smaller than the window.
    """
    truth, test, peak = _check(truth, test, data_range)
    if truth.ndim not in (2, 3):
        raise InputError(f"a picture of shape {truth.shape} has no SSIM", "expected [H, W] or [H, W, C]")
    window = 11 if gaussian else 7
    if min(truth.shape[:2]) < window:
        hint = f"SSIM looks through a window of {window}x{window} pixels"
        raise InputError(f"the picture is {truth.shape[1]}x{truth.shape[0]}", hint)
    channels = (
        [(truth, test)] if truth.ndim == 2 else [(truth[..., c], test[..., c]) for c in range(truth.shape[2])]
    )
    scores = [_ssim_plane(a, b, window, gaussian, (k1 * peak) ** 2, (k2 * peak) ** 2) for a, b in channels]
    return float(np.mean(scores))


def _ssim_plane(
    truth: NDArray[np.float64], test: NDArray[np.float64], window: int, gaussian: bool, c1: float, c2: float
) -> float:
    def smooth(plane: NDArray[np.float64]) -> NDArray[np.float64]:
        if gaussian:
            return cv2.GaussianBlur(plane, (window, window), 1.5)
        return cv2.blur(plane, (window, window))

    truth, test = np.ascontiguousarray(truth), np.ascontiguousarray(test)
    samples = window * window
    correction = 1.0 if gaussian else samples / (samples - 1)
    mean_a, mean_b = smooth(truth), smooth(test)
    var_a = correction * (smooth(truth * truth) - mean_a * mean_a)
    var_b = correction * (smooth(test * test) - mean_b * mean_b)
    cov = correction * (smooth(truth * test) - mean_a * mean_b)
    score = (
        (2 * mean_a * mean_b + c1) * (2 * cov + c2) / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))
    )
    margin = window // 2  # where the window would leave the picture
    return float(np.mean(score[margin:-margin, margin:-margin]))


def _check(
    truth: Picture, test: Picture, data_range: float | None
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    truth, test = np.asarray(truth), np.asarray(test)
    if truth.shape != test.shape or truth.size == 0:
        raise InputError(
            f"cannot compare pictures of shapes {truth.shape} and {test.shape}", "crop them to one size"
        )
    if truth.dtype != test.dtype and (truth.dtype.kind != "f" or test.dtype.kind != "f"):
        raise InputError(f"cannot compare {truth.dtype} with {test.dtype}", "convert one of them")
    if data_range is None:
        data_range = 1.0 if truth.dtype.kind == "f" else float(np.iinfo(truth.dtype.str).max)
    first, second = truth.astype(np.float64), test.astype(np.float64)
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise InputError("a picture to compare holds NaN or infinite values", "sanitise it first")
    return first, second, float(data_range)
