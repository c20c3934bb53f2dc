"""Does an attempt own its chunk, step back when it should, and say truly whether another one may help?"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from farm_jobs import REPO, wait_for
from retempo.farm.attempt import AGAIN, Records

SLEEP = ("sleep", "600")


@pytest.fixture
def records(tmp_path: Path) -> Records:
    made = Records(tmp_path / "records")
    made.make()
    return made


def start(
    records: Records, *command: str, flags: tuple[str, ...] = ("--retries", "1")
) -> subprocess.Popen[bytes]:
    """An attempt at chunk 0."""
    arguments = [str(records.folder), "0", "test", *flags, "--", *command]
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "retempo.farm.attempt", *arguments],
        env={**os.environ, "PYTHONPATH": str(REPO / "pyhost")},
    )


def lines(records: Records) -> list[str]:
    """What was written down, without times and names."""
    path = records.folder / "tasks" / "0"
    words = [line.split() for line in path.read_text().splitlines()] if path.is_file() else []
    return [" ".join(line[1:3]) if line[1] == "ended" else line[1] for line in words]


def is_at_work(records: Records, starts: int = 1) -> bool:
    return lines(records).count("started") == starts


@pytest.mark.parametrize(("code", "told"), [(0, [0]), (3, [3]), (2, [2]), (4, [AGAIN, 4]), (1, [AGAIN, 1])])
def test_what_may_be_tried_again(records: Records, code: int, told: list[int]) -> None:
    """Bad input and usage stay what they are; a full disk and what nobody foresaw may pass, once here."""
    for each in told:
        assert start(records, "sh", "-c", f"exit {code}").wait() == each
    assert lines(records) == ["started", f"ended {code}"] * len(told)
    history = records.history(0)
    assert history.starts == len(told) and history.code == code and not history.open
    assert history.is_settled == (code in (2, 3))


def test_a_task_that_is_killed(records: Records) -> None:
    assert start(records, "sh", "-c", "kill -9 $$").wait() == AGAIN
    assert lines(records) == ["started", "ended 137"]


def test_trying_again_here(records: Records, tmp_path: Path) -> None:
    """For a scheduler that does not; what the task says goes to the log."""
    once = f"echo tried; test -e {tmp_path}/again && exit 0; touch {tmp_path}/again; exit 4"
    flags = ("--retries", "1", "--here", "0", "--log", str(records.log(0)))
    assert start(records, "sh", "-c", once, flags=flags).wait() == 0
    assert lines(records) == ["started", "ended 4", "started", "ended 0"]
    assert records.last_lines(0) == "tried\ntried"


def test_the_newest_attempt_owns_the_chunk(records: Records, tmp_path: Path) -> None:
    first = start(records, *SLEEP)
    wait_for(lambda: is_at_work(records), "the first attempt")
    second = start(records, "sh", "-c", "exit 0")
    assert first.wait() == 0, "nobody needs to try this again"
    assert second.wait() == 0
    assert lines(records) == ["started", "yielded", "started", "ended 0"]


def test_a_cancelled_job(records: Records) -> None:
    running = start(records, *SLEEP)
    wait_for(lambda: is_at_work(records), "the attempt")
    records.cancelled.touch()
    assert running.wait() == 130
    assert start(records, *SLEEP).wait() == 0, "it does not begin"
    assert lines(records) == ["started", "stopped"]


def test_nothing_outlives_an_attempt(records: Records, tmp_path: Path) -> None:
    """SIGTERM is passed on; after SIGKILL the system tells the task."""
    task = tmp_path / "task"
    for number in (signal.SIGTERM, signal.SIGKILL):
        task.unlink(missing_ok=True)
        running = start(records, "sh", "-c", f"echo $$ > {task}; exec sleep 600")
        wait_for(lambda: task.is_file() and task.read_text().strip(), "the task")
        process = int(task.read_text())
        running.send_signal(number)
        running.wait()
        wait_for(lambda process=process: not Path(f"/proc/{process}").exists(), "the task's end")
    assert lines(records) == ["started", "stopped", "started"]
    assert records.history(0).open


def test_an_orphan_ends(records: Records, tmp_path: Path) -> None:
    """The worker that started it is gone, and will not be told of an end."""
    command = [
        sys.executable,
        "-P",
        "-m",
        "retempo.farm.attempt",
        str(records.folder),
        "0",
        "test",
        "--",
        *SLEEP,
    ]
    worker = subprocess.Popen(
        [sys.executable, "-c", f"import subprocess; subprocess.call({command!r})"],
        env={**os.environ, "PYTHONPATH": str(REPO / "pyhost")},
    )
    wait_for(lambda: is_at_work(records), "the attempt")
    worker.kill()
    worker.wait()
    wait_for(lambda: lines(records) == ["started", "stopped"], "the orphan's end")
