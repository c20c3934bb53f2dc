"""How does a request become a picture? Through ``FrameRenderer``, like everywhere else.

What is kept between requests is the caller's: this file makes, it does not remember.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from retempo.flow.catalog import VectorsMarker
from retempo.flow.vectors import find_preset
from retempo.io.frame import Frame, Window
from retempo.render.canvas import slices
from retempo.render.exposure import Exposure
from retempo.render.frame import FrameRenderer
from retempo.render.network import NetworkGap
from retempo.render.prepared_frames import PreparedFrames
from retempo.render.still import assemble
from retempo.server.render_message import LAYERS, Kind, Output, RenderMessage
from retempo.server.request_frames import (
    Given,
    Pair,
    has_mattes,
    is_copy,
    is_of_frame,
    matte_frame,
    pair_of,
    pairs_of,
    passes_of,
    source_frame,
    vector_frame,
)
from retempo.server.request_shots import shots_of
from retempo.server.request_vectors import frame_vectors, no_motion, picture_vectors

Prepare = Callable[[Pair], PreparedFrames]
"""Source frames -> what is prepared for them (times count from the first), made or remembered."""


def prepare_frames(renderer: FrameRenderer, given: Given, pair: Pair) -> PreparedFrames:
    """Prepare a set of source frames; their times count from the first, so that equal content is equal anywhere."""
    numbers, first = pair
    frames = {number - numbers[0]: source_frame(given, number) for number in numbers}
    vectors = None
    marker = next((one for one in renderer.estimators if isinstance(one, VectorsMarker)), None)
    if marker is not None:
        preset = find_preset(marker.preset or renderer.settings.vector_preset)
        vectors = {number - numbers[0]: vector_frame(given, number, preset) for number in numbers}
    mattes = None
    if has_mattes(given.message):
        mattes = {number - numbers[0]: matte_frame(given, number) for number in numbers}
    return renderer.prepare(frames, vectors, first - numbers[0], mattes=mattes)


def make_result(renderer: FrameRenderer, given: Given, prepare: Prepare) -> tuple[np.ndarray, Window]:
    """The asked-for quantity over its own window: ``[H, W, channels]`` float32."""
    message = given.message
    if message.kind == Kind.SHOTS:
        return shots_of(renderer, given)
    if is_of_frame(message):
        return frame_vectors(renderer, given, prepare)
    if is_copy(message):
        layer = _copy(renderer, given).layers[0]
        if message.output in (Output.PICTURE, *LAYERS):
            return layer.pixels, layer.window
        known = np.full(layer.pixels.shape[:2], message.output == Output.CONFIDENCE, np.float32)
        return spread(known, message.channels), layer.window
    if message.instants:
        return _exposed(renderer, given, prepare)
    (pair,) = pairs_of(message, given.settings)
    prepared = with_options(prepare(pair), renderer)
    time = message.time - pair.numbers[0]
    if message.output in (Output.PICTURE, *LAYERS):
        layer = renderer.render(prepared, time).layers[0]
        return layer.pixels, layer.window
    if message.output == Output.VECTORS:
        return picture_vectors(renderer, prepared, message, time)
    return _trust(renderer, prepared, message, time)


def _exposed(renderer: FrameRenderer, given: Given, prepare: Prepare) -> tuple[np.ndarray, Window]:
    """The mean of the instants that a client names."""
    exposure = Exposure(renderer.color)
    for one in passes_of(given.message, given.settings):
        if one.kind == "black":
            exposure.add_black(sum(one.weights))
            continue
        start = one.numbers[0]
        if one.kind == "between":
            prepared = with_options(prepare(pair_of(one)), renderer)
        else:
            prepared = _still(renderer, given, one.numbers)
        renderer.expose(exposure, prepared, replace(one, times=tuple(time - start for time in one.times)))
    layer = assemble(*exposure.develop()).layers[0]
    return layer.pixels, layer.window


def _still(renderer: FrameRenderer, given: Given, numbers: tuple[int, ...]) -> PreparedFrames:
    """Source frames without motion, or one layer of each."""
    frames = {number - numbers[0]: source_frame(given, number) for number in numbers}
    mattes = None
    if given.message.output in LAYERS:
        mattes = {number - numbers[0]: matte_frame(given, number) for number in numbers}
    return renderer.prepare(frames, mattes=mattes, motion=False)


def _copy(renderer: FrameRenderer, given: Given) -> Frame:
    """A source frame as it stands, or one layer of it."""
    number = int(given.message.time)
    if given.message.output not in LAYERS:
        return renderer.pass_through(source_frame(given, number))
    return renderer.render(_still(renderer, given, (number,)), Fraction(0))


def with_options(prepared: PreparedFrames, renderer: FrameRenderer) -> PreparedFrames:
    """The same motion, rendered with this renderer's options: footprint, merge, filter are no matter of preparing."""
    views = tuple(
        view if view.motion is None else replace(view, motion=view.motion.with_options(renderer.options))
        for view in prepared.views
    )
    return replace(prepared, views=views)


def _trust(
    renderer: FrameRenderer, prepared: PreparedFrames, message: RenderMessage, time: Fraction
) -> tuple[np.ndarray, Window]:
    """Confidence or holes at a time between source frames."""
    view = prepared.views[0]
    if view.motion is None or isinstance(view.motion, NetworkGap):
        raise no_motion(renderer, message)
    made = view.motion.render(
        view.pixels, time, threads=renderer.settings.threads, deterministic=renderer.settings.deterministic
    )
    plane = made.confidence if message.output == Output.CONFIDENCE else made.hole
    return spread(_host(plane).astype(np.float32), message.channels), view.canvases[0].window


def spread(plane: np.ndarray, channels: int) -> np.ndarray:
    """One plane as a grey picture, opaque where there is alpha."""
    made = np.repeat(plane[..., None], channels, axis=2)
    if channels == 4:
        made[..., 3] = 1.0
    return made


def deliver(made: np.ndarray, around: Window, target: np.ndarray, window: Window) -> None:
    """Copy what lies inside of ``window`` into ``target``; the rest of it is 0."""
    if around == window:
        np.copyto(target, made)
        return
    x0, y0 = max(around.x, window.x), max(around.y, window.y)
    x1, y1 = min(around.x1, window.x1), min(around.y1, window.y1)
    target[...] = 0.0
    if x0 < x1 and y0 < y1:
        part = Window(x0, y0, x1 - x0, y1 - y0)
        target[slices(part, window)] = made[slices(part, around)]


def _host(array: Any) -> np.ndarray:
    return array if isinstance(array, np.ndarray) else array.cpu().numpy()
