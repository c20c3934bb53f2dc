"""What does a network see when it looks features up along a flow? Plain PyTorch, as published networks were trained."""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor


def look_up(picture: Tensor, flow: Tensor, beyond: str = "border") -> Tensor:
    """Backward warp, out(p) = picture(p + flow(p)), bilinear.

    Positions go through [-1, 1] with ``align_corners``, whose rounding the published networks have seen: at a width of
    4096 it is about 2e-4 pixels. Where that matters ``ops.warp`` is exact.

    Args:
        picture: [N, C, H, W]. flow: [N, 2, H, W] pixels (dx, dy).
        beyond: what is seen outside: ``border``, the nearest pixel, or ``zeros``.

    Returns:
        [N, C, H, W], with gradients to both. A side of one pixel has nowhere to look along.
    """
    height, width = flow.shape[-2:]
    rows = (
        torch.linspace(-1, 1, height, dtype=flow.dtype, device=flow.device)
        if height > 1
        else flow.new_zeros(1)
    )
    columns = (
        torch.linspace(-1, 1, width, dtype=flow.dtype, device=flow.device) if width > 1 else flow.new_zeros(1)
    )
    x = columns + flow[:, 0] / (max(width - 1, 1) / 2)
    y = rows[:, None] + flow[:, 1] / (max(height - 1, 1) / 2)
    grid = torch.stack([x, y], -1)
    return functional.grid_sample(picture, grid, mode="bilinear", padding_mode=beyond, align_corners=True)
