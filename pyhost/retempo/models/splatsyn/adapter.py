"""How does the splatting take the place of a network? Tensors in, NumPy through ``synthesis``, tensors out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch
from torch import Tensor

from retempo.errors import UsageError
from retempo.flow.base import FlowEstimator
from retempo.flow.catalog import VectorsMarker, parse_flow
from retempo.models.base import Capabilities, Fields, Made, as_time, check_window
from retempo.models.weights import load_weights
from retempo.synthesis.hypotheses import estimate_pairs
from retempo.synthesis.index_maps import back_flow, carry_map, indexed_ways, render_indexed
from retempo.synthesis.options import SynthesisOptions
from retempo.synthesis.pipeline import Prepared, prepare


class SplatsynEngine:
    """The splatting at work, on the CPU.

    Args:
        name, capabilities: see ``Interpolator``.
        flow: estimators, as --flow takes them.

    Raises:
        UsageError: there is no such estimator, or it reads vectors from files.
    """

    def __init__(self, name: str, capabilities: Capabilities, flow: str = "dis") -> None:
        self.name, self.capabilities = name, capabilities
        self._estimators: list[FlowEstimator] = []
        for one in parse_flow(flow, load_weights=load_weights):
            if isinstance(one, VectorsMarker):
                raise UsageError("splatsyn: flow=vectors", "there are no files here: choose an estimator")
            self._estimators.append(one)

    def prepare(self, images: Sequence[Tensor]) -> PreparedPairs:
        """Estimate the motion of every pair of the batch, both ways."""
        check_window(images, 2)
        pairs = []
        for both in zip(*images, strict=True):
            pictures = [
                np.ascontiguousarray(one.permute(1, 2, 0).cpu().numpy(), np.float32).clip(0, 1)
                for one in both
            ]
            flows = estimate_pairs(pictures, self._estimators, [(0, 1)])
            options = SynthesisOptions(inverses=True)
            pairs.append(_Pair(pictures, prepare(pictures, (0, 1), flows, options)))
        return PreparedPairs(pairs, images[0])


@dataclass(frozen=True)
class _Pair:
    pictures: list[np.ndarray]
    motion: Prepared


class PreparedPairs:
    """The motion of a batch of pairs."""

    def __init__(self, pairs: Sequence[_Pair], like: Tensor) -> None:
        self._pairs, self._like = pairs, like

    @property
    def nbytes(self) -> int:
        return sum(one.motion.nbytes + sum(part.nbytes for part in one.pictures) for one in self._pairs)

    def render(self, time: float | Tensor) -> Made:
        """Make the picture at an instant, or at one a pixel; see ``PreparedWindow``."""
        instants = as_time(time, self._like)
        made = [
            _render(pair, instant[0].cpu().numpy())
            for pair, instant in zip(self._pairs, instants, strict=True)
        ]
        stacked = [torch.from_numpy(np.stack(part)).to(self._like.device) for part in zip(*made, strict=True)]
        image, there, back, share = stacked
        return Made(image, Fields(there, back, share))


def _render(pair: _Pair, instant: np.ndarray) -> tuple[np.ndarray, ...]:
    """Picture [3, H, W], both flows [2, H, W] and share [1, H, W] at an instant ([1, 1], or a map [H, W])."""
    motion = pair.motion
    even = instant.size == 1
    first = np.broadcast_to(instant, (motion.height, motion.width)).astype(np.float32)
    maps = first, first if even else carry_map(first, back_flow(motion))
    if even:
        image = motion.render(pair.pictures, Fraction(float(instant.item()))).pixels
    else:
        image = render_indexed(motion, pair.pictures, maps).pixels
    ways = indexed_ways(motion, maps)
    planes = (np.ascontiguousarray(part.transpose(2, 0, 1)) for part in (image, ways[..., 2:], ways[..., :2]))
    return (*planes, 1 - first[None])
