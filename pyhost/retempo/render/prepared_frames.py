"""What is known of a few source frames before an instant between them is made? Pixels, motion, and where they lie."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from retempo.io.frame import Frame
from retempo.render.canvas import Canvas
from retempo.render.exposure import longest_motion
from retempo.render.network import NetworkGap
from retempo.synthesis.layered import LayeredPrepared
from retempo.synthesis.pipeline import Prepared


@dataclass(frozen=True)
class PreparedView:
    """One view of the contributing frames: their canvases and what is known of their motion.

    Args:
        canvases: one a frame, in host memory.
        pixels, ids: the arrays of the canvases where rendering happens: NumPy, or torch tensors on the device.
        motion: how pixels come to be where they are; None for engines that only mix, a lone frame, and frames that are
            only mixed.
        matched: numbers of the frames that flow saw at another exposure than their own.
    """

    canvases: tuple[Canvas, ...]
    pixels: tuple[Any, ...]
    ids: tuple[Any, ...]
    motion: Prepared | LayeredPrepared | NetworkGap | None
    matched: tuple[int, ...] = ()


@dataclass(frozen=True)
class PreparedFrames:
    """Contributing source frames, ready to render any instant between them.

    Args:
        times: source frame numbers, ascending.
        frames: the frames themselves.
        views: per view; see ``group_views``.
        first: the one of ``times`` that the instants to be rendered follow.
        moments: when each of them was taken, in source time.
    """

    times: tuple[int, ...]
    frames: tuple[Frame, ...]
    views: tuple[PreparedView, ...]
    first: int
    moments: tuple[Fraction, ...]

    @property
    def repaired(self) -> dict[int, int]:
        """Source frames with NaN or infinite colour, and how many pixels were replaced."""
        counts = {
            time: sum(view.canvases[index].repaired for view in self.views)
            for index, time in enumerate(self.times)
        }
        return {time: count for time, count in counts.items() if count}

    @property
    def matched(self) -> set[int]:
        """Numbers of the frames that flow saw at another exposure than their own."""
        return {number for view in self.views for number in view.matched}

    @property
    def speed(self) -> float | None:
        """Longest motion, pixels per source frame; None where none is known."""
        found = []
        for view in self.views:
            for motion in view.motion.parts if view.motion else ():
                ahead, back = motion.candidates[:2]
                spacing = self.moments[ahead.other] - self.moments[ahead.frame]
                found.append(longest_motion((ahead.flow, back.flow), spacing))
        return max(found, default=None)

    @property
    def nbytes(self) -> int:
        """Memory held beyond the frames themselves."""
        total = 0
        for view in self.views:
            total += sum(canvas.pixels.nbytes + canvas.ids.nbytes for canvas in view.canvases)
            total += view.motion.nbytes if view.motion else 0
        return total


def host_arrays(canvases: tuple[Canvas, ...]) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Pixels and ids of canvases, where they are."""
    return tuple(canvas.pixels for canvas in canvases), tuple(canvas.ids for canvas in canvases)


def place_view(canvases: tuple[Canvas, ...], motion: Prepared | None, device: str) -> PreparedView:
    """A view with what rendering takes on its device."""
    pixels, ids = host_arrays(canvases)
    if device != "cpu" and motion is not None:
        import torch

        motion = motion.to(device)
        pixels = tuple(torch.as_tensor(array, device=device) for array in pixels)
        ids = tuple(torch.as_tensor(array.view(np.int32), device=device) for array in ids)
    return PreparedView(canvases, pixels, ids, motion)
