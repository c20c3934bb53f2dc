"""How does Slurm run a job? As an array of tasks, one a chunk, and a report that follows whatever came of them.

``DIR/slurm/task.sh`` and ``report.sh`` are all that Slurm gets. A node that fails gives its tasks back to the
queue; a task that fails goes back by itself, as often as ``--retries`` says; what died without a word (the script
killed, out of time) or left a frame that cannot be read the report hands out again.
"""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from retempo.errors import JobError, OutputError, RetempoError, UsageError
from retempo.farm.attempt import History, Records
from retempo.farm.backends import Handle, State, TaskView, View
from retempo.farm.slurm_programs import longest_array, sbatch, scancel, squeue
from retempo.render.declaring import check_value, setting

if TYPE_CHECKING:
    from retempo.farm.job import Job

GROUP = "slurm"
FOLDER = "slurm"
"""In the job's folder: the scripts, the attempts' records and logs, and ``jobs``."""
_STATES: dict[str, State] = {
    "COMPLETED": "done", "CANCELLED": "cancelled", "REVOKED": "cancelled",
    "RUNNING": "running", "COMPLETING": "running", "STAGE_OUT": "running", "SIGNALING": "running",
    "STOPPED": "running", "SUSPENDED": "running", "RESIZING": "running",
    "PENDING": "waiting", "CONFIGURING": "waiting", "REQUEUED": "waiting", "REQUEUE_FED": "waiting",
    "REQUEUE_HOLD": "waiting", "SPECIAL_EXIT": "waiting", "RESV_DEL_HOLD": "waiting",
}  # fmt: skip
"""Of squeue's states; all others (FAILED, TIMEOUT, NODE_FAIL, OUT_OF_MEMORY, ...) mean that it failed."""


@dataclass(frozen=True)
class SlurmOptions:
    """What ``retempo submit --backend slurm`` can be told."""

    slurm_partition: str = setting("", "partition (queue); default: the cluster's", group=GROUP)
    slurm_account: str = setting("", "account that is charged", group=GROUP)
    slurm_qos: str = setting("", "quality of service", group=GROUP)
    slurm_time: str = setting("", "time limit of a task, e.g. 30 (minutes), 2:00:00 or 1-12", group=GROUP)
    slurm_nice: int = setting(
        0, "lower the priority by so much", group=GROUP, kind=int, low=-10000, high=10000
    )
    slurm_throttle: int = setting(
        0, "tasks that run at once, at most; 0: as many as there is room for", group=GROUP, kind=int, low=0
    )
    slurm_gpu_type: str = setting("", "type of the GPUs, e.g. a100, where a task needs one", group=GROUP)
    slurm_python: str = setting(
        "", "Python on the nodes that has Retempo; default: the one that submits", group=GROUP
    )
    slurm_extra: str = setting(
        "", "more options of sbatch: --slurm-extra='--exclude=n7 --mail-type=FAIL'", group=GROUP
    )

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            check_value(one, value)
            if isinstance(value, str) and re.search(r"[\x00-\x1f]", value):
                raise UsageError(f"--{one.name.replace('_', '-')} has a line break in it", "give one line")
        try:
            shlex.split(self.slurm_extra)
        except ValueError as error:
            raise UsageError(f"--slurm-extra is {self.slurm_extra!r}: {error}", "close the quotes") from error


class SlurmBackend:
    """Slurm by its programs, and what its tasks write down; no accounting database is needed."""

    name = "slurm"
    title = "an array job of Slurm, and a report that follows it"
    options = SlurmOptions

    def default_cores(self, chunks: int, memory: int) -> int:
        return 1  # of many machines, most work at once gets done with one processor a task

    def check(self, job: Job) -> None:
        """Is sbatch there, are the options good, and may an array be as long?"""
        SlurmOptions(**job.options)
        if shutil.which("sbatch") is None:
            raise UsageError(
                "sbatch is not installed here",
                "submit from a machine with Slurm's client programs, or choose another --backend",
            )
        limit = longest_array()
        if limit is not None and len(job.chunks) > limit:
            raise UsageError(
                f"the job has {len(job.chunks)} tasks, an array of this Slurm holds {limit}",
                "give a larger --chunk",
            )

    def submit(self, job: Job, folder: Path) -> Handle:
        """Write the scripts, then hand over the chunks that lack frames.

        Raises:
            OutputError: it is in the queue already. UsageError: Slurm refuses an option. JobError: it does not
                answer. Nothing is left in its queue.
        """
        from retempo.farm.slurm_script import write_scripts
        from retempo.farm.standing import unfinished

        records = Records(folder / FOLDER)
        options = SlurmOptions(**job.options)
        lines = squeue([number for pair in list_jobs(records.folder) for number in pair if number])
        if any(_STATES.get(line.word) in ("waiting", "running") for line in lines):
            raise OutputError(f"the job in {folder} is running", f"look at it: retempo status {folder}")
        records.make()
        (records.folder / "jobs").unlink(missing_ok=True)
        write_scripts(job, folder, records.folder, options)
        array, report = hand_over(records.folder, unfinished(job), options)
        return {"array": array, "report": report}

    def poll(self, job: Job, folder: Path, handle: Handle) -> View:
        """What squeue says, and where it says nothing any more, what the attempts wrote down."""
        records = Records(folder / FOLDER)
        submitted = list_jobs(records.folder)
        try:
            lines = squeue([number for pair in submitted for number in pair if number])
        except JobError as error:
            known = [remembered(records, index, forgotten=False) for index in range(len(job.chunks))]
            return View(None, tuple(known), f"{error}; of tasks this is what they wrote down")
        tasks = {index: remembered(records, index, forgotten=True) for index in range(len(job.chunks))}
        for line in lines:
            state = _STATES.get(line.word, "failed")
            if submitted and line.job == submitted[-1][1]:
                tasks[-1] = TaskView(-1, state, 1, explain(state, line.word, line.reason))
            elif line.chunk.isdigit() and int(line.chunk) in tasks:
                one = tasks[int(line.chunk)]
                told = explain(state, line.word, line.reason, one.told)
                tasks[int(line.chunk)] = TaskView(one.chunk, state, one.attempts, told)
        if lines:  # chunks that were not handed out, for their frames were done, are no loss
            tasks = {index: one for index, one in tasks.items() if one.state != "lost" or one.attempts}
        return View(summarise(tasks), tuple(tasks.values()))

    def cancel(self, job: Job, folder: Path, handle: Handle) -> None:
        """Take the array and its report out of the queue; running tasks end with whole frames.

        Raises:
            JobError: Slurm does not answer.
        """
        records = Records(folder / FOLDER)
        submitted = list_jobs(records.folder)
        if submitted:
            records.cancelled.touch()  # tasks look at it, and so does a report that would hand out again
            scancel(number for pair in submitted for number in pair if number)


