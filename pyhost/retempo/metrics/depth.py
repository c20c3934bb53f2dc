"""Which surface is in front? A splat metric from a depth channel: the nearer pixel wins."""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from retempo.errors import InputError, UsageError

Convention = Literal["distance", "inverse", "negative"]

CONVENTIONS: Final[tuple[Convention, ...]] = ("distance", "inverse", "negative")
"""``distance``: grows away from the camera (Blender, Arnold, most EXRs). ``inverse``: 1/distance, grows towards
the camera (Nuke's ScanlineRender). ``negative``: camera space, -distance (grows towards the camera from -inf)."""

_OVERSHOOT: Final = 0.5


def depth_metric(
    depth: NDArray[np.float32],
    *,
    convention: Convention = "distance",
    strength: float = 50.0,
    valid: NDArray[np.bool_] | None = None,
) -> NDArray[np.float32]:
    """Turn depth into a splat metric.

    The logarithm of the distance is stretched so that the 1st and 99th percentiles of the frame's valid pixels become
    ``strength`` (near) and 0 (far); what lies beyond them goes on by at most half of the range and is then clipped,
    so that a speck on the lens or a sky at 1e10 cannot flatten the rest. A difference of 1 in the metric is a
    preference of e to 1. Only differences within one frame matter, so each frame is normalised for itself.

    Args:
        depth: [H, W] float; any unit. NaN, infinite and (for distance and inverse) values <= 0 mean "nothing
            there" and count as farthest.
        convention: see ``CONVENTIONS``.
        strength: metric between near and far, > 0.
        valid: [H, W] bool; pixels to leave out, as farthest.

    Returns:
        [H, W] float32 in [0, (1 + 2 * 0.5) * strength]; all 0 where depth is constant or nothing is valid.

    Raises:
        InputError: depth or valid is not [H, W].
        UsageError: unknown convention, strength not finite and > 0.
    """
    depth = np.asarray(depth)
    if depth.ndim == 3 and depth.shape[2] == 1:
        depth = depth[..., 0]
    if depth.ndim != 2:
        raise InputError(f"depth has shape {depth.shape}", "expected one channel, [height, width]")
    if valid is not None and valid.shape != depth.shape:
        raise InputError(f"valid is {valid.shape}, depth is {depth.shape}", "both need one size")
    if convention not in CONVENTIONS:
        raise UsageError(
            f"there is no depth convention {convention!r}", f"choose from {', '.join(CONVENTIONS)}"
        )
    if not (np.isfinite(strength) and strength > 0):
        raise UsageError(f"the strength of the depth metric is {strength}", "it must be a finite number > 0")
    distance = -depth if convention == "negative" else depth
    there = np.isfinite(distance) & (distance > 0)
    if valid is not None:
        there &= valid
    result = np.zeros(depth.shape, dtype=np.float32)
    if not there.any():
        return result
    nearness = np.log(distance[there].astype(np.float64))
    if convention != "inverse":
        nearness = -nearness
    low, high = np.percentile(nearness, (1, 99))
    if not high > low:
        low, high = float(nearness.min()), float(nearness.max())
    if not high > low:
        result[there] = strength if not there.all() else 0.0
        return result
    share = np.clip((nearness - low) / (high - low), -_OVERSHOOT, 1.0 + _OVERSHOOT) + _OVERSHOOT
    result[there] = share * strength
    return result


def depth_bound(strength: float) -> float:
    """Return the largest value that ``depth_metric`` can have for that strength."""
    return (1.0 + 2.0 * _OVERSHOOT) * strength
