"""How was IFRNet trained? Its own objective, and that of the networks which are told distances."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from retempo.models.engine import Batch, Objective
from retempo.models.ifrnet.network import IfrNet, Interpolated, Pyramid, Refined, grow, mean_of
from retempo.models.indexing import find_distance
from retempo.models.losses import charbonnier, geometry, ternary

WEIGHT = 0.01
"""Of the geometry and of the distillation, beside the reconstruction."""


def objective(variant: str) -> Objective:
    """The loss of a variant: ``teach_distances`` of those with ``-d`` or ``-dr``, else ``teach_time``."""
    return teach_distances if variant.endswith(("-d", "-dr")) else teach_time


def teach_time(network: nn.Module, batch: Batch) -> Tensor:
    """Charbonnier + census + 0.01 geometry, + 0.01 distillation where the batch holds flows.

    Raises:
        InputError: pictures whose sides are no multiples of 16.
    """
    assert isinstance(network, IfrNet)
    first, second, mean = _centre(batch)
    with_truth = network.encode(batch.truth - mean)
    found = network.refine(network.encode(first), network.encode(second), batch.time)
    made = network.merge(first, second, mean, found)
    total = rebuild(made.image, batch.truth)
    total = total + WEIGHT * sum(
        geometry(one, other) for one, other in zip(found.features, with_truth[:3], strict=True)
    )
    return total if batch.flows is None else total + WEIGHT * distil(found, made, batch.flows)


def teach_distances(network: nn.Module, batch: Batch) -> Tensor:
    """Charbonnier + census, the network being told how far each pixel has come (``distances``).

    A network with a reference gets the earlier picture at instant 0 for half of the batches, and for the others what it
    makes itself of an instant before, without gradient.

    Raises:
        InputError: pictures whose sides are no multiples of 16.
    """
    assert isinstance(network, IfrNet)
    first, second, mean = _centre(batch)
    features = network.encode(first), network.encode(second)
    instant = distances(batch)
    reference = None
    if network.reference:
        reference = features[0], torch.zeros_like(instant)
        if torch.rand(()) < 0.5:
            before = instant * torch.rand_like(batch.time)
            reference = _own(network, (first, second, mean), features, reference, before)
    found = network.refine(*features, instant, reference)
    return rebuild(network.merge(first, second, mean, found).image, batch.truth)


def rebuild(made: Tensor, truth: Tensor) -> Tensor:
    """Charbonnier error and census loss of two pictures [N, 3, H, W] in [0, 1]."""
    return charbonnier(made - truth) + ternary(made, truth)


def distil(found: Refined, made: Interpolated, flows: tuple[Tensor, Tensor]) -> Tensor:
    """Motion as a teacher saw it, at 1/2, 1/4 and 1/8 of the size, trusted where the network has come near it.

    With p = exp(-0.3 |flow - teacher|) a pixel costs (d^2 + e^2)^(p/2), e = 10^(-(10 p - 1) / 3): nearly |d| where the
    network agrees, nearly constant where it does not.

    Args:
        found, made: of ``refine`` and ``merge``.
        flows: [N, 2, H, W] pixels, truth -> earlier, later.
    """
    total = found.mask.new_zeros(())
    for levels, final, taught in zip(
        (found.flows0, found.flows1), (made.flow0, made.flow1), flows, strict=True
    ):
        power = torch.exp(-0.3 * (final.detach() - taught).square().sum(1, keepdim=True).sqrt())
        soft = 10 ** (-(10 * power - 1) / 3)
        for level in (1, 2, 3):
            error = 2**level * grow(levels[level], 2**level) - taught
            total = total + ((error.square() + soft.square()) ** (power / 2)).mean()
    return total


def distances(batch: Batch) -> Tensor:
    """How far each pixel has come: the batch's own map, else on the grid of the truth by its flows, else the time.

    Returns:
        [N, 1, H, W] in [0, 1], or [N, 1, 1, 1].
    """
    if batch.flows is None or batch.time.shape[-2:] != (1, 1):
        return batch.time
    to_earlier, to_later = batch.flows
    return find_distance(-to_earlier, to_later - to_earlier, batch.time)


def _centre(batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    """Both frames less their common mean, and that mean."""
    mean = mean_of(*batch.frames)
    return batch.frames[0] - mean, batch.frames[1] - mean, mean


@torch.no_grad()  # type: ignore[untyped-decorator]
def _own(
    network: IfrNet,
    pictures: tuple[Tensor, Tensor, Tensor],
    features: tuple[Pyramid, Pyramid],
    reference: tuple[Pyramid, Tensor],
    instant: Tensor,
) -> tuple[Pyramid, Tensor]:
    """The network's own picture at an instant, as a reference."""
    first, second, mean = pictures
    made = network.merge(first, second, mean, network.refine(*features, instant, reference))
    return network.encode(made.image - mean), instant
