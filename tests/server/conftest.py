"""How do tests get a running server? In this process on a thread, or a program of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from server_programs import Programs
from wire_client import Client

from retempo.server.limits import DEFAULTS, Limits
from retempo.server.loop import Server
from retempo.server.runtime import Home


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A runtime directory of this test alone, with a short name."""
    path = tmp_path_factory.mktemp("run") / "r"
    monkeypatch.setenv("RETEMPO_RUNTIME_DIR", str(path))
    monkeypatch.delenv("OCIO", raising=False)
    return path


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


@pytest.fixture
def programs(folder: Path) -> Iterator[Programs]:
    """See ``Programs``; all are ended with the test."""
    made = Programs(folder)
    yield made
    for one in made.running:
        if one.poll() is None:
            one.kill()
        one.communicate()
