"""Where do output frames go, and which of them are already there?"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from retempo.errors import InputError, OutputError, UsageError
from retempo.io import pattern as pat
from retempo.io import temporary, whole
from retempo.io.formats import format_for, is_movie
from retempo.io.frame import Frame
from retempo.io.source import Source

if TYPE_CHECKING:
    from retempo.io.writer import FrameWriter


class Target(Protocol):
    """Output frames by number."""

    def path(self, n: int) -> Path:
        """Return the file that frame n goes to."""
        ...

    def write(self, n: int, frame: Frame, attributes: Mapping[str, Any] | None = None) -> None:
        """Write frame n with these attributes set on every part; it appears whole or not at all."""
        ...

    def begin(self, n: int, header: Frame, attributes: Mapping[str, Any] | None = None) -> FrameWriter:
        """Start frame n strip by strip."""
        ...

    def stamp(self, n: int) -> str | None:
        """Return the stamp (conventions.SETTINGS_KEY) of an existing frame n, None without one."""
        ...

    def is_whole(self, n: int, thorough: bool = False) -> bool:
        """Tell whether frame n exists and is not cut off; ``thorough``: nor any byte of it changed since."""
        ...

    def close(self) -> None:
        """Finish; a movie appears under its name now."""
        ...

    def abort(self) -> None:
        """Stop and leave nothing unfinished behind."""
        ...


def open_target(
    pattern: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    source: Source | None = None,
    fps: Fraction | None = None,
    frames: Sequence[int] | None = None,
    depth: str | None = None,
    durable: bool = False,
    codec: str | None = None,
    bits: int | None = None,
    quality: int | None = None,
) -> Target:
    """Prepare an output.

    Args:
        pattern: ``out.####.exr``, a single file name, or a movie.
        overwrite: replace frames that exist; otherwise they are an error when written to.
        source: what is read; a target that would replace one of its files is refused.
        fps: rate of a movie, and only of that (image metadata comes with each frame's attributes).
        frames: the frame numbers to come, to check the pattern before any work is done.
        depth: storage of float channels: ``half``, ``float``, ``uint8``, ``uint10``, ``uint16``.
        durable: wait for the disk at each frame.
        codec: movie codec: ``h264``, ``hevc``, ``prores``, ``ffv1``; by the extension without it.
        bits: 8 or 10 bits a component of a movie; without it 10 for a source movie of more than 8, where
            the codec has it, and otherwise the least the codec has.
        quality: constant rate factor of h264 and hevc, smaller is better.

    Raises:
        UsageError: many frames for a name without a frame token; unknown extension, depth or codec.
        OutputError: the target would replace its source, or its folder cannot be written to.
    """
    path = Path(pattern).expanduser()
    if is_movie(path):
        from retempo.io.movie_target import MovieTarget

        _refuse_source([path], source)
        deep = source is not None and _is_deep_movie(source)
        return MovieTarget(
            path, overwrite=overwrite, fps=fps, codec=codec, bits=bits, quality=quality, deep=deep,
            headroom=source is not None and source.kind == "movie",
        )  # fmt: skip
    parsed = pat.parse(path)
    form = format_for(path)
    if depth is not None and depth not in form.depths:
        raise UsageError(f"{form.name} cannot store '{depth}'", f"use one of {', '.join(form.depths)}")
    if not parsed.has_token and frames is not None and len(set(frames)) > 1:
        raise _no_token(path, len(set(frames)))
    _refuse_source(
        (parsed.path(n) for n in (frames if frames is not None else source.frames if source else ())), source
    )
    return ImageTarget(parsed, overwrite, source, depth, durable)


def _is_deep_movie(source: Source) -> bool:
    """Tell whether it is a movie of more than 8 bits a component."""
    if source.kind != "movie":
        return False
    layers = source.header(source.frames[0]).layers
    return any(kind != "uint8" for layer in layers for kind in layer.formats.values())


class ImageTarget:
    """Image files, one a frame. Frames may be written in any order and from several threads."""

    def __init__(
        self, pattern: pat.Pattern, overwrite: bool, source: Source | None, depth: str | None, durable: bool
    ) -> None:
        self._pattern, self._overwrite, self._depth, self._durable = pattern, overwrite, depth, durable
        self._sources = _identities(source)
        self._lock = threading.Lock()
        self._written: set[int] = set()
        self._open: dict[int, FrameWriter] = {}
        temporary.prepare_folder(pattern.folder)
        self.removed = temporary.remove_stale(pattern.folder)

    def path(self, n: int) -> Path:
        """Return the file that frame n goes to."""
        return self._pattern.path(n)

    def write(self, n: int, frame: Frame, attributes: Mapping[str, Any] | None = None) -> None:
        """Write frame n; raises OutputError (full disk, no permission, exists, would replace its source)."""
        writer = self.begin(n, frame, attributes)
        try:
            writer.write(frame.layers)
            writer.commit()
        except BaseException:
            writer.abort()
            raise
        finally:
            with self._lock:
                self._open.pop(n, None)

    def begin(self, n: int, header: Frame, attributes: Mapping[str, Any] | None = None) -> FrameWriter:
        """Start frame n; the caller commits or aborts the writer."""
        from retempo.io.writer import FrameWriter

        path = self.path(n)
        if not path.parent.is_dir():
            raise OutputError(
                f"folder {path.parent} was removed while frames were written to it",
                "run again to make all of them",
            )
        if not self._pattern.has_token and self._written - {n}:
            raise _no_token(path, 2)
        if _identity(path) in self._sources:
            raise OutputError(f"writing {path} would destroy its own source", "choose another output name")
        if path.exists() and not self._overwrite:
            raise OutputError(
                f"{path} exists", "pass --overwrite to replace it, or --resume to keep good frames"
            )
        writer = FrameWriter(path, header, attributes, self._depth, self._durable)
        with self._lock:
            self._written.add(n)
            self._open = {k: other for k, other in self._open.items() if not other.finished} | {n: writer}
        return writer

    def stamp(self, n: int) -> str | None:
        """Return the stamp of an existing frame; reads its header alone. None for broken files too."""
        from retempo.io import metadata, reader

        if not self.path(n).is_file():
            return None
        try:
            return metadata.find_stamp(reader.read_header(self.path(n)).layers[0].spec)
        except InputError:
            return None

    def is_whole(self, n: int, thorough: bool = False) -> bool:
        """Tell whether frame n exists and is not cut off, by header and chunk table alone, or by every byte."""
        look = whole.changed_reason if thorough else whole.broken_reason
        return look(self.path(n)) is None

    def close(self) -> None:
        """Drop frames that were begun but not committed."""
        self.abort()

    def abort(self) -> None:
        """Drop unfinished frames; finished ones stay."""
        with self._lock:
            for writer in self._open.values():
                writer.abort()
            self._open.clear()


def _no_token(path: Path, count: int) -> UsageError:
    example = f"{path.stem}.####{path.suffix}"
    return UsageError(
        f"{path} names one file for {count} or more frames", f"put a frame token in it: {example}"
    )


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        state = path.stat()
    except OSError:
        return None
    return (state.st_dev, state.st_ino)


def _identities(source: Source | None) -> set[tuple[int, int]]:
    if source is None:
        return set()
    paths = {source.path(n) for n in source.frames}
    return {identity for identity in map(_identity, paths) if identity is not None}


def _refuse_source(paths: Iterable[Path], source: Source | None) -> None:
    known = _identities(source)
    for path in paths if known else ():
        if _identity(path) in known:
            raise OutputError(f"writing {path} would destroy its own source", "choose another output name")
