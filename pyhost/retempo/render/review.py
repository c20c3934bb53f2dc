"""How does a retimed shot become a page to judge it by? Looks at source and result once, frame after frame.

Motion is estimated again, as the render did it, for its pictures and errors; one gap at a time, frames whole. So a
review holds what a render of whole frames holds, whatever the length of the shot.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from retempo.errors import InputError, UsageError
from retempo.io.folder import check_folder, open_folder
from retempo.io.pattern import format_range, parse_range
from retempo.io.result import ResultFrames
from retempo.io.source import Source
from retempo.render.fitting import fit_schedule
from retempo.render.frame import FrameRenderer
from retempo.render.job import open_renderer
from retempo.render.review_maker import ReviewMaker, ReviewOptions
from retempo.render.settings import RetimeSettings
from retempo.render.shot import Progress, ShotReport
from retempo.render.survey import survey
from retempo.render.timing import Schedule, schedule
from retempo.report.review import MEDIA, Review
from retempo.report.review_page import build_page

PAGE: Final = "index.html"


def check_review(folder: Path, outputs: Sequence[int], options: ReviewOptions, overwrite: bool) -> None:
    """See before any work that a review can be made.

    Raises:
        UsageError: too many frames, or a width that is none. OutputError: see ``io.folder.check_folder``.
    """
    if not 64 <= options.width <= 4096:
        raise UsageError(f"--width is {options.width}", "give 64 to 4096 pixels")
    if len(outputs) > options.limit:
        raise UsageError(
            f"{len(outputs)} output frames are more than the {options.limit} of a review",
            f"review a part, `retempo review --output-range {outputs[0]}-{outputs[options.limit - 1]}`, or raise "
            "--limit there",
        )
    check_folder(folder, overwrite, (PAGE, MEDIA))


def review_shot(
    settings: RetimeSettings,
    source: Source,
    output: str,
    folder: Path,
    options: ReviewOptions | None = None,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Review:
    """A review of what settings once made of a source: plans again, then ``make_review``.

    Raises:
        UsageError, InputError, TimingError, OutputError: as the retime, and as ``make_review``.
    """
    found = survey(settings, source, open_renderer)
    outputs = parse_range(found.settings.output_range) if found.settings.output_range else None
    wanted = schedule(
        found.settings, source.frames, source.fps, outputs, lambda number: source.path(number).name
    )
    options = options or ReviewOptions()
    check_review(folder, [entry.output for entry in wanted.plan.entries], options, overwrite)
    renderer = open_renderer(found.settings, source, output, found.overlay)
    return make_review(
        source, output, wanted, renderer, folder, options, overwrite=overwrite, progress=progress
    )


def make_review(
    source: Source,
    output: str,
    wanted: Schedule,
    renderer: FrameRenderer,
    folder: Path,
    options: ReviewOptions | None = None,
    *,
    overwrite: bool = False,
    made: ShotReport | None = None,
    progress: Progress | None = None,
) -> Review:
    """Write ``folder/index.html`` and its pictures.

    Args:
        source: of the retime. output: pattern of its result, or a movie. wanted: its schedule.
        renderer: as ``render.job.open_renderer`` opened it for the render.
        overwrite: replace a review that is there.
        made: what the render took, if it has just been done.

    Raises:
        InputError: there is no frame of the result, or a source frame cannot be read.
        UsageError, OutputError: see ``check_review``.
    """
    options = options or ReviewOptions()
    outputs = [entry.output for entry in wanted.plan.entries]
    check_review(folder, outputs, options, overwrite)
    result = find_result(output, outputs)
    against = find_result(options.against, outputs) if options.against else None
    renderer, _ = fit_schedule(renderer, source, wanted)
    with open_folder(folder, overwrite=overwrite, holds=(PAGE, MEDIA)) as place:
        (place / MEDIA).mkdir()
        maker = ReviewMaker(source, result, against, wanted, renderer, options, place, progress)
        review = maker.make(made)
        text = build_page(review)
        (place / PAGE).write_bytes(text.encode("utf-8", "replace"))
    return review


def find_result(pattern: str, outputs: Sequence[int]) -> ResultFrames:
    """The result frames of a pattern, or a movie, some of which are there.

    Raises:
        InputError: none is.
    """
    result = ResultFrames(pattern, outputs)
    if any(result.fault(number) != "missing" for number in outputs):
        return result
    near = result.others()
    raise InputError(
        f"{pattern} holds none of the output frames {format_range(outputs)}",
        f"there are {format_range(near)}: give the retime's own options"
        if near
        else "retime first, or check the name",
    )
