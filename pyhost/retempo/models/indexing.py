"""How does any engine go to an instant in steps, each from the picture before?

InterpAny-Clearer ("Clearer Frames, Anytime", ECCV 2024) gives the network the picture of the step before as a further
input: the variants of engines that were trained so do that themselves. Any other engine can be given that picture in
place of the earlier frame; what is left of the way is then a gap of its own, and its instants are counted anew,

    D' = (D - D_before) / (1 - D_before),

as InterpAny does for curves that hold for the whole picture. Each step makes the pictures anew, so each also blurs a
little: it pays where one long step fails.

Networks that are told how far each pixel has come, in place of the time, are trained with distances
(``find_distance``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from retempo.errors import InputError, UsageError
from retempo.models.base import Capabilities, Interpolator, Made, as_time

if TYPE_CHECKING:
    from torch import Tensor

MOST: Final = 16
_LEAST: Final = 1e-6
STILL: Final = 0.01
"""Square pixels: how fast something has to be until its distance tells more than the time."""
_SOFTNESS: Final = 1.7
"""Pixels: 0.3 ((9 - 1) / 2 - 1) + 0.8, the usual width for nine taps."""


def soften(index: Tensor) -> Tensor:
    """An index map as networks want it: no hard edges (9x9 Gaussian, as InterpAny blurs the maps of its objects).

    Args:
        index: [N, 1, H, W]. The result has the same shape; edges are repeated.
    """
    import torch
    from torch.nn import functional

    steps = torch.arange(-4, 5, dtype=index.dtype, device=index.device)
    kernel = torch.exp(-0.5 * (steps / _SOFTNESS).square())
    kernel = kernel / kernel.sum()
    wide = functional.pad(index, (4, 4, 4, 4), mode="replicate")
    rows = functional.conv2d(wide, kernel.view(1, 1, 9, 1))
    return functional.conv2d(rows, kernel.view(1, 1, 1, 9)).clamp(0, 1)


class Stepped:
    """An engine that goes to every instant in even steps.

    Its fields lead to the picture of the step before, which nobody has, so it has none.

    Args:
        engine: with the capability ``any_time``.
        steps: 1 to MOST.

    Raises:
        UsageError: steps out of range, or an engine that makes only the frame halfway.
    """

    def __init__(self, engine: Interpolator, steps: int) -> None:
        if not 1 <= steps <= MOST:
            raise UsageError(f"steps={steps}", f"choose 1 to {MOST}")
        if not engine.capabilities.any_time:
            raise UsageError(f"{engine.name} makes the frame halfway only", "leave steps= out")
        self.name = engine.name
        self.capabilities: Capabilities = replace(engine.capabilities, fields=False)
        self._engine, self._steps = engine, steps

    def prepare(self, images: Sequence[Tensor]) -> SteppedWindow:
        """Keep the window; its first step is prepared."""
        return SteppedWindow(self._engine, self._steps, images)


class SteppedWindow:
    """A window whose instants are reached in steps."""

    def __init__(self, engine: Interpolator, steps: int, images: Sequence[Tensor]) -> None:
        self._engine, self._steps, self._images = engine, steps, tuple(images)
        self._first = engine.prepare(images)

    @property
    def nbytes(self) -> int:
        return self._first.nbytes + sum(image.nbytes for image in self._images)

    def render(self, time: float | Tensor) -> Made:
        """Make the picture at an instant, or at one a pixel; see ``PreparedWindow``."""
        here = len(self._images) // 2 - 1
        wanted = as_time(time, self._images[here])
        window, images = self._first, list(self._images)
        image = images[here]
        for step in range(1, self._steps + 1):
            before, now = wanted * ((step - 1) / self._steps), wanted * (step / self._steps)
            left = (1 - before).clamp_min(_LEAST)
            image = window.render(((now - before) / left).clamp(0, 1)).image
            if step < self._steps:
                images[here] = image.clamp(0, 1) if self._engine.capabilities.bounded else image
                window = self._engine.prepare(images)
        return Made(image)


def find_distance(part: Tensor, whole: Tensor, time: Tensor) -> Tensor:
    """Which part of its way each pixel has come at an instant: D = (V_t . V + e t) / (|V|^2 + e), e = 0.01 px^2.

    Args:
        part, whole: [N, 2, H, W] pixels, on any one grid: the motion from the earlier frame to the instant, and from
            the earlier frame to the later one.
        time: [N, 1, 1, 1], the instant: what stands still has its index.

    Returns:
        [N, 1, H, W] in [0, 1]; what goes back, or past the end, counts as there.

    Raises:
        InputError: motions of two shapes.

    Source: Zhong et al., Clearer Frames, Anytime, ECCV 2024: (V_t . V) / |V|^2, which is undefined where nothing moves.
    """
    if part.shape != whole.shape:
        raise InputError(f"flows are {tuple(part.shape)} and {tuple(whole.shape)}", "both need one shape")
    along = (part * whole).sum(1, keepdim=True) + STILL * time
    return (along / (whole.square().sum(1, keepdim=True) + STILL)).clamp(0, 1)
