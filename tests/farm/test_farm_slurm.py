"""Does a job come through Slurm whole: nodes and tasks killed, a full disk, broken frames, no controller?"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from farm_faults import CHUNK, CHUNKS, FLAGS, OUTPUTS, FarmJob, find_processes, release, release_to_end, seize
from slurm_cluster import SlurmCluster, parent_of

from farm_jobs import Watcher, wait_for
from plates import Program, assert_same_pixels
from retempo.farm.backends.slurm import runs


@pytest.fixture
def job(
    slurm: SlurmCluster, retempo: Program, tmp_path: Path, farm_source: Path, farm_truth: Path
) -> FarmJob:
    return FarmJob(retempo, tmp_path, farm_source, farm_truth, "slurm")


def node_of(slurm: SlurmCluster, job: FarmJob, chunk: int) -> str:
    """Where a chunk runs."""
    array = (job.records / "jobs").read_text().split()[-2]
    return slurm.run("squeue", "--noheader", "--jobs", f"{array}_{chunk}", "--format", "%N").strip()


def wait_for_report(slurm: SlurmCluster, job: FarmJob) -> str:
    """Wait until the last report is over; returns how."""

    def state() -> str:
        report = (job.records / "jobs").read_text().split()[-1]
        return slurm.jobs().get(report, "")

    wait_for(lambda: state() in ("COMPLETED", "FAILED", "CANCELLED"), f"the report\n{job.logs()}")
    return state()


def test_indices_as_sbatch_takes_them() -> None:
    assert runs([0, 1, 2, 5, 7, 8]) == ["0-2", "5", "7-8"]


@pytest.mark.slow
def test_what_slurm_is_asked_for(slurm: SlurmCluster, job: FarmJob) -> None:
    """Options reach Slurm; a job that is held there waits, and can be cancelled before it begins."""
    job.submit(
        *("--gpu", 1, "--cores", 2, "--memory-per-task", "1G", "--slurm-partition", "other", "--slurm-time", "20"),
        *("--slurm-nice", 7, "--slurm-throttle", 3, "--slurm-extra", "--hold --comment='two words'"),
    )  # fmt: skip
    array, report = (job.records / "jobs").read_text().split()
    told = slurm.run("scontrol", "show", "job", array)
    for word in (
        "ArrayTaskId=0-3%3", "ArrayTaskThrottle=3", "Partition=other", "TimeLimit=00:20:00", "Nice=7", "Requeue=1",
        "gres:gpu:1", "CPUs/Task=2", "MinMemoryNode=1G", "Comment=two words", "JobHeldUser",
    ):  # fmt: skip
        assert word in told, told
    assert f"afterany:{array}_*" in slurm.run("scontrol", "show", "job", report)
    seen = job.status()
    assert seen["state"] == "waiting" and seen["done"] == 0
    assert {one["state"] for one in seen["chunks"]} == {"waiting"}
    assert "JobHeldUser" in seen["chunks"][0]["told"]
    job.retempo.done("cancel", job.folder)
    job.retempo.done("cancel", job.folder)
    wait_for(lambda: job.status()["state"] == "cancelled", "the job to be cancelled")
    assert job.frames() == []


@pytest.mark.slow
def test_a_node_loses_its_power(slurm: SlurmCluster, job: FarmJob) -> None:
    """A node loses its power in the middle of its tasks: Slurm sees it, and gives them to the other one."""
    with Watcher(job.output) as watcher:
        job.submit()
        seize(job, 0)
        node = node_of(slurm, job, 0)
        hit = tuple(chunk for chunk in range(CHUNKS) if node_of(slurm, job, chunk) == node)
        slurm.kill_node(node)
        seen = job.wait_until_over()
        assert wait_for_report(slurm, job) == "COMPLETED", job.logs()
    assert seen["state"] == "complete"
    job.assert_whole(watcher, hit)
    assert job.happened(0) == ["started", "started", "ended 0"]


@pytest.mark.slow
def test_a_node_daemon_is_killed_and_its_tasks_live_on(slurm: SlurmCluster, job: FarmJob) -> None:
    """What Slurm believes dead may only hang: it wakes up while the next attempt begins, and steps back."""
    with Watcher(job.output) as watcher:
        job.submit()
        task = seize(job, 1)
        node = node_of(slurm, job, 1)
        hit = tuple(chunk for chunk in range(CHUNKS) if node_of(slurm, job, chunk) == node)
        attempt = parent_of(task)
        owner = job.records / "owners" / "1"
        before = owner.read_text()
        os.kill(attempt, signal.SIGSTOP)
        slurm.kill_daemon(node)
        slurm.run("scontrol", "update", f"nodename={node}", "state=down", "reason=tests")
        wait_for(lambda: owner.read_text() != before, "the next attempt to own the chunk")
        for process in (attempt, task):
            release(process)
        seen = job.wait_until_over()
        assert wait_for_report(slurm, job) == "COMPLETED", job.logs()
    assert seen["state"] == "complete"
    job.assert_whole(watcher, hit)
    assert job.happened(1) == ["started", "started", "yielded", "ended 0"] or job.happened(1) == [
        "started", "yielded", "started", "ended 0",
    ]  # fmt: skip


@pytest.mark.slow
def test_tasks_are_killed(slurm: SlurmCluster, job: FarmJob) -> None:
    """SIGKILL to one task's process, which goes back to the queue, and of another one's script, which cannot."""
    with Watcher(job.output) as watcher:
        job.submit()
        os.kill(seize(job, 0), signal.SIGKILL)
        task = seize(job, 3)
        script = parent_of(parent_of(task))
        assert find_processes("slurm_script").count(script) == 1
        os.kill(script, signal.SIGKILL)
        release_to_end(task)
        seen = job.wait_until_over()
        wait_for_report(slurm, job)
    assert seen["state"] == "complete", job.logs()
    job.assert_whole(watcher, (0, 3))
    assert job.happened(0) == ["started", "ended 137", "started", "ended 0"]
    assert job.happened(3)[-2:] == ["started", "ended 0"]
    assert len((job.records / "jobs").read_text().splitlines()) == 2, "the report handed chunk 3 out again"


@pytest.fixture
def small_disk(job: FarmJob) -> Iterator[Path]:
    """The output folder is a file system of its own, of 64 MiB; skipped where nobody may mount one."""
    job.output.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64M", "tmpfs", str(job.output)], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    yield job.output
    subprocess.run(["umount", "--lazy", str(job.output)], check=True)


@pytest.mark.slow
def test_a_disk_is_full_for_a_while(slurm: SlurmCluster, job: FarmJob, small_disk: Path) -> None:
    """Tasks fail and wait in the queue; when there is room again, they go on where they were."""
    ballast = small_disk / ".ballast"
    with Watcher(job.output) as watcher:
        job.submit()
        task = seize(job, 0)
        fill(ballast)
        release(task)
        wait_for(lambda: any("ended 4" in job.happened(chunk) for chunk in range(CHUNKS)), "a task to fail")
        ballast.unlink()
        seen = job.wait_until_over()
        wait_for_report(slurm, job)
    assert seen["state"] == "complete", job.logs()
    assert "the disk is full" in job.logs()
    job.assert_whole(watcher, tuple(range(CHUNKS)))


@pytest.mark.slow
def test_broken_frames_are_found_and_made_again(slurm: SlurmCluster, job: FarmJob) -> None:
    """The report decodes every frame; so does ``status --verify`` later. Only what is broken is made again."""
    job.submit("--slurm-throttle", 1)
    wait_for(lambda: 4 in job.frames(), "the first frames")
    flip(job.output / "o.0003.exr")
    assert job.wait_until_over()["state"] == "complete"
    assert wait_for_report(slurm, job) == "COMPLETED"
    assert "removed 3" in job.logs() and "lack frames: handed out again" in job.logs()
    times = {number: (job.output / f"o.{number:04d}.exr").stat().st_mtime_ns for number in OUTPUTS}
    flip(job.output / "o.0012.exr")
    cut = job.output / "o.0030.exr"
    cut.write_bytes(cut.read_bytes()[:-300])
    seen = job.status("--verify")
    assert seen["missing"] == "12" and seen["otherwise"] == "30" and list(seen["removed"]) == ["12"]
    before = [job.told(chunk) for chunk in range(CHUNKS)]
    job.go_on()
    assert job.wait_until_over()["state"] == "complete"
    made = [job.told(chunk)[len(old) :] for chunk, old in enumerate(before)]
    assert sorted(number for one in made for number in one) == [12, 30]
    for number in set(OUTPUTS) - {12, 30}:
        assert (job.output / f"o.{number:04d}.exr").stat().st_mtime_ns == times[number]
    for number in OUTPUTS:
        assert_same_pixels(job.truth / f"o.{number:04d}.exr", job.output / f"o.{number:04d}.exr")


def fill(path: Path) -> None:
    """Write until there is no room."""
    with path.open("wb", buffering=0) as stream, contextlib.suppress(OSError):
        while True:
            stream.write(bytes(1 << 16))


def flip(path: Path) -> None:
    """Turn one bit of the compressed pixels over."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 16
    path.write_bytes(data)


