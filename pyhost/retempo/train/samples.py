"""What is one training sample? Two frames, what lies between them, and every motion that was found around them."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from retempo.train.turning import mirror, transpose


@dataclass(frozen=True)
class Samples:
    """A batch. Pairs are of the earlier frame and the later one.

    Attributes:
        frames: two of [N, 3, H, W], flow space, [0, 1].
        truth: [N, 3, H, W], the picture at phase ``phase``.
        phase: [N, 1, 1, 1] in (0, 1).
        flows: two of [N, 2, H, W] pixels, from each frame to the other.
        inverses: the same motions as the flows of the other frame say (inverted).
        pasts: two of [N, 2, H, W] pixels, from each frame away from the gap, to the frame past it.
        trusts: two of [N, 1, H, W] in [0, 1], how far to trust the pasts.
    """

    frames: tuple[Tensor, Tensor]
    truth: Tensor
    phase: Tensor
    flows: tuple[Tensor, Tensor]
    inverses: tuple[Tensor, Tensor]
    pasts: tuple[Tensor, Tensor]
    trusts: tuple[Tensor, Tensor]

    def to(self, device: str) -> Samples:
        """Return the same on a device."""
        return self._map(lambda tensor: tensor.to(device))

    def _map(self, change: object) -> Samples:
        assert callable(change)
        return Samples(
            **{
                field.name: (
                    tuple(change(one) for one in value) if isinstance(value, tuple) else change(value)
                )
                for field in fields(self)
                for value in [getattr(self, field.name)]
            }
        )


def vary(samples: Samples, generator: torch.Generator) -> Samples:
    """Return the batch mirrored, turned, backwards in time and with its colours exchanged, each by chance.

    What chance says holds for the whole batch.
    """
    toss = (torch.rand(5, generator=generator) < 0.5).tolist()
    if toss[0]:
        samples = samples._map(lambda plane: mirror(plane, -1))
    if toss[1]:
        samples = samples._map(lambda plane: mirror(plane, -2))
    if toss[2]:
        samples = samples._map(transpose)
    if toss[3]:
        samples = _reverse(samples)
    if toss[4]:
        order = torch.randperm(3, generator=generator)
        one, other = (frame[:, order] for frame in samples.frames)
        samples = replace(samples, frames=(one, other), truth=samples.truth[:, order])
    return samples


def _reverse(samples: Samples) -> Samples:
    turned = {
        name: getattr(samples, name)[::-1] for name in ("frames", "flows", "inverses", "pasts", "trusts")
    }
    return replace(samples, phase=1 - samples.phase, **turned)
