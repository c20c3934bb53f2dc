"""How is ``shim.c`` put between a program and libc?"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``shim.c`` as a library to preload."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("faults are put between a program and libc on Linux, with a C compiler; there is none")
    made = tmp_path_factory.mktemp("shim") / "shim.so"
    flags = ("-shared", "-fPIC", "-O1", "-Wall", "-Werror")
    words = [compiler, *flags, "-o", made, Path(__file__).with_name("shim.c"), "-ldl"]
    subprocess.run(words, check=True)
    return made
