"""How does a command line become a job? The shot is looked at once, and everything automatic is settled.

Tasks start later, elsewhere, in any order: none of them may choose, look or resolve a path by itself.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from retempo.errors import UsageError
from retempo.farm.backends import find_backend
from retempo.farm.chunks import default_size, make_chunks
from retempo.farm.job import Job, Needs, write_bytes
from retempo.farm.report import REVIEW
from retempo.farm.shot import Shot, open_shot, plan_shot
from retempo.io.formats import is_movie
from retempo.io.pattern import format_range
from retempo.io.sequence import open_source
from retempo.io.writer import write_frame
from retempo.render.declaring import absolute
from retempo.render.fitting import peak_bytes
from retempo.render.job import OpenJob, colour_warning
from retempo.render.overlay import NONE
from retempo.render.quality import choose_settings
from retempo.render.review import ReviewOptions, check_review
from retempo.render.settings import AUTO, RetimeSettings
from retempo.render.timing import split_clip

OVERLAY = "overlay.exr"
"""Beside the job: what ``--overlay auto`` found."""
PROGRAM_BYTES = 256 << 20
"""What a task holds beside its frames (measured: 130 MiB on a processor)."""
NETWORK_BYTES = 2 << 30
"""What a trained network is given beyond that; it takes more for larger frames, so --memory-per-task says better."""


@dataclass(frozen=True)
class Order:
    """What the user of ``retempo submit`` wants, beside the settings of the retime.

    Args:
        source, output, frames: as ``retempo retime`` takes them.
        folder: of the job.
        name: '' takes the output's.
        chunk: outputs of a task at most; 0 chooses.
        cores: of a task; 0 leaves it to the backend. memory: of a task, bytes; 0 takes an estimate. gpus: of a task.
        retries, backend, options: see ``Job``.
        overwrite, resume: may results exist already?
        review: is a page wanted when all is made?
    """

    source: str
    output: str
    frames: str | None
    folder: Path
    name: str = ""
    chunk: int = 0
    cores: int = 0
    memory: int = 0
    gpus: int = 0
    retries: int = 2
    backend: str = "export"
    options: Mapping[str, Any] | None = None
    overwrite: bool = False
    resume: bool = False
    review: bool = False


@dataclass(frozen=True)
class Submission:
    """A job that could be handed out.

    Args:
        job: complete. shot: as it was looked at. reasons: what was chosen, and why.
        warning: about the colour space; '' where there is none.
    """

    job: Job
    shot: Shot
    reasons: tuple[str, ...]
    warning: str

    def write_companions(self, folder: Path) -> None:
        """Write what tasks read beside the job: the timing as it is now, and the overlay that was found.

        Raises:
            OutputError: the folder cannot be written to.
        """
        for name, original in list_timing_files(self.shot.settings).items():
            write_bytes(folder / copy_of(name, original), original.read_bytes())
        if self.shot.overlay is not None and self.job.render_settings.found_overlay not in ("", NONE):
            display = self.shot.source.header(self.shot.source.frames[0]).display
            folder.mkdir(parents=True, exist_ok=True)
            write_frame(Path(self.job.render_settings.found_overlay), self.shot.overlay.picture(display))


def prepare_job(order: Order, values: Mapping[str, Any], program: str) -> Submission:
    """Plan a job, and refuse it where ``retempo retime`` would; nothing is written.

    Args:
        order: what is wanted.
        values: settings that were given, as for ``choose_settings``.
        program: version of Retempo.

    Raises:
        RetempoError: as ``retempo retime`` does.
    """
    choice = choose_settings(values)
    source = open_source(_in_full(order.source), order.frames)
    shot = plan_shot(choice.settings, source)
    output = _in_full(order.output)
    opened = open_shot(shot, output, overwrite=order.overwrite, resume=order.resume)
    opened.list_steps()  # is the memory budget enough for anything?
    outputs = [entry.output for entry in shot.wanted.plan.entries]
    if order.chunk < 0:
        raise UsageError(f"--chunk is {order.chunk}", "give how many frames a task makes, or 0")
    if order.review:
        check_review(order.folder / REVIEW, outputs, ReviewOptions(), overwrite=True)
    size = max(1, min(len(outputs), order.chunk or default_size(len(outputs))))
    chunks = [tuple(outputs)] if is_movie(output) else make_chunks(shot.wanted.plan.entries, size)
    memory = order.memory or estimate_memory(opened)
    cores = order.cores or find_backend(order.backend).default_cores(len(chunks), memory)
    job = _make(
        program=program,
        name=order.name or _name_of(output),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        source=_in_full(order.source),
        output=output,
        frames=format_range(source.frames),
        settings=pin(shot, order.folder),
        environment={} if shot.settings.config else {"OCIO": _in_full(os.environ.get("OCIO", ""))},
        outputs=format_range(outputs),
        chunks=tuple(map(format_range, chunks)),
        gap=size,
        needs=Needs(cores=cores, memory=memory, gpus=order.gpus),
        retries=order.retries,
        review=order.review,
        backend=order.backend,
        options=dict(order.options or {}),
    )
    warning = colour_warning(shot.settings, source, opened.renderer.color)
    return Submission(job, shot, choice.reasons, warning)


def estimate_memory(opened: OpenJob) -> int:
    """Bytes that a task takes: the program, PyTorch where a trained network runs, and the frames that it holds."""
    renderer = opened.renderer
    trained = renderer.network is not None or any(
        key in renderer.settings.flow for key in ("weights=", "grown=")
    )
    return (
        PROGRAM_BYTES + (NETWORK_BYTES if trained else 0) + peak_bytes(renderer, opened.source, opened.wanted)
    )


def list_timing_files(settings: RetimeSettings) -> dict[str, Path]:
    """Files that decide the timing, by setting. None of them is in a frame's stamp, so copies may stand for them."""
    named = {"speed_curve": settings.speed_curve, "frame_curve": settings.frame_curve}
    if settings.otio:
        named["otio"] = split_clip(settings.otio)[0]
    return {name: Path(path).expanduser() for name, path in named.items() if path}


