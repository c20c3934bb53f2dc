"""How far is a job, and is anybody still working on it? What the files say, and what the scheduler says, together.

The files are right where the two disagree.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from retempo.errors import RetempoError
from retempo.farm.backends import TaskView, View, find_backend, load_handle
from retempo.farm.job import Job
from retempo.farm.standing import Standing
from retempo.io.pattern import format_range

JobState = Literal["complete", "reporting", "waiting", "running", "failed", "cancelled", "lost", "incomplete"]
"""``incomplete``: frames lack, and no scheduler is known to make them (an exported bundle, a lost ``backend.json``).
``reporting``: every frame is done, and the last step looks at them."""


@dataclass(frozen=True)
class JobView:
    """A job as ``retempo status`` shows it.

    Args:
        job: what was asked for. standing: what is done. view: what the scheduler says; None where there is none.
    """

    job: Job
    standing: Standing
    view: View | None

    @property
    def state(self) -> JobState:
        """The whole in a word."""
        told = self.view.state if self.view else None
        if self.standing.is_complete:
            return "reporting" if told in ("waiting", "running") else "complete"
        if told == "done":
            return "failed"  # everything ran, and frames lack
        return told or "incomplete"

    @property
    def is_over(self) -> bool:
        """Is nothing to be expected of waiting?"""
        return self.state not in ("waiting", "running", "reporting")

    @property
    def told(self) -> str:
        """What the scheduler adds in words."""
        told = self.view.told if self.view else ""
        return f"every frame is there; of the report: {told}" if told and self.state == "complete" else told

    def list_chunks(self) -> list[dict[str, Any]]:
        """Every chunk: ``chunk``, ``outputs``, ``done`` (frames), ``state``, ``attempts``, ``told``."""
        tasks = {one.chunk: one for one in self.view.tasks} if self.view else {}
        done = set(self.standing.done)
        listed = []
        for index, outputs in enumerate(self.job.chunks):
            numbers = self.job.chunk(index)
            made = len(done.intersection(numbers))
            task = tasks.get(index, TaskView(index, "waiting"))
            state = "done" if made == len(numbers) else "failed" if task.state == "done" else task.state
            listed.append(asdict(task) | {"outputs": outputs, "done": made, "state": state})
        return listed

    def as_dict(self, now: datetime | None = None) -> dict[str, Any]:
        """JSON-ready facts."""
        now = now or datetime.now(UTC)
        ended = max(self.standing.times, default=0.0) if self.is_over else now.timestamp()
        rate = self.standing.rate(datetime.fromisoformat(self.job.created).timestamp(), ended)
        left = self.standing.total - len(self.standing.done)
        ends = now + timedelta(seconds=left / rate) if rate and left and not self.is_over else None
        return {
            "job": self.job.name,
            "state": self.state,
            "output": self.job.output,
            "backend": self.job.backend,
            "frames": self.standing.total,
            "done": len(self.standing.done),
            "missing": format_range(self.standing.missing),
            "otherwise": format_range(self.standing.otherwise),
            "frames_per_second": rate and round(rate, 3),
            "expected_end": ends and ends.isoformat(timespec="seconds"),
            "told": self.told,
            "chunks": self.list_chunks(),
        }

    def counts(self) -> dict[str, int]:
        """How many chunks are in which state."""
        return dict(Counter(one["state"] for one in self.list_chunks()))


def ask(job: Job, folder: Path) -> View | None:
    """What the scheduler says; None where nothing is known of one."""
    try:
        handle = load_handle(folder, job.backend)
        return None if handle is None else find_backend(job.backend).poll(job, folder, handle)
    except RetempoError as error:
        return View(None, told=str(error))
