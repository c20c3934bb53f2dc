"""How do tests run `retempo serve` in processes of their own?"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

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
