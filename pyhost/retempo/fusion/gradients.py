"""What are the gradient and the divergence of a picture, so that one is exactly minus the other's adjoint?

Forward differences, 0 across the last column and row; the divergence by backward differences. So the divergence of
the gradient is the Laplacian with Neumann borders, which the DCT-II makes diagonal (``poisson``).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]


def gradient(picture: Array) -> tuple[Array, Array]:
    """Differences to the right and to the lower neighbour.

    Args:
        picture: [H, W, ...] float32 or float64.

    Returns:
        ``(dx, dy)``, each of the picture's shape; the last column of dx and the last row of dy are 0.
    """
    dx, dy = np.zeros_like(picture), np.zeros_like(picture)
    np.subtract(picture[:, 1:], picture[:, :-1], out=dx[:, :-1])
    np.subtract(picture[1:], picture[:-1], out=dy[:-1])
    return dx, dy


def divergence(dx: Array, dy: Array) -> Array:
    """What flows out of each pixel; minus the adjoint of ``gradient``.

    So ``sum(gradient(u) . v) == -sum(u divergence(v))`` for every u and v.

    The last column of dx and the last row of dy have no say.
    """
    out = np.zeros_like(dx)
    out[:, :-1] += dx[:, :-1]
    out[:, 1:] -= dx[:, :-1]
    out[:-1] += dy[:-1]
    out[1:] -= dy[:-1]
    return out


def magnitude(dx: Array, dy: Array) -> Array:
    """Length of the gradient, [H, W]: the root of the mean over the channels of ``dx^2 + dy^2``."""
    squared = np.square(dx)
    squared += np.square(dy)
    lengths: Array = np.sqrt(mean_of_channels(squared))
    return lengths


def mean_of_channels(picture: Array) -> Array:
    """[H, W] of [H, W, C]: channel by channel, which NumPy does several times as fast as a mean over the last axis."""
    total = picture[..., 0].copy()
    for channel in range(1, picture.shape[2]):
        total += picture[..., channel]
    total /= picture.dtype.type(picture.shape[2])
    return total
