"""What does a layer look like at a point? A finely sampled map of colour and edge distance.

A layer is painted once, at ``TEXELS`` samples per pixel, and read by bilinear interpolation: that makes it a
continuous function of the layer's plane, the same for every frame time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

TEXELS = 2
"""Texels per output pixel and axis, at scale 1."""

Painter = Callable[["Canvas"], tuple[np.ndarray, np.ndarray]]
"""Canvas -> (rgb [h, w, 3] scene-linear, edge [h, w] signed distance in design pixels, negative inside)."""


@dataclass(frozen=True)
class Canvas:
    """The plane that a painter paints on.

    Attributes:
        x, y: design-pixel coordinates around the pivot, a row [1, w] and a column [h, 1], float32.
        pixel: size of an output pixel in design pixels; nothing should vary faster than a few of these.
        seed: for noise and random choices.
    """

    x: np.ndarray
    y: np.ndarray
    pixel: float
    seed: int

    @property
    def shape(self) -> tuple[int, int]:
        return self.y.shape[0], self.x.shape[1]

    @property
    def soft(self) -> float:
        """Width of a soft edge inside a texture, in design pixels."""
        return 2.0 * self.pixel

    def thin(self, width: float) -> float:
        """A line width that output pixels can carry."""
        return max(width, 2.0 * self.pixel)


class Texture:
    """Colour and edge distance over a rectangle around the pivot.

    Args:
        painter: paints the map.
        half_size: half width and height of the rectangle in design pixels; the shape must end inside of it.
        pixel: size of an output pixel in design pixels.
        seed: handed to the painter.
    """

    def __init__(self, painter: Painter, half_size: tuple[float, float], pixel: float, seed: int) -> None:
        step = pixel / TEXELS
        columns, rows = (int(np.ceil(half / step)) for half in half_size)
        x = (np.arange(-columns, columns + 1, dtype=np.float32) * step)[None, :]
        y = (np.arange(-rows, rows + 1, dtype=np.float32) * step)[:, None]
        colour, edge = painter(Canvas(x, y, pixel, seed))
        self.half_size = (columns * step, rows * step)
        self._step = step
        self._texels = np.ascontiguousarray(
            np.concatenate([np.broadcast_to(colour, (*edge.shape, 3)), edge[..., None]], axis=-1), np.float32
        )

    def sample(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """[n, 4] float32 (r, g, b, edge distance) at points x, y [n] of the layer's plane, clamped to the map."""
        rows, columns = self._texels.shape[:2]
        u = np.clip((x + self.half_size[0]) / self._step, 0, columns - 1.001)
        v = np.clip((y + self.half_size[1]) / self._step, 0, rows - 1.001)
        i, j = u.astype(np.int32), v.astype(np.int32)
        fu, fv = (u - i).astype(np.float32)[:, None], (v - j).astype(np.float32)[:, None]
        flat = self._texels.reshape(-1, 4)
        at = j * columns + i
        top = flat[at] * (1 - fu) + flat[at + 1] * fu
        low = flat[at + columns] * (1 - fu) + flat[at + columns + 1] * fu
        return top + fv * (low - top)
