"""Which small frames do io tests write?"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from retempo.io.frame import Frame, Layer


def framed(*layers: Layer) -> Frame:
    return Frame(list(layers), layers[0].window, Path("made"), "openexr")


def half_values(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.normal(0.5, 2.0, shape).astype(np.float16).astype(np.float32)
