"""How does a frame become a file, whole or not at all, in one go or strip by strip?

A file grows under a hidden name and is renamed by :meth:`FrameWriter.commit`. Strips go straight to the disk
for the first part; OpenImageIO writes parts one after another, so the strips of further parts wait in hidden
raw files beside the target: memory stays that of one strip. PNG, JPEG and DPX buffer one image inside the
library. After one failed write nothing more is written: the EXR library would wait for ever.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import OpenImageIO as oiio

from retempo.conventions import SETTINGS_KEY
from retempo.errors import OutputError
from retempo.io import checksum, exr_structure, metadata, temporary, whole
from retempo.io.formats import format_for
from retempo.io.frame import Frame, Layer
from retempo.io.storage import Part, plan_parts

_STRIP_BYTES = 16 << 20
_HARMLESS = "failed TIFFWriteCustomDirectory() of the Exif data"
"""OpenImageIO 3.2 says so after every TIFF, well written or not; what was written is looked at besides."""


class FrameWriter:
    """One file under construction.

    Args:
        target: final path.
        header: a Frame with the layers, windows and metadata to write; its pixels are not looked at.
        attributes: metadata to set on every part, see :func:`retempo.io.metadata.apply`.
        depth: storage of all float channels (``half``, ``float``, ``uint8``...); None keeps the source's.
        durable: wait for the disk before the rename.

    Raises:
        OutputError: the folder or file cannot be written.
    """

    def __init__(
        self, target: Path, header: Frame, attributes: Mapping[str, Any] | None = None,
        depth: str | None = None, durable: bool = False,
    ) -> None:  # fmt: skip
        self._target, self._durable = target, durable
        self._form = format_for(target)
        given = dict(attributes or {})
        stamp = given.get(SETTINGS_KEY)
        if self._form.layered:
            given[checksum.KEY] = checksum.BLANK
        elif stamp:
            given["Software"] = metadata.stamp_text(str(stamp))
        self._parts: list[Part] = plan_parts(header, self._form, given, depth)
        self._next = [part.window.y for part in self._parts]
        self._current = 0
        self._out: Any = None
        self._spools: dict[int, BinaryIO] = {}
        self._memory: int | None = None
        self.finished = False
        temporary.prepare_folder(target.parent)
        if target.is_dir():
            raise OutputError(f"{target} is a folder", "choose another output name")
        self._temporary = temporary.temporary_for(target)
        self._open()

    def _open(self) -> None:
        out = oiio.ImageOutput.create(self._form.name)
        if out is None:
            raise OutputError(f"{self._target}: this build of OpenImageIO cannot write {self._form.name}")
        self._out, path = out, str(self._temporary)
        if self._form.name == "jpeg" and hasattr(os, "memfd_create"):
            # The JPEG library ends the whole process when the disk is full: encode in memory, copy after.
            self._memory = os.memfd_create("retempo-jpeg")
            path = f"/proc/self/fd/{self._memory}"
        specs = [part.spec for part in self._parts]
        try:
            self._create()
            opened = out.open(path, tuple(specs)) if len(specs) > 1 else out.open(path, specs[0])
            self._check(opened)
        except BaseException:
            self.abort()
            raise

    def _create(self) -> None:
        """Make the file: OpenImageIO does so with the GIL held, and gives no reason when it cannot."""
        try:
            self._temporary.open("wb").close()
        except OSError as error:
            raise OutputError(f"{self._target} cannot be written: {error.strerror}", self._hint()) from error

    def write(self, layers: Sequence[Layer]) -> None:
        """Write all rows of all layers (in the order of the header); call :meth:`commit` after."""
        for number, part in enumerate(self._parts):
            layer = layers[part.index]
            self._start(number)
            step = max(32, _STRIP_BYTES // max(1, 4 * part.window.width * len(part.spec.channelnames)))
            step = part.window.height if part.kind != "float" or not part.ids else step // 32 * 32
            for top in range(0, part.window.height, step):
                strip = layer.like(layer.pixels[top : top + step], layer.ids[top : top + step])
                self._rows(number, part.buffer(strip))

    def write_rows(self, y0: int, layers: Sequence[Layer]) -> None:
        """Write one strip; strips come from top to bottom without gaps.

        Args:
            y0: first row in display-window coordinates. The rows of a layer begin at y0, or at the top of its
                data window where that is lower; a layer without rows there has height 0.
            layers: in the order of the header, pixels ``[rows, W, C]``.

        Raises:
            OutputError: a gap, rows beyond the window, or a failed write.
        """
        for number, part in enumerate(self._parts):
            layer = layers[part.index]
            rows = max(layer.pixels.shape[0], layer.ids.shape[0])
            if not rows:
                continue
            start = max(y0, part.window.y)
            if start != self._next[number] or start + rows > part.window.y1:
                raise OutputError(
                    f"{self._target}: rows {start}..{start + rows} do not continue row {self._next[number]} "
                    f"of window {part.window}"
                )
            buffer = part.buffer(layer)
            if number == self._current:
                self._rows(number, buffer)
            else:
                self._spool(number, buffer)

    def commit(self) -> None:
        """Finish the file and give it its name.

        Raises:
            OutputError: rows are missing, or the disk did not take everything; nothing is left behind.
        """
        try:
            self._flush_spools()
            for number, part in enumerate(self._parts):
                if self._next[number] != part.window.y1:
                    raise OutputError(
                        f"{self._target}: rows {self._next[number]}..{part.window.y1} were not written"
                    )
            out, self._out = self._out, None
            closed = out.close()
            self._check(closed, out)
            self._copy_memory()
            wanted = {i: part.as_uint for i, part in enumerate(self._parts) if part.as_uint}
            if wanted:
                exr_structure.store_as_uint(self._temporary, wanted)
            reason = whole.broken_reason(self._temporary)
            if not reason:
                checksum.seal(self._temporary)
            else:
                raise OutputError(f"{self._target} was not written whole: {reason}", self._hint())
        except BaseException as error:
            self.abort()
            if isinstance(error, OSError):
                raise OutputError(
                    f"{self._target} cannot be written: {error.strerror}", self._hint()
                ) from error
            raise
        temporary.publish(self._temporary, self._target, self._durable)
        self.finished = True

    def abort(self) -> None:
        """Drop the file; nothing of it stays. Harmless after :meth:`commit` and twice."""
        if self.finished:
            return
        out, self._out = self._out, None
        if out is not None:
            out.close()
            out.geterror()
        for spool in self._spools.values():
            spool.close()
            temporary.discard(Path(spool.name))
        self._spools.clear()
        if self._memory is not None:
            os.close(self._memory)
            self._memory = None
        temporary.discard(self._temporary)

    def _start(self, number: int) -> None:
        if number > self._current:
            self._check(self._out.open(str(self._temporary), self._parts[number].spec, "AppendSubimage"))
            self._current = number

    def _rows(self, number: int, buffer: np.ndarray) -> None:
        top = self._next[number]
        self._check(self._out.write_scanlines(top, top + buffer.shape[0], 0, buffer))
        self._next[number] = top + buffer.shape[0]

    def _spool(self, number: int, buffer: np.ndarray) -> None:
        try:
            if number not in self._spools:
                path = temporary.temporary_for(self._target, f".part{number}")
                self._spools[number] = path.open("w+b")
            self._spools[number].write(buffer.data.cast("B"))
        except OSError as error:
            self.abort()
            raise OutputError(f"{self._target} cannot be written: {error.strerror}", self._hint()) from error
        self._next[number] += buffer.shape[0]

    def _flush_spools(self) -> None:
        for number in sorted(self._spools):
            part, spool = self._parts[number], self._spools[number]
            done, self._next[number] = self._next[number], part.window.y
            self._start(number)
            kind = {"half": np.float16, "float": np.float32, "uint": np.uint32}[part.kind]
            width = part.window.width * len(part.spec.channelnames)
            spool.seek(0)
            step = max(32, _STRIP_BYTES // (4 * width) // 32 * 32)
            while self._next[number] < done:
                rows = min(step, done - self._next[number])
                data = np.frombuffer(spool.read(rows * width * np.dtype(kind).itemsize), kind)
                self._rows(number, data.reshape(rows, part.window.width, -1))
            spool.close()
            temporary.discard(Path(spool.name))
        self._spools.clear()

    def _copy_memory(self) -> None:
        if self._memory is None:
            return
        with os.fdopen(self._memory, "rb") as source, self._temporary.open("wb") as sink:
            self._memory = None
            source.seek(0)
            while block := source.read(1 << 20):
                sink.write(block)

    def _check(self, done: bool, out: Any = None) -> None:
        """Raise and clean up when the library reports any problem, even beside a result of True."""
        problem = (out or self._out).geterror().strip()
        if done and (not problem or problem == _HARMLESS):
            return
        hint = self._hint()
        self.abort()
        first = problem.splitlines()[0] if problem else "the library gives no reason"
        raise OutputError(f"{self._target} cannot be written: {first}", hint)

    def _hint(self) -> str:
        return temporary.hint_for(self._target.parent)


def write_frame(
    target: Path, frame: Frame, attributes: Mapping[str, Any] | None = None, depth: str | None = None,
    durable: bool = False,
) -> None:  # fmt: skip
    """Write one frame to a path at once; arguments as for :class:`FrameWriter`."""
    writer = FrameWriter(target, frame, attributes, depth, durable)
    try:
        writer.write(frame.layers)
    except BaseException:
        writer.abort()
        raise
    writer.commit()
