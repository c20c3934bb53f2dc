"""Which frames does this pattern, folder, file or movie hold, and where is frame n?"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Literal

from retempo.errors import InputError, UsageError
from retempo.io import pattern as pat
from retempo.io.formats import is_movie
from retempo.io.frame import Frame
from retempo.io.source import Source

IMAGES = (
    ".exr",
    ".dpx",
    ".tif",
    ".tiff",
    ".png",
    ".jpg",
    ".jpeg",
    ".cin",
    ".hdr",
    ".tga",
    ".sgi",
    ".bmp",
    ".jp2",
)
"""Extensions that a folder is searched for."""


def open_source(pattern: str | os.PathLike[str], frames: str | None = None) -> Source:
    """Open what the user pointed at.

    Args:
        pattern: ``shot.####.exr`` (also ``@@@``, ``%04d``, ``$F4``), one file, a movie, or a folder that
            holds exactly one sequence.
        frames: a range as :func:`retempo.io.pattern.parse_range` reads it; all frames without it.

    Returns:
        a Source. ``missing`` lists the gaps: between the first and last frame found, or within ``frames``.

    Raises:
        InputError: nothing matches, or none of the asked-for frames exists.
        UsageError: a bad pattern or range, or a folder with several sequences.
    """
    path = Path(pattern).expanduser()
    wanted = pat.parse_range(frames) if frames else None
    if path.is_dir():
        return ImageSource(_only_sequence(path), wanted, str(pattern))
    if is_movie(path) and (path.is_file() or not pat.parse(path).has_token):
        from retempo.io.movie import MovieSource

        return MovieSource(path, wanted)
    return ImageSource(pat.parse(path), wanted, str(pattern))


class ImageSource:
    """Still images, one file a frame; files are opened at each read and closed again."""

    kind: Literal["images", "movie"] = "images"

    def __init__(self, pattern: pat.Pattern, wanted: tuple[int, ...] | None, given: str) -> None:
        self.pattern = given
        self._pattern = pattern
        self._files = _find(pattern)
        if not self._files:
            raise InputError(*_nothing(pattern, given))
        found = tuple(sorted(self._files))
        if wanted is None:
            self.frames = found
            self.missing = tuple(n for n in range(found[0], found[-1] + 1) if n not in self._files)
        else:
            self.frames = tuple(n for n in wanted if n in self._files)
            self.missing = tuple(n for n in wanted if n not in self._files)
        if not self.frames:
            raise InputError(
                f"{given}: none of the frames {pat.format_range(wanted or ())} exists",
                f"there are {pat.format_range(found)}",
            )
        self._fps: Fraction | None = None
        self._fps_known = False

    @property
    def fps(self) -> Fraction | None:
        """The rate in the first frame's metadata (EXR framesPerSecond, DPX frame rate), or None."""
        if not self._fps_known:
            from retempo.io.metadata import fps_of

            self._fps, self._fps_known = fps_of(self.header(self.frames[0])), True
        return self._fps

    def path(self, n: int) -> Path:
        """Return the file of frame n, whether it exists or not."""
        return self._files.get(n) or self._pattern.path(n)

    def header(self, n: int) -> Frame:
        """Return frame n without pixels; raises InputError when it is missing or broken."""
        from retempo.io import reader

        return reader.read_header(self._existing(n))

    def read(self, n: int, rows: tuple[int, int] | None = None) -> Frame:
        """Return frame n (or rows of it); raises InputError when it is missing or broken."""
        from retempo.io import reader

        return reader.read_frame(self._existing(n), rows)

    def digest(self, n: int) -> str:
        """Return 16 hex digits made of path, size and time of change of the file."""
        return file_digest(self._existing(n))

    def close(self) -> None:
        """Do nothing: no file stays open."""

    def _existing(self, n: int) -> Path:
        if n not in self._files:
            raise InputError(
                f"{self._pattern.path(n)} is missing",
                "render it, or pass --on-missing hold or interpolate",
            )
        return self._files[n]


def file_digest(path: Path, extra: str = "") -> str:
    """Return 16 hex digits made of the absolute path, size, time of change and ``extra``."""
    try:
        state = path.stat()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    text = f"{path.resolve()}|{state.st_size}|{state.st_mtime_ns}|{extra}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _listing(folder: Path) -> list[str]:
    try:
        return [
            entry.name for entry in os.scandir(folder) if not entry.name.startswith(".") and entry.is_file()
        ]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise InputError(f"folder {folder} cannot be read: {error.strerror}") from error


def _find(pattern: pat.Pattern) -> dict[int, Path]:
    """Return the existing files of a pattern by frame number; a single file is its own number, or 1."""
    if not pattern.has_token:
        path = pattern.path(0)
        number = pat.number_in(path.name)
        return {1 if number is None else number: path} if path.is_file() else {}
    found: dict[int, Path] = {}
    for name in sorted(_listing(pattern.folder)):
        number = pattern.number(name)
        if number is not None:
            found.setdefault(number, pattern.folder / name)
    return found


def _nothing(pattern: pat.Pattern, given: str) -> tuple[str, str]:
    """Word the error for a pattern that matches nothing, with the nearest thing that exists."""
    if not pattern.folder.is_dir():
        return f"{given} matches nothing: there is no folder {pattern.folder}", "check the path"
    if not pattern.has_token:
        return f"{given} does not exist", "check the path"
    near = []
    for name in _listing(pattern.folder):
        other = pat.of_file(pattern.folder / name)
        if other and other.prefix.lower() == pattern.prefix.lower():
            near.append(name)
    if near:
        return f"{given} matches nothing", f"there is {sorted(near)[0]}: check digits and extension"
    return f"{given} matches nothing", f"look at what is in {pattern.folder}"


def _only_sequence(folder: Path) -> pat.Pattern:
    groups: dict[tuple[str, str], list[tuple[Path, pat.Pattern]]] = {}
    singles = []
    for name in sorted(_listing(folder)):
        if Path(name).suffix.lower() not in IMAGES:
            continue
        found = pat.of_file(folder / name)
        if found is None:
            singles.append(name)
        else:
            groups.setdefault((found.prefix, found.suffix), []).append((folder / name, found))
    if len(groups) == 1 and not singles:
        members = next(iter(groups.values()))
        return _width_of(member for _, member in members)
    if not groups and len(singles) == 1:
        return pat.Pattern(folder, singles[0], "", 0)
    if not groups and not singles:
        raise InputError(f"folder {folder} holds no images", f"known are {', '.join(IMAGES)}")
    listed = sorted(str(_width_of(m for _, m in group)) for group in groups.values()) + singles
    raise UsageError(f"folder {folder} holds more than one sequence: {', '.join(listed)}", "name one of them")


def _width_of(members: Iterable[pat.Pattern]) -> pat.Pattern:
    return min(members, key=lambda member: member.width)
