"""Only the motion to the next frame is known: what is the motion back?

Many renderers write one direction. The other follows by splatting -F to where F leads; pixels that nothing
lands on were hidden in the first frame, and get a guess. With several pixels landing on one, the weights are a
softmax of ``metric`` (say a depth metric, so that the nearer surface wins), else their average.
"""

from __future__ import annotations

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
    *,
    threads: int = 0,
) -> tuple[Flow, NDArray[np.bool_]]:
    """Derive flow10 from flow01.

    Args:
        flow01: [H, W, 2] pixels, frame 0 -> 1.
        metric: [H, W] splat metric of frame 0, larger is nearer.
        valid: [H, W]; vectors of frame 0 that may be used.
        guess: [H, W, 2] what to put into holes, on the grid of frame 1. Where the motion to the *next* frame is
            known at frame 1 too, its negative is a good one: it assumes that speed does not change. Without a guess
            a hole takes the vector of the nearest pixel that is none.
        threads: CPU threads, 0 for all; no effect on the bits.

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
    made = ops.invert_flow(
        flow01,
        None if metric is None else np.ascontiguousarray(metric, dtype=np.float32),
        None if valid is None else np.ascontiguousarray(valid, dtype=np.float32),
        guess,
        threads=threads,
        check_finite=False,
    )
    return made.flow, made.seen
