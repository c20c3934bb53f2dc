"""How does `pip` build the native module? By running the root CMakeLists.txt, which owns every option.

``RETEMPO_CUDA`` (AUTO, ON, OFF) and ``CMAKE_ARGS`` (any further arguments) are read from the environment.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import Extension, find_packages, setup
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).resolve().parent


def read_version() -> str:
    """The version in project(retempo VERSION ...), the only place where it is written."""
    found = re.search(r"project\(\s*retempo\s+VERSION\s+([0-9.]+)", (ROOT / "CMakeLists.txt").read_text())
    if found is None:
        raise RuntimeError("CMakeLists.txt has no project(retempo VERSION x.y.z)")
    return found.group(1)


class CMakeBuild(build_ext):
    """Configures and builds the target `_native` and leaves it where setuptools expects it."""

    def build_extension(self, ext: Extension) -> None:
        import pybind11

        target = Path(self.get_ext_fullpath(ext.name)).resolve().parent
        tag = f"cp{sys.version_info.major}{sys.version_info.minor}"
        build = ROOT / "build" / f"native-{tag}-{'inplace' if self.inplace else 'wheel'}"
        build.mkdir(parents=True, exist_ok=True)
        configure = [
            "cmake", "-S", str(ROOT), "-B", str(build),
            "-DCMAKE_BUILD_TYPE=Release",
            f"-DPython_EXECUTABLE={sys.executable}",
            f"-Dpybind11_DIR={pybind11.get_cmake_dir()}",
            f"-DRETEMPO_OUTPUT_DIR={target}",
            f"-DRETEMPO_CUDA={os.environ.get('RETEMPO_CUDA') or 'AUTO'}",
            "-DRETEMPO_PLUGIN=OFF",
        ]  # fmt: skip
        ninja = shutil.which("ninja")
        if ninja:  # named each time: the one of an isolated build is gone at the next
            configure += ["-GNinja", f"-DCMAKE_MAKE_PROGRAM={ninja}"]
        configure += shlex.split(os.environ.get("CMAKE_ARGS", ""))
        jobs = os.environ.get("CMAKE_BUILD_PARALLEL_LEVEL") or str(len(os.sched_getaffinity(0)))
        subprocess.run(configure, check=True)
        subprocess.run(["cmake", "--build", str(build), "--target", "_native", "-j", jobs], check=True)


setup(
    version=read_version(),
    package_dir={"": "pyhost", "retempo.ocio_data": "ocio", "retempo.weights_data": "packaging/weights"},
    packages=[*find_packages("pyhost"), "retempo.ocio_data", "retempo.weights_data"],
    package_data={
        "retempo.report": ["page/*"],
        "": ["*.pyi", "py.typed", "*.json", "*.html", "*.css", "*.js", "*.safetensors"],
        "retempo.ocio_data": ["*.ocio", "*.json"],
        "retempo.weights_data": ["*.toml"],
    },
    ext_modules=[Extension("retempo._native", sources=[])],
    cmdclass={"build_ext": CMakeBuild},
    zip_safe=False,
)
