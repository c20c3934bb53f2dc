"""How far is a made picture from the truth, in a way that teaches?"""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor

from retempo.models.losses import charbonnier, hamming, neighbourhood


def photometric(made: Tensor, truth: Tensor, levels: int = 3) -> Tensor:
    """Charbonnier error of the pictures and, half as much each, of the pictures at half, a quarter, ... of the size."""
    difference = made - truth
    total = charbonnier(difference)
    for level in range(1, levels):
        total = total + 0.5 * charbonnier(functional.avg_pool2d(difference, 2**level))
    return total


def census(made: Tensor, truth: Tensor) -> Tensor:
    """Difference of both pictures' local structure: each pixel against its 8 neighbours, soft; blind to brightness.

    Source: Meister, Hur, Roth, "UnFlow", AAAI 2018: soft ternary census with a soft Hamming distance.
    """
    one, other = (
        neighbourhood(one.mean(1, keepdim=True) * 255, 3, border="replicate") for one in (made, truth)
    )
    return hamming(one, other).mean()


def psnr(made: Tensor, truth: Tensor) -> Tensor:
    """PSNR of each picture of a batch in dB, both rounded to 8 bits first; capped at 60."""
    error = ((made.clamp(0, 1) * 255).round() - (truth * 255).round()).square().mean((1, 2, 3))
    return (10 * torch.log10(255.0**2 / error.clamp_min(0.065025))).clamp_max(60.0)
