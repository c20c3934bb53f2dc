"""Was this frame made with these settings from these files? A stamp in each frame's metadata answers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

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


def combine_stamps(parts: Sequence[str]) -> str:
    """One stamp of several."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:40]
