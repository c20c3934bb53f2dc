"""How is a whole shot retimed? Reads ahead, prepares each pair once, writes behind, resumes.

Reading, computing and writing overlap in three places of their own; what is held at any moment are the
contributing frames, one read ahead and two being written, whatever the length of the shot.
"""

from __future__ import annotations

import time as clock
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from retempo.conventions import SETTINGS_KEY
from retempo.io.formats import is_movie
from retempo.io.frame import Frame
from retempo.io.metadata import retimed, timecode_of
from retempo.io.source import Source
from retempo.io.target import Target
from retempo.render.frame import FrameRenderer, PreparedFrames
from retempo.render.reading import FrameReader
from retempo.render.resume import combine_stamps, stamp_of
from retempo.render.timing import Schedule
from retempo.render.writing import FrameWriter
from retempo.retime.plan import PlanEntry

Progress = Callable[[int, int, str], None]


@dataclass
class ShotReport:
    """What a shot took.

    Args:
        written: output frames made now; ``skipped``: found whole and made with the same settings.
        copied: of those written, source frames passed through.
        repaired: source frames with NaN or infinite colour, and how many pixels of each were replaced.
        pairs: sets of source frames that flow was estimated for.
        seconds: wall time spent waiting for input, preparing, rendering and waiting for output.
    """

    written: list[int] = field(default_factory=list)
    skipped: list[int] = field(default_factory=list)
    copied: list[int] = field(default_factory=list)
    repaired: dict[int, int] = field(default_factory=dict)
    pairs: int = 0
    seconds: dict[str, float] = field(
        default_factory=lambda: {"read": 0.0, "prepare": 0.0, "render": 0.0, "write": 0.0}
    )

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "written": self.written,
            "skipped": self.skipped,
            "copied": self.copied,
            "repaired": self.repaired,
            "pairs": self.pairs,
            "seconds": {name: round(value, 3) for name, value in self.seconds.items()},
        }


@dataclass(frozen=True)
class Step:
    """One output frame to make: its plan, the source frames it needs, and the stamp it will carry."""

    entry: PlanEntry
    needed: tuple[int, ...]
    stamp: str


def contributors(entry: PlanEntry, source_frames: Sequence[int], count: int) -> tuple[int, ...]:
    """Numbers of the source frames that output ``entry`` is made of, ascending."""
    if entry.first is None:
        return (source_frames[0],)
    if entry.kind != "between" or entry.second is None:
        return (entry.first,)
    position = bisect_left(source_frames, entry.first)
    after = bisect_left(source_frames, entry.second)
    extra = (count - 2) // 2
    before = source_frames[max(0, position - extra) : position]
    beyond = source_frames[after + 1 : after + 1 + extra]
    return (*before, entry.first, entry.second, *beyond)


def render_shot(
    source: Source,
    target: Target,
    wanted: Schedule,
    renderer: FrameRenderer,
    *,
    vectors: Source | None = None,
    resume: bool = False,
    progress: Progress | None = None,
) -> ShotReport:
    """Make every frame of a schedule.

    Args:
        source: where source frames come from.
        target: where results go; it is closed on success and aborted on any error.
        wanted: the plan, frame rate and first output frame.
        renderer: settings, colour and estimators.
        vectors: second sequence that holds motion vectors, with the source's frame numbers.
        resume: leave alone the frames that exist, are whole, and were made with the same settings from the
            same source files.
        progress: called as ``progress(done, total, what)`` after each frame.

    Raises:
        InputError, OutputError: a frame cannot be read or written; finished frames stay.
    """
    report = ShotReport()
    movie = is_movie(target.path(0))
    frames = source.frames
    compression = renderer.settings.compression
    timecode = timecode_of(source.header(frames[0]))
    steps = [
        Step(entry, needed, stamp_of(renderer.settings, entry, needed, source, vectors))
        for entry in wanted.plan.entries
        for needed in [contributors(entry, frames, renderer.settings.source_frames)]
    ]
    if movie:  # one file, one stamp: whole or not at all
        together = combine_stamps([step.stamp for step in steps])
        steps = [replace(step, stamp=together) for step in steps]
    work = []
    for step in steps:
        output = step.entry.output
        if resume and target.stamp(output) == step.stamp and target.is_whole(output):
            report.skipped.append(output)
        else:
            work.append(step)
    total = len(wanted.plan.entries)
    reader = FrameReader(source.read, [step.needed for step in work])
    writer = FrameWriter(workers=1 if movie else 2)
    prepared: PreparedFrames | None = None
    try:
        for position, step in enumerate(work):
            entry, needed = step.entry, step.needed
            began = clock.perf_counter()
            taken = reader.take(position)
            read = clock.perf_counter()
            if entry.kind == "between":
                if prepared is None or prepared.times != needed:
                    prepared = None
                    prepared = renderer.prepare(taken, _vector_frames(vectors, needed))
                    report.pairs += 1
                    report.repaired.update(prepared.repaired)
                ready = clock.perf_counter()
                made = renderer.render(prepared, entry.source_time)
            else:
                ready = clock.perf_counter()
                made = renderer.pass_through(taken[needed[0]])
                if entry.kind == "black":
                    made = blacken(made)
                else:
                    report.copied.append(entry.output)
            rendered = clock.perf_counter()
            attributes = {
                **({} if compression == "keep" else {"compression": compression}),
                SETTINGS_KEY: step.stamp,
                "retempo:sourceTime": str(entry.source_time),
                **retimed(timecode, entry.output - wanted.start, wanted.fps),
            }
            writer.submit(_write(target, entry.output, made, attributes))
            written = clock.perf_counter()
            report.written.append(entry.output)
            for stage, spent in (
                ("read", read - began),
                ("prepare", ready - read),
                ("render", rendered - ready),
                ("write", written - rendered),
            ):
                report.seconds[stage] += spent
            if progress is not None:
                progress(len(report.skipped) + position + 1, total, f"frame {entry.output}")
        began = clock.perf_counter()
        writer.finish()
        target.close()
        report.seconds["write"] += clock.perf_counter() - began
    except BaseException:
        writer.cancel()
        target.abort()
        raise
    finally:
        reader.close()
    return report


def blacken(frame: Frame) -> Frame:
    """The same frame with every channel and every id 0."""
    layers = [
        replace(layer, pixels=np.zeros_like(layer.pixels), ids=np.zeros_like(layer.ids))
        for layer in frame.layers
    ]
    return replace(frame, layers=layers)


def _vector_frames(vectors: Source | None, numbers: tuple[int, ...]) -> Mapping[int, Frame] | None:
    return None if vectors is None else {number: vectors.read(number) for number in numbers}


def _write(target: Target, number: int, frame: Frame, attributes: Mapping[str, Any]) -> Callable[[], None]:
    return lambda: target.write(number, frame, dict(attributes))
