"""How is a movie read like a sequence: frame n, exactly, whatever the codec reorders?

Frames count from 0 in the order they are shown. Opening reads all packet times once (no decoding), so the
number of frames and the seek points are known; frame n is then found by its time, by decoding on from the
last frame or from the key frame before. The last few decoded frames are kept.

Pixels come as RGB in 0..1, still encoded as in the file (usually Rec. 709 video); alpha is dropped, rotation
tags are not applied, interlaced material is not separated into fields. Files with a varying frame rate are
read frame by frame at their average rate, with a note in ``notes``.
"""

from __future__ import annotations

import re
import threading
from bisect import bisect_right
from collections import OrderedDict
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import av
import av.error
import numpy as np

from retempo.errors import InputError
from retempo.io import metadata, yuv
from retempo.io.frame import Frame, Layer, Window
from retempo.io.pattern import format_range

_PLANAR = re.compile(r"^yuv(a?)(j?)(420|422|444|440)p(\d+)?(?:le)?$")
_KEPT = 4
_REPACK = {
    "nv12": "yuv420p", "nv21": "yuv420p", "p010le": "yuv420p10le", "p016le": "yuv420p16le",
    "yuyv422": "yuv422p", "uyvy422": "yuv422p", "yvyu422": "yuv422p", "nv16": "yuv422p",
    "p210le": "yuv422p10le",
    "nv24": "yuv444p", "yuv411p": "yuv444p", "yuv410p": "yuv444p",
}  # fmt: skip


class MovieSource:
    """A movie file; safe to use from several threads (one decodes at a time)."""

    kind: Literal["images", "movie"] = "movie"

    def __init__(self, path: Path, wanted: tuple[int, ...] | None = None) -> None:
        self.pattern, self._path = str(path), path
        self._lock = threading.Lock()
        if not path.is_file():
            raise InputError(f"{path} does not exist", "check the path")
        self._container = self._open()
        self._stream = self._container.streams.video[0]
        self._times, self._keys = self._scan()
        self._index = {time: i for i, time in enumerate(self._times)}
        self.notes: list[str] = []
        self.fps: Fraction | None = self._rate()
        total = len(self._times)
        self.frames = tuple(n for n in (wanted if wanted is not None else range(total)) if 0 <= n < total)
        self.missing = tuple(n for n in wanted or () if not 0 <= n < total)
        if not self.frames:
            raise InputError(
                f"{path}: none of the frames {format_range(wanted or ())} exists", f"there are 0-{total - 1}"
            )
        self._kept: OrderedDict[int, Any] = OrderedDict()
        self._decoder: Any = None
        self._last = -1

    def _open(self) -> Any:
        try:
            container = av.open(str(self._path), metadata_errors="replace")
        except (av.error.FFmpegError, OSError) as error:
            raise InputError(
                f"{self._path} cannot be read: {_reason(error)}", "is it a movie, and whole?"
            ) from error
        if not container.streams.video:
            container.close()
            raise InputError(f"{self._path} holds no video")
        container.streams.video[0].thread_type = "AUTO"
        return container

    def _scan(self) -> tuple[list[int], list[int]]:
        """Return all presentation times, sorted, and those of the key frames."""
        times: list[int] = []
        keys: list[int] = []
        try:
            for packet in self._container.demux(self._stream):
                if not packet.size or packet.is_discard:
                    continue
                time = packet.pts if packet.pts is not None else packet.dts
                times.append(len(times) if time is None else time)
                if packet.is_keyframe:
                    keys.append(times[-1])
        except av.error.FFmpegError as error:
            raise InputError(
                f"{self._path} is truncated or corrupt: {_reason(error)}", "copy it again"
            ) from error
        if not times:
            raise InputError(f"{self._path} holds no frames")
        return sorted(set(times)), sorted(keys)

    def _rate(self) -> Fraction | None:
        """Return the frame rate, exact where all steps are equal; note a varying one."""
        steps = [b - a for a, b in zip(self._times, self._times[1:], strict=False)]
        stated = self._stream.average_rate or self._stream.guessed_rate
        base = self._stream.time_base
        if steps and max(steps) - min(steps) > max(1, round(0.01 * max(steps))):
            self.notes.append(
                f"{self._path} has a varying frame rate; its frames count as evenly spaced at {stated} fps"
            )
        if stated:
            return Fraction(stated)
        return Fraction(1) / (steps[0] * base) if steps and base else None

    def path(self, n: int) -> Path:
        """Return the movie file (for every n)."""
        return self._path

    def header(self, n: int) -> Frame:
        """Return frame n without pixels; decodes nothing."""
        self._check(n)
        context = self._stream.codec_context
        shape = (context.height, context.width, 3)
        return self._frame(n, np.broadcast_to(np.float32(0), shape), _bits(context.pix_fmt or ""))

    def read(self, n: int, rows: tuple[int, int] | None = None) -> Frame:
        """Return frame n: one layer R, G, B, float32, nominally 0..1.

        Raises:
            InputError: no such frame, or the file is broken there.
        """
        self._check(n)
        with self._lock:
            picture = self._decode(n)
        pixels = picture_to_rgb(picture)
        frame = self._frame(n, pixels, _bits(picture.format.name))
        if rows is not None:
            layer = frame.layers[0]
            window = layer.window.rows(*rows)
            frame.layers[0] = layer.like(
                layer.pixels[window.y : window.y1], layer.ids[window.y : window.y1], window
            )
        return frame

    def digest(self, n: int) -> str:
        """Return 16 hex digits made of path, size, time of change and n."""
        from retempo.io.sequence import file_digest

        return file_digest(self._path, str(n))

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._decoder = None
            self._kept.clear()
            self._container.close()

    def _check(self, n: int) -> None:
        if not 0 <= n < len(self._times):
            raise InputError(f"{self._path} has no frame {n}", f"it has frames 0 to {len(self._times) - 1}")

    def _decode(self, n: int) -> Any:
        if n in self._kept:
            return self._sound(self._kept[n], n)
        key = bisect_right(self._keys, self._times[n]) - 1
        key_index = self._index[self._keys[key]] if key >= 0 else 0
        if self._decoder is None or n <= self._last or key_index > self._last + 1:
            self._container.seek(
                self._keys[max(key, 0)] if self._keys else self._times[0], stream=self._stream
            )
            self._decoder, self._last = self._container.decode(self._stream), -1
        try:
            for picture in self._decoder:
                index = self._index.get(picture.pts if picture.pts is not None else picture.dts)
                if index is None:
                    continue
                self._last = index
                self._kept[index] = picture
                while len(self._kept) > _KEPT:
                    self._kept.popitem(last=False)
                if index == n:
                    return self._sound(picture, n)
                if index > n:
                    break
        except av.error.FFmpegError as error:
            self._decoder = None
            raise InputError(
                f"{self._path} is broken at frame {n}: {_reason(error)}", "copy it again"
            ) from error
        self._decoder = None
        raise InputError(
            f"{self._path}: frame {n} cannot be decoded", "the file is truncated or damaged there"
        )

    def _sound(self, picture: Any, n: int) -> Any:
        """The picture, unless the decoder has patched over damage in the file."""
        if picture.is_corrupt:
            raise InputError(f"{self._path} is damaged at frame {n}", "copy it again, or leave the frame out")
        return picture

    def _frame(self, n: int, pixels: np.ndarray, bits: int) -> Frame:
        import OpenImageIO as oiio

        height, width = pixels.shape[:2]
        kind = "uint8" if bits == 8 else f"uint{bits}"
        spec = oiio.ImageSpec(width, height, 3, "uint8" if bits == 8 else "uint16")
        if bits != 8:
            spec.attribute("oiio:BitsPerSample", bits)
        aspect = self._stream.sample_aspect_ratio
        attributes: dict[str, Any] = {}
        if aspect:
            attributes["PixelAspectRatio"] = float(aspect)
        tags = {**self._container.metadata, **self._stream.metadata}
        start = next((value for key, value in tags.items() if key.lower() == "timecode"), None)
        if self.fps:
            attributes[metadata.FPS] = self.fps
            if start:
                attributes[metadata.TIMECODE] = metadata.timecode_at(start, n, self.fps)
        metadata.apply(spec, attributes)
        window, names = Window(0, 0, width, height), ("R", "G", "B")
        ids = np.zeros((height, width, 0), np.uint32)
        layer = Layer("", "", names, pixels, (), ids, window, dict.fromkeys(names, kind), names, spec)
        return Frame([layer], window, self._path, "movie", list(self.notes))


