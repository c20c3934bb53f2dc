"""How does an image file become a Frame? One read a part, channels by name, bits kept.

Threads: OpenImageIO's pool decodes one file with all cores (:func:`set_threads` changes that) and the GIL
is released meanwhile, so a reader thread overlaps with compute. The ImageCache is not used: a plate is read once.
"""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio

from retempo.errors import InputError
from retempo.io import channels as ch
from retempo.io import whole
from retempo.io.claims import check_claim
from retempo.io.frame import Frame, Layer, Window
from retempo.io.metadata import named_values
from retempo.io.problems import last_problem

_BEGINNING = 64 << 10


def set_threads(count: int) -> None:
    """Set how many threads decode and encode one file (0: all cores); process-wide, for all formats."""
    oiio.attribute("threads", count)
    oiio.attribute("exr_threads", count if count > 1 else (-1 if count == 1 else 0))


def open_image(path: Path) -> Any:
    """Open a file for reading, alpha as stored (no premultiplication by the library).

    Raises:
        InputError: missing, empty, unreadable, or no image.
    """
    touch(path)
    config = oiio.ImageSpec()
    config.attribute("oiio:UnassociatedAlpha", 1)
    file = oiio.ImageInput.open(str(path), config) if path.is_file() else None
    if file is not None:
        return file
    problem = last_problem(oiio)
    if not path.exists():
        raise InputError(f"{path} does not exist", "check the path and the frame range")
    reason = whole.broken_reason(path)
    raise InputError(
        f"{path} cannot be read: {reason or problem or 'unknown format'}", "write or copy it again"
    )


def touch(path: Path) -> None:
    """Read the beginning of a file: OpenImageIO opens it with the GIL held, and a disk may take its time, or for ever.

    Raises:
        InputError: the system does not let us; one that does not exist is left to whoever opens it.
    """
    if not path.is_file():
        return
    try:
        with path.open("rb", buffering=0) as stream:
            stream.read(_BEGINNING)
    except FileNotFoundError:
        return
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}", hint_for(error)) from error


def hint_for(error: OSError) -> str:
    """Say what to do about a file that the system does not let us read."""
    if isinstance(error, PermissionError):
        return "change its permissions"
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return "too many files are open: raise the limit (ulimit -n)"
    return "look at its disk, or copy it again"


def read_header(path: Path) -> Frame:
    """Read everything but the pixels.

    The arrays of the layers have the right shapes but hold zeros and take no memory; they cannot be written.

    Raises:
        InputError: as :func:`read_frame`.
    """
    file = open_image(path)
    try:
        return _layers(file, path, with_pixels=False, rows=None)
    finally:
        file.close()


def read_frame(path: Path, rows: tuple[int, int] | None = None) -> Frame:
    """Read all parts and channels of a file.

    Args:
        path: the file.
        rows: first row and one past the last, in the coordinates of the display window; each layer then holds
            just its rows among them (perhaps none: height 0). Tiled files are read by whole tile rows.

    Raises:
        InputError: missing, truncated or corrupt file, deep data, no pixels.
    """
    file = open_image(path)
    try:
        return _layers(file, path, with_pixels=True, rows=rows)
    finally:
        file.close()


def _layers(file: Any, path: Path, with_pixels: bool, rows: tuple[int, int] | None) -> Frame:
    try:
        return _parts(file, path, with_pixels, rows)
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path} has names of channels or parts that are no UTF-8 text", "write it again with other names"
        ) from error


def _parts(file: Any, path: Path, with_pixels: bool, rows: tuple[int, int] | None) -> Frame:
    specs: list[Any] = []
    while file.seek_subimage(len(specs), 0):
        specs.append(file.spec().copy())
    last_problem(file)
    for spec in specs:
        if spec.deep:
            raise InputError(
                f"{path} is a deep image: it has many samples a pixel, which cannot be retimed",
                "flatten it first: oiiotool deep.exr --flatten -o flat.exr",
            )
        if spec.width < 1 or spec.height < 1 or spec.nchannels < 1:
            raise InputError(f"{path} has no pixels ({spec.width}x{spec.height}, {spec.nchannels} channels)")
    found = {name: value for spec in specs for name, value in named_values(spec) if "crypto" in name.lower()}
    crypto = tuple(sorted(ch.cryptomattes(found)))
    exr = file.format_name() == "openexr"
    first = specs[0]
    display = Window(first.full_x, first.full_y, first.full_width, first.full_height)
    layers = [
        _layer(file, path, index, spec, crypto, exr, with_pixels, rows)
        for index, spec in enumerate(specs[: None if exr else 1])
    ]
    return Frame(layers, display, path, file.format_name())


