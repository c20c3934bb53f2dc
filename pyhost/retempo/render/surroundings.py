"""Between which source frames is motion sought, for the instants of one gap, and what is each motion for?

The frames that contribute look at each other (``pairs_around``). With quadratic motion the two frames of the gap look
the other way, too, at the frame past either: that motion bends the path of their pixels and moves nothing by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, Final

import numpy as np

from retempo.errors import UsageError
from retempo.flow.base import FlowEstimator
from retempo.flow.catalog import VectorsMarker
from retempo.render.settings import RetimeSettings
from retempo.synthesis.candidates import FlowPair
from retempo.synthesis.hypotheses import pairs_around
from retempo.synthesis.paths import look_past

Estimator = FlowEstimator | VectorsMarker
REPEATED: Final = 0.5
"""Pixels. Where nothing at all moves further, the same picture stands twice; that says nothing of the motion's path."""

Ask = Callable[[Estimator, int, int], tuple[Any, ...]]
"""(estimator, source frame, a later one) -> flow there, flow back; further where both are valid, if they say."""


@dataclass(frozen=True)
class Surroundings:
    """The source frames around one gap.

    Args:
        times: numbers of those that contribute, ascending.
        pairs: those between which motion is sought, (earlier, later) numbers; the gap itself is the first.
        past: pairs that only bend: of the frame before the gap and the gap's first, and of its second and the next.
        moments: when the frames were taken, where that is not their number.
    """

    times: tuple[int, ...]
    pairs: tuple[tuple[int, int], ...]
    past: tuple[tuple[int, int], ...]
    moments: Mapping[int, Fraction] = field(default_factory=dict)

    def time_of(self, number: int) -> Fraction:
        """When a frame was taken."""
        return self.moments.get(number, Fraction(number))

    @property
    def numbers(self) -> tuple[int, ...]:
        """All frames that are looked at, ascending."""
        return tuple(sorted({number for pair in self.questions for number in pair}))

    @property
    def questions(self) -> tuple[tuple[int, int], ...]:
        """All pairs in the order in which every estimator is asked about them."""
        return self.pairs + self.past

    def ask(self, estimators: Sequence[Estimator], ask: Ask, threads: int = 0) -> list[FlowPair]:
        """Ask all estimators about all pairs, pair by pair; one hypothesis each, bent where that is known.

        Args:
            estimators: who is asked.
            ask: how.
            threads: 1 compares the motion past both frames in turn, anything else side by side; the same bits.
        """
        flows = []
        for one, other in self.pairs:
            for estimator in estimators:
                onward, back, *valid = ask(estimator, one, other)
                seen, seen_back = valid or (None, None)
                first, second = self.times.index(one), self.times.index(other)
                flows.append(FlowPair(first, second, onward, back, seen, seen_back, estimator.name))
        found = [
            (index, one, other, ask(estimator, one, other))
            for one, other in self.past
            for index, estimator in enumerate(estimators)
        ]
        with ThreadPoolExecutor(1 if threads == 1 else 2) as pool:
            looks = list(pool.map(lambda entry: self._look(*entry[1:]), found))
        for (index, *_), look in zip(found, looks, strict=True):
            flows[index] = replace(flows[index], **look)
        return flows

    def stand(self, height: int, width: int) -> list[FlowPair]:
        """The answer about what does not move at all, for ``pairs`` of frames of this size."""
        still = np.zeros((height, width, 2), np.float32)
        return [
            FlowPair(self.times.index(one), self.times.index(other), still, still)
            for one, other in self.pairs
        ]

    def _look(self, one: int, other: int, found: tuple[Any, ...]) -> dict[str, Any]:
        """What an estimator's answer about ``one`` and ``other`` adds to its hypothesis of the gap."""
        onward, back, *valid = found
        if stands(onward) and stands(back):
            return {}
        begin, end = map(self.time_of, self.pairs[0])
        if other == self.pairs[0][0]:
            phase = float((self.time_of(one) - begin) / (end - begin))
            return {"past_i": look_past(back, onward, phase, valid[1] if valid else None)}
        phase = float((end - self.time_of(other)) / (end - begin))
        return {"past_j": look_past(onward, back, phase, valid[0] if valid else None)}


def stands(flow: np.ndarray) -> bool:
    """Does nothing at all move by ``REPEATED`` or more? A few pixels mostly tell."""
    return all(float(np.abs(part).max()) < REPEATED for part in (flow[::8, ::8], flow))


def surround(
    times: Sequence[int], first: int, settings: RetimeSettings, moments: Mapping[int, Fraction] | None = None
) -> Surroundings:
    """What the instants between ``first`` and the next of ``times`` (ascending) are made from; ``moments`` as there.

    Raises:
        UsageError: ``first`` is none of the frames, or the last.
    """
    if first not in times[:-1]:
        raise UsageError(
            f"frame {first} is not one of {', '.join(map(str, times))} with a frame after it",
            "choose another",
        )
    here = times.index(first)
    if settings.motion == "linear":
        start, chosen = 0, tuple(times)
    else:
        extra = settings.source_frames // 2 - 1
        start = max(0, here - extra)
        chosen = tuple(times[start : here + 2 + extra])
    pairs = tuple((chosen[i], chosen[j]) for i, j in pairs_around(len(chosen), here - start))
    past: list[tuple[int, int]] = []
    if settings.motion == "quadratic":
        past += zip(times[here - 1 : here], times[here : here + 1], strict=False)
        past += zip(times[here + 1 : here + 2], times[here + 2 : here + 3], strict=False)
    return Surroundings(chosen, pairs, tuple(past), moments or {})
