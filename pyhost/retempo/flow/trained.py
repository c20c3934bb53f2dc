"""How does a trained network fit into a retime? Pictures in, both flows out: padding, resolution, device, precision.

Published networks were trained on display-encoded pictures; flow space is near enough to that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from retempo.errors import DeviceError, InputError, UsageError
from retempo.flow.base import Flow, Image, check_pair
from retempo.flow.scale import shrink, stretch_flow, working_shape

SHOWN: Final = 3


class TrainedFlow:
    """An estimator around a network; its subclasses say how the network is called.

    Args:
        label: name and preset, as --flow has them.
        settings: ``key=value`` of what changes the result, for the name.
        network: takes [1, 3, H, W] twice.
        digest: what the weights are recognised by, a part of the name.
        stride: of which the sides of the network's pictures have to be multiples.
        least: smallest side that it takes.
        working_scale, working_size: see ``working_shape``.
        device: as torch spells it: ``cpu``, ``cuda``, ``cuda:1``.
        half: compute in 16 bits where that is safe; CUDA only.

    Raises:
        UsageError: a setting out of its range.
    """

    def __init__(
        self,
        label: str,
        settings: Sequence[str],
        network: nn.Module,
        digest: str,
        *,
        stride: int,
        least: int,
        working_scale: float = 1.0,
        working_size: int | None = None,
        device: str = "cpu",
        half: bool = False,
    ) -> None:
        if half and device == "cpu":
            raise UsageError(f"{label}: half is for CUDA", "leave it out, or give --device cuda")
        working_shape(2, 2, working_scale, working_size)  # says what is wrong with the two before any work
        self.stride = stride
        self.least = least
        self.working_scale = working_scale
        self.working_size = working_size
        self.device = device
        self.half = half
        self._network = network.to(device)
        parts = [label, *settings]
        if working_size is not None:
            parts.append(f"size={working_size}")
        elif working_scale != 1.0:
            parts.append(f"scale={working_scale:g}")
        self.name = ",".join([*parts, *["half=1"] * half, f"weights={digest}"])

    def estimate(self, image0: Image, image1: Image) -> tuple[Flow, Flow]:
        """See ``FlowEstimator.estimate``. Pictures of any size; the edges of small ones are repeated.

        Raises:
            DeviceError: the GPU has not enough memory.
        """
        image0, image1 = check_pair(image0, image1)
        height, width = image0.shape[:2]
        small = working_shape(height, width, self.working_scale, self.working_size)
        margins = padding(*small, self.stride, self.least)
        try:
            with torch.inference_mode(), self._precision():
                pair = [
                    functional.pad(self._tensor(shrink(one, small)), margins, mode="replicate")
                    for one in (image0, image1)
                ]
                cropped = [crop(flow, margins) for flow in self.run(*pair)]
        except torch.cuda.OutOfMemoryError as error:
            raise DeviceError(
                f"{self.name}: {self.device} has not enough memory for a pair of {small[1]}x{small[0]}",
                "add memory=64 or scale=0.5 to its settings in --flow",
            ) from error
        first, second = (stretch_flow(flow, height, width) for flow in cropped)
        return first, second

    def run(self, image0: Tensor, image1: Tensor) -> tuple[Tensor, Tensor]:
        """Both flows [1, 2, H, W], pixels, of pictures [1, 3, H, W] in [0, 1] of a size that the network takes."""
        raise NotImplementedError

    def _tensor(self, image: Image) -> Tensor:
        """[H, W, 3] -> [1, 3, H, W] on the device."""
        return torch.from_numpy(image).to(self.device).permute(2, 0, 1)[None]

    def _precision(self) -> AbstractContextManager[Any]:
        stack = ExitStack()
        if self.device != "cpu":  # the same bits on every run, and no 10-bit mantissas unless asked for
            stack.enter_context(
                torch.backends.cudnn.flags(benchmark=False, deterministic=True, allow_tf32=self.half)
            )
            stack.enter_context(torch.autocast("cuda", torch.float16, enabled=self.half))
        return stack


def check_range(label: str, key: str, value: int, low: int, high: int) -> None:
    """Raise UsageError for a setting that is out of its range."""
    if not low <= value <= high:
        raise UsageError(f"{label}: {key} is {value}", f"it must lie in {low}..{high}")


def padding(height: int, width: int, stride: int, least: int) -> tuple[int, int, int, int]:
    """Margins (left, right, top, bottom) that make both sides multiples of ``stride``, >= ``least``, evenly around."""
    across, down = (max(least, -(-side // stride) * stride) - side for side in (width, height))
    return across // 2, across - across // 2, down // 2, down - down // 2


def crop(flow: Tensor, margins: tuple[int, int, int, int]) -> Flow:
    """[1, 2, H, W] with margins -> [H, W, 2] without."""
    left, right, top, bottom = margins
    height, width = flow.shape[2:]
    inside = flow[0, :, top : height - bottom, left : width - right]
    return np.ascontiguousarray(inside.permute(1, 2, 0).float().cpu().numpy())


def enlarge_convex(flow: Tensor, weights: Tensor, factor: int) -> Tensor:
    """Grow a flow: each fine vector is a convex combination of the nine coarse ones around it.

    Args:
        flow: [N, 2, H, W]; its vectors are not scaled.
        weights: [N, 9 factor^2, H, W], before the softmax over the nine.
        factor: of the size.

    Returns:
        [N, 2, factor H, factor W].
    """
    count, _, height, width = flow.shape
    shares = weights.float().view(count, 1, 9, factor, factor, height, width).softmax(2)
    around = functional.unfold(flow, 3, padding=1).view(count, 2, 9, 1, 1, height, width)
    fine = (shares * around).sum(2).permute(0, 1, 4, 2, 5, 3)
    return fine.reshape(count, 2, factor * height, factor * width)


def fit_state(named: Mapping[str, Any], wanted: Mapping[str, Any], network: str) -> dict[str, Any]:
    """The tensors in the network's order and types, if they fit it one to one.

    Args:
        named: name -> tensor.
        wanted: the network's own state dict; only names, shapes and types are looked at.
        network: for messages.

    Raises:
        InputError: a name is missing or unknown, a shape is another, a value is not finite.
    """
    wrong = [
        *(f"{name} is missing" for name in wanted if name not in named),
        *(f"{name} is not of this network" for name in named if name not in wanted),
        *(
            f"{name} is {tuple(named[name].shape)}, not {tuple(tensor.shape)}"
            for name, tensor in wanted.items()
            if name in named and named[name].shape != tensor.shape
        ),
    ]
    if wrong:
        more = f" and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
        raise InputError(
            f"these are not the weights of {network}: {', '.join(wrong[:SHOWN])}{more}",
            "look whether the file is of the other size, or of another network",
        )
    for name, tensor in named.items():
        if not bool(tensor.isfinite().all()):
            raise InputError(f"{name} of these weights has NaN or infinite values", "get the file again")
    return {name: named[name].to(tensor.dtype) for name, tensor in wanted.items()}
