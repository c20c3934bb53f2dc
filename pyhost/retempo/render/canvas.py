"""How does a frame of many layers become the arrays that synthesis wants, and how does it come back?

All layers of one view are laid side by side on one canvas: ``pixels [H, W, C]`` float32 in the working
space and ``ids [H, W, K]`` uint32, over the smallest window that holds every data window. Outside its
own data window a layer is zero, as OpenEXR defines it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce

import numpy as np

from retempo.color.nonfinite import replace_nonfinite
from retempo.color.pipeline import ColorPipeline
from retempo.conventions import WORST_FOOTPRINT_RADIUS
from retempo.errors import InputError
from retempo.io.frame import Frame, Layer, Window
from retempo.synthesis.prepared import FILTER_RADIUS

MARGIN = WORST_FOOTPRINT_RADIUS + FILTER_RADIUS
"""Pixels around the data windows that are part of a canvas; see ``canvas_window``."""


@dataclass(frozen=True)
class Canvas:
    """One view of one frame.

    Args:
        window: what the arrays cover, in pixels of the display window's coordinates.
        pixels: ``[H, W, C]`` float32, colour in the working space, premultiplied; every layer's channels in turn.
        ids: ``[H, W, K]`` uint32 bit patterns; K may be 0.
        layers: indices into ``Frame.layers``, in the order of the channels.
        names: layer and name of every channel of ``pixels``.
        repaired: how many colour pixels were NaN or infinite and had to be replaced.
        raw: what stands in place of colour is none (a matte): it is not to be converted.
    """

    window: Window
    pixels: np.ndarray
    ids: np.ndarray
    layers: tuple[int, ...]
    names: tuple[tuple[int, str], ...]
    repaired: int = 0
    raw: bool = False


def group_views(frame: Frame) -> dict[str, tuple[int, ...]]:
    """Which layers move together: by view; layers of no view, or of a view without colour, join the first that has."""
    views: dict[str, list[int]] = {}
    for index, layer in enumerate(frame.layers):
        views.setdefault(layer.view, []).append(index)
    led = [view for view, members in views.items() if any(frame.layers[i].color_indices() for i in members)]
    if not led:
        return {"": tuple(range(len(frame.layers)))}
    groups = {view: list(members) for view, members in views.items() if view in led}
    for view, members in views.items():
        if view not in led:
            groups[led[0]].extend(members)
    return {view: tuple(sorted(members)) for view, members in groups.items()}


def common_window(frames: Sequence[Frame], layers: Sequence[int]) -> Window:
    """The smallest window that holds these layers' data windows in all ``frames``."""
    windows = [frame.layers[index].window for frame in frames for index in layers]
    windows = [window for window in windows if window.width > 0 and window.height > 0]
    if not windows:
        raise InputError(
            f"{frames[0].path} has no pixels in its data window", "check the crop it was rendered with"
        )
    return reduce(Window.union, windows)


def canvas_window(frames: Sequence[Frame], layers: Sequence[int]) -> Window:
    """``common_window`` and a little of what is around it.

    Samples beyond a canvas repeat its edge; so where the display window goes on, a margin as wide as they reach shows
    that there is nothing.
    """
    tight = common_window(frames, layers)
    wide = Window(tight.x - MARGIN, tight.y - MARGIN, tight.width + 2 * MARGIN, tight.height + 2 * MARGIN)
    shown = wide.intersection(frames[0].display)
    return tight.union(shown) if shown.width and shown.height else tight


def union_windows(frames: Sequence[Frame]) -> dict[int, Window]:
    """The data window that each layer has in between: the smallest that holds those of all ``frames``."""
    unions = {}
    for index in range(len(frames[0].layers)):
        windows = [frame.layers[index].window for frame in frames]
        unions[index] = reduce(
            Window.union, [one for one in windows if one.width and one.height] or windows[:1]
        )
    return unions


