"""How does a trained network improve on a classical flow? Each pair is searched, inverted, and corrected.

The search (DIS) and its inverse are two opinions about the same motion; the network sees both pictures laid over each
other along either, corrects both, and says how far each is to be trusted. Imported only when asked for: it needs torch.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as functional
from numpy.typing import NDArray
from torch import Tensor

from retempo.errors import DeviceError, UsageError
from retempo.flow.base import Flow, FlowEstimator, Hypothesis, Image, check_pair
from retempo.flow.catalog import OWN_WEIGHTS
from retempo.flow.dis import DisFlow
from retempo.flow.inversion import invert_flow
from retempo.flow.neural.files import load_refiner
from retempo.flow.neural.network import OPINIONS
from retempo.flow.scale import shrink, stretch_flow, working_shape


class NeuralFlow:
    """DIS, corrected by the network; two hypotheses with their trust.

    Args:
        preset: of the search, a key of ``flow.dis.PRESETS``.
        weights: a file of the network's weights, safetensors; ours when None.
        rounds: how often the network corrects; >= 1. It was trained for one.
        working_scale, working_size: as for ``DisFlow``; search and network both work at that size.
        device: of the network, a torch device.
        half: convolve in 16 bits; CUDA only.
        threads: of the search; 1 searches one direction after the other. On the CPU the network uses torch's own.

    Raises:
        UsageError: a value is out of range. InputError: the weights do not fit. DeviceError: no such device.
    """

    hypotheses = OPINIONS

    def __init__(
        self,
        preset: str = "balanced",
        *,
        weights: Path | None = None,
        rounds: int = 1,
        working_scale: float = 1.0,
        working_size: int | None = None,
        device: str = "cpu",
        half: bool = False,
        threads: int = 0,
    ) -> None:
        if rounds < 1:
            raise UsageError(f"neural: rounds is {rounds}", "the network corrects at least once")
        self._search: FlowEstimator = DisFlow(preset, threads=threads)
        working_shape(2, 2, working_scale, working_size)
        self._scale, self._size, self._rounds, self._threads = working_scale, working_size, rounds, threads
        self._half = half
        try:
            self._device = torch.device(device)
            if half and self._device.type == "cpu":
                raise UsageError("neural: half is for CUDA", "leave it out, or give --device cuda")
            self._network, digest = load_refiner(weights or OWN_WEIGHTS, self._device)
        except RuntimeError as error:
            raise DeviceError(
                f"the network cannot work on {device}: {error}", "choose another --device"
            ) from error
        parts = [f"weights={digest[:12]}"]
        if rounds != 1:
            parts.append(f"rounds={rounds}")
        if half:
            parts.append("half=1")
        if working_size is not None:
            parts.append(f"size={working_size}")
        elif working_scale != 1.0:
            parts.append(f"scale={working_scale:g}")
        self.name = ",".join([f"neural:{preset}", *parts])

    def estimate(self, image0: Image, image1: Image) -> tuple[Flow, Flow]:
        """See ``FlowEstimator.estimate``: the first of the hypotheses."""
        best = self.hypothesize(image0, image1)[0]
        return best.flow01, best.flow10

    def hypothesize(self, image0: Image, image1: Image) -> tuple[Hypothesis, ...]:
        """See ``HypothesesEstimator.hypothesize``; any size from 1x1 on."""
        image0, image1 = check_pair(image0, image1)
        height, width = image0.shape[:2]
        small = working_shape(height, width, self._scale, self._size)
        one, other = shrink(image0, small), shrink(image1, small)
        flow01, flow10 = self._search.estimate(one, other)
        inverse01, _ = invert_flow(flow10, threads=self._threads)
        inverse10, _ = invert_flow(flow01, threads=self._threads)
        with torch.inference_mode():
            pictures = torch.cat([self._send(one), self._send(other)])
            opinions = tuple(
                torch.cat([self._send(ahead), self._send(back)])
                for ahead, back in ((flow01, flow10), (inverse01, inverse10))
            )
            for _ in range(self._rounds):
                said = self._network.correct(pictures, opinions, self._half)
                opinions = said.flows
        return tuple(
            self._fetch(flow, trust, small, (height, width))
            for flow, trust in zip(said.flows, said.trusts, strict=True)
        )

    def _send(self, array: NDArray[np.float32]) -> Tensor:
        """[H, W, C] -> [1, C, H', W'] with sides that are even."""
        planes = torch.from_numpy(np.ascontiguousarray(array.transpose(2, 0, 1)))[None].to(self._device)
        return functional.pad(planes, (0, array.shape[1] % 2, 0, array.shape[0] % 2), mode="replicate")

    def _fetch(
        self, flow: Tensor, trust: Tensor, small: tuple[int, int], shape: tuple[int, int]
    ) -> Hypothesis:
        rows, columns = small
        flows = flow[..., :rows, :columns].permute(0, 2, 3, 1).float().cpu().numpy()
        trusts = trust[:, 0, :rows, :columns].float().cpu().numpy()
        ahead, back = (stretch_flow(np.ascontiguousarray(one), *shape) for one in flows)
        sure, sure_back = (
            np.ascontiguousarray(
                one if small == shape else cv2.resize(one, shape[::-1], interpolation=cv2.INTER_LINEAR)
            ).reshape(shape)
            for one in trusts
        )
        return Hypothesis(ahead, back, sure, sure_back)
