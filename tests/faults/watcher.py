"""Was anything ever seen under a final name that was not finished? The kernel tells of every change in a folder."""

from __future__ import annotations

import ctypes
import os
import struct
from pathlib import Path

IN_MODIFY, IN_CLOSE_WRITE, IN_CREATE, IN_ISDIR = 0x2, 0x8, 0x100, 0x40000000
WHAT = {IN_MODIFY: "was written to", IN_CLOSE_WRITE: "was closed after writing", IN_CREATE: "was made"}
EVENT = struct.Struct("iIII")
libc = ctypes.CDLL(None, use_errno=True)


class Watcher:
    """Watches a folder from now on: whole files get their names by renaming, and are never touched after.

    Args:
        folder: it exists.
    """

    def __init__(self, folder: Path) -> None:
        self._fd = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        mask = IN_MODIFY | IN_CLOSE_WRITE | IN_CREATE
        if self._fd < 0 or libc.inotify_add_watch(self._fd, os.fsencode(folder), mask) < 0:
            raise OSError(ctypes.get_errno(), "the folder cannot be watched")

    def check(self) -> None:
        """Fail on every change of a file that was visible while it changed."""
        seen = []
        while data := self._events():
            at = 0
            while at < len(data):
                _, mask, _, length = EVENT.unpack_from(data, at)
                name = data[at + EVENT.size : at + EVENT.size + length].rstrip(b"\0").decode()
                at += EVENT.size + length
                if not name.startswith(".") and not mask & IN_ISDIR:
                    seen += [f"{name} {what}" for bit, what in WHAT.items() if mask & bit]
        assert not seen, seen

    def _events(self) -> bytes:
        try:
            return os.read(self._fd, 1 << 20)
        except BlockingIOError:
            return b""

    def close(self) -> None:
        """Stop."""
        os.close(self._fd)
