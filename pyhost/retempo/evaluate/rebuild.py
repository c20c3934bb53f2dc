"""How are the frames that were taken out made again, through the one image path?

Evaluation works on the encoded values of the files, as the papers do: no colour transform, flow found on the same
values, results rounded to 8 bits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np

from retempo.color.pipeline import ColorPipeline
from retempo.errors import UsageError
from retempo.evaluate.clip import Rgb
from retempo.flow.catalog import VectorsMarker
from retempo.flow.threads import set_threads
from retempo.io.frame import Frame, make_layer
from retempo.render.flow_memory import FlowMemory
from retempo.render.frame import FrameRenderer
from retempo.render.settings import RetimeSettings

UNTOUCHED = "Raw"
"""Of OCIO's built-in config: data, never transformed."""


class Rebuilder:
    """Makes frames between pictures; what neighbouring gaps both ask for is estimated once.

    Args:
        settings: flow, synthesis and computing settings of a retime. Sets the threads of OpenCV and PyTorch,
            where they name them.

    Raises:
        UsageError: an unknown flow estimator, or one that reads channels which pictures do not have.
        WeightsError: a trained estimator's weights are not installed.
        DeviceError: the device is absent.
    """

    def __init__(self, settings: RetimeSettings) -> None:
        color = ColorPipeline(
            "ocio://default",
            UNTOUCHED,
            UNTOUCHED,
            UNTOUCHED,
            "encoded",
            kind="integer",
            threads=settings.threads,
        )
        self._renderer = FrameRenderer(settings, color)
        if settings.threads:
            set_threads(settings.threads)  # after it: trained estimators have loaded PyTorch by now
        if any(isinstance(one, VectorsMarker) for one in self._renderer.estimators):
            raise UsageError("the footage carries no motion vectors", "choose a --flow that is estimated")
        self._reach = settings.window // 2
        self._memory = FlowMemory()
        self._frames: dict[int, tuple[Rgb, Frame]] = {}

    def nearby(self, inputs: Sequence[int], first: int) -> tuple[int, ...]:
        """Those of ``inputs`` (ascending) that are looked at for the gap after ``first``."""
        here = list(inputs).index(first)
        return tuple(inputs[max(0, here + 1 - self._reach) : here + 1 + self._reach])

    def between(self, pictures: Mapping[int, Rgb], first: int, times: Sequence[Fraction | int]) -> list[Rgb]:
        """Make frames.

        Args:
            pictures: the inputs by number, see ``nearby``; [H, W, 3] of one size. Give the same arrays again for
                the next gap: motion between the same two pictures is then not estimated again.
            first: the number of the one after which the wanted frames follow.
            times: of the wanted frames, in the unit of the numbers.

        Returns:
            one picture a time, rounded to 8 bits.
        """
        frames = {number: self._frame(number, picture) for number, picture in pictures.items()}
        self._frames = {number: self._frames[number] for number in pictures}
        prepared = self._renderer.prepare(frames, first=first, memory=self._memory)
        made = (self._renderer.render(prepared, Fraction(time)) for time in times)
        return [quantise(frame.layers[0].pixels) for frame in made]

    def _frame(self, number: int, picture: Rgb) -> Frame:
        held = self._frames.get(number)
        if held is None or held[0] is not picture:
            layer = make_layer(picture.astype(np.float32) / np.float32(255), ("R", "G", "B"), formats="uint8")
            held = picture, Frame([layer], layer.window, Path(f"frame {number}"), "png")
            self._frames[number] = held
        return held[1]


def quantise(pixels: np.ndarray) -> Rgb:
    """[H, W, 3] encoded float, nominally 0..1, as 8 bits."""
    return np.clip(np.rint(pixels * np.float32(255)), 0, 255).astype(np.uint8)
