"""What would the engine see around a gap? Searches every motion that training needs, as rendering does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retempo.flow.base import Flow, FlowEstimator, Image
from retempo.flow.inversion import invert_flow
from retempo.synthesis.paths import Past, look_past


@dataclass(frozen=True)
class Observation:
    """The motions around a gap; each of two entries, for the frame before the gap and the one after it.

    Attributes:
        flows: [H, W, 2] pixels, to the other frame. inverses: the same as the other frame's flow says.
        pasts: to the frame past it, with trust.
    """

    flows: tuple[Flow, Flow]
    inverses: tuple[Flow, Flow]
    pasts: tuple[Past, Past]


def observe(pictures: Sequence[Image], estimator: FlowEstimator) -> Observation:
    """Look at four pictures at times -1, 0, 1, 2; the gap is from 0 to 1.

    Args:
        pictures: [H, W, 3] float32, flow space, [0, 1].
        estimator: of the motion between neighbours.
    """
    before, first, second, after = pictures
    onward, back = estimator.estimate(first, second)
    onto_first, from_first = estimator.estimate(before, first)
    from_second, onto_second = estimator.estimate(second, after)
    inverses = invert_flow(back, threads=1)[0], invert_flow(onward, threads=1)[0]
    pasts = look_past(from_first, onto_first), look_past(from_second, onto_second)
    return Observation((onward, back), inverses, pasts)


def record_type(size: int) -> np.dtype:
    """How a sample of ``size`` x ``size`` pixels is stored: colours and trust in 8 bits, motion in half floats."""
    side = (size, size)
    return np.dtype(
        [
            ("first", "u1", (*side, 3)),
            ("second", "u1", (*side, 3)),
            ("truth", "u1", (*side, 3)),
            ("flows", "f2", (2, *side, 2)),
            ("inverses", "f2", (2, *side, 2)),
            ("pasts", "f2", (2, *side, 2)),
            ("trusts", "u1", (2, *side)),
            ("phase", "f4"),
        ]
    )


def record(
    first: Image, second: Image, truth: Image, seen: Observation, phase: float, y: int, x: int, size: int
) -> NDArray[np.void]:
    """Cut one sample out of whole pictures, its upper left corner at (x, y)."""
    inside = np.s_[y : y + size, x : x + size]
    made = np.zeros((), record_type(size))
    for name, picture in (("first", first), ("second", second), ("truth", truth)):
        made[name] = np.rint(np.clip(picture[inside], 0, 1) * 255)
    for index in (0, 1):
        made["flows"][index] = seen.flows[index][inside]
        made["inverses"][index] = seen.inverses[index][inside]
        made["pasts"][index] = seen.pasts[index].flow[inside]
        made["trusts"][index] = np.rint(seen.pasts[index].trust[inside] * 255)
    made["phase"] = phase
    return made
