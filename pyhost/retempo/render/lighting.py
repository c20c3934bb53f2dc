"""Which frames around a gap does flow see as another's exposure would show them? Pixels stay their own.

All are matched to the one of the gap's two frames that has the greater contrast. So one brightening, flicker or fade is
taken out of what flow and metrics look at; in between, exposure goes over from one frame to the other as their pixels
are mixed. A frame past the gap that a flash has blown out is not looked at: it bends no path.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from retempo.flow.base import Image
from retempo.metrics.exposure import BLOWN, SAME, Exposure, match_exposure
from retempo.metrics.small import Small
from retempo.render.surroundings import Surroundings


@dataclass(frozen=True)
class Lighting:
    """What turns each frame's picture into one of the same exposure; those that are not in it stay as they are."""

    exposures: Mapping[int, Exposure] = field(default_factory=dict)

    def of(self, number: int) -> Exposure:
        """What is done to a frame."""
        return self.exposures.get(number, SAME)

    def apply(self, number: int, picture: Image) -> Image:
        """A frame's picture in flow space as flow sees it."""
        exposure = self.of(number)
        return picture if exposure is SAME else exposure.apply(picture)


AS_SHOT = Lighting()


def match_lighting(
    around: Surroundings, small_of: Callable[[int], Small], mode: str
) -> tuple[Surroundings, Lighting]:
    """Match the frames around a gap, and leave out flashes past it.

    Args:
        around: between which frames motion is sought.
        small_of: small picture of a frame, [36, 64], see ``metrics.exposure``.
        mode: 'off'; 'auto': where exposure changed; 'on': always.
    """
    if mode == "off" or not around.pairs:
        return around, AS_SHOT
    begin, end = around.pairs[0]
    model = end if match_exposure(small_of(begin), small_of(end)).gain > 1 else begin
    found = {number: match_exposure(small_of(number), small_of(model)) for number in around.numbers}
    past = tuple(
        pair for pair in around.past if all(n in (begin, end) or found[n].lost < BLOWN for n in pair)
    )
    used = {
        number: exposure
        for number, exposure in found.items()
        if number != model and (exposure.is_change or mode == "on")
    }
    return replace(around, past=past), Lighting(used)
