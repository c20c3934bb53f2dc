"""What does everything that frames come from have in common, a sequence, one image or a movie?"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Literal, Protocol

from retempo.io.frame import Frame


class Source(Protocol):
    """Frames by number; every call may come from any thread.

    Attributes:
        kind: ``images`` or ``movie``.
        pattern: what the user gave.
        frames: numbers of the frames that exist, increasing. A movie counts from 0.
        missing: numbers inside the asked-for range that do not exist.
        fps: the rate that the material states, or None.
    """

    kind: Literal["images", "movie"]
    pattern: str
    frames: tuple[int, ...]
    missing: tuple[int, ...]

    @property
    def fps(self) -> Fraction | None:
        """The rate as the material states it."""
        ...

    def path(self, n: int) -> Path:
        """Return the file that holds frame n."""
        ...

    def header(self, n: int) -> Frame:
        """Return frame n without pixels."""
        ...

    def read(self, n: int, rows: tuple[int, int] | None = None) -> Frame:
        """Return frame n, or just its rows [y0, y1) in the coordinates of the display window."""
        ...

    def digest(self, n: int) -> str:
        """Return a cheap identity of the content of frame n: it changes when the file changes."""
        ...

    def close(self) -> None:
        """Let go of open files."""
        ...


class Excerpt:
    """Some frames of a source, as a source.

    Args:
        source: that is read. first, last: of the frames that count.
    """

    def __init__(self, source: Source, first: int, last: int) -> None:
        self._source = source
        self.kind: Literal["images", "movie"] = source.kind
        self.pattern = source.pattern
        self.frames = tuple(n for n in source.frames if first <= n <= last)
        self.missing = tuple(n for n in source.missing if first <= n <= last)

    @property
    def fps(self) -> Fraction | None:
        """The rate of the whole."""
        return self._source.fps

    def path(self, n: int) -> Path:
        """Return the file that holds frame n."""
        return self._source.path(n)

    def header(self, n: int) -> Frame:
        """Return frame n without pixels."""
        return self._source.header(n)

    def read(self, n: int, rows: tuple[int, int] | None = None) -> Frame:
        """Return frame n, or rows of it."""
        return self._source.read(n, rows)

    def digest(self, n: int) -> str:
        """Return the identity of frame n."""
        return self._source.digest(n)

    def close(self) -> None:
        """Do nothing: the whole stays open."""
