"""How does a retimed shot become a page to judge it by? Looks at source and result once, frame after frame.

Motion is estimated again, as the render did it, for its pictures and errors; one gap at a time, frames whole. So a
review holds what a render of whole frames holds, whatever the length of the shot.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from retempo.errors import InputError, UsageError
from retempo.io.folder import check_folder, open_folder
from retempo.io.pattern import format_range
from retempo.io.result import ResultFrames
from retempo.io.sequence import open_source
from retempo.io.source import Source
from retempo.io.stills import write_still
from retempo.render.fitting import fit_schedule
from retempo.render.frame import FrameRenderer
from retempo.render.review_facts import (
    colour_rows,
    error_of,
    footage_rows,
    gap_index,
    look,
    mark_frames,
    nearest_source,
    settings_rows,
    state_of,
    tell_states,
    tell_times,
    unheeded,
    version_rows,
)
from retempo.render.review_motion import list_gaps, measure_gaps, tell_gap
from retempo.render.review_pictures import Screen
from retempo.render.shot import Progress, ShotReport, steps_of, timed
from retempo.render.steps import Step
from retempo.render.timing import Schedule
from retempo.report.flow_picture import draw_wheel
from retempo.report.heat_map import paint_error, paint_turbo
from retempo.report.review import BROKEN, MEDIA, MISSING, Gap, OutputFrame, Review
from retempo.report.review_page import build_page

PAGE: Final = "index.html"
HEAT: Final = 0.25
"""Difference that is red, of full scale: the same in all frames, so that they compare."""
KEPT: Final = 8
"""Pictures of source frames held at a time."""


@dataclass(frozen=True)
class ReviewOptions:
    """How a review is made.

    Args:
        width: of its pictures, at most. limit: output frames, at most.
        display, view: of the OCIO config; '' takes its defaults, or for encoded pictures none.
        against: pattern of frames with the result's numbers, with which it is compared in place of the source.
    """

    width: int = 960
    limit: int = 2000
    display: str = ""
    view: str = ""
    against: str = ""


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
    result = ResultFrames(output, outputs)
    if all(result.fault(number) == "missing" for number in outputs):
        near = result.others()
        raise InputError(
            f"{output} holds none of the output frames {format_range(outputs)}",
            f"there are {format_range(near)}: give the retime's own options"
            if near
            else "retime first, or check the name",
        )
    renderer, _ = fit_schedule(renderer, source, wanted)
    with open_folder(folder, overwrite=overwrite, holds=(PAGE, MEDIA)) as place:
        (place / MEDIA).mkdir()
        maker = _Maker(source, result, wanted, renderer, options, place, progress)
        review = maker.make(made)
        text = build_page(review)
        (place / PAGE).write_bytes(text.encode("utf-8", "replace"))
    return review


class _Maker:
    """One review in the making, in ``place``."""

    def __init__(
        self,
        source: Source,
        result: ResultFrames,
        wanted: Schedule,
        renderer: FrameRenderer,
        options: ReviewOptions,
        place: Path,
        progress: Progress | None,
    ) -> None:
        self.source, self.result, self.wanted, self.renderer = source, result, wanted, renderer
        self.options, self.place, self.progress = options, place, progress
        settings = renderer.settings
        self.vectors = open_source(settings.vectors) if settings.vectors else None
        layered = settings.matte and settings.engine == "splatsyn"
        self.mattes = open_source(settings.matte) if layered else None
        self.against = (
            ResultFrames(options.against, [entry.output for entry in wanted.plan.entries])
            if options.against
            else None
        )
        header = source.header(source.frames[0])
        self.screen = Screen(renderer.color, header, options.width, options.display, options.view)
        self.seconds = {"look": 0.0, "frames": 0.0, "motion": 0.0}
        self._pictures: OrderedDict[int, np.ndarray] = OrderedDict()
        self._done = 0
        self._total = len(wanted.plan.entries)
        if renderer.estimators:
            self._total += len(list_gaps(wanted.plan, renderer, source.frames))

    def make(self, made: ShotReport | None) -> Review:
        """Look, picture, measure; then tell."""
        plan, settings = self.wanted.plan, self.renderer.settings
        with timed(self.seconds, "look"):
            found = look(settings, self.source)
            steps = steps_of(self.source, self.result, self.wanted, self.renderer, self.vectors, self.mattes)
        with timed(self.seconds, "motion"):
            gaps = self._gaps()
        with timed(self.seconds, "frames"):
            frames = [
                self._frame(step, cells, marks, gaps)
                for step, cells, marks in zip(steps, plan.table()[1:], mark_frames(plan, found), strict=True)
            ]
        fps = self.wanted.fps or self.source.fps
        return Review(
            title=Path(self.result.pattern).name,
            source=self.source.pattern,
            result=self.result.pattern,
            timing=plan.description,
            fps=float(fps or 24),
            width=self.screen.width,
            height=self.screen.height,
            frames=frames,
            gaps=list(gaps.values()),
            source_range=plan.source_range,
            missing=self.source.missing,
            cuts=found.cuts,
            dissolves=found.dissolves,
            repeats=found.repeats,
            compared=self._compared(),
            shown=self.screen.describe(),
            motion="" if gaps else self._no_motion(),
            heat=HEAT,
            notes=[*tell_states(frames), *self._strangers(), *unheeded(found, plan)],
            settings=settings_rows(settings),
            facts={
                "Footage": footage_rows(self.source, self.result.pattern, plan, fps),
                "Colour": colour_rows(self.renderer, self.screen.describe()),
                "Versions": version_rows(),
            },
            times={**({"Render": made.seconds} if made else {}), "This review": self.seconds},
            timed=tell_times(made),
            legends=self._legends(),
        )

    def _gaps(self) -> dict[tuple[int, int], Gap]:
        """Every pair of source frames with motion between them, in the order of use."""
        plan, renderer = self.wanted.plan, self.renderer
        gaps: dict[tuple[int, int], Gap] = {}
        for pair, frame, motion in measure_gaps(self.source, renderer, plan, (self.vectors, self.mattes)):
            if motion is not None:
                names = [
                    f"{MEDIA}/{kind}.{pair[0]:04d}-{pair[1]:04d}.jpg" for kind in ("flow", "arrows", "trust")
                ]
                gap, pictures = tell_gap(
                    pair, motion, self.screen.source(frame), (names[0], names[1], names[2])
                )
                for name, picture in zip(
                    names, (pictures.flow, pictures.arrows, pictures.trust), strict=True
                ):
                    write_still(self.place / name, picture)
                gaps[pair] = gap
            self._tell(f"motion {pair[0]}-{pair[1]}")
        return gaps

    def _frame(
        self,
        step: Step,
        cells: tuple[str, ...],
        marks: tuple[str, ...],
        gaps: Mapping[tuple[int, int], Gap],
    ) -> OutputFrame:
        """One output frame: its pictures are written, its file is looked at."""
        entry, number = step.entry, step.entry.output
        state, fault = state_of(number, self.result, step.stamp)
        nearest = nearest_source(entry)
        beside = None if nearest is None else self._source_picture(nearest)
        picture = None
        if state not in (MISSING, BROKEN):
            try:
                picture = self.screen.result(self.result.read(number))
            except InputError as error:
                state, fault = BROKEN, error.message
        after = difference = None
        if picture is not None:
            after = f"{MEDIA}/after.{number:04d}.jpg"
            write_still(self.place / after, picture)
            other = self._other(number, beside)
            if other is not None:
                difference = f"{MEDIA}/difference.{number:04d}.jpg"
                write_still(self.place / difference, paint_error(other, picture, largest=HEAT, bar=False))
        self._tell(f"frame {number}")
        return OutputFrame(
            output=number,
            kind=entry.kind,
            cells=cells,
            at=float(entry.source_time),
            nearest=nearest,
            before=None if nearest is None else source_name(nearest),
            after=after,
            difference=difference,
            state=state,
            fault=fault,
            gap=gap_index(entry, list(gaps)),
            error=error_of(entry, gaps),
            marks=marks,
        )

    def _source_picture(self, number: int) -> np.ndarray:
        """The picture of a source frame, written the first time."""
        if number in self._pictures:
            self._pictures.move_to_end(number)
            return self._pictures[number]
        picture = self.screen.source(self.source.read(number))
        if not (self.place / source_name(number)).exists():
            write_still(self.place / source_name(number), picture)
        self._pictures[number] = picture
        while len(self._pictures) > KEPT:
            self._pictures.popitem(last=False)
        return picture

    def _other(self, number: int, beside: np.ndarray | None) -> np.ndarray | None:
        """What a frame is compared with."""
        if self.against is None:
            return beside
        return None if self.against.fault(number) else self.screen.result(self.against.read(number))

    def _compared(self) -> str:
        red = f"red is {HEAT:.0%} of full scale"
        if self.against is not None:
            return f"The retimed frame against frame of the same number of {self.options.against}; {red}."
        return (
            "The retimed frame against the source frame beside it, the nearest in time: what moves lights up, what "
            f"stands still should stay dark; {red}."
        )

    def _no_motion(self) -> str:
        settings = self.renderer.settings
        if not self.renderer.estimators or settings.network is not None:
            return f"The engine {settings.engine} makes its frames without motion vectors to show."
        return "No frame lies between two source frames, so no motion was needed."

    def _strangers(self) -> list[str]:
        others = self.result.others()
        if not others:
            return []
        return [
            f"{len(others)} more frames are there that this retime does not make: {format_range(others)}."
        ]

    def _legends(self) -> dict[str, str]:
        """The colours of errors and of directions."""
        bar = np.broadcast_to(paint_turbo(np.linspace(0.0, 1.0, 256))[None], (8, 256, 3))
        pictures = {"heat": np.ascontiguousarray(bar), "wheel": draw_wheel(96)}
        names = {name: f"{MEDIA}/{name}.png" for name in pictures}
        for name, picture in pictures.items():
            write_still(self.place / names[name], picture)
        return names

    def _tell(self, what: str) -> None:
        self._done += 1
        if self.progress is not None:
            self.progress(self._done, self._total, what)


def source_name(number: int) -> str:
    """The picture of a source frame."""
    return f"{MEDIA}/before.{number:04d}.jpg"
