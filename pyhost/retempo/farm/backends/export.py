"""How does a job get to a scheduler that Retempo does not talk to? As a bundle of files, which it leaves there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from retempo.farm.backends import Handle, View

if TYPE_CHECKING:
    from retempo.farm.job import Job


@dataclass(frozen=True)
class ExportOptions:
    """None: the files are the same for every scheduler."""


class ExportBackend:
    """Writes nothing beyond the bundle that every job's folder holds."""

    name = "export"
    title = "leave the OpenJD bundle and the OpenCue outline to be handed in by hand"
    options = ExportOptions

    def default_cores(self, chunks: int, memory: int) -> int:
        return 1

    def check(self, job: Job) -> None:
        """Anything that has a template can be exported."""

    def submit(self, job: Job, folder: Path) -> Handle:
        return {}

    def poll(self, job: Job, folder: Path, handle: Handle) -> View:
        return View(None, told="exported: ask the scheduler that took it")

    def cancel(self, job: Job, folder: Path, handle: Handle) -> None:
        """Whoever took the bundle has to be asked."""


BACKEND = ExportBackend()
