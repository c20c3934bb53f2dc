"""Of which blocks is a stage of DBVI made?

Attributes are called as the authors' are, so that their files fit.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

GROUPS = 4
"""Of each group normalisation."""

STYLE, MAPPED = 128, 512
"""Length of the style code and of what the mapping makes of it."""


class Convolution(nn.Module):
    """Convolution without bias, group normalisation and GELU in the ``order`` of the letters c, n, a."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1, order: str = "nac"
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        width = inputs
        for letter in order:
            if letter == "c":
                layers.append(nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False))
                width = outputs
            else:
                layers.append(nn.GroupNorm(GROUPS, width) if letter == "n" else nn.GELU())
        self.block = nn.Sequential(*layers)

    def forward(self, features: Tensor) -> Tensor:
        return self.block(features)

    def silence(self) -> None:
        """Set the convolution to 0."""
        for layer in self.block:
            if isinstance(layer, nn.Conv2d):
                nn.init.zeros_(layer.weight)


class Down(nn.Module):
    """To half the size."""

    def __init__(self, inputs: int, outputs: int, order: str = "nac") -> None:
        super().__init__()
        self.downConv1 = Convolution(inputs, outputs, stride=2, order=order)

    def forward(self, features: Tensor) -> Tensor:
        return self.downConv1(features)


class Up(nn.Module):
    """To twice the size, pixels repeated."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.upConv1 = nn.Sequential(
            nn.Upsample(scale_factor=2, mode="nearest"), Convolution(inputs, outputs)
        )

    def forward(self, features: Tensor) -> Tensor:
        return self.upConv1(features)


class Bottleneck(nn.Module):
    """1x1 to a quarter of the channels, 3x3, 1x1 back; added to its input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        narrow = channels // 4
        self.conv0 = Convolution(channels, narrow, kernel=1)
        self.conv1 = Convolution(narrow, narrow)
        self.conv2 = Convolution(narrow, channels, kernel=1)

    def forward(self, features: Tensor) -> Tensor:
        return self.conv2(self.conv1(self.conv0(features))) + features


class ResidualUnet(nn.Module):
    """Down to an eighth of the size and back, additive skips (the authors' RRUnet); ``order`` of the first layer."""

    def __init__(self, channels: int, order: str = "nac") -> None:
        super().__init__()
        self.block1 = nn.Sequential(Down(channels, 16, order))
        self.block2 = nn.Sequential(Down(16, 64))
        self.block3 = nn.Sequential(Down(64, 256), Bottleneck(256), Bottleneck(256))
        self.deBlock0 = nn.Sequential(Up(256, 64))
        self.deBlock1 = nn.Sequential(Up(64, 16))
        self.deBlock2 = nn.Sequential(Up(16, channels))

    def forward(self, features: Tensor) -> Tensor:
        half = self.block1(features)
        quarter = self.block2(half)
        eighth = self.block3(quarter)
        quarter = self.deBlock0(eighth) + quarter
        half = self.deBlock1(quarter) + half
        return self.deBlock2(half) + features


class ResidualPair(nn.Module):
    """Two of them and a skip (the authors' RRRB)."""

    def __init__(self, channels: int, order: str = "nac") -> None:
        super().__init__()
        self.RDB1 = ResidualUnet(channels, order)
        self.RDB2 = ResidualUnet(channels)

    def forward(self, features: Tensor) -> Tensor:
        return self.RDB2(self.RDB1(features)) + features


class StyleBlock(nn.Module):
    """Two residual pairs, each normalised and given a learned scale and bias a channel; averaged with the input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        for index, order in enumerate(("nac", "ac")):
            self.add_module(f"{index}", ResidualPair(channels, order))
            self.add_module(f"trans{index}", nn.Linear(MAPPED, 2 * channels))
        self.lrConv = Convolution(channels, channels)

    def forward(self, features: Tensor, style: Tensor) -> Tensor:
        """Run the block.

        Args:
            features: [N, C, H, W].
            style: [1, 512], the same for every picture.
        """
        current = features
        for index in range(2):
            found = self.get_submodule(f"{index}")(current)
            scale, bias = self.get_submodule(f"trans{index}")(style).view(1, -1, 1, 1).chunk(2, dim=1)
            current = (1 + scale.tanh()) * functional.instance_norm(found) + bias
        return (self.lrConv(current) + features) / 2


class Turn(nn.Module):
    """A learned change of basis of every pixel's code, which begins as a rotation; ``back`` is its transpose."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(channels, channels))
        nn.init.orthogonal_(self.weight)

    def forward(self, code: Tensor) -> Tensor:
        return functional.conv2d(code, self.weight[:, :, None, None])

    def back(self, code: Tensor) -> Tensor:
        """The transpose, which undoes it as long as it is a rotation."""
        return functional.conv2d(code, self.weight.t()[:, :, None, None])


def make_mapping() -> nn.Sequential:
    """What makes the style of the (constant) style code: eight layers."""
    layers: list[nn.Module] = []
    for width in (STYLE, *[MAPPED] * 7):
        layers += [nn.Linear(width, MAPPED), nn.LeakyReLU(0.2, inplace=True)]
    return nn.Sequential(*layers)
