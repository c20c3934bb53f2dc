"""What is to be rebuilt, from which frames, and what is the truth?

A clip is a row of the table. Its *gaps* say which frames may be looked at and which are to be made from them; frames
have numbers, whose distances are distances in time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from retempo.errors import InputError
from retempo.io.reader import read_frame
from retempo.io.rgb import Rgb, to_rgb


@dataclass(frozen=True)
class Gap:
    """Two neighbouring inputs and what lies between them.

    Args:
        inputs: numbers of all frames that may be looked at, ascending.
        first: the one of ``inputs`` after which the truths follow.
        truths: numbers of the frames to be made, between ``first`` and the next input, ascending.
    """

    inputs: tuple[int, ...]
    first: int
    truths: tuple[int, ...]


@dataclass(frozen=True)
class Clip:
    """A row of the table.

    Args:
        name: unique in the run.
        read: number -> picture; all pictures of a gap have one size.
        label: number -> what to call that frame in messages.
        gaps: what is scored.
        flicker: slow-down -> gaps that are made for their flicker alone, beside ``gaps``.
    """

    name: str
    read: Callable[[int], Rgb]
    label: Callable[[int], str]
    gaps: tuple[Gap, ...]
    flicker: Mapping[int, tuple[Gap, ...]] = field(default_factory=dict)


def files_clip(
    name: str,
    paths: Mapping[int, Path],
    gaps: Sequence[Gap],
    change: Callable[[Rgb], Rgb] | None = None,
) -> Clip:
    """A clip of image files.

    Args:
        name, gaps: as in ``Clip``.
        paths: number -> file.
        change: made of every picture after reading (a crop, a smaller size).

    Raises:
        InputError: files that the gaps need are missing; the first is named.
    """
    needed = {number for gap in gaps for number in (*gap.inputs, *gap.truths)}
    missing = [paths[number] for number in sorted(needed) if not paths[number].is_file()]
    if missing:
        more = f", and {len(missing) - 1} more of {name}" if len(missing) > 1 else ""
        raise InputError(f"{missing[0]} is missing{more}", "copy the set again, or name another --layout")

    def read(number: int) -> Rgb:
        picture = to_rgb(read_frame(paths[number]))
        return picture if change is None else change(picture)

    return Clip(name, read, lambda number: str(paths[number]), tuple(gaps))


def drop_frames(numbers: Sequence[int], every: int) -> tuple[Gap, ...]:
    """Keep each ``every``-th of consecutive frames, from the first on, and make those between; a rest is left over."""
    kept = tuple(numbers[::every])
    between = {first: tuple(numbers[at + 1 : at + every]) for at, first in enumerate(numbers)}
    return tuple(Gap(kept, first, between[first]) for first, _ in pairwise(kept))
