"""How does any estimator search small and deliver full size? ``--flow dis,scale=0.5,grow=guided``."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from retempo.errors import UsageError
from retempo.flow.base import (
    Flow,
    FlowEstimator,
    Hypothesis,
    Image,
    check_pair,
    count_hypotheses,
    hypothesize,
)
from retempo.flow.catalog import OWN_GROWER
from retempo.flow.neural.files import load_network
from retempo.flow.scale import shrink, working_shape
from retempo.flow.upsampler.network import FlowUpsampler

KIND: Final = "retempo flow upsampler 1"


class GuidedFlow:
    """An estimator that works at a smaller size, its flows grown by the network.

    Args:
        inner: estimates the small pair, at its full (small) size.
        scale, size: as ``working_scale`` and ``working_size`` of ``flow.scale``.
        weights: of the network; ours when None.
        device: of the network.

    Raises:
        UsageError: nothing is to be grown, or a value is out of range. InputError: the weights do not fit.
    """

    def __init__(
        self,
        inner: FlowEstimator,
        *,
        scale: float = 1.0,
        size: int | None = None,
        weights: Path | None = None,
        device: str = "cpu",
    ) -> None:
        if scale == 1.0 and size is None:
            raise UsageError("grow=guided has nothing to grow", "give a working scale, for example scale=0.5")
        working_shape(2, 2, scale, size)
        self._inner, self._scale, self._size = inner, scale, size
        self._device = torch.device(device)
        self._network, self.digest = load_network(
            weights or OWN_GROWER, KIND, lambda _: FlowUpsampler(), self._device
        )
        self.hypotheses = count_hypotheses(inner)
        at = f"size={size}" if size is not None else f"scale={scale:g}"
        self.name = f"{inner.name},{at},grow=guided,grower={self.digest[:12]}"

    def estimate(self, image0: Image, image1: Image) -> tuple[Flow, Flow]:
        """See ``FlowEstimator.estimate``."""
        best = self.hypothesize(image0, image1)[0]
        return best.flow01, best.flow10

    def hypothesize(self, image0: Image, image1: Image) -> tuple[Hypothesis, ...]:
        """See ``HypothesesEstimator.hypothesize``."""
        image0, image1 = check_pair(image0, image1)
        height, width = image0.shape[:2]
        small = working_shape(height, width, self._scale, self._size)
        found = hypothesize(self._inner, shrink(image0, small), shrink(image1, small))
        if small == (height, width):
            return found
        with torch.inference_mode():
            pictures = torch.cat([self._send(image0), self._send(image1)])
            return tuple(self._grow(said, pictures) for said in found)

    def _grow(self, said: Hypothesis, pictures: torch.Tensor) -> Hypothesis:
        flows = torch.cat([self._send(said.flow01), self._send(said.flow10)])
        grown = self._network.grow(flows, pictures).permute(0, 2, 3, 1).cpu().numpy()
        height, width = pictures.shape[2:]

        def trust(plane: NDArray[np.float32] | None) -> NDArray[np.float32] | None:
            return (
                None if plane is None else cv2.resize(plane, (width, height), interpolation=cv2.INTER_LINEAR)
            )

        ahead, back = (np.ascontiguousarray(one) for one in grown)
        return Hypothesis(ahead, back, trust(said.trust01), trust(said.trust10))

    def _send(self, array: NDArray[np.float32]) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array.transpose(2, 0, 1)))[None].to(self._device)
