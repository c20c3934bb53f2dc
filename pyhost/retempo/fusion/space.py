"""In which values are gradients mixed, and in which are pictures compared? Linear light, or a log of our own.

The log is ``asinh(x / (2 KNEE))``, scaled so that 0 stays 0 and 1 stays 1: near black a straight line as steep as
a display's encoding (so that thresholds in 8-bit codes mean what the paper meant), above it a logarithm without
end. Flow space is not used: it ends at 0 and at 65504 and bends highlights, and what is solved here has to come
back exactly, noise below black and lamps included.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from retempo.fusion.options import Space

Picture = NDArray[np.float32]

KNEE: Final = 0.01
"""Light at which the line becomes a logarithm: there a step of one stop begins to look alike everywhere."""
_HALF = 1.0 / (2.0 * KNEE)
_SCALE = 1.0 / float(np.arcsinh(_HALF))


def to_log(light: Picture) -> Picture:
    """Linear light, any sign and size, to the log: 0 -> 0, 0.01 -> 0.10, 0.18 -> 0.63, 1 -> 1, 40 -> 1.80."""
    kind = light.dtype.type
    logs: Picture = np.arcsinh(light * kind(_HALF)) * kind(_SCALE)
    return logs


def from_log(logs: Picture) -> Picture:
    """Back to linear light."""
    kind = logs.dtype.type
    light: Picture = np.sinh(logs * kind(1.0 / _SCALE)) * kind(1.0 / _HALF)
    return light


def encode(light: Picture, space: Space) -> Picture:
    """Linear light to the space that is solved in; the same array for ``linear``."""
    return to_log(light) if space == "log" else light


def decode(values: Picture, space: Space) -> Picture:
    """Back from the space that was solved in."""
    return from_log(values) if space == "log" else values
