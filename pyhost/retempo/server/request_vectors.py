"""Which motion does a request get to see? That of a source frame, or that of the picture at a time between two."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any, Final, Literal

import numpy as np

from retempo.errors import UsageError
from retempo.flow.consistency import confidence, occlusion
from retempo.flow.vectors import encode_vectors, find_preset
from retempo.io.frame import Window
from retempo.render.canvas import slices
from retempo.render.frame import FrameRenderer
from retempo.render.network import NetworkGap
from retempo.render.prepared_frames import PreparedFrames
from retempo.server.render_message import Kind, Output, RenderMessage, Role
from retempo.server.request_frames import Given, Pair, vector_channels
from retempo.synthesis.layered import LayeredPrepared
from retempo.synthesis.ways import render_ways

Direction = Literal["forward", "backward"]
SHOWN: Final = "nuke"
"""Convention of a retimed picture's vectors: pixels, y up. ``vector_preset`` says how to read those of the input."""


def frame_vectors(
    renderer: FrameRenderer, given: Given, prepare: Callable[[Pair], PreparedFrames]
) -> tuple[np.ndarray, Window]:
    """Motion of one source frame to its neighbours, over its own window, as ``retempo vectors`` writes it.

    Raises:
        UsageError: there are several estimators, or the engine knows no motion.
    """
    message = given.message
    _check_estimators(renderer)
    here = int(message.time)
    entry = given.entry(Role.SOURCE, here)
    assert entry is not None
    shape = (entry.window.height, entry.window.width)
    made = np.zeros((*shape, 4), np.float32)
    if message.output != Output.VECTORS:
        made[..., 3] = 1.0
    ways: tuple[tuple[Direction, int], ...] = (("forward", here + 1), ("backward", here - 1))
    for column, (direction, other) in enumerate(ways):
        flow, back = np.zeros((*shape, 2), np.float32), None
        if given.entry(Role.SOURCE, other) is not None:
            before, after = sorted((here, other))
            view = prepare(Pair((before, after), before)).views[0]
            if view.motion is None:
                raise no_motion(renderer, message)
            first = 0 if direction == "forward" else 1
            flow, back = (
                np.ascontiguousarray(
                    _host(next(one.flow for one in view.motion.candidates if one.frame == frame))
                )
                for frame in (first, 1 - first)
            )
            inside = slices(entry.window, view.canvases[0].window)
        if message.output == Output.VECTORS:
            _store(made, flow if back is None else flow[inside], direction, renderer, message)
        elif message.output == Output.CONFIDENCE:
            made[..., column] = 0.0 if back is None else confidence(flow, back)[inside]
        else:
            made[..., column] = 1.0 if back is None else occlusion(flow, back)[inside]
    return np.ascontiguousarray(made[..., : message.channels]), entry.window


def picture_vectors(
    renderer: FrameRenderer, prepared: PreparedFrames, message: RenderMessage, time: Fraction
) -> tuple[np.ndarray, Window]:
    """Where the pixels of the picture at a time between two source frames lie in those two.

    Args:
        prepared: with the options that count now.
        time: as ``prepared`` counts.

    Raises:
        UsageError: there are several estimators, or the engine knows no motion.
    """
    _check_estimators(renderer)
    view = prepared.views[0]
    if view.motion is None or isinstance(view.motion, NetworkGap):
        raise no_motion(renderer, message)
    assert not isinstance(view.motion, LayeredPrepared)  # mattes have been refused
    settings = renderer.settings
    ways = render_ways(view.motion, time, threads=settings.threads, deterministic=settings.deterministic)
    made = np.zeros_like(ways)
    _store(made, ways[..., :2], "forward", renderer, message)
    _store(made, ways[..., 2:], "backward", renderer, message)
    return made, view.canvases[0].window


def no_motion(renderer: FrameRenderer, message: RenderMessage) -> UsageError:
    """The error for what an engine without motion cannot say."""
    what = message.output.name.lower()
    return UsageError(f"the engine {renderer.settings.engine} knows no {what}", "choose the engine splatsyn")


def _check_estimators(renderer: FrameRenderer) -> None:
    if len(renderer.estimators) > 1:
        raise UsageError(
            f"the flow {renderer.settings.flow} names several estimators", "vectors are of one; choose one"
        )


def _store(
    made: np.ndarray, flow: np.ndarray, way: Direction, renderer: FrameRenderer, message: RenderMessage
) -> None:
    """Put a flow into the channels that the convention has for its direction."""
    settings, display = renderer.settings, message.display
    preset = find_preset(SHOWN if message.kind == Kind.RETIME else settings.vector_preset)
    names = preset.channels(way)
    if names:
        solid = np.ones(flow.shape[:2], np.float32)  # nothing is transparent to the flow
        stored = encode_vectors(
            flow, preset, solid, display.width, display.height,
            direction=way, maximum=settings.vector_max or None,
        )  # fmt: skip
        every = vector_channels(preset)
        made[..., [every.index(name) for name in names]] = stored


def _host(array: Any) -> np.ndarray:
    return array if isinstance(array, np.ndarray) else array.cpu().numpy()
