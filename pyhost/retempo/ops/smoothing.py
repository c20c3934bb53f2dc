"""How does noise leave a clip while edges stay? 3-D SUSAN smoothing of one frame among its neighbours, native."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from retempo.ops import arrays

Picture = NDArray[np.float32]


def susan(
    frames: Sequence[Picture],
    centre: int,
    *,
    sigma: float = 15.0,
    t: float = 20.0 / 255.0,
    radius: int = 1,
    threads: int = 0,
) -> Picture:
    """One frame, each pixel a mean of those around it, in space and time, that look like it.

    Weights are ``exp(-|q - p|^2 / (2 sigma^2) - d^2 / t^2)`` with d the root mean square difference over the
    channels; the pixel itself has none. Where all vanish, the median of the spatial neighbours stands.

    Args:
        frames: [H, W, C] float32 each, C at most 4, finite and below 1e15, neighbours of one clip in order; the
            middle one and as many on each side as the clip has and the window wants.
        centre: which of them is smoothed.
        sigma: how fast weights fall with distance, pixels and frames alike; > 0.
        t: the same with the difference of values; > 0.
        radius: 1 to 3; the window is (2 radius + 1)^2 pixels of every frame.
        threads: CPU threads, 0 for all; the result does not depend on it.

    Returns:
        [H, W, C] float32.

    Raises:
        UsageError: an argument does not fit; the message names it.
        DeviceError: no native module.
    """
    given = [arrays.contiguous(frame) for frame in frames]
    out = np.empty_like(given[0]) if given else np.empty((0, 0, 0), np.float32)
    arrays.call_native("susan", given, centre, out, sigma=sigma, t=t, radius=radius, threads=threads)
    return out
