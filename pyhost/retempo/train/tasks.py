"""What is there to train, on which loss?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor

from retempo.flow.dis import DisFlow
from retempo.flow.neural.files import save_network, save_refiner
from retempo.flow.neural.network import FlowRefiner
from retempo.flow.scale import shrink, working_shape
from retempo.flow.upsampler.estimator import KIND as UPSAMPLER_KIND
from retempo.flow.upsampler.network import FlowUpsampler
from retempo.train.differentiable import synthesize
from retempo.train.footage import Footage
from retempo.train.losses import census, photometric, psnr
from retempo.train.procedural import Procedural
from retempo.train.samples import Samples, vary

_CENSUS: Final = 0.02
_LOST: Final = 20.0
"""Pixels of error beyond which a vector teaches nothing more."""
_SOFT: Final = 1e-4
_TRUST: Final = 0.2
"""Weight of the trust's loss beside that of the motion's (pixels)."""


class Batches(Protocol):
    """Where batches come from."""

    def draw(self, count: int, size: int, generator: torch.Generator) -> Samples:
        """``count`` samples of ``size`` x ``size`` pixels."""
        ...


class PictureTask:
    """A network that is judged by the pictures which the splatting makes with it.

    Args:
        module: the network.
        data: where samples come from. held_out: samples that are never trained on.
        batch, size: samples a batch, and their side in pixels (even).
        device: a torch device.
        threads: CPU threads of the native operators.
        step: every ``step``-th held-out sample is looked at.
    """

    def __init__(
        self,
        module: Any,
        data: Batches,
        held_out: Footage,
        *,
        batch: int = 4,
        size: int = 160,
        device: str = "cpu",
        threads: int = 0,
        step: int = 1,
    ) -> None:
        self.module = module.to(device=device, memory_format=torch.channels_last)
        self._data, self._held_out = data, held_out
        self._batch, self._size, self._device, self._threads, self._step = batch, size, device, threads, step

    def loss(self, generator: torch.Generator) -> Tensor:
        """Of a fresh batch: how far its pictures are from the truth."""
        samples = vary(self._data.draw(self._batch, self._size, generator), generator)
        made, truth = self.make(samples, generator), samples.truth.to(self._device)
        return photometric(made, truth) + _CENSUS * census(made, truth)

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def validate(self) -> dict[str, float]:
        """Mean PSNR of the held-out samples, dB."""
        found = [
            psnr(self.make(samples, None), samples.truth.to(self._device))
            for samples in self._held_out.each(self._step)
        ]
        return {"validation": float(torch.cat(found).mean())}

    def make(self, samples: Samples, generator: torch.Generator | None) -> Tensor:
        """The pictures of a batch; without a generator nothing is left to chance."""
        raise NotImplementedError


class SynthesisTask(PictureTask):
    """The flow refiner, trained by what the splatting makes of its flow (end to end); see ``PictureTask``."""

    def __init__(self, data: Batches, held_out: Footage, **options: Any) -> None:
        super().__init__(FlowRefiner(), data, held_out, **options)

    def make(self, samples: Samples, generator: torch.Generator | None) -> Tensor:
        return synthesize(samples.to(self._device), self.module, threads=self._threads).picture

    def save(self, path: Path, facts: Mapping[str, str]) -> None:
        save_refiner(self.module, path, facts)


class UpsamplerTask(PictureTask):
    """The guided upsampler, trained by what the splatting makes of flow that was searched small and grown.

    The search is DIS at half of the sample's size, by chance at a quarter; see ``PictureTask``.
    """

    def __init__(self, data: Batches, held_out: Footage, **options: Any) -> None:
        super().__init__(FlowUpsampler(), data, held_out, **options)

    def make(self, samples: Samples, generator: torch.Generator | None) -> Tensor:
        tossed = generator is not None and float(torch.rand((), generator=generator)) >= 0.5
        height, width = samples.truth.shape[2:]
        small = working_shape(height, width, 0.25 if tossed else 0.5)
        search = DisFlow(threads=1)
        one, other = (frame.permute(0, 2, 3, 1).numpy() for frame in samples.frames)
        found = [search.estimate(shrink(a, small), shrink(b, small)) for a, b in zip(one, other, strict=True)]
        flows = np.stack([pair[index] for index in (0, 1) for pair in found])
        sent = samples.to(self._device)
        grown = self.module.grow(
            torch.from_numpy(flows).permute(0, 3, 1, 2).to(self._device), torch.cat(sent.frames)
        )
        ahead, back = grown.chunk(2)
        both = (ahead, back)
        return synthesize(replace(sent, flows=both, inverses=both), None, threads=self._threads).picture

    def save(self, path: Path, facts: Mapping[str, str]) -> None:
        save_network(self.module, path, UPSAMPLER_KIND, facts)


class MotionTask(SynthesisTask):
    """The flow refiner, taught exact motion: painted scenes, end-point error, and trust that knows of it.

    Trust is to be exp(-error): near 1 where the motion is right, 0 where it is lost.
    """

    def __init__(self, data: Procedural, held_out: Footage, **options: Any) -> None:
        super().__init__(data, held_out, **options)
        self._scenes = data

    def loss(self, generator: torch.Generator) -> Tensor:
        samples, exact = self._scenes.draw_exact(self._batch, self._size, generator)
        samples = samples.to(self._device)
        truth = torch.cat(exact).to(self._device)
        opinions = torch.cat(samples.flows), torch.cat(samples.inverses)
        said = self.module.correct(torch.cat(samples.frames), opinions)
        total = torch.zeros((), device=truth.device)
        for flow, trust in zip(said.flows, said.trusts, strict=True):
            error = (flow - truth).square().sum(1, keepdim=True).add(_SOFT).sqrt()
            right = torch.exp(-error.detach())
            total = total + error.clamp_max(_LOST).mean()
            total = total + _TRUST * functional.binary_cross_entropy(trust, right)
        return total
