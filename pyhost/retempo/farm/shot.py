"""Which shot does a job mean? Opens its source, plan and colour again, as every task does."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

from retempo.farm.job import Job
from retempo.io.sequence import open_source
from retempo.io.source import Source
from retempo.io.target import Target
from retempo.render.frame import FrameRenderer
from retempo.render.job import OpenJob, open_job, open_renderer
from retempo.render.overlay import Overlay
from retempo.render.settings import RetimeSettings
from retempo.render.steps import Step
from retempo.render.survey import survey
from retempo.render.timing import Schedule, schedule


@dataclass(frozen=True)
class Shot:
    """A shot with its plan.

    Args:
        source: of the frames. settings: nothing automatic is left. wanted: the plan. overlay: what must not move.
    """

    source: Source
    settings: RetimeSettings
    wanted: Schedule
    overlay: Overlay | None


def plan_shot(settings: RetimeSettings, source: Source) -> Shot:
    """Look at the source where the settings ask for it, then plan.

    Raises:
        UsageError, InputError, TimingError: as ``retempo retime`` does.
    """
    from retempo.io.pattern import parse_range

    found = survey(settings, source, open_renderer)
    settings = found.settings
    outputs = parse_range(settings.output_range) if settings.output_range else None
    wanted = schedule(settings, source.frames, source.fps, outputs, lambda number: source.path(number).name)
    return Shot(source, settings, wanted, found.overlay)


def open_shot(shot: Shot, output: str, *, overwrite: bool = False, resume: bool = False) -> OpenJob:
    """Open and check all that is read and written; refuses what ``retempo retime`` refuses.

    The device is the processor: what is asked here are stamps and files, and the machine that asks may have no GPU.
    """
    renderer: FrameRenderer = open_renderer(
        replace(shot.settings, device="cpu"), shot.source, output, shot.overlay
    )
    return open_job(shot.source, output, shot.wanted, renderer, overwrite=overwrite, resume=resume)


def list_frames(job: Job) -> tuple[Target, list[Step]]:
    """Where the frames of a job go, and every one of them with its stamp.

    Raises:
        InputError, OutputError, ...: the source or what belongs to it is not there any more.
    """
    with variables(job.environment):
        shot = plan_shot(job.render_settings, open_source(job.source, job.frames))
        opened = open_shot(shot, job.output, resume=True)
        return opened.target, opened.list_steps()


@contextmanager
def variables(values: Mapping[str, str]) -> Iterator[None]:
    """Have these environment variables for a while."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
