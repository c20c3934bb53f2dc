"""A file says which primaries its pixels have: which colour space is that, and is it the one that was chosen?

EXR ``chromaticities`` are the CIE x, y of red, green, blue and white. Spaces are compared by what they do, not by what
they are called: by the matrix that takes them to ACES2065-1, white adapted by Bradford's method, as the built-in
configs have it. Sources: Lindbloom, "RGB/XYZ matrices" and "Chromatic adaptation"; SMPTE ST 2065-1 (AP0).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from retempo.color.config import ColorConfig

INTERCHANGE: Final = "aces_interchange"
"""The role by which OCIO configs say which of their spaces is ACES2065-1."""

TOLERANCE: Final = 2e-3
"""Largest difference of two matrices' elements that counts as none; files give three or four digits."""

KNOWN: Final = {
    "Rec.709 (sRGB)": (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290),
    "ACES AP0": (0.7347, 0.2653, 0.0, 1.0, 0.0001, -0.077, 0.32168, 0.33767),
    "ACES AP1": (0.713, 0.293, 0.165, 0.830, 0.128, 0.044, 0.32168, 0.33767),
    "P3-D65": (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.3127, 0.3290),
    "Rec.2020": (0.708, 0.292, 0.170, 0.797, 0.131, 0.046, 0.3127, 0.3290),
}
"""Primaries and white points by the names that people know them by."""

_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])

Matrix = NDArray[np.float64]


class Primaries(NamedTuple):
    """What ``chromaticities`` mean.

    Attributes:
        name: of the set, e.g. ``Rec.709 (sRGB)``; '' when it is none of ``KNOWN``.
        spaces: linear spaces of the config that have these primaries.
        flag: what to write after ``--input-space`` for the first of them; '' when there is none.
    """

    name: str
    spaces: tuple[str, ...]
    flag: str


def identify(config: ColorConfig, chromaticities: Sequence[float]) -> Primaries:
    """Which set of primaries, and which spaces of the config, eight numbers mean; a set may be of no space."""
    matrix = to_aces(chromaticities)
    if matrix is None:
        return Primaries("", (), "")
    name = next((name for name, one in KNOWN.items() if _same(matrix, to_aces(one))), "")
    spaces = tuple(space for space in config.spaces() if _same(matrix, matrix_of(config, space)))
    return Primaries(name, spaces, spelled(config, spaces[0]) if spaces else "")


def contradict(config: ColorConfig, space: str, chromaticities: Sequence[float]) -> Primaries | None:
    """What the file says, where that is a space of the config and another than ``space``; else None.

    Only linear spaces are judged: what encoded pixels' chromaticities would mean is not defined.
    """
    own = matrix_of(config, space)
    if own is None or _same(to_aces(chromaticities), own):
        return None
    found = identify(config, chromaticities)
    return found if found.spaces else None


def stated_by(config: ColorConfig, space: str) -> tuple[float, ...] | None:
    """What a file in this space states: one of ``KNOWN``; None for encoded spaces and for other primaries."""
    own = matrix_of(config, space)
    return next((numbers for numbers in KNOWN.values() if _same(own, to_aces(numbers))), None)


def to_aces(chromaticities: Sequence[float]) -> Matrix | None:
    """The 3x3 matrix from linear RGB of these primaries to ACES2065-1; None where they span no colours."""
    source, target = _to_xyz(chromaticities), _to_xyz(KNOWN["ACES AP0"])
    if source is None or target is None:
        return None
    cones = [_BRADFORD @ one.sum(axis=1) for one in (source, target)]  # of both whites
    adapt = np.linalg.inv(_BRADFORD) @ np.diag(cones[1] / cones[0]) @ _BRADFORD
    return np.asarray(np.linalg.inv(target) @ adapt @ source)


def matrix_of(config: ColorConfig, space: str) -> Matrix | None:
    """The 3x3 matrix from a linear space of the config to ACES2065-1; None where it has none, or it is not known."""
    interchange = config.role(INTERCHANGE)
    if interchange is None or config.is_data(space) or not config.is_linear(space):
        return None
    processor = config.processor(space, interchange).getDefaultCPUProcessor()
    return np.array([processor.applyRGB(list(unit)) for unit in np.eye(3)]).T


def spelled(config: ColorConfig, space: str) -> str:
    """A name of a space that needs no quotes in a shell, if it has one."""
    names: list[Any] = [space, *config.config.getColorSpace(space).getAliases()]
    plain = [str(name) for name in names if not set(str(name)) & set(" ()&;'\"")]
    if not plain or space in plain:
        return space if plain else f"'{space}'"
    return next((name for name in plain if name.endswith("_scene")), plain[0])


def _to_xyz(chromaticities: Sequence[float]) -> Matrix | None:
    """RGB to XYZ with Y of white = 1; None where that is impossible."""
    given = np.asarray(chromaticities, np.float64)
    if given.shape != (8,) or not np.isfinite(given).all() or given[7] <= 0:
        return None
    x, y = given[0::2], given[1::2]
    columns = np.stack([x, y, 1 - x - y])
    if abs(np.linalg.det(columns[:, :3])) < 1e-6:
        return None
    white = columns[:, 3] / y[3]
    return np.asarray(columns[:, :3] * np.linalg.solve(columns[:, :3], white))


def _same(one: Matrix | None, other: Matrix | None) -> bool:
    return one is not None and other is not None and bool(np.abs(one - other).max() < TOLERANCE)
