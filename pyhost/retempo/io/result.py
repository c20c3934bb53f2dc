"""What is there of a result that was written before: which frames, whole, under which stamp? Reads, changes nothing."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from retempo.errors import InputError
from retempo.io import metadata, whole
from retempo.io import pattern as pat
from retempo.io.formats import is_movie
from retempo.io.frame import Frame


class ResultFrames:
    """The frames of a finished, or unfinished, retime by their output numbers.

    Args:
        pattern: what was given as the output: a pattern, one file, or a movie.
        outputs: the numbers of all frames that belong to it, in order; a movie holds them one after the other.
    """

    def __init__(self, pattern: str | os.PathLike[str], outputs: Sequence[int]) -> None:
        self.pattern = os.fspath(pattern)
        self._movie = is_movie(self.pattern)
        self._place = {number: index for index, number in enumerate(outputs)}
        self._parsed = pat.parse(Path(self.pattern).expanduser())
        self._reader = None
        if self._movie and Path(self.pattern).expanduser().is_file():
            from retempo.io.movie import MovieSource

            self._reader = MovieSource(Path(self.pattern).expanduser(), None)
        self._stamp = self._movie_stamp() if self._movie else None

    def path(self, n: int) -> Path:
        """The file that holds frame n, or would."""
        return Path(self.pattern).expanduser() if self._movie else self._parsed.path(n)

    def fault(self, n: int) -> str:
        """Why frame n cannot be shown: 'missing', or what is wrong with its file; '' where nothing is."""
        if self._movie:
            return "" if self._reader is not None and self._place[n] < len(self._reader.frames) else "missing"
        return (whole.broken_reason(self.path(n)) or "") if self.path(n).is_file() else "missing"

    def stamp(self, n: int) -> str | None:
        """The stamp (``conventions.SETTINGS_KEY``) that frame n was written with; None without one."""
        if self._movie:
            return self._stamp
        from retempo.io import reader

        try:
            return metadata.find_stamp(reader.read_header(self.path(n)).layers[0].spec)
        except InputError:
            return None

    def read(self, n: int) -> Frame:
        """Frame n.

        Raises:
            InputError: it is missing or broken.
        """
        if self._movie:
            if self._reader is None or self._place[n] >= len(self._reader.frames):
                raise InputError(f"{self.pattern} holds no frame for output {n}", "retime it again")
            return self._reader.read(self._reader.frames[self._place[n]])
        from retempo.io import reader

        return reader.read_frame(self.path(n))

    def others(self) -> tuple[int, ...]:
        """Numbers of files of this name that are none of the outputs; of a movie how many frames it has too many."""
        from retempo.io.sequence import open_source

        if self._movie:
            held = len(self._reader.frames) if self._reader is not None else 0
            return tuple(range(len(self._place), held))
        if not self._parsed.has_token:
            return ()
        try:
            return tuple(n for n in open_source(self.pattern).frames if n not in self._place)
        except InputError:
            return ()

    def _movie_stamp(self) -> str | None:
        from retempo.io.movie_target import read_stamp

        return read_stamp(Path(self.pattern).expanduser())
