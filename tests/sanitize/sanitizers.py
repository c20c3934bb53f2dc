"""Is the native code clean under AddressSanitizer, UBSan and ThreadSanitizer? ``make sanitize``, or this file.

Builds kernels, bridge and plugin in ``build/sanitize-address`` and ``build/sanitize-thread``, and runs the tests that
exercise them. Reports go to files there; any report, and any failing test, makes the exit code 1.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPO = HERE.parents[1]
KINDS = {"address": "address,undefined", "thread": "thread"}
RUNTIMES = {"address": "libasan.so", "thread": "libtsan.so"}
KERNELS = {"address": ("tests/native", "tests/ops"), "thread": ("tests/native",)}
"""PyTorch has threads of its own that ThreadSanitizer cannot see into."""
BRIDGE = ("tests/bridge",)
PLUGIN = (
    "tests/plugin",
    "--deselect",
    "tests/plugin/test_plugin_progress.py::test_abort_is_the_last_question",
)
"""That one counts questions within 0.6 s, which starting a process takes alone where AddressSanitizer is preloaded."""
MARKS = "not slow and not gpu"


@dataclass
class Sanitizer:
    """One kind, and where it builds.

    Attributes:
        kind: ``address`` (with undefined behaviour) or ``thread``. folder: of its builds and reports.
    """

    kind: str
    folder: Path
    failed: list[str] = field(default_factory=list)

    @property
    def reports(self) -> Path:
        """Where what it finds is written."""
        return self.folder / "reports"

    def environment(self, **more: str) -> dict[str, str]:
        """Of a run: reports into files, suppressions for what is not ours."""
        log = f"log_path={self.reports}/report"
        hard = f"{log}:halt_on_error=0:exitcode=99"
        return {
            **os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1",
            "ASAN_OPTIONS": f"{hard}:detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1",
            "LSAN_OPTIONS": f"suppressions={HERE}/leaks.supp:print_suppressions=0",
            "UBSAN_OPTIONS": f"{hard}:print_stacktrace=1",
            "TSAN_OPTIONS": f"{hard}:suppressions={HERE}/threads.supp:history_size=4:second_deadlock_stack=1",
            **more,
        }  # fmt: skip

    def build(self) -> None:
        """Kernels with their module, the bridge's driver, the bundle."""
        python = self.folder / "python" / "retempo"
        link_package(python)
        options = [
            f"-DRETEMPO_SANITIZE={KINDS[self.kind]}",
            "-G",
            "Ninja",
            f"-DCMAKE_MAKE_PROGRAM={tool('ninja')}",
        ]
        native = ["-DRETEMPO_PLUGIN=OFF", "-DRETEMPO_CUDA=OFF", f"-DRETEMPO_OUTPUT_DIR={python}"]
        plugin = ["-DCMAKE_BUILD_TYPE=None", "-DCMAKE_CXX_FLAGS=-O1", f"-DRETEMPO_PYTHON={sys.executable}"]
        plugin += [f"-DRETEMPO_BUNDLE_DIR={self.folder}"]
        native += [f"-DPython_EXECUTABLE={sys.executable}"]
        for source, folder, more, wanted in (
            (REPO, "native", native, ["all"]),
            (REPO / "plugin", "plugin", plugin, ["retempo_bridge_driver", "Retempo"]),
        ):
            place = self.folder / folder
            quiet([tool("cmake"), "-S", str(source), "-B", str(place), *options, *more])
            quiet([tool("cmake"), "--build", str(place), "-j", str(os.cpu_count() or 1), "--target", *wanted])
        quiet(["c++", *driver_command(self.kind, self.folder)])

    def run(self, name: str, command: list[str], environment: dict[str, str]) -> None:
        """One step; what fails, or leaves a report, is noted."""
        shutil.rmtree(self.reports, ignore_errors=True)
        self.reports.mkdir(parents=True)
        began = time.monotonic()
        code = subprocess.run(command, env=environment, cwd=REPO, check=False).returncode
        found = sorted(self.reports.iterdir())
        took = time.monotonic() - began
        print(f"{self.kind}: {name}: exit code {code}, {len(found)} reports, {took:.0f} s", flush=True)
        for report in found[:3]:
            print(report.read_text(errors="replace")[:6000])
        if code or found:
            self.failed.append(f"{self.kind}: {name}")

    def inside_python(self) -> dict[str, str]:
        """Of a Python whose native module, or whose bundle, is built with the sanitizer; its own leaks do not count."""
        runtime = subprocess.run(
            ["c++", f"-print-file-name={RUNTIMES[self.kind]}"], capture_output=True, text=True, check=True
        ).stdout.strip()
        standard = subprocess.run(
            ["c++", "-print-file-name=libstdc++.so"], capture_output=True, text=True, check=True
        ).stdout.strip()
        made = self.environment(LD_PRELOAD=f"{Path(runtime).resolve()} {Path(standard).resolve()}")
        made["ASAN_OPTIONS"] = made["ASAN_OPTIONS"].replace("detect_leaks=1", "detect_leaks=0")
        return made

    def check(self, steps: list[str]) -> None:
        """All steps of this kind."""
        pytest = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", MARKS]
        here = {"PYTHONPATH": str(self.folder / "python"), "PYTHONMALLOC": "malloc"}
        if "kernels" in steps:
            self.run("kernels by a driver", [str(self.folder / "kernels")], self.environment())
            tests = [*pytest, "-k", "not cuda and not emulat", *KERNELS[self.kind]]
            self.run("kernels", tests, self.inside_python() | here)
        if "bridge" in steps:
            driver = str(self.folder / "plugin" / "retempo_bridge_driver")
            environment = self.environment(RETEMPO_BRIDGE_DRIVER=driver, PYTHONPATH=str(REPO / "pyhost"))
            self.run("bridge", [*pytest, *BRIDGE], environment)
        if "plugin" in steps:
            bundle = str(self.folder / "Retempo.ofx.bundle")
            environment = self.inside_python() | {
                "RETEMPO_BUNDLE": bundle,
                "PYTHONPATH": str(REPO / "pyhost"),
            }
            self.run("plugin", [*pytest, *PLUGIN], environment)


