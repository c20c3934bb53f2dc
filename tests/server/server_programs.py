"""How do tests run `retempo serve` in processes of their own?"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from wire_client import Client

from retempo.server.runtime import SOCKET

REPO = Path(__file__).resolve().parents[2]


class Programs:
    """Runs ``retempo serve`` in processes of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.running: list[subprocess.Popen[str]] = []

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        path = os.pathsep.join(filter(None, [str(REPO / "pyhost"), os.environ.get("PYTHONPATH", "")]))
        program = subprocess.Popen(
            [sys.executable, "-m", "retempo", "serve", *map(str, arguments)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": path},
        )  # fmt: skip
        self.running.append(program)
        return program

    def connect(self, timeout: float = 20.0) -> Client:
        """A client, as soon as the server accepts one."""
        end = time.monotonic() + timeout
        while True:
            try:
                return Client(self.folder)
            except (FileNotFoundError, ConnectionRefusedError):
                assert time.monotonic() < end, "the server does not come"
                time.sleep(0.01)

    def wait_gone(self, timeout: float = 10.0) -> None:
        """Until the socket is gone."""
        end = time.monotonic() + timeout
        while (self.folder / SOCKET).exists():
            assert time.monotonic() < end, "the socket stays"
            time.sleep(0.02)


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A runtime directory of this test alone, with a short name."""
    path = tmp_path_factory.mktemp("run") / "r"
    monkeypatch.setenv("RETEMPO_RUNTIME_DIR", str(path))
    monkeypatch.delenv("OCIO", raising=False)
    return path


@pytest.fixture
def programs(folder: Path) -> Iterator[Programs]:
    """See ``Programs``; all are ended with the test."""
    made = Programs(folder)
    yield made
    for one in made.running:
        if one.poll() is None:
            one.kill()
        one.communicate()
