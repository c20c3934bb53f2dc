"""What is wanted of a whole frame, while no more than a strip of it is held? Planes for flow, vectors and depth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from retempo.flow.base import EncodedFlowEstimator
from retempo.flow.catalog import VectorsMarker
from retempo.flow.vectors import find_preset
from retempo.io.frame import Frame, Window
from retempo.io.source import Source
from retempo.render.canvas import empty_of, guide_of
from retempo.render.frame import FrameRenderer
from retempo.render.lighting import Lighting


class StripReader:
    """Reads whole frames strip by strip.

    Args:
        renderer: settings, colour and estimators.
        source: the frames.
        rows: height of a strip.
    """

    def __init__(self, renderer: FrameRenderer, source: Source, rows: int) -> None:
        self.renderer = renderer
        self.source = source
        self.rows = rows

    def encode(
        self,
        estimator: EncodedFlowEstimator,
        number: int,
        layers: tuple[int, ...],
        window: Window,
        lighting: Lighting,
    ) -> np.ndarray:
        """What an estimator looks at of a whole frame, [H, W] float32."""
        encoded = np.empty((window.height, window.width), np.float32)
        for part, guide in self.guides(number, layers, window):
            shown = estimator.encode(lighting.apply(number, guide))
            encoded[part.y - window.y : part.y1 - window.y] = shown
        return encoded

    def guides(
        self, number: int, layers: tuple[int, ...], window: Window
    ) -> Iterator[tuple[Window, np.ndarray]]:
        """A frame's picture in flow space, strip by strip."""
        color, name = self.renderer.color, self.renderer.settings.flow_layer
        for row in range(window.y, window.y1, self.rows):
            part = window.rows(row, row + self.rows)
            frame = self.source.read(number, (part.y, part.y1))
            yield part, guide_of(frame, layers, part, color, name)

    def empty(self, number: int, layers: tuple[int, ...], window: Window) -> np.ndarray:
        """``empty_of`` a whole frame."""
        empty = np.empty((window.height, window.width), bool)
        for row in range(window.y, window.y1, self.rows):
            part = window.rows(row, row + self.rows)
            frame = self.source.read(number, (part.y, part.y1))
            empty[part.y - window.y : part.y1 - window.y] = empty_of(
                frame, layers, part, self.renderer.settings.flow_layer
            )
        return empty

    def thin(self, source: Source, number: int) -> Frame:
        """A whole frame that keeps only vector, depth and alpha channels and those that the settings name."""
        header = source.header(number)
        named = named_channels(self.renderer)
        kept = [
            [
                index
                for index, name in enumerate(layer.channels)
                if layer.role(name) in ("vector", "depth", "alpha") or {name, f"{layer.name}.{name}"} & named
            ]
            for layer in header.layers
        ]
        layers = [
            replace(
                layer,
                channels=tuple(layer.channels[index] for index in indices),
                pixels=np.zeros((layer.window.height, layer.window.width, len(indices)), np.float32),
            )
            for layer, indices in zip(header.layers, kept, strict=True)
        ]
        top = min(layer.window.y for layer in layers)
        bottom = max(layer.window.y1 for layer in layers)
        for row in range(top, bottom, self.rows):
            strip = source.read(number, (row, min(row + self.rows, bottom)))
            for whole, part, indices in zip(layers, strip.layers, kept, strict=True):
                start = part.window.y - whole.window.y
                whole.pixels[start : start + part.window.height] = part.pixels[..., indices]
        return replace(header, layers=layers)


def named_channels(renderer: FrameRenderer) -> set[str]:
    """Channels that motion or depth come from because a preset or a flag names them, whatever they look like."""
    settings = renderer.settings
    named = {settings.depth_channel} - {""}
    for estimator in renderer.estimators:
        if isinstance(estimator, VectorsMarker):
            preset = find_preset(estimator.preset or settings.vector_preset)
            named |= {*preset.forward, *preset.backward}
    return named
