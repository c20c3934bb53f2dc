"""Does a shot fit into memory, and what is done where it does not? It is made in strips, flow is found smaller."""

from __future__ import annotations

from dataclasses import replace

from retempo.io.frame import Frame
from retempo.io.source import Source
from retempo.render.frame import FrameRenderer
from retempo.render.mattes import own_mattes
from retempo.render.settings import parse_memory
from retempo.render.strip_plan import StripPlan, plan_strips, whole_bytes
from retempo.render.timing import Schedule
from retempo.retime.moment import PlanEntry


def fit_schedule(
    renderer: FrameRenderer, source: Source, wanted: Schedule
) -> tuple[FrameRenderer, StripPlan | None]:
    """``fit_memory`` for what a schedule asks for: of a part what the whole does, so that both make the same frames."""
    return fit_memory(renderer, source.header(source.frames[0]), *_kind_of(wanted))


def peak_bytes(renderer: FrameRenderer, source: Source, wanted: Schedule) -> int:
    """Memory that making a schedule takes beyond the program itself, bytes: an estimate, or the budget if less."""
    header, (pairs, blurred) = source.header(source.frames[0]), _kind_of(wanted)
    whole = whole_bytes(header, *_held(renderer, pairs, blurred), renderer.settings.flow_scale)
    budget = parse_memory(renderer.settings.memory)
    return whole if budget is None else min(whole, budget)


def fit_memory(
    renderer: FrameRenderer, header: Frame, pairs: int = 1, blurred: bool = False
) -> tuple[FrameRenderer, StripPlan | None]:
    """The renderer to use within the memory budget, and how frames are cut, if they must be.

    Args:
        renderer: settings and colour.
        header: what frames are like.
        pairs: pairs of frames that one output needs.
        blurred: are instants added up?

    Raises:
        UsageError: the budget is too small for anything.
    """
    settings = renderer.settings
    budget = parse_memory(settings.memory)
    if budget is None:
        return renderer, None
    frames, hypotheses = _held(renderer, pairs, blurred)
    cut = plan_strips(header, budget, frames, hypotheses, settings.flow_scale)
    if cut is None or cut.flow_scale == settings.flow_scale:
        return renderer, cut
    return FrameRenderer(replace(settings, flow_scale=cut.flow_scale), renderer.color, renderer.overlay), cut


def count_pairs(entry: PlanEntry) -> int:
    """Between how many pairs of source frames the instants of an output lie, at least 1."""
    return max(1, len({(one.first, one.second) for one in entry.moments if one.kind == "between"}))


def _kind_of(wanted: Schedule) -> tuple[int, bool]:
    """Pairs that one output needs at most, and whether instants are added up."""
    entries = (wanted.whole or wanted.plan).entries
    pairs = max((count_pairs(entry) for entry in entries), default=1)
    return pairs, any(entry.kind == "blur" for entry in entries)


def _held(renderer: FrameRenderer, pairs: int, blurred: bool) -> tuple[int, int]:
    """How many frames and how many flows are held at a time."""
    settings = renderer.settings
    frames = settings.window + (2 if blurred else 0)  # the sum, and the instant that is added
    layers = 2 if settings.matte or own_mattes(settings) or renderer.overlay is not None else 1
    return frames, layers * len(renderer.estimators) * pairs
