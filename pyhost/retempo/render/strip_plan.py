"""How large may a strip be, so that a frame is made within the memory budget? An estimate, before anything is read."""

from __future__ import annotations

from dataclasses import dataclass

from retempo.errors import UsageError
from retempo.io.frame import Frame

FLOW_BYTES = 40
"""Held per pixel and pair: two flows, two encoded pictures, and what rescaling them takes in passing."""
SEARCH_BYTES = 400
"""Taken per pixel of the working resolution while both directions of flow are searched (measured, DIS fine)."""
METRIC_BYTES = 120
"""Taken per pixel and pair while metrics are measured: guides, warped guides, two metrics each way."""
FRAMES_IN_FLIGHT = 3
"""Beyond the contributing frames: one read ahead, two results being written."""
LEAST_ROWS = 16


@dataclass(frozen=True)
class StripPlan:
    """How a frame is cut: ``rows`` at a time, flow searched at ``flow_scale`` of its resolution."""

    rows: int
    flow_scale: float


def whole_bytes(header: Frame, settings_frames: int, hypotheses: int, flow_scale: float) -> int:
    """Memory that making frames whole takes at its peak, in bytes (an estimate; see the constants)."""
    pixels = sum(layer.nbytes for layer in header.layers)
    area = _area(header)
    frames = pixels * (2 * settings_frames + FRAMES_IN_FLIGHT)
    searching = area * (FLOW_BYTES * hypotheses + int(SEARCH_BYTES * flow_scale**2))
    return frames + max(searching, area * (FLOW_BYTES * hypotheses + METRIC_BYTES))


def plan_strips(
    header: Frame, budget: int, settings_frames: int, hypotheses: int, flow_scale: float
) -> StripPlan | None:
    """How to stay within ``budget`` bytes; None when whole frames do.

    Raises:
        UsageError: not even strips of a few rows fit.
    """
    if whole_bytes(header, settings_frames, hypotheses, flow_scale) <= budget:
        return None
    area = _area(header)
    held = area * FLOW_BYTES * hypotheses
    scale = flow_scale
    while held + area * SEARCH_BYTES * scale**2 > budget and scale > 0.1:
        scale /= 2
    height = max(layer.window.height for layer in header.layers)
    row = sum(layer.nbytes for layer in header.layers) / height * (2 * settings_frames + 1)
    row += METRIC_BYTES * max(layer.window.width for layer in header.layers)
    rows = int((budget - held) / row / 2)
    if rows < LEAST_ROWS or scale <= 0.1:
        least = int(held + area * SEARCH_BYTES * 0.04 + 2 * LEAST_ROWS * row) >> 20
        raise UsageError(
            f"a frame of {header.display.width}x{header.display.height} with these channels cannot be made "
            f"within {budget >> 20} MiB",
            f"give --memory at least about {least}M, or fewer flow hypotheses",
        )
    return StripPlan(min(rows, height), scale)


def _area(header: Frame) -> int:
    return max(layer.window.width * layer.window.height for layer in header.layers)