@pytest.mark.slow
def test_the_controller_is_away_and_the_job_is_cancelled(slurm: SlurmCluster, job: FarmJob) -> None:
    """Frames are known without it, nothing is submitted, tasks go on; a cancelled job can be gone on with."""
    with Watcher(job.output) as watcher:
        job.submit("--slurm-throttle", 1)
        task = seize(job, 0)
        slurm.stop_controller()
        release(task)
        outcome = job.retempo("status", job.folder)
        assert "Slurm's controller does not answer" in outcome.out and "of 32 frames done" in outcome.out
        other = job.retempo(
            *("submit", job.source, "-o", job.folder.parent / "other" / "o.####.exr", "--backend", "slurm"),
            *("--job-dir", job.folder.parent / "other_job", *FLAGS),
        )  # fmt: skip
        assert other.code == 10 and "does not answer" in other.err and "submit again" in other.err
        wait_for(lambda: set(range(1, CHUNK + 1)) <= set(job.frames()), "the chunk that runs to be made")
        slurm.start_controller()
        task = seize(job, 1)
        job.retempo.done("cancel", job.folder)
        release(task)
        wait_for(lambda: job.status()["state"] == "cancelled", "the job to be cancelled")
        made = job.frames()
        assert made and made != list(OUTPUTS)
        job.go_on()
        assert job.wait_until_over()["state"] == "complete"
    job.assert_whole(watcher, (1, 2))


@pytest.mark.slow
def test_a_task_without_its_source_is_not_tried_again(
    slurm: SlurmCluster, job: FarmJob, tmp_path: Path
) -> None:
    copy = tmp_path / "in"
    shutil.copytree(job.source.parent, copy)
    job.source = copy / job.source.name
    job.submit("--slurm-extra=--hold")
    (copy / "plate.0003.exr").unlink()
    for held in (job.records / "jobs").read_text().split():
        slurm.run("scontrol", "release", held)
    assert wait_for_report(slurm, job) == "FAILED"
    assert [job.happened(chunk) for chunk in range(CHUNKS)] == [["started", "ended 3"]] * CHUNKS
    assert "plate.0003.exr is missing" in job.logs()
    assert len((job.records / "jobs").read_text().splitlines()) == 1
