"""What can be told of a render before it is done? Told by ``--dry-run``.

Of ``--normalise-exposure``, which frames it will change for flow (reads those that motion leads over); of a network
that makes only the frame halfway, by which halves it reaches each instant.
"""

from __future__ import annotations

from retempo.io.source import Source
from retempo.metrics.exposure import HEIGHT, WIDTH
from retempo.metrics.small import Small, shrink_parts
from retempo.models.bisection import describe
from retempo.render.frame import FrameRenderer
from retempo.render.lighting import match_lighting
from retempo.render.settings import RetimeSettings
from retempo.render.steps import contributors
from retempo.render.surroundings import surround
from retempo.render.survey import guides_in_parts
from retempo.render.timing import Schedule


def foresee_halvings(wanted: Schedule, settings: RetimeSettings) -> list[str]:
    """How a network that only makes the frame halfway reaches the instants of a gap; nothing of other engines.

    Returns:
        a line for each place in a gap that is asked for: ``1/3 = 1/2 > 1/4 > 3/8, off by 0.0417``.
    """
    network = settings.network
    if network is None or network.engine.capabilities.any_time:
        return []
    moments = (one for entry in wanted.plan.entries for one in entry.moments)
    phases = {one.phase for one in moments if one.kind == "between"}
    return [f"{network.name}: {describe(phase, network.depth)}" for phase in sorted(phases)]


def foresee_matched(source: Source, wanted: Schedule, renderer: FrameRenderer) -> list[int]:
    """Numbers of the source frames that flow will see at another exposure than their own, by the first view.

    Raises:
        InputError: a frame cannot be read.
    """
    settings, plan = renderer.settings, wanted.plan
    if settings.normalise_exposure == "off" or settings.engine != "splatsyn":
        return []
    kept = plan.cadence.keep(source.frames)
    smalls: dict[int, Small] = {}

    def small_of(number: int) -> Small:
        if number not in smalls:
            smalls[number] = shrink_parts(guides_in_parts(source, number, renderer), WIDTH, HEIGHT)
        return smalls[number]

    gaps = {
        (contributors(one, kept, settings.window, plan.cuts), one.first)
        for entry in plan.entries
        for one in entry.moments
        if one.kind == "between" and one.first is not None
    }
    matched: set[int] = set()
    for numbers, first in gaps:
        around = surround(numbers, first, settings, plan.cadence.times)
        matched.update(match_lighting(around, small_of, settings.normalise_exposure)[1].exposures)
    return sorted(matched)
