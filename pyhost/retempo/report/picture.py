"""What is a picture here, and how does any array become one?

A *picture* is ``[H, W, 3]`` uint8 RGB, ready to be written as PNG. Everything in this room returns one.
"""

from __future__ import annotations

import numpy as np

from retempo.errors import UsageError


def as_picture(array: np.ndarray) -> np.ndarray:
    """Any image as a picture, in memory of its own.

    Args:
        array: [H, W], [H, W, 1], [H, W, 3] or [H, W, 4] (alpha is dropped). uint8 and uint16 use their full
            range, bool is black and white, floats are encoded values in [0, 1], clipped; NaN is black.

    Raises:
        UsageError: another shape or type.
    """
    image = np.asarray(array)
    if image.ndim == 2:
        image = image[..., None]
    if image.ndim != 3 or image.shape[2] not in (1, 3, 4):
        raise UsageError(f"a picture needs [H, W] or [H, W, 1, 3 or 4], got {np.shape(array)}")
    image = image[..., :3]
    if image.dtype == np.bool_:
        image = image.astype(np.uint8) * 255
    elif image.dtype == np.uint16:
        image = np.rint(image.astype(np.float32) / 257.0).astype(np.uint8)
    elif np.issubdtype(image.dtype, np.floating):
        known = np.nan_to_num(image.astype(np.float32), nan=0.0, posinf=1.0, neginf=0.0)
        image = np.rint(np.clip(known, 0.0, 1.0) * 255.0).astype(np.uint8)
    elif image.dtype != np.uint8:
        raise UsageError(f"a picture needs uint8, uint16, bool or floats, got {image.dtype}")
    return np.array(np.broadcast_to(image, (*image.shape[:2], 3)), order="C")


def fit_picture(picture: np.ndarray, width: int, height: int) -> np.ndarray:
    """A picture resampled to exactly ``width`` x ``height`` by area averaging (nearest when enlarging)."""
    small = _squeeze(_squeeze(picture.astype(np.float32), 0, height), 1, width)
    return np.rint(np.clip(small, 0.0, 255.0)).astype(np.uint8)


def fit_plane(plane: np.ndarray, width: int, height: int) -> np.ndarray:
    """Numbers [H, W] or [H, W, C] likewise: [height, width(, C)] float32, each the mean of what it covers."""
    return _squeeze(_squeeze(plane.astype(np.float32), 0, height), 1, width)


def _squeeze(array: np.ndarray, axis: int, new: int) -> np.ndarray:
    """Means along one axis: each new cell is the mean of the old ones under it, by the share of each."""
    old = array.shape[axis]
    if old == new:
        return array
    edges = np.linspace(0.0, old, new + 1)
    start = np.floor(edges[:-1]).astype(np.int64)
    made = np.zeros((*array.shape[:axis], new, *array.shape[axis + 1 :]), np.float32)
    across = (-1, *(1,) * (array.ndim - axis - 1))
    for step in range(int((np.ceil(edges[1:]) - start).max())):
        cell = start + step
        share = np.minimum(edges[1:], cell + 1.0) - np.maximum(edges[:-1], cell)
        weight = (np.maximum(share, 0.0) * (new / old)).astype(np.float32)
        made += np.take(array, np.minimum(cell, old - 1), axis) * weight.reshape(across)
    return made
