"""Which bundles do tests load: small effects for the host's own, built once a session, and the plugin's?"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))  # the package `host`, whichever test asks for it first

VARIANTS = {
    "fully": ("OfxImageEffectRenderFullySafe", 1, "OfxFieldBoth"),
    "unsafe": ("OfxImageEffectRenderUnsafe", 1, "OfxFieldSingle"),
    "whole": ("OfxImageEffectRenderInstanceSafe", 0, "OfxFieldDoubled"),
}


@pytest.fixture(scope="session")
def dummy_bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Bundles of the dummy effect by variant: ``fully`` (safe, tiled), ``unsafe``, ``whole`` (no tiles)."""
    compiler = os.environ.get("CXX") or shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        pytest.skip("no C++ compiler on the path; the dummy effect cannot be built")
    root = tmp_path_factory.mktemp("ofx")
    bundles = {}
    jobs = []
    for name, (safety, tiles, extraction) in VARIANTS.items():
        bundle = root / f"Dummy_{name}.ofx.bundle"
        binary = bundle / "Contents" / "Linux-x86-64" / f"Dummy_{name}.ofx"
        binary.parent.mkdir(parents=True)
        defines = [
            f'-DDUMMY_SAFETY="{safety}"',
            f"-DDUMMY_TILES={tiles}",
            f'-DDUMMY_EXTRACTION="{extraction}"',
        ]
        command = [
            compiler,
            "-std=c++17",
            "-O1",
            "-fPIC",
            "-shared",
            "-fvisibility=hidden",
            "-pthread",
            *defines,
        ]
        command += [str(HERE / "dummy_effect.cpp"), "-o", str(binary)]
        jobs.append((subprocess.Popen(command, stderr=subprocess.PIPE, text=True), name))
        bundles[name] = bundle
    for job, name in jobs:
        _, errors = job.communicate()
        assert job.returncode == 0, f"the dummy effect {name} does not compile:\n{errors}"
    return bundles


@pytest.fixture(scope="module")
def bundle() -> Iterator[Path]:
    """The plugin, with a worker of the module's own."""
    from retempo_bundle import find_bundle, stop_worker, use_own_worker

    found = find_bundle()
    # a short path: the name of a socket may have 107 bytes
    with tempfile.TemporaryDirectory(prefix="rt-") as folder, pytest.MonkeyPatch.context() as patch:
        use_own_worker(Path(folder) / "run", patch)
        yield found
        stop_worker(Path(folder) / "run")
