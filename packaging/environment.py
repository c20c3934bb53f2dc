"""How does a bare machine get a working checkout?

``python3 packaging/environment.py run`` leaves ``.venv`` with the ``retempo`` command in it,
``... test`` adds what the tests and the linters need. Three steps, each skipped when its inputs have not
changed since it last succeeded (a hash of them is kept in the environment, so time stamps do not matter):

1. create the environment (``venv``; ``virtualenv``, or the system's own pip, where Debian's
   ``python3-venv`` is missing),
2. install the dependencies at the versions that ``constraints.txt`` pins,
3. build the native module and install the package in editable mode.

Standard library only: this file runs before anything is installed. One run at a time, by a file lock.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

if sys.version_info < (3, 11):  # noqa: UP036 - an older Python must be told so, not shown a SyntaxError
    sys.exit(
        f"Python 3.11 or later is needed, this is {sys.version.split()[0]}; name one: make PYTHON=python3.11"
    )

import tomllib

ROOT = Path(__file__).resolve().parent.parent
CONSTRAINTS = ROOT / "packaging" / "constraints.txt"
COMPILERS = ("c++", "g++", "clang++")
NATIVE_INPUTS = ("setup.py", "CMakeLists.txt", "native/**/*", "packaging/cmake/**/*")
TEST_EXTRAS = ("dev", "torch", "otio", "codec", "farm")
NATIVE_ENVIRONMENT = ("RETEMPO_CUDA", "CUDACXX", "CXX", "CXXFLAGS", "CMAKE_ARGS")


class SetupFailed(Exception):
    """A step did not work; the text says which one and what to do."""


def say(text: str) -> None:
    """Print one line of progress, at once."""
    print(f"-- {text}", flush=True)


def run(*command: str | Path, **extra_environment: str) -> None:
    """Run a command; its output goes to ours. Raises SetupFailed when it fails."""
    words = [str(word) for word in command]
    code = subprocess.run(words, env={**os.environ, **extra_environment}, check=False).returncode
    if code != 0:
        raise SetupFailed(f"this command failed with exit code {code}:\n  {' '.join(words)}")


def works(*command: str | Path) -> bool:
    """Whether a command can be run and succeeds."""
    try:
        return (
            subprocess.run([str(word) for word in command], capture_output=True, check=False).returncode == 0
        )
    except OSError:
        return False


@contextmanager
def only_one(lock: Path) -> Iterator[None]:
    """Let one set-up run at a time; a second waits and then finds everything done."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another set-up of this checkout is running, waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def digest(*parts: object) -> str:
    """Hash texts and files (paths are hashed with their contents)."""
    total = hashlib.sha256()
    for part in parts:
        if isinstance(part, Path):
            total.update(str(part.relative_to(ROOT)).encode() + b"\0" + part.read_bytes())
        else:
            total.update(repr(part).encode())
        total.update(b"\0")
    return total.hexdigest()


