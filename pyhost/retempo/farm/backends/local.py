"""How does this machine work on a job by itself? A supervisor of its own, which outlives the terminal it came from.

``DIR/local/`` has its lock (held as long as it lives), its state, and a log for each start of a task.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

from retempo.errors import OutputError, UsageError
from retempo.farm.backends import Handle, TaskView, View
from retempo.render.declaring import check_value, setting

if TYPE_CHECKING:
    from retempo.farm.job import Job

FOLDER, LOCK, STATE, CANCEL = "local", "lock", "state.json", "cancel"
_PATIENCE = 100.0
"""Seconds that a cancelled job's tasks may take to end."""


@dataclass(frozen=True)
class LocalOptions:
    """Flags of this backend."""

    local_workers: int = setting(
        0, "tasks at a time (0: as many as processors and free memory allow)", group="local", kind=int, low=0
    )

    def __post_init__(self) -> None:
        check_value(self.__dataclass_fields__["local_workers"], self.local_workers)


class LocalBackend:
    """A pool of processes on this machine, each of them ``openjd run`` for one chunk."""

    name = "local"
    title = "this machine, in the background"
    options = LocalOptions

    def default_cores(self, chunks: int, memory: int) -> int:
        from retempo.farm.machine import count_cores, free_memory

        at_once = max(1, min(count_cores(), chunks, free_memory() // max(1, memory)))
        return max(1, count_cores() // at_once)

    def check(self, job: Job) -> None:
        """Raises UsageError or DeviceError where this machine has not what a task asks for."""
        from retempo.farm.machine import count_cores, list_gpus
        from retempo.render.device import find_device

        if job.needs.cores > count_cores():
            raise UsageError(f"--cores is {job.needs.cores}", f"this machine has {count_cores()}")
        if job.needs.gpus > len(list_gpus()):
            raise UsageError(f"--gpu is {job.needs.gpus}", f"this machine has {len(list_gpus())}")
        find_device(job.render_settings.device)

    def submit(self, job: Job, folder: Path) -> Handle:
        """Start the supervisor; raises OutputError where one is at work on the job already."""
        from retempo.farm.job import write_text

        place = folder / FOLDER
        place.mkdir(parents=True, exist_ok=True)
        with (place / LOCK).open("a") as lock:
            if not _take(lock.fileno(), patience=2.0):
                raise OutputError(f"the job in {folder} is running", f"look at it: retempo status {folder}")
            (place / CANCEL).unlink(missing_ok=True)
            write_text(place / STATE, json.dumps({"state": "waiting", "tasks": []}))
            pid = start_supervisor(folder, lock.fileno())
        return {"host": os.uname().nodename, "pid": pid}

    def poll(self, job: Job, folder: Path, handle: Handle) -> View:
        state = read_state(folder)
        if state is None:
            return View("lost", told="its state is gone; go on with retempo submit --resume --job-dir DIR")
        tasks = tuple(TaskView(**one) for one in state["tasks"])
        if state["state"] in ("waiting", "running") and not is_supervised(folder):
            told = f"its supervisor has died; go on: retempo submit --job-dir {folder} --resume"
            return View("lost", tasks, told)
        return View(state["state"], tasks, state.get("told", ""))

    def cancel(self, job: Job, folder: Path, handle: Handle) -> None:
        """Ask the supervisor to stop, and wait for it; OutputError where it does not."""
        from retempo.farm.job import write_text

        if is_supervised(folder):
            write_text(folder / FOLDER / CANCEL, "")
            ends = time.monotonic() + _PATIENCE
            while is_supervised(folder):
                if time.monotonic() > ends:
                    raise OutputError(
                        f"the supervisor of {folder} does not stop", f"end process {handle.get('pid')}"
                    )
                time.sleep(0.1)
        state = read_state(folder)
        if state is not None and state["state"] in ("waiting", "running"):
            write_text(folder / FOLDER / STATE, json.dumps(state | {"state": "cancelled"}))


def start_supervisor(folder: Path, lock: int) -> int:
    """Start it in a session of its own, as nobody's child; returns its process number.

    Args:
        folder: of the job. lock: descriptor of the lock that is taken for it; it holds it from the first moment on.
    """
    launcher = write_launcher(folder / FOLDER)
    started = subprocess.run(
        [str(launcher), "--supervise", str(folder), str(lock)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        cwd=folder,
        start_new_session=True,
        pass_fds=(lock,),
        check=True,
    )
    return int(started.stdout)


def is_supervised(folder: Path) -> bool:
    """Does a supervisor live?"""
    try:
        with (folder / FOLDER / LOCK).open("a") as lock:
            return not _take(lock.fileno(), shared=True)
    except OSError:
        return False


def read_state(folder: Path) -> dict[str, Any] | None:
    """What the supervisor wrote last; None where it never did."""
    try:
        read = json.loads((folder / FOLDER / STATE).read_text(encoding="utf-8"))
        return dict(read) if isinstance(read, dict) and "state" in read and "tasks" in read else None
    except (OSError, ValueError, RecursionError):
        return None


def write_launcher(place: Path) -> Path:
    """A program that starts this very Retempo, wherever it is run from; tasks name it."""
    import retempo
    from retempo.farm.job import write_text

    home = Path(retempo.__file__).resolve().parents[1]
    found = (
        ""
        if home.name == "site-packages"
        else f'PYTHONPATH={quote(str(home))}"${{PYTHONPATH:+:$PYTHONPATH}}"'
    )
    python = quote(sys.executable)
    text = f"""#!/bin/sh
# Starts the Retempo that submitted this job; with --supervise DIR FD: its supervisor, which goes on by itself.
{found}
export PYTHONPATH
if [ "$1" = --supervise ]; then
    {python} -P -m retempo.farm.supervisor "$2" "$3" >>"$2/{FOLDER}/supervisor.log" 2>&1 </dev/null &
    echo $!
    exit
fi
exec {python} -P -m retempo "$@"
"""
    path = write_text(place / "retempo", text)
    path.chmod(0o755)
    return path


def _take(descriptor: int, *, shared: bool = False, patience: float = 0.0) -> bool:
    ends = time.monotonic() + patience
    for _ in _until(ends):
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            continue
    return False


def _until(ends: float) -> Iterator[None]:
    yield
    while time.monotonic() < ends:
        with contextlib.suppress(InterruptedError):
            time.sleep(0.05)
        yield


BACKEND = LocalBackend()
