"""Which layers does the scene have, and how do they move?"""

from __future__ import annotations

from dataclasses import dataclass

from retempo.scene import painters
from retempo.scene.motion import Motion
from retempo.scene.texture import Painter


@dataclass(frozen=True)
class Layer:
    """One flat layer: its name, id, depth in metres, painter, half size in design pixels, and motion."""

    name: str
    id: int
    depth: float
    painter: Painter
    half_size: tuple[float, float]
    motion: Motion


LAYERS = (
    Layer(
        "sky",
        0x3F2A91C4,
        60.0,
        painters.paint_sky,
        (560, 330),
        Motion((-24, 6), (3.5, -1.0), -0.02, 0.0016, 0.97, 1.0025),
    ),
    Layer(
        "planet",
        0x41D70B3E,
        36.0,
        painters.paint_planet,
        (178, 96),
        Motion((160, -118), (-8.0, 2.5), -0.30, 0.006, 1.0, 1.005),
    ),
    Layer(
        "brass",
        0x3E95F1A7,
        21.0,
        painters.paint_brass_gear,
        (112, 112),
        Motion((-250, 128), (5.0, -3.0), 0.1, 0.030),
    ),
    Layer(
        "steel",
        0x40B6D25D,
        17.0,
        painters.paint_steel_gear,
        (68, 68),
        Motion((-113, 62), (5.0, -3.0), 0.3, -0.0545),
    ),
    Layer(
        "wheel",
        0x3D0C77E9,
        11.0,
        painters.paint_wheel,
        (128, 128),
        Motion((300, 96), (-6.0, -2.5), 0.0, -0.018, 1.1, 0.997),
    ),
    Layer(
        "letter",
        0x426E5810,
        6.0,
        painters.paint_letter,
        (108, 80),
        Motion((-330, -110), (14.0, 5.0), -0.2, 0.012, 0.95, 1.008),
    ),
    Layer(
        "kite", 0x3C51AA2F, 3.2, painters.paint_kite, (70, 98), Motion((395, -10), (-27.0, -7.0), 0.5, 0.018)
    ),
    Layer(
        "garland",
        0x4328E463,
        1.5,
        painters.paint_garland,
        (640, 86),
        Motion((30, -228), (-7.0, 4.0), 0.03, -0.001, 1.0, 1.002),
    ),
)
"""Back to front. Ids use all 32 bits: read as float bits they are finite, as a float's *value* they are lost."""