BACKEND = SlurmBackend()


def hand_over(here: Path, chunks: Sequence[int], options: SlurmOptions) -> tuple[str, str]:
    """Submit chunks and the report that follows them; returns both job ids ('' for an array of nothing).

    Raises:
        UsageError, JobError: see ``SlurmBackend.submit``.
    """
    array = ""
    if chunks:
        throttle = f"%{options.slurm_throttle}" if options.slurm_throttle else ""
        array = sbatch(f"--array={','.join(runs(chunks))}{throttle}", str(here / "task.sh"))
    try:
        report = sbatch(*([f"--dependency=afterany:{array}"] if array else []), str(here / "report.sh"))
    except RetempoError:
        scancel([array] if array else [])
        raise
    with (here / "jobs").open("a", encoding="utf-8") as stream:
        stream.write(f"{array or '-'} {report}\n")
    return array, report


def hand_out_again(folder: Path) -> bool:
    """Submit once more the chunks that lack frames; False where no attempt would help, or none is left.

    The report does so, when no task of the array is left.
    """
    from retempo.farm.job import load_job
    from retempo.farm.standing import unfinished

    job = load_job(folder)
    records = Records(folder / FOLDER)
    left = [index for index in unfinished(job) if may_try_again(records.history(index), job.retries)]
    if not left or records.cancelled.exists() or len(list_jobs(records.folder)) > job.retries:
        return False
    try:
        array, _ = hand_over(records.folder, left, SlurmOptions(**job.options))
    except RetempoError as error:
        print(f"chunks {', '.join(runs(left))} lack frames, and cannot be handed out again: {error}")
        return False
    print(f"chunks {', '.join(runs(left))} lack frames: handed out again as job {array}")
    return True


def may_try_again(history: History, retries: int) -> bool:
    """Can another attempt mend this chunk, and has it one left?"""
    return not history.is_settled and history.failures <= retries


def list_jobs(here: Path) -> list[tuple[str, str]]:
    """Ids of array and report of every submission, the newest last; '' where there was no array."""
    try:
        lines = (here / "jobs").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    pairs = [line.split() for line in lines]
    return [(pair[0].strip("-"), pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdigit()]


def runs(numbers: Sequence[int]) -> list[str]:
    """Ascending indices as sbatch takes them: ``[0, 1, 2, 5]`` -> ``["0-2", "5"]``."""
    found: list[list[int]] = []
    for number in numbers:
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return [str(first) if first == last else f"{first}-{last}" for first, last in found]


def remembered(records: Records, chunk: int, *, forgotten: bool) -> TaskView:
    """What the attempts at a chunk wrote down.

    Args:
        forgotten: Slurm answers, and does not know the task (any more); else nobody can ask.
    """
    history = records.history(chunk)
    state: State = "lost" if forgotten else "running" if history.open else "waiting"
    if history.code is not None:
        state = "done" if history.code == 0 else "failed"
    told = "" if state == "done" else records.last_lines(chunk)
    return TaskView(chunk, state, history.starts, told)


def explain(state: State, word: str, reason: str, told: str = "") -> str:
    """Why a task stands where it does: Slurm's words, where they say something, and the task's last ones."""
    usual = state in ("running", "done") or reason in ("None", "NonZeroExitCode", "")
    return "\n".join(filter(None, ("" if usual else f"{word.lower()}: {reason}", told)))


def summarise(tasks: Mapping[int, TaskView]) -> State:
    """Where the whole job stands; the report (-1) belongs to it."""
    states = {one.state for one in tasks.values()}
    if "running" in states or ("waiting" in states and len(states) > 1):
        return "running"
    order: tuple[State, ...] = ("waiting", "cancelled", "failed", "lost")
    return next((one for one in order if one in states), "done")


if __name__ == "__main__":
    raise SystemExit(0 if hand_out_again(Path(sys.argv[1])) else 1)
