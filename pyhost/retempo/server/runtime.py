"""Where does a server live, and is there one already? Directory, lock, socket and log of one user's server."""

from __future__ import annotations

import fcntl
import logging
import os
import socket
import stat
import struct
import time
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Final

from retempo.errors import OutputError
from retempo.server.token import TOKEN, Token, write_token

SOCKET: Final = "bridge-v2.sock"
LOCK: Final = "bridge-v2.lock"
LOG: Final = "server.log"
LONGEST_PATH: Final = 107
LOG_BYTES: Final = 1 << 20
LOG_FILES: Final = 3
LOCK_PATIENCE: Final = 5.0


class AlreadyRunning(Exception):
    """Another server has the lock; ``pid`` is its process, 0 when it has not said yet."""

    def __init__(self, pid: int) -> None:
        super().__init__(f"a server runs already (pid {pid})")
        self.pid = pid


def runtime_dir() -> Path:
    """``$RETEMPO_RUNTIME_DIR``, else ``$XDG_RUNTIME_DIR/retempo``, else ``/tmp/retempo-<uid>``."""
    if chosen := os.environ.get("RETEMPO_RUNTIME_DIR"):
        return Path(chosen)
    if session := os.environ.get("XDG_RUNTIME_DIR"):
        return Path(session) / "retempo"
    return Path(f"/tmp/retempo-{os.getuid()}")


def check_dir(folder: Path, *, make: bool = False) -> Path:
    """The folder, if nobody but its user can have put anything into it.

    Raises:
        OutputError: it is a link, somebody else's, open to others, missing, lies where anybody may rename it, or its
            name is too long for a socket.
    """
    if len(os.fsencode(folder / SOCKET)) > LONGEST_PATH:
        raise OutputError(
            f"{folder} is too long a name for a socket", "set RETEMPO_RUNTIME_DIR to a shorter one"
        )
    try:
        if make:
            folder.parent.mkdir(parents=True, exist_ok=True)
            try:
                folder.mkdir(0o700)
            except FileExistsError:
                pass
        status, above = folder.lstat(), folder.parent.stat()
    except OSError as error:
        hint = "set RETEMPO_RUNTIME_DIR to a folder that can be made"
        raise OutputError(f"{folder} cannot be used: {error.strerror}", hint) from error
    if not stat.S_ISDIR(status.st_mode):
        raise OutputError(f"{folder} is not a folder", "remove it, or set RETEMPO_RUNTIME_DIR")
    if status.st_uid != os.getuid():
        raise OutputError(
            f"{folder} belongs to user {status.st_uid}", "set RETEMPO_RUNTIME_DIR to a folder of your own"
        )
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise OutputError(f"{folder} is open to others", f"run: chmod 700 {folder}")
    if above.st_mode & 0o002 and not above.st_mode & stat.S_ISVTX:
        raise OutputError(
            f"{folder} lies in a folder where anybody can put another in its place",
            "set RETEMPO_RUNTIME_DIR to a folder in one of your own",
        )
    return folder


def peer_of(connection: socket.socket) -> tuple[int, int]:
    """(pid, uid) of the process at the other end, as the kernel knows it."""
    data = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid, uid, _ = struct.unpack("3i", data)
    return pid, uid


class Home:
    """The folder of a running server, locked; holds the listening socket and the token.

    Raises:
        AlreadyRunning: another server has it.
        OutputError: see ``check_dir``.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = check_dir(folder, make=True)
        self._lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        self.path = folder / SOCKET
        try:
            self._take_lock()
        except BaseException:
            os.close(self._lock)
            raise
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, f"{os.getpid()}\n".encode(), 0)
        self.path.unlink(missing_ok=True)  # left by a server that was killed: the lock says that none lives
        self.token = Token.make()
        try:
            write_token(folder, self.token)  # before anybody can connect
        except BaseException:
            os.close(self._lock)
            raise
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(str(self.path))
        os.chmod(self.path, 0o600)
        self.listener.listen(128)
        self.listener.setblocking(False)

    def _take_lock(self) -> None:
        """Lock; a server that is just ending (its socket is gone already) is waited for."""
        patience = time.monotonic() + LOCK_PATIENCE
        while True:
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if self.path.exists() or time.monotonic() > patience:
                    text = os.pread(self._lock, 32, 0).strip()
                    raise AlreadyRunning(int(text) if text.isdigit() else 0) from None
                time.sleep(0.02)

    def unlink(self) -> None:
        """Take the socket away: whoever comes now starts another server, which waits for the lock."""
        self.path.unlink(missing_ok=True)
        (self.folder / TOKEN).unlink(missing_ok=True)
        self.listener.close()

    def close(self) -> None:
        """Let go of the lock."""
        os.close(self._lock)


class _Log(RotatingFileHandler):
    """Says nothing when it cannot be written (a full disk): standard error may be a host's terminal."""

    def handleError(self, record: logging.LogRecord) -> None:
        pass


def open_log(path: Path, level: int = logging.INFO) -> logging.Handler:
    """Send the log of the whole program to a file that is rotated at 1 MiB; three old ones are kept.

    Raises:
        OutputError: the file cannot be written.
    """
    try:
        handler = _Log(
            path, maxBytes=LOG_BYTES, backupCount=LOG_FILES, encoding="utf-8", errors="backslashreplace"
        )
    except OSError as error:
        raise OutputError(
            f"the log {path} cannot be written: {error.strerror}", "choose another --log"
        ) from error
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(threadName)s: %(message)s"))
    logging.getLogger().addHandler(handler)
    logging.getLogger().setLevel(level)
    return handler
