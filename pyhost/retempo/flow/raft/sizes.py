"""How large are the two networks of the paper? Needs no PyTorch, so that names can be checked without it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

STRIDE: Final = 8
"""Pixels of the picture to one place of the feature maps, both ways."""

LEAST: Final = 128
"""Least side of a picture, pixels: below it the coarsest of the four levels would have a single row or column."""


@dataclass(frozen=True)
class RaftSize:
    """What differs between the large and the small network.

    Attributes:
        widths: channels of the encoders' stem and three stages.
        features: channels of a picture's feature map.
        hidden, context: channels of the recurrent state, and of what it is told about the first picture.
        correlated: channels that the looked-up correlations are turned into, layer by layer.
        moved: channels that the flow is turned into, by two layers.
        motion: channels of the two together, the flow itself included.
        head: channels inside the layers that read a step of the flow out of the state.
        radius: places looked at around the present guess, in each direction.
        levels: of the correlation pyramid.
        bottleneck: blocks of three convolutions in place of two.
        parameters: trainable numbers, all together.
    """

    widths: tuple[int, int, int, int]
    features: int
    hidden: int
    context: int
    correlated: tuple[int, ...]
    moved: tuple[int, int]
    motion: int
    head: int
    radius: int
    bottleneck: bool
    parameters: int
    levels: int = 4

    @property
    def looked_up(self) -> int:
        """Correlations that are looked up for one place."""
        return self.levels * (2 * self.radius + 1) ** 2


SIZES: Final[dict[str, RaftSize]] = {
    "large": RaftSize(
        widths=(64, 64, 96, 128), features=256, hidden=128, context=128, correlated=(256, 192), moved=(128, 64),
        motion=128, head=256, radius=4, bottleneck=False, parameters=5_257_536,
    ),
    "small": RaftSize(
        widths=(32, 32, 64, 96), features=128, hidden=96, context=64, correlated=(96,), moved=(64, 32),
        motion=82, head=128, radius=3, bottleneck=True, parameters=990_162,
    ),
}  # fmt: skip
