"""Does every room import only what it may, and does the command line start without heavy packages?"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
HEAVY = ("torch", "cv2", "av", "OpenImageIO", "PyOpenColorIO", "opentimelineio", "scipy", "skimage")


def test_import_rules_hold() -> None:
    pytest.importorskip("importlinter", reason="import-linter is not installed")
    command = [
        sys.executable,
        "-c",
        "from importlinter.cli import lint_imports_command as run; run()",
        "--no-cache",
    ]
    done = subprocess.run(command, cwd=REPO, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def loaded_after(code: str) -> set[str]:
    """Top-level modules in sys.modules after running ``code`` in a fresh interpreter."""
    tail = "\nimport json, sys; print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    done = subprocess.run([sys.executable, "-c", code + tail], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


HELP = """
from retempo.cli.main import main
try:
    main({arguments!r})
except SystemExit as stop:
    assert not stop.code, stop.code
"""


@pytest.mark.parametrize(
    "code",
    ["import retempo", "import retempo.cli"]
    + [
        HELP.format(arguments=[*command, "--help"])
        for command in ([], ["retime"], ["info"], ["sample"], ["evaluate"])
    ],
    ids=["import", "cli", "help", "retime-help", "info-help", "sample-help", "evaluate-help"],
)
def test_start_is_light(code: str) -> None:
    assert not loaded_after(code).intersection(HEAVY)


def test_the_check_itself_sees_a_heavy_import() -> None:
    assert "cv2" in loaded_after("import cv2")
