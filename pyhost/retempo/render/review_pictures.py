"""How does a frame become a picture for people, of the size that a review shows?

Both sides of a review go the same way: light through a display and view of the config; encoded pictures, of movies and
8-bit files, as they are stored. Of a stereo frame the first view is shown.
"""

from __future__ import annotations

import numpy as np

from retempo.color.config import ColorConfig
from retempo.color.display import choose_view
from retempo.color.nonfinite import replace_nonfinite
from retempo.color.pipeline import ColorPipeline
from retempo.io.frame import Frame, Window
from retempo.io.metadata import attributes_of
from retempo.render.canvas import select, slices
from retempo.report.picture import as_picture, fit_picture, fit_plane


class Screen:
    """Shows frames of the source and of the result alike.

    Args:
        color: of the render: from the source's space to that of the result.
        header: of a source frame; its display window, and the shape of its pixels, give the pictures' size.
        width: of the pictures, at most.
        display, view: of the config; '' takes its defaults, or for encoded pictures none at all.

    Raises:
        ColorError: there is no such display or view.
    """

    def __init__(
        self, color: ColorPipeline, header: Frame, width: int, display: str = "", view: str = ""
    ) -> None:
        config: ColorConfig = color.config
        self._stored = not (display or view) and config.is_display_referred(color.input_space)
        self._chosen = None if self._stored else choose_view(config, display or None, view or None)
        self._source = color
        self._result = ColorPipeline(
            config,
            color.output_space,
            None,
            color.input_space,
            kind=color.kind,
            threads=color.threads,
        )
        aspect = attributes_of(header, header.layers.index(header.main())).get("PixelAspectRatio")
        aspect = float(aspect) if isinstance(aspect, (int, float)) and 0.1 < aspect < 10 else 1.0
        shown = header.display.width * aspect
        self.width = max(1, min(width, round(shown)))
        self.height = max(1, round(header.display.height * self.width / shown))
        self.space = color.input_space

    def describe(self) -> str:
        """How pixels became pictures, in words."""
        if self._chosen is None:
            return f"shown as stored, in {self.space}"
        return f"shown through display {self._chosen[0]}, view {self._chosen[1]}"

    def source(self, frame: Frame) -> np.ndarray:
        """A source frame: [height, width, 3] uint8."""
        return self._show(self._source, frame, False)

    def result(self, frame: Frame) -> np.ndarray:
        """A frame of the result: [height, width, 3] uint8."""
        return self._show(self._result, frame, self._stored)

    def _show(self, color: ColorPipeline, frame: Frame, convert: bool) -> np.ndarray:
        """Light is averaged as light, before the view transform, which takes its time; codes are averaged as codes."""
        pixels = color_of(frame)
        if self._chosen is None:
            codes = color.convert(pixels) if convert else pixels
            return fit_picture(as_picture(codes), self.width, self.height)
        light = color.to_working(replace_nonfinite(pixels)[0])
        return as_picture(color.to_display(fit_plane(light, self.width, self.height), *self._chosen))


def color_of(frame: Frame) -> np.ndarray:
    """The main colour over the display window, [H, W, 3 or 4] float32, premultiplied; without colour one channel."""
    layer = frame.main()
    columns = layer.color_indices() or (0, 0, 0)
    if layer.window == frame.display:
        return select(layer.pixels, columns)
    return on_display(select(layer.pixels, columns), layer.window, frame.display)


def on_display(values: np.ndarray, window: Window, display: Window) -> np.ndarray:
    """Values [h, w, C] over ``window`` as [H, W, C] over ``display``, 0 where there are none."""
    placed = np.zeros((display.height, display.width, *values.shape[2:]), values.dtype)
    shared = window.intersection(display)
    if shared.width and shared.height:
        placed[slices(shared, display)] = values[slices(shared, window)]
    return placed
