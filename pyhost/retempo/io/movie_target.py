"""How do frames become a movie that appears under its name only when it is whole?

Codecs: ``h264``, ``hevc`` (4:2:0, 8 or 10 bit), ``prores`` (422 HQ, 10 bit), ``ffv1`` (lossless RGB, 8 or 10
bit). Pixels must come display-encoded in 0..1; they are clipped to it, but YCbCr made from a movie keeps its codes
beyond black and white. YCbCr is BT.709, limited range, tagged
so. Alpha and layers other than the main colour are dropped. Frames are appended as they are
written, in increasing order; the frame numbers themselves leave no trace.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import av.error
import numpy as np

from retempo.conventions import SETTINGS_KEY
from retempo.errors import OutputError, UsageError
from retempo.io import checksum, metadata, temporary, yuv
from retempo.io.frame import Frame

if TYPE_CHECKING:
    from retempo.io.writer import FrameWriter

_ENCODER = {"h264": "libx264", "hevc": "libx265", "prores": "prores_ks", "ffv1": "ffv1"}
_FORMAT = {
    ("h264", 8): "yuv420p", ("h264", 10): "yuv420p10le", ("hevc", 8): "yuv420p", ("hevc", 10): "yuv420p10le",
    ("prores", 10): "yuv422p10le", ("ffv1", 8): "bgr0", ("ffv1", 10): "gbrp10le",
}  # fmt: skip
_BY_EXTENSION = {".mov": "prores", ".mxf": "prores", ".mkv": "ffv1", ".avi": "ffv1"}


class MovieTarget:
    """One movie file under construction; ``close`` gives it its name, ``abort`` leaves nothing."""

    def __init__(
        self, path: Path, *, overwrite: bool = False, fps: Fraction | None = None, codec: str | None = None,
        bits: int | None = None, quality: int | None = None, deep: bool = False, headroom: bool = False,
    ) -> None:  # fmt: skip
        self._path, self._overwrite = path, overwrite
        self._codec = codec or _BY_EXTENSION.get(path.suffix.lower(), "h264")
        depths = sorted(b for c, b in _FORMAT if c == self._codec)
        if not depths:
            raise UsageError(f"unknown movie codec '{self._codec}'", f"use one of {', '.join(_ENCODER)}")
        self._bits = bits or (depths[-1] if deep else depths[0])
        if self._bits not in depths:
            raise UsageError(
                f"{self._codec} is not written at {bits} bits", f"use {' or '.join(map(str, depths))}"
            )
        if fps is not None and fps <= 0:
            raise UsageError(f"a movie needs a frame rate above zero, got {fps}")
        self._fps = Fraction(fps) if fps else Fraction(24)
        self._quality = quality
        self._headroom = headroom
        self._lock = threading.Lock()
        self._container: Any = None
        self._stream: Any = None
        self._size = (0, 0)
        self._count = 0
        self._last: int | None = None
        self._changed: bool | None = None
        temporary.prepare_folder(path.parent)
        self.removed = temporary.remove_stale(path.parent)
        self._temporary = temporary.temporary_for(path)

    def path(self, n: int) -> Path:
        """Return the movie file."""
        return self._path

    def write(self, n: int, frame: Frame, attributes: Mapping[str, Any] | None = None) -> None:
        """Append a frame; timecode and stamp of the first frame become the movie's.

        Raises:
            OutputError: the movie exists, frames come out of order or change their size, the disk is full.
        """
        layer = frame.main()
        color = layer.color_indices()
        if not color:
            raise OutputError(f"{frame.path} has no colour for a movie", "write EXR instead")
        rgb = np.zeros((frame.display.height, frame.display.width, 3), np.float32)
        paste(
            rgb, layer.pixels, color[:3], layer.window.x - frame.display.x, layer.window.y - frame.display.y
        )
        with self._lock:
            if self._last is not None and n <= self._last:
                raise OutputError(
                    f"{self._path}: frame {n} comes after frame {self._last}", "write frames in order"
                )
            self._last = n
            try:
                if self._container is None:
                    self._start(rgb.shape[1], rgb.shape[0], dict(attributes or {}))
                if (rgb.shape[1], rgb.shape[0]) != self._size:
                    raise OutputError(
                        f"{self._path}: frame {n} is {rgb.shape[1]}x{rgb.shape[0]}, "
                        f"the movie {self._size[0]}x{self._size[1]}"
                    )
                picture = self._picture(rgb)
                picture.pts, picture.time_base = self._count, 1 / self._fps
                for packet in self._stream.encode(picture):
                    self._container.mux(packet)
                self._count += 1
            except (av.error.FFmpegError, OSError) as error:
                self._fail(error)
            except OutputError:
                self._drop()
                raise

    def begin(self, n: int, header: Frame, attributes: Mapping[str, Any] | None = None) -> FrameWriter:
        """Refuse: an encoder takes whole pictures."""
        raise OutputError(
            f"{self._path}: movies are not written in strips", "write an image sequence, or raise --memory"
        )

    def stamp(self, n: int) -> str | None:
        """Return the stamp of an existing finished movie (one for all frames)."""
        return read_stamp(self._path)

    def is_whole(self, n: int, thorough: bool = False) -> bool:
        """Tell whether the finished movie exists and holds all its frames; reads it without decoding.

        ``thorough``: and whether every byte is as it was written, once for all frames.
        """
        if not self._path.is_file():
            return False
        try:
            if thorough:
                if self._changed is None:
                    self._changed = checksum.changed_reason(self._path) is not None
                if self._changed:
                    return False
            with av.open(str(self._path), metadata_errors="replace") as container:
                stream = container.streams.video[0]
                ends = [
                    one.pts + (one.duration or 0) for one in container.demux(stream) if one.pts is not None
                ]
                missing = (container.duration or 0) / av.time_base - float(
                    max(ends, default=0) * stream.time_base
                )
                return bool(ends) and missing < 1 / float(stream.average_rate or self._fps)
        except (av.error.FFmpegError, OSError, IndexError):
            return False

    def close(self) -> None:
        """Flush the encoder and give the movie its name; nothing happens when no frame was written."""
        with self._lock:
            if self._container is None:
                return
            try:
                for packet in self._stream.encode(None):
                    self._container.mux(packet)
                self._container.close()
                self._container = None
                checksum.seal(self._temporary)
            except (av.error.FFmpegError, OSError) as error:
                self._fail(error)
            temporary.publish(self._temporary, self._path)

    def abort(self) -> None:
        """Drop the unfinished movie."""
        with self._lock:
            self._drop()

    def _start(self, width: int, height: int, attributes: dict[str, Any]) -> None:
        if self._path.exists() and not self._overwrite:
            raise OutputError(f"{self._path} exists", "pass --overwrite to replace it")
        pixel_format = _FORMAT[self._codec, self._bits]
        if ("420" in pixel_format and (width % 2 or height % 2)) or ("422" in pixel_format and width % 2):
            raise OutputError(
                f"{self._path}: {self._codec} needs an even size, the frames are {width}x{height}",
                "use ffv1, or crop a pixel",
            )
        unsummed = (
            {"write_crc32": "0"} if self._path.suffix.lower() == ".mkv" else {}
        )  # it is sealed afterwards
        self._temporary.open("wb").close()  # here and not with the GIL held: a disk may hang
        self._container = av.open(str(self._temporary), "w", options=unsummed)
        stream = self._container.add_stream(_ENCODER[self._codec], rate=self._fps)
        stream.width, stream.height, stream.pix_fmt = width, height, pixel_format
        stream.time_base = 1 / self._fps
        context = stream.codec_context
        rgb = pixel_format.startswith(("gbr", "bgr"))
        context.color_primaries = context.color_trc = 1
        context.colorspace, context.color_range = (0, 2) if rgb else (1, 1)
        stream.options = self._options()
        timecode = attributes.get(metadata.TIMECODE)
        if timecode is not None:
            self._container.metadata["timecode"] = str(timecode)
        if attributes.get(SETTINGS_KEY):
            self._container.metadata["comment"] = metadata.stamp_text(str(attributes[SETTINGS_KEY]))
        self._stream, self._size = stream, (width, height)

    def _options(self) -> dict[str, str]:
        if self._codec == "h264":
            return {"crf": str(self._quality if self._quality is not None else 16), "preset": "medium"}
        if self._codec == "hevc":
            crf = self._quality if self._quality is not None else 18
            return {"crf": str(crf), "preset": "medium", "x265-params": "log-level=error"}
        if self._codec == "prores":
            return {"profile": "3", "vendor": "apl0"}
        return {"g": "1"}

    def _picture(self, rgb: np.ndarray) -> Any:
        name = _FORMAT[self._codec, self._bits]
        if name.startswith("gbr"):
            top = (1 << self._bits) - 1
            codes = np.rint(np.clip(np.nan_to_num(rgb, posinf=1, neginf=0), 0, 1) * np.float32(top))
            kind = np.uint8 if self._bits == 8 else np.uint16
            planes = tuple(codes[..., i].astype(kind) for i in (1, 2, 0))
        elif name == "bgr0":
            packed = np.zeros((*rgb.shape[:2], 4), np.uint8)
            packed[..., 2::-1] = np.rint(
                np.clip(np.nan_to_num(rgb, posinf=1, neginf=0), 0, 1) * np.float32(255)
            )
            planes = (packed.reshape(rgb.shape[0], -1),)
        else:
            planes = yuv.from_rgb(
                rgb,
                matrix=1,
                bits=self._bits,
                full=False,
                sub_x=True,
                sub_y="420" in name,
                headroom=self._headroom,
            )
        picture = av.VideoFrame(self._size[0], self._size[1], name)
        for plane, data in zip(picture.planes, planes, strict=True):
            size = data.dtype.itemsize
            lines = np.zeros((plane.height, plane.line_size // size), data.dtype)
            lines[:, : data.shape[1]] = data
            plane.update(lines.tobytes())
        picture.colorspace, picture.color_range = (0, 2) if name.startswith(("gbr", "bgr")) else (1, 1)
        return picture

    def _fail(self, error: Exception) -> None:
        hint = temporary.hint_for(self._path.parent)
        self._drop()
        raise OutputError(
            f"{self._path} cannot be written: {getattr(error, 'strerror', None) or error}", hint
        ) from error

    def _drop(self) -> None:
        container, self._container = self._container, None
        if container is not None:
            try:
                container.close()
            except (av.error.FFmpegError, OSError):
                pass  # the file is thrown away anyway
        temporary.discard(self._temporary)


def read_stamp(path: Path) -> str | None:
    """The stamp of a finished movie; None without one, and where there is no readable movie."""
    if not path.is_file():
        return None
    try:
        with av.open(str(path), metadata_errors="replace") as container:
            comment = container.metadata.get("comment", "") or container.metadata.get("COMMENT", "")
    except (av.error.FFmpegError, OSError):
        return None
    _, found, rest = comment.partition(f"{SETTINGS_KEY}=")
    return rest.split()[0] if found and rest.split() else None


def paste(into: np.ndarray, pixels: np.ndarray, channels: tuple[int, ...], x: int, y: int) -> None:
    """Copy channels of a data window at (x, y) into a picture of the display window, clipped to it."""
    height, width = into.shape[:2]
    x0, y0, x1, y1 = max(0, x), max(0, y), min(width, x + pixels.shape[1]), min(height, y + pixels.shape[0])
    if x1 > x0 and y1 > y0:
        into[y0:y1, x0:x1] = pixels[y0 - y : y1 - y, x0 - x : x1 - x][..., list(channels)]
