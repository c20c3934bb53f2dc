"""What does the engine make of flows and trust, as a function that learns? The splatting pipeline with gradients.

The same equations as ``synthesis.pipeline`` and the native ``synthesize`` (a test holds them together), in torch, for
two frames. Gradients reach the flow through the place where a pixel lands and through what it carries there; the
metrics are looked at as they are (no gradient), the trust that multiplies them learns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from retempo import ops
from retempo.flow.neural.measures import Agreement, agree, look_up, places
from retempo.flow.neural.network import FlowRefiner, Refined
from retempo.synthesis.options import SynthesisOptions
from retempo.train.samples import Samples

NOTHING: Final = 1e-8
"""Where candidates weigh less than this together, the frames are blended."""


@dataclass(frozen=True)
class Made:
    """What came out: the picture [N, 3, H, W], where nothing arrived [N, 1, H, W], and what the network said."""

    picture: Tensor
    hole: Tensor
    refined: Refined | None


def synthesize(
    samples: Samples, network: FlowRefiner | None, options: SynthesisOptions | None = None, threads: int = 0
) -> Made:
    """Make the picture at each sample's phase from its two frames.

    Args:
        samples: a batch; H and W even.
        network: corrects the flows; None takes them as they are (the default engine).
        options: metrics, footprint and sigma; the defaults when None.
        threads: CPU threads of the native operators, 0 for all.
    """
    options = options or SynthesisOptions()
    count = samples.truth.shape[0]
    own = torch.cat(samples.frames)
    other = torch.cat(samples.frames[::-1])
    opinions = torch.cat(samples.flows), torch.cat(samples.inverses)
    refined = None
    if network is not None:
        refined = network.correct(own, opinions)
        opinions = refined.flows[0], refined.flows[1]
    along = torch.cat([samples.phase, 1 - samples.phase])
    weight = 1 - along
    past, trust = torch.cat(samples.pasts), torch.cat(samples.trusts)
    total, weights = torch.zeros_like(samples.truth), torch.zeros_like(samples.truth[:, :1])
    for index, flow in enumerate(opinions):
        splat, merge = _metrics(own, other, flow, count, options)
        if refined is not None:
            splat, merge = splat * refined.trusts[index], merge * refined.trusts[index]
        bend = trust * (past + flow) / 2
        picture, arrived = _arrive(own, flow, splat, merge, bend, along, options, threads)
        share = weight * arrived
        total = total + share[:count] * picture[:count] + share[count:] * picture[count:]
        weights = weights + share[:count] + share[count:]
    hole = weights <= NOTHING
    blend = (1 - samples.phase) * samples.frames[0] + samples.phase * samples.frames[1]
    return Made(torch.where(hole, blend, total / weights.clamp_min(NOTHING)), hole, refined)


@torch.no_grad()  # type: ignore[untyped-decorator]
def _metrics(
    own: Tensor, other: Tensor, flow: Tensor, count: int, options: SynthesisOptions
) -> tuple[Tensor, Tensor]:
    """The splat and merge metrics of one opinion, as ``metrics.importance`` defines them."""
    back = torch.cat([flow[count:], flow[:count]])
    _, seen = agree(own, other, flow, back)
    chosen = options.importance
    splat = _importance(seen, chosen.splat_photo, chosen.splat_flow, chosen.splat_variance)
    merge = _importance(seen, chosen.merge_photo, chosen.merge_flow, chosen.merge_variance)
    return chosen.temperature * splat, merge**options.merge_exponent


def _importance(seen: Agreement, photo: float, flow: float, variance: float) -> Tensor:
    return 1 / (1 + photo * seen.photo) + 1 / (1 + flow * seen.flow) + 1 / (1 + variance * seen.variance)


def _arrive(
    own: Tensor,
    flow: Tensor,
    splat: Tensor,
    merge: Tensor,
    bend: Tensor,
    along: Tensor,
    options: SynthesisOptions,
    threads: int,
) -> tuple[Tensor, Tensor]:
    """What one candidate shows at its phase, and its weight there."""
    moved = (along * (flow + (along - 1) * bend)).contiguous()
    arrived = ops.splat(
        torch.cat([-moved, merge], 1),
        moved,
        splat.contiguous(),
        mode="softmax",
        footprint=options.footprint,
        sigma=options.sigma,
        coverage=False,
        threads=threads,
        check_finite=False,
    )
    back, weight = arrived.out[:, :2], arrived.out[:, 2:]
    height, width = own.shape[2:]
    x, y = (places(height, width, own.device) + back).split(1, 1)
    inside = (x >= -0.5) & (x < width - 0.5) & (y >= -0.5) & (y < height - 0.5)
    return look_up(own, back), weight * (inside & ~arrived.hole)
