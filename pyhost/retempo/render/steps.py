"""What is to be done for each output frame: from which source frames, with which metadata, or nothing at all?"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from retempo.conventions import SETTINGS_KEY
from retempo.io.formats import is_movie
from retempo.io.metadata import retimed, timecode_of
from retempo.io.source import Source
from retempo.io.target import Target
from retempo.render.exposure import Pass, PassKey, list_passes
from retempo.render.index import Indices
from retempo.render.resume import combine_stamps, stamp_of
from retempo.render.settings import RetimeSettings
from retempo.render.timing import Schedule
from retempo.retime.cuts import NO_CUTS, Cuts
from retempo.retime.moment import PlanEntry
from retempo.retime.rational import parse_rate


@dataclass(frozen=True)
class Step:
    """One output frame to make.

    Args:
        entry: its place in the plan.
        passes: which source frames its instants are made from; one, where it is not blurred.
        attributes: metadata it will carry, its stamp among them.
    """

    entry: PlanEntry
    passes: tuple[Pass, ...]
    attributes: dict[str, Any]

    @property
    def needed(self) -> tuple[int, ...]:
        """Numbers of all source frames that contribute, ascending."""
        return numbers_of(self.passes)

    @property
    def stamp(self) -> str:
        """Hash of all that decides its pixels."""
        return str(self.attributes[SETTINGS_KEY])


class Places(Protocol):
    """Knows where output frames are, or will be: a target, or what one left."""

    def path(self, n: int) -> Path:
        """The file of output frame n."""
        ...


def list_steps(
    source: Source,
    target: Places,
    wanted: Schedule,
    settings: RetimeSettings,
    vectors: Source | None,
    colour: str = "",
    attributes: Mapping[str, Any] | None = None,
    mattes: Source | None = None,
    indices: Indices | None = None,
) -> list[Step]:
    """Every frame of the schedule as a step, in order.

    Args:
        colour: from ``colour_identity``.
        attributes: further metadata of all of them, in place of the source's.
        mattes: sequence of the foreground's matte.
        indices: which pixels are shown at instants of their own.
    """
    timecode = timecode_of(source.header(source.frames[0]))
    counted = parse_rate(settings.fps, "--fps") if settings.fps else source.fps
    compression = {} if settings.compression == "keep" else {"compression": settings.compression}

    cadence = wanted.plan.cadence
    kept = cadence.keep(source.frames)

    def needs(moment: PlanEntry) -> tuple[int, ...]:
        return contributors(moment, kept, settings.window, wanted.plan.cuts)

    passes = [list_passes(entry, needs) for entry in wanted.plan.entries]
    stamps = [
        stamp_of(
            settings,
            entry,
            numbers_of(some),
            source,
            vectors,
            colour,
            mattes,
            cadence,
            "" if indices is None else indices.digest(entry.output),
        )
        for entry, some in zip(wanted.plan.entries, passes, strict=True)
    ]
    if is_movie(target.path(0)):  # one file, one stamp: whole or not at all
        stamps = [combine_stamps(stamps)] * len(stamps)
    return [
        Step(
            entry,
            some,
            {
                **compression,
                **(attributes or {}),
                SETTINGS_KEY: stamp,
                "retempo:sourceTime": str(entry.source_time),
                **retimed(timecode, entry.output - wanted.start, wanted.fps, counted),
            },
        )
        for entry, some, stamp in zip(wanted.plan.entries, passes, stamps, strict=True)
    ]


def numbers_of(passes: Sequence[Pass]) -> tuple[int, ...]:
    """The source frames of some passes, ascending."""
    return tuple(sorted({number for one in passes for number in one.numbers}))


def gather_pairs(steps: Sequence[Step]) -> list[Step]:
    """The steps in an order in which every pair of source frames comes once: as they are, or else by source time."""
    seen: set[PassKey] = set()
    before: set[PassKey] = set()
    for step in steps:
        keys = {one.key for one in step.passes if one.kind == "between"}
        if (keys & seen) - before:
            return sorted(steps, key=lambda one: one.entry.source_time)
        seen, before = seen | keys, keys
    return list(steps)


def is_done(step: Step, target: Target, verify: bool = False) -> bool:
    """Does the frame exist, whole (``verify``: every byte as it was written), of the same settings and files?"""
    return target.stamp(step.entry.output) == step.stamp and target.is_whole(step.entry.output, verify)


def contributors(
    entry: PlanEntry, source_frames: Sequence[int], count: int, cuts: Cuts = NO_CUTS
) -> tuple[int, ...]:
    """Numbers of the source frames that a moment is made of, ascending.

    In between: ``count`` of them, fewer where the shot does not have so many. For black any one.
    """
    if entry.first is None:
        return (source_frames[0],)
    if entry.second is None:
        return (entry.first,)
    if entry.kind == "fade":
        return (entry.first, entry.second)
    position = bisect_left(source_frames, entry.first)
    after = bisect_left(source_frames, entry.second)
    extra = (count - 2) // 2
    before = source_frames[max(0, position - extra) : position]
    beyond = source_frames[after + 1 : after + 1 + extra]
    first = entry.first
    return tuple(one for one in (*before, first, entry.second, *beyond) if not cuts.part(one, first))
