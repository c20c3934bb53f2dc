"""How is it seen that a farm survived what befell it? A shot, its true frames, and what a job left behind."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from farm_jobs import Watcher, wait_for
from plates import LINEAR, Program, assert_same_pixels
from retempo.cli.main import main
from retempo.farm.job import load_job

FLAGS = ("--speed", "1/8", "--output-range", "1-32", *LINEAR)
OUTPUTS = tuple(range(1, 33))
CHUNK = 8
CHUNKS = 4
PATIENCE = 300.0
"""Seconds to wait for what has to happen; far longer than it takes, for machines that are busy."""
SLICE = 0.02
"""Seconds that a task runs between two looks at it."""


class FarmJob:
    """A job of the test's shot on some backend.

    Args:
        retempo: runs the program. folder: for the job and its frames. source: pattern. truth: folder of the frames
            that one process made.
    """

    def __init__(self, retempo: Program, folder: Path, source: Path, truth: Path, backend: str) -> None:
        self.retempo = retempo
        self.folder = folder / "job"
        self.output = folder / "out"
        self.source = source
        self.truth = truth
        self.backend = backend
        self.records = self.folder / backend

    def submit(self, *flags: object) -> dict[str, Any]:
        """Hand it out; it must be taken."""
        return self.retempo.done(
            *("submit", self.source, "-o", self.output / "o.####.exr", "--backend", self.backend),
            *("--job-dir", self.folder, "--chunk", CHUNK, *FLAGS, *flags),
        )  # fmt: skip

    def go_on(self) -> dict[str, Any]:
        """Hand out what is left of it."""
        return self.retempo.done("submit", "--job-dir", self.folder, "--resume")

    def status(self, *flags: object) -> dict[str, Any]:
        """What ``retempo status`` says, however it ends."""
        return self.retempo("status", self.folder, "--json", *flags).data

    def wait_until_over(self) -> dict[str, Any]:
        """Wait until nothing of it runs any more."""
        deadline = time.monotonic() + PATIENCE
        while True:
            self.retempo("status", self.folder, "--watch", "--json")
            seen = self.status()
            if seen["state"] not in ("waiting", "running", "reporting", "incomplete"):
                return seen
            assert time.monotonic() < deadline, f"it does not end: {seen}\n{self.logs()}"

    def frames(self) -> list[int]:
        """Numbers of the frames that are there."""
        return sorted(int(path.name.split(".")[1]) for path in self.output.glob("[!.]*.exr"))

    def told(self, chunk: int) -> list[int]:
        """Frames that the attempts at a chunk said that they had made, in order."""
        try:
            text = (self.records / "logs" / f"{chunk}.log").read_text(errors="replace")
        except FileNotFoundError:
            return []
        return [int(number) for number in re.findall(r"openjd_status: frame (\d+),", text)]

    def happened(self, chunk: int) -> list[str]:
        """What is written down about a chunk: ``started``, ``ended 0``, ..."""
        try:
            text = (self.records / "tasks" / str(chunk)).read_text()
        except FileNotFoundError:
            return []
        lines = [line.split() for line in text.splitlines()]
        return [" ".join(line[1:3]) if line[1] == "ended" else line[1] for line in lines]

    def logs(self) -> str:
        """All logs of tasks and report."""
        paths = sorted((self.records / "logs").glob("*.log"))
        return "\n".join(f"-- {path.name}\n{path.read_text(errors='replace')}" for path in paths)

    def assert_whole(self, watcher: Watcher, hit: tuple[int, ...] = ()) -> None:
        """Every frame is there, the same as from one process; none was ever broken, or finished twice.

        Of chunks that were hit, the frames on their way when it happened were begun again; no others.
        """
        assert self.frames() == list(OUTPUTS), self.logs()
        assert watcher.broken == {}
        assert [name for name, times in watcher.looks.items() if times > 1] == []
        for number in OUTPUTS:
            assert_same_pixels(self.truth / f"o.{number:04d}.exr", self.output / f"o.{number:04d}.exr")
        for chunk in range(CHUNKS):
            again = [number for number, count in Counter(self.told(chunk)).items() if count > 1]
            assert len(again) <= (4 if chunk in hit else 0), f"chunk {chunk} began {again} again"


def find_processes(*words: str, without: str = "\n") -> list[int]:
    """Processes whose command line has all these words as parts, and not that other one, oldest first."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                command = (entry / "cmdline").read_bytes().decode(errors="replace")
                began = int((entry / "stat").read_text().rpartition(")")[2].split()[19])
            except OSError:
                continue
            if all(word in command for word in words) and without not in command:
                found.append((began, int(entry.name)))
    return [process for _, process in sorted(found)]


def seize(job: FarmJob, chunk: int) -> int:
    """The process that makes the frames of a chunk, held when some are made and some are not.

    However fast or busy the machine: it runs in short slices until then, and no further (SIGSTOP) until it is
    killed, or released.
    """
    part = f"\0--part\0{load_job(job.folder).part(chunk)}\0"

    def find() -> int | None:
        found = find_processes(str(job.output), part, without="retempo.farm.attempt")
        return found[-1] if found else None

    process = int(wait_for(find, f"a task for chunk {chunk}\n{job.logs()}"))
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        os.kill(process, signal.SIGSTOP)
        if len(job.told(chunk)) >= 2:
            assert find() == process, f"chunk {chunk} is over already\n{job.logs()}"
            return process
        os.kill(process, signal.SIGCONT)
        time.sleep(SLICE)
    raise AssertionError(f"chunk {chunk} gets nowhere\n{job.logs()}")


def release(process: int) -> None:
    """Let a process that was seized go on, if it is still there."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, signal.SIGCONT)


def release_to_end(process: int) -> None:
    """Let a process that was seized go on as soon as it has been told to stop, or is gone."""

    def is_told() -> bool:
        try:
            status = Path(f"/proc/{process}/status").read_text()
        except OSError:
            return True
        pending = re.search(r"^ShdPnd:\s*([0-9a-f]+)", status, re.MULTILINE)
        return pending is not None and bool(int(pending[1], 16) >> (signal.SIGTERM - 1) & 1)

    wait_for(is_told, "the task to be told to stop")
    release(process)


@pytest.fixture(scope="session")
def farm_source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five frames of the sample scene, large enough for a frame to take a moment."""
    folder = tmp_path_factory.mktemp("farm_source")
    assert main(["sample", str(folder), "--frames", "1-5", "--size", "384x216", "--json"]) == 0
    return folder / "plate.####.exr"


@pytest.fixture(scope="session")
def farm_truth(farm_source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The frames as one process makes them."""
    folder = tmp_path_factory.mktemp("farm_truth")
    flags = [str(farm_source), "-o", str(folder / "o.####.exr"), *FLAGS, "--threads", "1", "--json"]
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("OCIO", raising=False)
        assert main(["retime", *flags]) == 0
    return folder
