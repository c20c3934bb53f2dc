"""What is to be done for each output frame: from which source frames, with which metadata, or nothing at all?"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from retempo.conventions import SETTINGS_KEY
from retempo.io.formats import is_movie
from retempo.io.metadata import retimed, timecode_of
from retempo.io.source import Source
from retempo.io.target import Target
from retempo.render.resume import combine_stamps, stamp_of
from retempo.render.settings import RetimeSettings
from retempo.render.timing import Schedule
from retempo.retime.plan import PlanEntry


@dataclass(frozen=True)
class Step:
    """One output frame to make.

    Args:
        entry: its place in the plan.
        needed: numbers of the source frames that contribute, ascending.
        attributes: metadata it will carry, its stamp among them.
    """

    entry: PlanEntry
    needed: tuple[int, ...]
    attributes: dict[str, Any]

    @property
    def stamp(self) -> str:
        """Hash of all that decides its pixels."""
        return str(self.attributes[SETTINGS_KEY])


def list_steps(
    source: Source,
    target: Target,
    wanted: Schedule,
    settings: RetimeSettings,
    vectors: Source | None,
    colour: str = "",
    attributes: Mapping[str, Any] | None = None,
) -> list[Step]:
    """Every frame of the schedule as a step, in order.

    Args:
        colour: from ``colour_identity``.
        attributes: further metadata of all of them, in place of the source's.
    """
    timecode = timecode_of(source.header(source.frames[0]))
    compression = {} if settings.compression == "keep" else {"compression": settings.compression}
    needs = [contributors(entry, source.frames, settings.source_frames) for entry in wanted.plan.entries]
    stamps = [
        stamp_of(settings, entry, needed, source, vectors, colour)
        for entry, needed in zip(wanted.plan.entries, needs, strict=True)
    ]
    if is_movie(target.path(0)):  # one file, one stamp: whole or not at all
        stamps = [combine_stamps(stamps)] * len(stamps)
    return [
        Step(
            entry,
            needed,
            {
                **compression,
                **(attributes or {}),
                SETTINGS_KEY: stamp,
                "retempo:sourceTime": str(entry.source_time),
                **retimed(timecode, entry.output - wanted.start, wanted.fps),
            },
        )
        for entry, needed, stamp in zip(wanted.plan.entries, needs, stamps, strict=True)
    ]


def is_done(step: Step, target: Target) -> bool:
    """Does the frame exist, whole, made with the same settings from the same files?"""
    return target.stamp(step.entry.output) == step.stamp and target.is_whole(step.entry.output)


def contributors(entry: PlanEntry, source_frames: Sequence[int], count: int) -> tuple[int, ...]:
    """Numbers of the source frames that output ``entry`` is made of, ascending; ``count`` of them in between."""
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
