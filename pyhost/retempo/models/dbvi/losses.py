"""What is DBVI trained with? Absolute error of every stage's picture, the later ones counting more."""

from __future__ import annotations

from torch import Tensor, nn

from retempo.models.dbvi import FLOW
from retempo.models.dbvi.motion import find_estimator, find_paths
from retempo.models.dbvi.network import MULTIPLE
from retempo.models.engine import Batch, Objective
from retempo.models.padding import find_padding

SHARES = {"8x": (0.2, 0.4, 1.0, 1.0), "2x": (1.0,) * 6}
"""Of every stage's picture in the loss."""


def make_objective(variant: str) -> Objective:
    """Loss on a batch: sum over the stages of the share times mean |made - truth|, pictures in [-1, 1].

    The motion is estimated as the engine does by default; it carries no gradient.
    """
    estimator = find_estimator(FLOW, "cpu")

    def measure(network: nn.Module, batch: Batch) -> Tensor:
        height, width = batch.truth.shape[-2:]
        margins = find_padding(height, width, MULTIPLE, centred=False)
        flow0t, flow1t = find_paths([margins.pad(one) for one in batch.frames], estimator).at(batch.time)
        made = network([2 * one - 1 for one in batch.frames], flow0t, flow1t, batch.time).images
        return weigh(made, 2 * batch.truth - 1, SHARES[variant])

    return measure


def weigh(made: list[Tensor], truth: Tensor, shares: tuple[float, ...]) -> Tensor:
    """The stages' errors, each by its share.

    Args:
        made: [N, 3, H, W] a stage. truth: [N, 3, H, W]. shares: one a stage.
    """
    errors = [share * (one - truth).abs().mean() for one, share in zip(made, shares, strict=True)]
    total = errors[0]
    for one in errors[1:]:
        total = total + one
    return total
