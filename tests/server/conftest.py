"""How do tests get a running server? In this process on a thread, or a program of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from server_programs import folder, programs
from wire_client import Client

from retempo.server.limits import DEFAULTS, Limits
from retempo.server.loop import Server
from retempo.server.runtime import Home

__all__ = ["client", "folder", "programs", "serve"]


@pytest.fixture
def serve(folder: Path) -> Iterator[Callable[..., Server]]:
    """``serve(cache_bytes=..., idle_exit=..., workers=..., limits=...)`` starts a server on a thread."""
    running: list[tuple[Server, threading.Thread]] = []

    def start(
        cache_bytes: int = 64 << 20, idle_exit: float = 0.0, workers: int = 3, limits: Limits = DEFAULTS
    ) -> Server:
        server = Server(Home(folder), "test", cache_bytes, idle_exit, workers, limits)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        running.append((server, thread))
        return server

    yield start
    for server, thread in running:
        if thread.is_alive():
            server.stop()
        thread.join(10)
        assert not thread.is_alive(), "the server does not stop"


@pytest.fixture
def client(serve: Callable[..., Server], folder: Path) -> Iterator[Client]:
    """A greeted client of a fresh server."""
    serve()
    with Client(folder) as one:
        yield one
