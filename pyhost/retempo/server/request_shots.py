"""Where does a client's clip cut? Each frame once, small; then all small pictures together: ``--cuts auto``."""

from __future__ import annotations

from typing import Final

import numpy as np

from retempo.errors import InputError, UsageError
from retempo.io.frame import Window
from retempo.metrics.shots import HEIGHT, WIDTH, find_cuts
from retempo.render.frame import FrameRenderer
from retempo.render.survey import thumbnail_of
from retempo.server.render_message import FrameEntry, Kind, Output, RenderMessage, Role
from retempo.server.request_frames import Given, source_frame

VALUES: Final = WIDTH * HEIGHT
"""Of a small picture: a row of these stands for a frame."""


def check_shots(message: RenderMessage) -> None:
    """Refuse what cannot be done, before a pixel is sent; other kinds are not looked at.

    Raises:
        InputError: other than one source frame; rows that are no small pictures.
        UsageError: a result of another size.
    """
    if message.kind != Kind.SHOTS:
        return
    entry = _only(message)
    if message.output == Output.CUTS and (entry.channels, entry.window.width) != (1, VALUES):
        raise InputError(
            f"the small pictures are {entry.window.width} wide, in {entry.channels} channels",
            f"send rows of {VALUES}, each the result of output {Output.THUMBNAIL}",
        )
    wanted = (VALUES, 1) if message.output == Output.THUMBNAIL else (1, entry.window.height)
    if (message.window.width, message.window.height, message.channels) != (*wanted, 1):
        raise UsageError(
            f"a result of {message.window.width}x{message.window.height} was asked for",
            f"ask for {wanted[0]}x{wanted[1]}, one channel",
        )


def shots_of(renderer: FrameRenderer, given: Given) -> tuple[np.ndarray, Window]:
    """A frame as a row, ``[1, VALUES, 1]``; or of N such rows which ones begin a shot, ``[N, 1, 1]``: 1, else 0."""
    message = given.message
    entry = _only(message)
    if message.output == Output.THUMBNAIL:
        small = thumbnail_of(source_frame(given, entry.number), renderer)
        return small.reshape(1, VALUES, 1), message.window
    rows = given.pixels[Role.SOURCE, entry.number].reshape(-1, HEIGHT, WIDTH)
    if not np.isfinite(rows).all():
        raise InputError("a small picture has values that are no numbers", "make it of the frame again")
    begins = np.zeros((len(rows), 1, 1), np.float32)
    begins[find_cuts(list(rows))] = 1.0
    return begins, message.window


def _only(message: RenderMessage) -> FrameEntry:
    if len(message.frames) != 1 or message.frames[0].role != Role.SOURCE:
        raise InputError(f"{len(message.frames)} frames were sent", "send one source frame")
    return message.frames[0]
