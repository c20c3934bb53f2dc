"""How does RAFT fit into a retime? Pictures in, both flows out: padding, working resolution, device, precision.

The published weights were trained on pictures of display-encoded values; flow space is near enough to that.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from retempo.errors import DeviceError, UsageError
from retempo.flow.base import Flow, Image, check_pair
from retempo.flow.raft.network import Raft
from retempo.flow.raft.sizes import LEAST, SIZES, STRIDE
from retempo.flow.scale import shrink, stretch_flow, working_shape

ITERATIONS: Final = 12
MEMORY: Final = 1024
"""MiB; see ``RaftFlow``."""
MOST_ITERATIONS: Final = 100
MOST_MEMORY: Final = 1 << 20
"""Largest ``memory``, MiB."""


class RaftFlow:
    """RAFT, both directions.

    Args:
        size: ``large`` or ``small``.
        state: weights under the names of ``Raft``; see ``checkpoint.convert``.
        digest: what the weights are recognised by, a part of ``name``.
        iterations: steps of the recurrent unit, 1 to 100; fewer are faster, beyond 20 little changes.
        working_scale: the pair is shrunk by this factor (0, 1] before, and the flow grown back.
        working_size: instead of a scale: the longer side, in pixels, at which to work.
        device: as torch spells it: ``cpu``, ``cuda``, ``cuda:1``.
        half: compute in 16 bits where that is safe; CUDA only.
        memory: MiB that a level of the correlation pyramid may take; larger ones are made on the fly, which is slower.
            The same result up to rounding.

    Raises:
        UsageError: a setting out of its range.
    """

    def __init__(
        self,
        size: str,
        state: Mapping[str, Any],
        digest: str,
        *,
        iterations: int = ITERATIONS,
        working_scale: float = 1.0,
        working_size: int | None = None,
        device: str = "cpu",
        half: bool = False,
        memory: int = MEMORY,
    ) -> None:
        if size not in SIZES:
            raise UsageError(f"raft has no preset {size!r}", f"choose from {', '.join(SIZES)}")
        if not 1 <= iterations <= MOST_ITERATIONS:
            raise UsageError(f"raft: iterations is {iterations}", f"it must lie in 1..{MOST_ITERATIONS}")
        if not 0 <= memory <= MOST_MEMORY:
            raise UsageError(f"raft: memory is {memory}", f"it must lie in 0..{MOST_MEMORY} MiB")
        if half and device == "cpu":
            raise UsageError("raft: half is for CUDA", "leave it out, or give --device cuda")
        working_shape(2, 2, working_scale, working_size)  # says what is wrong with the two before any work
        self.iterations = iterations
        self.working_scale = working_scale
        self.working_size = working_size
        self.device = device
        self.half = half
        self.limit = memory << 20
        self._network = Raft(size)
        self._network.load_state_dict(dict(state), strict=True)
        self._network.to(device)
        parts = [f"iterations={iterations}"]
        if working_size is not None:
            parts.append(f"size={working_size}")
        elif working_scale != 1.0:
            parts.append(f"scale={working_scale:g}")
        parts += ["half=1"] * half + [f"memory={memory}"] * (memory != MEMORY)
        self.name = ",".join([f"raft:{size}", *parts, f"weights={digest}"])

    def estimate(self, image0: Image, image1: Image) -> tuple[Flow, Flow]:
        """See ``FlowEstimator.estimate``. Pictures of any size; those under 128 pixels a side are padded to that.

        Raises:
            DeviceError: the GPU has not enough memory.
        """
        image0, image1 = check_pair(image0, image1)
        height, width = image0.shape[:2]
        small = working_shape(height, width, self.working_scale, self.working_size)
        margins = padding(*small)
        try:
            with torch.inference_mode(), self._precision():
                pair = [
                    functional.pad(self._tensor(shrink(one, small)), margins, mode="replicate")
                    for one in (image0, image1)
                ]
                flows = self._network(*pair, self.iterations, self.limit)
                cropped = [crop(flow, margins) for flow in flows]
        except torch.cuda.OutOfMemoryError as error:
            raise DeviceError(
                f"raft: {self.device} has not enough memory for a pair of {small[1]}x{small[0]}",
                "give --flow raft,memory=64 or raft,scale=0.5",
            ) from error
        first, second = (stretch_flow(flow, height, width) for flow in cropped)
        return first, second

    def _tensor(self, image: Image) -> Tensor:
        """[H, W, 3] in [0, 1] -> [1, 3, H, W] in [-1, 1] on the device."""
        return torch.from_numpy(image).to(self.device).permute(2, 0, 1)[None] * 2 - 1

    def _precision(self) -> AbstractContextManager[Any]:
        stack = ExitStack()
        if self.device != "cpu":  # the same bits on every run, and no 10-bit mantissas unless asked for
            stack.enter_context(
                torch.backends.cudnn.flags(benchmark=False, deterministic=True, allow_tf32=self.half)
            )
            stack.enter_context(torch.autocast("cuda", torch.float16, enabled=self.half))
        return stack


def padding(height: int, width: int) -> tuple[int, int, int, int]:
    """Margins (left, right, top, bottom) that make both sides multiples of 8 and at least 128, evenly around."""
    across, down = (max(LEAST, -(-side // STRIDE) * STRIDE) - side for side in (width, height))
    return across // 2, across - across // 2, down // 2, down - down // 2


def crop(flow: Tensor, margins: tuple[int, int, int, int]) -> Flow:
    """[1, 2, H, W] with margins -> [H, W, 2] without."""
    left, right, top, bottom = margins
    height, width = flow.shape[2:]
    inside = flow[0, :, top : height - bottom, left : width - right]
    return np.ascontiguousarray(inside.permute(1, 2, 0).float().cpu().numpy())
