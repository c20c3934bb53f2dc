"""Who may talk to this server? Whoever knows its token: random, new with each server, in a file for its user alone.

The kernel's word for who connects (``runtime.peer_of``) and the folder's mode come first; the token keeps out what has
the user's id and not the user's files: a container that was handed the socket, a sandboxed program. Each side shows the
other its half, so a client also knows that it is the server that it talks to.
"""

from __future__ import annotations

import hmac
import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from retempo.errors import OutputError

TOKEN: Final = "bridge-v2.token"
HALF: Final = 32


@dataclass(frozen=True)
class Token:
    """Both halves, 32 bytes each: what a client says in HELLO, and the server in WELCOME."""

    client: bytes
    server: bytes

    @classmethod
    def make(cls) -> Token:
        """A new one."""
        return cls(secrets.token_bytes(HALF), secrets.token_bytes(HALF))

    def __repr__(self) -> str:
        return "Token(...)"  # never into a log


def same(said: bytes, expected: bytes) -> bool:
    """Are they the same? Takes as long wherever they differ."""
    return hmac.compare_digest(said, expected)


def write_token(folder: Path, token: Token) -> None:
    """Put it beside the socket: mode 0600 from the first byte on, whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    beside = folder / f".{TOKEN}.{os.getpid()}"
    try:
        beside.unlink(missing_ok=True)
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(token.client + token.server)
        beside.replace(folder / TOKEN)
    except OSError as error:
        raise OutputError(
            f"{folder / TOKEN} cannot be written: {error.strerror}",
            "free some space, or set RETEMPO_RUNTIME_DIR",
        ) from error


def read_token(folder: Path) -> Token | None:
    """The token of the server that runs in a folder; None where there is none.

    Raises:
        OutputError: it is a link, no file, somebody else's, open to others, or of another length.
    """
    path = folder / TOKEN
    hint = f"end the server and remove {path}, or set RETEMPO_RUNTIME_DIR"
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise OutputError(f"{path} cannot be read: {error.strerror}", hint) from error
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
            raise OutputError(f"{path} is not a file for its user alone", hint)
        data = file.read(2 * HALF + 1)
    if len(data) != 2 * HALF:
        raise OutputError(f"{path} holds no token", hint)
    return Token(data[:HALF], data[HALF:])
