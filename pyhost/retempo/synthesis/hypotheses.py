"""Between which frames is flow needed, and what do several estimators say about it?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retempo.errors import UsageError
from retempo.flow.base import FlowEstimator, Image, hypothesize
from retempo.flow.inversion import invert_flow
from retempo.synthesis.candidates import FlowPair


def pairs_around(count: int, first: int) -> list[tuple[int, int]]:
    """Return the pairs that a time between frame ``first`` and the next one needs, of ``count`` frames.

    The two frames around the time look at each other. Every frame before them looks past the time, at the later of the
    two; every frame after them at the earlier one. So each motion is interpolated, none continued.

    Raises:
        UsageError: there is no frame after ``first``.
    """
    if not 0 <= first < count - 1:
        raise UsageError(f"no frame follows frame {first} of {count}", "choose a frame that has a successor")
    second = first + 1
    before = [(index, second) for index in range(first)]
    after = [(first, index) for index in range(second + 1, count)]
    return [(first, second), *before, *after]


def estimate_pairs(
    images: Sequence[Image],
    estimators: Sequence[FlowEstimator],
    pairs: Sequence[tuple[int, int]] | None = None,
) -> list[FlowPair]:
    """Ask every estimator about every pair for all of its hypotheses.

    Args:
        images: [H, W, 3] float32 pictures in flow space.
        estimators: one or more.
        pairs: which frames; default each with the next.

    Raises:
        UsageError: there is no estimator. InputError: from the estimators.
    """
    if not estimators:
        raise UsageError("no flow estimator was given", "name one, for example dis")
    wanted = [(index, index + 1) for index in range(len(images) - 1)] if pairs is None else pairs
    result = []
    for i, j in wanted:
        for estimator in estimators:
            for said in hypothesize(estimator, images[i], images[j]):
                result.append(FlowPair(i, j, *said, name=estimator.name))
    return result


def invert_pairs(pairs: Sequence[FlowPair], threads: int = 0) -> list[FlowPair]:
    """Return for each pair another hypothesis of it: both flows exchanged and inverted.

    The flow from i to j is also what the flow from j to i says, splatted to i. It errs in other places than the flow
    that was estimated there, and in the mean of both errors partly cancel. Pixels that nothing lands on take the vector
    of the nearest pixel that is none.
    """
    result = []
    for pair in pairs:
        ahead, _ = invert_flow(pair.flow_ji, valid=_trusted(pair.valid_ji), threads=threads)
        back, _ = invert_flow(pair.flow_ij, valid=_trusted(pair.valid_ij), threads=threads)
        name = f"{pair.name} inverted".strip()
        result.append(FlowPair(pair.i, pair.j, ahead, back, None, None, name, pair.past_i, pair.past_j))
    return result


def _trusted(valid: NDArray[Any] | None) -> NDArray[np.bool_] | None:
    return None if valid is None else valid > 0