def _bits(name: str) -> int:
    match = re.search(r"p(\d+)(?:le|be)?$|gray(\d+)|^(?:p|y2)\d?1([026])", name)
    found = next((g for g in match.groups() if g), "8") if match else "8"
    return {"0": 10, "2": 12, "6": 16}.get(found, int(found)) if match else 8


def _plane(plane: Any, bits: int) -> np.ndarray:
    kind = np.dtype("u1" if bits == 8 else "<u2")
    rows = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
    return rows[:, : plane.width * kind.itemsize].view(kind)


def picture_to_rgb(picture: Any) -> np.ndarray:
    """Turn a decoded picture into ``[H, W, 3]`` float32 RGB, in its own matrix, range and depth."""
    name = picture.format.name
    if name in _REPACK:
        tags = picture.colorspace, picture.color_range
        picture = picture.reformat(format=_REPACK[name])
        name, (space, color_range) = picture.format.name, tags
    else:
        space, color_range = picture.colorspace, picture.color_range
    match = _PLANAR.match(name)
    if match:
        bits = int(match[4] or 8)
        y, cb, cr = (_plane(plane, bits) for plane in picture.planes[:3])
        full = bool(match[2]) or int(color_range) == 2
        matrix = yuv.matrix_for(int(space), picture.width, picture.height)
        return yuv.to_rgb(y, cb, cr, matrix=matrix, bits=bits, full=full)
    if name.startswith("gray") and not name.startswith("grayf"):
        bits = _bits(name)
        offset, span, _, _ = yuv.scales(bits, int(color_range) == 2)
        grey = (_plane(picture.planes[0], bits).astype(np.float32) - offset) / np.float32(span)
        return np.repeat(grey[..., None], 3, axis=2)
    if not re.fullmatch(r"gbra?p(\d+le)?", name):
        deep = any(component.bits > 8 for component in picture.format.components)
        picture = picture.reformat(format="gbrp16le" if deep else "gbrp")
        name = picture.format.name
    bits = _bits(name)
    green, blue, red = (_plane(plane, bits) for plane in picture.planes[:3])
    out = np.stack([red, green, blue], axis=-1).astype(np.float32)
    out *= np.float32(1 / ((1 << bits) - 1))
    return out


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
