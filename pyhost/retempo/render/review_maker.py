"""What does a review tell of a shot, put together? Looks, pictures, measures, one thing after the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from retempo.io.result import ResultFrames
from retempo.io.sequence import open_source
from retempo.io.source import Source
from retempo.io.stills import write_still
from retempo.render.frame import FrameRenderer
from retempo.render.review_facts import (
    colour_rows,
    error_of,
    footage_rows,
    gap_index,
    look,
    mark_frames,
    settings_rows,
    tell_network,
    tell_states,
    tell_strangers,
    tell_times,
    unheeded,
    version_rows,
)
from retempo.render.review_frames import HEAT, FramePainter
from retempo.render.review_motion import list_gaps, measure_gaps, tell_gap
from retempo.render.review_pictures import Screen
from retempo.render.shot import Progress, ShotReport, steps_of, timed
from retempo.render.steps import Step
from retempo.render.timing import Schedule
from retempo.report.flow_picture import draw_wheel
from retempo.report.heat_map import paint_turbo
from retempo.report.review import MEDIA, Gap, OutputFrame, Review


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


class ReviewMaker:
    """One review in the making, in ``place``."""

    def __init__(
        self,
        source: Source,
        result: ResultFrames,
        against: ResultFrames | None,
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
        header = source.header(source.frames[0])
        self.screen = Screen(renderer.color, header, options.width, options.display, options.view)
        self.seconds = {"look": 0.0, "frames": 0.0, "motion": 0.0}
        self.painter = FramePainter(source, result, against, self.screen, place)
        self._done = 0
        self._total = len(wanted.plan.entries)
        if renderer.estimators:
            self._total += len(list_gaps(wanted.plan, renderer, source.frames))

    def make(self, made: ShotReport | None) -> Review:
        """Look, picture, measure; then tell."""
        plan, settings = self.wanted.plan, self.renderer.settings
        with timed(self.seconds, "look"):
            found = look(settings, self.source, plan)
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
            notes=[
                *tell_states(frames),
                *([] if settings.output_range or self.wanted.whole else tell_strangers(self.result.others())),
                *tell_network(settings, bool(gaps)),
                *unheeded(found, plan),
            ],
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
        self, step: Step, cells: tuple[str, ...], marks: tuple[str, ...], gaps: Mapping[tuple[int, int], Gap]
    ) -> OutputFrame:
        """One output frame: its pictures are written, its file is looked at."""
        shown = self.painter.paint(step)
        self._tell(f"frame {step.entry.output}")
        return OutputFrame(
            output=step.entry.output,
            kind=step.entry.kind,
            cells=cells,
            at=float(step.entry.source_time),
            nearest=shown.nearest,
            before=shown.before,
            after=shown.after,
            difference=shown.difference,
            state=shown.state,
            fault=shown.fault,
            gap=gap_index(step.entry, list(gaps)),
            error=error_of(step.entry, gaps),
            marks=marks,
        )

    def _compared(self) -> str:
        red = f"red is {HEAT:.0%} of full scale"
        if self.options.against:
            return f"The retimed frame against the frame of the same number of {self.options.against}; {red}."
        return (
            "The retimed frame against the source frame beside it, the nearest in time: what moves lights up, what "
            f"stands still should stay dark; {red}."
        )

    def _no_motion(self) -> str:
        settings = self.renderer.settings
        if not self.renderer.estimators or settings.network is not None:
            return f"The engine {settings.engine} makes its frames without motion vectors to show."
        return "No frame lies between two source frames, so no motion was needed."

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
