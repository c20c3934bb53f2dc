"""What is DBVI's network, and what does it do with four frames and two motions?

The likeliest frame, given the frames and motion with an error of its own, found by learned gradient descent: every
stage sees the gradients of how well its frame explains the inputs and corrects the frame and both motions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import torch
from torch import Tensor, nn

from retempo import ops
from retempo.models.dbvi.blocks import STYLE, Convolution, StyleBlock, Turn, make_mapping
from retempo.models.padding import find_padding

MULTIPLE: Final = 8
FEATURES: Final = 16
"""Channels that a stage hands to the next."""

CODE: Final = 32
"""Channels of the flow's error; the first four are pixels, (dx, dy) of either motion."""

GRADIENT: Final = 4
"""Channels of its gradient that a stage looks at."""

SEEN: Final = 0.9999
"""A sample that lies inside the picture by this much counts."""


class Estimate(NamedTuple):
    """What the network says.

    Attributes:
        images: a stage each, the last is the result; [N, 3, H, W].
        flow0t, flow1t: [N, 2, H', W'] pixels, earlier and later frame -> made picture, corrected; padded.
    """

    images: list[Tensor]
    flow0t: Tensor
    flow1t: Tensor


class Stage(nn.Module):
    """One step of the descent; the authors' subNet."""

    def __init__(self) -> None:
        super().__init__()
        inputs = 3 * 3 + 2 * 3 + 2 * 2 + FEATURES + GRADIENT
        self.mapping = make_mapping()
        self.convUV = nn.Sequential(
            Convolution(FEATURES, FEATURES), Convolution(FEATURES, 2 * CODE, kernel=1)
        )
        self.invConv = Turn(CODE)
        self.compConv = Convolution(CODE, GRADIENT, kernel=1)
        self.inConv = Convolution(inputs, FEATURES, order="cna")
        self.style_block = StyleBlock(FEATURES)
        self.convNext = nn.Sequential(Convolution(FEATURES, FEATURES), Convolution(FEATURES, FEATURES))
        self.apply(_begin)
        self.toRGB = Convolution(FEATURES, 3)
        self.toFlow = nn.Sequential(Convolution(FEATURES, FEATURES), Convolution(FEATURES, CODE, kernel=1))
        self.toRGB.silence()
        self.toFlow[1].silence()

    def forward(
        self, seen: Sequence[Tensor], features: Tensor, error: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Look once.

        Args:
            seen: frames and motion, in the order in which they are concatenated.
            features: [N, 16, H, W], of the stage before.
            error: [N, 32, H, W], the flow's error so far.

        Returns:
            The next features, and what is to be added to the picture [N, 3, H, W] and to the error.
        """
        mean, spread = self.convUV(features).chunk(2, dim=1)
        pull = self.invConv.back((self.invConv(error) - mean) * spread.sigmoid())
        found = self.inConv(torch.cat([*seen, features, self.compConv(pull)], dim=1))
        style = self.mapping(found.new_zeros(1, STYLE))
        following = self.convNext(self.style_block(found, style))
        return following, self.toRGB(following), self.toFlow(following)


class Dbvi(nn.Module):
    """The whole network: ``stages`` of them, each with weights of its own."""

    def __init__(self, stages: int) -> None:
        super().__init__()
        self.stages = stages
        for index in range(stages):
            self.add_module(f"subNet_{index}", Stage())

    def forward(self, frames: Sequence[Tensor], flow0t: Tensor, flow1t: Tensor, time: Tensor) -> Estimate:
        """Make the frame at ``time``.

        Args:
            frames: four tensors [N, 3, H, W] in [-1, 1], in order of time (the authors' In, I0, I1, I2).
            flow0t, flow1t: [N, 2, H', W'] pixels, from the second and third frame to the made picture; the sides are
                those of the frames, each made a multiple of 8 by a reflected margin right and below.
            time: [N, 1, 1, 1].
        """
        height, width = frames[0].shape[-2:]
        margins = find_padding(height, width, MULTIPLE, centred=False)
        mean = torch.stack([one.mean((2, 3), keepdim=True) for one in frames]).mean(0)
        first, second = (margins.pad(one - mean) for one in frames[1:3])
        image = torch.zeros_like(first)
        features = image.new_zeros(image.shape[0], FEATURES, *image.shape[2:])
        error = image.new_zeros(image.shape[0], CODE, *image.shape[2:])
        images = []
        for index in range(self.stages):
            pull0 = (1 - time) * explain(first, image, flow0t)
            pull1 = time * explain(second, image, flow1t)
            seen = (first, second, image, pull0, pull1, flow0t, flow1t)
            features, more, change = self.get_submodule(f"subNet_{index}")(seen, features, error)
            image, error = image + more, error + change
            flow0t, flow1t = flow0t + change[:, :2], flow1t + change[:, 2:4]
            images.append(margins.crop(image) + mean)
        return Estimate(images, flow0t, flow1t)


def explain(frame: Tensor, image: Tensor, flow: Tensor) -> Tensor:
    """Where, and in which direction, would a change of the picture make it explain a frame better?

    Args:
        frame: [N, 3, H, W]. image: the same, the picture so far.
        flow: [N, 2, H, W] pixels, frame -> picture.

    Returns:
        What the picture lacks of the frame, carried to the picture (average splatting); [N, 3, H, W].
    """
    image, flow = image.float(), flow.float()
    looked = ops.warp(torch.cat([image, torch.ones_like(image[:, :1])], dim=1), flow, border="zero")
    inside = (looked[:, 3:].detach() >= SEEN).to(image.dtype)
    return ops.splat((frame - looked[:, :3]) * inside, flow, mode="average", coverage=False).out


def _begin(layer: nn.Module) -> None:
    """How the authors begin, all but the heads."""
    if isinstance(layer, nn.Conv2d | nn.Linear):
        nn.init.kaiming_normal_(layer.weight, a=0.2, mode="fan_in", nonlinearity="leaky_relu")
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
