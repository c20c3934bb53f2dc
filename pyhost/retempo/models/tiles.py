"""How does a picture that is too large for a device pass through a network? Tile by tile, with what can change it.

For engines that say how far around that is (``Capabilities.halo``); then tiles give what the whole picture gives, up to
rounding.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from retempo.errors import UsageError
from retempo.models.base import Capabilities, Fields, Interpolator, Made, as_time

if TYPE_CHECKING:
    from torch import Tensor


class Span(NamedTuple):
    """A stretch of rows or columns: what is made, [start, stop), and what the network sees, [low, high)."""

    start: int
    stop: int
    low: int
    high: int


def cut(length: int, tile: int, halo: int, multiple: int) -> list[Span]:
    """Stretches of at most ``tile`` that cover ``length``; what is seen begins at a multiple of ``multiple``."""
    spans = []
    for start in range(0, length, tile):
        stop = min(start + tile, length)
        low = max(0, start - halo) // multiple * multiple
        spans.append(Span(start, stop, low, min(length, stop + halo)))
    return spans


class Tiled:
    """An engine that works tile by tile.

    Args:
        engine: with a halo.
        tile: side of a tile in pixels, without what is seen around it; > 0.

    Raises:
        UsageError: the engine has no halo, or there is no such tile.
    """

    def __init__(self, engine: Interpolator, tile: int) -> None:
        if engine.capabilities.halo is None:
            raise UsageError(f"{engine.name} needs whole pictures", "leave tile= out")
        if tile < 1:
            raise UsageError(f"tile={tile}", "give pixels, for example 512")
        self.name = engine.name
        self.capabilities: Capabilities = engine.capabilities
        self._engine, self._tile = engine, tile

    def prepare(self, images: Sequence[Tensor]) -> TiledWindow:
        """Keep the window: tiles are prepared one by one, or nothing would be gained."""
        return TiledWindow(self._engine, self._tile, images)


class TiledWindow:
    """A window of which tiles are made in turn."""

    def __init__(self, engine: Interpolator, tile: int, images: Sequence[Tensor]) -> None:
        self._engine, self._tile, self._images = engine, tile, tuple(images)

    @property
    def nbytes(self) -> int:
        return sum(image.nbytes for image in self._images)

    def render(self, time: float | Tensor) -> Made:
        """Make the picture at an instant, or at one a pixel; see ``PreparedWindow``."""
        import torch

        like = self._images[0]
        wanted = as_time(time, like)
        made: list[list[Made]] = []
        for rows, across in self._spans(*like.shape[-2:]):
            made.append([self._make(wanted, rows, columns) for columns in across])
        image = torch.cat([torch.cat([one.image for one in row], 3) for row in made], 2)
        if made[0][0].fields is None:
            return Made(image)
        planes = [
            torch.cat([torch.cat([one.fields[index] for one in row if one.fields], 3) for row in made], 2)
            for index in range(len(Fields._fields))
        ]
        return Made(image, Fields(*planes))

    def _spans(self, height: int, width: int) -> Iterator[tuple[Span, list[Span]]]:
        able = self._engine.capabilities
        assert able.halo is not None
        across = cut(width, self._tile, able.halo, able.multiple)
        for rows in cut(height, self._tile, able.halo, able.multiple):
            yield rows, across

    def _make(self, time: Tensor, rows: Span, columns: Span) -> Made:
        seen = (..., slice(rows.low, rows.high), slice(columns.low, columns.high))
        local = time if time.shape[-2:] == (1, 1) else time[seen]
        made = self._engine.prepare([image[seen] for image in self._images]).render(local)
        inside = (
            ...,
            slice(rows.start - rows.low, rows.stop - rows.low),
            slice(columns.start - columns.low, columns.stop - columns.low),
        )
        fields = None if made.fields is None else Fields(*(plane[inside] for plane in made.fields))
        return Made(made.image[inside], fields)
