"""What does CAIN compute? Both pictures in blocks of 8x8 as channels, and channels that attend to each other.

Choi et al., "Channel Attention Is All You Need for Video Frame Interpolation", AAAI 2020. The parameters have the
authors' names.
"""

from __future__ import annotations

from typing import Final

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from retempo.models.padding import pad_to_multiple

BLOCK: Final = 8
CHANNELS: Final = 3 * BLOCK * BLOCK
GROUPS: Final = 5
BLOCKS: Final = 12
REDUCTION: Final = 16
SLOPE: Final = 0.2
MULTIPLE: Final = 128


class Cain(nn.Module):
    """The whole network; 42,780,432 parameters, all in the encoder."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Encoder()

    def forward(self, x1: Tensor, x2: Tensor) -> tuple[Tensor, Tensor]:
        """The picture halfway.

        Args:
            x1, x2: [N, 3, H, W] RGB in [0, 1]; in training mode sides are multiples of 8, else margins mirror the
                pictures up to multiples of 128.

        Returns:
            [N, 3, H, W], not clamped; features [N, 192, H' / 8, W' / 8] of the picture with its margins.
        """
        mean1, mean2 = (picture.mean((2, 3), keepdim=True) for picture in (x1, x2))
        multiple = 1 if self.training else MULTIPLE
        padded1, margins = pad_to_multiple(x1 - mean1, multiple)
        features: Tensor = self.encoder(padded1, margins.pad(x2 - mean2))
        made = margins.crop(functional.pixel_shuffle(features, BLOCK))
        return made + (mean1 + mean2) / 2, features


class Encoder(nn.Module):
    """Blocks of pixels to channels, then the interpolation."""

    def __init__(self) -> None:
        super().__init__()
        self.interpolate = Interpolation()

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        blocks = [functional.pixel_unshuffle(picture, BLOCK) for picture in (x1, x2)]
        found: Tensor = self.interpolate(torch.cat(blocks, 1))
        return found


class Interpolation(nn.Module):
    """From the channels of both pictures to those of the one between."""

    def __init__(self) -> None:
        super().__init__()
        self.headConv = nn.Conv2d(2 * CHANNELS, CHANNELS, 3, padding=1)
        self.body = nn.Sequential(*(ResidualGroup() for _ in range(GROUPS)))
        self.tailConv = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1)

    def forward(self, pair: Tensor) -> Tensor:
        net = self.headConv(pair)
        made: Tensor = self.tailConv(self.body(net) + net)
        return made


class ResidualGroup(nn.Module):
    """Twelve blocks and a convolution, added to what came in."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(*(AttentionBlock() for _ in range(BLOCKS)), MirroredConv())

    def forward(self, net: Tensor) -> Tensor:
        made: Tensor = self.body(net) + net
        return made


class AttentionBlock(nn.Module):
    """Two convolutions and the attention of channels, added to what came in."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(MirroredConv(), nn.LeakyReLU(SLOPE), MirroredConv(), ChannelAttention())

    def forward(self, net: Tensor) -> Tensor:
        made: Tensor = self.body(net) + net
        return made


class MirroredConv(nn.Module):
    """A 3x3 convolution that sees the picture mirrored beyond its edge."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(CHANNELS, CHANNELS, 3)

    def forward(self, net: Tensor) -> Tensor:
        made: Tensor = self.conv(functional.pad(net, (1, 1, 1, 1), mode="reflect"))
        return made


class ChannelAttention(nn.Module):
    """Every channel times a factor in (0, 1) that all channels' means decide."""

    def __init__(self) -> None:
        super().__init__()
        inner = CHANNELS // REDUCTION
        self.conv_du = nn.Sequential(
            nn.Conv2d(CHANNELS, inner, 1), nn.ReLU(), nn.Conv2d(inner, CHANNELS, 1), nn.Sigmoid()
        )

    def forward(self, net: Tensor) -> Tensor:
        factor: Tensor = self.conv_du(net.mean((2, 3), keepdim=True))
        return net * factor
