"""How does a flow of half the size become one of full size, with the edges where the pictures have theirs?

Source: US20250265724A1, paragraphs 46-49 (specification of splatting-based synthesis, section 9): four convolutions
with activations between them and nothing else, guided by both pictures and three measures of consistency, applied as
often as the size is to be doubled. What the source leaves open: 11 channels in (flow, own picture, the other laid over
it, three measures), 32 between, 3x3, PReLU, the output added to the flow grown bilinearly; weights shared between
directions and steps. The last layer begins at zero: an untrained network grows bilinearly.
"""

from __future__ import annotations

import math
from typing import Final

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from retempo.flow.neural.measures import agree

CHANNELS: Final = 11
_WIDTH: Final = 32


class FlowUpsampler(nn.Module):
    """Grows flows, guided by pictures."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(CHANNELS, _WIDTH, 3, padding=1), nn.PReLU(_WIDTH),
            nn.Conv2d(_WIDTH, _WIDTH, 3, padding=1), nn.PReLU(_WIDTH),
            nn.Conv2d(_WIDTH, _WIDTH, 3, padding=1), nn.PReLU(_WIDTH),
            nn.Conv2d(_WIDTH, 2, 3, padding=1),
        )  # fmt: skip
        last = self.layers[-1]
        assert isinstance(last, nn.Conv2d) and last.bias is not None
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def forward(self, flows: Tensor, pictures: Tensor) -> Tensor:
        """One step: flows of any smaller size to that of the pictures.

        Args:
            flows: [2 N, 2, h, w] pixels of their size: from the earlier frame of each pair, then from the later ones.
            pictures: [2 N, 3, H, W] in the same order, [0, 1].

        Returns:
            [2 N, 2, H, W] pixels of the pictures' size.
        """
        grown = stretch(flows, *pictures.shape[2:])
        count = pictures.shape[0] // 2
        other, back = (torch.cat([whole[count:], whole[:count]]) for whole in (pictures, grown))
        laid, seen = agree(pictures, other, grown, back)
        planes = [
            grown / 16,
            pictures - 0.5,
            laid - pictures,
            seen.photo,
            seen.flow.log1p(),
            seen.variance.log1p(),
        ]
        return grown + self.layers(torch.cat(planes, 1))

    def grow(self, flows: Tensor, pictures: Tensor) -> Tensor:
        """As many steps as it takes, each at most doubling."""
        height, width = pictures.shape[2:]
        for rows, columns in sizes(flows.shape[2], flows.shape[3], height, width):
            shown = pictures
            if (rows, columns) != (height, width):
                shown = functional.interpolate(pictures, size=(rows, columns), mode="area")
            flows = self(flows, shown)
        return flows


def sizes(rows: int, columns: int, height: int, width: int) -> list[tuple[int, int]]:
    """The sizes on the way from (rows, columns) up to (height, width), the first not included.

    Each is half of the next; so many that none is more than twice the one before, but for rounding.
    """
    factor = max(height / rows, width / columns)
    if factor <= 1:
        return []
    count = max(1, math.ceil(math.log2(factor) - 0.05))
    return [(math.ceil(height / 2**step), math.ceil(width / 2**step)) for step in reversed(range(count))]


def stretch(flows: Tensor, height: int, width: int) -> Tensor:
    """Grow flows [N, 2, h, w] bilinearly, their vectors with them."""
    factors = torch.tensor([width / flows.shape[3], height / flows.shape[2]], device=flows.device)
    grown = functional.interpolate(flows, size=(height, width), mode="bilinear", align_corners=False)
    return grown * factors.view(1, 2, 1, 1).to(flows.dtype)
