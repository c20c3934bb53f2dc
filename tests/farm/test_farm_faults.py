"""Is anything lost when a disk, a clock, memory or a file fails under some process of a job? Each draws its moment."""

from __future__ import annotations

import os
import random
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from control_group import ControlGroup
from local_job import FRAMES, LocalJob
from runs import ROUNDS

from farm_jobs import Watcher, assert_same_files, computed, retempo, status, wait_for, wait_until_over


@dataclass(frozen=True)
class Fault:
    """Something that happens below the folder of results, or that of the job.

    Args:
        happens: ``OPERATION:ACTION``, see ``shim.c``.
        once: does it happen to one process only? Otherwise to each.
        mended: does another attempt mend it?
        of_job: does it happen to the files of the job?
        most: at which operation it happens at the latest.
    """

    happens: str
    once: bool = True
    mended: bool = True
    of_job: bool = False
    most: int = 8


FAULTS = {
    "a task is killed": Fault("any:kill"),
    "a task is killed at the rename": Fault("rename:kill", most=6),
    "a task is terminated": Fault("any:term"),
    "disk full for a moment": Fault("write:ENOSPC"),
    "one file may not be made": Fault("create:EACCES", most=6),
    "one file may not be renamed": Fault("rename:EACCES", most=6),
    "disk breaks under a task": Fault("write:EIO:on"),
    "disk full": Fault("write:ENOSPC:on", once=False, mended=False),
    "read-only from now on": Fault("create:EROFS:on", once=False, mended=False),
    "quota": Fault("write:EDQUOT:on", once=False, mended=False),
    "who works on the job is killed": Fault("any:kill", mended=False, of_job=True, most=30),
    "disk full for a moment, under the job": Fault("write:ENOSPC", of_job=True, most=7),
    "job read-only from now on": Fault("create:EROFS:on", once=False, mended=False, of_job=True, most=13),
}


@pytest.fixture
def undisturbed(alone: Path, job: LocalJob) -> Iterator[Watcher]:
    """Whatever happens, nobody ever sees a frame that is not whole, and in the end all are right."""
    with Watcher(job.out) as seen:
        yield seen
    assert seen.broken == {}
    assert_same_files(job.out, alone)


def go_on(job: LocalJob) -> None:
    """Without the fault, hand out what is left; only that is computed."""
    before, made = computed(job.logs), {int(path.name.split(".")[1]) for path in job.out.glob("[!.]*.exr")}
    retempo("submit", "--job-dir", job.folder, "--resume", "--wait")
    again = computed(job.logs) - before
    assert set(again) <= set(FRAMES) - made, "a frame that was there was computed again"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(ROUNDS))
@pytest.mark.parametrize("fault", FAULTS)
def test_fault(
    job: LocalJob, shim: Path, undisturbed: Watcher, tmp_path: Path, fault: str, seed: int
) -> None:
    """A task is tried again; what cannot be mended is said in words, and the job goes on when it has passed."""
    happens, flag = FAULTS[fault], tmp_path / "happened"
    operation, action = happens.happens.split(":", 1)
    at = random.Random(f"{seed} {fault}").randint(1, happens.most)
    submitted = job.submit(
        "--retries", 2 if happens.mended else 0,
        LD_PRELOAD=str(shim), RETEMPO_FAULT_FOLDER=f"{job.folder / 'local' if happens.of_job else job.out}/",
        RETEMPO_FAULT=f"{operation}:{at}:{action}", code=None,
        **({"RETEMPO_FAULT_ONCE": str(flag)} if happens.once else {}),
    )  # fmt: skip
    told = wait_until_over(job.folder)
    assert flag.exists() == happens.once, "nothing happened"
    if submitted.returncode:
        assert happens.of_job and told["state"] == "incomplete", submitted.stderr
    elif happens.mended:
        assert told["state"] == "complete", told
        attempts = [one["attempts"] for one in told["chunks"]]
        assert sum(attempts) == len(attempts) + (not happens.of_job), told
    elif happens.of_job:
        assert told["state"] in ("complete", "failed", "lost"), told
    else:
        assert told["state"] == "failed", told
        assert all("cannot be written" in one["told"] for one in told["chunks"] if one["state"] == "failed")
    if told["state"] != "complete":
        go_on(job)


@pytest.mark.slow
def test_the_wall_clock_jumps(job: LocalJob, shim: Path, undisturbed: Watcher) -> None:
    """A day ahead and back, from call to call, in every process: nothing that is done is judged by it."""
    job.submit(LD_PRELOAD=str(shim), RETEMPO_FAULT_CLOCK="1")
    assert wait_until_over(job.folder)["state"] == "complete"
    assert set(computed(job.logs).values()) == {1}


@pytest.mark.slow
def test_bad_sector(job: LocalJob, shim: Path, undisturbed: Watcher, tmp_path: Path) -> None:
    """The pixels of a source frame cannot be read, once: its task is tried again."""
    frame, log = job.source / "plate.1002.exr", tmp_path / "reads"
    preload = {"LD_PRELOAD": str(shim), "RETEMPO_FAULT_FOLDER": str(frame)}
    other = ("--backend", "export", "--job-dir", tmp_path / "exported")
    job.submit(*other, RETEMPO_FAULT_LOG=str(log), **preload)
    of_header = log.read_text().split().count("read")
    flag = tmp_path / "happened"
    job.submit(RETEMPO_FAULT=f"read:{of_header + 1}:EIO:on", RETEMPO_FAULT_ONCE=str(flag), **preload)
    told = wait_until_over(job.folder)
    assert flag.exists() and told["state"] == "complete"
    assert sum(one["attempts"] for one in told["chunks"]) == len(told["chunks"]) + 1


@pytest.mark.slow
def test_a_source_frame_comes_late(job: LocalJob, undisturbed: Watcher, tmp_path: Path) -> None:
    """It was there when the job was planned, and is not when a task wants it: the task waits for it by trying."""
    frame = job.source / "plate.1003.exr"
    away = frame.with_suffix(".away")
    job.submit("--retries", 9)
    task = job.seize()
    os.kill(task, signal.SIGSTOP)
    frame.rename(away)
    os.kill(task, signal.SIGCONT)
    try:
        wait_for(lambda: any(one["attempts"] >= 2 for one in job.tasks().values()), "a task to fail")
    finally:
        away.rename(frame)
    assert wait_until_over(job.folder)["state"] == "complete"


@pytest.mark.slow
def test_a_disk_hangs(job: LocalJob, shim: Path, undisturbed: Watcher, tmp_path: Path) -> None:
    """A write never comes back. Whoever waits in vain cancels the job: its task is ended by force, and all goes on."""
    flag = tmp_path / "happened"
    job.submit(
        LD_PRELOAD=str(shim), RETEMPO_FAULT_FOLDER=f"{job.out}/", RETEMPO_FAULT="write:3:hang",
        RETEMPO_FAULT_ONCE=str(flag),
    )  # fmt: skip
    wait_for(
        lambda: flag.exists() and job.tasks().get(2, {}).get("state") == "done", "all but the one to be done"
    )
    retempo("cancel", job.folder)
    assert status(job.folder)["state"] == "cancelled"
    go_on(job)


@pytest.mark.slow
def test_the_kernel_ends_processes_for_want_of_memory(
    job: LocalJob, undisturbed: Watcher, small_memory: ControlGroup
) -> None:
    """Whichever of them: a task, what runs it, the supervisor. Where there is more memory, the job goes on."""
    small_memory.run([sys.executable, "-m", "retempo", *job.words()])
    told = wait_until_over(job.folder)
    assert small_memory.killed()
    if told["state"] != "complete":
        go_on(job)
