"""How do two pictures become two flows? NeuFlow v2: match everything coarsely, then look around and refine.

Source: Zhang, Gupta, Jiang, Singh, "NeuFlow v2: push high-efficiency optical flow to the limit", arXiv 2408.10161.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from retempo.flow.neuflow.parts import Backbone, ConvBlock, CrossAttention, Refine, Upsample, places
from retempo.flow.raft.correlation import Pyramid
from retempo.flow.raft.network import STORED

FEATURES: Final = 128
CONTEXT: Final = 64
STATE: Final = 64
RADIUS: Final = 4
STRIDE: Final = 16
LEAST: Final = 64
"""Least side of a picture: its coarse map is then 4 places wide."""


class NeuFlow(nn.Module):
    """The network, for inference."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = Backbone(FEATURES, CONTEXT)
        self.cross_attn_s16 = CrossAttention(FEATURES + CONTEXT, depth=2)
        self.merge_s8 = merging(2 * FEATURES, FEATURES)
        self.context_merge_s8 = merging(2 * CONTEXT, CONTEXT)
        self.refine_s16 = Refine(CONTEXT, STATE, inside=128, depth=5, radius=RADIUS)
        self.refine_s8 = Refine(CONTEXT, STATE, inside=96, depth=5, radius=RADIUS)
        self.conv_s8 = ConvBlock(3, FEATURES, 8, 8, 0)
        self.upsample_s8 = Upsample(FEATURES, 8)
        self.eval()

    def forward(
        self, image0: Tensor, image1: Tensor, coarse: int = 1, fine: int = 8, limit: int = STORED
    ) -> tuple[Tensor, Tensor]:
        """Both flows of a pair; everything before the refinement is computed once.

        Args:
            image0, image1: [1, 3, H, W] in [0, 1]; sides are multiples of 16 and at least 64.
            coarse, fine: iterations at a sixteenth and at an eighth of the size; one and eight are what was published.
            limit: bytes that a table of correlations may take before they are made on the fly.

        Returns:
            ``(flow01, flow10)``, [1, 2, H, W] pixels, (dx, dy).
        """
        images = torch.cat([image0, image1])
        low, high = self.backbone(images)
        low_context, low = split(self.cross_attn_s16(low))
        high_context, high = split(high)
        high = self.merge_s8(torch.cat([high, double(low)], 1))
        high_context = self.context_merge_s8(torch.cat([high_context, double(low_context)], 1))
        detail = self.conv_s8(images)
        flows = []
        for one, other in ((0, 1), (1, 0)):
            here, there = slice(one, one + 1), slice(other, other + 1)
            flow = match(low[here].float(), low[there].float())
            flow = refine(self.refine_s16, low[here], low[there], low_context[here], flow, coarse, limit)
            flow = 2 * double(flow)
            flow = refine(self.refine_s8, high[here], high[there], high_context[here], flow, fine, limit)
            flows.append(8 * self.upsample_s8(detail[here], flow))
        return flows[0], flows[1]


def merging(before: int, after: int) -> nn.Sequential:
    """What joins maps of two sizes."""
    return nn.Sequential(
        nn.Conv2d(before, after, 3, padding=1, bias=False),
        nn.GELU(),
        nn.Conv2d(after, after, 3, padding=1, bias=False),
        nn.BatchNorm2d(after),
    )


def split(both: Tensor) -> tuple[Tensor, Tensor]:
    """[N, CONTEXT + FEATURES, H, W] -> the context, rectified, and the features."""
    context, features = both.split([CONTEXT, FEATURES], 1)
    return torch.relu(context), features


def double(x: Tensor) -> Tensor:
    """Repeat every place in both directions."""
    return functional.interpolate(x, scale_factor=2, mode="nearest")


def match(first: Tensor, second: Tensor) -> Tensor:
    """Each place's flow to the mean of all places, weighted by their likeness to it: [1, C, H, W] -> [1, 2, H, W]."""
    start = places(first)
    query, key = (features.flatten(2).transpose(1, 2) for features in (first, second))
    value = start.flatten(1).t()[None].contiguous()
    found = functional.scaled_dot_product_attention(query, key, value)
    return found.transpose(1, 2).reshape(1, *start.shape) - start


def refine(
    network: Refine, first: Tensor, second: Tensor, context: Tensor, flow: Tensor, iterations: int, limit: int
) -> Tensor:
    """Look around the present guess, step, repeat."""
    pyramid = Pyramid(first.float(), second.float(), 1, network.radius, limit)
    start = places(first)
    state = flow.new_zeros((1, STATE, *flow.shape[2:]))
    for _ in range(iterations):
        correlations = pyramid.look_up(start + flow)
        state, step = network(correlations, context, state, flow)
        flow = flow + step.float()
    return flow
