"""How do things move between the two frames in the middle of four? On parabolas, by any estimator's flow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from retempo.errors import UsageError
from retempo.flow.base import FlowEstimator
from retempo.flow.catalog import parse_flow

LARGE: Final = 1080 * 2048
"""Pixels from which on the flow is looked for at half the size."""


class Paths(NamedTuple):
    """Where the pixels of the two middle frames go.

    Attributes:
        bend0, speed0: [N, 2, H, W] pixels: after the part t of the gap, the earlier frame's have moved
            bend0 t^2 + speed0 t.
        bend1, speed1: the later frame's likewise, with 1 - t, towards the earlier frame.
    """

    bend0: Tensor
    speed0: Tensor
    bend1: Tensor
    speed1: Tensor

    def at(self, time: Tensor) -> tuple[Tensor, Tensor]:
        """Motion to the instant ``time`` [N, 1, 1, 1], of the earlier and of the later frame, [N, 2, H, W]."""
        left = 1 - time
        return self.bend0 * time**2 + self.speed0 * time, self.bend1 * left**2 + self.speed1 * left


def find_estimator(text: str, device: str) -> FlowEstimator:
    """The one estimator that a user asked for.

    Args:
        text: as ``--flow`` takes it, ``;`` for ``,``. device: on which trained ones run.

    Raises:
        UsageError: none, several, or one that reads the motion from files.
        WeightsError: its weights are not here.
    """
    from retempo.models.weights import load_weights

    found = parse_flow(text.replace(";", ","), device=device, load_weights=load_weights)
    one = found[0]
    if len(found) != 1 or not isinstance(one, FlowEstimator):
        raise UsageError(
            f"dbvi cannot start from the flow {text!r}", "name one estimator, for example dis:fine"
        )
    return one


def find_paths(frames: Sequence[Tensor], estimator: FlowEstimator) -> Paths:
    """Fit parabolas through three positions of each pixel. Carries no gradient.

    Args:
        frames: four tensors [N, 3, H, W] in [0, 1], in order of time; sides multiples of 2.
        estimator: of the flow.
    """
    height, width = frames[0].shape[-2:]
    large = height * width >= LARGE
    small = [_resize(one, 0.5) for one in frames] if large else frames
    each = [_measure([one[index] for one in small], estimator) for index in range(len(frames[0]))]
    before0, to1, to0, after1 = (torch.stack(flows).to(frames[0]) for flows in zip(*each, strict=True))
    paths = ((to1 + before0) / 2, (to1 - before0) / 2, (to0 + after1) / 2, (to0 - after1) / 2)
    return Paths(*(_resize(2 * one, 2.0) if large else one for one in paths))


def _measure(frames: Sequence[Tensor], estimator: FlowEstimator) -> list[Tensor]:
    """Flow of one sample: frame 1 to 0 and to 2, frame 2 to 1 and to 3; [2, H, W] each."""
    pictures = [
        one.detach().float().clamp(0, 1).permute(1, 2, 0).contiguous().cpu().numpy() for one in frames
    ]
    before0, _ = estimator.estimate(pictures[1], pictures[0])
    to1, to0 = estimator.estimate(pictures[1], pictures[2])
    after1, _ = estimator.estimate(pictures[2], pictures[3])
    return [torch.from_numpy(one).permute(2, 0, 1) for one in (before0, to1, to0, after1)]


def _resize(picture: Tensor, scale: float) -> Tensor:
    return functional.interpolate(picture, scale_factor=scale, mode="bilinear", align_corners=True)
