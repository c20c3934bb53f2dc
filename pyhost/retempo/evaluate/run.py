"""What does rebuilding and scoring a set of clips come to?"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from retempo.errors import InputError
from retempo.evaluate.clip import Clip, Gap, Rgb
from retempo.evaluate.rebuild import Rebuilder
from retempo.evaluate.resident import peak_mebibytes, reset_peak
from retempo.evaluate.score import MEASURES, Perceptual, Score, mean_of
from retempo.evaluate.sequences import FLICKER
from retempo.evaluate.worst import WorstCases
from retempo.metrics.quality import flicker
from retempo.render.settings import RetimeSettings

Progress = Callable[[int, int, str], None]
"""(gaps done, gaps in all, name of the clip)."""
KEPT = 12
"""Pictures held, so that neighbouring gaps do not read (and estimate) again."""
FIGURES = (*MEASURES, *(f"flicker_{factor}x" for factor in FLICKER))


@dataclass
class Evaluation:
    """What was found.

    Args:
        clips: one entry a clip: name, frames, the figures of ``FIGURES`` (None where not taken), seconds (of
            preparing and rendering), seconds_per_frame, peak_mebibytes (the largest resident set meanwhile).
        worst: the worst frames.
    """

    clips: list[dict[str, Any]] = field(default_factory=list)
    worst: WorstCases = field(default_factory=lambda: WorstCases(0))

    def mean(self) -> dict[str, Any]:
        """The mean over clips of every figure; seconds_per_frame over frames; the largest peak."""
        means: dict[str, Any] = mean_of(self.clips, FIGURES)
        means["frames"] = sum(clip["frames"] for clip in self.clips)
        means["seconds_per_frame"] = sum(clip["seconds"] for clip in self.clips) / means["frames"]
        peaks = [clip["peak_mebibytes"] for clip in self.clips if clip["peak_mebibytes"] is not None]
        means["peak_mebibytes"] = max(peaks, default=None)
        return means


class _Pictures:
    """The pictures of a clip, the last few of them kept; all of one size."""

    def __init__(self, clip: Clip) -> None:
        self._clip = clip
        self._kept: OrderedDict[int, Rgb] = OrderedDict()

    def __getitem__(self, number: int) -> Rgb:
        if number not in self._kept:
            self._kept[number] = self._clip.read(number)
        self._kept.move_to_end(number)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return self._kept[number]

    def same_size(self, first: int, other: int) -> None:
        """Refuse pictures that cannot be compared.

        Raises:
            InputError: two sizes; both files are named.
        """
        (height, width), (rows, columns) = self[first].shape[:2], self[other].shape[:2]
        if (height, width) != (rows, columns):
            raise InputError(
                f"{self._clip.label(first)} is {width}x{height}, {self._clip.label(other)} {columns}x{rows}",
                "the frames of a clip have one size; copy the set again",
            )


class _Maker:
    """Makes gaps of one clip, and counts what that takes."""

    def __init__(self, clip: Clip, rebuilder: Rebuilder) -> None:
        self.pictures = _Pictures(clip)
        self._rebuilder = rebuilder
        self.seconds = 0.0
        self.peak: float | None = None

    def make(self, gap: Gap) -> list[Rgb]:
        near = self._rebuilder.nearby(gap.inputs, gap.first)
        for number in (*near, *gap.truths):
            self.pictures.same_size(gap.first, number)
        pictures = {number: self.pictures[number] for number in near}
        fresh = reset_peak()
        start = time.perf_counter()
        made = self._rebuilder.between(pictures, gap.first, gap.truths)
        self.seconds += time.perf_counter() - start
        peak = peak_mebibytes() if fresh else None
        self.peak = max(self.peak or 0.0, peak) if peak is not None else self.peak
        return made

    def change(self, gap: Gap, made: Sequence[Rgb]) -> float:
        """Mean squared flicker of a gap that was made, with the inputs on both its sides."""
        last = gap.inputs[gap.inputs.index(gap.first) + 1]
        begin, end = self.pictures[gap.first], self.pictures[last]
        truths = [begin, *(self.pictures[number] for number in gap.truths), end]
        return flicker(truths, [begin, *made, end]) ** 2


def evaluate(
    clips: Sequence[Clip],
    settings: RetimeSettings,
    *,
    cap: float,
    perceptual: Perceptual | None = None,
    worst: int = 0,
    progress: Progress | None = None,
) -> Evaluation:
    """Rebuild what the clips ask for, and score it.

    Args:
        clips: see ``layouts.find_clips``.
        settings: of the retime.
        cap, perceptual: see ``Score``.
        worst: how many of the worst frames to keep.
        progress: told after every gap.

    Raises:
        InputError: a picture cannot be read, is too small, or of another size than its neighbours.
        UsageError, DeviceError: see ``Rebuilder``.
    """
    found, rebuilder = Evaluation(worst=WorstCases(worst)), Rebuilder(settings)
    total = sum(len(clip.gaps) + sum(map(len, clip.flicker.values())) for clip in clips)
    done = _count(total, progress)
    for clip in clips:
        maker, score = _Maker(clip, rebuilder), Score(cap, perceptual)
        changes: dict[int, list[float]] = {}
        for gap in clip.gaps:
            made = maker.make(gap)
            for number, picture in zip(gap.truths, made, strict=True):
                truth = maker.pictures[number]
                psnr = score.add(truth, picture)
                found.worst.add(psnr, clip.label(number), truth, picture)
            factor = len(gap.truths) + 1
            if factor in FLICKER:
                changes.setdefault(factor, []).append(maker.change(gap, made))
            done(clip.name)
        for factor, gaps in clip.flicker.items():
            again = _Maker(clip, rebuilder)
            for gap in gaps:
                changes.setdefault(factor, []).append(again.change(gap, again.make(gap)))
                done(clip.name)
        found.clips.append(_row(clip, score, maker, changes))
    return found


def _count(total: int, progress: Progress | None) -> Callable[[str], None]:
    numbers: Iterator[int] = iter(range(1, total + 1))

    def done(name: str) -> None:
        number = next(numbers)
        if progress is not None:
            progress(number, total, name)

    return done


def _row(clip: Clip, score: Score, maker: _Maker, changes: dict[int, list[float]]) -> dict[str, Any]:
    row: dict[str, Any] = {"name": clip.name, **score.figures()}
    for factor in FLICKER:
        squares = changes.get(factor)
        row[f"flicker_{factor}x"] = (sum(squares) / len(squares)) ** 0.5 if squares else None
    row |= {"seconds": maker.seconds, "seconds_per_frame": maker.seconds / row["frames"]}
    row["peak_mebibytes"] = maker.peak
    return row
