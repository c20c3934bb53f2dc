"""What does a review of a retimed shot tell? Plain data, made by ``render.review``, shown by ``review_page``.

Pictures are named by their path below the page, in ``MEDIA``; None stands for one that there is not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

MEDIA: Final = "media"
"""The folder beside the page that holds its pictures."""
WORST: Final = 10
"""How many frames are listed as the worst."""

MADE, OTHER, UNSTAMPED, MISSING, BROKEN = "made", "other", "unstamped", "missing", "broken"
"""States of a result frame: made with these settings from these files; with others; nobody knows; not there; harmed."""


@dataclass(frozen=True)
class OutputFrame:
    """One frame of the result.

    Args:
        output: its number. kind: as in ``retime.moment.PlanEntry``.
        cells: what ``Plan.table`` says of it: output, source time, made from, phase, note.
        at: source time. nearest: the source frame that is shown beside it; None when it is black.
        before, after, difference: pictures.
        state: of the file; see ``MADE``. fault: what is wrong with it, in words.
        gap: which of ``Review.gaps`` it lies in, or begins; None where no motion is known.
        error: expected misplacement in pixels, see ``misplacement``; None where no motion is known.
        marks: what happens here: ``cut``, ``dissolve``, ``repeat``, ``held``.
    """

    output: int
    kind: str
    cells: tuple[str, ...]
    at: float
    nearest: int | None
    before: str | None
    after: str | None
    difference: str | None
    state: str
    fault: str = ""
    gap: int | None = None
    error: float | None = None
    marks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Gap:
    """Two source frames with motion between them.

    Args:
        first, second: their numbers.
        flow, arrows, trust: pictures.
        scale: length in pixels of the vectors that the flow picture shows fully saturated.
        longest: 99th percentile of the vectors' lengths, pixels of the source.
        forward, backward: mean error of following the flow there and back, pixels of the source.
        high: 99th percentile of that error, of both ways.
        doubtful: share of the pixels that find no way back within the limits of the occlusion test.
    """

    first: int
    second: int
    flow: str
    arrows: str
    trust: str
    scale: float
    longest: float
    forward: float
    backward: float
    high: float
    doubtful: float


@dataclass(frozen=True)
class Review:
    """All that the page shows.

    Args:
        title: of the page. source, result: as the user named them. timing: the time map in words.
        fps: of the result. width, height: of the pictures.
        frames: in order. gaps: in the order of use. source_range: first and last source frame.
        missing: source frames that do not exist. cuts, dissolves, repeats: found in, or listed for, the source.
        compared: what the difference shows, in words. shown: how pixels became pictures, in words.
        motion: why there are no gaps, in words; '' where there are.
        heat: error that is red, of full scale. notes: further sentences that belong on top.
        settings: rows of (flag, value, is it the default?). facts: sections of rows (name, value).
        times: wall time in seconds of each stage, of whoever it names. timed: what there is to say about that.
        legends: further pictures by name.
    """

    title: str
    source: str
    result: str
    timing: str
    fps: float
    width: int
    height: int
    frames: Sequence[OutputFrame]
    gaps: Sequence[Gap]
    source_range: tuple[int, int]
    missing: Sequence[int] = ()
    cuts: Sequence[int] = ()
    dissolves: Sequence[tuple[int, int]] = ()
    repeats: Sequence[int] = ()
    compared: str = ""
    shown: str = ""
    motion: str = ""
    heat: float = 0.25
    notes: Sequence[str] = ()
    settings: Sequence[tuple[str, str, bool]] = ()
    facts: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)
    times: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    timed: str = ""
    legends: Mapping[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready, the worst frames among it."""
        return {**asdict(self), "worst": list(worst_frames(self.frames))}


def misplacement(phase: float, forward: float, backward: float) -> float:
    """How far a pixel of an in-between is expected to lie from its place, in pixels.

    At phase t the earlier frame is carried by t of its flow and weighs 1 - t, the later by 1 - t of its own and weighs
    t. Of a flow that misses its start by e pixels on its way there and back that leaves t e, so in the mean
    t (1 - t) (forward + backward): nothing at the source frames, most in the middle.
    """
    return phase * (1.0 - phase) * (forward + backward)


def worst_frames(frames: Sequence[OutputFrame], count: int = WORST) -> tuple[int, ...]:
    """Indices of the frames of the largest error, the worst first; of each gap the worst alone, none without error."""
    best: dict[int, int] = {}
    for index, frame in enumerate(frames):
        if frame.gap is None or not frame.error:
            continue
        rival = best.get(frame.gap)
        if rival is None or frame.error > (frames[rival].error or 0.0):
            best[frame.gap] = index
    return tuple(sorted(best.values(), key=lambda index: (-(frames[index].error or 0.0), index))[:count])
