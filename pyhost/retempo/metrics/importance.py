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
    threads: int = 0,
) -> tuple[Plane, Plane]:
    """Compute both metrics of frame 0; call again with everything swapped for frame 1.

    Args:
        image0, image1: [H, W, C] float32, flow space, [0, 1].
        flow01, flow10: [H, W, 2] float32 pixels, finite.
        settings: coefficients; the defaults when None.
        threads: CPU threads, 0 for all; the result does not depend on it.

    Returns:
        ``(splat, merge)``, each [H, W] float32: splat in (0, 3 * temperature], the temperature already multiplied
        in; merge in (0, 3].

    Raises:
        InputError: shapes do not agree, or a value is not finite.
    """
    settings = settings or ImportanceSettings()
    _check(image0, image1, flow01, flow10)
    splat, merge, finite = ops.importance(
        image0,
        image1,
        flow01,
        flow10,
        splat=(settings.splat_photo, settings.splat_flow, settings.splat_variance),
        merge=(settings.merge_photo, settings.merge_flow, settings.merge_variance),
        temperature=settings.temperature,
        threads=threads,
    )
    if not finite:
        raise InputError(
            "an image or a flow holds NaN or infinite values", "sanitise them before measuring importance"
        )
    return splat, merge


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
