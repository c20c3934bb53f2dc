"""Where do the pictures that a fusion needs beside its source come from? Background, reference, matte.

Each is one picture, which holds for all frames, or a sequence with the source's frame numbers.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from retempo.color.nonfinite import replace_nonfinite
from retempo.color.pipeline import ColorPipeline
from retempo.errors import InputError
from retempo.io.frame import Frame, Layer, Window
from retempo.io.source import Source
from retempo.render.canvas import find_guide, group_views, select, slices
from retempo.render.overlay import place, read_mask


class Plate:
    """A background or a reference.

    Args:
        source: its pictures.
        color: to the working space of the frames that it goes with.
        what: it is called in errors.
    """

    def __init__(self, source: Source, color: ColorPipeline, what: str) -> None:
        self._source, self.color, self._what = source, color, what
        self._held: dict[tuple[str, Window], tuple[int, np.ndarray]] = {}

    def number_for(self, frame: int) -> int:
        """Number of the picture that goes with a frame."""
        return frame if len(self._source.frames) > 1 else self._source.frames[0]

    def check(self, frames: Iterable[int], template: Frame) -> None:
        """See before any work that there is a picture for each of the frames, of their size.

        Raises:
            InputError: naming what is missing or differs.
        """
        for frame in frames:
            if self.number_for(frame) not in self._source.frames:
                raise InputError(
                    f"{self._source.path(frame)} is missing, the {self._what} of source frame {frame}",
                    f"render it, or give one {self._what} for all frames",
                )
        header = self._source.header(self._source.frames[0])
        if header.display != template.display:
            raise InputError(
                f"the {self._what} {header.path} is {header.display}, the source {template.display}",
                "both have to be of one camera that does not move, at one size",
            )

    def digest(self, frame: int) -> str:
        """Identity of the picture for a frame."""
        return self._source.digest(self.number_for(frame))

    def picture(self, frame: int, view: str, window: Window) -> np.ndarray:
        """The picture for a frame over ``window``, [H, W, 3] float32 in the working space.

        The same array as long as it is the same picture.

        Raises:
            InputError: it has no colour, or does not show all of the window.
        """
        number = self.number_for(frame)
        found = self._held.get((view, window))
        if found is None or found[0] != number:
            whole = self._source.read(number)
            layer, columns = colour_of(whole, view)
            common = layer.window.intersection(window)
            if common != window:
                raise InputError(
                    f"the {self._what} {whole.path} has pixels in {layer.window} only, the source in {window}",
                    "render it without a crop",
                )
            light = to_light(layer, columns, self.color)[0][slices(window, layer.window)]
            found = number, np.ascontiguousarray(light)
            self._held[view, window] = found
        return found[1]


class Matte:
    """What importance is multiplied by; see ``Plate`` for numbers and errors."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def number_for(self, frame: int) -> int:
        """Number of the matte that goes with a frame."""
        return frame if len(self._source.frames) > 1 else self._source.frames[0]

    def check(self, frames: Iterable[int]) -> None:
        """See that there is one for each frame."""
        for frame in frames:
            if self.number_for(frame) not in self._source.frames:
                raise InputError(
                    f"{self._source.path(frame)} is missing, the matte of source frame {frame}",
                    "render it; where nothing counts it is black",
                )

    def digest(self, frame: int) -> str:
        """Identity of the matte for a frame."""
        return self._source.digest(self.number_for(frame))

    def plane(self, frame: int, display: Window, window: Window) -> np.ndarray:
        """The matte for a frame over ``window``, [H, W] float32 in [0, 1], 0 where it has no pixels."""
        return place(*read_mask(self._source, self.number_for(frame), display, "matte"), window)


def colour_of(frame: Frame, view: str) -> tuple[Layer, tuple[int, ...]]:
    """The layer of a view that holds the picture, and the columns of its colour (and alpha, where it has one).

    Raises:
        InputError: there is none.
    """
    groups = group_views(frame)
    index, columns = find_guide(frame, groups.get(view) or next(iter(groups.values())))
    layer = frame.layers[index]
    if columns not in layer.color_groups():
        raise InputError(f"{frame.path} has no colour", "`retempo info` lists what it holds")
    return layer, columns


def to_light(layer: Layer, columns: tuple[int, ...], color: ColorPipeline) -> tuple[np.ndarray, int]:
    """A layer's colour in the working space, [H, W, 3] float32, finite, and how many of its pixels were not."""
    finite, bad = replace_nonfinite(select(layer.pixels, columns))
    return np.ascontiguousarray(color.to_working(finite)[..., :3]), bad
