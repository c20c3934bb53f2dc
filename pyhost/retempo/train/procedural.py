"""Where does exact motion come from, without end? Painted layers that move, turn, grow and bend in front of each other.

A sample is drawn at the times -1, 0, 1, 2 and at the wanted phase. A point u of a layer stands at

    x(u, t) = centre + path(t) + A(t) (u + bend(u) t),    path(t) = v t + a t^2 / 2

with A(t) turning and growing; u is found from x by fixed-point steps (the bend is gentle). The motion of a pixel is
that of the nearest layer that covers half of it. All tensors [N, ...]; any device.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor

from retempo.flow.base import FlowEstimator
from retempo.flow.dis import DisFlow
from retempo.flow.neural.measures import places
from retempo.train.observation import observe
from retempo.train.samples import Samples

TIMES: Final = (-1.0, 0.0, 1.0, 2.0)
_STEPS: Final = 4
_TEXTURE: Final = 1.5
"""Side of a layer's picture over that of the sample; beyond its edges it is mirrored."""


@dataclass(frozen=True)
class Motion:
    """How the layers of one depth move, one a sample; lengths in pixels, times in gaps.

    Attributes:
        centre, velocity, acceleration: [N, 2]. spin: [N] radians, growth: [N], both a gap.
        amplitude: [N, 2] of the bend, wave: [N, 2, 2] its angular frequencies, offset: [N, 2].
    """

    centre: Tensor
    velocity: Tensor
    acceleration: Tensor
    spin: Tensor
    growth: Tensor
    amplitude: Tensor
    wave: Tensor
    offset: Tensor

    def place(self, point: Tensor, time: Tensor) -> Tensor:
        """Where points [N, 2, H, W] of the layer stand at times [N]."""
        cosine, sine = self._turn(time)
        bent = point + self._bend(point) * time.view(-1, 1, 1, 1)
        x, y = bent.split(1, 1)
        turned = torch.cat([cosine * x - sine * y, sine * x + cosine * y], 1)
        return turned + self._path(time)

    def find(self, at: Tensor, time: Tensor) -> Tensor:
        """Which points of the layer stand at [N, 2, H, W] at times [N]."""
        cosine, sine = self._turn(time)
        x, y = (at - self._path(time)).split(1, 1)
        square = cosine.square() + sine.square()
        bent = torch.cat([cosine * x + sine * y, cosine * y - sine * x], 1) / square
        point = bent
        for _ in range(_STEPS):
            point = bent - self._bend(point) * time.view(-1, 1, 1, 1)
        return point

    def _turn(self, time: Tensor) -> tuple[Tensor, Tensor]:
        angle, size = self.spin * time, torch.exp(self.growth * time)
        return (size * angle.cos()).view(-1, 1, 1, 1), (size * angle.sin()).view(-1, 1, 1, 1)

    def _path(self, time: Tensor) -> Tensor:
        path = self.velocity * time[:, None] + self.acceleration * time[:, None].square() / 2
        return (self.centre + path)[..., None, None]

    def _bend(self, point: Tensor) -> Tensor:
        angle = torch.einsum("nij,njhw->nihw", self.wave, point) + self.offset[..., None, None]
        return self.amplitude[..., None, None] * angle.sin()


