"""What turns pictures into latents and latents into planes? Five blocks down, five up."""

from __future__ import annotations

from itertools import pairwise

import torch.nn.functional as functional
from torch import Tensor, nn

from retempo.codec.gdn import Gdn


def analysis(channels: int, width: int, latent: int, blocks: int = 5) -> nn.Sequential:
    """5x5 convolutions of stride 2, GDN between them: [N, channels, H, W] -> [N, latent, H/2^blocks, W/2^blocks]."""
    sizes = [channels, *[width] * (blocks - 1), latent]
    layers: list[nn.Module] = []
    for before, after in pairwise(sizes):
        layers += [nn.Conv2d(before, after, 5, 2, 2), Gdn(after)]
    return nn.Sequential(*layers[:-1])


def synthesis(latent: int, width: int, channels: int, blocks: int = 5) -> nn.Sequential:
    """The mirror of ``analysis``: 5x5 transposed convolutions of stride 2, inverse GDN between them."""
    sizes = [latent, *[width] * (blocks - 1), channels]
    layers: list[nn.Module] = []
    for before, after in pairwise(sizes):
        layers += [nn.ConvTranspose2d(before, after, 5, 2, 2, 1), Gdn(after, inverse=True)]
    return nn.Sequential(*layers[:-1])


def pad(picture: Tensor, multiple: int) -> Tensor:
    """Repeat the last column and row of [N, C, H, W] until both sides are multiples."""
    height, width = picture.shape[-2:]
    return functional.pad(picture, (0, -width % multiple, 0, -height % multiple), mode="replicate")
