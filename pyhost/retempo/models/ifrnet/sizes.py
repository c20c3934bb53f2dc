"""How large is each IFRNet? Imports no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Size:
    """Widths of a network.

    Attributes:
        levels: channels of the features at 1/2, 1/4, 1/8 and 1/16 of the size.
        side: channels, the last ones, that a residual block treats once more.
        stem: side of the first convolution's kernel.
        reference: takes a third picture of which it knows the instant.
        parameters: trainable numbers.
    """

    levels: tuple[int, int, int, int]
    side: int
    stem: int
    parameters: int
    reference: bool = False


SIZES: Final = {
    "base": Size((32, 48, 72, 96), 32, 3, 4_959_692),
    "small": Size((24, 36, 54, 72), 24, 3, 2_803_610),
    "large": Size((64, 96, 144, 192), 64, 7, 19_699_460),
    "base-d": Size((32, 48, 72, 96), 32, 3, 4_959_692),
    "base-dr": Size((32, 48, 72, 96), 32, 3, 5_127_308, reference=True),
}
"""By variant; ``base-d`` is ``base`` with weights trained on distances."""
