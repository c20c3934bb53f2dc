"""How is a frame made that does not fit in memory? Its flow is held whole, its pixels pass by strip by strip.

There is no seam (``strip_renderer``). Where even the search for flow would not fit, it is done at a smaller working
resolution (``strip_plan`` says which); that is the only thing that can differ.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from retempo.errors import UsageError
from retempo.io.formats import is_movie
from retempo.io.source import Source
from retempo.io.target import Target
from retempo.render.frame import FrameRenderer
from retempo.render.mattes import own_mattes
from retempo.render.steps import Step
from retempo.render.still import blacken
from retempo.render.strip_blur import Units, prepare_units, write_blurred
from retempo.render.strip_plan import StripPlan
from retempo.render.strip_renderer import StripRenderer
from retempo.retime.cadence import STEADY, Cadence

SIDE_BY_SIDE = 16
"""Outputs at most that are made of one strip, while it is there."""


def render_in_strips(
    renderer: FrameRenderer,
    source: Source,
    target: Target,
    vectors: Source | None,
    cut: StripPlan,
    steps: Sequence[Step],
    repaired: dict[int, int] | None = None,
    matched: set[int] | None = None,
    cadence: Cadence = STEADY,
) -> Iterator[Step]:
    """Make and write the frames of ``steps``; yields each when it is done.

    Outputs between the same source frames are made side by side (at most ``SIDE_BY_SIDE``), so that each strip
    is read once for all of them.

    Args:
        repaired: gets the number of pixels with NaN or infinite colour of each source frame.
        matched: gets the numbers of the frames that flow saw at another exposure than their own.
        cadence: when the source frames were taken.

    Raises:
        UsageError: the target is a movie, the engine is not splatsyn, or an estimator needs whole frames.
    """
    if source.kind == "movie" or is_movie(target.path(0)):
        raise UsageError("movies are not made in strips", "give a larger --memory, or use image sequences")
    if renderer.settings.engine != "splatsyn":
        raise UsageError(
            f"the engine {renderer.settings.engine} needs whole frames", "give a larger --memory"
        )
    if renderer.settings.device != "cpu":
        raise UsageError(
            f"strips are made on the CPU, not on {renderer.settings.device}",
            "give a larger --memory, or --device cpu",
        )
    if renderer.settings.matte or own_mattes(renderer.settings):
        raise UsageError("frames with a matte are made whole", "give a larger --memory, or fewer channels")
    if renderer.indices is not None:
        raise UsageError("frames with index maps are made whole", "give a larger --memory")
    if renderer.overlay is not None:
        raise UsageError("frames with an overlay are made whole", "give a larger --memory, or --overlay off")
    strips = StripRenderer(renderer, source, vectors, cut, cadence)
    units: Units = {}
    for (kind, first, needed), group in groupby(steps, key=_sources):
        if kind == "blur":
            for step in group:
                prepare_units(units, step, strips)
                if matched is not None:
                    matched.update(*(unit.matched for unit in units.values()))
                write_blurred(units, target, step, strips.rows)
                if repaired is not None:
                    for unit in units.values():
                        repaired.update(unit.repaired)
                yield step
            continue
        if kind not in ("between", "fade"):
            for step in group:
                _pass_in_strips(renderer, source, target, strips.rows, step)
                yield step
            continue
        strips.prepare(needed, first)
        if matched is not None:
            matched.update(strips.matched)
        for batch in _batches(list(group), SIDE_BY_SIDE):
            times = [step.entry.source_time for step in batch]
            writers = []
            try:
                for step in batch:
                    writers.append(
                        target.begin(
                            step.entry.output, strips.header(step.entry.source_time), step.attributes
                        )
                    )
                for row, frames in strips.strips(times):
                    for writer, layers in zip(writers, frames, strict=True):
                        writer.write_rows(row, layers)
                for writer in writers:
                    writer.commit()
            except BaseException:
                for writer in writers:
                    writer.abort()
                raise
            if repaired is not None:
                repaired.update(strips.repaired)
            yield from batch


def _sources(step: Step) -> tuple[str, int | None, tuple[int, ...]]:
    """What steps must share to be made side by side: how, the frame that they follow (None: no motion), and all."""
    return step.entry.kind, step.passes[0].first, step.needed


def _batches(steps: list[Step], size: int) -> Iterator[list[Step]]:
    for start in range(0, len(steps), size):
        yield steps[start : start + size]


def _pass_in_strips(renderer: FrameRenderer, source: Source, target: Target, rows: int, step: Step) -> None:
    number = step.needed[0]
    header = source.header(number)
    writer = target.begin(step.entry.output, header, step.attributes)
    try:
        top = min(layer.window.y for layer in header.layers)
        bottom = max(layer.window.y1 for layer in header.layers)
        for row in range(top, bottom, rows):
            strip = renderer.pass_through(source.read(number, (row, min(row + rows, bottom))))
            writer.write_rows(row, (blacken(strip) if step.entry.kind == "black" else strip).layers)
        writer.commit()
    except BaseException:
        writer.abort()
        raise
