"""What is CSPA's network: one pyramid a frame, each aligned to the middle across scales, attention, reconstruction?"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from retempo.models.cspa.deformable import convolve

CHANNELS: Final = 64
GROUPS: Final = 8
TAPS: Final = 9
WIDTH: Final = 224
BLOCKS: Final = 30
"""Of the reconstruction, with ``WIDTH`` channels: 28.87 million parameters in all."""

BOUND: Final = 16.0
"""Pixels of a level by which a tap can look aside, each way: 64 pixels of the picture on the coarsest level."""

MULTIPLE: Final = 4


class Residual(nn.Module):
    """Two convolutions, added to their input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, features: Tensor) -> Tensor:
        return features + self.conv2(functional.relu(self.conv1(features)))


class Encoder(nn.Module):
    """Features of a frame at the full, half and quarter size."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, channels, 3, padding=1)
        self.level0 = nn.Sequential(*(Residual(channels) for _ in range(5)))
        self.down1 = nn.Conv2d(channels, channels, 3, stride=2, padding=1)
        self.level1 = nn.Sequential(*(Residual(channels) for _ in range(2)))
        self.down2 = nn.Conv2d(channels, channels, 3, stride=2, padding=1)
        self.level2 = nn.Sequential(*(Residual(channels) for _ in range(2)))

    def forward(self, frame: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        full = self.level0(functional.relu(self.first(frame)))
        half = self.level1(functional.relu(self.down1(full)))
        return full, half, self.level2(functional.relu(self.down2(half)))


class Align(nn.Module):
    """Move features to where those of the other frame say the middle is: a modulated deformable convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(2 * channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, 3 * GROUPS * TAPS, 3, padding=1)
        self.weight = nn.Parameter(torch.empty(channels, channels, 3, 3))
        self.bias = nn.Parameter(torch.zeros(channels))
        nn.init.kaiming_uniform_(self.weight, a=5**0.5)
        nn.init.zeros_(self.conv2.weight)
        nn.init.zeros_(self.conv2.bias)

    def forward(self, source: Tensor, other: Tensor) -> Tensor:
        """Align.

        Args:
            source: [N, C, H, W], what is moved. other: the same, of the other frame.
        """
        said = self.conv2(functional.relu(self.conv1(torch.cat([source, other], dim=1))))
        offsets, shares = said.split([2 * GROUPS * TAPS, GROUPS * TAPS], dim=1)
        offsets = BOUND * (offsets / BOUND).tanh()
        size = source.shape[-2:]
        return convolve(
            source,
            offsets.reshape(-1, GROUPS, TAPS, 2, *size),
            shares.sigmoid().reshape(-1, GROUPS, TAPS, *size),
            self.weight,
            self.bias,
        )


class Cspa(nn.Module):
    """The whole network.

    Args:
        channels: of the features, a multiple of 8. width, blocks: of the reconstruction.
    """

    def __init__(self, channels: int = CHANNELS, width: int = WIDTH, blocks: int = BLOCKS) -> None:
        super().__init__()
        self.encoder = Encoder(channels)
        self.align0, self.align1, self.align2 = (Align(channels) for _ in range(3))
        self.fuse1 = nn.Conv2d(2 * channels, channels, 3, padding=1)
        self.fuse0 = nn.Conv2d(3 * channels, channels, 3, padding=1)
        self.widen = nn.Conv2d(channels, width, 3, padding=1)
        self.blocks = nn.Sequential(*(Residual(width) for _ in range(blocks)))
        self.last = nn.Conv2d(width, 3, 3, padding=1)

    def forward(self, earlier: Tensor, later: Tensor) -> Tensor:
        """Make the picture halfway.

        Args:
            earlier, later: [N, 3, H, W] in [0, 1], sides multiples of 4.
        """
        pyramid0, pyramid1 = self.encoder(earlier), self.encoder(later)
        from0, from1 = self.align(pyramid0, pyramid1), self.align(pyramid1, pyramid0)
        attention = (from0 * from1).sigmoid()
        merged = attention * from0 + (1 - attention) * from1
        return self.last(self.blocks(functional.relu(self.widen(merged))))

    def align(self, source: tuple[Tensor, ...], other: tuple[Tensor, ...]) -> Tensor:
        """Features of a frame at the middle, coarse to fine; every finer level sees all coarser ones.

        Args:
            source, other: features of a frame and of the other, full, half and quarter size.
        """
        quarter = self.align2(source[2], other[2])
        fused = self.fuse1(torch.cat([_grow(quarter, 2), source[1]], dim=1))
        half = self.align1(fused, other[1])
        fused = self.fuse0(torch.cat([_grow(quarter, 4), _grow(half, 2), source[0]], dim=1))
        return self.align0(fused, other[0])


def reach(blocks: int = BLOCKS) -> int:
    """How far away a pixel of a frame can lie and still change a pixel of the result, pixels each way, at the most."""
    align = 2 + 1 + int(BOUND) + 1  # two convolutions, a tap, its offset, its bilinear neighbour
    full = 1 + 10  # convolutions of the encoder
    half = 1 + full + 2 * 4
    quarter = 2 + half + 4 * 4
    aligned2 = quarter + 4 * align
    aligned1 = max(aligned2 + 2 * 2, half) + 2 * (1 + align)
    aligned0 = max(aligned2 + 2 * 4, aligned1 + 2 * 2) + 1 + align
    return aligned0 + 1 + 2 * blocks + 1


def _grow(features: Tensor, times: int) -> Tensor:
    return functional.interpolate(features, scale_factor=times, mode="bilinear", align_corners=False)
