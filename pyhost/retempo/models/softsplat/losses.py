"""What was SoftSplat trained to do? To make the truth's Laplacian pyramid, or what VGG-19 sees deep in the truth."""

from __future__ import annotations

import torch.nn.functional as functional
from torch import Tensor, nn

from retempo.errors import UsageError
from retempo.models.engine import Batch, Objective
from retempo.models.losses import laplacian
from retempo.models.softsplat.network import SoftSplatNet
from retempo.models.vgg import BLOCKS, Vgg, open_vgg

GROWTH = 2.0
"""Weight of a level of the pyramid, that of the next finer being 1."""


def objective(variant: str, vgg: str = "") -> Objective:
    """The loss of a variant.

    Args:
        variant: ``l1``, the pyramid, or ``lf``, features.
        vgg: file with the weights of VGG-19, for ``lf``; see ``open_vgg``.

    Raises:
        UsageError: ``lf`` without a file.
        InputError, WeightsError: as ``open_vgg``.
    """
    if variant == "l1":
        return compare_pyramids
    if not vgg:
        raise UsageError(
            "softsplat:lf learns from what VGG-19 sees, and its weights are not named",
            "give vgg=FILE (imagenet-vgg-verydeep-19.mat or torchvision's), or train softsplat:l1",
        )
    eye = open_vgg(vgg)

    def compare_features(network: nn.Module, batch: Batch) -> Tensor:
        made = make(network, batch)
        seen = eye.to(made.device)
        return functional.mse_loss(look_deep(seen, made), look_deep(seen, batch.truth))

    return compare_features


def compare_pyramids(network: nn.Module, batch: Batch) -> Tensor:
    """Absolute error of five levels of the Laplacian pyramid, each twice as heavy as the next finer."""
    return laplacian(make(network, batch), batch.truth, 5, GROWTH)


def make(network: nn.Module, batch: Batch) -> Tensor:
    """The picture at the batch's instants, [N, 3, H, W] RGB about [0, 1]; sides must be even."""
    assert isinstance(network, SoftSplatNet)
    earlier, later = (frame.flip(1) for frame in batch.frames)
    return network(earlier, later, [batch.time])[0].flip(1)


def look_deep(eye: Vgg, picture: Tensor) -> Tensor:
    """relu4_4 of VGG-19, [N, 512, H / 8, W / 8], of [N, 3, H, W] in [0, 1]."""
    net = picture * eye.factor - eye.mean
    for index, block in enumerate(BLOCKS[:4]):
        if index:
            net = functional.max_pool2d(net, 2)
        for place in block:
            net = functional.relu(eye.features[str(place)](net))
    return net
