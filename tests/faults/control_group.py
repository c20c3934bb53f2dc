"""How do processes get little memory together, so that the kernel ends one of them when it runs out?"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path("/sys/fs/cgroup")
KINDS = (
    (ROOT / "memory", "memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "memory.oom_control"),
    (ROOT, "memory.max", "memory.swap.max", "memory.events"),
)
"""Where groups are made, and their files for the limit, that of the swap, and what became of it: versions 1 and 2."""
LIMIT = 180 << 20
"""Bytes; about what one process of Retempo takes with its libraries."""
HOG = [sys.executable, "-c", f"b'x' * {2 * LIMIT}"]


class ControlGroup:
    """Processes that together may take ``LIMIT``.

    Raises:
        OSError: no group can be made here.
    """

    def __init__(self) -> None:
        root, limit, swap, self._events = next(one for one in KINDS if (one[0] / "cgroup.procs").exists())
        self._folder = root / f"retempo-{os.getpid()}-{time.monotonic_ns()}"
        self._folder.mkdir()
        self._seen = 0
        try:
            (self._folder / limit).write_text(str(LIMIT))
            if (self._folder / swap).exists():
                (self._folder / swap).write_text("0" if swap == "memory.swap.max" else str(LIMIT))
        except OSError:
            self._folder.rmdir()
            raise

    def run(self, words: list[str], **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a program in it, and all that it starts."""
        enter = f"echo $$ > {shlex.quote(str(self._folder))}/cgroup.procs && exec {shlex.join(words)}"
        return subprocess.run(
            ["sh", "-c", enter], env={**os.environ, **variables}, capture_output=True, text=True, check=False
        )

    def killed(self) -> int:
        """How many of them the kernel has ended, since it was last asked."""
        told = re.search(r"^oom_kill (\d+)", (self._folder / self._events).read_text(), re.MULTILINE)
        before, self._seen = self._seen, int(told[1]) if told else 0
        return self._seen - before

    def end(self) -> None:
        """End what is left of it."""
        while left := (self._folder / "cgroup.procs").read_text().split():
            for process in left:
                os.kill(int(process), signal.SIGKILL)
            time.sleep(0.05)
        self._folder.rmdir()


@pytest.fixture
def small_memory() -> Iterator[ControlGroup]:
    """A control group; skipped where none can be made."""
    try:
        made = ControlGroup()
    except (OSError, StopIteration) as error:
        pytest.skip(f"no control group with little memory can be made here: {error!r}")
    try:
        made.run(HOG)
        if not made.killed():
            pytest.skip("a control group's memory has no limit here")
        yield made
    finally:
        made.end()
