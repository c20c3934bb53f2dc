"""How are Slurm's programs asked, and what do they answer? sbatch, squeue, scancel; nothing here knows jobs."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from retempo.errors import JobError, UsageError

ANSWER_SECONDS = 20


class QueueLine(NamedTuple):
    """A task in squeue's list: its array's (or its own) id, its index in it, its state, and why."""

    job: str
    chunk: str
    word: str
    reason: str


def sbatch(*arguments: str) -> str:
    """Submit a script; returns the job's id.

    Raises:
        UsageError: Slurm refuses it. JobError: the controller does not answer.
    """
    done = run("sbatch", "--parsable", *arguments)
    number = done.stdout.strip().partition(";")[0]  # after it, the cluster's name
    if done.returncode == 0 and number.isdigit():
        return number
    said = complaint(done)
    if _is_away(done.stderr):
        raise JobError(
            f"Slurm's controller does not answer: {said}", "submit again when it does; frames are kept"
        )
    raise UsageError(
        f"Slurm refuses the job: {said}",
        "change the --slurm-... options, or --cores, --gpu, --memory-per-task",
    )


def squeue(numbers: Sequence[str]) -> list[QueueLine]:
    """What Slurm still knows of these jobs, task by task, in the order of the jobs.

    Raises:
        JobError: the controller does not answer.
    """
    if not numbers:
        return []
    shown = ("--noheader", "--array", "--states=all", "--format=%F|%K|%T|%r")
    done = run("squeue", *shown, f"--jobs={','.join(numbers)}")
    if done.returncode and not _is_forgotten(done.stderr):
        raise JobError(f"Slurm's controller does not answer: {complaint(done)}", "ask again later")
    lines = [[word.strip() for word in line.split("|", 3)] for line in done.stdout.splitlines()]
    found = [QueueLine(*line) for line in lines if len(line) == 4 and line[0] in numbers]
    return sorted(found, key=lambda line: numbers.index(line.job))


def scancel(numbers: Iterable[str]) -> None:
    """Take jobs out of the queue; those that are over or forgotten do not matter.

    Raises:
        JobError: the controller does not answer.
    """
    for number in numbers:  # one by one: of several, the first that is forgotten may end it
        done = run("scancel", number)
        if done.returncode and not _is_forgotten(done.stderr):
            raise JobError(
                f"job {number} cannot be cancelled: {complaint(done)}",
                "tasks that have not begun will not; cancel again when Slurm's controller answers",
            )


def longest_array() -> int | None:
    """How many tasks an array may have; None where nobody says."""
    try:
        told = run("scontrol", "show", "config").stdout
    except JobError:
        return None
    limit = re.search(r"^MaxArraySize\s*=\s*(\d+)", told, re.MULTILINE)
    return int(limit[1]) - 1 if limit else None


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """Run one of Slurm's programs.

    Raises:
        JobError: it is not installed, or does not come back.
    """
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=ANSWER_SECONDS, check=False)
    except OSError as error:
        raise JobError(f"{command[0]} cannot be run: {error.strerror}", "install Slurm's programs") from error
    except subprocess.TimeoutExpired as error:
        raise JobError(
            f"{command[0]} has not come back after {ANSWER_SECONDS} s", "look whether Slurm's controller runs"
        ) from error


def complaint(done: subprocess.CompletedProcess[str]) -> str:
    """The last line of what a program complains of, without its name."""
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    return re.sub(r"^(\w+: )?(error: )?", "", lines[-1]) if lines else f"exit code {done.returncode}"


def _is_away(text: str) -> bool:
    return (
        re.search(r"contact slurm|timed out|connect|fetch_config|zero bytes", text, re.IGNORECASE) is not None
    )


def _is_forgotten(text: str) -> bool:
    return "Invalid job id" in text or "already completing" in text
