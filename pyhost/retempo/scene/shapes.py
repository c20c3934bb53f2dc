"""How far is a point from a shape's edge? Signed distances: negative inside, in the units of x and y."""

from __future__ import annotations

import math

import numpy as np


def disc(x: np.ndarray, y: np.ndarray, radius: float) -> np.ndarray:
    """A disc around the origin."""
    return np.hypot(x, y) - radius


def ring(x: np.ndarray, y: np.ndarray, radius: float, width: float) -> np.ndarray:
    """A circular line of a given width."""
    return np.abs(np.hypot(x, y) - radius) - width / 2


def rounded_box(
    x: np.ndarray, y: np.ndarray, half_width: float, half_height: float, corner: float
) -> np.ndarray:
    """A rectangle around the origin with round corners."""
    dx, dy = np.abs(x) - (half_width - corner), np.abs(y) - (half_height - corner)
    outside = np.hypot(np.maximum(dx, 0), np.maximum(dy, 0))
    return outside + np.minimum(np.maximum(dx, dy), 0) - corner


def segment(
    x: np.ndarray, y: np.ndarray, start: tuple[float, float], end: tuple[float, float], width: float
) -> np.ndarray:
    """A straight stroke with round ends."""
    ax, ay = start
    bx, by = end[0] - ax, end[1] - ay
    length = bx * bx + by * by
    along = np.clip(((x - ax) * bx + (y - ay) * by) / (length if length else 1.0), 0, 1)
    return np.hypot(x - ax - along * bx, y - ay - along * by) - width / 2


def fold_angle(x: np.ndarray, y: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Turn every point into the sector around the x axis: what is drawn once there appears ``count`` times."""
    sector = 2 * math.pi / count
    angle = np.arctan2(y, x)
    angle = angle - sector * np.round(angle / sector)
    radius = np.hypot(x, y)
    return radius * np.cos(angle), radius * np.sin(angle)


def gear(x: np.ndarray, y: np.ndarray, radius: float, teeth: int, height: float, hub: float) -> np.ndarray:
    """A toothed wheel with a hole of radius ``hub``; ``radius`` reaches to the foot of the teeth."""
    fx, fy = fold_angle(x, y, teeth)
    foot = math.pi * radius / teeth * 0.62
    slope = 0.35 * (fx - radius)
    tooth = np.maximum(np.abs(fy) - foot + slope, fx - radius - height)
    body = np.minimum(np.hypot(x, y) - radius, np.maximum(tooth, radius - 8 - fx))
    return np.maximum(body, hub - np.hypot(x, y))


def cover(distance: np.ndarray, softness: float) -> np.ndarray:
    """Coverage in [0, 1] of a signed distance: a smooth ramp ``softness`` wide around the edge, float32."""
    ramp = np.clip(0.5 - distance / softness, 0, 1)
    return (ramp * ramp * (3 - 2 * ramp)).astype(np.float32)
