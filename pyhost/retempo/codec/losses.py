"""What does a codec network minimise? Bits, and lambda times what the picture lacks."""

from __future__ import annotations

from typing import Final

from torch import Tensor

from retempo.codec.network import UNIT, Made, Reconstruction

PEAK: Final = 255.0**2


def rate_distortion(found: Reconstruction, target: Tensor, weight: float) -> Tensor:
    """Mean of bits a pixel + lambda * MSE of 8-bit codes; motion has no distortion of its own.

    With a residual, half of the weight is on the picture before it, so that both latents stay useful.
    """
    area = target.shape[-2] * target.shape[-1]
    rate = ((found.bits + found.residual_bits) / area).mean()
    wrong = (found.picture - target).square().mean()
    if found.picture is not found.made.picture:
        wrong = 0.5 * (wrong + (found.made.picture - target).square().mean())
    return rate + weight * PEAK * wrong


def rate_motion(made: Made, flows: Tensor, bits: Tensor, weight: float) -> Tensor:
    """Mean of bits a pixel + lambda * error of the motion, the baseline's loss: the picture plays no part.

    Args:
        made: decoded. flows: [N, n, 2, H, W] pixels, what the estimator found.
        bits: [N]. weight: lambda, of squared 20ths of a pixel on the scale of 8-bit codes.
    """
    area = flows.shape[-2] * flows.shape[-1]
    return (bits / area).mean() + weight * PEAK * ((made.flows - flows) / UNIT).square().mean()
