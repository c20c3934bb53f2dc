"""What does the network see of a pair? Pictures laid over each other, flows, and how well they agree.

All tensors are [N, C, H, W]; flows in pixels, (dx, dy), pixel centres at integers. Differentiable, any device.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import torch
import torch.nn.functional as functional
from torch import Tensor

CHANNELS: Final = 43
"""Of ``see``: three pictures of three channels at four places each, and seven planes of flow."""

_EPSILON: Final = 1e-8


class Agreement(NamedTuple):
    """How well a flow agrees with the pictures, with the flow back and with its neighbours; each [N, 1, H, W], >= 0."""

    photo: Tensor  # mean over RGB of |own - other(p + flow)|
    flow: Tensor  # length of flow + back(p + flow), pixels
    variance: Tensor  # length of the flow's standard deviation under a 3x3 Gaussian, pixels


def places(height: int, width: int, device: torch.device) -> Tensor:
    """The coordinates (x, y) of every pixel, [1, 2, H, W]."""
    y, x = torch.meshgrid(
        torch.arange(height, device=device, dtype=torch.float32),
        torch.arange(width, device=device, dtype=torch.float32),
        indexing="ij",
    )
    return torch.stack([x, y])[None]


def look_up(image: Tensor, flow: Tensor) -> Tensor:
    """Backward warp: image(p + flow(p)), bilinear, edges repeated."""
    _, _, height, width = flow.shape
    at = places(height, width, flow.device) + flow
    size = torch.tensor([image.shape[3], image.shape[2]], device=flow.device, dtype=torch.float32)
    grid = (at + 0.5) * (2 / size).view(1, 2, 1, 1) - 1
    return functional.grid_sample(
        image,
        grid.permute(0, 2, 3, 1).to(image.dtype),
        mode="bilinear",
        padding_mode="border",
        align_corners=False,
    )


def agree(own: Tensor, other: Tensor, flow: Tensor, back: Tensor) -> tuple[Tensor, Agreement]:
    """Return the other picture laid over the own one, and how well all agree.

    The three measures of specification of splatting-based synthesis, section 3 (``metrics.importance`` computes the
    same natively).

    Args:
        own, other: [N, 3, H, W], flow space, [0, 1].
        flow: from own to other. back: the flow of the other picture.
    """
    laid = look_up(other, flow)
    photo = (own - laid).abs().mean(1, keepdim=True)
    error = length(flow + look_up(back, flow))
    return laid, Agreement(photo, error, spread(flow))


def length(vectors: Tensor) -> Tensor:
    """Euclidean length over channels, [N, 1, H, W]."""
    return vectors.square().sum(1, keepdim=True).sqrt()


def spread(flow: Tensor) -> Tensor:
    """Length of the standard deviation of a flow under a 3x3 binomial window, [N, 1, H, W] pixels."""
    mean = _blur(flow)
    return ((_blur(flow.square()) - mean.square()).clamp_min(0) + _EPSILON).sum(1, keepdim=True).sqrt()


def see(
    own: Tensor, other: Tensor, flow: Tensor, second: Tensor, back: Tensor, second_back: Tensor
) -> Tensor:
    """What the network is shown of one direction, [N, CHANNELS, H / 2, W / 2].

    Args:
        own, other: [N, 3, H, W], [0, 1], H and W even.
        flow, second: two opinions of the motion from own to other. back, second_back: those from other to own.
    """
    laid, one = agree(own, other, flow, back)
    laid_second, two = agree(own, other, second, second_back)
    pictures = functional.pixel_unshuffle(torch.cat([own - 0.5, laid - own, laid_second - own], 1), 2)
    planes = [
        flow / 16,
        (second - flow) / 4,
        one.flow.log1p(),
        two.flow.log1p(),
        one.variance.log1p(),
    ]
    return torch.cat([pictures, functional.avg_pool2d(torch.cat(planes, 1), 2)], 1)


def _blur(planes: Tensor) -> Tensor:
    row = torch.tensor([0.25, 0.5, 0.25], device=planes.device, dtype=planes.dtype)
    count = planes.shape[1]
    kernel = (row[:, None] * row[None]).expand(count, 1, 3, 3)
    return functional.conv2d(functional.pad(planes, (1, 1, 1, 1), mode="replicate"), kernel, groups=count)
