"""How are channels divided by each other's energy? Generalised divisive normalisation and its inverse."""

from __future__ import annotations

from typing import Any, Final

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

_PEDESTAL: Final = 2.0**-36
_BETA_MIN: Final = 1e-6


class LowerBound(torch.autograd.Function):
    """max(x, bound), whose gradient passes where x is inside or would be moved inside."""

    @staticmethod
    def forward(context: Any, x: Tensor, bound: float) -> Tensor:
        """Bound."""
        context.save_for_backward(x)
        context.bound = bound
        return x.clamp_min(bound)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """Let the gradient through, unless it pushes what is below further down."""
        (x,) = context.saved_tensors
        (gradient,) = gradients
        return gradient * ((x >= context.bound) | (gradient < 0)), None


class Gdn(nn.Module):
    """y_i = x_i / sqrt(beta_i + sum_j gamma_ij x_j^2); the inverse multiplies (Balle, Laparra, Simoncelli 2016).

    beta >= 1e-6 and gamma >= 0 are kept so by reparametrisation: what is learned is sqrt(value + 2^-36).

    Args:
        channels: of the pictures [N, C, H, W]. inverse: multiply.
    """

    def __init__(self, channels: int, *, inverse: bool = False) -> None:
        super().__init__()
        self.inverse = inverse
        self.beta_root = nn.Parameter((torch.ones(channels) + _PEDESTAL).sqrt())
        self.gamma_root = nn.Parameter((0.1 * torch.eye(channels) + _PEDESTAL).sqrt())

    @property
    def beta(self) -> Tensor:
        """[C], at least 1e-6."""
        bound = (_BETA_MIN + _PEDESTAL) ** 0.5
        return LowerBound.apply(self.beta_root, bound).square() - _PEDESTAL

    @property
    def gamma(self) -> Tensor:
        """[C, C], at least 0; row i weighs what divides channel i."""
        return LowerBound.apply(self.gamma_root, _PEDESTAL**0.5).square() - _PEDESTAL

    def forward(self, x: Tensor) -> Tensor:
        """Normalise [N, C, H, W]."""
        energy = functional.conv2d(x.square(), self.gamma[:, :, None, None], self.beta)
        return x * (energy.sqrt() if self.inverse else energy.rsqrt())
