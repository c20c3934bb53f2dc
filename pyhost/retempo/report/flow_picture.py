"""Which way does everything move?

The colour code of Baker et al., "A Database and Evaluation Methodology for Optical Flow" (ICCV 2007, IJCV
2011): hue is direction, saturation is length, white is rest. Right is red, down yellow, left cyan to blue, up
violet. The wheel's six arcs have the lengths of the paper's (15, 6, 4, 11, 13, 6), chosen by how finely the
eye tells those hues apart. Unlike the widespread code, the wheel closes without a seam at pure red.
"""

from __future__ import annotations

import numpy as np

from retempo.errors import UsageError
from retempo.report.lettering import draw_text, text_size

ARCS = (15, 6, 4, 11, 13, 6)
_CORNERS = np.array(
    [[1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 1, 1], [0, 0, 1], [1, 0, 1], [1, 0, 0]], dtype=np.float32
)
UNKNOWN_LENGTH = 1e9
"""Middlebury's sign for unknown flow: a component beyond this."""


def paint_flow(
    flow: np.ndarray, *, longest: float | None = None, valid: np.ndarray | None = None
) -> np.ndarray:
    """Flow as a picture.

    Args:
        flow: [H, W, 2] pixels, (dx, dy).
        longest: length in pixels that gets full saturation; None takes the 99th percentile, so that a few
            outliers do not bleach everything. Longer vectors are darkened.
        valid: [H, W] bool; invalid and non-finite or absurdly long vectors are black.

    Returns:
        [H, W, 3] uint8.
    """
    known = known_vectors(flow, valid)
    dx = np.where(known, flow[..., 0], 0.0).astype(np.float32)
    dy = np.where(known, flow[..., 1], 0.0).astype(np.float32)
    length = np.hypot(dx, dy)
    full = longest if longest is not None else typical_length(flow, valid)
    radius = length / np.float32(max(full, 1e-6))
    hue = _hue(dx, dy)
    inside = 1.0 - np.minimum(radius, 1.0)[..., None] * (1.0 - hue)
    color = np.where((radius <= 1.0)[..., None], inside, 0.75 * hue)
    color[~known] = 0.0
    return np.rint(color * 255.0).astype(np.uint8)


def typical_length(flow: np.ndarray, valid: np.ndarray | None = None) -> float:
    """99th percentile of the known vectors' lengths, in pixels; 0 when none is known."""
    known = known_vectors(flow, valid)
    if not known.any():
        return 0.0
    return float(np.percentile(np.hypot(flow[..., 0][known], flow[..., 1][known]), 99.0))


def draw_wheel(size: int = 101, longest: float | None = None) -> np.ndarray:
    """The colour of each direction around the middle: [size, size, 3] uint8, black outside.

    ``longest``, the radius in pixels, is written at the lower edge.
    """
    centre = (size - 1) / 2.0
    y, x = np.mgrid[:size, :size].astype(np.float32)
    flow = np.stack([x - centre, y - centre], axis=-1) / np.float32(max(centre, 1.0))
    inside = np.hypot(flow[..., 0], flow[..., 1]) <= 1.0
    wheel = paint_flow(flow, longest=1.0, valid=inside)
    if longest is not None:
        scale = max(1, size // 200)
        width, height = text_size(f"{longest:.3g} px", scale)
        at = ((size - width) // 2, size - height - 2 * scale)
        draw_text(wheel, f"{longest:.3g} px", *at, scale=scale, plate=(0, 0, 0))
    return wheel


def paint_flow_with_legend(flow: np.ndarray, *, valid: np.ndarray | None = None) -> np.ndarray:
    """paint_flow with the wheel and its radius in pixels in the lower right corner (not in frames below 64)."""
    longest = typical_length(flow, valid)
    picture = paint_flow(flow, longest=longest, valid=valid)
    height, width = picture.shape[:2]
    if min(height, width) < 64:
        return picture
    size = min(height, width) // 5 | 1
    wheel = draw_wheel(size)
    shown = wheel.any(axis=-1)
    picture[-size - 4 : -4, -size - 4 : -4][shown] = wheel[shown]
    label, scale = f"{longest:.3g} px", max(1, height // 360)
    wide, high = text_size(label, scale)
    if width > size + wide + 16 * scale:
        draw_text(
            picture, label, width - size - wide - 8 * scale, height - high - 4, scale=scale, plate=(0, 0, 0)
        )
    return picture


def _hue(dx: np.ndarray, dy: np.ndarray) -> np.ndarray:
    """[..., 3] colour in [0, 1] on the rim of the wheel in the direction (dx, dy)."""
    turn = np.mod(np.arctan2(dy, dx) / (2.0 * np.pi), 1.0) * sum(ARCS)
    corners = np.concatenate([[0], np.cumsum(ARCS)])
    return np.stack([np.interp(turn, corners, _CORNERS[:, c]) for c in range(3)], axis=-1).astype(np.float32)


def known_vectors(flow: np.ndarray, valid: np.ndarray | None) -> np.ndarray:
    """[H, W] bool: valid, finite and not absurdly long. UsageError unless flow is [H, W, 2]."""
    if flow.ndim != 3 or flow.shape[2] != 2:
        raise UsageError(f"flow is [H, W, 2], got {flow.shape}")
    known = np.isfinite(flow).all(axis=-1)
    known &= (np.abs(np.where(known[..., None], flow, 0.0)) < UNKNOWN_LENGTH).all(axis=-1)
    return known if valid is None else known & valid.astype(bool)
