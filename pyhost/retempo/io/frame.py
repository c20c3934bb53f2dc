"""What is a frame in memory: which layers, which channels, where in the picture, stored how?

Pixels of colour layers are premultiplied by alpha, whatever the file held (EXR convention); ids travel as
``uint32`` bit patterns: the numbers of integer channels, the raw bits of float ones (Cryptomatte).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from retempo.errors import InputError
from retempo.io import channels as ch


class Window(NamedTuple):
    """A rectangle of pixels; x, y of its top-left pixel (may be negative), width and height in pixels."""

    x: int
    y: int
    width: int
    height: int

    @property
    def x1(self) -> int:
        """One past the last column."""
        return self.x + self.width

    @property
    def y1(self) -> int:
        """One past the last row."""
        return self.y + self.height

    def rows(self, y0: int, y1: int) -> Window:
        """Return the part of this window between rows y0 and y1 (one past the last); height may be 0."""
        top = min(max(self.y, y0), self.y1)
        return Window(self.x, top, self.width, max(0, min(self.y1, y1) - top))

    def union(self, other: Window) -> Window:
        """Return the smallest window that holds both."""
        x, y = min(self.x, other.x), min(self.y, other.y)
        return Window(x, y, max(self.x1, other.x1) - x, max(self.y1, other.y1) - y)

    def intersection(self, other: Window) -> Window:
        """Return what lies in both; width or height is 0 where nothing does."""
        x, y = max(self.x, other.x), max(self.y, other.y)
        return Window(x, y, max(0, min(self.x1, other.x1) - x), max(0, min(self.y1, other.y1) - y))

    def __str__(self) -> str:
        return f"{self.width}x{self.height}{self.x:+d}{self.y:+d}"


@dataclass
class Layer:
    """One part (subimage) of a file.

    Attributes:
        name: part name, empty in a single-part file.
        view: stereo view (``left``), empty when there is none.
        channels: names of the last axis of ``pixels``.
        pixels: ``[H, W, C]`` float32, C-contiguous; integers scaled to 0..1; colour premultiplied.
        id_channels: names of the last axis of ``ids``.
        ids: ``[H, W, K]`` uint32 bit patterns, never to be blended.
        window: the data window these pixels fill, in the pixel coordinates of ``Frame.display``.
        formats: how the file stores each channel: ``half``, ``float``, ``uint``, ``uint8``, ``uint16``...
        order: all channel names in the file's order.
        spec: OpenImageIO ImageSpec with all metadata; copy it before changing it.
        crypto: names of the Cryptomatte layers of the whole file.
    """

    name: str
    view: str
    channels: tuple[str, ...]
    pixels: np.ndarray
    id_channels: tuple[str, ...]
    ids: np.ndarray
    window: Window
    formats: dict[str, str]
    order: tuple[str, ...]
    spec: Any
    crypto: tuple[str, ...] = ()

    def color_groups(self) -> list[tuple[int, ...]]:
        """Return (R, G, B[, A]) indices into ``pixels`` of every colour layer, the beauty first."""
        return ch.color_groups(self.channels, self.name)

    def color_indices(self) -> tuple[int, ...]:
        """Return (R, G, B[, A]) indices of the main colour; empty without one; grey gives (Y, Y, Y[, A])."""
        groups = self.color_groups()
        return groups[0] if groups else ()

    @property
    def alpha_index(self) -> int | None:
        """Index of the alpha that belongs to the main colour (or stands alone)."""
        color = self.color_indices()
        if color:
            return color[3] if len(color) == 4 else None
        alone = self.indices("alpha")
        return alone[0] if alone else None

    def role(self, name: str) -> ch.Role:
        """Return what the named channel is for."""
        return ch.role(name, self.name, integer=self.formats.get(name) == "uint", crypto=self.crypto)

    def indices(self, kind: ch.Role) -> tuple[int, ...]:
        """Return the indices into ``pixels`` of the channels of one role."""
        return tuple(i for i, name in enumerate(self.channels) if self.role(name) == kind)

    def like(self, pixels: np.ndarray, ids: np.ndarray | None = None, window: Window | None = None) -> Layer:
        """Return the same layer with other values (and another window); the header is shared."""
        chosen = ids if ids is not None else self.ids
        return replace(self, pixels=pixels, ids=chosen, window=window or self.window)

    @property
    def nbytes(self) -> int:
        """Bytes that the pixels take (or would take, for a header) in memory."""
        return 4 * self.window.width * self.window.height * (len(self.channels) + len(self.id_channels))


@dataclass
class Frame:
    """All layers of one image.

    Attributes:
        layers: one a part, in file order.
        display: the display window.
        path: the file (or movie) it came from.
        format: OpenImageIO's name of the file format (``openexr``, ``png``...), or ``movie``.
    """

    layers: list[Layer]
    display: Window
    path: Path
    format: str = ""
    notes: list[str] = field(default_factory=list)

    def main(self) -> Layer:
        """Return the layer that holds the picture: the first with colour, else the first."""
        return next((layer for layer in self.layers if layer.color_indices()), self.layers[0])

    @property
    def nbytes(self) -> int:
        """Bytes of all pixels and ids."""
        return sum(layer.nbytes for layer in self.layers)


def check_same_layout(a: Frame, b: Frame, *, windows: bool = False) -> None:
    """Refuse two frames of a shot that do not fit together.

    Display windows, parts and channels must agree; data windows may differ from frame to frame (renderers
    crop them) unless ``windows`` asks for equal ones.

    Raises:
        InputError: naming both files and what differs.
    """

    def refuse(what: str, of_a: object, of_b: object) -> None:
        raise InputError(
            f"{a.path} and {b.path} do not fit together: {what} {of_a} against {of_b}",
            "render them alike, or retime them as two shots",
        )

    if (a.display.width, a.display.height) != (b.display.width, b.display.height):
        refuse("size", _size(a.display), _size(b.display))
    if a.display != b.display:
        refuse("display window", a.display, b.display)
    names_a, names_b = _part_names(a.layers), _part_names(b.layers)
    if names_a != names_b:
        refuse("parts", names_a, names_b)
    for one, two in zip(a.layers, b.layers, strict=True):
        mine, theirs = sorted(one.channels + one.id_channels), sorted(two.channels + two.id_channels)
        if mine != theirs or sorted(one.id_channels) != sorted(two.id_channels):
            refuse(f"channels of part '{one.name}'" if one.name else "channels", mine, theirs)
        if windows and one.window != two.window:
            refuse("data window", one.window, two.window)


def _size(window: Window) -> str:
    return f"{window.width}x{window.height}"


def _part_names(layers: Sequence[Layer]) -> list[str]:
    return [f"{layer.name}/{layer.view}" if layer.view else layer.name for layer in layers]


def make_layer(
    pixels: np.ndarray | None,
    names: Sequence[str],
    *,
    ids: np.ndarray | None = None,
    id_names: Sequence[str] = (),
    window: Window | None = None,
    display: Window | None = None,
    formats: dict[str, str] | str = "half",
    name: str = "",
    view: str = "",
) -> Layer:
    """Build a layer from arrays, for pixels that come from no file.

    Args:
        pixels: ``[H, W, C]`` float32, or None when there are only ids.
        names: C channel names.
        ids: ``[H, W, K]`` uint32.
        id_names: K channel names; stored as ``uint`` unless ``formats`` says ``float`` (bit patterns).
        window: data window; default at (0, 0).
        display: display window; default the data window.
        formats: storage format of all float channels, or one a channel.
        name: part name.
        view: stereo view.

    Raises:
        InputError: the arrays do not fit the names, or have no pixels.
    """
    import OpenImageIO as oiio

    given = pixels if pixels is not None else ids
    if given is None or given.ndim != 3 or 0 in given.shape[:2]:
        shape = None if given is None else given.shape
        raise InputError(f"a layer needs an [H, W, C] array with at least one pixel, got {shape}")
    height, width = given.shape[:2]
    pixels = np.zeros((height, width, 0), np.float32) if pixels is None else pixels
    ids = np.zeros((height, width, 0), np.uint32) if ids is None else ids
    for array, wanted in ((pixels, names), (ids, id_names)):
        if array.shape != (height, width, len(wanted)):
            raise InputError(f"channels {list(wanted)} do not fit an array of shape {array.shape}")
    window = window or Window(0, 0, width, height)
    display = display or window
    kinds = {n: formats if isinstance(formats, str) else formats.get(n, "half") for n in names}
    kinds |= {n: "uint" if isinstance(formats, str) else formats.get(n, "uint") for n in id_names}
    spec = oiio.ImageSpec(width, height, len(kinds), "float")
    spec.x, spec.y = window.x, window.y
    spec.full_x, spec.full_y, spec.full_width, spec.full_height = display
    spec.channelnames = tuple(kinds)
    if name:
        spec.attribute("oiio:subimagename", name)
    if view:
        spec.attribute("view", view)
    crypto_prefix = tuple(n.rpartition(".")[0] for n in id_names if kinds[n] == "float")
    return Layer(name, view, tuple(names), pixels, tuple(id_names), ids, window, kinds, tuple(kinds), spec,
                 crypto_prefix)  # fmt: skip
