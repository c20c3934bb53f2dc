"""What does a task run? One plain command line, which a person could type, too."""

from __future__ import annotations

from pathlib import Path

from retempo.farm.job import Job
from retempo.render.flags import spell_flags

PROGRAM = "retempo"


def task_command(job: Job, part: str, program: str = PROGRAM) -> list[str]:
    """The arguments that make a chunk; run again, it makes what is still missing.

    Args:
        job: of whose settings every flag is.
        part: range of output frames; '' makes the whole job. A movie is always made whole.
        program: name or path of Retempo on the machine that runs it.
    """
    settings = spell_flags(job.render_settings)
    if not job.render_settings.threads:
        settings += ["--threads", str(job.needs.cores)]
    chosen = ["--part", part, "--part-gap", str(job.gap)] if part and not job.is_movie else []
    return [
        *(program, "retime", job.source, "-o", job.output, "--frames", job.frames),
        *(*settings, *chosen, "--resume", "--progress", "openjd"),
    ]


def report_command(folder: Path, program: str = PROGRAM) -> list[str]:
    """The arguments that look at every frame when all tasks are over, and write ``FOLDER/report``."""
    return [program, "status", str(folder), "--verify", "--report"]
