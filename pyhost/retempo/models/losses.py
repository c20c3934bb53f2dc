"""How far is a made picture from the truth, in the measures that several engines are trained with?

Everything takes [N, C, H, W], pictures in [0, 1], and gives a scalar with gradients. An engine's own objective is in
its folder.
"""

from __future__ import annotations

from typing import Final

import torch
import torch.nn.functional as functional
from torch import Tensor

from retempo.errors import InputError

SOFT: Final = 1e-6
"""Under the root of the Charbonnier error: makes it smooth at 0."""

_BINOMIAL: Final = (1.0, 4.0, 6.0, 4.0, 1.0)


def charbonnier(difference: Tensor) -> Tensor:
    """Mean of sqrt(d^2 + 1e-6) over any shape: absolute error, smooth at 0, where it is 0.001."""
    return (difference.square() + SOFT).sqrt().mean()


def ternary(made: Tensor, truth: Tensor, patch: int = 7) -> Tensor:
    """Census loss: how differently each pixel stands among its neighbours in the two pictures' greys.

    The truth gets no gradient. Pixels whose neighbourhood leaves the picture count as equal.

    Args:
        made, truth: [N, C, H, W]; grey is the mean of the channels.
        patch: side of the neighbourhood, odd.

    Raises:
        InputError: a picture smaller than a neighbourhood, or two shapes.

    Source: Kong et al., IFRNet, CVPR 2022, after Meister, Hur, Roth, UnFlow, AAAI 2018.
    """
    one, other = made.mean(1, keepdim=True), truth.detach().mean(1, keepdim=True)
    return _inner_mean(hamming(neighbourhood(one, patch), neighbourhood(other, patch)), patch)


def geometry(one: Tensor, other: Tensor, patch: int = 3) -> Tensor:
    """Census loss of features, each channel by itself; gradients reach both.

    Args:
        one, other: [N, C, H, W], any range.
        patch: side of the neighbourhood, odd.

    Raises:
        InputError: features smaller than a neighbourhood, or two shapes.

    Source: as ``ternary``.
    """
    return _inner_mean(hamming(neighbourhood(one, patch), neighbourhood(other, patch)), patch)


def neighbourhood(picture: Tensor, patch: int, border: str = "constant") -> Tensor:
    """How each pixel's neighbours differ from it, soft: d / sqrt(0.81 + d^2).

    Args:
        picture: [N, C, H, W]. patch: side, odd.
        border: what lies outside: 0 (``constant``) or the nearest pixel (``replicate``).

    Returns:
        [N, C, patch^2, H, W] in (-1, 1).
    """
    count, channels, height, width = picture.shape
    outside = functional.pad(picture, [patch // 2] * 4, mode=border)
    around = functional.unfold(outside, patch).view(count, channels, patch * patch, height, width)
    difference = around - picture.unsqueeze(2)
    return difference / (0.81 + difference.square()).sqrt()


def hamming(one: Tensor, other: Tensor) -> Tensor:
    """Soft distance of two neighbourhoods, e^2 / (0.1 + e^2), value by value.

    Raises:
        InputError: two shapes.
    """
    if one.shape != other.shape:
        raise InputError(
            f"neighbourhoods are {tuple(one.shape)} and {tuple(other.shape)}", "both need one shape"
        )
    distance = (one - other).square()
    return distance / (0.1 + distance)


def _inner_mean(distance: Tensor, patch: int) -> Tensor:
    """Mean of [N, C, patch^2, H, W] over all pixels, those within half a patch of the border counted as 0."""
    rim = patch // 2
    height, width = distance.shape[-2:]
    if min(height, width) < patch:
        raise InputError(f"{width}x{height} is smaller than a neighbourhood", f"give {patch}x{patch} or more")
    inner = distance[..., rim : height - rim, rim : width - rim].mean((1, 2)).sum()
    return inner / (distance.shape[0] * height * width)


def laplacian(made: Tensor, truth: Tensor, levels: int = 5, growth: float = 1.0) -> Tensor:
    """Absolute error of the two Laplacian pyramids, mean within a level, summed over the levels.

    Each level is what a 5x5 binomial blur (reflected borders) with every second pixel kept, and back, does not hold;
    the last is the small picture that remains. (Some leave it out; then a colour that is off everywhere costs nothing.)

    Args:
        made, truth: [N, C, H, W].
        levels: of the pyramid, 2 or more. growth: weight of a level, that of the next finer being 1 (the finest has 1).

    Raises:
        InputError: pictures too small for the levels, or two shapes.

    Source: Bojanowski et al., Optimizing the latent space of generative networks, 2018, in the form that networks for
    frame interpolation use since Niklaus & Liu, Context-aware synthesis, CVPR 2018 (there with ``growth`` 2).
    """
    if made.shape != truth.shape:
        raise InputError(f"pictures are {tuple(made.shape)} and {tuple(truth.shape)}", "both need one shape")
    smallest = (min(made.shape[2:]) - 1) // 2 ** (levels - 2) + 1
    if smallest < 3:
        raise InputError(
            f"{made.shape[3]}x{made.shape[2]} is too small for {levels} levels",
            f"give sides of {2 ** (levels - 1) + 1} or more",
        )
    current = made - truth  # the pyramid is linear: that of the difference is the difference of the pyramids
    total = current.new_zeros(())
    for level in range(levels - 1):
        smaller = _blur(current)[:, :, ::2, ::2]
        grown = torch.zeros_like(current)
        grown[:, :, ::2, ::2] = 4 * smaller
        total = total + growth**level * (current - _blur(grown)).abs().mean()
        current = smaller
    return total + growth ** (levels - 1) * current.abs().mean()


def _blur(picture: Tensor) -> Tensor:
    """5x5 binomial blur, borders reflected."""
    row = picture.new_tensor(_BINOMIAL) / sum(_BINOMIAL)
    channels = picture.shape[1]
    kernel = (row[:, None] * row[None, :]).expand(channels, 1, 5, 5)
    outside = functional.pad(picture, (2, 2, 2, 2), mode="reflect")
    return functional.conv2d(outside, kernel, groups=channels)
