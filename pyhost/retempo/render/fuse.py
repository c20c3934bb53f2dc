"""How is a shot fused with a plate, from files to files? Reads ahead, fuses, writes behind, resumes.

The picture of each view of the source is replaced; its alpha, other layers, data channels and ids pass as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np

from retempo.conventions import SETTINGS_KEY
from retempo.errors import InputError
from retempo.fusion.clip import ClipFusion, Fused
from retempo.fusion.mixing import Solver
from retempo.fusion.options import FusionOptions
from retempo.io.formats import check_compression, is_movie
from retempo.io.frame import Frame, Window, check_same_layout, make_layer
from retempo.io.metadata import retimed, timecode_of
from retempo.io.source import Source
from retempo.io.target import Target, open_target
from retempo.render.canvas import group_views, select
from retempo.render.device import find_solver_device
from retempo.render.fuse_settings import FuseSettings
from retempo.render.job import open_color, refuse_existing, refuse_loss
from retempo.render.plates import Matte, Plate, colour_of, to_light
from retempo.render.queues import FrameQueue, FrameReader
from retempo.render.resume import PICTURE_VERSION, Witness, check_way, colour_identity, combine_stamps
from retempo.render.shot import Progress, primaries, timed
from retempo.retime.rational import parse_rate

FUSION_VERSION = 1
"""Raised whenever a change of the code changes pixels of a fusion."""


@dataclass
class FuseReport:
    """What a fusion took.

    Args:
        method: the algorithm that was used.
        written: frames made now; ``skipped``: found whole and made with the same settings.
        repaired: source frames with NaN or infinite colour, and how many pixels of each were replaced.
        seconds: wall time spent waiting for input, fusing (solving within that) and waiting for output.
    """

    method: str
    written: list[int] = field(default_factory=list)
    skipped: list[int] = field(default_factory=list)
    repaired: dict[int, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(
        default_factory=lambda: {"read": 0.0, "fuse": 0.0, "solve": 0.0, "write": 0.0}
    )

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        times = {name: round(value, 3) for name, value in self.seconds.items()}
        return {**vars(self), "seconds": times}


class FuseJob:
    """A source, its plates and the settings, with colour decided.

    Args:
        settings: all parameters.
        source: the frames to enhance.
        background: the good plate of the same view.
        reference: the source's view without the action.
        matte: what importance is multiplied by.
        output: where the result goes; its kind of file helps to choose the output space.

    Raises:
        UsageError: method and reference do not fit; ColorError: a space does not exist; DeviceError.
        InputError: sizes differ, or a picture is missing.
    """

    def __init__(
        self,
        settings: FuseSettings,
        source: Source,
        background: Source,
        reference: Source | None = None,
        matte: Source | None = None,
        output: str = "",
    ) -> None:
        self.settings, self.source, self.output = settings, source, output
        self.options = settings.options(len(source.frames), reference is not None)
        self.device = find_solver_device(settings.device)
        self.color = open_color(settings, source, output)
        self.template = source.header(source.frames[0])
        self.held = [("background", background), ("reference", reference), ("matte", matte)]
        self.background = self._plate(background, "background")
        self.reference = None if reference is None else self._plate(reference, "reference")
        self.matte = None if matte is None else Matte(matte)

    def needs(self, number: int) -> tuple[int, ...]:
        """Numbers of the source frames that decide one of the result."""
        before, after = self.options.reach
        here = self.source.frames.index(number)
        return self.source.frames[max(0, here - before) : here + after + 1]

    def check(self) -> None:
        """See before any work that all pictures are there and of one size.

        Raises:
            InputError: naming what is missing or differs.
        """
        frames = self.source.frames
        for plate in (self.background, self.reference):
            if plate is not None:
                plate.check(frames, self.template)
        if self.matte is not None:
            self.matte.check(frames)
        for view in group_views(self.template):
            colour_of(self.template, view)

    def stamp(self, number: int) -> str:
        """Hash of all that decides a frame's pixels."""
        needed = self.needs(number)
        parts = [f"fuse {PICTURE_VERSION} {FUSION_VERSION}", self.settings.fingerprint(), str(self.options)]
        parts += [colour_identity(self.color.describe())]
        parts += [self.source.digest(one) for one in needed]
        for plate in (self.background, self.reference):
            if plate is not None:
                parts += [colour_identity(plate.color.describe()), *(plate.digest(one) for one in needed)]
        if self.matte is not None:
            parts.append(self.matte.digest(number))
        return combine_stamps(parts)

    def attributes(self, stamps: dict[int, str]) -> dict[int, dict[str, Any]]:
        """The metadata of each frame: the source's own, and its stamp."""
        frames, rate = self.source.frames, self.rate
        timecode = timecode_of(self.template)
        shared: dict[str, Any] = {} if self.settings.show == "importance" else primaries(self.color)
        if self.settings.compression != "keep":
            shared["compression"] = self.settings.compression
        return {
            number: {**shared, SETTINGS_KEY: stamps[number], **retimed(timecode, number - frames[0], rate)}
            for number in frames
        }

    @property
    def rate(self) -> Fraction | None:
        """Frames per second, where something says it."""
        return parse_rate(self.settings.fps, "--fps") if self.settings.fps else self.source.fps

    def _plate(self, source: Source, what: str) -> Plate:
        space = self.settings.background_space or self.settings.input_space
        asked = replace(
            self.settings, input_space=space, working_space=self.color.working_space, output_space=""
        )
        return Plate(source, open_color(asked, source), what)


