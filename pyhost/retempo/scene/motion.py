"""Where is a layer at time t? Similarity transforms that are smooth in time.

A layer point q (design pixels around the layer's pivot, y down) is seen at

    x(t) = centre + velocity * t + scale(t) * R(angle + spin * t) q,    scale(t) = scale * growth ** t

with t in frames. Paths are straight and rotation and growth constant, so that a point at radius r strays
from the straight line between two neighbouring frames by about r * (spin^2 + log(growth)^2) / 8 pixels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Motion:
    """Position at t = 0 in pixels from the frame's centre, and rates per frame.

    Attributes:
        centre: (x, y) at t = 0, pixels.
        velocity: (x, y) pixels per frame.
        angle: radians at t = 0; positive turns x towards y (clockwise on screen).
        spin: radians per frame.
        scale: pixels per design pixel at t = 0.
        growth: factor per frame.
    """

    centre: tuple[float, float]
    velocity: tuple[float, float]
    angle: float = 0.0
    spin: float = 0.0
    scale: float = 1.0
    growth: float = 1.0

    def matrix(self, t: float) -> np.ndarray:
        """[3, 3] float64, layer point (x, y, 1) -> frame point (x, y, 1) around the frame's centre."""
        factor = self.scale_at(t)
        turn = self.angle + self.spin * t
        c, s = factor * math.cos(turn), factor * math.sin(turn)
        x, y = (self.centre[i] + self.velocity[i] * t for i in range(2))
        return np.array([[c, -s, x], [s, c, y], [0.0, 0.0, 1.0]])

    def scale_at(self, t: float) -> float:
        """Pixels per design pixel at time t."""
        return self.scale * self.growth**t

    def curvature(self, radius: float, t: float) -> float:
        """How far, in pixels, a point at ``radius`` strays from linear motion halfway between t and t + 1."""
        q = np.array([radius, 0.0, 1.0])
        ends = (self.matrix(t) @ q + self.matrix(t + 1) @ q) / 2
        return float(np.hypot(*(ends - self.matrix(t + 0.5) @ q)[:2]))
