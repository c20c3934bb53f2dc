"""Which pixels of the night frame must not be lost? Importance W in [0, 1], for each of the three algorithms.

All pictures here are in the log of ``space``, so that one threshold serves shadows and highlights.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from retempo.fusion.gradients import gradient, magnitude, mean_of_channels
from retempo.fusion.options import FusionOptions

Picture = NDArray[np.float32]
Plane = NDArray[np.float32]


def static_weight(night: Picture, day: Picture, options: FusionOptions) -> Plane:
    """1 where the night frame alone says that something is there, else 0; [H, W].

    Args:
        night, day: [H, W, 3], log.
        options: ``rule`` and the thresholds of gradient and level.
    """
    length = magnitude(*gradient(night))
    if options.rule == "larger":
        return (length > magnitude(*gradient(day))).astype(np.float32)
    bright = mean_of_channels(night) > options.level_threshold
    return ((length > options.gradient_threshold) | bright).astype(np.float32)


def scene_change(night: Picture, reference: Picture, options: FusionOptions) -> Plane:
    """How surely a frame differs from one without the action: 0 up to the threshold, 1 from twice that on; [H, W].

    A fixed ramp, and not the frame's own maximum, normalises: importance must not depend on what else is in sight.
    """
    threshold = options.motion_threshold
    excess = (difference(night, reference) - threshold) / max(threshold, 1e-6)
    return blur_box(np.clip(excess, 0.0, 1.0).astype(np.float32), options.soften)


def frame_change(night: Picture, other: Picture, options: FusionOptions) -> Plane:
    """Where a frame differs from its neighbour, softened; [H, W]."""
    moved = difference(night, other) > options.motion_threshold
    return blur_box(moved.astype(np.float32), options.soften)


def difference(one: Picture, other: Picture) -> Plane:
    """Distance of two colours, the root mean square over the channels; [H, W]."""
    distance: Plane = np.sqrt(mean_of_channels(np.square(one - other)))
    return distance


def average(weights: Sequence[Plane]) -> Plane:
    """Temporal hysteresis: the mean of the importance of neighbouring frames, added up in their order."""
    total = weights[0].copy()
    for one in weights[1:]:
        total += one
    total /= np.float32(len(weights))
    return total


def longer_gradient(night: Picture, day: Picture, options: FusionOptions) -> NDArray[np.bool_]:
    """Where the night frame's gradient counts and is longer than the day's; [H, W].

    And ``options.grow`` pixels around: an edge is a ramp of several pixels, and where only some of them are taken its
    two sides end up at other levels all over the picture.
    """
    length = magnitude(*gradient(night))
    longer = length > np.maximum(magnitude(*gradient(day)), np.float32(options.gradient_threshold))
    return blur_box(longer.astype(np.float32), 2 * options.grow + 1) > 1e-6


def blur_box(plane: Plane, side: int) -> Plane:
    """Mean over a square of ``side`` pixels, odd; at the borders over the part of it that is there."""
    if side <= 1:
        return plane
    radius = side // 2
    for axis in (0, 1):
        count = plane.shape[axis]
        sums = np.concatenate(
            [np.zeros_like(np.take(plane, [0], axis), np.float64), np.cumsum(plane, axis, np.float64)], axis
        )
        first = np.maximum(np.arange(count) - radius, 0)
        last = np.minimum(np.arange(count) + radius + 1, count)
        widths = (last - first).reshape((-1, 1) if axis == 0 else (1, -1))
        plane = ((np.take(sums, last, axis) - np.take(sums, first, axis)) / widths).astype(np.float32)
    return np.clip(plane, 0.0, 1.0)
