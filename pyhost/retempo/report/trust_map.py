"""Where is the motion not to be believed? A grey picture that turns orange there."""

from __future__ import annotations

import numpy as np

from retempo.errors import UsageError
from retempo.report.picture import as_picture

DOUBT = (255, 96, 0)
"""The colour of no trust at all."""


def paint_trust(image: np.ndarray, trust: np.ndarray) -> np.ndarray:
    """A picture in grey, mixed with ``DOUBT`` as trust falls.

    Args:
        image: anything that ``as_picture`` takes.
        trust: [H, W] in [0, 1] of the same size; NaN is 0.

    Returns:
        [H, W, 3] uint8.

    Raises:
        UsageError: the sizes differ.
    """
    picture = as_picture(image).astype(np.float32)
    if trust.shape != picture.shape[:2]:
        raise UsageError(f"trust is {trust.shape}, the picture {picture.shape[:2]}", "both need one size")
    grey = picture @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    doubt = 1.0 - np.clip(np.nan_to_num(trust.astype(np.float32), nan=0.0), 0.0, 1.0)[..., None]
    calm = 0.75 * grey[..., None]
    mixed = calm + (np.array(DOUBT, np.float32) * (0.35 + 0.65 * grey[..., None] / 255.0) - calm) * doubt
    return np.rint(np.clip(mixed, 0.0, 255.0)).astype(np.uint8)
