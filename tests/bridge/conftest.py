"""How do these tests get the driver of the bridge, and a place for workers that leaves nothing behind?"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

REPO = Path(__file__).resolve().parents[2]
BUILD = REPO / "build" / "bridge"
FAKE = Path(__file__).with_name("fake_worker.py")


def find_tool(name: str) -> str | None:
    """A program of this environment, else of the system."""
    return shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)


@pytest.fixture(scope="session")
def driver() -> Path:
    """``$RETEMPO_BRIDGE_DRIVER`` (one built with sanitizers, say), else the driver built in build/bridge."""
    if chosen := os.environ.get("RETEMPO_BRIDGE_DRIVER"):
        return Path(chosen)
    cmake, ninja = find_tool("cmake"), find_tool("ninja")
    if cmake is None or (find_tool("c++") or find_tool("g++")) is None:
        pytest.skip("no CMake or no C++ compiler: the bridge cannot be built")
    configure = [
        cmake,
        "-S",
        str(REPO / "plugin"),
        "-B",
        str(BUILD),
        "-DCMAKE_BUILD_TYPE=Release",
        "-DRETEMPO_WERROR=ON",
    ]
    if ninja:
        configure += ["-GNinja", f"-DCMAKE_MAKE_PROGRAM={ninja}"]
    for command in (
        configure,
        [cmake, "--build", str(BUILD), "--target", "retempo_bridge_driver", "-j", "2"],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return BUILD / "retempo_bridge_driver"


class Bridge:
    """Runs the driver against workers of one runtime directory.

    Args:
        driver: the program.
        folder: the runtime directory, mode 0700.
    """

    def __init__(self, driver: Path, folder: Path) -> None:
        self.driver = driver
        self.folder = folder
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if name not in ("RETEMPO_PYTHON", "RETEMPO_WORKER_COMMAND", "RETEMPO_RENDER_DEADLINE")
        } | {"RETEMPO_RUNTIME_DIR": str(folder)}

    def use_fake(self, *misdeeds: str) -> None:
        """Workers that are started from now on are fake ones."""
        words = [sys.executable, str(FAKE), *misdeeds]
        self.environment["RETEMPO_WORKER_COMMAND"] = " ".join(f"'{word}'" for word in words)

    def start(self, command: str, *arguments: str, **values: object) -> subprocess.Popen[str]:
        """The driver, running."""
        words = [str(self.driver), command, *arguments, *(f"{key}={value}" for key, value in values.items())]
        pipe = subprocess.PIPE
        return subprocess.Popen(words, stdout=pipe, stderr=pipe, text=True, env=self.environment)

    def run(self, command: str, *arguments: str, **values: object) -> list[dict[str, Any]]:
        """What the driver says, a dict a line."""
        return self.finish(self.start(command, *arguments, **values))

    def finish(self, running: subprocess.Popen[str]) -> list[dict[str, Any]]:
        """The same for one that was started; a crash or a report of a sanitizer fails the test."""
        out, errors = running.communicate(timeout=120)
        assert running.returncode in (0, 1) and not errors, (
            f"driver ended with {running.returncode}\n{out}\n{errors}"
        )
        return [json.loads(line) for line in out.splitlines()]

    def render(self, *arguments: str, **values: object) -> list[dict[str, Any]]:
        """Lines of ``render`` without the last one, which counts descriptors."""
        lines = self.run("render", *arguments, **({"frames": "0,1"} | values))
        return lines[:-1]

    def pids(self) -> list[int]:
        """Fake workers that were started here, in order."""
        marker = self.folder / "was-started"
        return [int(line) for line in marker.read_text().split()] if marker.exists() else []

    def lives(self, pid: int) -> bool:
        """Whether a worker with that pid runs; a zombie that nobody has reaped yet does not."""
        return is_worker(pid)

    def all_pids(self) -> set[int]:
        """Every worker that may live: fake ones, and the one whose pid is in the lock file."""
        lock = self.folder / "bridge-v2.lock"
        text = lock.read_text().strip() if lock.exists() else ""
        return {*self.pids(), *([int(text)] if text.isdigit() else [])}


def is_worker(pid: int) -> bool:
    """Whether a process with that pid was started by these tests: numbers are used again."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return b"fake_worker.py" in command or b"retempo" in command


@pytest.fixture
def bridge(driver: Path) -> Iterator[Bridge]:
    """A fresh runtime directory with a short name; its workers are killed at the end."""
    with tempfile.TemporaryDirectory(prefix="rtmp-") as name:
        made = Bridge(driver, Path(name))
        yield made
        for pid in made.all_pids():
            if is_worker(pid):
                os.kill(pid, signal.SIGKILL)
