"""How far is each pixel of a pair to be trusted? The native twin of ``metrics.importance``, in one pass."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from retempo.ops import arrays

Plane = NDArray[np.float32]


def importance(
    image0: NDArray[np.float32],
    image1: NDArray[np.float32],
    flow01: NDArray[np.float32],
    flow10: NDArray[np.float32],
    *,
    splat: Sequence[float],
    merge: Sequence[float],
    temperature: float,
    threads: int = 0,
) -> tuple[Plane, Plane, bool]:
    """Splat and merge metric of frame 0 (equations 3-4 of splatting-based synthesis).

    Args:
        image0, image1: [H, W, C] float32, flow space, host memory.
        flow01, flow10: [H, W, 2] float32 pixels.
        splat, merge: three coefficients each: photometric, flow, variance; >= 0.
        temperature: multiplies the splat metric.
        threads: CPU threads, 0 for all; the result does not depend on it.

    Returns:
        ``(splat [H, W], merge [H, W], finite)``; finite is False where an image or a flow is NaN or infinite.

    Raises:
        UsageError: an argument does not fit; the message names it.
        DeviceError: no native module.
    """
    height, width = image0.shape[:2]
    planes = np.empty((2, height, width, 1), np.float32)  # together they may get large memory pages
    finite = arrays.call_native(
        "importance",
        *(arrays.contiguous(array) for array in (image0, image1, flow01, flow10)),
        planes[0],
        planes[1],
        splat_coefficients=tuple(splat),
        merge_coefficients=tuple(merge),
        temperature=temperature,
        threads=threads,
    )
    return planes[0][..., 0], planes[1][..., 0], bool(finite)
