"""What is UGSP trained with? First interpolation and its uncertainty, then masks that follow it.

Phase 1 (``ugsp:dense``) refines everything. Phase 2 (``ugsp:base``), best begun from its weights, learns to leave out
what is certain anyway.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from retempo.models.engine import Batch
from retempo.models.losses import geometry
from retempo.models.padding import pad_to_multiple
from retempo.models.ugsp.choosing import by_chance, everything
from retempo.models.ugsp.network import MULTIPLE, Pruned, Ugsp

KEPT: Final = 0.5
"""Part of the mask's pixels that training aims at, S_t."""

SPARSITY, GUIDANCE, CONTRAST = 1.0, 0.1, 0.1
"""Weights of the losses beside the reconstruction."""


def learn_uncertainty(network: nn.Module, batch: Batch) -> Tensor:
    """Phase 1: mean of exp(-U) |truth - made| + 2 U, for both networks."""
    assert isinstance(network, Ugsp)
    earlier, later, truth = _pad(batch)
    made, _ = network(earlier, later, batch.time)
    return uncertain(truth - made, network.uncertainty(earlier, made.detach(), later))


def learn_pruning(network: nn.Module, batch: Batch) -> Tensor:
    """Phase 2: reconstruction, sparsity, guidance by uncertainty, self-contrast.

    The uncertainty network goes on learning, from what everything refined would have been; that reaches nothing else.
    """
    assert isinstance(network, Ugsp)
    earlier, later, truth = _pad(batch)
    made, pruned = network(earlier, later, batch.time, by_chance)
    whole, dense = network(earlier, later, batch.time, everything)
    log_scale = network.uncertainty(earlier, whole.detach(), later)
    total = (truth - made).abs().mean()
    total = total + SPARSITY * sparsity(pruned.kept, KEPT)
    total = total + GUIDANCE * guidance(pruned.kept, log_scale, KEPT)
    total = total + CONTRAST * ((truth - whole).abs().mean() + contrast(pruned, dense))
    return total + uncertain((truth - whole).detach(), log_scale)


def uncertain(error: Tensor, log_scale: Tensor) -> Tensor:
    """Mean of exp(-U) |error| + 2 U.

    Args:
        error: [N, 3, H, W]; |error| is the mean of the channels. log_scale: U, [N, 1, H, W].
    """
    return (torch.exp(-log_scale) * error.abs().mean(1, keepdim=True) + 2 * log_scale).mean()


def sparsity(kept: list[Tensor], aim: float) -> Tensor:
    """How far the kept part of all levels' pixels together is from the aim.

    Args:
        kept: masks [N, 1, h, w] of 0 and 1. aim: in [0, 1].
    """
    pixels = sum(one.numel() for one in kept)
    total = kept[0].sum()
    for one in kept[1:]:
        total = total + one.sum()
    return (total / pixels - aim).abs()


def guidance(kept: list[Tensor], log_scale: Tensor, aim: float) -> Tensor:
    """Sum over the levels of the mean distance of their masks from where the uncertainty is greatest.

    Args:
        kept: masks [N, 1, H / 2^k, W / 2^k], k = 1, 2, 3. log_scale: [N, 1, H, W]. aim: part of each picture that is
            greatest.
    """
    label = most_uncertain(log_scale, aim)
    total = log_scale.new_zeros(())
    for level, one in enumerate(kept, 1):
        total = total + (functional.avg_pool2d(label, 2**level) - one).abs().mean()
    return total


def most_uncertain(log_scale: Tensor, aim: float) -> Tensor:
    """1 for that part of each picture's pixels where it is greatest, else 0; [N, 1, H, W], no gradient."""
    flat = log_scale.detach().flatten(1)
    least = flat.shape[1] - round(aim * flat.shape[1])
    if least == 0:
        return torch.ones_like(log_scale)
    threshold = flat.kthvalue(least, dim=1, keepdim=True).values
    return (flat > threshold).to(flat.dtype).view_as(log_scale)


def contrast(pruned: Pruned, dense: Pruned) -> Tensor:
    """Census distance of the features from those with everything refined, which do not move; summed over levels."""
    total = pruned.mask.new_zeros(())
    for one, other in zip(pruned.features, dense.features, strict=True):
        total = total + geometry(one, other.detach())
    return total


def _pad(batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    """Both frames and the truth, sides multiples of 16."""
    (earlier, _), (later, _), (truth, _) = (
        pad_to_multiple(one, MULTIPLE, "replicate") for one in (*batch.frames, batch.truth)
    )
    return earlier, later, truth
