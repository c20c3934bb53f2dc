"""How does Dask run a job? A future for each chunk, each of them the command of a task in a process of its own.

At an address the futures are published, and outlive the client that submitted them; without one a cluster of this
machine is started, which outlives the terminal. ``DIR/dask/`` holds what attempts write down, and their logs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from retempo.errors import JobError, OutputError, UsageError
from retempo.farm.attempt import Records
from retempo.farm.backends import Handle, State, TaskView, View
from retempo.render.declaring import check_value, setting

if TYPE_CHECKING:
    from retempo.farm.job import Job

GROUP = "dask"
FOLDER = "dask"
SUBMISSION = "submission.json"
_WAITING = ("released", "waiting", "no-worker", "queued", "processing")


@dataclass(frozen=True)
class DaskOptions:
    """What ``retempo submit --backend dask`` can be told."""

    dask_address: str = setting(
        "", "scheduler, e.g. tcp://farm:8786; default: a cluster of this machine, of its own", group=GROUP
    )
    dask_workers: int = setting(
        0, "processes of that cluster (0: as many as processors and free memory allow)", group=GROUP, kind=int, low=0
    )  # fmt: skip
    dask_tls: bool = setting(
        False, "talk encrypted only, with the certificates of distributed's configuration", group=GROUP, kind=bool
    )  # fmt: skip
    dask_python: str = setting(
        "", "Python on the workers' machines that has Retempo; default: the one that submits", group=GROUP
    )

    def __post_init__(self) -> None:
        for one in fields(self):
            check_value(one, getattr(self, one.name))
        if self.dask_address and not re.fullmatch(r"(tcp|tls|ws|wss|ucx)://[^\s/]+", self.dask_address):
            raise UsageError(
                f"--dask-address is {self.dask_address!r}",
                "give it as the scheduler prints it: tcp://HOST:PORT",
            )
        if self.dask_tls and not self.dask_address.startswith(("tls://", "wss://")):
            raise UsageError("--dask-tls needs an encrypted --dask-address", "give tls://HOST:PORT")


@dataclass(frozen=True)
class Submission:
    """What was handed out last.

    Args:
        number: counts submissions of the job. chunks: those that were handed out.
    """

    number: int
    chunks: tuple[int, ...]

    def name_tasks(self, job: Job, folder: Path) -> dict[int, str]:
        """Keys of the futures."""
        from retempo.farm.dask_client import name_tasks

        return name_tasks(job, folder, self.number, self.chunks)

    def options(self, job: Job) -> DaskOptions:
        """The job's options, checked."""
        return DaskOptions(**job.options)


