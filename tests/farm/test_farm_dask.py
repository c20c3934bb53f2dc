"""Does a job come through Dask whole: workers killed, the scheduler gone, cancelled, gone on with?"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from farm_faults import CHUNKS, OUTPUTS, FarmJob, release_to_end, seize
from slurm_cluster import free_ports, parent_of

from farm_jobs import Watcher, wait_for
from plates import Program
from retempo.errors import UsageError
from retempo.farm.attempt import Records
from retempo.farm.backends.dask import DaskOptions, see
from retempo.farm.processes import end_tree, end_with_parent

pytest.importorskip("distributed", reason="distributed is not installed (extra [farm])")


@pytest.fixture
def job(retempo: Program, tmp_path: Path, farm_source: Path, farm_truth: Path) -> Iterator[FarmJob]:
    """A job; a cluster of its own that is left ends with the test."""
    made = FarmJob(retempo, tmp_path, farm_source, farm_truth, "dask")
    yield made
    if (made.folder / "backend.json").is_file():
        retempo("cancel", made.folder)
        wait_for(lambda: made.status()["state"] not in ("waiting", "running", "reporting"), "its end")


class Dask:
    """A scheduler at an address of loopback, and two workers with a thread each."""

    def __init__(self, log: Path) -> None:
        self.address = f"tcp://127.0.0.1:{free_ports(1)[0]}"
        self._log = log
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Start the scheduler and the workers; tasks wait for them to come up."""
        host, _, port = self.address.removeprefix("tcp://").partition(":")
        self._start("dask_scheduler", "--host", host, "--port", port, "--no-dashboard", "--no-jupyter")
        workers = ("--nworkers", "2", "--nthreads", "1", "--memory-limit", "0")
        folder = ("--local-directory", str(self._log.parent / "workers"))
        self._start("dask_worker", self.address, "--host", host, "--no-dashboard", *workers, *folder)

    def _start(self, module: str, *arguments: str) -> None:
        command = [sys.executable, "-P", "-m", f"distributed.cli.{module}", *arguments]
        with self._log.open("ab") as log:
            self._running.append(
                subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=end_with_parent
                )
            )  # fmt: skip

    def kill(self) -> None:
        """Kill all of it, and what runs under it."""
        for process in self._running:
            end_tree(process.pid)
            process.wait()
        self._running.clear()


@pytest.fixture
def dask(tmp_path: Path) -> Iterator[Dask]:
    cluster = Dask(tmp_path / "dask.log")
    cluster.start()
    yield cluster
    cluster.kill()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"dask_address": "farm:8786"}, "tcp://HOST:PORT"),
        ({"dask_address": "tcp://farm:8786", "dask_tls": True}, "tls://HOST:PORT"),
        ({"dask_tls": True}, "encrypted"),
        ({"dask_workers": -1}, "--dask-workers"),
    ],
)
def test_options_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        DaskOptions(**options)


def test_where_a_task_stands(tmp_path: Path) -> None:
    """By the scheduler's word and by what the attempts wrote down."""
    records = Records(tmp_path)
    records.make()
    for lines, told, state in (
        ([], "queued", "waiting"),
        ([], None, "lost"),
        (["started a"], "processing", "running"),
        (["started a"], None, "lost"),
        (["started a"], "erred", "failed"),
        (["started a", "ended 137 a"], "processing", "running"),
        (["started a", "ended 3 a"], "memory", "failed"),
        (["started a", "ended 137 a", "started b", "ended 1 b"], "memory", "failed"),
        (["started a", "stopped a orphaned", "started b", "ended 0 b"], None, "done"),
        (["started a", "started b", "yielded a superseded", "ended 0 b"], None, "done"),
    ):
        (records.folder / "tasks" / "0").unlink(missing_ok=True)
        for line in lines:
            records.note(0, line)
        assert see(records, 0, told, retries=1).state == state, (lines, told)


@pytest.mark.slow
def test_a_worker_is_killed(job: FarmJob) -> None:
    """A cluster of this machine: another worker takes over, and only what the dead one had not finished."""
    with Watcher(job.output) as watcher:
        job.submit("--dask-workers", 2)
        task = seize(job, 0)
        os.kill(parent_of(parent_of(task)), signal.SIGKILL)
        release_to_end(task)
        seen = job.wait_until_over()
    assert seen["state"] == "complete", job.logs()
    job.assert_whole(watcher, (0,))
    assert sorted(job.happened(0)) in (
        ["ended 0", "started", "started", "stopped"],
        ["ended 0", "started", "started", "yielded"],
    )
    assert (job.folder / "report" / "report.json").is_file()


@pytest.mark.slow
def test_everything_is_killed(job: FarmJob) -> None:
    """The cluster of this machine dies as a whole: the job is lost, its frames are not."""
    with Watcher(job.output) as watcher:
        handle = job.submit("--dask-workers", 2)["handle"]
        seize(job, 1)
        end_tree(handle["pid"])
        wait_for(lambda: job.status()["state"] == "lost", "its end to be seen")
        assert "--resume" in job.status()["told"]
        made = job.frames()
        assert made and made != list(OUTPUTS)
        job.go_on()
        assert job.wait_until_over()["state"] == "complete", job.logs()
    job.assert_whole(watcher, (0, 1))


@pytest.mark.slow
def test_a_scheduler_somewhere_goes_and_comes(job: FarmJob, dask: Dask) -> None:
    """Futures outlive the client that submitted them; without a scheduler frames are known, and none is lost."""
    with Watcher(job.output) as watcher:
        job.submit("--dask-address", dask.address)
        again = job.retempo("submit", "--job-dir", job.folder, "--resume")
        assert again.code == 4 and "is running" in again.err
        seize(job, 0)
        dask.kill()
        outcome = job.retempo("status", job.folder)
        assert "no Dask scheduler answers" in outcome.out and "of 32 frames done" in outcome.out
        nobody = job.retempo("submit", "--job-dir", job.folder, "--resume")
        assert nobody.code == 10 and "no Dask scheduler answers" in nobody.err
        dask.start()
        job.go_on()
        task = seize(job, 2)
        job.retempo.done("cancel", job.folder)
        release_to_end(task)
        wait_for(lambda: job.status()["state"] == "cancelled", "the job to be cancelled")
        made = job.frames()
        assert made != list(OUTPUTS)
        job.go_on()
        assert job.wait_until_over()["state"] == "complete", job.logs()
    job.assert_whole(watcher, tuple(range(CHUNKS)))
