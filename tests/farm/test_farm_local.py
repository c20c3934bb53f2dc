"""Does a job of this machine end complete, whatever is killed or broken on the way, and is nothing made twice?"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from local_job import FRAMES, LocalJob

from farm_jobs import (
    FAST,
    Watcher,
    assert_same_files,
    computed,
    finish,
    retempo,
    status,
    wait_for,
    wait_until_over,
)
from plates import start
from retempo.farm import supervisor
from retempo.farm.backends.local import CANCEL, FOLDER, is_supervised

MOST_IN_FLIGHT = 3
"""Frames that a task may have computed and not written when it is killed: two being written, one handed over."""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system in memory that holds one mebibyte."""
    place = tmp_path / "out"
    place.mkdir()
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mount.returncode:
        pytest.skip(f"no file system can be mounted here: {mount.stderr.strip()}")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_job_is_made_in_the_background(job: LocalJob, alone: Path) -> None:
    """By the supervisor, after submit has ended; nobody sees a part of a file."""
    with Watcher(job.out) as seen:
        job.submit()
        told = wait_until_over(job.folder)
    assert told["state"] == "complete" and told["done"] == told["frames"] == len(FRAMES)
    assert_same_files(job.out, alone)
    assert seen.broken == {} and len(seen.looks) == len(FRAMES)
    assert set(computed(job.logs).values()) == {1}, "every frame was computed once"
    assert {one["attempts"] for one in job.tasks().values()} == {1}
    report = json.loads((job.folder / "report" / "report.json").read_text())
    assert report["complete"] and (job.folder / "report" / "sheet.png").is_file()
    again = retempo("submit", "--job-dir", job.folder, "--resume", "--wait", "--json")
    assert json.loads(again.stdout)["state"] == "complete"
    assert {one["attempts"] for chunk, one in job.tasks().items() if chunk >= 0} == {0}, (
        "nothing is left to start"
    )


def test_a_task_that_is_killed_is_started_again(job: LocalJob, alone: Path) -> None:
    """Once its own process, once `openjd run` above it, which leaves an orphan that must not go on."""
    with Watcher(job.out) as seen:
        job.submit()
        os.kill(job.seize(), signal.SIGKILL)
        wait_for(lambda: any(one["attempts"] == 2 for one in job.tasks().values()), "a second start")
        orphan, runner = wait_for(job.seize_with_runner, "a task and what runs it")
        os.kill(runner, signal.SIGKILL)
        wait_for(lambda: not Path(f"/proc/{orphan}").exists(), "the orphan's end")
        told = wait_until_over(job.folder)
    assert told["state"] == "complete" and seen.broken == {}
    assert_same_files(job.out, alone)
    starts = sorted(one["attempts"] for chunk, one in job.tasks().items() if chunk >= 0)
    assert sum(starts) in (len(starts) + 2, len(starts) + 1), f"two were killed: {starts}"
    twice = [number for number, count in computed(job.logs).items() if count > 1]
    assert len(twice) <= 2 * MOST_IN_FLIGHT


@pytest.mark.slow
def test_a_task_killed_half_way_goes_on_where_it_was(job: LocalJob) -> None:
    """One chunk of all frames: those that were written are not computed again."""
    job.submit("--frames", "1001-1005", "--chunk", 25, "--flow", "dis:fine")
    wait_for(lambda: len(list(job.out.glob("*.exr"))) >= 4, "some frames")
    os.kill(job.seize(), signal.SIGKILL)
    written = len(list(job.out.glob("*.exr")))
    assert written < 25, "it was killed too late to show anything"
    assert wait_until_over(job.folder)["state"] == "complete"
    count = computed(job.logs)
    assert set(count) == set(range(1001, 1026))
    assert sum(count.values()) - 25 <= MOST_IN_FLIGHT, f"{written} were written"


@pytest.mark.slow
def test_a_killed_supervisor_is_noticed_and_the_job_goes_on(job: LocalJob, alone: Path) -> None:
    with Watcher(job.out) as seen:
        job.submit()
        task = job.seize()
        os.kill(job.supervisor, signal.SIGKILL)
        wait_for(lambda: not Path(f"/proc/{task}").exists(), "its task's end")
        told = status(job.folder, code=10)
        assert told["state"] == "lost" and "--resume" in told["told"]
        retempo("submit", "--job-dir", job.folder, "--resume")
        refused = retempo("submit", "--job-dir", job.folder, "--resume", code=None)
        assert refused.returncode in (0, 4), "it is running, or already over"
        assert wait_until_over(job.folder)["state"] == "complete"
    assert seen.broken == {}
    assert_same_files(job.out, alone)


@pytest.mark.slow
def test_a_frame_that_rots_is_found_and_made_again(job: LocalJob, alone: Path) -> None:
    """Its header and end are whole; the report reads it while other chunks have long been done."""
    job.submit()
    frame = job.out / "o.1003.exr"
    wait_for(lambda: job.tasks().get(0, {}).get("state") == "done", "the first chunk")
    data = bytearray(frame.read_bytes())
    data[-400:-300] = bytes(one ^ 0xFF for one in data[-400:-300])
    frame.write_bytes(data)
    assert wait_until_over(job.folder)["state"] == "complete"
    assert_same_files(job.out, alone)
    assert computed(job.logs)[1003] == 2
    assert {number for number, count in computed(job.logs).items() if count > 1} == {1003}