def run_fusion(
    job: FuseJob,
    *,
    overwrite: bool = False,
    resume: bool = False,
    verify: bool = False,
    progress: Progress | None = None,
) -> FuseReport:
    """Make every frame of a fusion.

    Args:
        job: what from what.
        overwrite: replace results that exist.
        resume: leave alone the frames that exist, are whole, and were made with the same settings from the same files.
        verify: and of which every byte is as it was written; reads them all.
        progress: called as ``progress(done, total, what)`` after each frame.

    Raises:
        UsageError: --resume and --overwrite together, or --verify without --resume.
        InputError, OutputError: a frame cannot be read or written; finished frames stay, no part of one does.
    """
    check_way(overwrite, resume, verify)
    job.check()
    target = _open_target(job, overwrite or resume)
    frames = job.source.frames
    stamps = {number: job.stamp(number) for number in frames}
    if is_movie(target.path(0)):  # one file, one stamp: whole or not at all
        stamps = dict.fromkeys(frames, combine_stamps(list(stamps.values())))
    report = FuseReport(job.options.method)
    work = []
    for number in frames:
        if resume and target.stamp(number) == stamps[number] and target.is_whole(number, verify):
            report.skipped.append(number)
        else:
            work.append(number)
    held = [source for _, source in job.held]
    witness = Witness({one for number in work for one in job.needs(number)}, job.source, *held)
    try:
        _fuse_frames(job, target, work, job.attributes(stamps), report, progress)
        witness.check()
        target.close()
    except BaseException:
        target.abort()
        raise
    return report


def _open_target(job: FuseJob, replace_existing: bool) -> Target:
    settings, frames = job.settings, job.source.frames
    if settings.compression != "keep":
        check_compression(job.output, settings.compression)
    for what, held in job.held:
        if held is not None:
            refuse_loss(job.output, held, frames, what)
    target = open_target(
        job.output,
        overwrite=replace_existing,
        source=job.source,
        fps=job.rate,
        frames=frames,
        depth=None if settings.data_type == "keep" else settings.data_type,
        codec=settings.codec or None,
        bits=settings.bit_depth or None,
        quality=settings.crf or None,
    )
    if not replace_existing:
        refuse_existing(target, frames)
    return target


def _fuse_frames(
    job: FuseJob,
    target: Target,
    work: Sequence[int],
    attributes: dict[int, dict[str, Any]],
    report: FuseReport,
    progress: Progress | None,
) -> None:
    shot = _Shot(job, report)
    reader = FrameReader(job.source.read, list_reads(work, job.needs))
    writer = FrameQueue(workers=1 if is_movie(target.path(0)) else 2)
    try:
        for position, number in enumerate(work):
            with timed(report.seconds, "read"):
                shot.take(reader.take(position))
            with timed(report.seconds, "fuse"):
                made = shot.make(number)
            with timed(report.seconds, "write"):
                writer.submit(partial(target.write, number, made, attributes[number]))
            report.written.append(number)
            if progress is not None:
                total = len(report.skipped) + len(work)
                progress(len(report.skipped) + len(report.written), total, f"frame {number}")
        with timed(report.seconds, "write"):
            writer.finish()
    except BaseException:
        writer.cancel()
        raise
    finally:
        reader.close()
        report.seconds["solve"] = shot.solver.seconds


