"""When are the frames of a render that still runs there? When all exist, are whole, and have stopped changing."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from retempo.errors import InputError, UsageError
from retempo.io import pattern as pat
from retempo.io import whole
from retempo.io.formats import is_movie

LOOK_EVERY: Final = 0.5
"""Seconds between two looks; a file that is the same at two of them has stopped changing."""


def wait_for_frames(pattern: str | os.PathLike[str], frames: str | None, seconds: float) -> None:
    """Return when every frame of a range has arrived; nothing is known of frames that nobody has named.

    Args:
        pattern: image files, one a frame.
        frames: which, as :func:`retempo.io.pattern.parse_range` reads it.
        seconds: how long to wait after the last arrival (of any of them) before giving up.

    Raises:
        UsageError: no frames named, a pattern without a frame token, or a movie.
        InputError: one does not come, or is not whole.
    """
    parsed = pat.parse(Path(pattern).expanduser())
    if not frames or not parsed.has_token or is_movie(Path(pattern)):
        raise UsageError(
            "--wait-for-frames needs to know which frames will come",
            "give a sequence and --frames, e.g. --frames 1001-1050",
        )
    if not 0 < seconds < float("inf"):
        raise UsageError(f"--wait-for-frames is {seconds:g}", "give the seconds to wait for each frame")
    missing = _Missing([parsed.path(number) for number in pat.parse_range(frames)])
    last = time.monotonic()
    while missing.paths:
        if missing.look():
            last = time.monotonic()
        elif time.monotonic() - last > seconds:
            path = missing.paths[0]
            reason = whole.broken_reason(path) or "it changes still"
            more = f", nor have {len(missing.paths) - 1} more" if len(missing.paths) > 1 else ""
            raise InputError(
                f"{path} has not come within {seconds:g} s: {reason}{more}", "render it, or wait longer"
            )
        if missing.paths:
            time.sleep(min(LOOK_EVERY, seconds / 2))


class _Missing:
    """The files that have not arrived, and what was seen of them at the last look."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = list(paths)
        self._seen: dict[Path, tuple[int, int, int]] = {}

    def look(self) -> bool:
        """Look once; True when something has come or grown since."""
        news, left = False, []
        for path in self.paths:
            state = _state(path)
            same = state is not None and self._seen.get(path) == state
            if state is not None and not same:
                self._seen[path] = state
                news = True
            if same and whole.broken_reason(path) is None:
                news = True
            else:
                left.append(path)
        self.paths = left
        return news


def _state(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_ino, found.st_size, found.st_mtime_ns)
