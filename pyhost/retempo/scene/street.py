"""What does one street look like by day and by night, from a camera that does not move?

Painted once: what reflects (albedo), what stands in the sky, which windows and lamps are lit. By day the sun shows all
of it; by night lamps show little of it, windows and lamps outshine the rest, cars pass with their lights on, and the
camera adds noise. Scene-linear light, 1 is white paper in the sun; lamps go up to 40.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from retempo.errors import UsageError
from retempo.scene.noise import fractal_noise
from retempo.scene.shapes import cover, disc, rounded_box

DESIGN_WIDTH, DESIGN_HEIGHT = 960, 540
PAVEMENT, ROAD = 398.0, 424.0
"""Rows at which the houses stand, and at which the road begins, in design pixels."""
AMBIENT = np.array([0.010, 0.013, 0.020], np.float32)
"""Light of the night sky on white paper."""
READ_NOISE, SHOT_NOISE = 0.0025, 0.0006
"""Deviation of the noise in the dark, and variance that each unit of light adds."""
LAMPS = ((118.0, 292.0), (472.0, 292.0), (826.0, 292.0))
"""Where street lamps hang, in design pixels."""


@dataclass(frozen=True)
class Car:
    """One that passes again and again.

    Args:
        row: of its wheels' foot, design pixels. speed: design pixels a frame, negative to the left.
        start: column of its middle at time 0. paint: albedo.
    """

    row: float
    speed: float
    start: float
    paint: tuple[float, float, float]

    def column(self, t: float) -> float:
        """Column of its middle."""
        return (self.start + self.speed * t + 120) % (DESIGN_WIDTH + 240) - 120


CARS = (
    Car(452.0, -7.0, 760.0, (0.45, 0.06, 0.05)),
    Car(452.0, -7.0, 120.0, (0.30, 0.31, 0.33)),
    Car(508.0, 9.5, 210.0, (0.05, 0.09, 0.30)),
)


class StreetScene:
    """The street at a resolution.

    Args:
        width, height: pixels; the design of 960x540 is stretched to them.
        seed: other houses, windows, textures and noise.

    Raises:
        UsageError: a frame of less than 16 pixels a side.
    """

    def __init__(self, width: int = DESIGN_WIDTH, height: int = DESIGN_HEIGHT, seed: int = 1) -> None:
        if width < 16 or height < 16:
            raise UsageError(f"the frame is {width}x{height} pixels", "make it at least 16x16")
        self.width, self.height, self.seed = width, height, seed
        self.x = ((np.arange(width) + 0.5) * (DESIGN_WIDTH / width))[None, :]
        self.y = ((np.arange(height) + 0.5) * (DESIGN_HEIGHT / height))[:, None]
        self.soft = 1.2 * DESIGN_WIDTH / width
        self.finest = 2.5 * DESIGN_WIDTH / width
        self.albedo = np.zeros((height, width, 3), np.float32)
        self.glow = np.zeros((height, width, 3), np.float32)
        self.lit = np.zeros((height, width), np.float32)
        self.sky = np.ones((height, width), np.float32)
        self._paint()

    def day(self) -> np.ndarray:
        """The street in the sun, without cars and noise: [H, W, 3] float32."""
        x, y = self.x, self.y
        clouds = np.clip(fractal_noise(x, y * 2.2, self.seed * 7 + 1, 300, self.finest) + 0.1, 0, 1)
        blue = np.array([0.22, 0.42, 0.85], np.float32) * (1.25 - 0.0016 * y[..., None]).astype(np.float32)
        heaven = blue + (np.array([1.0, 1.0, 1.02], np.float32) - blue) * clouds[..., None]
        sun = np.array([1.0, 0.95, 0.86], np.float32) * (0.75 + 0.25 * self._shade())[..., None]
        return _over(heaven, self.albedo * sun, 1 - self.sky)

    def reference(self) -> np.ndarray:
        """The street at night, without cars and noise: [H, W, 3] float32."""
        return self._light(np.zeros((self.height, self.width, 3), np.float32), self.albedo)

    def night(self, t: float, noise: bool = True) -> np.ndarray:
        """The street at night at time ``t`` (frames): [H, W, 3] float32; noise may take it below 0."""
        albedo = self.albedo
        shine = np.zeros((self.height, self.width, 3), np.float32)
        lights = np.zeros_like(shine)
        for car in CARS:
            albedo, here, seen = self._drive(car, t, albedo)
            shine += here
            lights += seen
        picture = self._light(shine, albedo) + lights
        if noise:
            rng = np.random.default_rng([self.seed, round(t * 1000) + (1 << 20)])
            deviation = np.sqrt(np.float32(READ_NOISE**2) + np.float32(SHOT_NOISE) * np.maximum(picture, 0))
            picture = picture + deviation * rng.standard_normal(picture.shape, np.float32)
        return picture

    def action(self, t: float) -> np.ndarray:
        """Where a car or its light changes what is seen by a fiftieth of white or more: [H, W] bool."""
        moved = np.abs(self.night(t, noise=False) - self.reference())
        return np.asarray(moved.max(axis=2) > 0.02)

    def _light(self, shine: np.ndarray, albedo: np.ndarray) -> np.ndarray:
        """The night with these lights of cars on it."""
        amber = np.array([1.0, 0.72, 0.42], np.float32)
        light = AMBIENT + self.lit[..., None] * amber + shine
        dark = np.array([0.002, 0.003, 0.007], np.float32) * (1 + 0.004 * self.y[..., None]).astype(
            np.float32
        )
        return _over(dark, albedo * light, 1 - self.sky) + self.glow

    def _shade(self) -> np.ndarray:
        """Large soft shadows of what stands behind the camera."""
        return np.clip(0.5 + 0.9 * fractal_noise(self.x, self.y, self.seed * 7 + 2, 420, 60), 0, 1)

    def _cover(self, distance: np.ndarray) -> np.ndarray:
        return cover(distance, self.soft)

    def _put(self, colour: np.ndarray, alpha: np.ndarray) -> None:
        """Paint something in front of everything."""
        self.albedo = _over(self.albedo, colour, alpha)
        self.sky = self.sky * (1 - alpha)
        self.glow = self.glow * (1 - alpha[..., None])

    def _paint(self) -> None:
        rng = np.random.default_rng(self.seed)
        x, y = self.x, self.y
        grain = fractal_noise(x, y, self.seed * 7 + 3, 40, self.finest)[..., None]
        self._paint_houses(rng, grain)
        pavement = np.broadcast_to(self._cover(PAVEMENT - y), self.sky.shape)
        self._put(np.float32(0.42) * (1 + 0.10 * grain) * np.ones(3, np.float32), pavement)
        road = np.broadcast_to(self._cover(ROAD - y), self.sky.shape)
        self._put(np.array([0.16, 0.16, 0.17], np.float32) * (1 + 0.22 * grain), road)
        dash = rounded_box((x + 40) % 120 - 60, y - 480, 28, 2.2, 1)
        self._put(np.array([0.75, 0.74, 0.70], np.float32), self._cover(dash))
        for column in (300.0, 655.0):
            self._paint_tree(column)
        for column, row in LAMPS:
            self._paint_lamp(column, row)

    def _paint_houses(self, rng: np.random.Generator, grain: np.ndarray) -> None:
        edges = np.cumsum([-20.0, *rng.uniform(118, 190, 8)])
        for number, (left, right) in enumerate(pairwise(edges)):
            top = rng.uniform(80, 215)
            wall = rounded_box(self.x - (left + right) / 2, self.y - (top + 420) / 2, (right - left) / 2,
                               (420 - top) / 2, 1)  # fmt: skip
            paint = np.array([0.62, 0.50, 0.40], np.float32) * rng.uniform(0.55, 1.15, 3).astype(np.float32)
            courses = 0.05 * np.sign(
                np.sin(self.y * 0.9) * np.cos(self.x * 0.33 + np.floor(self.y * 0.9 / np.pi))
            )
            rough = 1 + 0.14 * grain + courses[..., None].astype(np.float32)
            self._put(paint * rough, self._cover(wall))
            self._paint_windows(rng, left, right, top, number)

    def _paint_windows(
        self, rng: np.random.Generator, left: float, right: float, top: float, house: int
    ) -> None:
        columns = int((right - left - 16) // 26)
        step = (right - left) / columns
        for row in range(int((PAVEMENT - 34 - top) // 36)):
            for column in range(columns):
                cx, cy = left + (column + 0.5) * step, top + 30 + 36 * row
                box = slice(*np.searchsorted(self.y[:, 0], (cy - 16, cy + 16)))
                across = slice(*np.searchsorted(self.x[0], (cx - 14, cx + 14)))
                x, y = self.x[:, across] - cx, self.y[box] - cy
                frame, pane = rounded_box(x, y, 9, 13, 1), rounded_box(x, y, 7, 11, 0.5)
                bars = np.minimum(np.abs(x), np.abs(y + 3)) - 0.8
                here = (box, across)
                glass = self._cover(np.maximum(pane, -bars)) * (1 - self.sky[here])
                wood = self._cover(frame)[..., None]
                tone = np.float32(0.10 + 0.10 * rng.random())
                lamp = np.array([1.0, 0.75, 0.45]) * rng.uniform(0.8, 3.2) * (rng.random() < 0.3)
                curtain = (0.75 + 0.25 * np.sin(x * (0.5 + 0.3 * house % 1))).astype(np.float32)[..., None]
                self.albedo[here] += (np.float32(0.7) - self.albedo[here]) * wood
                self.albedo[here] += (tone - self.albedo[here]) * glass[..., None]
                self.glow[here] += lamp.astype(np.float32) * curtain * glass[..., None]

    def _paint_tree(self, column: float) -> None:
        x, y = self.x - column, self.y
        trunk = np.maximum(np.abs(x) - 4.5, np.maximum(300 - y, y - 412))
        self._put(np.array([0.16, 0.11, 0.07], np.float32), self._cover(trunk))
        leaves = fractal_noise(x, y, self.seed * 7 + 4, 26, self.finest)
        crown = disc(x, (y - 288) * 0.9, 50) + 16 * leaves
        green = np.array([0.12, 0.26, 0.06], np.float32) * (1 + 0.55 * leaves[..., None])
        self._put(green, self._cover(crown))

    def _paint_lamp(self, column: float, row: float) -> None:
        x, y = self.x - column, self.y - row
        pole = np.maximum(np.abs(x) - 2.2, np.maximum(-y, self.y - 412))
        self._put(np.array([0.10, 0.11, 0.11], np.float32), self._cover(pole))
        bulb = self._cover(disc(x, y, 5.5))
        self._put(np.array([0.85, 0.85, 0.80], np.float32), bulb)
        amber = np.array([1.0, 0.72, 0.42], np.float32)
        self.glow += amber * (26.0 * bulb + 0.05 * np.exp(-np.hypot(x, y) / 14))[..., None].astype(np.float32)
        self.lit += (0.22 * np.exp(-np.hypot(x / 60, y / 75)) * (1 - self.sky)).astype(np.float32)

    def _drive(self, car: Car, t: float, albedo: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """A car in front of what reflects; the light that it casts; the lights that are seen."""
        ahead = 1.0 if car.speed > 0 else -1.0
        x, y = (self.x - car.column(t)) * ahead, self.y - car.row
        body = rounded_box(x, y + 16, 38, 9, 5)
        cabin = rounded_box(x + 4, y + 29, 20, 9, 6)
        wheels = np.minimum(disc(x - 22, y + 6, 7), disc(x + 22, y + 6, 7))
        shell = self._cover(np.minimum(body, cabin))
        tyres = self._cover(wheels)
        panes = self._cover(rounded_box(x + 4, y + 29, 16, 6, 4))
        albedo = _over(albedo, np.array(car.paint, np.float32), shell)
        albedo = _over(albedo, np.full(3, 0.04, np.float32), panes)
        albedo = _over(albedo, np.full(3, 0.02, np.float32), tyres)
        reach = np.clip((x - 36) / 150, 0, None)
        cone = (x > 36) * np.exp(-3.0 * reach) * np.exp(-np.square((y + 4) / (7 + 18 * reach)))
        behind = 1 - np.maximum(shell, tyres)
        cast = (1.6 * cone * behind)[..., None].astype(np.float32) * np.array([1.0, 0.97, 0.88], np.float32)
        front, back = np.hypot(x - 37, y + 15), np.hypot(x + 38, y + 16)
        white = 40.0 * self._cover(front - 3.2) + 0.5 * np.exp(-front / 7)
        red = 7.0 * self._cover(back - 2.4) + 0.15 * np.exp(-back / 6)
        lights = white[..., None] * np.array([1.0, 0.97, 0.88]) + red[..., None] * np.array([1.0, 0.06, 0.04])
        return albedo, cast, lights.astype(np.float32)


def _over(below: np.ndarray, above: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """``above`` in front, [H, W, 3] float32."""
    mixed: np.ndarray = below + (above - below) * alpha[..., None]
    return mixed.astype(np.float32)
