"""Was this frame made with these settings from these files? A stamp in each frame's metadata answers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from retempo.errors import InputError, UsageError
from retempo.io.source import Source
from retempo.render.settings import RetimeSettings
from retempo.retime.cadence import STEADY, Cadence
from retempo.retime.moment import PlanEntry

PICTURE_VERSION = 1
"""Raised whenever a change of the code changes pixels, so that --resume re-makes older frames."""


def stamp_of(
    settings: RetimeSettings,
    entry: PlanEntry,
    needed: Sequence[int],
    source: Source,
    vectors: Source | None,
    colour: str = "",
    mattes: Source | None = None,
    cadence: Cadence = STEADY,
    index: str = "",
) -> str:
    """Hash of all that decides the pixels of one output frame.

    Args:
        settings: their fingerprint leaves out what cannot change pixels (threads, memory, device).
        entry: its kind and exact source time; of a blur every instant's.
        needed: numbers of the contributing source frames; the identity of each file enters.
        source, vectors, mattes: where they come from.
        colour: from ``colour_identity``.
        cadence: when the frames were taken.
        index: identity of the frame's index map.

    Returns:
        40 hexadecimal digits.
    """
    parts = [str(PICTURE_VERSION), settings.fingerprint(), colour, entry.kind, str(entry.source_time)]
    if entry.instants:
        parts.extend(f"{one.kind} {one.source_time}" for one in entry.instants)
        parts.append("all" if settings.shutter_samples else "as motion needs")
    parts.extend(source.digest(number) for number in needed)
    parts.extend(str(cadence.times[number]) for number in needed if number in cadence.times)
    if vectors is not None and any(one.kind == "between" for one in entry.moments):
        parts.extend(vectors.digest(number) for number in needed)
    alone = settings.matte_output != "result" and entry.kind != "black"
    if mattes is not None and (alone or any(one.kind == "between" for one in entry.moments)):
        parts.extend(mattes.digest(number) for number in needed)
    return combine_stamps([*parts, index] if index else parts)


def colour_identity(decisions: Mapping[str, Any]) -> str:
    """What the colour settings came to: the same flags mean other pixels under another $OCIO or an edited config.

    Args:
        decisions: from ``ColorPipeline.describe``; names and reasons are left out.
    """
    told = ("config", "config_source", "ocio")
    chosen = {
        key: value for key, value in decisions.items() if key not in told and not key.endswith("_reason")
    }
    return json.dumps(chosen, sort_keys=True, default=str)


def check_way(overwrite: bool, resume: bool, verify: bool) -> None:
    """Refuse flags that contradict each other.

    Raises:
        UsageError: --resume and --overwrite together, or --verify without --resume.
    """
    if resume and overwrite:
        raise UsageError("--resume keeps what is done, --overwrite replaces it", "give one of them")
    if verify and not resume:
        raise UsageError("--verify looks at results that are there", "give it with --resume")


class Witness:
    """What source files were when their frames' stamps were made: pixels that are read later may be others.

    Args:
        numbers: frames that are going to be read.
        sources: where from; a sequence that lacks some of them is asked for the others, one picture counts for all.
    """

    def __init__(self, numbers: Iterable[int], *sources: Source | None) -> None:
        self._seen: dict[Path, tuple[Source, int, str]] = {}
        wanted = set(numbers)
        for source in filter(None, sources):
            for number in source.frames if len(source.frames) == 1 else sorted(wanted & set(source.frames)):
                self._seen[source.path(number)] = (source, number, source.digest(number))

    def check(self) -> None:
        """See that they still are. One that is gone was read before, or its frame would have failed.

        Raises:
            InputError: one was replaced; what was made from it carries the stamp of the old one, and is made again.
        """
        changed = [
            path
            for path, (source, number, digest) in self._seen.items()
            if path.exists() and source.digest(number) != digest
        ]
        if changed:
            more = f", and so were {len(changed) - 1} more" if len(changed) > 1 else ""
            raise InputError(
                f"{changed[0]} was replaced while frames were made from it{more}",
                "run again with --resume: what shows it is made again",
            )


def combine_stamps(parts: Sequence[str]) -> str:
    """One stamp of several."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:40]
