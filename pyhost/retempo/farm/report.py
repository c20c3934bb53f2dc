"""What is left behind when a job is over? ``report/``: a list of every frame, and pictures of some.

``report.json`` is for programs, ``sheet.png`` for eyes. The page of a review searches all motion again, on one
machine, so only jobs that ask for it get one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from retempo.farm.job import Job, write_text
from retempo.farm.shot import variables
from retempo.farm.standing import Standing
from retempo.io.frame import Frame, make_layer
from retempo.io.pattern import format_range, parse
from retempo.io.sequence import open_source
from retempo.io.writer import write_frame
from retempo.render.job import open_color
from retempo.render.review import PAGE, ReviewOptions, review_shot
from retempo.render.shot import Progress
from retempo.report.contact_sheet import make_sheet
from retempo.report.picture import as_picture
from retempo.report.review import Review

FOLDER = "report"
REVIEW = f"{FOLDER}/review"
_PICTURES = 24


def write_report(job: Job, folder: Path, standing: Standing, broken: Mapping[int, str]) -> list[Path]:
    """Write ``FOLDER/report``; returns its files.

    Args:
        job: that is over. folder: its folder. standing: what is done. broken: frames that were removed, and why.

    Raises:
        OutputError: the folder cannot be written to.
    """
    report = folder / FOLDER
    facts = {
        "job": job.name,
        "complete": standing.is_complete,
        "output": job.output,
        "source": job.source,
        "frames": standing.total,
        "done": format_range(standing.done),
        "missing": format_range(standing.missing),
        "otherwise": format_range(standing.otherwise),
        "removed": {str(number): reason for number, reason in broken.items()},
        "program": job.program,
        "settings": job.settings,
        "chunks": list(job.chunks),
    }
    written = [write_text(report / "report.json", json.dumps(facts, indent=2) + "\n")]
    written += write_sheet(job, standing, report)
    if job.review and standing.done:
        write_review(job, folder / REVIEW, overwrite=True)
        written.append(folder / REVIEW / PAGE)
    return written


def write_review(
    job: Job,
    place: Path,
    options: ReviewOptions | None = None,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Review:
    """A page to judge a job's result by, in the folder ``place``; arguments and errors as of ``review_shot``."""
    with variables(job.environment):
        settings = replace(job.render_settings, device="cpu")
        source = open_source(job.source, job.frames)
        return review_shot(
            settings, source, job.output, place, options, overwrite=overwrite, progress=progress
        )


def write_sheet(job: Job, standing: Standing, report: Path) -> list[Path]:
    """A sheet of frames from the whole length of the result, as a display shows them."""
    if not standing.done:
        return []
    if job.is_movie:
        made = open_source(job.output)
        numbers = dict(zip(job.numbers, made.frames, strict=False))
    else:
        made = open_source(str(parse(job.output)), format_range(standing.done))
        numbers = {number: number for number in standing.done}
    shown = list(numbers)[:: max(1, -(-len(numbers) // _PICTURES))]
    pictures = []
    with variables(job.environment):
        color = open_color(job.render_settings, made)
        for number in shown:
            frame = made.read(numbers[number])
            layer = frame.main()
            columns = list(layer.color_indices()[:3])
            pixels = layer.pixels[..., columns] if columns else layer.pixels[..., [0, 0, 0]]
            pictures.append(as_picture(color.to_display(color.to_working(np.ascontiguousarray(pixels)))))
    path = report / "sheet.png"
    sheet = make_sheet(pictures, [str(number) for number in shown], title=job.name)
    layer = make_layer(sheet.astype(np.float32) / 255, ["R", "G", "B"], formats="uint8")
    write_frame(path, Frame([layer], layer.window, path, "png"))
    return [path]


def read_report(folder: Path) -> dict[str, Any] | None:
    """The facts of an earlier report; None where there is none."""
    try:
        read: dict[str, Any] = json.loads((folder / FOLDER / "report.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return read
