"""How do io tests make frames, each with the trouble they need?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from io_frames import framed, half_values  # type: ignore[import-not-found]

from retempo.io.frame import make_layer
from retempo.io.writer import write_frame

MakeSequence = Callable[..., Path]


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


@pytest.fixture
def make_sequence(tmp_path: Path, rng: np.random.Generator) -> MakeSequence:
    """Write small RGBA frames; returns the pattern."""

    def make(numbers: list[int], name: str = "shot.{:04d}.exr", size: tuple[int, int] = (12, 16)) -> Path:
        for n in numbers:
            layer = make_layer(half_values(rng, (*size, 4)), "RGBA")
            write_frame(tmp_path / name.format(n), framed(layer))
        return tmp_path / "shot.####.exr"

    return make
