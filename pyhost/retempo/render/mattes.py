"""Where does the foreground's matte come from, and how does a layer alone become a picture?

A matte is a channel of the source itself, or of a second sequence with the source's frame numbers: 1 is foreground, 0
is background. Where it has no pixels, beyond its data window, is background.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from retempo.errors import InputError, UsageError
from retempo.io.frame import Frame, Window
from retempo.io.source import Source
from retempo.render.canvas import Canvas, slices
from retempo.render.settings import RetimeSettings
from retempo.synthesis.layered import show_layer


def own_mattes(settings: RetimeSettings) -> bool:
    """Is the matte a channel of the source itself?"""
    return bool(settings.matte_channel) and not settings.matte


def matte_of(
    settings: RetimeSettings, matte: Frame, source: Frame, layers: Sequence[int], window: Window
) -> np.ndarray:
    """The matte of one view, ``[H, W]`` float32 in [0, 1]; what lies beyond is taken for 0 or 1.

    Args:
        matte: the frame that holds it, which may be ``source`` itself.
        source: the frame that it belongs to; ``layers`` are of one of its views.

    Raises:
        InputError: it has another size, no such channel, or values that are no numbers.
    """
    _check_size(matte, source)
    index, column = find_matte(settings, matte, source.layers[layers[0]].view)
    layer = matte.layers[index]
    plane = np.zeros((window.height, window.width), np.float32)
    held = layer.window.intersection(window)
    if held.width and held.height:
        plane[slices(held, window)] = layer.pixels[slices(held, layer.window)][..., column]
    if np.isnan(plane).any():
        raise InputError(
            f"the matte {matte.path} holds values that are not numbers (NaN)",
            "render it anew, or paint them out",
        )
    plane = np.clip(plane, 0.0, 1.0)
    return 1 - plane if settings.matte_invert else plane


def find_matte(settings: RetimeSettings, frame: Frame, view: str) -> tuple[int, int]:
    """Which layer, and which of its channels, holds the matte: the named one, else alpha, else the first there is.

    Raises:
        InputError: there is no such channel.
    """
    wanted = settings.matte_channel
    held = [index for index, layer in enumerate(frame.layers) if layer.view in (view, "")]
    held = held or list(range(len(frame.layers)))
    for index in held:
        layer = frame.layers[index]
        for column, name in enumerate(layer.channels):
            if wanted in (name, f"{layer.name}.{name}"):
                return index, column
    if not wanted:
        for index in held:
            alpha = frame.layers[index].alpha_index
            if alpha is not None:
                return index, alpha
        for index in held:
            if frame.layers[index].channels:
                return index, 0
    ids = [name for index in held for name in frame.layers[index].id_channels]
    missing = f"no channel called {wanted!r}" if wanted else "no channel to be a matte"
    if wanted and wanted in ids:
        missing = f"ids in {wanted!r}, which are no matte"
    raise InputError(
        f"{frame.path} has {missing}", "`retempo info` lists the channels; name one with --matte-channel"
    )


def check_mattes(
    settings: RetimeSettings, source: Source, mattes: Source | None, needed: Iterable[int]
) -> None:
    """See before any work that every source frame has a matte, of its size and with the channel that is named.

    Args:
        mattes: the second sequence; None where the matte is a channel of the source, or there is none.
        needed: numbers of the source frames whose matte will be read.

    Raises:
        UsageError: a layer alone is wanted, and there is no matte.
        InputError: a matte is missing, or does not fit.
    """
    if mattes is None and not own_mattes(settings):
        if settings.matte_output != "result":
            raise no_matte(settings)
        return
    held = source if mattes is None else mattes
    numbers = sorted(set(needed))
    for number in numbers:
        if number not in held.frames:
            raise InputError(
                f"{held.path(number)} is missing, the matte of source frame {number}",
                "render it; without foreground it is black",
            )
    for number in numbers[:1]:
        header, frame = held.header(number), source.header(number)
        _check_size(header, frame)
        for view in {layer.view for layer in frame.layers}:
            find_matte(settings, header, view)


def _check_size(matte: Frame, source: Frame) -> None:
    if matte.display != source.display:
        raise InputError(
            f"the matte {matte.path} is {matte.display}, its source frame {source.display}",
            "render it at the source's size",
        )


def no_matte(settings: RetimeSettings) -> UsageError:
    """The error about a layer that nothing separates from the other."""
    return UsageError(
        f"--matte-output is {settings.matte_output}, and there is no matte",
        "give --matte SEQUENCE or --matte-channel NAME",
    )


def show_alone(template: Frame, canvas: Canvas, coverage: np.ndarray, output: str) -> Canvas:
    """A canvas of one layer, or of the matte.

    Args:
        canvas: ``pixels`` show a layer, not premultiplied by its coverage; may be changed.
        coverage: ``[H, W]`` of the layer.
        output: ``foreground`` or ``background``: colour and alpha are multiplied by the coverage, other channels stay;
            ``matte``: the coverage stands in colour and alpha.
    """
    start = 0
    for index in canvas.layers:
        layer = template.layers[index]
        grouped = {column for group in layer.color_groups() for column in group}
        for column in grouped or layer.indices("alpha"):
            shown = coverage if output == "matte" else canvas.pixels[..., start + column] * coverage
            canvas.pixels[..., start + column] = shown
        start += len(layer.channels)
    return replace(canvas, raw=output == "matte")


def show_still(template: Frame, canvas: Canvas, matte: np.ndarray, output: str) -> Canvas:
    """The canvas of a source frame as one layer of it, or its matte ``[H, W]``."""
    made = show_layer(canvas.pixels, matte, canvas.ids if canvas.ids.shape[-1] else None, output)
    held = replace(canvas, pixels=made.pixels, ids=canvas.ids if made.ids is None else made.ids)
    return show_alone(template, held, made.matte, output)
