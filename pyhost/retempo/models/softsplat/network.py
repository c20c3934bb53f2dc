"""How do two pictures become one between them? SoftSplat: splat features of both to the instant, let a grid paint it.

Source: Niklaus, Liu, "Softmax splatting for video frame interpolation", CVPR 2020, in the form of the released network.
The names of the parts are those of its state dict, ``module`` replaced by ``net``.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import torch
from torch import Tensor, nn

from retempo import ops
from retempo.models.softsplat.grid import Basic, Grid, Softmetric, convolve, resize
from retempo.models.softsplat.motion import Flow, resize_flow

SOFT: Final = 1e-7
"""Added to what sums are divided by, here and in the normalisation."""
BOUND: Final = 20.0
"""Of the exponent of a splat's weight, both ways."""
WIDTHS: Final = (32, 64, 96)
"""Channels at the full size, a half and a quarter."""


class Pair(NamedTuple):
    """What is known of a pair before an instant is named.

    Attributes:
        mean, std: [N, 1, 1, 1], of all pixels and channels of both pictures.
        features: of both, three sizes: normalised picture and features [N, 3 + 32, H, W], [N, 64, H/2, W/2],
            [N, 96, H/4, W/4].
        flows: [N, 2, H, W] pixels, one -> two and two -> one.
        metrics: [N, 1, H, W] of both, larger is farther behind; for the instant 1/2.
    """

    mean: Tensor
    std: Tensor
    features: tuple[list[Tensor], list[Tensor]]
    flows: tuple[Tensor, Tensor]
    metrics: tuple[Tensor, Tensor]


class SoftSplatNet(nn.Module):
    """The network. It sees pictures as BGR, as its weights were trained."""

    def __init__(self) -> None:
        super().__init__()
        self.netFlow = Flow()
        self.netSynthesis = Synthesis()

    def forward(self, one: Tensor, two: Tensor, times: list[float | Tensor]) -> list[Tensor]:
        """The pictures at several instants, as the authors' ``Network``; not clamped.

        Args:
            one, two: [N, 3, H, W] in [0, 1], BGR; sides even.
            times: each a number in [0, 1] or [N, 1, 1, 1].
        """
        pair = self.look(one, two)
        return [self.paint(pair, time) for time in times]

    def look(self, one: Tensor, two: Tensor) -> Pair:
        """Motions, features and metrics of a pair; see ``forward``."""
        mean, std = statistics(one, two)
        one, two = (one - mean) / (std + SOFT), (two - mean) / (std + SOFT)
        flows = self.netFlow(one, two)
        features = self.netSynthesis.netEncode(one), self.netSynthesis.netEncode(two)
        metric = self.netSynthesis.netSoftmetric
        metrics = (
            metric(features[0][0], features[1][0], flows[0]),
            metric(features[1][0], features[0][0], flows[1]),
        )
        return Pair(mean, std, features, flows, metrics)

    def paint(self, pair: Pair, time: float | Tensor) -> Tensor:
        """The picture at an instant, [N, 3, H, W] about [0, 1], BGR."""
        return self.netSynthesis(pair, time) * pair.std + pair.mean


class Synthesis(Grid):
    """Three rows, six columns; what arrives at the instant enters column 0."""

    def __init__(self) -> None:
        super().__init__(WIDTHS, 3, 3)
        self.netEncode = Encode()
        self.netSoftmetric = Softmetric()
        self.netWarp = Warp()
        self.netOutput = Basic(32, 32, 3, activate=False)

    def forward(self, pair: Pair, time: float | Tensor) -> Tensor:
        """The normalised picture at an instant."""
        return self.netOutput(self.walk(self.descend(self.netWarp(pair, time))))


class Encode(nn.Module):
    """Features at three sizes."""

    def __init__(self) -> None:
        super().__init__()
        before = 3
        for part, width in zip(("netOne", "netTwo", "netThr"), WIDTHS, strict=True):
            stride = 1 if part == "netOne" else 2
            self.add_module(
                part,
                nn.Sequential(
                    convolve(before, width, stride),
                    nn.PReLU(width, 0.25),
                    convolve(width, width),
                    nn.PReLU(width, 0.25),
                ),
            )
            before = width

    def forward(self, picture: Tensor) -> list[Tensor]:
        """[N, 3, H, W] -> see ``Pair.features``."""
        one = self.netOne(picture)
        two = self.netTwo(one)
        return [torch.cat([picture, one], 1), two, self.netThr(two)]


class Warp(nn.Module):
    """Features of both pictures, with their metrics, splatted to the instant and joined at three sizes."""

    def __init__(self) -> None:
        super().__init__()
        self.netOne = Basic(2 * (3 + 32 + 1), 32, 32, activate=False)
        self.netTwo = Basic(2 * (64 + 1), 64, 64, activate=False)
        self.netThr = Basic(2 * (96 + 1), 96, 96, activate=False)

    def forward(self, pair: Pair, time: float | Tensor) -> list[Tensor | None]:
        flows, metrics = at_instant(pair, time)
        joined: list[Tensor | None] = []
        for level, part in enumerate((self.netOne, self.netTwo, self.netThr)):
            arrived = []
            for side in (0, 1):
                features = pair.features[side][level]
                if level:
                    size = (features.shape[-2], features.shape[-1])
                    metrics[side], flows[side] = resize(metrics[side], size), resize_flow(flows[side], size)
                arrived.append(
                    splat(torch.cat([features, metrics[side]], 1), flows[side], weight_of(metrics[side]))
                )
            joined.append(part(torch.cat(arrived, 1)))
        return joined


def at_instant(pair: Pair, time: float | Tensor) -> tuple[list[Tensor], list[Tensor]]:
    """Motions to the instant and metrics for it, of both pictures."""
    shares = time, 1 - time
    flows = [flow * share for flow, share in zip(pair.flows, shares, strict=True)]
    return flows, [metric * 2 * share for metric, share in zip(pair.metrics, shares, strict=True)]


def weight_of(metric: Tensor) -> Tensor:
    """The exponent by which a pixel weighs where several land on one: what is farther behind weighs less."""
    return metric.neg().clamp(-BOUND, BOUND)


def splat(payload: Tensor, flow: Tensor, exponent: Tensor) -> Tensor:
    """Softmax splatting as the network was trained with it: 1e-7 in the normaliser.

    ``ops.splat(..., mode="softmax")`` divides by the weights alone. This is that, times n / (n + 1e-7) with n the sum
    of kernel weight times exp(exponent): a thousandth less where exponents are -9, a fiftieth of it at -20.

    Args:
        payload: [N, C, H, W]. flow: [N, 2, H, W] pixels, finite. exponent: [N, 1, H, W] in [-20, 20].
    """
    weight = exponent.exp()
    total: Tensor = ops.splat(torch.cat([payload * weight, weight], 1), flow, mode="sum", coverage=False).out
    return total[:, :-1] / (total[:, -1:] + SOFT)


def statistics(one: Tensor, two: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation [N, 1, 1, 1] of all pixels and channels of both pictures; no gradient."""
    with torch.no_grad():
        means = [picture.mean((1, 2, 3), keepdim=True) for picture in (one, two)]
        mean = sum(means) / 2
        within = [picture.var((1, 2, 3), correction=0, keepdim=True) for picture in (one, two)]
        spread = [(mean - each).square() for each in means]
        variance = sum(a + b for a, b in zip(within, spread, strict=True)) / 2
        return mean, torch.as_tensor(variance).sqrt()
