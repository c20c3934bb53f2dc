"""What were FILM's three models trained to do? L1, and with it what VGG-19 sees, and how that is distributed."""

from __future__ import annotations

from typing import Final

from torch import Tensor, nn

from retempo.models.engine import Batch, Objective
from retempo.models.vgg import gram, open_vgg

SCALES: Final = (1 / 2.6, 1 / 4.8, 1 / 3.7, 1 / 5.6, 10 / 1.5)
"""Of the five sets of features. Source: Chen, Koltun, "Photographic image synthesis", ICCV 2017."""

WEIGHTS: Final = {
    ("l1", 1): (1.0, 0.0, 0.0),
    ("l1", 2): (1.0, 0.0, 0.0),
    ("vgg", 1): (1.0, 1.0, 0.0),
    ("vgg", 2): (1.0, 0.25, 0.0),
    ("style", 1): (1.0, 1.0, 0.0),
    ("style", 2): (1.0, 0.25, 40.0),
}
"""Of L1, features and style, before and after the authors' 1.5 millionth step."""


def objective(variant: str, vgg: str = "", stage: int = 2) -> Objective:
    """The published loss of a variant.

    Args:
        variant: ``style``, ``l1`` or ``vgg``.
        vgg: file with the weights of VGG-19; see ``open_vgg``. ``l1`` needs none.
        stage: 1 before, 2 after the 1.5 millionth of 3 million steps.

    Raises:
        UsageError, InputError, WeightsError: as ``open_vgg``.
    """
    plain, seen, style = WEIGHTS[variant, stage]
    eye = open_vgg(vgg) if seen or style else None

    def loss(network: nn.Module, batch: Batch) -> Tensor:
        made = network(*batch.frames, batch.time)
        total: Tensor = plain * (made - batch.truth).abs().mean()
        if eye is not None:
            features = eye.to(made.device)(made), eye(batch.truth)
            total = total + seen * compare_features(*features)
            if style:
                total = total + style * compare_styles(*features)
        return total

    return loss


def compare_features(made: list[Tensor], truth: list[Tensor]) -> Tensor:
    """Mean absolute difference of each set, weighted, over 255. Source: FILM, section 4; losses/vgg19_loss.py."""
    pairs = zip(SCALES, made, truth, strict=True)
    return (
        sum((scale * (one - other).abs().mean() for scale, one, other in pairs), made[0].new_zeros(())) / 255
    )


def compare_styles(made: list[Tensor], truth: list[Tensor]) -> Tensor:
    """Mean squared difference of the Gram matrices of each set over 255, weighted. Source: as above."""
    pairs = zip(SCALES, made, truth, strict=True)
    return sum(
        (scale * (gram(one / 255) - gram(other / 255)).square().mean() for scale, one, other in pairs),
        made[0].new_zeros(()),
    )
