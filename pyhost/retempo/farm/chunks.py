"""How is a shot cut into tasks? Whole gaps between source frames, some of them together, never too many outputs.

Chunks overlap in the source frames that they read (a bent path looks one frame further, and finds the motion there for
itself), not in outputs and not in gaps: what is prepared for a pair of source frames is prepared in one task. Only a
gap with more outputs than a chunk may hold is parted, and then its pair is looked at once in each part.
"""

from __future__ import annotations

from collections.abc import Sequence

from retempo.retime.gaps import list_gaps
from retempo.retime.moment import PlanEntry

SHARES = 32
"""Into how many chunks a job is cut, where nobody says how large they are to be."""
LEAST, MOST = 8, 100
"""Outputs of such a chunk."""


def default_size(outputs: int) -> int:
    """Outputs a chunk, for a job of so many: starting a task costs about a second, so it should have some to make."""
    return min(MOST, max(LEAST, -(-outputs // SHARES)))


def make_chunks(entries: Sequence[PlanEntry], size: int) -> list[tuple[int, ...]]:
    """Output frames of each chunk, ascending; the chunks by their first output.

    Args:
        entries: the plan's, each output once.
        size: outputs of a chunk at most, at least 1.
    """
    chunks: list[list[int]] = []
    for gap in list_gaps(entries, size):
        if chunks and len(chunks[-1]) + len(gap) <= size:
            chunks[-1] += gap
        else:
            chunks.append(list(gap))
    return [tuple(sorted(chunk)) for chunk in chunks]
