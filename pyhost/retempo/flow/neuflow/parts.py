"""What is NeuFlow made of? Convolutions, attention between two pictures, and a small recurrent refinement.

Attributes are named as in the authors' published state dicts, so that those load.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from retempo.flow.trained import enlarge_convex

SLOPE: Final = 0.1
"""Of the leaky rectifiers."""

BOUND: Final = 4.0
"""Beyond which the recurrent state is cut off."""


class ConvBlock(nn.Module):
    """Two normalised convolutions; the first may shrink."""

    def __init__(self, before: int, after: int, side: int, stride: int, padding: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, side, stride, padding, bias=False)
        self.conv2 = nn.Conv2d(after, after, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(after)
        self.norm2 = nn.BatchNorm2d(after)

    def forward(self, x: Tensor) -> Tensor:
        """[N, before, H, W] -> [N, after, H / stride, W / stride]."""
        x = functional.leaky_relu(self.norm1(self.conv1(x)), SLOPE)
        return functional.leaky_relu(self.norm2(self.conv2(x)), SLOPE)


class Backbone(nn.Module):
    """Features of a picture at a sixteenth and at an eighth of its size, from ever smaller versions of it.

    Args:
        features, context: channels that are matched, and that tell of the picture; at both sizes.
    """

    def __init__(self, features: int, context: int) -> None:
        super().__init__()
        both = features + context
        self.block_8_1 = ConvBlock(3, 2 * features, 8, 4, 2)
        self.block_8_2 = ConvBlock(3, features, 6, 2, 2)
        self.block_cat_8 = ConvBlock(3 * features, both, 3, 1, 1)
        self.block_16_1 = ConvBlock(3, features, 6, 2, 2)
        self.block_8_16 = ConvBlock(both, features, 6, 2, 2)
        self.block_cat_16 = ConvBlock(2 * features, both - 2, 3, 1, 1)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """[N, 3, H, W] in [0, 1] -> [N, both, H / 16, W / 16], whose last two channels are y and x, and [..., / 8]."""
        halved = functional.avg_pool2d(images, 2)
        quartered = functional.avg_pool2d(halved, 2)
        eighth = torch.cat([self.block_8_1(halved), self.block_8_2(quartered)], 1)
        eighth = self.block_cat_8(eighth)
        coarse = self.block_16_1(functional.avg_pool2d(quartered, 2))
        coarse = self.block_cat_16(torch.cat([coarse, self.block_8_16(eighth)], 1))
        x, y = places(coarse)
        height, width = coarse.shape[2:]
        middle = torch.stack([y - height / 2, x - width / 2]).expand(len(coarse), -1, -1, -1)
        return torch.cat([coarse, middle.to(coarse.dtype)], 1), eighth


class AttentionLayer(nn.Module):
    """Each place looks at all places of the other picture."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.q_proj = nn.Linear(channels, channels)
        self.k_proj = nn.Linear(channels, channels)
        self.v_proj = nn.Linear(channels, channels)
        self.merge = nn.Linear(channels, channels)
        self.norm1 = nn.LayerNorm(channels)
        self.mlp = nn.Sequential(
            nn.Linear(2 * channels, 2 * channels, bias=False),
            nn.GELU(),
            nn.Linear(2 * channels, channels, bias=False),
        )
        self.norm2 = nn.LayerNorm(channels)

    def forward(self, here: Tensor, there: Tensor) -> Tensor:
        """[N, places, channels] twice -> the first, with what it saw in the second."""
        seen = functional.scaled_dot_product_attention(
            self.q_proj(here), self.k_proj(there), self.v_proj(there)
        )
        message = self.mlp(torch.cat([here, self.norm1(self.merge(seen))], -1))
        return here + self.norm2(message)


class CrossAttention(nn.Module):
    """Layers of attention between the two pictures of a pair, both ways."""

    def __init__(self, channels: int, depth: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(AttentionLayer(channels) for _ in range(depth))
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, pair: Tensor) -> Tensor:
        """[2, channels, H, W] -> the same shape."""
        flat = pair.flatten(2).transpose(1, 2)
        for layer in self.layers:
            flat = layer(flat, flat.flip(0))
        return self.norm(flat.transpose(1, 2).reshape(pair.shape))


class RefineLayer(nn.Module):
    """A convolution of the refinement."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(before, after, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """[N, before, H, W] -> [N, after, H, W]."""
        return functional.leaky_relu(self.conv(x), SLOPE)


class Refine(nn.Module):
    """One iteration: from the correlations around a guess to a step and the next state.

    Args:
        context, state: channels.
        inside: channels of the layers.
        depth: of those layers.
        radius: places looked at in each direction; it is an input, too, as a constant plane.
    """

    def __init__(self, context: int, state: int, inside: int, depth: int, radius: int) -> None:
        super().__init__()
        self.radius = radius
        self.conv1 = RefineLayer((2 * radius + 1) ** 2 + context + state + 3, context + state)
        self.conv2 = RefineLayer(context + state, inside)
        self.conv_layers = nn.ModuleList(RefineLayer(inside, inside) for _ in range(depth))
        self.conv3 = nn.Conv2d(inside, state + 2, 3, padding=1)

    def forward(
        self, correlations: Tensor, context: Tensor, state: Tensor, flow: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return the next state and the step of the flow [N, 2, H, W]."""
        radius = torch.full_like(flow[:, :1], self.radius)
        x = self.conv2(self.conv1(torch.cat([correlations, context, state, flow, radius], 1)))
        for layer in self.conv_layers:
            x = layer(x)
        x = self.conv3(x)
        return functional.hardtanh(x[:, 2:], -BOUND, BOUND), x[:, :2]


class Upsample(nn.Module):
    """Eight times finer flow, led by the picture."""

    def __init__(self, features: int, factor: int) -> None:
        super().__init__()
        self.factor = factor
        self.conv1 = nn.Conv2d(2 + features, 256, 3, padding=1)
        self.conv2 = nn.Conv2d(256, 512, 3, padding=1)
        self.conv3 = nn.Conv2d(512, 9 * factor**2, 1)

    def forward(self, features: Tensor, flow: Tensor) -> Tensor:
        """[N, features, H, W] and [N, 2, H, W] -> [N, 2, factor H, factor W]; vectors keep their lengths."""
        x = torch.relu_(self.conv2(torch.relu_(self.conv1(torch.cat([flow, features], 1)))))
        return enlarge_convex(flow, self.conv3(x), self.factor)


def places(like: Tensor) -> Tensor:
    """[2, H, W] float32: x and y of every place of a map."""
    y, x = torch.meshgrid(
        *(torch.arange(side, device=like.device, dtype=torch.float32) for side in like.shape[2:]),
        indexing="ij",
    )
    return torch.stack([x, y])
