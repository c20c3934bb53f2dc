"""How do two pictures become the one between? IFRNet: flows and a feature of the picture to be, refined together.

Source: Kong et al., "IFRNet: intermediate feature refine network for efficient frame interpolation", CVPR 2022; with a
reference picture: Zhong et al., "Clearer frames, anytime", ECCV 2024. The names of the parts are those of the state
dicts that the authors published.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from retempo.errors import InputError
from retempo.models.ifrnet.sizes import SIZES
from retempo.models.warping import look_up

STRIDE: Final = 16
"""Sides of the (resized) pictures are multiples of this."""

Pyramid = tuple[Tensor, Tensor, Tensor, Tensor]
"""Features [N, C, H / 2^k, W / 2^k] for k = 1 to 4."""


class Refined(NamedTuple):
    """What the decoders found, for pictures of H x W; lists go from fine to coarse.

    Attributes:
        flows0, flows1: [N, 2, H / 2^k, W / 2^k] for k = 0 to 3, pixels of that size, made picture -> earlier, later.
        mask: [N, 1, H, W] in (0, 1), weight of the earlier picture.
        residual: [N, 3, H, W], added in the end.
        features: [N, C, H / 2^k, W / 2^k] for k = 1 to 3, of the picture to be.
    """

    flows0: list[Tensor]
    flows1: list[Tensor]
    mask: Tensor
    residual: Tensor
    features: list[Tensor]


class Interpolated(NamedTuple):
    """A made picture and its motion at full size: [N, 3, H, W] in [0, 1], twice [N, 2, H, W] pixels, [N, 1, H, W]."""

    image: Tensor
    flow0: Tensor
    flow1: Tensor
    mask: Tensor


class IfrNet(nn.Module):
    """The network.

    Args:
        variant: of ``SIZES``.
    """

    def __init__(self, variant: str = "base") -> None:
        super().__init__()
        size = SIZES[variant]
        self.reference = size.reference
        one, two, three, four = size.levels
        self.encoder = Encoder(size.levels, size.stem)
        extra = four + 2 if size.reference else 1
        self.decoder4 = Decoder(2 * four + extra, 2 * four, 4 + three, size.side)
        self.decoder3 = Decoder(3 * three + 4, 3 * three, 4 + two, size.side)
        self.decoder2 = Decoder(3 * two + 4, 3 * two, 4 + one, size.side)
        self.decoder1 = Decoder(3 * one + 4, 3 * one, 8, size.side)

    def forward(
        self,
        earlier: Tensor,
        later: Tensor,
        instant: Tensor,
        scale: float = 1.0,
        reference: tuple[Tensor, Tensor] | None = None,
    ) -> Tensor:
        """The picture at an instant, [N, 3, H, W] in [0, 1], as the authors' ``inference``.

        Args:
            earlier, later: [N, 3, H, W] in [0, 1]; the sides times ``scale`` are multiples of 16.
            instant: [N, 1, 1, 1], or a map [N, 1, H, W], in [0, 1].
            scale: of the pictures in which motion is looked for.
            reference: another picture between the two and its instant, for networks with ``reference``.

        Raises:
            InputError: sizes do not fit, or a reference too many or missing.
        """
        mean = mean_of(earlier, later)
        first, second = earlier - mean, later - mean
        third = None if reference is None else self.encode(reference[0] - mean, scale)
        found = self.refine(
            self.encode(first, scale),
            self.encode(second, scale),
            instant,
            None if reference is None or third is None else (third, reference[1]),
        )
        return self.merge(first, second, mean, found).image

    def encode(self, picture: Tensor, scale: float = 1.0) -> Pyramid:
        """Features of a picture [N, 3, H, W] less the pair's mean, resized by ``scale`` first."""
        height, width = (round(side * scale) for side in picture.shape[-2:])
        if height % STRIDE or width % STRIDE or not height or not width:
            raise InputError(
                f"a picture of {width}x{height} (scale {scale:g}) does not fit IFRNet",
                f"pad it until both sides are multiples of {STRIDE}",
            )
        return self.encoder(resize(picture, (height, width)))

    def refine(
        self,
        first: Pyramid,
        second: Pyramid,
        instant: Tensor,
        reference: tuple[Pyramid, Tensor] | None = None,
    ) -> Refined:
        """Flows, mask and residual from coarse to fine, at the size that the features are of.

        Args:
            first, second: features of both pictures. instant: as in ``forward``.
            reference: features of a picture between them, and its instant.
        """
        if (reference is not None) != self.reference:
            raise InputError(
                "this IFRNet takes " + ("a reference picture" if self.reference else "no reference picture"),
                "use base-dr with one, other variants without",
            )
        grid = first[3]
        given = [first[3], second[3]]
        if reference is not None:
            given += [reference[0][3], spread(instant, grid), spread(reference[1], grid)]
        else:
            given += [spread(instant, grid)]
        out = self.decoder4(torch.cat(given, 1))
        flows0, flows1, features = [out[:, 0:2]], [out[:, 2:4]], [out[:, 4:]]
        for level, decoder in ((2, self.decoder3), (1, self.decoder2), (0, self.decoder1)):
            flow0, flow1 = flows0[0], flows1[0]
            seen = [look_up(first[level], flow0), look_up(second[level], flow1)]
            out = decoder(torch.cat([features[0], *seen, flow0, flow1], 1))
            flows0.insert(0, out[:, 0:2] + 2 * grow(flow0, 2))
            flows1.insert(0, out[:, 2:4] + 2 * grow(flow1, 2))
            if level:
                features.insert(0, out[:, 4:])
        return Refined(flows0, flows1, torch.sigmoid(out[:, 4:5]), out[:, 5:], features)

    def merge(self, first: Tensor, second: Tensor, mean: Tensor, found: Refined) -> Interpolated:
        """Look both pictures (less ``mean``) up at their full size, and mix."""
        size = (first.shape[-2], first.shape[-1])
        growth = size[1] / found.mask.shape[-1]
        flow0 = resize(found.flows0[0], size) * growth
        flow1 = resize(found.flows1[0], size) * growth
        mask, residual = resize(found.mask, size), resize(found.residual, size)
        mixed = mask * look_up(first, flow0) + (1 - mask) * look_up(second, flow1) + mean
        return Interpolated((mixed + residual).clamp(0, 1), flow0, flow1, mask)


