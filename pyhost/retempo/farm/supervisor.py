"""Who works on a local job when the terminal is gone? ``python -m retempo.farm.supervisor DIR FD``, from ``local``.

It starts tasks as processors, memory and graphics cards allow, starts again what failed, and has every frame looked at
in the end. What is done it reads from the output files, so it may be killed and started again at any time.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import deque
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import FrameType
from typing import IO

from retempo.errors import OutputError
from retempo.farm.backends import State, TaskView
from retempo.farm.backends.local import CANCEL, FOLDER, STATE
from retempo.farm.bundle import PARAMETERS, TEMPLATE
from retempo.farm.job import Job, load_job, write_text
from retempo.farm.machine import count_cores, free_memory, list_gpus
from retempo.farm.processes import adopt_orphans, end_strays, end_tree, end_with_parent, list_tree, resident
from retempo.farm.shot import list_frames
from retempo.farm.standing import Known, sort
from retempo.farm.template import FRAME, FRAMES, REPORT

POLL = 0.1
"""Seconds between two looks at the tasks."""
PAUSE = 1.0
"""Seconds before a failed task is started again, times the number of its starts."""
NOTICE = 75.0
"""Seconds until a task that was told to stop is ended; it tells its own process first, and gives that a minute."""
LAST_WORDS = 10.0
"""Seconds in which it tries to write down how a job ended, where the disk takes nothing."""
_CHECK = -1
"""The report, among the chunks."""
_NOISE = (
    "openjd_",
    "---",
    "===",
    "Open Job Description",
    "Process pid",
    "Command started",
    "Running command",
    "Phase:",
)


@dataclass
class Running:
    """A task that runs: its chunk, process, log, and the graphics cards that it has."""

    chunk: int
    process: subprocess.Popen[bytes]
    log: Path
    gpus: tuple[str, ...]


class Supervisor:
    """One job of this machine.

    Args:
        folder: of the job.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.place = folder / FOLDER
        self.job: Job = load_job(folder)
        self.target, steps = list_frames(self.job)
        by_output = {step.entry.output: step for step in steps}
        self._steps = [
            [by_output[number] for number in self.job.chunk(index)] for index in range(len(self.job.chunks))
        ]
        self._tasks = {index: TaskView(index, "waiting") for index in range(len(self.job.chunks))}
        self._known: Known = {}
        self._running: list[Running] = []
        self._report: TaskView | None = None
        self._rest: dict[int, float] = {}
        self._told_to_stop = False
        (self.place / "logs").mkdir(exist_ok=True)

    def run(self) -> None:
        """Work until everything is done, or has failed too often, or somebody cancels."""
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, signal.default_int_handler)  # what a shell starts with & ignores it
        adopt_orphans()
        for index, task in self._tasks.items():
            if self.is_made(index):
                self._tasks[index] = replace(task, state="done")
        while True:
            self._run_chunks(deque(index for index in self._tasks if self._is_wanted(index)))
            if self._is_cancelled():
                return self._end()
            self._run_report()
            if self._is_cancelled():
                return self._end()
            for index, task in self._tasks.items():
                if task.state == "done" and not self.is_made(index):  # the report found it broken
                    self._mark(index, "waiting" if self._may_start(index) else "failed")
            if not any(self._is_wanted(index) for index in self._tasks):
                return self._end()

    def is_made(self, chunk: int) -> bool:
        """Is every frame of a chunk there, whole, of this job?"""
        return sort(self.target, self._steps[chunk], self._known).is_complete

    def _run_chunks(self, queue: deque[int]) -> None:
        self._write("running")
        while (queue or self._running) and not self._is_cancelled():
            ready = [index for index in queue if self._rest.get(index, 0.0) <= time.monotonic()]
            if ready and self._has_room():
                queue.remove(ready[0])
                self._start(ready[0])
                continue
            for task in [one for one in self._running if one.process.poll() is not None]:
                if not self._finish(task):
                    queue.append(task.chunk)
            time.sleep(POLL)

    def _run_report(self) -> None:
        self._start(_CHECK)
        while self._running and not self._is_cancelled():
            for task in [one for one in self._running if one.process.poll() is not None]:
                self._running.remove(task)
                self._mark_report("done" if task.process.returncode == 0 else "failed", task.log)
            time.sleep(POLL)

    def _start(self, chunk: int) -> None:
        report = chunk == _CHECK
        number = 1 if report else self._tasks[chunk].attempts + 1
        log = self.place / "logs" / ("report.log" if report else f"chunk-{chunk:04d}.{number}.log")
        taken = {gpu for one in self._running for gpu in one.gpus}
        gpus = () if report else tuple(gpu for gpu in list_gpus() if gpu not in taken)[: self.job.needs.gpus]
        given = {"CUDA_VISIBLE_DEVICES": ",".join(gpus)} if gpus else {}
        with open_log(log) as stream:
            process = subprocess.Popen(
                self._command(chunk),
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                cwd=self.place,
                env={**os.environ, **given},
                start_new_session=True,
                preexec_fn=end_with_parent,
            )
        self._running.append(Running(chunk, process, log, gpus))
        if not report:
            self._tasks[chunk] = replace(self._tasks[chunk], attempts=number)
            self._mark(chunk, "running")

    def _command(self, chunk: int) -> list[str]:
        step = REPORT if chunk == _CHECK else FRAMES
        command = [
            *(sys.executable, "-P", "-c", "import sys; from openjd.cli import main; sys.exit(main())"),
            *("run", str(self.folder / TEMPLATE), "--step", step, "--no-run-dependencies"),
            *("-p", f"file://{self.folder / PARAMETERS}", "-p", f"Retempo={self.place / 'retempo'}"),
        ]
        if step == FRAMES and not self.job.is_movie:
            command += ["--task-param", f"{FRAME}={self.job.part(chunk)}"]
        return command

    def _finish(self, task: Running) -> bool:
        """Take note of a task that has ended; False where it is to be started again."""
        self._running.remove(task)
        end_strays([one.process.pid for one in self._running])
        if self.is_made(task.chunk):
            self._mark(task.chunk, "done")
            return True
        again = self._may_start(task.chunk)
        self._rest[task.chunk] = time.monotonic() + PAUSE * self._tasks[task.chunk].attempts
        told = f"exit code {task.process.returncode}: {last_lines(task.log)}"
        self._mark(task.chunk, "waiting" if again else "failed", told)
        return not again

    def _may_start(self, chunk: int) -> bool:
        return self._tasks[chunk].attempts <= self.job.retries

    def _is_wanted(self, chunk: int) -> bool:
        return self._tasks[chunk].state == "waiting"

    def _has_room(self) -> bool:
        """May another task start? One always may."""
        count, needs = len(self._running), self.job.needs
        if count == 0:
            return True
        workers = int(self.job.options.get("local_workers", 0)) or count_cores() // needs.cores
        if count >= workers or needs.gpus * (count + 1) > len(list_gpus()):
            return False
        growing = sum(max(0, needs.memory - resident(list_tree([one.process.pid]))) for one in self._running)
        return free_memory() - growing >= needs.memory

    def _is_cancelled(self) -> bool:
        return self._told_to_stop or (self.place / CANCEL).exists()

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._told_to_stop = True

    def _end(self) -> None:
        """Stop what runs, and say how it ended."""
        cancelled = self._is_cancelled()
        for task in self._running:
            task.process.terminate()
        ends = time.monotonic() + NOTICE
        for task in self._running:
            try:
                task.process.wait(max(0.0, ends - time.monotonic()))
            except subprocess.TimeoutExpired:
                end_tree(task.process.pid)
                task.process.wait()
        self._running.clear()
        end_strays([one.process.pid for one in self._running])
        if cancelled:
            for index, view in self._tasks.items():
                if view.state in ("running", "waiting"):
                    self._tasks[index] = replace(view, state="done" if self.is_made(index) else "cancelled")
        lacking = any(not self.is_made(index) for index in range(len(self.job.chunks)))
        ends = time.monotonic() + LAST_WORDS
        while not self._write("done" if not lacking else "cancelled" if cancelled else "failed"):
            if time.monotonic() > ends:
                return
            time.sleep(PAUSE)

    def _mark(self, chunk: int, state: State, told: str = "") -> None:
        self._tasks[chunk] = replace(self._tasks[chunk], state=state, told=told)
        self._write("running")

    def _mark_report(self, state: State, log: Path) -> None:
        self._report = TaskView(_CHECK, state, 1, last_lines(log) if state == "failed" else "")

    def _write(self, state: State) -> bool:
        """Write down how far it is; False where the disk does not take it, which does not stop the work."""
        views = [*self._tasks.values(), *([self._report] if self._report else [])]
        told = {"state": state, "tasks": [asdict(one) for one in views], "pid": os.getpid()}
        try:
            write_text(self.place / STATE, json.dumps(told))
        except OutputError as error:
            print(error, file=sys.stderr, flush=True)
            return False
        return True


def open_log(path: Path) -> IO[bytes]:
    """A log to write; where there can be none, the task works without."""
    try:
        return path.open("wb")
    except OSError as error:
        print(f"{path} cannot be written: {error.strerror}", file=sys.stderr, flush=True)
        return open(os.devnull, "wb")


def last_lines(log: Path, count: int = 3) -> str:
    """What a task said last, without what ``openjd run`` says about itself."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    said = [line.partition("\t")[2].strip() for line in lines if "\t" in line]
    return " | ".join([line for line in said if line and not line.startswith(_NOISE)][-count:])


def main(arguments: list[str]) -> int:
    """Supervise the job of a folder; the second argument is the descriptor of its lock, held until the end."""
    folder = Path(arguments[0])
    os.set_inheritable(int(arguments[1]), False)
    try:
        Supervisor(folder).run()
    except Exception as error:
        state = {
            "state": "failed",
            "tasks": [],
            "told": f"the supervisor failed: {type(error).__name__}: {error}",
        }
        write_text(folder / FOLDER / STATE, json.dumps(state))
        raise
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
