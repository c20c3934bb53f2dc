"""Do the deterministic CUDA bodies agree with the scattering ones? Compiled for the CPU, so no GPU is needed."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]


def test_gathering_bodies_on_the_cpu(tmp_path: Path) -> None:
    compiler = os.environ.get("CXX") or shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        pytest.skip("no C++ compiler")
    program = tmp_path / "gather_check"
    includes = [f"-I{REPO / 'native/include'}", f"-I{REPO / 'native/src/cuda'}"]
    flags = ["-std=c++17", "-O1", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror"]
    source = Path(__file__).with_name("gather_check.cpp")
    build = subprocess.run(
        [compiler, *flags, *includes, str(source), "-o", str(program)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert build.returncode == 0, build.stderr
    run = subprocess.run([str(program)], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[:4000]
