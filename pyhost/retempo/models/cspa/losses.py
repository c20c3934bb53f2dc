"""What is CSPA trained with? The true picture, and texture that the frames have."""

from __future__ import annotations

from typing import Final

from torch import Tensor, nn

from retempo.models.cspa.network import MULTIPLE
from retempo.models.engine import Batch
from retempo.models.padding import pad_to_multiple
from retempo.models.texture import texture_consistency

ALPHA: Final = 0.1
"""How much texture consistency counts."""


def measure(network: nn.Module, batch: Batch) -> Tensor:
    """Mean |made - truth| + 0.1 texture consistency."""
    earlier, later = batch.frames
    (first, margins), (second, _) = (pad_to_multiple(one, MULTIPLE, centred=False) for one in batch.frames)
    made = margins.crop(network(first, second))
    return (made - batch.truth).abs().mean() + ALPHA * texture_consistency(made, earlier, later)
