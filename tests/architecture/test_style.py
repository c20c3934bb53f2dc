"""Are style and types as agreed? Runs the linters, so that one command and one summary cover everything."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
REPORT_LINES = 60
NATIVE = sorted(
    str(path.relative_to(REPO))
    for folder in ("native", "plugin", "tests/bridge/driver", "tests/fuzz/bridge", "tests/sanitize")
    for suffix in ("h", "cpp", "cu", "cuh")
    for path in (REPO / folder).rglob(f"*.{suffix}")
)


def run(*command: str) -> None:
    """Run a tool in the repository; its report becomes the failure's text."""
    done = subprocess.run(command, cwd=REPO, capture_output=True, text=True, check=False)
    report = (done.stdout + done.stderr).splitlines()
    if done.returncode != 0:
        shown = "\n".join(report[:REPORT_LINES])
        pytest.fail(f"{' '.join(command[1:4])}: {len(report)} lines, which begin so:\n{shown}", pytrace=False)


def tool(name: str) -> str:
    """Path of a tool of this environment (never one of the system: its version would differ)."""
    found = shutil.which(name, path=str(Path(sys.executable).parent))
    if found is None:
        pytest.skip(f"{name} is not installed in this environment; `make test` installs it")
    return found


def test_ruff_finds_nothing() -> None:
    run(tool("ruff"), "check", ".")


def test_python_is_formatted() -> None:
    run(tool("ruff"), "format", "--check", ".")


def test_native_code_is_formatted() -> None:
    assert NATIVE, "no native sources found"
    run(tool("clang-format"), "--dry-run", "-Werror", *NATIVE)


@pytest.mark.slow
def test_types_hold() -> None:
    run(tool("mypy"))


def test_no_test_compares_pixels_as_bytes() -> None:
    """A difference of long ``bytes`` takes pytest hours to write where CI is set; ``tests/bits.py`` says it at once."""
    long = re.compile(
        r"^\s*assert (.*(tobytes|read_bytes)\(\) ==|.*== .*(tobytes|read_bytes)\(\))", re.MULTILINE
    )
    found = {
        f"{path.relative_to(REPO)}: {match[0].strip()}"
        for path in (REPO / "tests").rglob("test_*.py")
        for match in long.finditer(path.read_text())
    }
    assert not found, "use bits.assert_same_bits"
