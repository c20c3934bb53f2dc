"""What do the layers show? A night sky, a ringed planet, clockwork, a lit wheel, a letter, a kite, a garland.

Each painter fills a canvas with scene-linear colour and the distance to its outline. Lengths are design
pixels (a frame is 960 of them wide). Lights are brighter than 10; everything else lies below 1.5.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from retempo.scene.noise import fractal_noise
from retempo.scene.shapes import cover, disc, fold_angle, gear, ring, rounded_box, segment
from retempo.scene.texture import Canvas

FINEST = 6.0
"""Shortest wavelength of noise, in output pixels."""


def paint_sky(canvas: Canvas) -> tuple[np.ndarray, np.ndarray]:
    """A ragged cut-out of nebula with stars; some of them are brighter than 10."""
    x, y, finest = canvas.x, canvas.y, FINEST * canvas.pixel
    clouds = fractal_noise(x, y, canvas.seed, 420, finest, 0.6)
    veil = fractal_noise(x, y, canvas.seed + 1, 260, finest, 0.62)
    warm = fractal_noise(x, y, canvas.seed + 2, 520, 60 * canvas.pixel)
    light = _ramp(clouds, -0.5, 0.75)
    colour = _mix(_rgb(0.012, 0.018, 0.06), _rgb(0.03, 0.16, 0.24), light)
    colour = _mix(colour, _rgb(0.36, 0.09, 0.30), _ramp(warm, -0.1, 0.7) * _ramp(veil, -0.4, 0.7) * 0.85)
    colour = _mix(colour, _rgb(0.95, 0.52, 0.30), _ramp(clouds + 0.6 * veil, 0.45, 1.2) * 0.55)
    colour *= (1.0 + 0.5 * veil)[..., None].clip(0.25)
    _add_stars(canvas, colour, 260)
    rim = fractal_noise(x, y, canvas.seed + 3, 190, 30, 0.5)
    power = (np.abs(x / 505) ** 4 + np.abs(y / 285) ** 4) ** 0.25
    return colour, ((power - 1) * 285 + 26 * rim).astype(np.float32)


def paint_planet(canvas: Canvas) -> tuple[np.ndarray, np.ndarray]:
    """A banded planet with a tilted ring of thin stripes around it."""
    x, y, radius = canvas.x, canvas.y, 88.0
    finest = FINEST * canvas.pixel
    swirl = fractal_noise(x, y, canvas.seed, 90, finest, 0.55)
    fine = fractal_noise(x * 0.55, y * 1.6, canvas.seed + 1, 40, finest * 1.3, 0.7)
    bands = np.sin((y + 0.10 * x + 9 * swirl) / 7.5) * 0.6 + np.sin((y + 4 * swirl) / 19.0) * 0.5
    colour = _mix(_rgb(0.42, 0.12, 0.06), _rgb(0.95, 0.62, 0.34), _ramp(bands + 0.5 * fine, -1.0, 1.1))
    colour = _mix(colour, _rgb(0.98, 0.90, 0.74), _ramp(bands - 0.7 * fine, 0.75, 1.3))
    facing = np.sqrt(np.clip(1 - (x * x + y * y) / radius**2, 0, 1))
    shade = np.clip(0.12 + 0.95 * facing * 0.55 - 0.55 * (0.75 * x + 0.5 * y) / radius, 0.05, 1.3)
    colour = colour * shade[..., None]
    shine = np.exp(
        -(((x + 40) * 0.8 + (y + 36) * 0.6) ** 2) / 14**2 - ((x + 40) * 0.6 - (y + 36) * 0.8) ** 2 / 5**2
    )
    colour = colour + _rgb(14, 12.5, 10.5) * shine[..., None]
    # the ring: an ellipse seen from above, its far half behind the planet
    flat = np.hypot(x, y / 0.30)
    stripes = 0.5 + 0.5 * np.cos(flat / 2.35) * np.cos(flat / 9.1)
    around = (np.abs(flat - 141) - 27) * 0.55
    stripes = stripes * (1 - np.exp(-((flat - 138) ** 2) / 3.5**2))
    grooves = _mix(_rgb(0.20, 0.17, 0.20), _rgb(1.05, 0.88, 0.66), stripes.astype(np.float32))
    front = cover(around, canvas.soft) * cover(-y, 6.0)
    globe = disc(x, y, radius)
    over = np.maximum(front, 1 - cover(globe, canvas.soft))
    return _mix(colour, grooves, over), np.minimum(globe, around).astype(np.float32)


def paint_brass_gear(canvas: Canvas) -> tuple[np.ndarray, np.ndarray]:
    """Brushed brass with six windows and an engraved scale; glints brighter than 10."""
    return _paint_gear(canvas, 92, 20, 13, (0.78, 0.46, 0.13), (1.15, 0.86, 0.45), 6)


def paint_steel_gear(canvas: Canvas) -> tuple[np.ndarray, np.ndarray]:
    """A smaller wheel of blued steel."""
    return _paint_gear(canvas, 50, 11, 13, (0.10, 0.16, 0.26), (0.55, 0.68, 0.80), 4)


def _paint_gear(
    canvas: Canvas, radius: float, teeth: int, height: float, dark: tuple, bright: tuple, windows: int
) -> tuple[np.ndarray, np.ndarray]:
    x, y = canvas.x, canvas.y
    r, angle = np.hypot(x, y), np.arctan2(y, x)
    edge = gear(x, y, radius, teeth, height, 0.13 * radius)
    fx, fy = fold_angle(x, y, windows)
    edge = np.maximum(edge, -rounded_box(fx - 0.52 * radius, fy, 0.23 * radius, 0.15 * radius, 0.1 * radius))
    brushed = fractal_noise(r * 0.9, angle * 40, canvas.seed, 16, FINEST * canvas.pixel, 0.8)
    patina = fractal_noise(x, y, canvas.seed + 1, 60, FINEST * canvas.pixel, 0.6)
    cone = np.cos(2 * angle - 0.7) * 0.5 + np.cos(3 * angle + 1.0) * 0.25
    tone = _ramp(0.55 * cone + 0.45 * brushed + 0.35 * patina, -0.9, 1.0)
    colour = _mix(_rgb(*dark), _rgb(*bright), tone)
    tick_x, tick_y = fold_angle(x, y, 4 * teeth)
    ticks = np.minimum(
        rounded_box(tick_x - 0.86 * radius, tick_y, 0.05 * radius, 0.9, 0.5), ring(x, y, 0.79 * radius, 1.6)
    )
    colour = _mix(colour, _rgb(0.05, 0.03, 0.02), cover(ticks, canvas.soft) * 0.85)
    rim = cover(np.abs(edge + 3.2) - 1.1, canvas.soft)  # a bevel along every outline
    colour = _mix(colour, _rgb(*bright) * 1.25, rim * 0.6)
    streak = np.exp(-((angle - 2.2) ** 2) / 0.10**2 - (r - 0.36 * radius * 2) ** 2 / 5.0**2)
    streak += np.exp(-((angle + 0.9) ** 2) / 0.12**2 - (r - 0.36 * radius * 2) ** 2 / 4.0**2)
    return colour + _rgb(16, 13.5, 9.5) * streak[..., None], edge.astype(np.float32)


def paint_wheel(canvas: Canvas) -> tuple[np.ndarray, np.ndarray]:
    """A fairground wheel: thin spokes and rim, and coloured lights of 12 to 30."""
    x, y = canvas.x, canvas.y
    fx, fy = fold_angle(x, y, 10)
    spoke = rounded_box(fx - 57, fy, 57, canvas.thin(2.6) / 2, 0.5)
    rims = np.minimum(ring(x, y, 112, canvas.thin(3.6)), ring(x, y, 34, canvas.thin(2.6)))
    cabins = disc(fx - 112, fy, 9.0)
    edge = np.minimum(np.minimum(spoke, rims), np.minimum(cabins, disc(x, y, 19)))
    paint = fractal_noise(x, y, canvas.seed, 24, FINEST * canvas.pixel, 0.6)
    colour = _mix(_rgb(0.14, 0.17, 0.22), _rgb(0.50, 0.53, 0.56), _ramp(paint, -0.6, 0.6))
    which = np.round(np.arctan2(y, x) / (2 * math.pi / 10)).astype(int) % 3
    glass = np.array([[1.0, 0.16, 0.10], [1.0, 0.62, 0.16], [0.18, 0.75, 1.0]], np.float32)[which]
    colour = _mix(colour, 0.4 * glass, cover(cabins, canvas.soft))
    glow = np.exp(-((fx - 112) ** 2 + fy**2) / 3.4**2)[..., None]
    hub = np.exp(-(x * x + y * y) / 4.5**2)[..., None]
    return colour + 30 * glass * glow + _rgb(13, 11.5, 8) * hub, edge.astype(np.float32)


def paint_letter(canvas: Canvas) -> tuple[np.ndarray, np.ndarray]:
    """A sheet of paper with lines of handwriting-like strokes and a stamp."""
    x, y = canvas.x, canvas.y
    fibre = fractal_noise(x, y, canvas.seed, 50, FINEST * canvas.pixel, 0.7)
    stain = fractal_noise(x, y, canvas.seed + 1, 150, 30)
    colour = _mix(_rgb(0.50, 0.40, 0.26), _rgb(0.92, 0.87, 0.74), _ramp(0.6 * fibre + 0.5 * stain, -0.9, 0.7))
    ink = np.full(canvas.shape, 99.0, np.float32)
    rng = np.random.default_rng(canvas.seed + 2)
    for row in range(6):
        _write_line(canvas, ink, rng, -88.0, -44.0 + 19.5 * row, 88.0 - (52 if row in (0, 5) else 0))
    colour = _mix(colour, _rgb(0.03, 0.035, 0.10), cover(ink, canvas.soft) * 0.93)
    pattern = _ramp(np.sin((x + y) / 2.6) + np.sin((x - y) / 3.1), -0.8, 0.8)
    stamp = cover(rounded_box(x - 76, y + 52, 17, 14, 2), canvas.soft)
    colour = _mix(colour, _mix(_rgb(0.62, 0.05, 0.06), _rgb(0.95, 0.70, 0.55), pattern), stamp)
    return colour, rounded_box(x, y, 102, 74, 6).astype(np.float32)


def paint_kite(canvas: Canvas) -> tuple[np.ndarray, np.ndarray]:
    """A striped kite with a cross of thin struts and a bright jewel."""
    x, y = canvas.x, canvas.y
    edge = (np.abs(x) + np.abs(y) / 1.45 - 62) * 0.82
    stripes = np.sin((x * 0.8 + y * 0.6) / 4.6)
    weave = fractal_noise(x, y, canvas.seed, 20, FINEST * canvas.pixel, 0.7)
    colour = _mix(_rgb(0.82, 0.06, 0.10), _rgb(0.98, 0.80, 0.16), _ramp(stripes, -0.5, 0.5))
    colour = _mix(colour, _rgb(0.05, 0.30, 0.42), cover(x * np.sign(y), 3.0) * 0.9)
    colour *= (0.95 + 0.35 * weave)[..., None]
    strut = np.minimum(np.abs(x), np.abs(y)) - canvas.thin(2.4) / 2
    colour = _mix(colour, _rgb(0.06, 0.04, 0.03), cover(strut, canvas.soft))
    jewel = np.exp(-(x * x + y * y) / 4.0**2)[..., None]
    return colour + _rgb(8, 22, 26) * jewel, edge.astype(np.float32)


def paint_garland(canvas: Canvas) -> tuple[np.ndarray, np.ndarray]:
    """A thin hanging wire across the whole frame, with warm bulbs of about 40."""
    x, y = canvas.x, canvas.y
    sag = 46 * np.sin(x / 118) ** 2 + 10 * np.sin(x / 301 + 0.6)
    slope = 46 * np.sin(x / 59) / 118 + 10 / 301 * np.cos(x / 301 + 0.6)
    wire = np.abs(y - sag) / np.sqrt(1 + slope * slope) - canvas.thin(2.6) / 2
    spacing = 62.0
    nearest = np.round(x / spacing) * spacing
    anchor = 46 * np.sin(nearest / 118) ** 2 + 10 * np.sin(nearest / 301 + 0.6)
    bulb = np.hypot(x - nearest, (y - anchor - 10) * 0.88) - 7.5
    twist = 0.5 + 0.5 * np.sin((x + 0.5 * y) / 2.2)
    colour = _mix(_rgb(0.02, 0.05, 0.03), _rgb(0.22, 0.34, 0.20), twist + 0 * y)
    colour = _mix(colour, _rgb(0.85, 0.42, 0.12), cover(bulb, canvas.soft))
    glow = np.exp(-((x - nearest) ** 2 + (y - anchor - 10) ** 2) / 3.0**2)[..., None]
    return colour + _rgb(42, 30, 15) * glow, np.minimum(wire, bulb).astype(np.float32)


def _add_stars(canvas: Canvas, colour: np.ndarray, count: int) -> None:
    rng = np.random.default_rng(canvas.seed + 9)
    x, y = canvas.x[0], canvas.y[:, 0]
    for number in range(count):
        sx, sy = rng.uniform(x[0], x[-1]), rng.uniform(y[0], y[-1])
        peak = 14.0 if number < 3 else 0.3 + 3.0 * rng.random() ** 4
        size = (2.6 if number < 3 else 1.7 + 0.7 * rng.random()) * max(1.0, canvas.pixel * 0.9)
        columns, rows = np.flatnonzero(abs(x - sx) < 5 * size), np.flatnonzero(abs(y - sy) < 5 * size)
        if len(columns) and len(rows):
            spot = np.exp(-((x[None, columns] - sx) ** 2 + (y[rows, None] - sy) ** 2) / size**2)
            tint = np.array([0.75, 0.85, 1.0]) + np.array([0.3, 0.05, -0.25]) * rng.random()
            colour[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] += (
                peak * tint * spot[..., None]
            ).astype(np.float32)


def _write_line(
    canvas: Canvas, ink: np.ndarray, rng: np.random.Generator, left: float, base: float, right: float
) -> None:
    """Glyph-like strokes from left to right, kept as distances in ``ink``."""
    x, y = canvas.x[0], canvas.y[:, 0]
    width = canvas.thin(2.0)
    pen = left
    while pen < right:
        if rng.random() < 0.17:
            pen += 7
            continue
        corners = [(pen + 6.4 * cx, base - 10.5 * cy) for cx, cy in rng.integers(0, 3, (4, 2)) / 2]
        rows = slice(*np.searchsorted(y, (base - 16, base + 6)))
        columns = slice(*np.searchsorted(x, (pen - 6, pen + 13)))
        for start, end in pairwise(corners):
            stroke = segment(canvas.x[:, columns], canvas.y[rows], start, end, width)
            ink[rows, columns] = np.minimum(ink[rows, columns], stroke)
        pen += 10.5


def _rgb(r: float, g: float, b: float) -> np.ndarray:
    return np.array([r, g, b], np.float32)


def _ramp(value: np.ndarray, low: float, high: float) -> np.ndarray:
    """0 below ``low``, 1 above ``high``, smooth in between."""
    u = np.clip((value - low) / (high - low), 0, 1).astype(np.float32)
    return u * u * (3 - 2 * u)


def _mix(a: np.ndarray, b: np.ndarray, amount: np.ndarray) -> np.ndarray:
    return a + (b - a) * amount[..., None]
