"""Which of several pixels that land in one place should win, and which candidate is to be trusted?

Source: Niklaus, Hu, Chen, "Splatting-based synthesis for video frame interpolation", WACV 2023, and US20250265724A1,
paragraphs 57-64 and equation 4. Three measures of a pixel of frame 0, each >= 0 and 0 when all is well:

    photo     mean over RGB of |I0 - I1(p + F01)|
    flow      length of F01 + F10(p + F01), pixels
    variance  length over x, y of the standard deviation of F01 under a 3x3 Gaussian, pixels

    metric = 1 / (1 + a_photo * photo) + 1 / (1 + a_flow * flow) + 1 / (1 + a_variance * variance)    in (0, 3]

once with coefficients for splatting (times a temperature: the exponent Z of softmax splatting), once for merging.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import cv2
import numpy as np
from numpy.typing import NDArray

from retempo import ops
from retempo.errors import InputError, UsageError

Plane = NDArray[np.float32]

TERMS = 3
"""Each of the three terms lies in (0, 1], so a metric never exceeds this."""


@dataclass(frozen=True)
class ImportanceSettings:
    """The six coefficients and the temperature; all finite and >= 0.

    A coefficient of 0 switches its term off (it becomes the constant 1, which cancels in splatting).

    Attributes:
        splat_photo, splat_flow, splat_variance: coefficients of the splat metric.
        merge_photo, merge_flow, merge_variance: coefficients of the merge metric.
        temperature: multiplies the splat metric; larger is a harder z-buffer, 0 is average splatting.
    """

    splat_photo: float = 10.0
    splat_flow: float = 1.0
    splat_variance: float = 1.0
    merge_photo: float = 10.0
    merge_flow: float = 1.0
    merge_variance: float = 1.0
    temperature: float = 5.0

    def __post_init__(self) -> None:
        for entry in fields(self):
            value = getattr(self, entry.name)
            if not (np.isfinite(value) and value >= 0):
                raise UsageError(f"importance: {entry.name} is {value}", "it must be a finite number >= 0")

    @property
    def splat_bound(self) -> float:
        """The splat metric lies in [0, splat_bound]."""
        return TERMS * self.temperature


def importance(
    image0: NDArray[np.float32],
    image1: NDArray[np.float32],
    flow01: NDArray[np.float32],
    flow10: NDArray[np.float32],
    settings: ImportanceSettings | None = None,
) -> tuple[Plane, Plane]:
    """Compute both metrics of frame 0; call again with everything swapped for frame 1.

    Args:
        image0, image1: [H, W, C] float32, flow space, [0, 1].
        flow01, flow10: [H, W, 2] float32 pixels, finite.
        settings: coefficients; the defaults when None.

    Returns:
        ``(splat, merge)``, each [H, W] float32: splat in (0, 3 * temperature], the temperature already multiplied
        in; merge in (0, 3].

    Raises:
        InputError: shapes do not agree, or a value is not finite.
    """
    settings = settings or ImportanceSettings()
    _check(image0, image1, flow01, flow10)
    photo = photometric_error(image0, image1, flow01)
    flow = consistency_error(flow01, flow10)
    variance = flow_deviation(flow01)
    if not np.isfinite(
        np.sum(photo, dtype=np.float64) + np.sum(flow, dtype=np.float64) + np.sum(variance, dtype=np.float64)
    ):
        raise InputError(
            "an image or a flow holds NaN or infinite values", "sanitise them before measuring importance"
        )
    splat = _combine(
        (photo, settings.splat_photo), (flow, settings.splat_flow), (variance, settings.splat_variance)
    )
    merge = _combine(
        (photo, settings.merge_photo), (flow, settings.merge_flow), (variance, settings.merge_variance)
    )
    splat *= np.float32(settings.temperature)
    return splat, merge


def photometric_error(
    image0: NDArray[np.float32], image1: NDArray[np.float32], flow01: NDArray[np.float32]
) -> Plane:
    """Return [H, W]: mean over channels of |I0 - I1(p + F01)|; beyond the frame its edge continues."""
    warped = ops.warp_image(image1, flow01, filter="bilinear", border="edge")
    difference = cv2.absdiff(image0, warped).reshape(image0.shape)
    weights = np.full((1, image0.shape[2]), 1.0 / image0.shape[2], dtype=np.float32)
    return cv2.transform(difference, weights).reshape(image0.shape[:2])


def consistency_error(flow01: NDArray[np.float32], flow10: NDArray[np.float32]) -> Plane:
    """Return [H, W] pixels: length of F01 + F10(p + F01); beyond the frame its edge continues."""
    residual = ops.warp_image(flow10, flow01, filter="bilinear", border="edge")
    residual += flow01
    return _length(residual)


def flow_deviation(flow: NDArray[np.float32]) -> Plane:
    """Return [H, W] pixels: length over x, y of sqrt(G(F^2) - G(F)^2), G the 3x3 Gaussian (1 2 1)/4 each way.

    The printed formula subtracts two large, nearly equal numbers. Here the same variance is put together from
    differences of neighbours, Var = Gy(Var_x) + Var_y(Gx(F)), which is never negative (no clamp needed) and keeps its
    precision for flows of hundreds of pixels. Beyond the frame its edge continues.
    """
    height, width = flow.shape[:2]
    # Var of weights (1/4, 1/2, 1/4) over (a, b, c) = ((a-b)^2 + (b-c)^2) / 8 + (a-c)^2 / 16
    padded = cv2.copyMakeBorder(flow, 0, 0, 1, 1, cv2.BORDER_REPLICATE).reshape(height, width + 2, 2)
    step = padded[:, 1:] - padded[:, :-1]
    wide = step[:, 1:] + step[:, :-1]
    mean = flow + np.float32(0.25) * (step[:, 1:] - step[:, :-1])
    np.square(step, out=step)
    across = (step[:, 1:] + step[:, :-1]) * np.float32(0.125)
    across += np.square(wide) * np.float32(0.0625)
    variance = across[..., 0] + across[..., 1]
    variance = cv2.sepFilter2D(
        variance, -1, np.ones(1), np.array([0.25, 0.5, 0.25]), borderType=cv2.BORDER_REPLICATE
    ).reshape(height, width)
    padded = np.concatenate([mean[:1], mean, mean[-1:]])
    step = padded[1:] - padded[:-1]
    wide = step[1:] + step[:-1]
    np.square(step, out=step)
    down = (step[1:] + step[:-1]) * np.float32(0.125)
    down += np.square(wide) * np.float32(0.0625)
    variance += down[..., 0]
    variance += down[..., 1]
    return np.sqrt(variance)


def _combine(*terms: tuple[Plane, float]) -> Plane:
    total = np.zeros_like(terms[0][0])
    for measure, coefficient in terms:
        if coefficient == 0:
            total += 1.0
        else:
            scaled = measure * np.float32(coefficient)
            scaled += 1.0
            total += np.reciprocal(scaled, out=scaled)
    return total


def _length(vectors: NDArray[np.float32]) -> Plane:
    np.square(vectors, out=vectors)
    total = vectors[..., 0] + vectors[..., 1]
    return np.sqrt(total, out=total)


def _check(
    image0: NDArray[np.float32],
    image1: NDArray[np.float32],
    flow01: NDArray[np.float32],
    flow10: NDArray[np.float32],
) -> None:
    if image0.ndim != 3 or 0 in image0.shape:
        raise InputError(f"image0 has shape {image0.shape}", "expected [height, width, channels]")
    if image1.shape != image0.shape:
        raise InputError(f"image1 has shape {image1.shape}, image0 {image0.shape}", "both need one shape")
    for name, flow in (("flow01", flow01), ("flow10", flow10)):
        if flow.shape != (*image0.shape[:2], 2):
            raise InputError(f"{name} has shape {flow.shape}", f"expected {(*image0.shape[:2], 2)}")
    for name, array in (("image0", image0), ("image1", image1), ("flow01", flow01), ("flow10", flow10)):
        if array.dtype != np.float32:
            raise InputError(f"{name} holds {array.dtype}", "expected float32")
