"""What is seen at each eighth pixel? Residual encoders: one describes both pictures, one gives context for the first.

Attributes are named as in the authors' published state dicts, so that those load.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from retempo.flow.raft.sizes import RaftSize

Norm = Callable[[int], nn.Module]
"""Channels -> what normalises them."""


def no_norm(channels: int) -> nn.Module:
    """Leave the channels as they are; a module without state."""
    return nn.Identity()


class Block(nn.Module):
    """Convolutions beside a shortcut, joined by an addition.

    Args:
        before, after: channels.
        stride: of the block: 1 or 2.
        norm: makes the normalisation behind each convolution.
        bottleneck: 1x1, 3x3, 1x1 with a quarter of the channels inside, in place of 3x3, 3x3.
    """

    def __init__(self, before: int, after: int, stride: int, norm: Norm, bottleneck: bool) -> None:
        super().__init__()
        if bottleneck:
            inside = after // 4
            plan = [(before, inside, 1, 1), (inside, inside, 3, stride), (inside, after, 1, 1)]
        else:
            plan = [(before, after, 3, stride), (after, after, 3, 1)]
        self.steps = len(plan)
        for index, (reads, writes, side, step) in enumerate(plan, 1):
            setattr(self, f"conv{index}", nn.Conv2d(reads, writes, side, step, side // 2))
            setattr(self, f"norm{index}", norm(writes))
        self.downsample: nn.Module | None = None
        if stride != 1:
            self.downsample = nn.Sequential(nn.Conv2d(before, after, 1, stride), norm(after))

    def forward(self, x: Tensor) -> Tensor:
        """[N, before, H, W] -> [N, after, H / stride, W / stride]."""
        y = x
        for index in range(1, self.steps + 1):
            y = torch.relu_(getattr(self, f"norm{index}")(getattr(self, f"conv{index}")(y)))
        return torch.relu_(y + (x if self.downsample is None else self.downsample(x)))


class Encoder(nn.Module):
    """A picture at an eighth of its size.

    Args:
        size: channels and kind of blocks.
        channels: of the result.
        norm: makes normalisations.
    """

    def __init__(self, size: RaftSize, channels: int, norm: Norm) -> None:
        super().__init__()
        stem, *stages = size.widths
        self.conv1 = nn.Conv2d(3, stem, 7, 2, 3)
        self.norm1 = norm(stem)
        before = stem
        for index, (after, stride) in enumerate(zip(stages, (1, 2, 2), strict=True), 1):
            first = Block(before, after, stride, norm, size.bottleneck)
            setattr(
                self, f"layer{index}", nn.Sequential(first, Block(after, after, 1, norm, size.bottleneck))
            )
            before = after
        self.conv2 = nn.Conv2d(before, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """[N, 3, H, W] in [-1, 1] -> [N, channels, H / 8, W / 8]."""
        x = torch.relu_(self.norm1(self.conv1(x)))
        for stage in (self.layer1, self.layer2, self.layer3):
            x = stage(x)
        return self.conv2(x)
