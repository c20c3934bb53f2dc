"""What does FILM compute? Features that mean the same at every scale, flow from coarse to fine, and a fusion.

Reda et al., "FILM: Frame Interpolation for Large Motion", ECCV 2022, section 3. The parameters have the names of the
PyTorch port (README). All convolutions have a bias; pyramids are lists, finest level first.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

LEVELS: Final = 7
"""Of the pyramids that flow is found on: sides are multiples of 2^6, motion up to about 3 * 2^6 pixels is found."""

FUSED: Final = 5
"""Finest levels, of which the picture is made."""

STAGES: Final = 4
"""Of the feature extractor; from this level on features are alike."""

WIDTH: Final = 64
"""Channels of the extractor's first stage; each further one has twice as many."""

FLOW_WIDTHS: Final = (32, 64, 128, 256)
"""Channels of the flow predictors of levels 0, 1, 2, and of all coarser ones."""

SLOPE: Final = 0.2

FEATURES: Final = tuple(
    sum(WIDTH << stage for stage in range(min(level + 1, STAGES))) for level in range(LEVELS)
)
"""Channels of the features at each level: 64, 192, 448, then 960."""


class Prepared(NamedTuple):
    """What does not depend on the instant.

    Attributes:
        sources0, sources1: per level [N, 3 + features, H, W]: the picture and its features.
        forward, backward: per level [N, 2, H, W] pixels of that level, (dx, dy), x0 -> x1 and x1 -> x0.
    """

    sources0: list[Tensor]
    sources1: list[Tensor]
    forward: list[Tensor]
    backward: list[Tensor]


class Film(nn.Module):
    """The network of all three published models; 34,436,667 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.extract = FeatureExtractor()
        self.predict_flow = PyramidFlowEstimator()
        self.fuse = Fusion()

    def forward(self, x0: Tensor, x1: Tensor, time: Tensor) -> Tensor:
        """The picture between two others.

        Args:
            x0, x1: [N, 3, H, W] RGB in [0, 1], sides multiples of 64.
            time: [N, 1] or [N, 1, 1, 1] in [0, 1]. The published weights know 0.5 alone.

        Returns:
            [N, 3, H, W], not clamped.
        """
        return self.render(self.prepare(x0, x1), time)[0]

    def prepare(self, x0: Tensor, x1: Tensor) -> Prepared:
        """Features and flow in both directions; see ``forward``."""
        pictures0, pictures1 = build_pyramid(x0), build_pyramid(x1)
        features0, features1 = self.extract(pictures0), self.extract(pictures1)
        return Prepared(
            [torch.cat(pair, 1) for pair in zip(pictures0[:FUSED], features0[:FUSED], strict=True)],
            [torch.cat(pair, 1) for pair in zip(pictures1[:FUSED], features1[:FUSED], strict=True)],
            self.predict_flow(features0, features1)[:FUSED],
            self.predict_flow(features1, features0)[:FUSED],
        )

    def render(self, prepared: Prepared, time: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The picture at an instant, and where it comes from.

        Returns:
            [N, 3, H, W] not clamped; [N, 2, H, W] pixels from it to x0, and to x1.
        """
        time = time.reshape(-1, 1, 1, 1)
        to0, to1 = prepared.backward[0] * time, prepared.forward[0] * (1 - time)

        def align(level: int) -> Tensor:
            back = to0 if level == 0 else prepared.backward[level] * time
            ahead = to1 if level == 0 else prepared.forward[level] * (1 - time)
            warped0, warped1 = warp(prepared.sources0[level], back), warp(prepared.sources1[level], ahead)
            return torch.cat((warped0, warped1, back, ahead), 1)

        return self.fuse(align(level) for level in reversed(range(FUSED))), to0, to1