def project() -> dict:
    """What pyproject.toml says."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


class Environment:
    """The virtual environment at ``path``, and the steps that fill it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.python = path / "bin" / "python"

    def ensure(self, purpose: str) -> None:
        """Bring the environment to a state that serves ``purpose`` ('run' or 'test')."""
        self.create()
        settings = project()
        self.install(settings, purpose)
        self.build(settings)

    def create(self) -> None:
        """Make the environment unless a working one, with pip, is there."""
        if works(self.python, "-c", "import pip, sys; sys.exit(sys.version_info < (3, 11))"):
            return
        say(f"creating {self.path.name} with Python {sys.version.split()[0]}")
        shutil.rmtree(self.path, ignore_errors=True)
        ways: list[Sequence[str | Path]] = [
            (sys.executable, "-m", "venv", self.path),
            (sys.executable, "-m", "virtualenv", "-q", self.path),
            ("virtualenv", "-q", "-p", sys.executable, self.path),
        ]
        for way in ways:
            if works(*way) and works(self.python, "-c", "import pip"):
                return
            shutil.rmtree(self.path, ignore_errors=True)
        if works(sys.executable, "-m", "venv", "--without-pip", self.path) and works(
            sys.executable, "-m", "pip", "--python", self.python, "install", "-q", "-c", CONSTRAINTS, "pip"
        ):
            return
        shutil.rmtree(self.path, ignore_errors=True)
        raise SetupFailed(
            "this Python cannot make virtual environments and neither virtualenv nor pip is there;\n"
            "  Debian, Ubuntu: apt install python3-venv    elsewhere: python3 -m pip install --user virtualenv"
        )

    def install(self, settings: dict, purpose: str) -> None:
        """Install the build tools, the run-time dependencies and, for tests, theirs."""
        metadata = settings["project"]
        extras = metadata.get("optional-dependencies", {})
        steps = {"run": [*settings["build-system"]["requires"], *metadata["dependencies"]]}
        if purpose == "test":
            steps["test"] = [requirement for name in TEST_EXTRAS for requirement in extras[name]]
        for name, requirements in steps.items():
            key = digest(requirements, CONSTRAINTS, self.python_version())
            if self.done(name, key) or not requirements:
                continue
            say(f"installing what is needed to {name} ({len(requirements)} packages and what they need)")
            pip = (self.python, "-m", "pip", "install", "-q", "--disable-pip-version-check")
            run(*pip, "-c", CONSTRAINTS, *requirements)
            self.mark(name, key)

    def build(self, settings: dict) -> None:
        """Compile the native module and make the package importable from its sources."""
        files = sorted({path for pattern in NATIVE_INPUTS for path in ROOT.glob(pattern) if path.is_file()})
        nvcc = find_nvcc()
        key = digest(
            settings["project"],
            settings["build-system"],
            *files,
            {name: os.environ.get(name) for name in NATIVE_ENVIRONMENT},
            nvcc,
            self.python_version(),
            str(ROOT),
        )
        if self.done("native", key) and works(self.python, "-c", "import retempo._native"):
            return
        if not any(
            shutil.which(name) for name in (os.environ.get("CXX", "").split(" ")[0], *COMPILERS) if name
        ):
            raise SetupFailed("no C++ compiler found; Debian, Ubuntu: apt install g++, or set CXX")
        cuda = nvcc is not None and os.environ.get("RETEMPO_CUDA", "AUTO").upper() not in {"OFF", "0", "NO"}
        say(
            f"compiling the native module with CUDA ({nvcc}): this takes some minutes, RETEMPO_CUDA=OFF leaves it out"
            if cuda
            else "compiling the native module for the CPU (a minute or so)"
        )
        pip = (self.python, "-m", "pip", "install", "-q", "--disable-pip-version-check")
        run(*pip, "--no-build-isolation", "--no-deps", "-e", ROOT, PATH=self.search_path())
        self.mark("native", key)
        say(f"done: {self.path.name}/bin/retempo")

    def search_path(self) -> str:
        """PATH with the environment's own tools (cmake, ninja) first."""
        return f"{self.path / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"

    def python_version(self) -> str:
        """Version of the interpreter inside the environment."""
        text = (self.path / "pyvenv.cfg").read_text(encoding="utf-8")
        return next((line for line in text.splitlines() if line.startswith("version")), "")

    def stamp(self, step: str) -> Path:
        """Where the key of the last successful run of a step is kept."""
        return self.path / f".retempo-{step}"

    def done(self, step: str, key: str) -> bool:
        """Whether the step last succeeded with just these inputs."""
        stamp = self.stamp(step)
        return stamp.is_file() and stamp.read_text(encoding="utf-8") == key

    def mark(self, step: str, key: str) -> None:
        """Note that a step succeeded."""
        self.stamp(step).write_text(key, encoding="utf-8")


def find_nvcc() -> str | None:
    """The CUDA compiler that a build would find: $CUDACXX, PATH, $CUDA_HOME, the usual folder."""
    named = os.environ.get("CUDACXX")
    homes = [os.environ[name] for name in ("CUDA_HOME", "CUDA_PATH") if os.environ.get(name)]
    candidates = [named, "nvcc", *(f"{home}/bin/nvcc" for home in (*homes, "/usr/local/cuda"))]
    return next((found for name in candidates if name and (found := shutil.which(name))), None)


def main() -> int:
    """Set the environment up and return an exit code."""
    parser = argparse.ArgumentParser(description="set up the environment of this checkout")
    parser.add_argument("purpose", choices=("run", "test"), help="what it must be able to do")
    parser.add_argument("--venv", type=Path, default=ROOT / ".venv", help="where (default: .venv)")
    arguments = parser.parse_args()
    os.environ.pop("PYTHONPATH", None)
    try:
        with only_one(ROOT / "build" / ".environment.lock"):
            Environment(arguments.venv.absolute()).ensure(arguments.purpose)
    except SetupFailed as problem:
        print(f"set-up: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
