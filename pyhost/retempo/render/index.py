"""Which pixels of a frame are further along their way than others, as ``--index-map`` and ``--object-curve`` say?

Both come to an index map on each of the gap's two frames (``retempo.synthesis.index_maps``): of a map sequence the one
for the output frame, given on the earlier frame and carried to the later by its motion; of an object, its own pixels in
both.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np

from retempo.errors import InputError
from retempo.io.frame import Frame
from retempo.io.sequence import open_source
from retempo.io.source import Source
from retempo.render.canvas import Canvas, slices
from retempo.render.settings import RetimeSettings
from retempo.retime.objects import ObjectCurve, parse_object_curves
from retempo.synthesis.index_maps import Map, carry_map


class Indices:
    """What the settings say of pixels that are not all shown at the same instant.

    Args:
        curves: of objects.
        maps: one picture an output frame; its first channel is the map, 0 to 1. Output frames without one are plain.
    """

    def __init__(self, curves: Sequence[ObjectCurve], maps: Source | None) -> None:
        self.curves, self.maps = tuple(curves), maps

    def digest(self, output: int) -> str:
        """Identity of the map for an output frame; "" where there is none."""
        return self.maps.digest(output) if self.maps is not None and output in self.maps.frames else ""

    def find(
        self,
        frames: Sequence[Frame],
        canvases: Sequence[Canvas],
        phase: Fraction,
        output: int | None,
        back: np.ndarray | None,
    ) -> tuple[Map, Map] | None:
        """The maps on both frames of a gap, [H, W] each; None where every pixel is at ``phase``.

        Args:
            frames, canvases: the earlier and the later one, of one view.
            phase: place in the gap.
            output: number of the output frame, if it is one.
            back: motion from the later frame to the earlier, [H, W, 2]; None: nobody asks for the later frame's map.

        Raises:
            InputError: a map does not fit, or an object's channel is missing.
        """
        plane = None if output is None else self._read(output, frames[0], canvases[0])
        if plane is None and not self.curves:
            return None
        shape = canvases[0].ids.shape[:2]
        if plane is None:
            found = [np.full(shape, float(phase), np.float32) for _ in canvases]
        else:
            found = [plane, plane if back is None else carry_map(plane, back)]
        for curve in self.curves:
            gone = np.float32(float(curve.at(phase)))
            for index, (frame, canvas) in enumerate(zip(frames, canvases, strict=True)):
                cover = cover_of(curve, frame, canvas)
                found[index] = found[index] + cover * (gone - found[index])
        one, other = (np.clip(plane, 0.0, 1.0) for plane in found)
        return one, other

    def _read(self, output: int, frame: Frame, canvas: Canvas) -> Map | None:
        """The map for an output frame over a canvas; pixels that it does not reach repeat its edge."""
        if self.maps is None or output not in self.maps.frames:
            return None
        held = self.maps.read(output)
        if (held.display.width, held.display.height) != (frame.display.width, frame.display.height):
            raise InputError(
                f"the index map {held.path} is {held.display.width}x{held.display.height}, the frames "
                f"{frame.display.width}x{frame.display.height}",
                "make both the same size",
            )
        layer = held.layers[0]
        plane = layer.pixels[..., 0]
        if not bool(((plane >= 0) & (plane <= 1)).all()):
            raise InputError(
                f"the index map {held.path} holds values outside 0 to 1",
                "0 is the earlier frame, 1 the later",
            )
        rows = (
            np.arange(canvas.window.height)
            + canvas.window.y
            - layer.window.y
            - held.display.y
            + frame.display.y
        )
        columns = (
            np.arange(canvas.window.width)
            + canvas.window.x
            - layer.window.x
            - held.display.x
            + frame.display.x
        )
        inside = np.ix_(rows.clip(0, plane.shape[0] - 1), columns.clip(0, plane.shape[1] - 1))
        return np.ascontiguousarray(plane[inside], np.float32)


def open_indices(settings: RetimeSettings) -> Indices | None:
    """What the settings say; None where they say nothing.

    Raises:
        UsageError, InputError: a curve or map cannot be read.
    """
    curves = parse_object_curves(settings.object_curve)
    if not curves and not settings.index_map:
        return None
    return Indices(curves, open_source(settings.index_map) if settings.index_map else None)


def check_indices(indices: Indices, header: Frame) -> None:
    """See by a header that the channels of all objects are there.

    Raises:
        InputError: naming what is missing.
    """
    for curve in indices.curves:
        _find(curve, header, range(len(header.layers)))


def cover_of(curve: ObjectCurve, frame: Frame, canvas: Canvas) -> Map:
    """How far each pixel of a canvas belongs to an object, [H, W] in [0, 1].

    An object that is in no layer of this view covers nothing of it.

    Raises:
        InputError: no layer of the frame can tell of the object.
    """
    index, column = _find(curve, frame, [*canvas.layers, *range(len(frame.layers))])
    layer = frame.layers[index]
    cover = np.zeros((canvas.window.height, canvas.window.width), np.float32)
    held = layer.window.intersection(canvas.window)
    if held.width and held.height:
        inside = slices(held, layer.window)
        if curve.id is not None:
            cover[slices(held, canvas.window)] = layer.ids[inside][..., column] == np.uint32(curve.id)
        else:
            cover[slices(held, canvas.window)] = np.clip(
                np.nan_to_num(layer.pixels[inside][..., column]), 0, 1
            )
    return cover


def _find(curve: ObjectCurve, frame: Frame, layers: Sequence[int]) -> tuple[int, int]:
    """The layer and the column of its ids, or of its pixels, that tell of an object."""
    for index in layers:
        layer = frame.layers[index]
        if curve.id is not None and layer.id_channels:
            return index, 0
        for column, name in enumerate(layer.channels):
            if curve.id is None and curve.key in (name, f"{layer.name}.{name}"):
                return index, column
    names = [name for layer in frame.layers for name in (*layer.channels, *layer.id_channels)]
    what = "no channel of ids" if curve.id is not None else f"no channel called {curve.key!r}"
    raise InputError(
        f"--object-curve {curve.key}: {Path(frame.path)} has {what}", f"it has: {', '.join(names) or 'none'}"
    )
