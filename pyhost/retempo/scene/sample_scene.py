"""What does the scene look like at any moment, and where does each pixel go?

Eight flat layers, painted once, move in front of each other. Colour, alpha, ids, depth and motion vectors
come from one description, so that every in-between frame has an exact ground truth.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from retempo.errors import UsageError
from retempo.scene.layers import LAYERS, Layer
from retempo.scene.texture import Texture

DESIGN_WIDTH, DESIGN_HEIGHT = 960, 540
STAGED_FRAMES = 24
"""The scene is composed for times 0 to 24; any other time is valid, but layers wander off."""
EMPTY_DEPTH = 100.0
"""Depth in metres where there is nothing: behind everything, and finite, so that it may be filtered."""
EDGE_PIXELS = 2.5
"""Width in output pixels over which an outline goes from opaque to clear."""

ID_COVERAGE = 0.03
"""Id, depth and vectors belong to the nearest layer that covers at least this share of a pixel.

A renderer's "closest" filter does the same. Half a pixel instead would leave the outer half of every soft edge
behind, glued to the background: 2 dB less at mid-frame."""


def tone_map(rgb: np.ndarray) -> np.ndarray:
    """Scene-linear [0, inf) to [0, 1) by x / (1 + x); what errors against the ground truth are measured in."""
    positive = np.maximum(rgb, 0)
    return positive / (1 + positive)


class SampleScene:
    """The scene at a resolution.

    Args:
        width, height: of the frame in pixels; lengths scale with the width.
        seed: other noise, stars and handwriting; the same seed gives the same scene.

    Raises:
        UsageError: a frame of less than 16 pixels a side.
    """

    def __init__(self, width: int = DESIGN_WIDTH, height: int = DESIGN_HEIGHT, seed: int = 1) -> None:
        if width < 16 or height < 16:
            raise UsageError(f"the frame is {width}x{height} pixels", "make it at least 16x16")
        self.width, self.height, self.seed = width, height, seed
        unit = width / DESIGN_WIDTH
        self.layers = tuple(_scale_layer(layer, unit, height / (DESIGN_HEIGHT * unit)) for layer in LAYERS)
        self._textures = [
            Texture(layer.painter, layer.half_size, 1 / unit, seed * 1000 + 20 * number)
            for number, layer in enumerate(LAYERS)
        ]
        self._middle = np.array([[1.0, 0.0, (width - 1) / 2], [0.0, 1.0, (height - 1) / 2], [0.0, 0.0, 1.0]])

    def render(self, t: float, samples: int = 1) -> dict[str, np.ndarray]:
        """The frame at time ``t`` (in frames, fractions allowed).

        Args:
            t: the time.
            samples: colour and alpha are averaged over samples x samples points a pixel. With 1 the soft
                edges alone do the antialiasing, and are as wide as they can be carried.

        Returns:
            rgba [H, W, 4] float32, scene-linear, premultiplied;
            id [H, W] uint32, of the nearest layer that covers any of the pixel (more than 3 %), 0 for none;
            depth [H, W] float32, metres of that layer, ``EMPTY_DEPTH`` where there is none;
            forward, backward [H, W, 2] float32, pixels (dx, dy), y down: where that layer's point is seen at
            t + 1 and at t - 1; 0 where there is none.

        Raises:
            UsageError: fewer than 1 sample.
        """
        if samples < 1:
            raise UsageError(f"{samples} samples a pixel", "ask for 1 or more")
        offsets = (np.arange(samples) + 0.5) / samples - 0.5
        rgba = np.zeros((self.height, self.width, 4), np.float32)
        for dy in offsets:
            for dx in offsets:
                rgba += self._shade(t, float(dx), float(dy))
        top = self.top_layer(t)
        ids = np.array([0, *(layer.id for layer in self.layers)], np.uint32)[top]
        depth = np.array([EMPTY_DEPTH, *(layer.depth for layer in self.layers)], np.float32)[top]
        return {
            "rgba": rgba / np.float32(samples * samples),
            "id": ids,
            "depth": depth,
            "forward": self.flow(t, t + 1, top),
            "backward": self.flow(t, t - 1, top),
        }

    def top_layer(self, t: float) -> np.ndarray:
        """[H, W] uint8: 1 + the index of the nearest layer that covers any of the pixel, 0 for none."""
        top = np.zeros((self.height, self.width), np.uint8)
        for number, box, (_, alpha) in self._visit(t, 0.0, 0.0):
            top[box][alpha >= ID_COVERAGE] = number + 1
        return top

    def flow(self, t_a: float, t_b: float, top: np.ndarray | None = None) -> np.ndarray:
        """[H, W, 2] float32: from each pixel at ``t_a`` to where its layer's point is seen at ``t_b``, pixels, y down.

        Exact for any two times; 0 where no layer is. ``top`` is ``top_layer(t_a)``, if known already.
        """
        top = self.top_layer(t_a) if top is None else top
        flow = np.zeros((self.height, self.width, 2), np.float32)
        if t_a == t_b:
            return flow
        x, y = np.arange(self.width), np.arange(self.height)[:, None]
        for number in range(len(self.layers)):
            step = self._matrix(number, t_b) @ np.linalg.inv(self._matrix(number, t_a)) - np.eye(3)
            mask = top == number + 1
            for axis in range(2):
                moved = step[axis, 0] * x + step[axis, 1] * y + step[axis, 2]
                flow[..., axis][mask] = moved[mask]
        return flow

    def visible(self, t_a: float, t_b: float) -> np.ndarray:
        """[H, W] bool: is the point seen at ``t_a`` also seen at ``t_b``, with a layer there and inside the frame?"""
        top_a, top_b = self.top_layer(t_a), self.top_layer(t_b)
        target = np.rint(self.flow(t_a, t_b, top_a)).astype(int)
        x, y = np.arange(self.width) + target[..., 0], np.arange(self.height)[:, None] + target[..., 1]
        inside = (x >= 0) & (x < self.width) & (y >= 0) & (y < self.height)
        found = top_b[np.clip(y, 0, self.height - 1), np.clip(x, 0, self.width - 1)]
        return inside & (top_a > 0) & (found == top_a)

    def _shade(self, t: float, dx: float, dy: float) -> np.ndarray:
        rgba = np.zeros((self.height, self.width, 4), np.float32)
        for _, box, (colour, alpha) in self._visit(t, dx, dy):
            below = rgba[box]
            below *= 1 - alpha[..., None]
            below[..., :3] += colour * alpha[..., None]
            below[..., 3] += alpha
        return rgba

    def _visit(
        self, t: float, dx: float, dy: float
    ) -> Iterator[tuple[int, tuple[slice, slice], tuple[np.ndarray, np.ndarray]]]:
        """Each layer in sight, back to front: its number, its box, and colour and alpha inside the box."""
        for number, texture in enumerate(self._textures):
            matrix = self._matrix(number, t)
            half_x, half_y = texture.half_size
            corners = matrix @ np.array(
                [[-half_x, half_x, -half_x, half_x], [-half_y, -half_y, half_y, half_y], [1, 1, 1, 1]]
            )
            left, top = (max(int(np.floor(corners[i].min())), 0) for i in range(2))
            right = min(int(np.ceil(corners[0].max())) + 1, self.width)
            bottom = min(int(np.ceil(corners[1].max())) + 1, self.height)
            if left >= right or top >= bottom:
                continue
            inverse = np.linalg.inv(matrix)
            x, y = np.arange(left, right) + dx, (np.arange(top, bottom) + dy)[:, None]
            qx, qy = (inverse[i, 0] * x + inverse[i, 1] * y + inverse[i, 2] for i in range(2))
            inside = (np.abs(qx) <= half_x) & (np.abs(qy) <= half_y)
            values = np.zeros((*inside.shape, 4), np.float32)
            values[..., 3] = 1e6
            values[inside] = texture.sample(qx[inside], qy[inside])
            pixels = values[..., 3] * np.float32(self.layers[number].motion.scale_at(t) / EDGE_PIXELS)
            alpha = np.clip(0.5 - pixels, 0, 1)
            alpha = alpha * alpha * (3 - 2 * alpha)
            yield number, (slice(top, bottom), slice(left, right)), (values[..., :3], alpha)

    def _matrix(self, number: int, t: float) -> np.ndarray:
        """[3, 3]: layer point in design pixels -> frame pixel."""
        return self._middle @ self.layers[number].motion.matrix(t)


def _scale_layer(layer: Layer, unit: float, tall: float) -> Layer:
    """The layer in a frame whose pixels are ``unit`` times as fine and whose shape is ``tall`` times as high."""
    m = layer.motion
    centre = (m.centre[0] * unit, m.centre[1] * unit * tall)
    velocity = (m.velocity[0] * unit, m.velocity[1] * unit)
    return replace(layer, motion=replace(m, centre=centre, velocity=velocity, scale=m.scale * unit))
