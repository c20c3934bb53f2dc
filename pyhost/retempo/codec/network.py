"""How do a target and its references become latents, and latents a picture again?"""

from __future__ import annotations

from typing import Final, NamedTuple

import torch
from torch import Tensor, nn

from retempo.codec.config import CodecConfig
from retempo.codec.priors import Prior
from retempo.codec.transforms import analysis, pad, synthesis
from retempo.ops import warp

UNIT: Final = 20.0
"""Pixels of motion that are 1 to the network."""


class Made(NamedTuple):
    """What decoded latents say.

    Attributes:
        picture: [N, 3, H, W]. flows: [N, n, 2, H, W] pixels, target -> reference. shares: [N, n, H, W], sum to 1.
    """

    picture: Tensor
    flows: Tensor
    shares: Tensor


class Reconstruction(NamedTuple):
    """A picture that went through the network.

    Attributes:
        made: of the first latents. picture: [N, 3, H, W], with the residual where there is one.
        bits: [N] of the first latents. residual_bits: [N], zeros without a residual.
    """

    made: Made
    picture: Tensor
    bits: Tensor
    residual_bits: Tensor


class ResidualCoder(nn.Module):
    """Latents of a still picture, whose differences travel (ICCV 2019): four blocks each way, stride 16.

    Args:
        config: widths and prior.
    """

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        self.encoder = analysis(3, config.width, config.latent, blocks=4)
        self.decoder = synthesis(config.latent, config.width, 3, blocks=4)
        self.prior = Prior(config.latent, config.width, hyper=config.prior == "hyperprior")


class FrameCodec(nn.Module):
    """The network of one lambda.

    A ``sequential`` one sees and sends the motion alone, and mixes by the distances in time.

    Args:
        config: its parts.
    """

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        self.config = config
        n = config.references
        joint = config.kind == "joint"
        self.encoder = analysis(3 + 5 * n if joint else 2 * n, config.width, config.latent)
        self.decoder = synthesis(config.latent, config.width, 2 * n + (n - 1 if joint else 0))
        self.prior = Prior(config.latent, config.width, hyper=config.prior == "hyperprior")
        self.residual = ResidualCoder(config) if config.residual else None

    def analyse(self, target: Tensor, references: Tensor, flows: Tensor) -> Tensor:
        """Latents [N, M, h, w] (not quantised), h = H/32 rounded up to whole blocks.

        Args:
            target: [N, 3, H, W], encoded values 0..1. references: [N, n, 3, H, W], decoded.
            flows: [N, n, 2, H, W] pixels, target -> reference.
        """
        small = flows.flatten(1, 2) / UNIT
        if self.config.kind == "sequential":
            return self.encoder(pad(small, self.config.multiple))
        warped = fetch(references, flows)
        seen = torch.cat([target - 0.5, warped.flatten(1, 2) - 0.5, small], 1)
        return self.encoder(pad(seen, self.config.multiple))

    def make(self, latent: Tensor, references: Tensor, distances: Tensor | None = None) -> Made:
        """The picture that quantised latents and decoded references [N, n, 3, H, W] make.

        Args:
            latent: [N, M, h, w]. references: decoded.
            distances: [N, n] frames from the target, for a sequential network.
        """
        n, (height, width) = self.config.references, references.shape[-2:]
        planes = self.decoder(latent)[..., :height, :width]
        flows = (planes[:, : 2 * n] * UNIT).unflatten(1, (n, 2))
        if self.config.kind == "joint":
            last = torch.zeros_like(planes[:, :1])
            shares = torch.softmax(torch.cat([planes[:, 2 * n :], last], 1), 1)
        else:
            shares = _by_distance(distances, references)
        return Made((fetch(references, flows) * shares.unsqueeze(2)).sum(1), flows, shares)

    def forward(
        self,
        target: Tensor,
        references: Tensor,
        flows: Tensor,
        distances: Tensor | None = None,
        noise: torch.Generator | None = None,
    ) -> Reconstruction:
        """There and back; in training mode with noise in place of rounding."""
        latent = self.analyse(target, references, flows)
        quantised, spent = self.prior(latent, noise, training=self.training)
        made = self.make(quantised, references, distances)
        picture, more = made.picture, torch.zeros_like(spent)
        if self.residual is not None:
            base = self.residual.encoder(pad(picture - 0.5, self.config.multiple))
            wanted = self.residual.encoder(pad(target - 0.5, self.config.multiple))
            sent, more = self.residual.prior(wanted - base, noise, training=self.training)
            picture = self.mend(base + sent, picture)
        return Reconstruction(made, picture, spent, more)

    def residual_base(self, picture: Tensor) -> Tensor:
        """Latents of a picture, to which the sent differences are added."""
        assert self.residual is not None
        return self.residual.encoder(pad(picture - 0.5, self.config.multiple))

    def mend(self, latent: Tensor, picture: Tensor) -> Tensor:
        """The picture of mended latents, as large as ``picture``."""
        assert self.residual is not None
        height, width = picture.shape[-2:]
        return self.residual.decoder(latent)[..., :height, :width] + 0.5


def fetch(references: Tensor, flows: Tensor) -> Tensor:
    """References [N, n, 3, H, W] along flows [N, n, 2, H, W]."""
    found = warp(references.flatten(0, 1).contiguous(), flows.flatten(0, 1).contiguous(), check_finite=False)
    return found.unflatten(0, references.shape[:2])


def _by_distance(distances: Tensor | None, references: Tensor) -> Tensor:
    near = 1 / (torch.ones(references.shape[:2]) if distances is None else distances).to(references)
    shares = near / near.sum(1, keepdim=True)
    return shares[:, :, None, None].expand(*references.shape[:2], *references.shape[-2:])
