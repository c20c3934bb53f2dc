"""How do tests of faults get footage, what an undisturbed run makes of it, and a program that something happens to?"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from control_group import small_memory
from doors import DOORS
from runs import HERE, Results, Undisturbed, begin
from shim import shim

from plates import LINEAR
from retempo.cli.main import main

sys.path.append(str(HERE.parent / "server"))

from server_programs import folder, programs

__all__ = ["folder", "programs", "shim", "small_memory"]


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
