"""Which network turns the look at a pair into corrected flows and trust? A U-Net of half a million weights.

It works at half the resolution of the flow, on four levels (1/2 to 1/16), 3x3 convolutions with PReLU, skips added.
Both directions of a pair are two items of one batch: the weights are shared. The last layer begins at zero, so an
untrained network changes nothing.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from retempo.flow.neural.measures import CHANNELS, see

OPINIONS = 2
"""Hypotheses that go in and come out: what was estimated, and the inverse of what was estimated the other way."""

WIDTHS = (32, 48, 64, 96)
"""Channels of the levels, finest first."""

_TRUSTING = 2.0
"""Added to the logits: the trust of an untrained network is sigmoid(2) = 0.88 everywhere."""


class Refined(NamedTuple):
    """What the network says of one direction, one entry an opinion."""

    flows: tuple[Tensor, ...]  # [N, 2, H, W] pixels
    trusts: tuple[Tensor, ...]  # [N, 1, H, W] in (0, 1)


class FlowRefiner(nn.Module):
    """Corrects two opinions of a motion and weighs them.

    Args:
        widths: channels of the levels.
    """

    def __init__(self, widths: tuple[int, ...] = WIDTHS) -> None:
        super().__init__()
        self.widths = tuple(widths)
        inner = zip((CHANNELS, *widths[:-1]), widths, strict=True)
        self.down = nn.ModuleList(
            nn.Sequential(_convolve(before, here, 1 if level == 0 else 2), _convolve(here, here))
            for level, (before, here) in enumerate(inner)
        )
        self.widen = nn.ModuleList(nn.Conv2d(below, here, 1) for here, below in pairwise(widths))
        self.up = nn.ModuleList(
            nn.Sequential(_convolve(here, here), _convolve(here, here)) for here in widths[:-1]
        )
        self.head = nn.Conv2d(widths[0], 3 * OPINIONS, 3, padding=1)
        nn.init.zeros_(self.head.weight)
        assert self.head.bias is not None
        nn.init.zeros_(self.head.bias)

    def forward(self, seen: Tensor) -> Tensor:
        """[N, CHANNELS, h, w] -> [N, 3 * OPINIONS, h, w]: a correction (dx, dy) and a logit each; any h, w >= 1."""
        levels = []
        for stage in self.down:
            seen = stage(seen)
            levels.append(seen)
        for level in reversed(range(len(self.up))):
            grown = functional.interpolate(
                self.widen[level](seen), size=levels[level].shape[-2:], mode="bilinear", align_corners=False
            )
            seen = self.up[level](levels[level] + grown)
        return self.head(seen)

    def correct(self, pictures: Tensor, opinions: tuple[Tensor, ...], half: bool = False) -> Refined:
        """Return the opinions corrected, each with its trust.

        Args:
            pictures: [2 N, 3, H, W], [0, 1], H and W even: the earlier frame of each pair, then the later ones.
            opinions: ``OPINIONS`` of [2 N, 2, H, W] pixels: the flow from each picture to its other.
            half: convolve in 16 bits; what is looked up, and the flows, stay in 32.
        """
        count = pictures.shape[0] // 2
        other, *backs = (torch.cat([half[count:], half[:count]]) for half in (pictures, *opinions))
        with torch.no_grad():
            seen = see(pictures, other, *opinions, *backs)
        seen = seen.contiguous(memory_format=torch.channels_last)
        with torch.autocast(pictures.device.type, torch.float16, enabled=half):
            told = self(seen)
        said = functional.interpolate(told.float(), scale_factor=2.0, mode="bilinear", align_corners=False)
        flows, trusts = [], []
        for index, flow in enumerate(opinions):
            dx_dy, logit = said[:, 3 * index : 3 * index + 2], said[:, 3 * index + 2 : 3 * index + 3]
            flows.append(flow + 2 * dx_dy)
            trusts.append(torch.sigmoid(logit + _TRUSTING))
        return Refined(tuple(flows), tuple(trusts))


def _convolve(before: int, after: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(before, after, 3, stride, 1), nn.PReLU(after))
