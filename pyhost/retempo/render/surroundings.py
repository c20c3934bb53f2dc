"""Between which source frames is motion sought, for the instants of one gap, and what is each motion for?

The frames that contribute look at each other (``pairs_around``). With quadratic motion the two frames of the gap look
the other way, too, at the frame past either: that motion bends the path of their pixels and moves nothing by itself.
Estimators that want to (``OnwardFlowEstimator``) begin the search inside the gap with it, continued at its pace.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, Final

import numpy as np

from retempo.errors import UsageError
from retempo.flow.base import FlowEstimator, Hypothesis, Known, wants_onward
from retempo.flow.catalog import VectorsMarker
from retempo.render.settings import RetimeSettings
from retempo.synthesis.candidates import FlowPair
from retempo.synthesis.hypotheses import pairs_around
from retempo.synthesis.paths import Past, look_past

Estimator = FlowEstimator | VectorsMarker
REPEATED: Final = 0.5
"""Pixels. Where nothing at all moves further, the same picture stands twice; that says nothing of the motion's path."""

Ask = Callable[[Estimator, int, int, Known | None], tuple[Hypothesis, ...]]
"""(estimator, source frame, a later one, the motion that it begins with) -> its opinions of the motion between both;
the same number each time. Motion is known to an ``OnwardFlowEstimator`` alone."""


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
        """All pairs in the order in which every estimator is asked about them: those that only bend come first."""
        return self.past + self.pairs

    def ask(self, estimators: Sequence[Estimator], ask: Ask, threads: int = 0) -> list[FlowPair]:
        """Ask all estimators about all pairs, pair by pair; their hypotheses, bent where that is known.

        Args:
            estimators: who is asked.
            ask: how.
            threads: 1 compares the motion past both frames in turn, anything else side by side; the same bits.
        """
        simple = [one.plain if wants_onward(one) else one for one in estimators]
        found = []
        for one, other in self.past:
            said = [opinion for estimator in simple for opinion in ask(estimator, one, other, None)]
            found += [(index, one, other, opinion) for index, opinion in enumerate(said)]
        with ThreadPoolExecutor(1 if threads == 1 else 2) as pool:
            looks = list(pool.map(lambda entry: self._look(*entry[1:]), found))
        pasts: dict[int, dict[str, Any]] = defaultdict(dict)
        for (index, *_), look in zip(found, looks, strict=True):
            pasts[index] |= look
        flows: list[FlowPair] = []
        for pair in self.pairs:
            first, second = map(self.times.index, pair)
            for estimator, plain in zip(estimators, simple, strict=True):
                known = None
                if plain is not estimator and pair == self.pairs[0]:
                    known = continue_from(**pasts[len(flows)])
                for opinion in ask(estimator if known else plain, *pair, known):
                    flows.append(FlowPair(first, second, *opinion, name=estimator.name))
        return [replace(pair, **pasts[index]) for index, pair in enumerate(flows)]

    def stand(self, height: int, width: int) -> list[FlowPair]:
        """The answer about what does not move at all, for ``pairs`` of frames of this size."""
        still = np.zeros((height, width, 2), np.float32)
        return [
            FlowPair(self.times.index(one), self.times.index(other), still, still)
            for one, other in self.pairs
        ]

    def _look(self, one: int, other: int, found: Hypothesis) -> dict[str, Any]:
        """What an opinion about ``one`` and ``other`` adds to the same one's of the gap."""
        if stands(found.flow01) and stands(found.flow10):
            return {}
        begin, end = map(self.time_of, self.pairs[0])
        if other == self.pairs[0][0]:
            phase = float((self.time_of(one) - begin) / (end - begin))
            return {"past_i": look_past(found.flow10, found.flow01, phase, found.trust10)}
        phase = float((end - self.time_of(other)) / (end - begin))
        return {"past_j": look_past(found.flow01, found.flow10, phase, found.trust01)}


def continue_from(past_i: Past | None = None, past_j: Past | None = None) -> Known | None:
    """The motion inside a gap, if that past its frames goes on at the same pace; None where neither is known."""
    if past_i is None and past_j is None:
        return None
    ahead, back = (None if past is None else past.flow / np.float32(past.phase) for past in (past_i, past_j))
    return ahead, back


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
