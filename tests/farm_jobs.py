"""How do tests of farms get a shot, run the program in processes of their own, and see what a job did?"""

from __future__ import annotations

import json
import re
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from plates import LINEAR, start
from retempo.farm.processes import list_children, list_tree
from retempo.farm.standing import undecodable

REPO = Path(__file__).resolve().parents[1]
PATIENCE = 180.0
"""Seconds that anything may take on a busy machine before a test gives up."""
FAST = ("--flow", "dis:fast", "--inverses", "off", *LINEAR)


def finish(program: subprocess.Popen[str], code: int | None = 0) -> subprocess.CompletedProcess[str]:
    """Wait for its end; ``code`` is the exit code to expect, None any."""
    out, error = program.communicate(timeout=PATIENCE)
    assert "Traceback" not in error, error
    assert code is None or program.returncode == code, (program.returncode, out, error)
    return subprocess.CompletedProcess(program.args, program.returncode, out, error)


def retempo(*arguments: object, code: int | None = 0, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the program in a process of its own; arguments as of ``plates.start`` and ``finish``."""
    return finish(start(*arguments, **variables), code)


def status(folder: Path, code: int | None = None) -> dict[str, Any]:
    """What ``retempo status --json`` says."""
    parsed: dict[str, Any] = json.loads(retempo("status", folder, "--json", code=code).stdout)
    return parsed


def wait_for(what: Callable[[], Any], told: str) -> Any:
    """The first true answer; fails after ``PATIENCE``."""
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends:
        answer = what()
        if answer:
            return answer
        time.sleep(0.05)
    raise AssertionError(f"waited in vain for {told}")


def wait_until_over(folder: Path) -> dict[str, Any]:
    """What ``status`` says when the job is over."""
    retempo("status", folder, "--watch", "--json", code=None)
    return status(folder)


def contents(folder: Path) -> dict[str, bytes]:
    """Every visible file of a folder, by name."""
    return {
        path.name: path.read_bytes() for path in sorted(folder.iterdir()) if not path.name.startswith(".")
    }


def assert_same_files(one: Path, other: Path) -> None:
    """The same names, and the same bytes in each."""
    first, second = contents(one), contents(other)
    assert sorted(first) == sorted(second)
    assert [name for name in first if first[name] != second[name]] == []


def computed(logs: Path) -> Counter[int]:
    """How often each output frame was computed, by what the tasks said."""
    said = re.compile(r"openjd_status: frame (-?\d+),")
    return Counter(
        int(number)
        for log in logs.glob("chunk-*.log")
        for number in said.findall(log.read_text(errors="replace"))
    )


def find_task(root: int, word: str) -> int | None:
    """A Retempo process of this tree that has ``word`` among its arguments, and is no ``openjd run``."""
    for pid in list_tree([root]):
        try:
            arguments = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
        except OSError:
            continue
        if "retempo" in arguments and word in arguments:
            return pid
    return None


def find_runner(supervisor: int, task: int) -> int | None:
    """The child of a supervisor (`openjd run`) that a task came from."""
    children = list_children().get(supervisor, [])
    return next((pid for pid in children if task in list_tree([pid])), None)


class Watcher:
    """Opens every file that appears in a folder, as soon and as often as it can; collects what could not be read.

    Use as a context manager.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.broken: dict[str, str] = {}
        self.looks: Counter[str] = Counter()

    def __enter__(self) -> Watcher:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        seen: dict[str, int] = {}
        while not self._over.is_set():
            for path in sorted(self._folder.glob("*")) if self._folder.is_dir() else []:
                try:
                    written = path.stat().st_mtime_ns
                except FileNotFoundError:
                    continue
                if path.name.startswith(".") or seen.get(path.name) == written:
                    continue
                seen[path.name] = written
                self.looks[path.name] += 1
                reason = undecodable(path)
                if reason and path.exists():
                    self.broken[path.name] = reason
            time.sleep(0.005)
