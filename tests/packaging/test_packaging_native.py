"""Is the native module built as this machine allows, and does a wheel of it work elsewhere?"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
FILES = ("CMakeLists.txt", "setup.py", "pyproject.toml", "README.md", "LICENSE")
SOURCES = (*FILES, "native", "ocio", "packaging/weights", "pyhost")


def test_cuda_is_compiled_where_nvcc_is() -> None:
    from retempo import _native

    if os.environ.get("RETEMPO_CUDA", "AUTO").upper() == "OFF":
        pytest.skip("CUDA was switched off with RETEMPO_CUDA=OFF")
    if not (os.environ.get("CUDACXX") or shutil.which("nvcc")):
        pytest.skip("no nvcc on this machine")
    assert _native.build_info()["cuda"], "nvcc is here, but the native module was built without CUDA"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of a copy of the sources, for the CPU."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    leave = shutil.ignore_patterns("__pycache__", "*.so", "*.egg-info")
    for name in SOURCES:
        origin = REPO / name
        if origin.is_dir():
            shutil.copytree(origin, source / name, ignore=leave)
        else:
            shutil.copy2(origin, source / name)
    tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(folder),
        str(source),
    ]
    done = subprocess.run(
        command,
        env={**os.environ, "RETEMPO_CUDA": "OFF", "PATH": tools},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return next(folder.glob("retempo-*.whl"))


@pytest.mark.slow
def test_wheel_holds_the_rooms_and_one_binary(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    binaries = [name for name in names if name.startswith("retempo/_native") and name.endswith(".so")]
    assert len(binaries) == 1, binaries
    rooms = {path.parent.name for path in (REPO / "pyhost" / "retempo").glob("*/__init__.py")}
    assert rooms <= {name.split("/")[1] for name in names if name.startswith("retempo/")}
    assert not [name for name in names if name.startswith(("tests/", "native/", "packaging/"))]
    assert "retempo/ocio_data/retempo_flow.ocio" in names
    assert "retempo/weights_data/manifest.toml" in names
    page = {f"retempo/report/page/{path.name}" for path in (REPO / "pyhost/retempo/report/page").iterdir()}
    assert page <= set(names)


@pytest.mark.slow
def test_wheel_runs_from_another_folder(wheel: Path, tmp_path: Path) -> None:
    """The smallest test: unpack the wheel, splat one pixel with it, ask the command for its version."""
    zipfile.ZipFile(wheel).extractall(tmp_path)
    code = """
import numpy as np, sys
import retempo
from retempo import _native, ops
assert retempo.__file__.startswith(sys.argv[1]), retempo.__file__
payload = np.zeros((1, 1, 3, 3), np.float32); payload[0, 0, 1, 1] = 2.0
flow = np.zeros((1, 2, 3, 3), np.float32); flow[0, 0] = 1.0
out = ops.splat(payload, flow, mode="sum").out
assert out[0, 0, 1, 2] == 2.0 and out.sum() == 2.0, out
from retempo.color.pipeline import ColorPipeline
ColorPipeline("ocio://default", flow_space="Retempo Flow")  # the config additions are found beside the package
assert "torch" not in sys.modules
"""
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    for command in (["-c", code, str(tmp_path)], ["-m", "retempo", "--version"]):
        done = subprocess.run(
            [sys.executable, *command],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
