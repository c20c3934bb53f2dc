"""How do the instants of a blurred frame become one picture? Their light is added up, as on film.

The sum is taken over canvases: in the working space, on premultiplied pixels, before anything is encoded. Ids are
those of the instant in the middle, for a mean of two ids is a third one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import groupby
from typing import Any

import numpy as np

from retempo.color.pipeline import ColorPipeline
from retempo.io.frame import Frame, Layer, Window
from retempo.render.canvas import Canvas, scatter, slices
from retempo.retime.moment import PlanEntry

PIXELS_PER_INSTANT = 2.0
"""How far things may move from one instant to the next where the number of instants follows the motion."""
_LONGEST = 99.9
_STRIDE = 4


PassKey = tuple[str, tuple[int, ...], int | None]


@dataclass(frozen=True)
class Pass:
    """Instants of one output frame that are made from the same source frames.

    Args:
        kind: 'copy', 'between', 'fade' or 'black', as in ``PlanEntry``.
        numbers: source frames, ascending; none for black.
        first: of a pass that is between two of them the earlier; None for the others.
        times: distinct source times, in the order of output time.
        weights: for how many instants each of them stands.
        centre: which of ``times`` is the middle of the whole exposure; None when that is in another pass.
    """

    kind: str
    numbers: tuple[int, ...]
    first: int | None
    times: tuple[Fraction, ...]
    weights: tuple[float, ...]
    centre: int | None

    @property
    def key(self) -> PassKey:
        """What is to be prepared for it."""
        return self.kind, self.numbers, self.first


def list_passes(entry: PlanEntry, contributors: Callable[[PlanEntry], tuple[int, ...]]) -> tuple[Pass, ...]:
    """The passes of an output frame; one that is not blurred has one pass of one instant."""
    middle = (len(entry.moments) - 1) // 2

    def key(numbered: tuple[int, PlanEntry]) -> PassKey:
        one = numbered[1]
        unneeded = entry.instants and one.kind == "black"
        return one.kind, () if unneeded else contributors(one), one.first if one.kind == "between" else None

    passes = []
    for (kind, numbers, first), run in groupby(enumerate(entry.moments), key=key):
        times: list[Fraction] = []
        weights: list[float] = []
        centre = None
        for index, moment in run:
            if times and times[-1] == moment.source_time:
                weights[-1] += 1.0
            else:
                times.append(moment.source_time)
                weights.append(1.0)
            if index == middle:
                centre = len(times) - 1
        passes.append(Pass(kind, numbers, first, tuple(times), tuple(weights), centre))
    return tuple(passes)


def thin(one: Pass, speed: float | None) -> Pass:
    """As few of the instants of a pass as its motion needs, evenly spread, of the same weight together.

    Args:
        one: the pass.
        speed: longest motion, pixels per source frame; None where no motion is known, which leaves all.
    """
    count = len(one.times)
    if speed is None or count < 3:
        return one
    length = speed * float(max(one.times) - min(one.times))  # not last - first: a bounce turns back
    stride = max(1, count // max(2, math.ceil(length / PIXELS_PER_INSTANT)))
    chosen = range((count - 1) % stride // 2, count, stride)
    centre = None
    if one.centre is not None:
        middle = one.centre
        centre = min(range(len(chosen)), key=lambda index: abs(chosen[index] - middle))
    share = sum(one.weights) / len(chosen)
    times = tuple(one.times[index] for index in chosen)
    return replace(one, times=times, weights=(share,) * len(chosen), centre=centre)


def longest_motion(flows: Iterable[Any], spacing: Fraction) -> float:
    """Pixels per source frame that all but the fastest thousandth of the pixels stay below.

    Args:
        flows: ``[H, W, 2]`` pixels, NumPy or torch.
        spacing: source frames that the flows lead over.
    """
    found = 0.0
    for flow in flows:
        few = flow[::_STRIDE, ::_STRIDE]
        host = few if isinstance(few, np.ndarray) else few.cpu().numpy()
        found = max(found, float(np.percentile(np.hypot(host[..., 0], host[..., 1]), _LONGEST)))
    return found / float(spacing)


class Exposure:
    """One output frame, or a strip of one, in the making.

    Args:
        color: turns the sum into output pixels.
    """

    def __init__(self, color: ColorPipeline) -> None:
        self._color = color
        self._template: Frame | None = None
        self._windows: dict[int, Window] = {}
        self._views: dict[tuple[int, ...], Canvas] = {}
        self._total = 0.0

    def add(
        self,
        canvases: Sequence[Canvas],
        windows: Mapping[int, Window],
        template: Frame,
        weight: float,
        centre: bool,
    ) -> None:
        """Add an instant.

        Args:
            canvases: its picture, one a view; their pixels may be changed.
            windows: data window of each layer.
            template: the source frame whose names, formats and metadata count, if this is the first or the centre.
            weight: how much of the time the shutter is open it stands for.
            centre: is this the middle? Then its ids and template are the frame's.
        """
        if self._template is None or centre:
            self._template = template
        for index, window in windows.items():
            held = self._windows.get(index)
            if held is None or not (held.width and held.height):
                self._windows[index] = window
            elif window.width and window.height:
                self._windows[index] = held.union(window)
        for canvas in canvases:
            light = canvas.pixels
            light *= np.float32(weight)
            held_view = self._views.get(canvas.layers)
            if held_view is None:
                ids = canvas.ids if centre else np.zeros_like(canvas.ids)
                self._views[canvas.layers] = replace(canvas, pixels=light, ids=ids)
                continue
            into = _enlarge(held_view, canvas.window)
            inside = slices(canvas.window, into.window)
            into.pixels[inside] += light
            if centre:
                into.ids[inside] = canvas.ids
            self._views[canvas.layers] = into
        self._total += weight

    def add_black(self, weight: float) -> None:
        """Add an instant without light."""
        self._total += weight

    def develop(self) -> tuple[Frame, dict[int, Layer]]:
        """The mean in the output space: the frame that lends its metadata, and the layers by their index."""
        assert self._template is not None
        made: dict[int, Layer] = {}
        for canvas in self._views.values():
            pixels = canvas.pixels
            pixels /= np.float32(self._total)
            made.update(scatter(self._template, self._windows, canvas, pixels, canvas.ids, self._color))
        return self._template, made


def _enlarge(canvas: Canvas, window: Window) -> Canvas:
    """The same canvas over a window that holds ``window`` as well."""
    whole = canvas.window.union(window)
    if whole == canvas.window:
        return canvas
    inside = slices(canvas.window, whole)
    pixels = np.zeros((whole.height, whole.width, canvas.pixels.shape[2]), np.float32)
    ids = np.zeros((whole.height, whole.width, canvas.ids.shape[2]), np.uint32)
    pixels[inside], ids[inside] = canvas.pixels, canvas.ids
    return replace(canvas, window=whole, pixels=pixels, ids=ids)
