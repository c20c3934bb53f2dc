"""How does one ask a running server, or tell it to stop? The two questions that need no pixels."""

from __future__ import annotations

import json
import os
import socket
import time
from pathlib import Path
from typing import Any

from retempo.errors import OutputError
from retempo.server.messages import Failed, Hello, Welcome
from retempo.server.protocol import HEADER, ProtocolError, Type, pack_message, parse_header
from retempo.server.runtime import SOCKET, check_dir, peer_of
from retempo.server.token import TOKEN, read_token, same


def connect(folder: Path, timeout: float = 5.0) -> socket.socket | None:
    """A connection to the server of ``folder``; None when none runs.

    Raises:
        OutputError: the folder, or who listens there, is not the user's own.
    """
    if not folder.is_dir():
        return None
    check_dir(folder)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.settimeout(timeout)
    try:
        sock.connect(str(folder / SOCKET))
    except (FileNotFoundError, ConnectionRefusedError):
        sock.close()
        return None
    except OSError as error:
        sock.close()
        raise OutputError(f"{folder / SOCKET} does not answer: {error}", "see the server's log") from error
    if peer_of(sock)[1] != os.getuid():
        sock.close()
        raise OutputError(
            f"somebody else listens on {folder / SOCKET}", "set RETEMPO_RUNTIME_DIR to a folder of your own"
        )
    return sock


def ask(folder: Path, *, stop: bool = False, timeout: float = 5.0) -> dict[str, Any] | None:
    """The server's status; None when none runs. With ``stop`` it is told to end and waited for.

    Raises:
        OutputError: it does not answer, or does not end.
    """
    sock = connect(folder, timeout)
    if sock is None:
        return None
    with sock:
        try:
            _greet(sock, folder)
            sock.sendall(pack_message(Type.STOP if stop else Type.STATUS, 2))
            facts: dict[str, Any] = json.loads(_answer(sock, Type.STATUS_REPLY))
        except (OSError, ValueError, ProtocolError) as error:
            raise OutputError(
                f"the server on {folder / SOCKET} does not answer: {error}", "end it by its pid"
            ) from error
    end = time.monotonic() + timeout + 5.0
    while stop and (folder / SOCKET).exists():
        if time.monotonic() > end:
            raise OutputError(f"the server (pid {facts['pid']}) does not end", "end it by its pid")
        time.sleep(0.02)
    return facts


def _greet(sock: socket.socket, folder: Path) -> None:
    """HELLO and WELCOME.

    Raises:
        OutputError: the server does not know the token, or says that this client does not.
    """
    token = read_token(folder)
    if token is None:
        raise OutputError(f"{folder / TOKEN} is missing", "end the server by its pid")
    sock.sendall(pack_message(Type.HELLO, 1, Hello("retempo serve", os.getpid(), token.client).pack()))
    welcome = Welcome.parse(_answer(sock, Type.WELCOME))
    if not same(welcome.token, token.server):
        raise OutputError(f"somebody else listens on {folder / SOCKET}", "end it by its pid")


def _answer(sock: socket.socket, wanted: Type) -> bytes:
    header = parse_header(_take(sock, HEADER.size))
    payload = _take(sock, header.length)
    if header.type == Type.FAILED:
        failed = Failed.parse(payload)
        raise OutputError(failed.message, failed.hint)
    if header.type != wanted:
        raise ProtocolError(f"it answers with a message of type {header.type}")
    return payload


def _take(sock: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = sock.recv(count - len(data))
        if not part:
            raise ConnectionError("it closed the connection")
        data += part
    return data