def slices(window: Window, outer: Window) -> tuple[slice, slice]:
    """Where ``window`` lies in an array that covers ``outer``: rows and columns."""
    top, left = window.y - outer.y, window.x - outer.x
    return slice(top, top + window.height), slice(left, left + window.width)


def gather(frame: Frame, layers: Sequence[int], window: Window, color: ColorPipeline) -> Canvas:
    """Lay ``layers`` of ``frame`` on one canvas over ``window``, colour converted to the working space."""
    members = [frame.layers[index] for index in layers]
    names = tuple((index, name) for index in layers for name in frame.layers[index].channels)
    if len(members) == 1 and members[0].window == window:
        pixels = members[0].pixels
        ids = members[0].ids
    else:
        shape = (window.height, window.width)
        pixels = np.zeros((*shape, sum(len(layer.channels) for layer in members)), np.float32)
        ids = np.zeros((*shape, sum(len(layer.id_channels) for layer in members)), np.uint32)
        at_pixel = at_id = 0
        for layer in members:
            inside = slices(layer.window, window)
            pixels[(*inside, slice(at_pixel, at_pixel + len(layer.channels)))] = layer.pixels
            ids[(*inside, slice(at_id, at_id + len(layer.id_channels)))] = layer.ids
            at_pixel += len(layer.channels)
            at_id += len(layer.id_channels)
    canvas = Canvas(window, pixels, ids, tuple(layers), names)
    for columns in color_columns(frame, canvas):
        colour = select(pixels, columns)
        finite, bad = replace_nonfinite(colour)
        working = color.to_working(finite)
        if working is not colour:
            if canvas.pixels is members[0].pixels:
                canvas = replace(canvas, pixels=canvas.pixels.copy())
            canvas = replace(canvas, repaired=canvas.repaired + bad)
            canvas.pixels[..., columns] = working
    return canvas


def count_bad(frame: Frame, layers: Sequence[int], part: Window) -> int:
    """How many colour pixels of these layers are NaN or infinite within the rows of ``part``."""
    bad = 0
    for index in layers:
        layer = frame.layers[index]
        rows = layer.window.rows(part.y, part.y1)
        inside = layer.pixels[rows.y - layer.window.y : rows.y1 - layer.window.y]
        for group in layer.color_groups():
            bad += replace_nonfinite(select(inside, group))[1]
    return bad


def color_columns(frame: Frame, canvas: Canvas) -> list[list[int]]:
    """Columns of ``canvas.pixels`` that form a colour: one list of three (RGB) or four (RGBA) per colour group."""
    columns: list[list[int]] = []
    start = 0
    for index in canvas.layers:
        layer = frame.layers[index]
        columns.extend([start + one for one in group] for group in layer.color_groups())
        start += len(layer.channels)
    return columns


def scatter(
    template: Frame,
    windows: Mapping[int, Window],
    canvas: Canvas,
    pixels: np.ndarray,
    ids: np.ndarray,
    color: ColorPipeline,
) -> dict[int, Layer]:
    """Cut the canvas into layers again, in the output space.

    Args:
        template: the frame whose names, formats and metadata the layers keep.
        windows: the data window of each layer of the new frame, see ``union_windows``.
        canvas: where each layer lies.
        pixels: ``[H, W, C]`` working pixels of the new frame; may be changed in place.
        ids: ``[H, W, K]``.
        color: converts each colour group to the output space.
    """
    for columns in [] if canvas.raw else color_columns(template, canvas):
        colour = select(pixels, columns)
        shown = color.to_output(colour)
        if shown is not colour:
            pixels[..., columns] = shown
    made: dict[int, Layer] = {}
    at_pixel = at_id = 0
    for index in canvas.layers:
        layer = template.layers[index]
        window = windows[index]
        inside = slices(window, canvas.window)
        next_pixel, next_id = at_pixel + len(layer.channels), at_id + len(layer.id_channels)
        made[index] = layer.like(
            np.ascontiguousarray(pixels[(*inside, slice(at_pixel, next_pixel))]),
            np.ascontiguousarray(ids[(*inside, slice(at_id, next_id))]),
            window,
        )
        at_pixel, at_id = next_pixel, next_id
    return made


