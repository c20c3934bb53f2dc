"""What does a non-linear colour transform do to premultiplied pixels?

A curve has to see the colour itself, so colour is divided by alpha before it and multiplied after it:

* ``|alpha| >= SMALLEST_ALPHA``: ``rgb' = f(rgb / alpha) * alpha``.
* below it, with colour (fire, glow: light added without covering anything): ``rgb' = f(rgb)``, as if
  opaque, so that emission survives and the inverse transform restores it.
* below it, without colour: stays exactly 0, even where the curve maps black elsewhere (log).

Alpha itself is never transformed. Linear transforms (a matrix without offset) need none of this: they
commute with the multiplication and run on the premultiplied pixels directly.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from retempo.color.nonfinite import FloatImage

SMALLEST_ALPHA = 2.0**-24
"""Smallest positive half float; an alpha below it counts as 0."""


def transform_premultiplied(pixels: FloatImage, curve: Callable[[FloatImage], None]) -> None:
    """Apply ``curve`` in place to premultiplied pixels by the rule above.

    Args:
        pixels: [..., 4] float32, C-contiguous, finite; changed in place, alpha kept bit for bit.
        curve: transforms such an array in place; what it does to alpha is undone.
    """
    alpha = pixels[..., 3].copy()
    if not np.any(alpha != 1.0):
        curve(pixels)
        pixels[..., 3] = alpha
        return
    covered = np.abs(alpha) >= SMALLEST_ALPHA
    scale = np.where(covered, alpha, np.float32(1.0))
    empty = ~covered & ~np.any(pixels[..., :3] != 0.0, axis=-1)
    with np.errstate(over="ignore"):
        pixels[..., :3] /= scale[..., None]
        np.clip(pixels[..., :3], -3.0e38, 3.0e38, out=pixels[..., :3])
    curve(pixels)
    with np.errstate(over="ignore", invalid="ignore"):
        pixels[..., :3] *= scale[..., None]
    pixels[..., :3][empty] = 0.0
    pixels[..., 3] = alpha
