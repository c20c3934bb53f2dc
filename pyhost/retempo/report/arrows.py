"""Where does this very pixel go?  Flow as arrows over the frame."""

from __future__ import annotations

import numpy as np

from retempo.report.flow_picture import known_vectors
from retempo.report.lettering import Color
from retempo.report.picture import as_picture


def draw_arrows(
    image: np.ndarray,
    flow: np.ndarray,
    *,
    spacing: int = 24,
    scale: float = 1.0,
    valid: np.ndarray | None = None,
    color: Color = (255, 230, 0),
) -> np.ndarray:
    """Arrows on a grid over an image.

    Args:
        image: anything that ``as_picture`` takes, of the flow's size.
        flow: [H, W, 2] pixels; each arrow starts at its pixel and ends where the pixel goes.
        spacing: pixels between arrows.
        scale: lengthens the arrows.
        valid: [H, W] bool; no arrow where it is False. Vectors below half a pixel are drawn as a dot.

    Returns:
        [H, W, 3] uint8.
    """
    picture = as_picture(image)
    known = known_vectors(flow, valid)
    height, width = known.shape
    weight = max(1.0, height / 540.0)
    for y in range(spacing // 2, height, spacing):
        for x in range(spacing // 2, width, spacing):
            if not known[y, x]:
                continue
            dx, dy = (float(value) * scale for value in flow[y, x])
            _stroke(picture, x, y, x + dx, y + dy, 1.1 * weight, color)
            length = float(np.hypot(dx, dy))
            if length < 0.5:
                continue
            head = min(6.0 * weight, 0.4 * length + 1.0)
            ux, uy = dx / length * head, dy / length * head
            tip_x, tip_y = x + dx, y + dy
            for side in (-0.5, 0.5):
                end_x, end_y = tip_x - ux + side * uy, tip_y - uy - side * ux
                _stroke(picture, tip_x, tip_y, end_x, end_y, 0.9 * weight, color)
    return picture


def _stroke(
    picture: np.ndarray, x0: float, y0: float, x1: float, y1: float, radius: float, color: Color
) -> None:
    """A soft-edged line with a dark rim, blended in place."""
    rim = radius + 1.0
    height, width = picture.shape[:2]
    left, right = int(max(0, min(x0, x1) - rim - 1)), int(min(width, max(x0, x1) + rim + 2))
    top, bottom = int(max(0, min(y0, y1) - rim - 1)), int(min(height, max(y0, y1) + rim + 2))
    if left >= right or top >= bottom:
        return
    y, x = np.mgrid[top:bottom, left:right].astype(np.float32)
    dx, dy = x1 - x0, y1 - y0
    along = np.clip(((x - x0) * dx + (y - y0) * dy) / max(dx * dx + dy * dy, 1e-9), 0.0, 1.0)
    distance = np.hypot(x - x0 - along * dx, y - y0 - along * dy)
    patch = picture[top:bottom, left:right].astype(np.float32)
    for reach, paint, strength in ((rim, (0, 0, 0), 0.5), (radius, color, 1.0)):
        cover = np.clip(reach + 0.5 - distance, 0.0, 1.0)[..., None] * strength
        patch += (np.array(paint, np.float32) - patch) * cover
    picture[top:bottom, left:right] = np.rint(patch)