def fill_strip(template: Frame, made: Mapping[int, Layer], row: int) -> list[Layer]:
    """The layers of a strip; those that have no row in it are empty."""
    return [made.get(index, _nothing(layer, row)) for index, layer in enumerate(template.layers)]


def _nothing(layer: Layer, row: int) -> Layer:
    """A strip of no rows."""
    width = layer.window.width
    return layer.like(
        np.zeros((0, width, len(layer.channels)), np.float32),
        np.zeros((0, width, len(layer.id_channels)), np.uint32),
        layer.window.rows(row, row),
    )


def select(pixels: np.ndarray, columns: Sequence[int]) -> np.ndarray:
    """Some channels, contiguous; neighbours in order are cut out at once, and all of them are not copied at all."""
    first, last = columns[0], columns[0] + len(columns)
    if list(columns) == list(range(first, last)):
        return np.ascontiguousarray(pixels[..., first:last])
    return np.ascontiguousarray(pixels[..., list(columns)])


def place(layer: Layer, columns: Sequence[int], window: Window) -> np.ndarray:
    """Some channels of a layer over ``window``, ``[H, W, len(columns)]`` float32, 0 outside its data window."""
    if layer.window == window:
        return select(layer.pixels, columns)
    placed = np.zeros((window.height, window.width, len(columns)), np.float32)
    placed[slices(layer.window, window)] = select(layer.pixels, columns)
    return placed


def empty_of(frame: Frame, layers: Sequence[int], window: Window, layer_name: str = "") -> np.ndarray:
    """Where a frame shows nothing at all, ``[H, W]`` bool; ``layers`` and ``layer_name`` as for ``find_guide``.

    That is where colour and alpha are 0, and, within the display window, beyond the data window, where OpenEXR defines
    them as 0. Beyond the display window, what was not rendered is not empty but unknown.
    """
    index, columns = find_guide(frame, layers, layer_name)
    layer = frame.layers[index]
    empty = np.zeros((window.height, window.width), bool)
    seen = window.intersection(frame.display)
    if seen.width and seen.height:
        empty[slices(seen, window)] = True
    held = layer.window.intersection(window)
    if held.width and held.height:
        inside = slices(held, window)
        colour = layer.pixels[slices(held, layer.window)][..., list(columns)]
        empty[inside] = ~colour.any(axis=-1) if layer.alpha_index in columns else False
    return empty


def find_guide(frame: Frame, layers: Sequence[int], layer_name: str = "") -> tuple[int, tuple[int, ...]]:
    """Which layer and which of its channels flow is estimated on.

    The first colour group of ``layers``, or that of the layer called ``layer_name``; without any colour, the
    first channel stands in for all three.

    Raises:
        InputError: there is no such layer, or it holds no channels.
    """
    for index in layers:
        layer = frame.layers[index]
        for group in layer.color_groups():
            prefix = layer.channels[group[0]].rpartition(".")[0]
            if not layer_name or layer_name in (layer.name, prefix):
                return index, group
    if layer_name:
        raise InputError(
            f"{frame.path} has no colour layer called {layer_name!r}",
            "`retempo info` lists the layers; choose one with --flow-layer",
        )
    for index in layers:
        if frame.layers[index].channels:
            return index, (0, 0, 0)
    raise InputError(f"{frame.path} has no channels to find motion in", "`retempo info` lists what it holds")


def guide_of(
    frame: Frame, layers: Sequence[int], window: Window, color: ColorPipeline, layer_name: str = ""
) -> np.ndarray:
    """The picture that flow is estimated on: ``[H, W, 3]`` float32 in [0, 1], in flow space; see ``find_guide``."""
    index, columns = find_guide(frame, layers, layer_name)
    return color.to_flow(place(frame.layers[index], columns, window))
