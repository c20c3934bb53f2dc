"""How does SoftSplat find both motions of a pair? A pyramid of features, correlated and warped from coarse to fine.

After Sun et al., "PWC-Net", CVPR 2018, smaller. The names of the parts are those of the published state dicts.
"""

from __future__ import annotations

from typing import Final

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from retempo.models.warping import look_up

LEVELS: Final = (16, 32, 64, 96, 128, 192)
"""Channels of the features at 1/2, 1/4, ... 1/64 of the size."""
NAMES: Final = ("netFirst", "netSecond", "netThird", "netFourth", "netFifth", "netSixth")
REACH: Final = 4
"""Pixels of a level in which a match is looked for, each way."""
SHIFTS: Final = (2 * REACH + 1) ** 2


class Flow(nn.Module):
    """Both motions of a pair, of one set of weights."""

    def __init__(self) -> None:
        super().__init__()
        self.netExtractor = Extractor()
        for name, channels in zip(NAMES, LEVELS, strict=True):
            coarsest = name == NAMES[-1]
            self.add_module(name, Decoder(channels + SHIFTS + (0 if coarsest else 2)))

    def forward(self, one: Tensor, two: Tensor) -> tuple[Tensor, Tensor]:
        """Motions one -> two and two -> one, [N, 2, H, W] pixels, of normalised pictures [N, 3, H, W]."""
        first, second = self.netExtractor(one), self.netExtractor(two)
        forward: Tensor | None = None
        backward: Tensor | None = None
        for name, a, b in zip(NAMES[::-1], first[::-1], second[::-1], strict=True):
            decoder = getattr(self, name)
            forward, backward = decoder(a, b, forward), decoder(b, a, backward)
        assert forward is not None and backward is not None
        size = (one.shape[-2], one.shape[-1])
        return resize_flow(forward, size), resize_flow(backward, size)


class Extractor(nn.Module):
    """Features at six sizes, the finest first; two convolutions each, the first of stride 2."""

    def __init__(self) -> None:
        super().__init__()
        before = 3
        for name, channels in zip(NAMES, LEVELS, strict=True):
            parts = nn.Sequential(
                nn.Conv2d(before, channels, 3, 2, 1),
                nn.LeakyReLU(0.1),
                nn.Conv2d(channels, channels, 3, 1, 1),
                nn.LeakyReLU(0.1),
            )
            self.add_module(name, parts)
            before = channels

    def forward(self, picture: Tensor) -> list[Tensor]:
        found = []
        for name in NAMES:
            picture = getattr(self, name)(picture)
            found.append(picture)
        return found


class Decoder(nn.Module):
    """The motion at one size, from the features, their correlations, and the motion at half the size."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        parts: list[nn.Module] = []
        for width in (128, 128, 96, 64, 32):
            parts += [nn.Conv2d(channels, width, 3, 1, 1), nn.LeakyReLU(0.1)]
            channels = width
        self.netMain = nn.Sequential(*parts, nn.Conv2d(channels, 2, 3, 1, 1))

    def forward(self, one: Tensor, two: Tensor, coarser: Tensor | None) -> Tensor:
        if coarser is None:
            return self.netMain(torch.cat([one, correlate(one, two)], 1))
        flow = resize_flow(coarser, (one.shape[-2], one.shape[-1]))
        volume = correlate(one, look_up(two, flow, "zeros"))
        return self.netMain(torch.cat([one, volume, flow], 1))


def correlate(one: Tensor, two: Tensor) -> Tensor:
    """Mean product of the channels of ``one`` with those of ``two`` at 81 shifts, row by row, 0 outside.

    Args:
        one, two: [N, C, H, W].

    Returns:
        [N, 81, H, W]; channel 9 (dy + 4) + dx + 4 compares p with p + (dx, dy).
    """
    height, width = one.shape[-2:]
    around = functional.pad(two, [REACH] * 4)
    side = 2 * REACH + 1
    shifts = [(dy, dx) for dy in range(side) for dx in range(side)]
    return torch.stack(
        [(one * around[..., dy : dy + height, dx : dx + width]).mean(1) for dy, dx in shifts], 1
    )


def resize_flow(flow: Tensor, size: tuple[int, int]) -> Tensor:
    """Bilinear to (height, width); lengths grow with the width."""
    growth = size[1] / flow.shape[-1]
    return functional.interpolate(flow, size, mode="bilinear", align_corners=False) * growth