class Procedural:
    """Endless samples with exact motion.

    Args:
        layers: in front of the background, at most.
        fastest: length of the fastest motion, pixels a gap.
        estimator: whose flow the network is to correct; DIS when None.
        workers: threads that search.
    """

    def __init__(
        self,
        layers: int = 4,
        fastest: float = 40.0,
        estimator: FlowEstimator | None = None,
        workers: int = 2,
    ) -> None:
        self._layers, self._fastest, self._workers = layers, fastest, workers
        self._estimator = estimator or DisFlow(threads=1)

    def draw(self, count: int, size: int, generator: torch.Generator) -> Samples:
        """As ``Footage.draw``."""
        return self.draw_exact(count, size, generator)[0]

    def draw_exact(
        self, count: int, size: int, generator: torch.Generator
    ) -> tuple[Samples, tuple[Tensor, Tensor]]:
        """Samples, and the exact motion from either frame to the other, [N, 2, H, W] pixels."""
        scene = self.compose(count, size, generator)
        phase = torch.rand(count, generator=generator) * 0.8 + 0.1
        phase = torch.where(torch.rand(count, generator=generator) < 0.5, torch.full_like(phase, 0.5), phase)
        times = [torch.full((count,), time) for time in TIMES]
        drawn = [draw(scene, time, size) for time in (*times, phase)]
        gain = 1 + 0.03 * torch.randn(5, count, 1, 1, 1, generator=generator) * (
            torch.rand(1, count, 1, 1, 1, generator=generator) < 0.3
        )
        noise = 0.02 * torch.rand(count, 1, 1, 1, generator=generator)
        pictures = [
            (
                picture * gain[index] + noise * torch.randn(picture.shape, generator=generator)
                if index < len(TIMES)
                else picture * (gain[1] * (1 - phase.view(-1, 1, 1, 1)) + gain[2] * phase.view(-1, 1, 1, 1))
            ).clamp(0, 1)
            for index, (picture, _) in enumerate(drawn)
        ]
        exact = (
            move(scene, drawn[1][1], times[1], times[2], size),
            move(scene, drawn[2][1], times[2], times[1], size),
        )
        return self._observe(pictures, phase), exact

    def compose(
        self, count: int, size: int, generator: torch.Generator
    ) -> list[tuple[Motion, Tensor, Tensor]]:
        """``count`` scenes for pictures of ``size`` x ``size``, as ``draw`` and ``move`` take them: motion, colours and
        coverage of the layers, from the background on.
        """
        return [self._layer(count, size, generator, depth) for depth in range(self._layers + 1)]

    def _observe(self, pictures: list[Tensor], phase: Tensor) -> Samples:
        around = [picture.permute(0, 2, 3, 1).contiguous().numpy() for picture in pictures[: len(TIMES)]]
        with ThreadPoolExecutor(self._workers) as pool:
            seen = list(pool.map(lambda four: observe(four, self._estimator), zip(*around, strict=True)))

        def stack(name: str, index: int) -> Tensor:
            arrays = np.stack([getattr(one, name)[index] for one in seen])
            return torch.from_numpy(arrays).permute(0, 3, 1, 2).contiguous()

        def pasts(index: int) -> tuple[Tensor, Tensor]:
            flow = torch.from_numpy(np.stack([one.pasts[index].flow for one in seen]))
            trust = torch.from_numpy(np.stack([one.pasts[index].trust for one in seen]))
            return flow.permute(0, 3, 1, 2).contiguous(), trust[:, None].contiguous()

        (before, trust_before), (after, trust_after) = pasts(0), pasts(1)
        return Samples(
            (pictures[1], pictures[2]), pictures[4], phase.view(-1, 1, 1, 1),
            (stack("flows", 0), stack("flows", 1)), (stack("inverses", 0), stack("inverses", 1)),
            (before, after), (trust_before, trust_after),
        )  # fmt: skip

    def _layer(
        self, count: int, size: int, generator: torch.Generator, depth: int
    ) -> tuple[Motion, Tensor, Tensor]:
        """Motion, colours [N, 3, T, T] and coverage [N, 1, T, T] of the layers at one depth; depth 0 is behind."""

        def uniform(*shape: int) -> Tensor:
            return torch.rand(shape, generator=generator) * 2 - 1

        side = round(size * _TEXTURE)
        speed = self._fastest * torch.rand(count, 1, generator=generator).square() * (1 if depth else 0.5)
        angle = math.pi * uniform(count, 1)
        velocity = speed * torch.cat([angle.cos(), angle.sin()], 1)
        bent = torch.rand(count, 1, generator=generator) < 0.5
        motion = Motion(
            centre=size / 2 + uniform(count, 2) * size * (0.45 if depth else 0.0),
            velocity=velocity,
            acceleration=velocity * 0.3 * uniform(count, 1),
            spin=0.12 * uniform(count) ** 3,
            growth=0.08 * uniform(count) ** 3,
            amplitude=0.015 * size * uniform(count, 2) * bent,
            wave=uniform(count, 2, 2) * 2 * math.pi / (0.4 * size),
            offset=math.pi * uniform(count, 2),
        )
        colours = paint(count, side, generator)
        coverage = torch.ones(count, 1, side, side) if depth == 0 else cut_out(count, side, size, generator)
        return motion, colours, coverage


