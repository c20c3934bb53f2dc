"""Do the plugin's parsers survive the corpora and a walk from them, under AddressSanitizer and UBSan?"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import run_bridge


@pytest.fixture(scope="module")
def programs() -> Path:
    """The folder with the fuzzers."""
    if reason := run_bridge.why_not():
        pytest.skip(reason)
    return run_bridge.build()


@pytest.mark.parametrize("name", run_bridge.NAMES)
def test_program(name: str, programs: Path, tmp_path: Path) -> None:
    command = [sys.executable, run_bridge.__file__, name, "--runs", "5000", "--work", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0 and "no findings" in done.stdout, done.stdout[-2000:] + done.stderr[-4000:]
    executed = [line for line in done.stderr.splitlines() if "number_of_executed_units" in line]
    assert int(executed[0].split()[-1]) >= 5000
