"""How does a job begin? Opens what the settings name (colour, vectors, target) and hands it to the shot."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from retempo.color.chromaticities import contradict, spelled
from retempo.color.config import find_config
from retempo.color.file_rules import Kind, choose_space, kind_of
from retempo.color.pipeline import ColorPipeline
from retempo.errors import OutputError
from retempo.flow.catalog import VectorsMarker
from retempo.flow.threads import set_threads
from retempo.io.formats import check_compression
from retempo.io.frame import Frame
from retempo.io.metadata import chromaticities_of
from retempo.io.pattern import parse
from retempo.io.sequence import open_source
from retempo.io.source import Source
from retempo.io.target import Target, open_target
from retempo.render.canvas import find_guide, group_views
from retempo.render.fitting import fit_schedule
from retempo.render.frame import FrameRenderer
from retempo.render.index import check_indices
from retempo.render.mattes import check_mattes
from retempo.render.network import find_colour
from retempo.render.overlay import Overlay, open_overlay
from retempo.render.resume import check_way
from retempo.render.settings import AUTO, OFF, RetimeSettings
from retempo.render.shot import Progress, ShotReport, render_shot, steps_of
from retempo.render.steps import Step, contributors
from retempo.render.timing import Schedule
from retempo.render.vectors import check_vectors, find_depth


class ColourSettings(Protocol):
    """What colour needs to know of any command's settings."""

    @property
    def config(self) -> str: ...
    @property
    def input_space(self) -> str: ...
    @property
    def working_space(self) -> str: ...
    @property
    def output_space(self) -> str: ...
    @property
    def flow_space(self) -> str: ...
    @property
    def threads(self) -> int: ...


def open_renderer(
    settings: RetimeSettings, source: Source, output: str = "", overlay: Overlay | None = None
) -> FrameRenderer:
    """A renderer whose colour fits this source. Sets the threads of OpenCV and PyTorch, for the whole process.

    Args:
        settings: colour, flow and computing settings.
        source: its first file decides the input space, where the settings do not.
        output: where the result goes. When scene-linear pixels go into integer pictures or a movie, and no
            output space is named, they are encoded as the config's file rules say for such a file.
        overlay: what was found to lie still; where the settings name a picture, that is read.

    Raises:
        ColorError: a config or colour space does not exist.
        UsageError: an unknown flow estimator.
        WeightsError: the weights of a trained one are not installed.
    """
    color = open_color(settings, source, output)
    if settings.overlay not in (OFF, AUTO):
        overlay = open_overlay(settings.overlay, source)
    renderer = FrameRenderer(settings, color, overlay)
    if settings.threads:
        set_threads(settings.threads)  # after it: trained estimators have loaded PyTorch by now
    return renderer


def open_color(settings: ColourSettings, source: Source, output: str = "") -> ColorPipeline:
    """The colour decisions for a source; arguments and errors as of ``open_renderer``."""
    path = str(source.path(source.frames[0]))
    kind: Kind = "movie" if source.kind == "movie" else _kind(source.header(source.frames[0]))
    config = find_config(settings.config or None)
    output_space = settings.output_space or None
    if output_space is None and kind == "float" and output and kind_of(output) != "float":
        output_space = choose_space(config, output).space
    return ColorPipeline(
        config,
        settings.input_space or None,
        settings.working_space or None,
        output_space,
        settings.flow_space,
        path_for_rules=path,
        kind=kind,
        threads=settings.threads,
    )


def colour_warning(settings: ColourSettings, source: Source, color: ColorPipeline) -> str:
    """What to tell the user when the file's chromaticities contradict the space that was chosen for it; else ''.

    Nobody is contradicted who names the space with --input-space.
    """
    stated = chromaticities_of(source.header(source.frames[0]))
    if settings.input_space or stated is None:
        return ""
    other = contradict(color.config, color.input_space, stated)
    if other is None:
        return ""
    return (
        f"{source.path(source.frames[0])} has the chromaticities of {other.name or other.spaces[0]}, but is taken as "
        f"{color.input_space} ({color.input_reason}); pass --input-space {other.flag} if the file is right, "
        f"or --input-space {spelled(color.config, color.input_space)} if it is not"
    )


def _kind(header: Frame) -> Kind:
    floats = {"half", "float", "double"}
    return "float" if floats & set(header.main().formats.values()) else "integer"


@dataclass(frozen=True)
class OpenJob:
    """All that a job reads and writes, opened and checked.

    Args:
        source, target: where frames come from and go to.
        wanted: what is to be made.
        renderer: how.
        vectors, mattes: second sequences, where the settings name them.
    """

    source: Source
    target: Target
    wanted: Schedule
    renderer: FrameRenderer
    vectors: Source | None = None
    mattes: Source | None = None

    def list_steps(self) -> list[Step]:
        """Every frame with the stamp that it gets."""
        renderer, _ = fit_schedule(self.renderer, self.source, self.wanted)
        return steps_of(self.source, self.target, self.wanted, renderer, self.vectors, self.mattes)


