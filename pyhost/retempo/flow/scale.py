"""At which resolution is motion looked for, and how does the flow come back to full size?"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from retempo.errors import UsageError
from retempo.flow.base import Flow


def working_shape(height: int, width: int, scale: float = 1.0, size: int | None = None) -> tuple[int, int]:
    """Return the (height, width) to work at: ``size`` as the longer side if given, else ``scale`` of the picture.

    Never grows a picture and never returns a side of zero.

    Raises:
        UsageError: scale outside (0, 1], size < 1, or both given.
    """
    if not 0.0 < scale <= 1.0:
        raise UsageError(f"the working scale of the flow is {scale:g}", "choose a factor in (0, 1]")
    if size is not None:
        if size < 1:
            raise UsageError(
                f"the working size of the flow is {size}", "choose the longer side in pixels, >= 1"
            )
        if scale != 1.0:
            raise UsageError("both a working scale and a working size are given for the flow", "choose one")
        scale = min(1.0, size / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def shrink(image: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
    """Average [H, W, C] or [H, W] down to ``shape``; the same array when it already has that shape."""
    if image.shape[:2] == shape:
        return image
    small = cv2.resize(image, (shape[1], shape[0]), interpolation=cv2.INTER_AREA)
    return small.reshape(*shape, *image.shape[2:])


def stretch_flow(flow: Flow, height: int, width: int) -> Flow:
    """Grow a flow to [height, width, 2], bilinearly, its vectors with it (each axis by its own factor)."""
    rows, columns = flow.shape[:2]
    if (rows, columns) == (height, width):
        return np.ascontiguousarray(flow)
    grown = cv2.resize(flow, (width, height), interpolation=cv2.INTER_LINEAR).reshape(height, width, 2)
    grown *= np.array([width / columns, height / rows], dtype=np.float32)
    return grown
