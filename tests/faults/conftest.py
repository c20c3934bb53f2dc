"""How do tests of faults get footage, what an undisturbed run makes of it, and a program that something happens to?"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from doors import DOORS, assert_same_result
from watcher import Watcher

from plates import LINEAR, names
from retempo.cli.main import main

HERE = Path(__file__).parent
SOURCES = HERE.parents[1] / "pyhost"
ROUNDS = int(os.environ.get("RETEMPO_FAULT_SEEDS", "1"))
"""How many times everything that is drawn by chance is drawn."""


@pytest.fixture(autouse=True)
def no_config(monkeypatch: pytest.MonkeyPatch) -> None:
    """No OCIO config of the environment."""
    monkeypatch.delenv("OCIO", raising=False)


@pytest.fixture(scope="session")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``plate.0001.exr`` to ``plate.0003.exr`` of the sample scene at 64x36, and the same as PNG."""
    folder = tmp_path_factory.mktemp("footage")
    assert main(["sample", str(folder), "--frames", "1-3", "--size", "64x36", "--json"]) == 0
    words = ["retime", str(folder / "plate.####.exr"), "-o", str(folder / "plate.####.png"), "--quiet"]
    assert main([*words, *LINEAR]) == 0
    return folder


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``shim.c`` as a library to preload."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("faults are put between a program and libc on Linux, with a C compiler; there is none")
    made = tmp_path_factory.mktemp("shim") / "shim.so"
    words = [compiler, "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", made, HERE / "shim.c", "-ldl"]
    subprocess.run(words, check=True)
    return made


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


@pytest.fixture(scope="session")
def undisturbed(
    footage: Path, shim: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Undisturbed]:
    """``undisturbed(door)``, made once."""
    made: dict[str, Undisturbed] = {}

    def run(name: str) -> Undisturbed:
        if name not in made:
            folder = tmp_path_factory.mktemp(name)
            counts = []
            for watched, flags in ((folder, ()), (footage, ("--overwrite",))):
                log = folder.with_suffix(".log")
                words = DOORS[name].command(footage, folder, *flags)
                program = begin(
                    words,
                    LD_PRELOAD=str(shim), RETEMPO_FAULT_FOLDER=f"{watched}/", RETEMPO_FAULT_LOG=str(log),
                )  # fmt: skip
                said = program.communicate(timeout=120)[1]
                assert program.returncode == 0, said
                counts.append(Counter(log.read_text().split()))
                log.unlink()
            made[name] = Undisturbed(folder, *counts)
        return made[name]

    return run


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


@pytest.fixture
def results(
    footage: Path, undisturbed: Callable[[str], Undisturbed], tmp_path: Path
) -> Iterator[Callable[[str], Results]]:
    """``results(door)``: an empty, watched folder."""
    made: list[Results] = []

    def make(door: str) -> Results:
        made.append(Results(door, footage, tmp_path / f"out{len(made)}", undisturbed(door).folder))
        return made[-1]

    yield make
    for one in made:
        one.watcher.close()


def assert_in_words(said: str, *, naming: Mapping[str, Path] | None = None) -> None:
    """An error that a person can read: no traceback, no abort of some library; it names one of the folders."""
    for sign in ("Traceback", "terminate called", "unexpected", "Segmentation"):
        assert sign not in said, said
    if naming is not None:
        assert any(str(folder) in said for folder in naming.values()), said