def list_reads(work: Sequence[int], needs: Any) -> list[tuple[int, ...]]:
    """Which source frames each step reads, ascending: what it needs, but for what lies before it and was read already.

    Args:
        work: numbers of the frames to make, increasing.
        needs: ``needs(number)``: the frames that one is made of.
    """
    seen: set[int] = set()
    steps = []
    for number in work:
        steps.append(tuple(one for one in needs(number) if one >= number or one not in seen))
        seen.update(steps[-1])
    return steps


class _Shot:
    """The frames that are held, and the fusion of each of their views."""

    def __init__(self, job: FuseJob, report: FuseReport) -> None:
        self._job, self._report = job, report
        self._frames: dict[int, Frame] = {}
        self._lights: dict[tuple[int, str], np.ndarray] = {}
        self._windows: dict[str, Window] = {}
        self._fusions: dict[str, ClipFusion] = {}
        options, settings = job.options, job.settings
        self.solver = Solver(options.screen, options.fit, job.device, settings.threads)
        for view in group_views(job.template):
            self._windows[view] = colour_of(job.template, view)[0].window
            self._fusions[view] = self._open(view, options)

    def take(self, frames: dict[int, Frame]) -> None:
        """Hold these frames, and no others."""
        for number, frame in frames.items():
            if number not in self._frames:
                check_same_layout(self._job.template, frame)
        self._frames = frames
        self._lights = {key: light for key, light in self._lights.items() if key[0] in frames}

    def make(self, number: int) -> Frame:
        """The frame to write."""
        made = {view: fusion.fuse(number) for view, fusion in self._fusions.items()}
        frame = self._frames[number]
        return (
            show_importance(frame, made)
            if self._job.settings.show == "importance"
            else self._put(frame, made)
        )

    def _open(self, view: str, options: FusionOptions) -> ClipFusion:
        job, window = self._job, self._windows[view]
        reference, matte = job.reference, job.matte
        return ClipFusion(
            partial(self._light, view),
            job.source.frames,
            lambda number: job.background.picture(number, view, window),
            options,
            reference=None if reference is None else lambda number: reference.picture(number, view, window),
            matte=None if matte is None else lambda number: matte.plane(number, job.template.display, window),
            solver=self.solver,
            threads=job.settings.threads,
        )

    def _light(self, view: str, number: int) -> np.ndarray:
        found = self._lights.get((number, view))
        if found is None:
            frame = self._frames[number]
            layer, columns = colour_of(frame, view)
            if layer.window != self._windows[view]:
                raise InputError(
                    f"{frame.path} has pixels in {layer.window}, {self._job.template.path} in {self._windows[view]}",
                    "frames to be fused share one data window: render them without a crop",
                )
            found, bad = to_light(layer, columns, self._job.color)
            if bad:
                self._report.repaired[number] = bad
            self._lights[number, view] = found
        return found

    def _put(self, frame: Frame, made: dict[str, Fused]) -> Frame:
        """The frame with other colour, in the output space."""
        color, layers = self._job.color, list(frame.layers)
        beauty = {view: colour_of(frame, view) for view in made}
        for index, layer in enumerate(frame.layers):
            groups = layer.color_groups()
            pixels = layer.pixels.copy() if groups else layer.pixels
            for group in groups:
                pixels[..., list(group)] = color.convert(select(layer.pixels, group))
            for view, (held, columns) in beauty.items():
                if held is layer:
                    self._place(pixels, layer.pixels, columns, made[view].picture)
            layers[index] = layer.like(pixels)
        return replace(frame, layers=layers)

    def _place(
        self, into: np.ndarray, before: np.ndarray, columns: tuple[int, ...], light: np.ndarray
    ) -> None:
        """Fused light into the columns of a layer; alpha stays, grey becomes the mean of the channels."""
        if len(columns) == 4:
            light = np.concatenate([light, before[..., columns[3:]]], axis=2)
        shown = self._job.color.to_output(np.ascontiguousarray(light, np.float32))
        if len(set(columns[:3])) == 1:
            into[..., columns[0]] = shown[..., :3].mean(axis=2)
        else:
            into[..., list(columns[:3])] = shown[..., :3]


def show_importance(frame: Frame, made: dict[str, Fused]) -> Frame:
    """Importance as grey pictures, one layer a view."""
    layers = []
    for view, fused in made.items():
        held = colour_of(frame, view)[0]
        grey = np.repeat(fused.importance[..., None], 3, axis=2)
        layers.append(
            make_layer(grey, ("R", "G", "B"), window=held.window, display=frame.display, view=view, name=view)
        )
    return Frame(layers, frame.display, frame.path, "openexr")
