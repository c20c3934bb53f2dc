"""Which schedulers can run a job, and how is one added? A file here, with a ``BACKEND`` in it.

Backends are found by the names of their files and imported when they are asked for. Importing one is cheap: what it
needs (a client library, pydantic) it imports when it runs.
"""

from __future__ import annotations

import json
import pkgutil
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from retempo.errors import InputError, UsageError

if TYPE_CHECKING:
    from retempo.farm.job import Job

FILE = "backend.json"
"""In a job's folder: which backend took it, and its handle."""

Handle = dict[str, Any]
"""What a backend has to remember of a job that it took; JSON."""

State = Literal["waiting", "running", "done", "failed", "cancelled", "lost"]
"""``lost``: there is work left, and nobody who would do it (a supervisor that died). ``done``: nothing is left to run,
whatever came of it: whether frames are there is read from the frames."""


@dataclass(frozen=True)
class TaskView:
    """What a scheduler says of one chunk.

    Args:
        chunk: index into ``Job.chunks``; -1 is the report that follows them.
        state: where it stands.
        attempts: how often it was started.
        told: last lines of its output, or the reason for its state; '' where there is none.
    """

    chunk: int
    state: State
    attempts: int = 0
    told: str = ""


@dataclass(frozen=True)
class View:
    """What a scheduler says of a job.

    Args:
        state: of the whole; None where the scheduler is out of reach by its nature (an exported bundle).
        tasks: of the chunks that it knows of.
        told: what else there is to say, in a line.
    """

    state: State | None
    tasks: tuple[TaskView, ...] = ()
    told: str = ""


class Backend(Protocol):
    """A scheduler.

    Attributes:
        name: as in ``--backend``, and of its file.
        title: a line for help texts.
        options: a frozen dataclass of ``retempo.render.declaring.setting`` fields, group ``<name>``, whose names begin
            with the backend's (``slurm_partition``): they become flags of ``retempo submit``, and ``Job.options``.
    """

    name: str
    title: str
    options: type

    def default_cores(self, chunks: int, memory: int) -> int:
        """Processors of a task where --cores does not say: of a job of so many chunks, each of so many bytes."""
        ...

    def check(self, job: Job) -> None:
        """Refuse a job before anything is written: UsageError where a program is missing or an option is wrong."""
        ...

    def submit(self, job: Job, folder: Path) -> Handle:
        """Hand out a job whose folder is written (``job.json``, the OpenJD bundle); again, for what is left of it."""
        ...

    def poll(self, job: Job, folder: Path, handle: Handle) -> View:
        """What the scheduler knows; never waits long, and never fails because it has forgotten the job."""
        ...

    def cancel(self, job: Job, folder: Path, handle: Handle) -> None:
        """Stop its tasks; finished frames stay. Harmless where there is nothing to stop."""
        ...


def list_backends() -> tuple[str, ...]:
    """Names of all there are."""
    return tuple(sorted(one.name for one in pkgutil.iter_modules(__path__)))


def find_backend(name: str) -> Backend:
    """The backend of a name.

    Raises:
        UsageError: there is none.
    """
    if name not in list_backends():
        raise UsageError(f"--backend is {name!r}", f"choose one of {', '.join(list_backends())}")
    backend: Backend = import_module(f"{__name__}.{name}").BACKEND
    return backend


def save_handle(folder: Path, name: str, handle: Handle) -> None:
    """Remember who took the job; OutputError where that cannot be written."""
    from retempo.farm.job import write_text

    write_text(folder / FILE, json.dumps({"backend": name, "handle": handle}, indent=2) + "\n")


def load_handle(folder: Path, name: str) -> Handle | None:
    """What was remembered; None where nothing was, or it is lost.

    Raises:
        InputError: the file is broken, or of another backend.
    """
    try:
        read = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(
            f"{folder / FILE} cannot be read: {error}", "remove it: frames are known without it"
        ) from error
    if not isinstance(read, dict) or read.get("backend") != name or not isinstance(read.get("handle"), dict):
        raise InputError(
            f"{folder / FILE} is not of the backend {name}", "remove it: frames are known without it"
        )
    return dict(read["handle"])
