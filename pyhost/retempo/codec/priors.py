"""How likely is a latent, while the network learns? A density a channel, or Gaussians with sent scales.

Both work on floats and have gradients. What really codes are integer tables made of them once (``tables``).
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Final

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from retempo.codec.gdn import LowerBound

LEVELS: Final = 64
"""Scales that a Gaussian can have when it codes."""
SMALLEST, LARGEST = 0.11, 64.0
STEP: Final = math.log(LARGEST / SMALLEST) / (LEVELS - 1)
"""Logarithm of the ratio of neighbouring scales, 0.101."""
_LEAST: Final = 1e-9
_FILTERS: Final = (1, 3, 3, 3, 3, 1)
_SPREAD: Final = 3.0


def quantise(latent: Tensor, noise: torch.Generator | None, *, training: bool) -> Tensor:
    """Round, or while training add uniform noise from -1/2 to 1/2."""
    if not training:
        return latent.round()
    drawn = torch.rand(latent.shape, generator=noise, dtype=latent.dtype)
    return latent + (drawn.to(latent.device) - 0.5)


def bits(likelihood: Tensor) -> Tensor:
    """Bits a picture, [N], from the likelihoods [N, ...] of its latents."""
    return -likelihood.log2().flatten(1).sum(1)


class Factorised(nn.Module):
    """A density of its own for each channel, a small monotone network (Balle et al. 2018, appendix 6.1).

    Args:
        channels: of the latents.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        scale = _SPREAD ** (1 / (len(_FILTERS) - 1))
        self.matrices, self.biases, self.factors = nn.ParameterList(), nn.ParameterList(), nn.ParameterList()
        for before, after in pairwise(_FILTERS):
            start = math.log(math.expm1(1 / scale / after))
            self.matrices.append(torch.full((channels, after, before), start))
            self.biases.append(torch.rand(channels, after, 1) - 0.5)
        for inside in _FILTERS[1:-1]:
            self.factors.append(torch.zeros(channels, inside, 1))

    def logits(self, x: Tensor) -> Tensor:
        """Logit of the share of a channel's density below x, [C, 1, n] -> [C, 1, n], increasing in x."""
        for index, (matrix, bias) in enumerate(zip(self.matrices, self.biases, strict=True)):
            x = functional.softplus(matrix) @ x + bias
            if index < len(self.factors):
                x = x + torch.tanh(self.factors[index]) * torch.tanh(x)
        return x

    def likelihood(self, latent: Tensor) -> Tensor:
        """Of [N, C, H, W], the mass from -1/2 to 1/2 around each value, at least 1e-9."""
        flat = latent.transpose(0, 1).reshape(self.channels, 1, -1)
        low, high = self.logits(flat - 0.5), self.logits(flat + 0.5)
        sign = -torch.sign(low + high).detach()  # the side of the density where differences keep their digits
        mass = (torch.sigmoid(sign * high) - torch.sigmoid(sign * low)).abs()
        swapped = latent.transpose(0, 1).shape
        return LowerBound.apply(mass.reshape(swapped).transpose(0, 1), _LEAST)


class Hyperprior(nn.Module):
    """Gaussians around 0 whose scales travel as latents of half the size (Balle et al. 2018).

    The decoder of the scales has two layers and gives the *level* of a scale, 0 to 63, so that ``exact`` can
    compute it
    in whole numbers.

    Args:
        latent: channels of the latents. width: channels of the second latents.
    """

    def __init__(self, latent: int, width: int) -> None:
        super().__init__()
        self.down = nn.Sequential(
            nn.Conv2d(latent, width, 3, 1, 1), nn.ReLU(), nn.Conv2d(width, width, 5, 2, 2)
        )
        self.up = nn.Sequential(
            nn.ConvTranspose2d(width, width, 5, 2, 2, 1), nn.ReLU(), nn.Conv2d(width, latent, 3, 1, 1)
        )
        self.second = Factorised(width)
        nn.init.constant_(self.up[2].bias, (LEVELS - 1) / 3)

    def levels(self, second: Tensor) -> Tensor:
        """Level of every latent's scale [N, M, h, w] from the second latents [N, W, h/2, w/2]."""
        return self.up(second)

    @staticmethod
    def likelihood(latent: Tensor, levels: Tensor) -> Tensor:
        """The Gaussian mass from -1/2 to 1/2 around each value, at least 1e-9."""
        bounded = -LowerBound.apply(-LowerBound.apply(levels, 0.0), -(LEVELS - 1.0))
        scale = SMALLEST * torch.exp(STEP * bounded)
        distance = latent.abs()
        mass = _below((0.5 - distance) / scale) - _below((-0.5 - distance) / scale)
        return LowerBound.apply(mass, _LEAST)


def _below(x: Tensor) -> Tensor:
    return 0.5 * torch.erfc(-math.sqrt(0.5) * x)


class Prior(nn.Module):
    """Either of the two, over [N, latent, h, w].

    Args:
        latent: channels. width: of the hyperprior. hyper: with a hyperprior.
    """

    def __init__(self, latent: int, width: int, *, hyper: bool) -> None:
        super().__init__()
        self.hyper = Hyperprior(latent, width) if hyper else None
        self.factorised = None if hyper else Factorised(latent)

    def forward(
        self, latent: Tensor, noise: torch.Generator | None, *, training: bool
    ) -> tuple[Tensor, Tensor]:
        """Quantised latents, and the bits of each picture [N]."""
        quantised = quantise(latent, noise, training=training)
        if self.factorised is not None:
            return quantised, bits(self.factorised.likelihood(quantised))
        assert self.hyper is not None
        second = quantise(self.hyper.down(latent.abs()), noise, training=training)
        levels = self.hyper.levels(second)
        if not training:
            levels = levels.round()
        spent = bits(self.hyper.likelihood(quantised, levels)) + bits(self.hyper.second.likelihood(second))
        return quantised, spent
