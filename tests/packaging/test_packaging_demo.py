"""Does the demo run from end to end, and does its last line hold its score?"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_demo(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    command = [
        sys.executable,
        str(REPO / "packaging" / "demo.py"),
        str(folder),
        "--frames",
        "4-5",
        "--size",
        "320x180",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = re.fullmatch(r"PSNR (\d+\.\d\d) dB", done.stdout.splitlines()[-1])
    assert found, done.stdout
    assert float(found[1]) > 30
    assert len(list(folder.glob("slow.*.exr"))) == 5
    assert (folder / "sheet.png").stat().st_size > 10_000
    assert (folder / "slow.mp4").stat().st_size > 1_000
