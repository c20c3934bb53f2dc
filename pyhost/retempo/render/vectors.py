"""Where do motion vectors and depth come from, when a renderer has written them?

From channels of the source itself or of a second sequence, named and stored as the preset says.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

import numpy as np

from retempo.errors import InputError
from retempo.flow.catalog import VectorsMarker
from retempo.flow.inversion import invert_flow
from retempo.flow.vectors import Direction, VectorPreset, decode_vectors, find_preset
from retempo.io.frame import Frame, Layer, Window
from retempo.render.canvas import place, slices
from retempo.render.settings import RetimeSettings

Field = tuple[np.ndarray, np.ndarray]
"""Flow ``[H, W, 2]`` and where it is valid ``[H, W]``."""


def vector_flow(
    settings: RetimeSettings,
    marker: VectorsMarker,
    first: Frame,
    second: Frame,
    layers: Sequence[int],
    window: Window,
    spacing: int,
    empty: tuple[np.ndarray, np.ndarray],
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Flow between two frames from stored vectors: ``(flow01, flow10, valid01, valid10)``.

    A renderer writes the motion to the next and the previous *frame*; across a gap of ``spacing`` frames it is
    multiplied, which assumes that the speed does not change. Where a file holds one direction only, the other is
    derived from it (see ``invert_flow``); what was hidden in one frame takes the other's own vectors, backwards.

    ``empty`` says where either frame shows nothing (see ``empty_of``): there nothing moves, which is as valid as any
    vector; only beyond the vectors' data window, where a frame does show something, motion is unknown.

    Raises:
        InputError: the channels that the preset names are not there.
    """
    preset = find_preset(marker.preset or settings.vector_preset)
    view = first.layers[layers[0]].view
    forward = _read(settings, preset, first, view, window, "forward", spacing)
    backward = _read(settings, preset, second, view, window, "backward", spacing)
    if forward is None and backward is None:
        raise no_vectors(first, preset)
    if forward is None:
        assert backward is not None
        forward = _derive(
            backward, empty[1], _read(settings, preset, first, view, window, "backward", spacing)
        )
        forward[0][empty[0]] = 0.0
    elif backward is None:
        backward = _derive(
            forward, empty[0], _read(settings, preset, second, view, window, "forward", spacing)
        )
        backward[0][empty[1]] = 0.0
    return forward[0], backward[0], forward[1] | empty[0], backward[1] | empty[1]


def _derive(field: Field, empty: np.ndarray, own: Field | None) -> Field:
    """The motion back along ``field``, whose frame is ``empty`` in part; ``own``: the other frame's way onwards."""
    flow, seen = invert_flow(field[0], valid=field[1] & ~empty, guess=None if own is None else -own[0])
    return flow, seen if own is None else seen | own[1]


def check_vectors(settings: RetimeSettings, marker: VectorsMarker, frame: Frame, view: str) -> None:
    """See by a header that a view has the vectors which ``vector_flow`` will read.

    Raises:
        UsageError: there is no such preset.
        InputError: the channels that it names are not there.
    """
    preset = find_preset(marker.preset or settings.vector_preset)
    if not any(_find(frame, view, preset.channels(direction)) for direction in get_args(Direction)):
        raise no_vectors(frame, preset)


def no_vectors(frame: Frame, preset: VectorPreset) -> InputError:
    """The error that names the channels which are wanted."""
    wanted = ", ".join(name for pair in (preset.forward, preset.backward) for name in pair)
    return InputError(
        f"{frame.path} has no vectors of the preset {preset.name!r} ({wanted})",
        "`retempo info` lists the channels; choose another --vector-preset, or name the sequence with --vectors",
    )


def _find(frame: Frame, view: str, names: Sequence[str]) -> tuple[Layer, list[int]] | None:
    for layer in frame.layers:
        if names and layer.view in (view, ""):
            columns = [_column(layer.channels, layer.name, name) for name in names]
            found = [column for column in columns if column is not None]
            if len(found) == len(names):
                return layer, found
    return None


def _read(
    settings: RetimeSettings,
    preset: VectorPreset,
    frame: Frame,
    view: str,
    window: Window,
    direction: Direction,
    spacing: int,
) -> Field | None:
    held = _find(frame, view, preset.channels(direction))
    if held is None:
        return None
    layer, columns = held
    alpha = None
    if preset.unpremultiply or preset.least_alpha is not None:
        alpha = _alpha(frame, view, window)
    flow, valid = decode_vectors(
        place(layer, columns, window),
        preset,
        alpha,
        frame.display.width,
        frame.display.height,
        direction=direction,
        maximum=settings.vector_max or None,
        scale=spacing * settings.vector_scale,
        flip_y=None if settings.vector_flip_y == "preset" else settings.vector_flip_y == "up",
    )
    if layer.window != window:
        covered = np.zeros(valid.shape, bool)
        covered[slices(layer.window, window)] = True
        valid &= covered
        flow[~covered] = 0.0
    return flow, valid


def _column(channels: Sequence[str], layer: str, name: str) -> int | None:
    for spelled in (name, name.rpartition(".")[2] if name.rpartition(".")[0] == layer else name):
        if spelled in channels:
            return channels.index(spelled)
    return None


def _alpha(frame: Frame, view: str, window: Window) -> np.ndarray | None:
    for layer in frame.layers:
        if layer.view in (view, "") and layer.alpha_index is not None:
            return place(layer, [layer.alpha_index], window)[..., 0]
    return None


def depth_of(settings: RetimeSettings, frame: Frame, layers: Sequence[int], window: Window) -> np.ndarray:
    """The depth channel of one view, ``[H, W]`` as stored; outside its data window infinitely far."""
    index, column = find_depth(settings, frame, layers)
    layer = frame.layers[index]
    depth = np.full((window.height, window.width), np.inf, np.float32)
    depth[slices(layer.window, window)] = layer.pixels[..., column]
    return depth


def find_depth(settings: RetimeSettings, frame: Frame, layers: Sequence[int]) -> tuple[int, int]:
    """Which layer, and which of its channels, holds the depth.

    Raises:
        InputError: none does.
    """
    wanted = settings.depth_channel
    for index in layers:
        layer = frame.layers[index]
        for column, name in enumerate(layer.channels):
            if wanted in (name, f"{layer.name}.{name}") if wanted else layer.role(name) == "depth":
                return index, column
    missing = f"no channel called {wanted!r}" if wanted else "no depth channel"
    raise InputError(
        f"{frame.path} has {missing}", "`retempo info` lists the channels; name one with --depth-channel"
    )
