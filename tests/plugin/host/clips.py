"""What pictures can a test connect to a plugin, and how does a clip hand them out?

``FrameSequenceClip`` is what a test makes: numpy frames and the way in which the host shall present them.
``ClipDefinition`` is what the plugin described, ``ClipInstance`` an instance's clip: properties, mapping to
the depth and components that were agreed, and images at a time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from host import constants as k
from host.core import Context, Core
from host.images import COMPONENTS, DEPTHS, OF_CHANNELS, ImageBuffer, Rect, to_components, to_depth
from host.property_tables import COLOUR_TABLES, TABLES, read_specs

if TYPE_CHECKING:
    from host.effect import Instance

PREMULTIPLICATION = {
    "premultiplied": k.kOfxImagePreMultiplied,
    "unpremultiplied": k.kOfxImageUnPreMultiplied,
    "opaque": k.kOfxImageOpaque,
}
FIELDS = {
    "none": k.kOfxImageFieldNone,
    "lower": k.kOfxImageFieldLower,
    "upper": k.kOfxImageFieldUpper,
    "both": k.kOfxImageFieldBoth,
}


@dataclass
class FrameSequenceClip:
    """Frames for an input.

    Attributes:
        frames: frame number -> [H, W, C] (or [H, W]) float32, rows top-down; or a function of the time, for a
            clip that can be sampled between frames (give ``frame_range`` and ``continuous=True`` then).
        depth: ``byte``, ``short``, ``half`` or ``float``: what the clip is by itself.
        components: ``RGBA``, ``RGB`` or ``Alpha``; by default what the channels say.
        premultiplication: ``premultiplied``, ``unpremultiplied`` or ``opaque``.
        origin: pixel coordinates of the lower left pixel.
        rod: region of definition in canonical units where it is not the frames' own; outside of the frames
            it is black.
        frame_range: first and last frame, where they are not the frames' own.
        negative_rows, padding, margin: of the memory: rows top-down, bytes behind each row, addressable black
            pixels beyond the region of definition.
        field_order: ``none``, ``lower`` or ``upper``. image_field: what an image says of itself; ``both``
            on progressive material is what some hosts do.
        colourspace: what a colour-managed host says of the clip.
    """

    frames: Mapping[int, np.ndarray] | Callable[[float], np.ndarray | None]
    depth: str = "float"
    components: str = ""
    premultiplication: str = "premultiplied"
    origin: tuple[int, int] = (0, 0)
    rod: tuple[float, float, float, float] | None = None
    frame_range: tuple[float, float] | None = None
    fps: float = 24.0
    pixel_aspect: float = 1.0
    negative_rows: bool = False
    padding: int = 0
    margin: int = 0
    field_order: str = "none"
    image_field: str = ""
    continuous: bool = False
    colourspace: str = ""
    _size: tuple[int, int, int] = field(init=False, default=(0, 0, 0))

    def __post_init__(self) -> None:
        if callable(self.frames):
            if self.frame_range is None:
                raise ValueError("frame_range is needed where frames is a function")
            sample = self.frames(self.frame_range[0])
        else:
            sample = next(iter(self.frames.values()))
            self.frame_range = self.frame_range or (float(min(self.frames)), float(max(self.frames)))
        pixels = self._shape(sample)
        if pixels is None:
            raise ValueError("a clip needs a picture at the start of its range")
        self._size = pixels.shape
        self.components = self.components or OF_CHANNELS[pixels.shape[2]]

    @staticmethod
    def _shape(pixels: np.ndarray | None) -> np.ndarray | None:
        return pixels[..., None] if pixels is not None and pixels.ndim == 2 else pixels

    def picture(self, time: float) -> tuple[np.ndarray | None, int | None]:
        """Picture and frame number at a time; None where there is nothing."""
        if callable(self.frames):
            return self._shape(self.frames(time)), None
        number = math.floor(time + 1e-6)
        halves = self.field_order != "none"
        if abs(time - number) > 1e-6 and not (halves and abs(time - number - 0.5) < 1e-6):
            return None, None
        return self._shape(self.frames.get(number)), number

    def window_of(self, pixels: np.ndarray) -> Rect:
        """Pixels that a picture covers at full size."""
        x, y = self.origin
        return Rect(x, y, x + pixels.shape[1], y + pixels.shape[0])

    def region(self, time: float) -> Rect:
        """Region of definition in canonical units."""
        if self.rod is not None:
            return Rect(*self.rod)
        pixels, _ = self.picture(time)
        height, width, _ = self._size if pixels is None else pixels.shape
        x, y = self.origin
        return Rect(x, y, x + width, y + height).to_canonical((1.0, 1.0), self.pixel_aspect)


class ClipDefinition:
    """A clip as DescribeInContext defined it."""

    def __init__(self, core: Core, name: str, where: str) -> None:
        self.name = name
        self.properties = core.make_properties(
            "ClipDescriptor", f"clip {name} of {where}", read_specs(TABLES["ClipDescriptor"])
        )
        for prop in (k.kOfxPropName, k.kOfxPropLabel, k.kOfxPropShortLabel, k.kOfxPropLongLabel):
            self.properties.put(prop, name)
        self.properties.handle = core.handles.open(self.properties)

    @property
    def optional(self) -> bool:
        return bool(self.properties.get(k.kOfxImageClipPropOptional))

    @property
    def supported(self) -> tuple[str, ...]:
        return self.properties.all(k.kOfxImageEffectPropSupportedComponents)


class ClipInstance:
    """A clip of an instance; ``source`` is None where nothing is connected (and for the output)."""

    def __init__(
        self, core: Core, definition: ClipDefinition, instance: Instance, source: FrameSequenceClip | None
    ) -> None:
        self.name, self.definition, self.instance, self.source = definition.name, definition, instance, source
        self._core = core
        specs = read_specs(TABLES["ClipInstance"])
        if instance.plugin.host.colour_style:
            specs += read_specs(COLOUR_TABLES["ClipInstance"])
        self.properties = core.make_properties("ClipInstance", f"clip {self.name} of {instance}", specs)
        for name, values in definition.properties.as_dict().items():
            self.properties.put(name, *values)
        self.properties.handle = core.handles.open(self.properties)
        self.handle = core.handles.open(self)
        self.is_output = self.name == k.kOfxImageEffectOutputClipName
        self.connect(source)

    def connect(self, source: FrameSequenceClip | None) -> None:
        """Put another source (or none) behind the clip; the host negotiates again afterwards."""
        self.source = source
        put = self.properties.put
        put(k.kOfxImageClipPropConnected, int(source is not None or self.is_output))
        depth = DEPTHS[source.depth] if source else k.kOfxBitDepthNone
        components = COMPONENTS[source.components] if source else k.kOfxImageComponentNone
        for name in (k.kOfxImageEffectPropPixelDepth, k.kOfxImageClipPropUnmappedPixelDepth):
            put(name, depth)
        for name in (k.kOfxImageEffectPropComponents, k.kOfxImageClipPropUnmappedComponents):
            put(name, components)
        put(
            k.kOfxImageEffectPropPreMultiplication,
            PREMULTIPLICATION[source.premultiplication if source else "opaque"],
        )
        known = source if self._core.personality.ranges else None
        first, last = (known.frame_range or (0.0, 0.0)) if known else (0.0, 0.0)
        for name in (k.kOfxImageEffectPropFrameRange, k.kOfxImageEffectPropUnmappedFrameRange):
            put(name, float(first), float(last))
        for name in (k.kOfxImageEffectPropFrameRate, k.kOfxImageEffectPropUnmappedFrameRate):
            put(name, float(source.fps) if source else 0.0)
        put(k.kOfxImageClipPropFieldOrder, FIELDS[source.field_order if source else "none"])
        put(k.kOfxImageClipPropContinuousSamples, int(bool(source and source.continuous)))
        put(k.kOfxImagePropPixelAspectRatio, float(source.pixel_aspect) if source else 1.0)
        mask = self.properties.get(k.kOfxImageClipPropIsMask) or self.definition.supported == (
            k.kOfxImageComponentAlpha,
        )
        self.properties.remove(k.kOfxImageClipPropColourspace)
        if self.instance.plugin.host.colour_style and source and source.colourspace and not mask:
            self.properties.add(read_specs("kOfxImageClipPropColourspace s 1 h")[0])
            put(k.kOfxImageClipPropColourspace, source.colourspace)

    @property
    def tiles(self) -> bool:
        return bool(self.properties.get(k.kOfxImageEffectPropSupportsTiles))

    def draw(
        self, time: float, region: Rect | None, context: Context | None, scale: tuple[float, float]
    ) -> tuple[ImageBuffer, Rect, str, int | None] | None:
        """Image at a time: buffer, region of definition in pixels, its field, the frame number; None: no image."""
        source = self.source
        assert source is not None
        pixels, number = source.picture(time)
        if pixels is None:
            return None
        rod = source.region(time).to_pixels(scale, source.pixel_aspect)
        bounds = rod
        whole = not (self.tiles and self.instance.properties.get(k.kOfxImageEffectPropSupportsTiles))
        if not whole and region is not None:
            bounds = region.to_pixels(scale, source.pixel_aspect).intersect(rod)
            if bounds.empty:
                return None
        bounds = bounds.grow(source.margin)
        depth = self.properties.get(k.kOfxImageEffectPropPixelDepth)
        components = self.properties.get(k.kOfxImageEffectPropComponents)
        pixels = _paste(pixels, source.window_of(pixels), bounds, scale)
        pixels, bounds, rod, image_field = self._extract_field(pixels, bounds, rod, time, context)
        buffer = ImageBuffer(bounds, depth, components, source.negative_rows, source.padding)
        buffer.view()[...] = to_depth(to_components(pixels, components), depth)
        return buffer, rod, FIELDS[source.image_field] if source.image_field else image_field, number

    def _extract_field(
        self, pixels: np.ndarray, bounds: Rect, rod: Rect, time: float, context: Context | None
    ) -> tuple[np.ndarray, Rect, Rect, str]:
        """The field that the clip's extraction asks for, where the clip and the render are fielded."""
        source = self.source
        assert source is not None
        if source.field_order == "none":
            return pixels, bounds, rod, k.kOfxImageFieldNone
        wanted = self.properties.get(k.kOfxImageClipPropFieldExtraction)
        rendering = context.field if context else k.kOfxImageFieldNone
        single = rendering in (k.kOfxImageFieldLower, k.kOfxImageFieldUpper)
        if wanted == k.kOfxImageFieldBoth or not single:
            return pixels, bounds, rod, k.kOfxImageFieldBoth
        first = source.field_order
        late = time - math.floor(time + 1e-6) > 0.25
        name = first if not late else {"lower": "upper", "upper": "lower"}[first]
        start = 0 if name == "lower" else 1
        upward = pixels[::-1]
        offset = int(bounds.y1) % 2
        lines = upward[(start - offset) % 2 :: 2]
        if wanted == k.kOfxImageFieldDoubled:
            doubled = np.repeat(lines, 2, axis=0)[: len(upward)]
            if len(doubled) < len(upward):
                doubled = np.concatenate([doubled, doubled[-1:]])
            return doubled[::-1], bounds, rod, FIELDS[name]
        y1 = math.floor(bounds.y1 / 2)
        half = Rect(bounds.x1, y1, bounds.x2, y1 + len(lines))
        halved = Rect(
            rod.x1, math.floor(rod.y1 / 2), rod.x2, math.floor(rod.y1 / 2) + math.ceil(rod.height / 2)
        )
        return lines[::-1], half, halved, FIELDS[name]

    def close(self) -> None:
        self._core.handles.close(self.handle, f"clip {self.name}")
        self._core.handles.close(self.properties.handle, f"properties of clip {self.name}")

    def describe(self) -> dict[str, Any]:
        return {name: values for name, values in self.properties.as_dict().items() if values}


def _paste(pixels: np.ndarray, window: Rect, bounds: Rect, scale: tuple[float, float]) -> np.ndarray:
    """Pixels of ``bounds`` at ``scale``: point samples of the full-size picture, black outside of it."""
    ys = np.arange(int(bounds.y2) - 1, int(bounds.y1) - 1, -1)
    xs = np.arange(int(bounds.x1), int(bounds.x2))
    rows = int(window.y2) - 1 - np.floor((ys + 0.5) / scale[1]).astype(int)
    columns = np.floor((xs + 0.5) / scale[0]).astype(int) - int(window.x1)
    inside_y = (rows >= 0) & (rows < pixels.shape[0])
    inside_x = (columns >= 0) & (columns < pixels.shape[1])
    if inside_y.all() and inside_x.all() and scale == (1.0, 1.0) and len(rows) and len(columns):
        return pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    out = np.zeros((len(ys), len(xs), pixels.shape[2]), np.float32)
    out[np.ix_(inside_y, inside_x)] = pixels[np.ix_(rows[inside_y], columns[inside_x])]
    return out