def _layer(
    file: Any, path: Path, index: int, spec: Any, crypto: tuple[str, ...], exr: bool, with_pixels: bool,
    rows: tuple[int, int] | None,
) -> Layer:  # fmt: skip
    names = tuple(spec.channelnames)
    part = spec.get_string_attribute("oiio:subimagename") or spec.get_string_attribute("name")
    view = spec.get_string_attribute("view")
    formats = {name: storage(spec, i) for i, name in enumerate(names)}
    integer = [exr and formats[name] == "uint" for name in names]
    ids = [
        ch.is_id(ch.role(name, part, integer=whole_number, crypto=crypto)) and (exr or len(names) > 4)
        for name, whole_number in zip(names, integer, strict=True)
    ]
    keep = [i for i, is_id in enumerate(ids) if not is_id]
    marks = [i for i, is_id in enumerate(ids) if is_id]
    window = Window(spec.x, spec.y, spec.width, spec.height)
    if rows is not None:
        window = window.rows(*rows)
    shape = (window.height, window.width)
    if with_pixels and window.height:
        claimed = 4 * window.width * window.height * len(names)
        check_claim(
            path, claimed, file.format_name(), spec.get_string_attribute("compression").partition(":")[0]
        )
        pixels, bits = _pixels(file, path, index, spec, window, keep, marks, integer, formats)
        if spec.get_int_attribute("oiio:UnassociatedAlpha") and names[-1:] and len(keep) in (2, 4):
            pixels[..., :-1] *= pixels[..., -1:]
    else:
        pixels = np.broadcast_to(np.float32(0), (*shape, len(keep)))
        bits = np.broadcast_to(np.uint32(0), (*shape, len(marks)))
    return Layer(
        part, view, tuple(names[i] for i in keep), pixels, tuple(names[i] for i in marks), bits, window,
        formats, names, spec, crypto,
    )  # fmt: skip


def storage(spec: Any, channel: int) -> str:
    """Return how a file stores a channel: ``half``, ``float``, ``uint``, ``uint8``, ``uint10``..."""
    kind = str(spec.channelformat(channel))
    bits = spec.get_int_attribute("oiio:BitsPerSample")
    return f"uint{bits}" if kind == "uint16" and 8 < bits < 16 else kind


def _pixels(
    file: Any, path: Path, index: int, spec: Any, window: Window, keep: list[int], marks: list[int],
    integer: list[bool], formats: dict[str, str],
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Read runs of channels of one class (integers apart: they must not be scaled) and sort them out."""
    height, width = window.height, window.width
    runs: list[tuple[int, int]] = []
    for i, whole_number in enumerate(integer):
        if runs and integer[runs[-1][0]] == whole_number:
            runs[-1] = (runs[-1][0], i + 1)
        else:
            runs.append((i, i + 1))
    names = tuple(spec.channelnames)
    if len(runs) == 1 and not marks:
        kind = "half" if all(formats[name] == "half" for name in names) else "float"
        block = _read(file, path, index, spec, window, 0, len(names), kind)
        return np.ascontiguousarray(block, np.float32), np.zeros((height, width, 0), np.uint32)
    pixels = np.empty((height, width, len(keep)), np.float32)
    bits = np.empty((height, width, len(marks)), np.uint32)
    for begin, end in runs:
        kind = "uint" if integer[begin] else "float"
        block = _read(file, path, index, spec, window, begin, end, kind)
        for source in range(begin, end):
            plane = block[..., source - begin]
            if source in marks:
                bits[..., marks.index(source)] = plane.view(np.uint32)
            else:
                pixels[..., keep.index(source)] = plane
    return pixels, bits


def _read(
    file: Any, path: Path, index: int, spec: Any, window: Window, begin: int, end: int, kind: str
) -> Any:
    """Read rows of channels [begin, end) as an array [rows, W, channels]."""
    y0, y1 = window.y, window.y1
    if spec.tile_width:
        step = spec.tile_height
        top = spec.y + (y0 - spec.y) // step * step
        bottom = min(spec.y + spec.height, spec.y - (spec.y - y1) // step * step)
        block = file.read_tiles(index, 0, spec.x, spec.x + spec.width, top, bottom, 0, 1, begin, end, kind)
        block = (
            None
            if block is None
            else block.reshape(bottom - top, spec.width, end - begin)[y0 - top : y1 - top]
        )
    else:
        block = file.read_scanlines(index, 0, y0, y1, 0, begin, end, kind)
    problem = last_problem(file)
    if block is None or problem:
        reason = whole.broken_reason(path)
        where = f" (part '{spec.get_string_attribute('oiio:subimagename')}')" if index else ""
        raise InputError(
            f"{path} is truncated or corrupt{where}: {reason or problem or 'pixels are missing'}",
            "write or copy this frame again",
        )
    return block.reshape(y1 - y0, spec.width, end - begin)
