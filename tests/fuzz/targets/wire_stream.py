"""Does the server survive what comes over a socket, in whatever pieces? A connection and its session, no worker."""

from __future__ import annotations

import json
import logging
import os
import socket
from pathlib import Path
from typing import Any

from retempo.server.connection import Connection, Gone
from retempo.server.session import Sessions
from retempo.server.token import Token

FIXTURE = Path(__file__).resolve().parents[2] / "fixtures" / "wire_messages.json"
WORDS = (b"RTMP", b"\x04flow\x03\x00dis", b"\x06engine", b"\x06config")
LONGEST = 4096
TOKEN = Token(bytes(range(32)), bytes(range(32, 64)))
"""That of the fixture's HELLO."""
logging.disable(logging.CRITICAL)


class NoWorker:
    """Takes requests and forgets them; knows no frame."""

    cache: Any = type("Cache", (), {"limit": 0, "used": 0, "get": lambda self, key: None})()

    def start(self, owner: Any, request: Any, answer: Any) -> None: ...

    def count(self, what: str) -> None: ...


def parse(data: bytes) -> None:
    """The first byte says how long the pieces are; a memfd rides with each that begins like a message."""
    piece = 1 + (data[0] if data else 0) * 8
    here, there = socket.socketpair()
    sessions = Sessions(NoWorker(), "fuzz", lambda work: None, lambda: None, TOKEN)  # type: ignore[arg-type]
    connection = Connection(here, 1)
    sessions.connections.add(connection)
    here.setblocking(False)
    memory = os.memfd_create("fuzz", os.MFD_ALLOW_SEALING)
    os.ftruncate(memory, 1 << 16)
    try:
        for at in range(1, len(data), piece):
            part = data[at : at + piece]
            socket.send_fds(
                there, [part], [memory] if part.startswith(b"RTMP") and part[20:21] == b"\1" else []
            )
            sessions.handle(connection)
            there.setblocking(False)
            while _drain(there):
                connection.flush()
    except (Gone, BrokenPipeError, BlockingIOError):
        pass
    finally:
        os.close(memory)
        sessions.leave(connection)
        there.close()


def _drain(there: socket.socket) -> bool:
    try:
        return bool(there.recv(1 << 16))
    except BlockingIOError:
        return False


def seeds() -> dict[str, bytes]:
    found = [
        bytes.fromhex(one["hex"]) for one in json.loads(FIXTURE.read_text())["messages"] if one["type"] != 2
    ]
    return {"each": b"\xff" + b"".join(found[:3]), "pieces": b"\0" + b"".join(found[:2])}
