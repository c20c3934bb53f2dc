"""Where can a flow be believed? Where following it forth and back ends where it began.

Source: Sundaram, Brox, Keutzer, "Dense point trajectories by GPU-accelerated large displacement optical flow",
ECCV 2010, equation 5: the occlusion test with the constants 0.01 and 0.5.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from retempo import ops
from retempo.errors import InputError
from retempo.flow.base import Flow, check_flow


def forward_backward_error(flow01: Flow, flow10: Flow) -> NDArray[np.float32]:
    """Return [H, W] pixels: the length of F01(p) + F10(p + F01(p)). Outside the frame the edge continues.

    Raises:
        InputError: the flows differ in size, are not [H, W, 2] or not finite.
    """
    flow01, flow10 = _check(flow01, flow10)
    residual = ops.warp_image(flow10, flow01, filter="bilinear", border="edge")
    residual += flow01
    return lengths(residual)


def lengths(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return [H, W]: how long the vectors [H, W, 2] are."""
    total = cv2.transform(np.square(vectors), np.ones((1, 2), np.float32)).reshape(vectors.shape[:2])
    return np.sqrt(total, out=total)


def occlusion(
    flow01: Flow, flow10: Flow, *, relative: float = 0.01, absolute: float = 0.5
) -> NDArray[np.bool_]:
    """Return [H, W] bool: True where a pixel of frame 0 is not seen in frame 1.

    Occluded is where |F01 + F10'|^2 > relative * (|F01|^2 + |F10'|^2) + absolute, with F10' the backward flow at
    the pixel's place in frame 1, and where that place lies outside the frame.

    Raises:
        InputError: as above.
    """
    flow01, flow10 = _check(flow01, flow10)
    warped = ops.warp_image(flow10, flow01, filter="bilinear", border="edge")
    error = np.sum((flow01 + warped) ** 2, axis=2)
    limit = relative * (np.sum(flow01**2, axis=2) + np.sum(warped**2, axis=2)) + absolute
    return (error > limit) | ~lands_inside(flow01)


def confidence(flow01: Flow, flow10: Flow, *, tolerance: float = 1.0) -> NDArray[np.float32]:
    """Return [H, W] in [0, 1]: 1 / (1 + error / tolerance), 0 where the flow leaves the frame.

    Args:
        flow01, flow10: the two flows.
        tolerance: forward-backward error in pixels at which confidence has fallen to a half.
    """
    result = (1.0 / (1.0 + forward_backward_error(flow01, flow10) / np.float32(tolerance))).astype(np.float32)
    result[~lands_inside(flow01)] = 0.0
    return result


def lands_inside(flow: Flow) -> NDArray[np.bool_]:
    """Return [H, W] bool: True where p + F(p) lies between the centres of the outermost pixels."""
    height, width = flow.shape[:2]
    x = np.arange(width, dtype=np.float32)[None, :] + flow[..., 0]
    y = np.arange(height, dtype=np.float32)[:, None] + flow[..., 1]
    return (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)


def _check(flow01: Flow, flow10: Flow) -> tuple[Flow, Flow]:
    flow01 = check_flow(flow01, "flow01")
    flow10 = check_flow(flow10, "flow10")
    if flow01.shape != flow10.shape:
        raise InputError(f"flow01 is {flow01.shape[:2]}, flow10 is {flow10.shape[:2]}", "both need one size")
    return flow01, flow10