def open_job(
    source: Source,
    output: str,
    wanted: Schedule,
    renderer: FrameRenderer,
    *,
    overwrite: bool = False,
    resume: bool = False,
    verify: bool = False,
) -> OpenJob:
    """Open the target (and vectors and mattes), and refuse what cannot be rendered.

    Raises:
        UsageError: --resume and --overwrite together, or --verify without --resume.
        InputError: a channel that the settings name is not in the source, a matte is missing or does not fit.
        OutputError: the target exists, cannot be written, or is the source (or the vectors, or the matte) itself.
    """
    check_way(overwrite, resume, verify)
    settings = renderer.settings
    vectors = open_source(settings.vectors) if settings.vectors else None
    mattes = open_source(settings.matte) if settings.matte and settings.engine == "splatsyn" else None
    if settings.compression != "keep":
        check_compression(output, settings.compression)
    check_channels(renderer, source, vectors, wanted)
    if settings.engine == "splatsyn":
        check_mattes(settings, source, mattes, matte_frames(settings, source, wanted))
    if renderer.overlay is not None:
        renderer.overlay.check(matte_frames(settings, source, wanted))
    outputs = [entry.output for entry in wanted.plan.entries]
    for what, held in (("vectors", vectors), ("matte", mattes)):
        if held is not None:
            refuse_loss(output, held, outputs, what)
    target = open_target(
        output,
        overwrite=overwrite or resume,
        source=source,
        fps=wanted.fps,
        frames=outputs,
        depth=None if settings.data_type == "keep" else settings.data_type,
        codec=settings.codec or None,
        bits=settings.bit_depth or None,
        quality=settings.crf or None,
    )
    if not (overwrite or resume):
        refuse_existing(target, outputs)
    return OpenJob(source, target, wanted, renderer, vectors, mattes)


def render_job(
    source: Source,
    output: str,
    wanted: Schedule,
    renderer: FrameRenderer,
    *,
    overwrite: bool = False,
    resume: bool = False,
    verify: bool = False,
    progress: Progress | None = None,
) -> ShotReport:
    """Open the target (and vectors and mattes) and render the shot; see ``open_job`` and ``render_shot``."""
    job = open_job(source, output, wanted, renderer, overwrite=overwrite, resume=resume, verify=verify)
    return render_shot(
        source,
        job.target,
        wanted,
        renderer,
        vectors=job.vectors,
        mattes=job.mattes,
        resume=resume,
        verify=verify,
        progress=progress,
    )


def check_channels(renderer: FrameRenderer, source: Source, vectors: Source | None, wanted: Schedule) -> None:
    """See by a header, before any work, that the channels which flow and depth come from are there.

    Raises:
        InputError: a layer, a depth channel or motion vectors are missing.
        UsageError: there is no such vector preset.
    """
    settings = renderer.settings
    moments = (moment for entry in wanted.plan.entries for moment in entry.moments)
    first = next((moment.first for moment in moments if moment.kind == "between"), None)
    if first is None:
        return
    header = source.header(first)
    if renderer.network is not None:
        for layers in group_views(header).values():
            find_colour(header, layers, settings.flow_layer)
    if renderer.indices is not None:
        check_indices(renderer.indices, header)
    if not renderer.estimators:
        return
    moved = header if vectors is None else vectors.header(first)
    for layers in group_views(header).values():
        find_guide(header, layers, settings.flow_layer)
        if settings.depth != "off":
            find_depth(settings, header, layers)
        for estimator in renderer.estimators:
            if isinstance(estimator, VectorsMarker):
                check_vectors(settings, estimator, moved, header.layers[layers[0]].view)


def matte_frames(settings: RetimeSettings, source: Source, wanted: Schedule) -> set[int]:
    """Numbers of the source frames that have to have a matte."""
    alone = settings.matte_output != "result"
    kept = wanted.plan.cadence.keep(source.frames)
    return {
        number
        for entry in wanted.plan.entries
        if alone or any(one.kind == "between" for one in entry.moments)
        for one in entry.moments
        if one.kind != "black"
        for number in contributors(one, kept, settings.window, wanted.plan.cuts)
    }


def refuse_loss(output: str, held: Source, outputs: Iterable[int], what: str) -> None:
    """Keep results from replacing the motion vectors, mattes or plates that they are made with.

    Raises:
        OutputError: naming the first file that would be lost.
    """
    pattern = parse(output)
    kept = {held.path(number).resolve() for number in held.frames}
    for number in outputs:
        path = pattern.path(number)
        if path.resolve() in kept:
            raise OutputError(f"writing {path} would destroy its own {what}", "choose another output name")


def refuse_existing(target: Target, outputs: Sequence[int]) -> None:
    """Find out before any work is done that a result is already there.

    Raises:
        OutputError: naming the first file that exists, and how many do.
    """
    paths = list(dict.fromkeys(target.path(number) for number in outputs))
    existing = [path for path in paths if path.exists()]
    if existing:
        more = (
            f", and so do {len(existing) - 1} more of these {len(paths)} results" if len(existing) > 1 else ""
        )
        raise OutputError(
            f"{existing[0]} exists{more}", "pass --overwrite to replace them, or --resume to keep good frames"
        )