@pytest.mark.slow
def test_cancel_stops_tasks_and_keeps_frames(job: LocalJob, alone: Path) -> None:
    job.submit()
    task = job.seize()
    os.kill(task, signal.SIGSTOP)  # however slowly the command starts, it is in time
    cancel = start("cancel", job.folder, "--json")
    wait_for((job.folder / FOLDER / CANCEL).exists, "the supervisor to be told")
    os.kill(task, signal.SIGCONT)
    told = json.loads(finish(cancel).stdout)
    assert told["state"] == "cancelled" and not Path(f"/proc/{task}").exists()
    assert not is_supervised(job.folder)
    assert status(job.folder, code=10)["state"] == "cancelled"
    assert json.loads(retempo("cancel", job.folder, "--json").stdout)["state"] == "cancelled", (
        "twice is harmless"
    )
    kept = {path.name: path.stat().st_mtime_ns for path in job.out.glob("*.exr")}
    retempo("submit", "--job-dir", job.folder, "--resume", "--wait")
    assert_same_files(job.out, alone)
    assert all((job.out / name).stat().st_mtime_ns == time for name, time in kept.items())
    assert json.loads(retempo("cancel", job.folder, "--json").stdout)["state"] == "done"


@pytest.mark.slow
def test_a_task_that_cannot_work_fails_with_its_last_words(
    job: LocalJob, plate: Path, tmp_path: Path
) -> None:
    """A source frame that cannot be read: its chunk fails, the others are made, status says why."""
    source = tmp_path / "in"
    source.mkdir()
    for path in plate.glob("*.exr"):
        (source / path.name).write_bytes(path.read_bytes())
    broken = source / "plate.1005.exr"
    data = bytearray(broken.read_bytes())
    data[-4000:] = bytes(4000)
    broken.write_bytes(data)
    done = retempo("submit", source / "plate.####.exr", "-o", job.out / "o.####.exr", "--speed", "1/6", *FAST,
                   "--frames", "1003-1005", "--chunk", 6, "--retries", 1, "--motion", "linear",
                   "--job-dir", job.folder, "--wait", "--json", code=10)  # fmt: skip
    told = json.loads(done.stdout)
    assert told["state"] == "failed" and 0 < told["done"] < told["frames"]
    failed = [one for one in told["chunks"] if one["state"] == "failed"]
    assert failed and all("plate.1005.exr" in one["told"] and one["attempts"] == 2 for one in failed)
    assert [one for one in told["chunks"] if one["state"] == "done"]


@pytest.mark.slow
def test_a_full_disk_leaves_whole_frames_and_room_lets_the_job_go_on(
    small_disk: Path, job: LocalJob, alone: Path
) -> None:
    assert job.out == small_disk
    with Watcher(job.out) as seen:
        job.submit("--retries", 0)
        told = wait_until_over(job.folder)
        assert told["state"] == "failed" and told["done"] < told["frames"]
        assert any("disk is full" in one["told"] for one in told["chunks"]), told["chunks"]
        assert told["otherwise"] == "" and not list(job.out.glob(".*.tmp*")), "nothing unfinished is left"
        subprocess.run(["mount", "-o", "remount,size=64m", str(job.out)], check=True)
        retempo("submit", "--job-dir", job.folder, "--resume", "--wait")
    assert seen.broken == {}
    assert_same_files(job.out, alone)


def test_what_a_machine_has_not_is_refused(job: LocalJob) -> None:
    job.submit("--gpu", 1, code=2, CUDA_VISIBLE_DEVICES="")
    job.submit("--cores", 4000, code=2)
    assert not job.folder.exists()


def test_tasks_start_as_there_is_room(job: LocalJob, monkeypatch: pytest.MonkeyPatch) -> None:
    """Processors, memory that those that run have yet to take, and graphics cards; one always starts."""
    job.submit("--backend", "export", "--cores", 2, "--memory-per-task", "4G", "--local-workers", 0)
    (job.folder / "local").mkdir()
    made = supervisor.Supervisor(job.folder)
    free = {"cores": 8, "memory": 20 << 30, "gpus": ("0", "1", "2")}
    monkeypatch.setattr(supervisor, "count_cores", lambda: free["cores"])
    monkeypatch.setattr(supervisor, "free_memory", lambda: free["memory"])
    monkeypatch.setattr(supervisor, "list_gpus", lambda: free["gpus"])
    monkeypatch.setattr(supervisor, "resident", lambda pids: 1 << 30)

    def room() -> int:
        made._running.clear()
        while made._has_room() and len(made._running) < 9:
            process = SimpleNamespace(pid=os.getpid(), poll=lambda: None)
            made._running.append(supervisor.Running(0, process, Path(), ()))  # type: ignore[arg-type]
        return len(made._running)

    assert room() == 4, "eight processors, two each"
    free["memory"] = 9 << 30
    assert room() == 2, (
        "the first will take three more, so six are left for the second, and three for a third"
    )
    free["memory"] = 1 << 30
    assert room() == 1, "too little for any"
    free["memory"] = 99 << 30
    made.job = made.job.model_copy(update={"options": {"local_workers": 3}})
    assert room() == 3
    made.job = made.job.model_copy(update={"needs": made.job.needs.model_copy(update={"gpus": 2})})
    assert room() == 1, "two cards each, of three"
    made._running.clear()


@pytest.mark.slow
def test_each_task_sees_its_own_graphics_card(job: LocalJob) -> None:
    job.submit("--gpu", 1, CUDA_VISIBLE_DEVICES="7,9")
    task = job.seize()
    seen = dict(one.partition("=")[::2] for one in Path(f"/proc/{task}/environ").read_text().split("\0"))
    assert seen["CUDA_VISIBLE_DEVICES"] in ("7", "9")
    retempo("cancel", job.folder)
