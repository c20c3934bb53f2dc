"""How does a job begin? Opens what the settings name (colour, vectors, target) and hands it to the shot."""

from __future__ import annotations

from retempo.color.pipeline import ColorPipeline
from retempo.errors import UsageError
from retempo.io.sequence import Source, open_source
from retempo.io.target import open_target
from retempo.render.frame import FrameRenderer
from retempo.render.settings import RetimeSettings
from retempo.render.shot import Progress, ShotReport, render_shot
from retempo.render.timing import Schedule


def open_renderer(settings: RetimeSettings, source: Source) -> FrameRenderer:
    """A renderer whose colour fits this source.

    Raises:
        ColorError: a config or colour space does not exist.
        UsageError: an unknown flow estimator.
    """
    color = ColorPipeline(
        settings.config or None,
        settings.input_space or None,
        settings.working_space or None,
        settings.output_space or None,
        settings.flow_space,
        path_for_rules=source.path(source.frames[0]),
        kind="movie" if source.kind == "movie" else None,
        threads=settings.threads,
    )
    return FrameRenderer(settings, color)


def render_job(
    source: Source,
    output: str,
    wanted: Schedule,
    renderer: FrameRenderer,
    *,
    overwrite: bool = False,
    resume: bool = False,
    progress: Progress | None = None,
) -> ShotReport:
    """Open the target (and the vectors) and render the shot; see ``render_shot``.

    Raises:
        UsageError: --resume and --overwrite together.
        OutputError: the target exists, cannot be written, or is the source itself.
    """
    if resume and overwrite:
        raise UsageError("--resume keeps what is done, --overwrite replaces it", "give one of them")
    settings = renderer.settings
    vectors = open_source(settings.vectors) if settings.vectors else None
    target = open_target(
        output,
        overwrite=overwrite or resume,
        source=source,
        fps=wanted.fps,
        data_type=settings.data_type,
        compression=settings.compression,
        codec=settings.codec or None,
        bit_depth=settings.bit_depth or None,
    )
    return render_shot(source, target, wanted, renderer, vectors=vectors, resume=resume, progress=progress)
