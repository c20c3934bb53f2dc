"""Which (frame, flow) candidates are there, and which of them speak at a given time, how loudly?

Every flow of every pair of frames is a candidate twice, once each way (specification of splatting-based synthesis,
section 13). At a time t a candidate of frame i with a flow to frame j is displaced by s = (t - t_i) / (t_j - t_i) of
its flow and weighs 1 / |t - t_i| (section 8), which for two frames is exactly (1 - t, t).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from numpy.typing import NDArray

from retempo.errors import InputError, TimingError, UsageError
from retempo.flow.base import Flow, check_flow
from retempo.synthesis.paths import Past, check_past
from retempo.synthesis.trust import check_trust

Time = int | float | Fraction


@dataclass(frozen=True)
class FlowPair:
    """One hypothesis of the motion between two frames.

    Attributes:
        i, j: indices into the list of images, i != j.
        flow_ij, flow_ji: [H, W, 2] pixels.
        valid_ij, valid_ji: [H, W] bool or float trust in [0, 1] of each vector; None trusts all.
        name: who says so, for messages.
        past_i, past_j: how the pixels of either frame move on the far side of it; None: unknown, motion is straight.
    """

    i: int
    j: int
    flow_ij: Flow
    flow_ji: Flow
    valid_ij: NDArray[Any] | None = None
    valid_ji: NDArray[Any] | None = None
    name: str = ""
    past_i: Past | None = None
    past_j: Past | None = None


@dataclass(frozen=True)
class Candidate:
    """One source frame seen through one flow, ready to be splatted to any time.

    Attributes:
        frame, other: where the pixels are and where the flow leads, indices into the list of images.
        flow: [H, W, 2]; splat, merge: [H, W], retempo.metrics. NumPy arrays or torch tensors.
        bend: [H, W, 2] pixels, see ``retempo.synthesis.paths``; None where motion is straight.
    """

    frame: int
    other: int
    flow: Any
    splat: Any
    merge: Any
    bend: Any = None

    @property
    def nbytes(self) -> int:
        """Memory of the arrays."""
        bend = 0 if self.bend is None else self.bend.nbytes
        return int(self.flow.nbytes + self.splat.nbytes + self.merge.nbytes + bend)


@dataclass(frozen=True)
class Voice:
    """A candidate at one time: displaced by ``scale`` times its flow, of temporal weight ``weight``."""

    candidate: int
    scale: float
    weight: float


def list_pairs(
    flows: Sequence[FlowPair] | Mapping[tuple[int, int], Any], count: int, height: int, width: int
) -> list[FlowPair]:
    """Return checked pairs from a list, or from a dict {(i, j): flow or list of flows} that holds both directions.

    Raises:
        InputError: there is none, a direction is missing, a flow has a wrong size or non-finite values.
        UsageError: an index names no frame.
    """
    if isinstance(flows, Mapping):
        flows = _pairs_of_dict(flows)
    if not flows:
        raise InputError("there is no flow between the frames", "estimate one, or give vectors")
    result = []
    for pair in flows:
        label = f"the {pair.name or 'flow'} {pair.i}->{pair.j}"
        if pair.i == pair.j or not (0 <= pair.i < count and 0 <= pair.j < count):
            raise UsageError(f"{label} does not join two of the {count} frames", "indices count from 0")
        back = f"the {pair.name or 'flow'} {pair.j}->{pair.i}"
        checked = FlowPair(
            pair.i,
            pair.j,
            check_flow(pair.flow_ij, label, height, width),
            check_flow(pair.flow_ji, back, height, width),
            check_trust(pair.valid_ij, f"the validity of {label}", height, width),
            check_trust(pair.valid_ji, f"the validity of {back}", height, width),
            pair.name,
            check_past(pair.past_i, f"the {pair.name or 'flow'} past frame {pair.i}", height, width),
            check_past(pair.past_j, f"the {pair.name or 'flow'} past frame {pair.j}", height, width),
        )
        result.append(checked)
    return result


def choose_voices(candidates: Sequence[Candidate], times: Sequence[Time], t: Time) -> list[Voice]:
    """Decide who speaks at time t.

    A frame speaks through all its flows to *one* other frame: of those that lie beyond t (so that t is between the
    two), the nearest; where there is none, the nearest frame at all, along whose flow the motion is continued.

    The weight of a frame is shared evenly by the hypotheses it speaks through.

    Returns:
        voices in the order of the candidates; the weights of all together sum to 1.

    Raises:
        TimingError: t is not between the first and the last frame.
    """
    exact = [Fraction(time) for time in times]
    now = Fraction(t)
    if not min(exact) <= now <= max(exact):
        raise TimingError(
            f"time {float(now):g} is outside of the frames {float(min(exact)):g}..{float(max(exact)):g}"
        )
    partner: dict[int, int] = {}
    for candidate in candidates:
        here = exact[candidate.frame]

        def rank(other: int, here: Fraction = here) -> tuple[bool, Fraction, int]:
            share = (now - here) / (exact[other] - here)
            return not 0 <= share <= 1, abs(exact[other] - here), other

        best = partner.get(candidate.frame)
        if best is None or rank(candidate.other) < rank(best):
            partner[candidate.frame] = candidate.other
    chosen = [
        index for index, candidate in enumerate(candidates) if partner[candidate.frame] == candidate.other
    ]
    struck = [index for index in chosen if exact[candidates[index].frame] == now]  # t is one of the frames
    chosen = struck or chosen
    count = Counter(candidates[index].frame for index in chosen)
    voices = []
    for index in chosen:
        frame, other = candidates[index].frame, candidates[index].other
        away = now - exact[frame]
        weight = (1 if struck else 1 / abs(away)) / Fraction(count[frame])
        voices.append((index, away / (exact[other] - exact[frame]), weight))
    total = sum((weight for *_, weight in voices), Fraction(0))
    return [Voice(index, float(scale), float(weight / total)) for index, scale, weight in voices]


def _pairs_of_dict(flows: Mapping[tuple[int, int], Any]) -> list[FlowPair]:
    result = []
    for (i, j), forward in flows.items():
        if (j, i) not in flows:
            raise InputError(
                f"there is a flow {i}->{j} and none {j}->{i}",
                "give both (retempo.flow.inversion derives one)",
            )
        if i > j:
            continue
        ahead, back = _as_list(forward), _as_list(flows[j, i])
        if len(ahead) != len(back):
            raise InputError(
                f"{len(ahead)} flows lead {i}->{j} and {len(back)} lead back", "give as many both ways"
            )
        result += [FlowPair(i, j, one, two) for one, two in zip(ahead, back, strict=True)]
    return result


def _as_list(flows: Any) -> list[Any]:
    return list(flows) if isinstance(flows, list | tuple) else [flows]
