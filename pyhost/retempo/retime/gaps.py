"""Which output frames belong together, because they are made between the same two source frames?

What belongs to a pair of source frames (its motion) is found once and serves all outputs between them, so a farm parts
a job between gaps, never inside one, unless a gap is too long. Which outputs make a gap depends on the plan alone, not
on how it is parted: tasks that know nothing of each other agree.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Hashable, Sequence
from dataclasses import replace

from retempo.retime.moment import PlanEntry
from retempo.retime.plan import Plan


def list_gaps(entries: Sequence[PlanEntry], limit: int) -> list[tuple[int, ...]]:
    """The output frames of a plan, those between the same two source frames together.

    Args:
        entries: a plan's, each output once.
        limit: outputs of a gap at most; a longer one is parted, as evenly as possible.

    Returns:
        ascending outputs of each gap, the gaps by their first output. Where time goes back and forth, a gap holds the
        outputs of each pass through it. Copies and black frames are gaps of their own. A blurred frame belongs to the
        first gap that it is exposed in.
    """
    gaps: dict[Hashable, list[int]] = {}
    for entry in entries:
        gaps.setdefault(_gap_of(entry), []).append(entry.output)
    parted = [part for outputs in gaps.values() for part in _part(sorted(outputs), limit)]
    return sorted(parted)


def take_part(plan: Plan, part: Collection[int], limit: int) -> Plan:
    """The plan of those gaps whose first output is in ``part``: parts that cover a plan make every output once.

    Args:
        plan: of the whole job.
        part: output frames; those that the plan has not make nothing.
        limit: see ``list_gaps``; the same for every part.
    """
    wanted = {output for gap in list_gaps(plan.entries, limit) if gap[0] in part for output in gap}
    return replace(plan, entries=tuple(entry for entry in plan.entries if entry.output in wanted))


def _gap_of(entry: PlanEntry) -> Hashable:
    between = (one for one in entry.moments if one.kind in ("between", "fade"))
    return next(((one.first, one.second) for one in between), entry.output)


def _part(outputs: Sequence[int], limit: int) -> list[tuple[int, ...]]:
    count = -(-len(outputs) // limit)
    edges = [len(outputs) * index // count for index in range(count + 1)]
    return [tuple(outputs[first:last]) for first, last in itertools.pairwise(edges)]
