"""What must not move, and where does that come from? Found by ``survey``, or read from a picture or a sequence.

It is a layer of its own, in front of everything, which stands still; see ``synthesis.layered``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from retempo.errors import InputError
from retempo.io.frame import Frame, Window, make_layer
from retempo.io.sequence import open_source
from retempo.io.source import Source
from retempo.render.canvas import slices

NONE = "none"
"""Looked for, and nothing found."""


@dataclass(frozen=True)
class Overlay:
    """What lies still in all frames alike.

    Args:
        mask: [H, W], True or up to 1 where it is.
        window: what the mask covers, display coordinates.
    """

    mask: np.ndarray
    window: Window

    def of(self, number: int, window: Window) -> np.ndarray:
        """Its coverage in frame ``number`` over ``window``, [H, W] float32 in [0, 1]; beyond the mask there is none."""
        return place(self.mask, self.window, window)

    def check(self, numbers: Iterable[int]) -> None:
        """See before any work that every one of these frames has a mask.

        Raises:
            InputError: naming the first that is missing.
        """

    @cached_property
    def digest(self) -> str:
        """Changes with the mask."""
        data = np.packbits(self.mask) if self.mask.dtype == np.bool_ else np.ascontiguousarray(self.mask)
        return hashlib.sha256(data.tobytes() + repr(self.window).encode()).hexdigest()[:16]

    def picture(self, display: Window) -> Frame:
        """It as a picture for ``write_frame``, which ``read_mask`` reads again; ``display``: the source's."""
        pixels = np.ascontiguousarray(self.mask[..., None], np.float32)
        layer = make_layer(pixels, ["Y"], window=self.window, display=display, formats="half")
        return Frame([layer], display, Path("overlay"))

    @property
    def share(self) -> float:
        """Of the picture that it covers."""
        return float(self.mask.mean())

    @property
    def box(self) -> tuple[int, int, int, int]:
        """First column and row, and one past the last of each, display coordinates."""
        rows, columns = np.flatnonzero(self.mask.any(axis=1)), np.flatnonzero(self.mask.any(axis=0))
        x, y = self.window.x, self.window.y
        return int(columns[0]) + x, int(rows[0]) + y, int(columns[-1]) + 1 + x, int(rows[-1]) + 1 + y


class OverlaySequence(Overlay):
    """One that comes and goes: a mask a frame, with the source's numbers."""

    def __init__(self, masks: Source, source: Source) -> None:
        first = read_mask(masks, masks.frames[0], source.header(source.frames[0]).display)
        super().__init__(*first)
        object.__setattr__(self, "_masks", masks)
        object.__setattr__(self, "_display", source.header(source.frames[0]).display)

    _masks: Source
    _display: Window

    def check(self, numbers: Iterable[int]) -> None:
        for number in sorted(numbers):
            if number not in self._masks.frames:
                raise InputError(
                    f"{self._masks.path(number)} is missing, the overlay of source frame {number}",
                    "paint it; without an overlay it is black",
                )

    def of(self, number: int, window: Window) -> np.ndarray:
        return place(*read_mask(self._masks, number, self._display), window)

    @cached_property
    def digest(self) -> str:
        parts = [self._masks.digest(number) for number in self._masks.frames]
        return hashlib.sha256("".join(parts).encode()).hexdigest()[:16]


def open_overlay(pattern: str, source: Source) -> Overlay:
    """The overlay of a picture, which holds for all frames, or of a sequence of as many pictures.

    Raises:
        InputError: there is no such file, or it has another size than the source.
    """
    masks = open_source(pattern)
    if len(masks.frames) > 1:
        return OverlaySequence(masks, source)
    return Overlay(*read_mask(masks, masks.frames[0], source.header(source.frames[0]).display))


def read_mask(
    masks: Source, number: int, display: Window, what: str = "overlay"
) -> tuple[np.ndarray, Window]:
    """A mask [H, W] float32 in [0, 1], from its first layer's alpha or else its first channel, and what it covers.

    ``what``: it is called in errors.

    Raises:
        InputError: it has another size than ``display``, or no channel.
    """
    frame = masks.read(number)
    layer = frame.layers[0]
    if (frame.display.width, frame.display.height) != (display.width, display.height):
        raise InputError(
            f"the {what} {frame.path} is {frame.display}, the source {display}",
            "paint it at the source's size",
        )
    if not layer.channels:
        raise InputError(
            f"{frame.path} has no channel to be its {what}", "give a picture that is white there"
        )
    column = 0 if layer.alpha_index is None else layer.alpha_index
    window = layer.window
    shift = display.x - frame.display.x, display.y - frame.display.y
    there = Window(window.x + shift[0], window.y + shift[1], window.width, window.height)
    return np.clip(np.nan_to_num(layer.pixels[..., column]), 0.0, 1.0).astype(np.float32), there


def place(mask: np.ndarray, covered: Window, window: Window) -> np.ndarray:
    """A mask that covers one window, over another."""
    plane = np.zeros((window.height, window.width), np.float32)
    common = covered.intersection(window)
    if common.width > 0 and common.height > 0:
        plane[slices(common, window)] = mask[slices(common, covered)]
    return plane
