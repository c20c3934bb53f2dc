"""How is a program run that something happens to, and what is asked of what it leaves?"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from doors import DOORS, assert_same_result
from watcher import Watcher

from plates import names
from retempo.cli.main import main

HERE = Path(__file__).parent
SOURCES = HERE.parents[1] / "pyhost"
ROUNDS = int(os.environ.get("RETEMPO_FAULT_SEEDS", "1"))
"""How many times everything that is drawn by chance is drawn."""


@dataclass(frozen=True)
class Undisturbed:
    """What a door gives when nothing happens: its results, and how many operations of each kind that takes."""

    folder: Path
    outside: Counter[str]
    inside: Counter[str]


def environment(**more: str) -> dict[str, str]:
    """Of a program of its own."""
    path = os.pathsep.join(filter(None, [str(SOURCES), os.environ.get("PYTHONPATH", "")]))
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", **more}


def begin(words: list[str], **more: str) -> subprocess.Popen[str]:
    """``retempo`` with further variables in its environment."""
    return subprocess.Popen(
        [sys.executable, "-m", "retempo", *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(**more),
    )  # fmt: skip


class Results:
    """A folder that results go to, watched.

    Args:
        door: name of a door.
        footage, folder: where frames come from, and go to.
        expected: what an undisturbed run leaves.
    """

    def __init__(self, door: str, footage: Path, folder: Path, expected: Path) -> None:
        folder.mkdir(parents=True)
        self.door, self.footage, self.folder, self.expected = DOORS[door], footage, folder, expected
        self.watcher = Watcher(folder)

    def run(self, *flags: str, **more: str) -> tuple[int, str]:
        """Run the door's command in a process of its own: exit code, and what it said on standard error."""
        program = begin(self.door.command(self.footage, self.folder, *flags), **more)
        said = program.communicate(timeout=120)[1]
        return program.returncode, said

    def check_unfinished(self, *, hidden: bool = False) -> None:
        """What is there has the right pixels, and nothing was ever seen in the making.

        Args:
            hidden: unfinished files may be left, under hidden names.
        """
        self.watcher.check()
        for name in names(self.folder):
            if name.startswith("."):
                assert hidden, f"{name} was left behind"
            else:
                assert_same_result(self.folder / name, self.expected / name)

    def go_on(self, *flags: str) -> None:
        """The next run completes what the last one did not, leaves nothing else, and all is as if nothing had been."""
        assert main(self.door.command(self.footage, self.folder, self.door.again, *flags)) == 0
        assert names(self.folder) == names(self.expected)
        self.check_unfinished()


def assert_in_words(said: str, *, naming: Mapping[str, Path] | None = None) -> None:
    """An error that a person can read: no traceback, no abort of some library; it names one of the folders."""
    for sign in ("Traceback", "terminate called", "unexpected", "Segmentation"):
        assert sign not in said, said
    if naming is not None:
        assert any(str(folder) in said for folder in naming.values()), said
