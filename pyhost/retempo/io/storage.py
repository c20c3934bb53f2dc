"""In which buffer does a layer go to OpenImageIO, so that every bit arrives?

Half layers are converted to half here (round to nearest even; above 65519 becomes infinity, as in OpenEXR);
float layers travel as float32 with id bits in between; integers are scaled and rounded by OpenImageIO, except
10 and 12 bit (it would cut them off). NaN becomes 0 in integer formats. Nothing is dithered.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from retempo.errors import OutputError
from retempo.io import metadata
from retempo.io.formats import ImageFormat, store_as
from retempo.io.frame import Frame, Layer, Window

_LOSSY_FOR_FLOAT = ("pxr24", "dwaa", "dwab", "b44", "b44a")


@dataclass
class Part:
    """One part as it will be written.

    Attributes:
        index: which layer of the frame.
        window: the full data window.
        spec: ImageSpec for the writer.
        kind: buffer type: ``half``, ``float`` or ``uint``.
        pixels: (position in the file, index into Layer.pixels).
        ids: (position in the file, index into Layer.ids).
        as_uint: names of channels whose type is to be changed to UINT once the file is closed.
        straight: position of alpha that colour is divided by.
        levels: largest integer to round to here, 0 to leave it to the library.
    """

    index: int
    window: Window
    spec: Any
    kind: str
    pixels: list[tuple[int, int]]
    ids: list[tuple[int, int]]
    as_uint: set[str] = field(default_factory=set)
    straight: int | None = None
    levels: int = 0

    def buffer(self, layer: Layer) -> np.ndarray:
        """Return ``[rows, W, channels]`` in file order, in the type that the writer takes."""
        count = len(self.pixels) + len(self.ids)
        plain = not self.ids and [i for _, i in self.pixels] == list(range(layer.pixels.shape[-1]))
        if self.kind == "uint":
            order = [i for _, i in sorted(self.ids)]
            return np.ascontiguousarray(layer.ids[..., order])
        if self.kind == "half":
            with np.errstate(over="ignore", invalid="ignore"):
                if plain:
                    return layer.pixels.astype(np.float16)
                return layer.pixels[..., [i for _, i in self.pixels]].astype(np.float16)
        if plain and self.straight is None and not self.levels:
            return np.ascontiguousarray(layer.pixels, np.float32)
        out = np.empty((*layer.pixels.shape[:2], count), np.float32)
        for position, index in self.pixels:
            out[..., position] = layer.pixels[..., index]
        for position, index in self.ids:
            out[..., position] = layer.ids[..., index].view(np.float32)
        if self.straight is not None:
            alpha = out[..., self.straight : self.straight + 1]
            np.divide(out[..., :-1], alpha, out=out[..., :-1], where=alpha > 0)
        if self.levels:
            np.copyto(out, np.rint(np.clip(np.nan_to_num(out), 0, 1) * self.levels) / self.levels)
        return out


def plan_parts(header: Frame, form: ImageFormat, attributes: dict[str, Any], depth: str | None) -> list[Part]:
    """Decide how each layer is stored in a format.

    Formats without layers take the main colour (R, G, B and alpha where they can hold it).

    Raises:
        OutputError: no colour to write into a format that holds nothing else.
        UsageError: a depth that the format does not have.
    """
    same = header.format == form.name
    if form.layered:
        parts = [_layered(i, layer, form, same, depth, header) for i, layer in enumerate(header.layers)]
    else:
        parts = [_flat(header, form, same, depth)]
    for part in parts:
        metadata.apply(part.spec, attributes)
    return parts


def _base(layer: Layer, header: Frame, same: bool) -> Any:
    spec = layer.spec.copy()
    metadata.clean(spec, same)
    spec.x, spec.y, spec.width, spec.height = layer.window
    spec.full_x, spec.full_y, spec.full_width, spec.full_height = header.display
    spec.z, spec.depth, spec.full_z, spec.full_depth = 0, 1, 0, 1
    spec.tile_width = spec.tile_height = spec.tile_depth = 0
    return spec


def _layered(
    index: int, layer: Layer, form: ImageFormat, same: bool, depth: str | None, header: Frame
) -> Part:
    import OpenImageIO as oiio

    spec = _base(layer, header, same)
    spec.erase_attribute("oiio:UnassociatedAlpha")
    present = layer.channels + layer.id_channels
    order = [name for name in layer.order if name in present]
    order += [name for name in present if name not in order]
    kinds = {}
    for name in order:
        source = layer.formats.get(name, "float")
        if name in layer.id_channels:
            kinds[name] = "uint" if source == "uint" else store_as(form, source, None)
        else:
            kinds[name] = store_as(form, source, depth)
    wholly_ids = all(kind == "uint" for kind in kinds.values())
    as_uint = set() if wholly_ids else {name for name, kind in kinds.items() if kind == "uint"}
    stored = ["float" if name in as_uint else kinds[name] for name in order]
    kind = stored[0] if len(set(stored)) == 1 and (stored[0] != "half" or not layer.id_channels) else "float"
    compression = spec.get_string_attribute("compression").partition(":")[0]
    if (
        as_uint or any(layer.formats.get(n) == "float" for n in layer.id_channels)
    ) and compression in _LOSSY_FOR_FLOAT:
        spec.attribute("compression", "zip")
    spec.nchannels = len(order)
    spec.set_format(oiio.TypeDesc("float" if kind == "float" else kind))
    spec.channelnames = tuple(order)
    spec.channelformats = tuple(oiio.TypeDesc(item) for item in stored) if len(set(stored)) > 1 else ()
    if len(set(stored)) == 1:
        spec.set_format(oiio.TypeDesc(stored[0]))
    if len(header.layers) > 1:
        spec.attribute("oiio:subimagename", layer.name or f"part{index}")
    elif layer.name:
        spec.attribute("name", layer.name)
    if layer.view:
        spec.attribute("view", layer.view)
    return Part(
        index, layer.window, spec, kind,
        [(order.index(name), i) for i, name in enumerate(layer.channels)],
        [(order.index(name), i) for i, name in enumerate(layer.id_channels)],
        as_uint,
    )  # fmt: skip


def _flat(header: Frame, form: ImageFormat, same: bool, depth: str | None) -> Part:
    import OpenImageIO as oiio

    layer = header.main()
    color = layer.color_indices()
    if not color:
        raise OutputError(f"{header.path} has no colour that {form.name} could hold", "write EXR instead")
    if len(set(color[:3])) == 1:
        color = color[:1] + color[3:]
    if not form.alpha and len(color) in (2, 4):
        color = color[:-1]
    spec = _base(layer, header, same)
    kind = store_as(form, layer.formats.get(layer.channels[color[0]], "float"), depth)
    levels = {"uint10": 1023, "uint12": 4095}.get(kind, 0)
    names = (
        ("Y",) if len(color) == 1 else ("Y", "A") if len(color) == 2 else ("R", "G", "B", "A")[: len(color)]
    )
    spec.nchannels, spec.channelnames = len(color), names
    spec.channelformats = ()
    spec.set_format(oiio.TypeDesc("uint16" if levels else kind))
    spec.erase_attribute("oiio:BitsPerSample")
    if levels:
        spec.attribute("oiio:BitsPerSample", int(kind[4:]))
    has_alpha = len(color) in (2, 4)
    straight = has_alpha and (
        form.straight or (same and layer.spec.get_int_attribute("oiio:UnassociatedAlpha") == 1)
    )
    spec.erase_attribute("oiio:UnassociatedAlpha")
    spec.alpha_channel = len(color) - 1 if has_alpha else -1
    if straight:
        spec.attribute("oiio:UnassociatedAlpha", 1)
    index = header.layers.index(layer)
    pairs = list(enumerate(color))
    return Part(index, layer.window, spec, "float", pairs, [], straight=len(color) - 1 if straight else None,
                levels=levels)  # fmt: skip
