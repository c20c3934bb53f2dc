"""How do tests hand out a job to this machine, and seize what works on it?"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from farm_jobs import FAST, find_runner, find_task, retempo, wait_for
from retempo.farm.backends.local import is_supervised, read_state

FLAGS = ("--speed", "1/6", "--frames", "1001-1003", *FAST)
"""13 frames of the plate; in chunks of 6: two of one gap each, and the last frame."""
FRAMES = range(1001, 1014)


@pytest.fixture(scope="session")
def alone(plate: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a single process makes."""
    folder = tmp_path_factory.mktemp("alone")
    retempo("retime", plate / "plate.####.exr", "-o", folder / "o.####.exr", *FLAGS)
    return folder


class LocalJob:
    """A job of this machine, in a folder of its own."""

    def __init__(self, plate: Path, root: Path) -> None:
        self.folder, self.out, self.source = root / "job", root / "out", plate
        self.logs = self.folder / "local" / "logs"

    def submit(
        self, *flags: object, code: int | None = 0, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Hand it out; arguments as of ``farm_jobs.retempo``."""
        return retempo(*self.words(*flags), code=code, **variables)

    def words(self, *flags: object) -> list[str]:
        """The command that hands it out."""
        shot = (self.source / "plate.####.exr", "-o", self.out / "o.####.exr", *FLAGS)
        words = ("submit", *shot, "--chunk", 6, "--local-workers", 2, "--job-dir", self.folder, *flags)
        return [str(one) for one in words]

    @property
    def supervisor(self) -> int:
        """Its process number."""
        return int(json.loads((self.folder / "backend.json").read_text())["handle"]["pid"])

    def tasks(self) -> dict[int, dict[str, Any]]:
        """By chunk, what the supervisor wrote last."""
        state = read_state(self.folder)
        return {one["chunk"]: one for one in state["tasks"]} if state else {}

    def seize(self, word: str = "retime") -> int:
        """A process of a task, as soon as there is one."""
        return int(wait_for(lambda: find_task(self.supervisor, word), f"a task with {word}"))

    def seize_with_runner(self) -> tuple[int, int] | None:
        """A process of a task, and the `openjd run` that it came from."""
        task = find_task(self.supervisor, "retime")
        runner = None if task is None else find_runner(self.supervisor, task)
        return None if task is None or runner is None else (task, runner)


@pytest.fixture
def job(plate: Path, tmp_path: Path) -> Iterator[LocalJob]:
    made = LocalJob(plate, tmp_path)
    yield made
    if is_supervised(made.folder):  # a test failed on the way
        retempo("cancel", made.folder, code=None)