class DaskBackend:
    """Dask's distributed scheduler, somewhere or here."""

    name = "dask"
    title = "a cluster of Dask, at an address or on this machine"
    options = DaskOptions

    def default_cores(self, chunks: int, memory: int) -> int:
        return 1  # a worker's thread runs a task; how many it has, Dask knows

    def check(self, job: Job) -> None:
        """Is distributed installed, and does somebody answer at the address?"""
        from importlib.util import find_spec

        options = DaskOptions(**job.options)
        if find_spec("distributed") is None:
            raise UsageError(
                "distributed is not installed, which Dask needs", "run pip install 'retempo[farm]'"
            )
        if not options.dask_address:
            if job.needs.gpus:
                raise UsageError(
                    "a Dask cluster of this machine hands out no graphics cards",
                    "give --backend local, or a --dask-address whose workers have --resources GPU=1",
                )
            return
        from retempo.farm.dask_client import connected

        with connected(options.dask_address, options.dask_tls):
            pass

    def submit(self, job: Job, folder: Path) -> Handle:
        """Hand out the chunks that lack frames.

        Raises:
            OutputError: they are handed out already. JobError: no scheduler answers.
        """
        from retempo.farm.dask_client import connected, hand_out
        from retempo.farm.dask_cluster import lock, start_cluster
        from retempo.farm.job import write_text
        from retempo.farm.standing import unfinished

        options = DaskOptions(**job.options)
        before = load_submission(folder)
        if before is not None and self.poll(job, folder, {}).state in ("waiting", "running"):
            raise OutputError(f"the job in {folder} is running", f"look at it: retempo status {folder}")
        made = Submission(before.number + 1 if before else 1, tuple(unfinished(job)))
        records = Records(folder / FOLDER)
        with lock(folder) as held:
            records.make()
            told = json.dumps({"number": made.number, "chunks": made.chunks})
            if not options.dask_address:
                write_text(records.folder / SUBMISSION, told)
                return {"address": "", "pid": start_cluster(folder, held)}
            with connected(options.dask_address, options.dask_tls) as client:
                hand_out(client, job, folder, made.name_tasks(job, folder), options)
                write_text(records.folder / SUBMISSION, told)
        return {"address": options.dask_address}

    def poll(self, job: Job, folder: Path, handle: Handle) -> View:
        """What the scheduler says of the futures, and the attempts of themselves."""
        from retempo.farm.dask_client import REPORT, ask_states, connected
        from retempo.farm.dask_cluster import is_alive, read_address

        options, submission = DaskOptions(**job.options), load_submission(folder)
        if submission is None:
            return View("lost", told="nothing is known of a submission; go on with retempo submit --resume")
        keys = submission.name_tasks(job, folder)
        records = Records(folder / FOLDER)
        here = not options.dask_address
        alive = here and is_alive(folder)
        address = read_address(folder) if here else options.dask_address
        states: dict[int, str | None] = dict.fromkeys(keys, "waiting" if alive else None)
        told = ""
        if alive or not here:
            try:
                if address:
                    with connected(address, options.dask_tls) as client:
                        states = ask_states(client, keys)
            except JobError as error:
                if not here:
                    tasks = tuple(see(records, chunk, "waiting", job.retries) for chunk in keys)
                    return View(None, tasks, f"{error}; of tasks this is what they wrote down")
        tasks = tuple(see(records, chunk, state, job.retries) for chunk, state in states.items())
        state = summarise({one.chunk: one for one in tasks}, REPORT)
        if state == "lost":
            told = f"its Dask cluster is gone; go on: retempo submit --job-dir {folder} --resume"
        return View(state, tasks, told)

    def cancel(self, job: Job, folder: Path, handle: Handle) -> None:
        """Have all attempts end with whole frames, and the scheduler forget the job where it answers."""
        from retempo.farm.dask_client import connected, withdraw

        options, submission = DaskOptions(**job.options), load_submission(folder)
        if submission is None:
            return
        Records(folder / FOLDER).cancelled.touch()
        if options.dask_address:
            with connected(options.dask_address, options.dask_tls) as client:
                withdraw(client, submission.name_tasks(job, folder))


BACKEND = DaskBackend()


def load_submission(folder: Path) -> Submission | None:
    """What was handed out last; None where nothing was, or it cannot be read."""
    try:
        read = json.loads((folder / FOLDER / SUBMISSION).read_text(encoding="utf-8"))
        return Submission(int(read["number"]), tuple(int(one) for one in read["chunks"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def see(records: Records, chunk: int, told: str | None, retries: int) -> TaskView:
    """Where a task stands.

    Args:
        told: what the scheduler says of its future; None where there is none (any more).
    """
    history = records.history(chunk)
    said = records.last_lines(chunk)
    state: State
    if history.code == 0:
        state, said = "done", ""
    elif history.code is not None and (history.is_settled or history.failures > retries or chunk < 0):
        state = "failed"
    elif told == "erred":
        state, said = (
            "failed",
            "\n".join(filter(None, ("every worker that had it died, or it could not start", said))),
        )
    elif records.cancelled.exists():
        state = "running" if history.open and told in _WAITING else "cancelled"
    elif told in _WAITING:
        state = "running" if history.starts else "waiting"
    else:
        state = "lost"
    return TaskView(chunk, state, history.starts, said)


def summarise(tasks: Mapping[int, TaskView], report: int) -> State:
    """Where the whole job stands; it is over when its report is."""
    states = {one.state for one in tasks.values()}
    if "running" in states or ("waiting" in states and len(states) > 1):
        return "running"
    order: tuple[State, ...] = ("waiting", "cancelled", "failed", "lost")
    return next((one for one in order if one in states), "done")
