"""Was this frame made with these settings from these files? A stamp in each frame's metadata answers."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from retempo.io.source import Source
from retempo.render.settings import RetimeSettings
from retempo.retime.plan import PlanEntry

PICTURE_VERSION = 1
"""Raised whenever a change of the code changes pixels, so that --resume re-makes older frames."""


def stamp_of(
    settings: RetimeSettings, entry: PlanEntry, needed: Sequence[int], source: Source, vectors: Source | None
) -> str:
    """Hash of all that decides the pixels of one output frame.

    Args:
        settings: their fingerprint leaves out what cannot change pixels (threads, memory, device).
        entry: its kind and exact source time.
        needed: numbers of the contributing source frames; the identity of each file enters.
        source, vectors: where they come from.

    Returns:
        40 hexadecimal digits.
    """
    parts = [str(PICTURE_VERSION), settings.fingerprint(), entry.kind, str(entry.source_time)]
    parts.extend(source.digest(number) for number in needed)
    if vectors is not None and entry.kind == "between":
        parts.extend(vectors.digest(number) for number in needed)
    return combine_stamps(parts)


def combine_stamps(parts: Sequence[str]) -> str:
    """One stamp of several."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:40]
