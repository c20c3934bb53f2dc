"""Does a made picture show texture that the frames have, where and when they have it best?

The texture-consistency loss, for any engine's objective: what deviates from the true frame may still be right if it
looks like something that was near it in one of the two frames.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from retempo.errors import InputError
from retempo.models.losses import neighbourhood


def texture_consistency(
    made: Tensor, earlier: Tensor, later: Tensor, *, patch: int = 3, radius: int = 3
) -> Tensor:
    """Mean absolute distance of each pixel of a picture from the pixel of the frames whose surroundings are most alike.

    Args:
        made, earlier, later: [N, 3, H, W] in [0, 1]; gradients reach ``made`` alone.
        patch: side of the surroundings, pixels, odd. radius: how far a pixel is looked for, pixels each way.

    Raises:
        InputError: see ``find_texture``.

    Source: Zhou, Li, Han, Jiang, Lu, Exploring motion ambiguity and alignment for high-quality video frame
    interpolation, arXiv 2203.10291, section on the TCL; what it leaves open is in the README of ``cspa``.
    """
    return (made - find_texture(made, earlier, later, patch=patch, radius=radius)).abs().mean()


def find_texture(made: Tensor, earlier: Tensor, later: Tensor, *, patch: int = 3, radius: int = 3) -> Tensor:
    """The pixel of the frames, for each of a picture, whose surroundings are most alike.

    Goes through 2 (2 radius + 1)^2 shifts and remembers the best: memory does not grow with the radius. Of equals the
    first wins: earlier frame before later, rows from the top, then columns from the left. What lies outside a frame
    is no candidate.

    Args:
        made, earlier, later, patch, radius: as of ``texture_consistency``.

    Returns:
        [N, 3, H, W] colours, no gradient.

    Raises:
        InputError: three shapes, an even patch, a negative radius.
    """
    if not made.shape == earlier.shape == later.shape:
        raise InputError(
            f"pictures are {tuple(made.shape)}, {tuple(earlier.shape)} and {tuple(later.shape)}",
            "all three need one shape",
        )
    if patch < 1 or patch % 2 == 0 or radius < 0:
        raise InputError(f"patch {patch} and radius {radius}", "give an odd patch and a radius of 0 or more")
    with torch.no_grad():
        return _search(made, (earlier, later), patch, radius)


def _search(made: Tensor, frames: tuple[Tensor, Tensor], patch: int, radius: int) -> Tensor:
    looked_for = describe(made, patch)
    best = torch.full_like(made[:, :1], float("inf"))
    colour = made.clone()
    height, width = made.shape[-2:]
    for frame in frames:
        described = functional.pad(describe(frame, patch), (radius,) * 4)
        inside = functional.pad(torch.ones_like(best), (radius,) * 4)
        colours = functional.pad(frame, (radius,) * 4)
        for down in range(2 * radius + 1):
            for across in range(2 * radius + 1):
                window = (..., slice(down, down + height), slice(across, across + width))
                distance = (looked_for - described[window]).square().sum(1, keepdim=True)
                better = (distance < best) & (inside[window] > 0)
                best = torch.where(better, distance, best)
                colour = torch.where(better, colours[window], colour)
    return colour


def describe(picture: Tensor, patch: int) -> Tensor:
    """How each pixel stands among its neighbours, in grey levels of 0 to 255; blind to brightness.

    Args:
        picture: [N, 3, H, W] in [0, 1]; outside it the nearest pixel counts.

    Returns:
        [N, patch^2, H, W] in (-1, 1).
    """
    return neighbourhood(255 * picture.mean(1, keepdim=True), patch, border="replicate").squeeze(1)
