"""How is a convolution computed whose taps look somewhere else at every pixel, and count for something else?

Modulated deformable convolution (Zhu, Hu, Lin, Dai, Deformable ConvNets v2, CVPR 2019) in plain PyTorch, one tap at a
time, so that memory does not grow with the taps.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def convolve(
    features: Tensor, offsets: Tensor, shares: Tensor, weight: Tensor, bias: Tensor | None = None
) -> Tensor:
    """Convolution with padding of half a kernel and stride 1; outside, features are 0.

    Args:
        features: [N, C, H, W].
        offsets: [N, G, K*K, 2, H, W] pixels, (dy, dx), from where a tap would look to where it does; G groups of C / G
            channels. Flattened to [N, G*K*K*2, H, W] this is torchvision's order.
        shares: [N, G, K*K, H, W], by which each tap's sample is multiplied.
        weight: [D, C, K, K], K odd. bias: [D].

    Returns:
        [N, D, H, W].
    """
    count, channels, height, width = features.shape
    groups, taps = offsets.shape[1:3]
    side = weight.shape[-1]
    exact = torch.promote_types(features.dtype, torch.float32)  # half numbers do not tell pixels apart
    apart = features.to(exact).reshape(count * groups, channels // groups, height, width)
    rows = torch.arange(height, device=features.device, dtype=exact).view(1, 1, height, 1)
    columns = torch.arange(width, device=features.device, dtype=exact).view(1, 1, 1, width)
    total = None
    for tap in range(taps):
        down, across = tap // side - side // 2, tap % side - side // 2
        y = rows + (offsets[:, :, tap, 0] + down)
        x = columns + (offsets[:, :, tap, 1] + across)
        place = torch.stack([(2 * x + 1) / width - 1, (2 * y + 1) / height - 1], dim=-1)
        sampled = functional.grid_sample(
            apart, place.flatten(0, 1), mode="bilinear", padding_mode="zeros", align_corners=False
        )
        sampled = sampled.view(count, groups, -1, height, width).to(features.dtype) * shares[:, :, tap, None]
        kernel = weight[:, :, tap // side, tap % side, None, None]
        part = functional.conv2d(sampled.flatten(1, 2), kernel)
        total = part if total is None else total + part
    assert total is not None
    return total if bias is None else total + bias.view(1, -1, 1, 1)