def copy_of(name: str, original: Path) -> str:
    """The name of its copy in a job's folder."""
    return f"{name}{original.suffix}"


def pin(shot: Shot, folder: Path) -> dict[str, Any]:
    """The settings that are not default, JSON-ready; paths in full, what was found in place of ``auto``."""
    settings = shot.settings
    if settings.overlay == AUTO:
        found = NONE if shot.overlay is None else str(folder / OVERLAY)
        settings = replace(settings, found_overlay=found)
    copies: dict[str, Any] = {}
    for name, original in list_timing_files(settings).items():
        clip = split_clip(settings.otio)[1] if name == "otio" else None
        copies[name] = str(folder / copy_of(name, original)) + (f":{clip}" if clip else "")
    settings = replace(settings, **copies)
    chosen = {one.name: absolute(one, getattr(settings, one.name)) for one in fields(settings)}
    default = RetimeSettings()
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in chosen.items()
        if value != getattr(default, name) and name != "quality"
    }


def _make(**values: Any) -> Job:
    """A job; UsageError where a flag went into it that fits no job."""
    try:
        return Job(**values)
    except ValidationError as error:
        first = error.errors()[0]
        flag = {"needs": "memory-per-task"}.get(str(first["loc"][0]), str(first["loc"][-1]))
        raise UsageError(f"--{flag} is {first['input']!r}", first["msg"]) from error


def _in_full(path: str) -> str:
    return path if not path or "://" in path else str(Path(path).expanduser().absolute())


def _name_of(output: str) -> str:
    stem = re.sub(r"[#@]+|%0?\d*d|\$F\d*", "", Path(output).name)
    return re.sub(r"[^A-Za-z0-9]+", "-", Path(stem).stem).strip("-.") or "retime"
