"""What becomes of NaN and infinity?

OCIO lets NaN through its matrices and infinity through its logs, where they become ordinary wrong numbers
or spread to other channels; a splat then smears them over a neighbourhood. So they are replaced first.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatImage = npt.NDArray[np.float32]

LARGEST = 65504.0
"""The largest half float: stands for infinity in colour channels."""


def all_finite(pixels: FloatImage) -> bool:
    """True when no value is NaN or infinite. One pass over the data; no temporary of its size."""
    if pixels.size == 0:
        return True
    with np.errstate(all="ignore"):
        total = np.add.reduce(pixels, axis=None, dtype=np.float64)
    return bool(np.isfinite(total))


def clean_in_place(pixels: FloatImage) -> None:
    """Replace non-finite values of ``[..., 3|4]`` pixels: colour NaN -> 0, +Inf -> 65504, -Inf -> -65504;
    alpha (fourth channel) NaN -> 0, +Inf -> 1, -Inf -> 0.
    """
    if all_finite(pixels):
        return
    if pixels.shape[-1] == 4:
        alpha = pixels[..., 3]
        alpha[...] = np.nan_to_num(alpha, nan=0.0, posinf=1.0, neginf=0.0)
    colour = pixels[..., :3]
    colour[...] = np.nan_to_num(colour, nan=0.0, posinf=LARGEST, neginf=-LARGEST)


def replace_nonfinite(pixels: FloatImage) -> tuple[FloatImage, int]:
    """Pixels without NaN and infinity, and how many *pixels* had one.

    Args:
        pixels: [H, W, 3|4] float32.

    Returns:
        The very same array and 0 when everything is finite, else a cleaned copy and the count.
    """
    if all_finite(pixels):
        return pixels, 0
    bad = int(np.count_nonzero(~np.isfinite(pixels).all(axis=-1)))
    cleaned = pixels.copy()
    clean_in_place(cleaned)
    return cleaned, bad
