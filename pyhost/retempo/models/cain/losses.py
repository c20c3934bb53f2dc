"""What was CAIN trained to do? Nothing but to come near the truth, pixel by pixel."""

from __future__ import annotations

from torch import Tensor, nn

from retempo.models.engine import Batch


def loss(network: nn.Module, batch: Batch) -> Tensor:
    """Mean absolute error of the picture halfway."""
    made, _ = network(*batch.frames)
    error: Tensor = (made - batch.truth).abs().mean()
    return error
