"""Which source pixels may be used at all, and how are their neighbours kept from leaking?"""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from retempo.conventions import WORST_FOOTPRINT_RADIUS
from retempo.errors import InputError

EDGE_TRUST: Final = 1e-4
"""Share of its trust that a usable pixel keeps beside an unusable one."""


def check_trust(plane: Any, name: str, height: int, width: int) -> NDArray[np.float32] | None:
    """Return a [H, W] mask as float32 in [0, 1], or None for None."""
    if plane is None:
        return None
    array = np.ascontiguousarray(plane, dtype=np.float32)
    if array.shape != (height, width):
        raise InputError(f"{name} has shape {array.shape}", f"expected {(height, width)}")
    if not (np.isfinite(array).all() and array.min() >= 0 and array.max() <= 1):
        raise InputError(f"{name} has values outside of [0, 1]", "0 is not to be trusted, 1 is")
    return array


def guard_edges(trust: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the trust with pixels near an unusable one (trust 0) almost, but not quite, silenced.

    A splat spreads a pixel's trust over its footprint, and the warp then looks up what lies there: next to an edge that
    would fetch unusable pixels. In a border as wide as footprint and filter together a frame is therefore only
    listened to where no other has more to say.
    """
    unusable = (trust == 0).astype(np.uint8)
    if not unusable.any():
        return trust
    side = 2 * (WORST_FOOTPRINT_RADIUS + 1) + 1
    near = cv2.dilate(unusable, np.ones((side, side), np.uint8)).reshape(trust.shape)
    return np.where(near > 0, trust * np.float32(EDGE_TRUST), trust)
