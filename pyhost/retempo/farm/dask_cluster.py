"""Who holds a Dask cluster of this machine when the terminal is gone? ``... -m retempo.farm.dask_cluster DIR FD``.

It starts a scheduler and workers on loopback, hands the job out to them, and ends when the report is over.
A worker that dies is replaced; if all of this is killed, frames tell what is left.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from retempo.errors import OutputError
from retempo.farm.attempt import Records, path_of_sources
from retempo.farm.dask_client import FOLDER, REPORT, ask_states, hand_out

if TYPE_CHECKING:
    from retempo.farm.job import Job

LOCK, ADDRESS, LOG = "lock", "scheduler", "cluster.log"
LOOK_SECONDS = 0.5
END_SECONDS = 90.0


@contextmanager
def lock(folder: Path) -> Iterator[int]:
    """Hold the lock of a job's cluster; gives its descriptor.

    Raises:
        OutputError: a cluster holds it: the job is running.
    """
    path = folder / FOLDER / LOCK
    path.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + 2.0  # those who only look hold it for a moment, too
    with path.open("a") as stream:
        while not _take(stream.fileno(), fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                raise OutputError(f"the job in {folder} is running", f"look at it: retempo status {folder}")
            time.sleep(0.05)
        yield stream.fileno()


def is_alive(folder: Path) -> bool:
    """Is there a cluster that works on the job?"""
    try:
        with (folder / FOLDER / LOCK).open("a") as stream:
            return not _take(stream.fileno(), fcntl.LOCK_SH)
    except OSError:
        return False


def _take(descriptor: int, how: int) -> bool:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def start_cluster(folder: Path, held: int) -> int:
    """Start the cluster as nobody's child, with the lock that is held for it; returns its process number."""
    path = os.pathsep.join(filter(None, [path_of_sources(), os.environ.get("PYTHONPATH", "")]))
    command = [sys.executable, "-P", "-m", "retempo.farm.dask_cluster", str(folder), str(held)]
    (folder / FOLDER / ADDRESS).unlink(missing_ok=True)
    with (folder / FOLDER / LOG).open("ab") as log:
        started = subprocess.run(
            ["/bin/sh", "-c", '"$@" </dev/null >&2 & echo $!', "sh", *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            env={**os.environ, **({"PYTHONPATH": path} if path else {})},
            cwd=folder,
            start_new_session=True,
            pass_fds=(held,),
            check=True,
        )
    return int(started.stdout)


def read_address(folder: Path) -> str:
    """Where the scheduler of the job's cluster listens; '' until it does."""
    try:
        return (folder / FOLDER / ADDRESS).read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def count_workers(job: Job, asked: int) -> int:
    """Processes of a cluster: as many as asked for, or as processors and free memory allow."""
    from retempo.farm.machine import count_cores, free_memory

    room = free_memory() // job.needs.memory if job.needs.memory else count_cores()
    return asked or max(1, min(count_cores() // job.needs.cores, room, len(job.chunks)))


class Cluster:
    """The cluster of one job, in this process.

    Args:
        folder: of the job.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._cancelled = Records(folder / FOLDER).cancelled
        self._told_to_stop = False

    def run(self) -> None:
        """Work until the report is over, or somebody cancels."""
        import dask
        from distributed import Client, LocalCluster

        from retempo.farm.backends.dask import load_submission
        from retempo.farm.job import load_job, write_text

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        job = load_job(self._folder)
        submission = load_submission(self._folder)
        assert submission is not None, "it is written before a cluster is started"
        keys, options = submission.name_tasks(job, self._folder), submission.options(job)
        with (
            dask.config.set({"distributed.worker.profile.enabled": False}),  # workers only wait for tasks
            LocalCluster(
                n_workers=count_workers(job, options.dask_workers),
                threads_per_worker=1,
                processes=True,
                host="127.0.0.1",
                dashboard_address=None,
                memory_limit=0,  # tasks are processes of their own
                local_directory=str(self._folder / FOLDER / "workers"),
            ) as cluster,
            Client(cluster, set_as_default=False) as client,
        ):
            hand_out(client, job, self._folder, keys, options)
            write_text(self._folder / FOLDER / ADDRESS, cluster.scheduler_address)
            while not self._is_over(ask_states(client, keys)):
                time.sleep(LOOK_SECONDS)

    def _is_over(self, states: dict[int, str | None]) -> bool:
        if states[REPORT] in ("memory", "erred", None):
            return True
        if self._told_to_stop and not self._cancelled.exists():
            self._cancelled.touch()
        return False  # attempts that are cancelled end, and so does the report after them

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._told_to_stop = True


if __name__ == "__main__":
    os.set_inheritable(int(sys.argv[2]), False)
    Cluster(Path(sys.argv[1])).run()
