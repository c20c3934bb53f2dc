"""Which scale has each latent, to the bit, on any machine? The hyperprior's decoder in whole numbers.

Weights are multiples of 2^-12 below 16, what goes between the layers multiples of 2^-8 below 4096. The sums
stay below
2^51, so float64 holds them exactly, whatever the order or number of threads in which they are added: a
convolution in
float64 is then integer arithmetic. The level of a scale is the rounded result.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
import torch.nn.functional as functional
from numpy.typing import NDArray

from retempo.codec.priors import LEVELS, Hyperprior
from retempo.errors import InputError

_WEIGHT, _INSIDE = 12, 8
"""Binary digits after the point."""
_WEIGHT_LIMIT: Final = 1 << 16
_INSIDE_LIMIT: Final = 1 << 20
SECOND_LIMIT: Final = 1 << 10
"""Second latents are clipped to this on both sides."""
_NAMES: Final = ("weight0", "bias0", "weight1", "bias1")


@dataclass(frozen=True)
class ExactScales:
    """The two layers.

    Attributes:
        weight0: [W, W, 5, 5] of the transposed convolution, in 2^-12. bias0: [W], in 2^-12.
        weight1: [M, W, 3, 3], in 2^-12. bias1: [M], in 2^-20.
    """

    weight0: NDArray[np.int32]
    bias0: NDArray[np.int32]
    weight1: NDArray[np.int32]
    bias1: NDArray[np.int32]

    @classmethod
    def of(cls, prior: Hyperprior) -> ExactScales:
        """Round a network's weights."""

        def whole(values: torch.Tensor, digits: int, limit: int) -> NDArray[np.int32]:
            scaled = torch.round(values.detach().cpu().double() * (1 << digits))
            return scaled.clamp(-limit, limit).numpy().astype(np.int32)

        first, _, second = prior.up
        return cls(
            whole(first.weight, _WEIGHT, _WEIGHT_LIMIT), whole(first.bias, _WEIGHT, 1 << 24),
            whole(second.weight, _WEIGHT, _WEIGHT_LIMIT), whole(second.bias, _WEIGHT + _INSIDE, 1 << 30),
        )  # fmt: skip

    def levels(self, second: NDArray[np.int64]) -> NDArray[np.int64]:
        """Levels [M, 2h, 2w], 0 to 63, from second latents [W, h, w]."""
        x = torch.from_numpy(np.clip(second, -SECOND_LIMIT, SECOND_LIMIT).astype(np.float64))[None]
        weight0, bias0, weight1, bias1 = (torch.from_numpy(one.astype(np.float64)) for one in self._parts())
        x = functional.conv_transpose2d(x, weight0, bias0, 2, 2, 1).clamp_min(0)
        x = torch.floor(x / (1 << (_WEIGHT - _INSIDE))).clamp_max(_INSIDE_LIMIT)
        x = functional.conv2d(x, weight1, bias1, 1, 1)
        half = 1 << (_WEIGHT + _INSIDE - 1)
        found = torch.floor((x + half) / (1 << (_WEIGHT + _INSIDE))).clamp(0, LEVELS - 1)
        return found[0].numpy().astype(np.int64)

    def pack(self, prefix: str) -> dict[str, NDArray[np.int32]]:
        """As arrays for a file."""
        return {f"{prefix}.{name}": part for name, part in zip(_NAMES, self._parts(), strict=True)}

    @classmethod
    def unpack(
        cls, arrays: Mapping[str, NDArray[np.int32]], prefix: str, width: int, latent: int
    ) -> ExactScales:
        """Read what ``pack`` made.

        Raises:
            InputError: a layer is not there, of another size, or out of the range that is exact.
        """
        shapes = ((width, width, 5, 5), (width,), (latent, width, 3, 3), (latent,))
        limits = (_WEIGHT_LIMIT, 1 << 24, _WEIGHT_LIMIT, 1 << 30)
        parts = []
        for name, shape, limit in zip(_NAMES, shapes, limits, strict=True):
            part = arrays.get(f"{prefix}.{name}")
            if part is None or part.shape != shape or int(np.abs(part.astype(np.int64)).max()) > limit:
                raise InputError(
                    f"the weights' scales {prefix}.{name} do not fit the network", "train them again"
                )
            parts.append(part)
        return cls(*parts)

    def _parts(self) -> tuple[NDArray[np.int32], ...]:
        return self.weight0, self.bias0, self.weight1, self.bias1
