"""Would ``make sanitize`` see a mistake? A program with one of each kind is built and run as ours are."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from sanitizers import KINDS, Sanitizer

HERE = Path(__file__).resolve().parent
MISTAKES = [("address", "address"), ("address", "undefined"), ("thread", "thread")]


@pytest.fixture(scope="module", params=KINDS)
def broken(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """The kind, and ``broken.cpp`` built with it."""
    compiler = shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        pytest.skip("no C++ compiler")
    program = tmp_path_factory.mktemp("broken") / "broken"
    flags = [
        f"-fsanitize={KINDS[request.param]}",
        "-fno-sanitize-recover=all",
        "-std=c++17",
        "-g",
        "-pthread",
    ]
    command = [compiler, *flags, str(HERE / "broken.cpp"), "-o", str(program)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "cannot find" in done.stderr:
        pytest.skip(f"{compiler} is here without its sanitizers: {done.stderr.splitlines()[0]}")
    assert done.returncode == 0, done.stderr
    return request.param, program


def run_step(kind: str, folder: Path, command: list[str]) -> list[str]:
    """What a step of ``make sanitize`` notes as failed."""
    one = Sanitizer(kind, folder)
    one.run("broken", command, one.environment())
    return list(one.failed)


def test_mistakes_are_reported_and_nothing_else(broken: tuple[str, Path], tmp_path: Path) -> None:
    kind, program = broken
    assert run_step(kind, tmp_path / "right", [str(program), "nothing"]) == []
    for which, mistake in MISTAKES:
        if which == kind:
            folder = tmp_path / mistake
            assert run_step(kind, folder, [str(program), mistake]) == [f"{kind}: broken"]
            said = "".join(path.read_text() for path in (folder / "reports").iterdir())
            assert "broken.cpp" in said or mistake == "undefined"  # that one is told on standard error


def test_a_failing_test_counts_too(broken: tuple[str, Path], tmp_path: Path) -> None:
    assert run_step(broken[0], tmp_path, ["false"]) == [f"{broken[0]}: broken"]


def test_suppressions_say_why() -> None:
    """Only for code that is not ours, each with its reason on the line before."""
    for path in HERE.glob("*.supp"):
        before = ""
        for line in path.read_text().splitlines():
            assert line.startswith("#") or before.startswith("#"), f"{path.name}: {line!r} has no reason"
            assert "retempo" not in line.lower() or line.startswith("#"), f"{path.name}: {line!r} is ours"
            before = line