def link_package(folder: Path) -> None:
    """The package again, by links, but for its native module: the one that is built comes there."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in (REPO / "pyhost" / "retempo").iterdir():
        link = folder / path.name
        if not path.name.startswith("_native.") and path.name != "__pycache__" and not link.is_symlink():
            link.symlink_to(path)


def driver_command(kind: str, folder: Path) -> list[str]:
    """What compiles the driver of the kernels."""
    return [
        f"-fsanitize={KINDS[kind]}", "-fno-sanitize-recover=all", "-std=c++17", "-O1", "-g", "-pthread",
        f"-I{REPO / 'native' / 'include'}", str(HERE / "kernels.cpp"),
        str(folder / "native" / "native" / "libretempo_cpu.a"), "-o", str(folder / "kernels"),
    ]  # fmt: skip


def tool(name: str) -> str:
    """A program of this environment, else of the system."""
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if found is None:
        raise SystemExit(f"{name} is not installed")
    return found


def quiet(command: list[str]) -> None:
    """Run; say what it said only where it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=REPO)
    if done.returncode:
        raise SystemExit(f"{' '.join(command[:4])}:\n{done.stdout[-4000:]}{done.stderr[-4000:]}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("kinds", nargs="*", help=f"of {', '.join(KINDS)} (default: all)")
    parser.add_argument("--steps", default="kernels,bridge,plugin", help="which to run (default: all)")
    given = parser.parse_args()
    failed = []
    for kind in given.kinds or KINDS:
        one = Sanitizer(kind, REPO / "build" / f"sanitize-{kind}")
        one.build()
        one.check(given.steps.split(","))
        failed += one.failed
    print(f"not clean: {'; '.join(failed)}" if failed else "clean")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
