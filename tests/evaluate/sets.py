"""How do tests get small sets that lie on disk as the published ones do?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from retempo.io.frame import Frame, make_layer
from retempo.io.writer import write_frame

SIZE = (24, 32)
"""Rows and columns."""


def picture(number: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """A picture of noise, [H, W, 3] uint8, the same for the same number."""
    return np.random.default_rng(number).integers(0, 256, (*size, 3), np.uint8)


def write_picture(path: Path, pixels: np.ndarray, depth: str = "uint8") -> None:
    """Write [H, W, 3], uint8 or encoded float, in the format that the name says."""
    values = pixels.astype(np.float32) / np.float32(255) if pixels.dtype == np.uint8 else pixels
    path.parent.mkdir(parents=True, exist_ok=True)
    layer = make_layer(values, ("R", "G", "B"), formats=depth)
    write_frame(path, Frame([layer], layer.window, path, path.suffix[1:]))


def write_set(folder: Path, pictures: Mapping[str, np.ndarray]) -> None:
    """Write pictures at these paths below ``folder``."""
    for name, pixels in pictures.items():
        write_picture(folder / name, pixels)


def blend(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Halfway between two pictures, as the engine ``blend`` makes it."""
    half = np.float32(0.5)
    one, other = (pixels.astype(np.float32) / np.float32(255) for pixels in (first, second))
    return np.clip(np.rint((one * half + other * half) * 255), 0, 255).astype(np.uint8)