class Encoder(nn.Module):
    """Features at 1/2, 1/4, 1/8 and 1/16 of the size: two convolutions a level."""

    def __init__(self, levels: tuple[int, int, int, int], stem: int) -> None:
        super().__init__()
        before = 3
        for index, channels in enumerate(levels, 1):
            kernel = stem if index == 1 else 3
            parts = nn.Sequential(convolve(before, channels, kernel, 2), convolve(channels, channels))
            self.add_module(f"pyramid{index}", parts)
            before = channels

    def forward(self, picture: Tensor) -> Pyramid:
        """[N, 3, H, W] -> the pyramid."""
        one = self.pyramid1(picture)
        two = self.pyramid2(one)
        three = self.pyramid3(two)
        return one, two, three, self.pyramid4(three)


class Decoder(nn.Module):
    """A level: [N, before, H, W] -> [N, after, 2 H, 2 W]."""

    def __init__(self, before: int, middle: int, after: int, side: int) -> None:
        super().__init__()
        self.convblock = nn.Sequential(
            convolve(before, middle), ResBlock(middle, side), nn.ConvTranspose2d(middle, after, 4, 2, 1)
        )

    def forward(self, given: Tensor) -> Tensor:
        return self.convblock(given)


class ResBlock(nn.Module):
    """Five convolutions around which the input is led; the second and fourth see the last channels alone."""

    def __init__(self, channels: int, side: int) -> None:
        super().__init__()
        self.split = [channels - side, side]
        self.conv1 = convolve(channels, channels)
        self.conv2 = convolve(side, side)
        self.conv3 = convolve(channels, channels)
        self.conv4 = convolve(side, side)
        self.conv5 = nn.Conv2d(channels, channels, 3, padding=1)
        self.prelu = nn.PReLU(channels)

    def forward(self, given: Tensor) -> Tensor:
        out = given
        for whole, part in ((self.conv1, self.conv2), (self.conv3, self.conv4)):
            most, last = whole(out).split(self.split, 1)
            out = torch.cat([most, part(last)], 1)
        return self.prelu(given + self.conv5(out))


def convolve(before: int, after: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """A convolution that keeps the size (divided by ``stride``), and a PReLU with a slope for each channel."""
    return nn.Sequential(nn.Conv2d(before, after, kernel, stride, kernel // 2), nn.PReLU(after))


def mean_of(earlier: Tensor, later: Tensor) -> Tensor:
    """The one mean of all channels and pixels of both pictures, [N, 1, 1, 1]."""
    both = torch.cat([earlier, later], 2)
    return (
        both.mean(1, keepdim=True).mean(2, keepdim=True).mean(3, keepdim=True)
    )  # the authors' order of sums


def spread(instant: Tensor, grid: Tensor) -> Tensor:
    """An instant [N, 1, 1, 1], or a map of them, on a grid of features [N, C, h, w] -> [N, 1, h, w]."""
    if instant.shape[-2:] == (1, 1):
        return instant.expand(grid.shape[0], 1, *grid.shape[-2:])
    return resize(instant, (grid.shape[-2], grid.shape[-1]))


def resize(picture: Tensor, size: tuple[int, int]) -> Tensor:
    """Bilinear between pixel centres, no smoothing first: (height, width)."""
    if picture.shape[-2:] == size:
        return picture
    return functional.interpolate(picture, size, mode="bilinear", align_corners=False)


def grow(picture: Tensor, factor: int) -> Tensor:
    """Bilinear, ``factor`` times as large."""
    return resize(picture, (picture.shape[-2] * factor, picture.shape[-1] * factor))
