"""What is a fuzz target, and what may a parser do with any bytes at all? Return, or raise one of ``retempo.errors``.

A target is a file in ``targets/``: ``parse(data)`` hands the bytes to a parser (and looks whether what was read can be
written and read again), ``seeds()`` gives inputs to begin with, ``WORDS`` what such inputs are made of. Whatever else
``parse`` raises is a finding; so is an input that takes longer than ``SECONDS`` or more memory than ``MEMORY``.
"""

from __future__ import annotations

import importlib.util
import resource
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
TARGETS = HERE / "targets"
CORPUS = HERE / "corpus"
REGRESSIONS = HERE / "regressions"

SECONDS = 10
"""Of one input, on a busy machine."""
MEMORY = 1 << 30
"""Bytes beyond what was mapped before the first input."""


@dataclass(frozen=True)
class Target:
    """One parser.

    Attributes:
        name: of its file. parse: hands it bytes. seeds: inputs to begin with, by name.
        words: parts of inputs. longest: bytes of an input.
    """

    name: str
    parse: Callable[[bytes], None]
    seeds: Callable[[], dict[str, bytes]]
    words: tuple[bytes, ...]
    longest: int

    def check(self, data: bytes) -> None:
        """Parse; an error that is expected is none."""
        from retempo.errors import RetempoError

        try:
            self.parse(data)
        except RetempoError as error:
            str(error)
            behind: BaseException | None = error
            while behind is not None:  # memory that could not be had is no fault of the input's
                if isinstance(behind, MemoryError):
                    raise behind from error
                behind = behind.__cause__

    def inputs(self) -> dict[str, Path]:
        """The committed inputs: seeds, and what once was a finding."""
        folders = [folder / self.name for folder in (CORPUS, REGRESSIONS)]
        found = [path for folder in folders if folder.is_dir() for path in sorted(folder.iterdir())]
        return {str(path.relative_to(HERE)): path for path in found}


def names() -> list[str]:
    """All targets."""
    return sorted(path.stem for path in TARGETS.glob("*.py"))


def load_target(name: str) -> Target:
    """The target of that name, or in the file of that path."""
    path = Path(name) if name.endswith(".py") else TARGETS / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"fuzz_{path.stem}", path)
    assert spec is not None and spec.loader is not None, f"there is no target {name}"
    sys.path.insert(0, str(path.parent.parent))  # what targets share lies beside this file
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    longest = getattr(module, "LONGEST", 2048)
    return Target(path.stem, module.parse, module.seeds, getattr(module, "WORDS", ()), longest)


def limit_memory(more: int = MEMORY) -> None:
    """From now on this process may map ``more`` bytes, then allocations fail."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + more
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def file_of(data: bytes, suffix: str) -> Path:
    """A file with these bytes, the same one for each input."""
    path = _folder() / f"input{suffix}"
    path.write_bytes(data)
    return path


_made: list[tempfile.TemporaryDirectory[str]] = []


def make_place() -> tempfile.TemporaryDirectory[str]:
    """A folder, in memory where there is one, for all that a target's process writes: it may end without tidying up."""
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    return tempfile.TemporaryDirectory(prefix="retempo-fuzz-", dir=memory)


def _folder() -> Path:
    if not _made:
        _made.append(tempfile.TemporaryDirectory(prefix="retempo-fuzz-"))
    return Path(_made[0].name)
