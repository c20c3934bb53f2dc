"""Where do the shots of a source begin, when nobody says? Looks at every frame once, small, in flow space."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from retempo.io.source import Source
from retempo.metrics.shots import find_cuts, make_thumbnail
from retempo.render.canvas import canvas_window, group_views, guide_of
from retempo.render.frame import FrameRenderer
from retempo.render.settings import AUTO_CUTS, RetimeSettings

ROWS = 256
"""Read and converted at a time, so that no frame is held whole."""


def resolve_cuts(
    settings: RetimeSettings,
    source: Source,
    open_renderer: Callable[[RetimeSettings, Source], FrameRenderer],
) -> RetimeSettings:
    """The same settings with a list of cuts, which are looked for where ``--cuts auto`` asks for that.

    Raises:
        InputError: a frame cannot be read.
    """
    if settings.cuts != AUTO_CUTS:
        return settings
    found = detect_cuts(source, open_renderer(settings, source))
    return replace(settings, cuts=",".join(map(str, found)))


def detect_cuts(source: Source, renderer: FrameRenderer) -> list[int]:
    """The first frames of new shots among ``source.frames``; see ``metrics.shots`` for what is told from what."""
    small = [make_thumbnail(_guides(source, number, renderer)) for number in source.frames]
    return [source.frames[index] for index in find_cuts(small)]


def _guides(source: Source, number: int, renderer: FrameRenderer) -> Iterator[np.ndarray]:
    """The picture that flow would be found on, of the first view, some rows at a time."""
    header = source.header(number)
    layers = next(iter(group_views(header).values()))
    window = canvas_window([header], layers)
    rows = ROWS if source.kind == "images" else window.height  # a movie's frame is decoded whole
    for row in range(window.y, window.y1, rows):
        part = window.rows(row, row + rows)
        frame = source.read(number, (part.y, part.y1))
        yield guide_of(frame, layers, part, renderer.color, renderer.settings.flow_layer)
