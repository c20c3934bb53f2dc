"""Only the motion to the next frame is known: what is the motion back?

Many renderers write one direction. The other follows by splatting -F to where F leads; pixels that nothing
lands on were hidden in the first frame, and get a guess. With several pixels landing on one, the weights are a
softmax of ``metric`` (say a depth metric, so that the nearer surface wins), else their average.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from retempo import ops
from retempo.errors import InputError
from retempo.flow.base import Flow, check_flow


def invert_flow(
    flow01: Flow,
    metric: NDArray[np.float32] | None = None,
    valid: NDArray[np.bool_] | None = None,
    guess: Flow | None = None,
) -> tuple[Flow, NDArray[np.bool_]]:
    """Derive flow10 from flow01.

    Args:
        flow01: [H, W, 2] pixels, frame 0 -> 1.
        metric: [H, W] splat metric of frame 0, larger is nearer.
        valid: [H, W]; vectors of frame 0 that may be used.
        guess: [H, W, 2] what to put into holes, on the grid of frame 1. Where the motion to the *next* frame is
            known at frame 1 too, its negative is a good one: it assumes that speed does not change. Without a guess
            a hole takes the vector of the nearest pixel that is none.

    Returns:
        ``(flow10, seen)``: [H, W, 2] and [H, W] bool, False where the value is a guess.

    Raises:
        InputError: shapes do not agree, or the flow is not finite.
    """
    flow01 = check_flow(flow01, "flow01")
    height, width = flow01.shape[:2]
    for name, plane in (("metric", metric), ("valid", valid)):
        if plane is not None and plane.shape != (height, width):
            raise InputError(f"{name} is {plane.shape}, the flow is {(height, width)}", "both need one size")
    if guess is not None:
        guess = check_flow(guess, "guess", height, width)
    planar = np.ascontiguousarray(flow01.transpose(2, 0, 1))[None]
    trust = np.ones((1, 1, height, width), dtype=np.float32)
    if valid is not None:
        trust[0, 0] = valid
    payload = np.concatenate([-planar * trust, trust], axis=1)
    z = None if metric is None else np.ascontiguousarray(metric, dtype=np.float32)[None, None]
    splatted = ops.splat(
        payload, planar, z, mode="average" if z is None else "softmax", footprint="bilinear"
    ).out[0]
    weight = splatted[2]
    seen = weight > 0.05 if valid is not None else weight > 0
    flow10 = np.ascontiguousarray(
        (splatted[:2] / np.where(seen, weight, 1.0)).transpose(1, 2, 0), dtype=np.float32
    )
    if guess is not None:
        flow10[~seen] = guess[~seen]
    else:
        flow10 = fill_nearest(flow10, seen)
    return flow10, seen


def fill_nearest(values: NDArray[np.float32], known: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Give every unknown pixel of [H, W, C] the value of the nearest known one; all zero where none is known."""
    if known.all():
        return values
    if not known.any():
        return np.zeros_like(values)
    unknown = np.ascontiguousarray(~known, dtype=np.uint8)
    _, labels = cv2.distanceTransformWithLabels(unknown, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    source = np.zeros(int(labels.max()) + 1, dtype=np.int64)
    source[labels[known]] = np.flatnonzero(known)
    return values.reshape(-1, values.shape[2])[source[labels]].reshape(values.shape)