class Layer(nn.Sequential):
    """A convolution that keeps the size, and a leaky ReLU.

    Args:
        inputs, outputs: channels. size: of the kernel; an even one looks right and down.
        linear: no activation.
    """

    def __init__(self, inputs: int, outputs: int, size: int, *, linear: bool = False) -> None:
        super().__init__(nn.Conv2d(inputs, outputs, size, padding=size // 2 if size % 2 else 0))
        self.even = size % 2 == 0
        self.linear = linear

    def forward(self, picture: Tensor) -> Tensor:
        made: Tensor = self[0](functional.pad(picture, (0, 1, 0, 1)) if self.even else picture)
        return made if self.linear else functional.leaky_relu(made, SLOPE)


class SubTreeExtractor(nn.Module):
    """Features of one picture at up to four scales, downwards from its own."""

    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.ModuleList()
        inputs = 3
        for stage in range(STAGES):
            outputs = WIDTH << stage
            self.convs.append(nn.Sequential(Layer(inputs, outputs, 3), Layer(outputs, outputs, 3)))
            inputs = outputs

    def forward(self, picture: Tensor, count: int) -> list[Tensor]:
        """The first ``count`` stages."""
        made = []
        for stage in range(count):
            picture = self.convs[stage](functional.avg_pool2d(picture, 2) if stage else picture)
            made.append(picture)
        return made


class FeatureExtractor(nn.Module):
    """Features of a pyramid: the same extractor looks at every level, and from there at coarser scales."""

    def __init__(self) -> None:
        super().__init__()
        self.extract_sublevels = SubTreeExtractor()

    def forward(self, pictures: list[Tensor]) -> list[Tensor]:
        """``FEATURES`` channels a level: the level's own first stage, the second of the next finer level, and so on."""
        count = len(pictures)
        trees = [
            self.extract_sublevels(picture, min(count - level, STAGES))
            for level, picture in enumerate(pictures)
        ]
        return [
            torch.cat([trees[level - stage][stage] for stage in range(min(level + 1, STAGES))], 1)
            for level in range(count)
        ]


class FlowEstimator(nn.Module):
    """Flow between two sets of features that lie almost on top of each other."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self._convs = nn.Sequential(
            Layer(inputs, width, 3),
            Layer(width, width, 3),
            Layer(width, width, 3),
            Layer(width, width // 2, 1),
            Layer(width // 2, 2, 1, linear=True),
        )

    def forward(self, features_a: Tensor, features_b: Tensor) -> Tensor:
        found: Tensor = self._convs(torch.cat((features_a, features_b), 1))
        return found


class PyramidFlowEstimator(nn.Module):
    """Flow from coarse to fine: each level corrects what the coarser one found."""

    def __init__(self) -> None:
        super().__init__()
        widths = list(enumerate(FLOW_WIDTHS))
        *fine, shared = (FlowEstimator(2 * FEATURES[level], width) for level, width in widths)
        self._predictor = shared
        self._predictors = nn.ModuleList(reversed(fine))

    def forward(self, features_a: list[Tensor], features_b: list[Tensor]) -> list[Tensor]:
        """Flow a -> b at each level, [N, 2, H, W] in pixels of the level."""
        flow = self._predictor(features_a[-1], features_b[-1])
        flows = [flow]
        for level in reversed(range(len(features_a) - 1)):
            a, b = features_a[level], features_b[level]
            flow = functional.interpolate(2 * flow, size=a.shape[-2:], mode="bilinear", align_corners=False)
            flow = self._at(level)(a, warp(b, flow)) + flow
            flows.append(flow)
        return flows[::-1]

    def _at(self, level: int) -> nn.Module:
        own = len(self._predictors)
        return self._predictors[own - 1 - level] if level < own else self._predictor


class Fusion(nn.Module):
    """The decoder: from warped pictures, features and flows to the picture."""

    def __init__(self) -> None:
        super().__init__()
        self.output_conv = nn.Conv2d(WIDTH, 3, 1)
        self.convs = nn.ModuleList()
        inputs = _aligned_channels(FUSED - 1)
        for level in reversed(range(FUSED - 1)):
            outputs = WIDTH << level
            self.convs.append(
                nn.ModuleList(
                    (
                        Layer(inputs, outputs, 2, linear=True),
                        Layer(_aligned_channels(level) + outputs, outputs, 3),
                        Layer(outputs, outputs, 3),
                    )
                )
            )
            inputs = outputs

    def forward(self, aligned: Iterable[Tensor]) -> Tensor:
        """The picture.

        Args:
            aligned: ``FUSED`` tensors, coarsest first (an iterator holds one level at a time): x0's picture and
                features, x1's, the flow to x0, the flow to x1.
        """
        levels = iter(aligned)
        net = next(levels)
        for convs, beside in zip(self.convs, levels, strict=True):
            grow, first, second = convs
            net = grow(functional.interpolate(net, size=beside.shape[-2:], mode="nearest"))
            net = second(first(torch.cat((beside, net), 1)))
        picture: Tensor = self.output_conv(net)
        return picture


def _aligned_channels(level: int) -> int:
    return 2 * (3 + FEATURES[level] + 2)


def build_pyramid(picture: Tensor) -> list[Tensor]:
    """``LEVELS`` pictures, each half as large as the one before: means of 2x2 pixels."""
    levels = [picture]
    while len(levels) < LEVELS:
        levels.append(functional.avg_pool2d(levels[-1], 2))
    return levels


def warp(source: Tensor, flow: Tensor) -> Tensor:
    """Read the source where the flow points, bilinearly; beyond its edge stands its outermost pixel.

    Args:
        source: [N, C, H, W]. flow: [N, 2, H, W] pixels, (dx, dy), result -> source.
    """
    height, width = flow.shape[-2:]
    across = torch.arange(width, dtype=flow.dtype, device=flow.device) * 2 + (1 - width)
    down = torch.arange(height, dtype=flow.dtype, device=flow.device) * 2 + (1 - height)
    grid = torch.stack(
        ((across + 2 * flow[:, 0]) / width, (down[:, None] + 2 * flow[:, 1]) / height), 3
    )  # pixel centres, -1 and 1 at the outer edges
    return functional.grid_sample(source, grid, mode="bilinear", padding_mode="border", align_corners=False)