def paint(count: int, side: int, generator: torch.Generator) -> Tensor:
    """Textures [N, 3, side, side] in [0, 1]: octaves of noise, each sample with its own roughness and contrast."""
    total = torch.zeros(count, 3, side, side)
    rough = 0.35 + 0.5 * torch.rand(count, 1, 1, 1, generator=generator)
    cells, strength = 2, torch.ones(count, 1, 1, 1)
    while cells < side:
        grey = torch.rand(count, 1, cells, cells, generator=generator)
        colour = torch.rand(count, 3, cells, cells, generator=generator)
        grown = functional.interpolate(
            0.6 * grey + 0.4 * colour - 0.5, size=(side, side), mode="bicubic", align_corners=False
        )
        total = total + strength * grown
        cells, strength = cells * 2, strength * rough
    base = torch.rand(count, 3, 1, 1, generator=generator)
    contrast = 0.3 + torch.rand(count, 1, 1, 1, generator=generator)
    return (base + contrast * total).clamp(0, 1)


def cut_out(count: int, side: int, size: int, generator: torch.Generator) -> Tensor:
    """Coverage [N, 1, side, side]: blobs with ragged outlines, or bars, some of them thin."""
    axis = torch.linspace(-side / 2, side / 2, side)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    radius = size * (0.08 + 0.3 * torch.rand(count, 1, 1, generator=generator))
    ragged = functional.interpolate(
        torch.randn(count, 1, 8, 8, generator=generator),
        size=(side, side),
        mode="bicubic",
        align_corners=False,
    )[:, 0]
    blob = radius - (x.square() + y.square()).sqrt() + 0.25 * radius * ragged
    angle = math.pi * torch.rand(count, 1, 1, generator=generator)
    thick = 1.5 + 0.06 * size * torch.rand(count, 1, 1, generator=generator).square()
    across = (x * angle.cos() + y * angle.sin()).abs()
    along = (y * angle.cos() - x * angle.sin()).abs()
    bar = torch.minimum(thick - across, 1.5 * radius - along)
    inside = torch.where(torch.rand(count, 1, 1, generator=generator) < 0.3, bar, blob)
    return (inside + 0.5).clamp(0, 1)[:, None]


def draw(scene: list[tuple[Motion, Tensor, Tensor]], time: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """The scene at times [N]: its picture [N, 3, size, size], and which layer each pixel shows [N, 1, size, size]."""
    at = places(size, size, time.device)
    count = time.shape[0]
    picture = torch.zeros(count, 3, size, size, device=time.device)
    shown = torch.zeros(count, 1, size, size, dtype=torch.long, device=time.device)
    for depth, (motion, colours, coverage) in enumerate(scene):
        point = motion.find(at.expand(count, -1, -1, -1), time)
        grid = (point / (colours.shape[-1] / 2)).permute(0, 2, 3, 1)
        colour = functional.grid_sample(colours, grid, padding_mode="reflection", align_corners=False)
        cover = torch.ones_like(colour[:, :1])
        if depth:
            cover = functional.grid_sample(coverage, grid, padding_mode="zeros", align_corners=False)
        picture = picture + cover * (colour - picture)
        shown = torch.where(cover > 0.5, depth, shown)
    return picture, shown


def move(
    scene: list[tuple[Motion, Tensor, Tensor]], shown: Tensor, start: Tensor, end: Tensor, size: int
) -> Tensor:
    """The exact motion of every pixel from the times ``start`` to ``end`` [N], [N, 2, size, size] pixels."""
    at = places(size, size, start.device).expand(start.shape[0], -1, -1, -1)
    flow = torch.zeros_like(at)
    for depth, (motion, _, _) in enumerate(scene):
        moved = motion.place(motion.find(at, start), end) - at
        flow = torch.where(shown == depth, moved, flow)
    return flow
