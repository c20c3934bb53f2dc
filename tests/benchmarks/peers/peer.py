"""What does a program have to offer to stand in the table, and what is it given?"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import av
import numpy as np
from footage import read_clip, to_rgb
from numpy.typing import NDArray

Rgb = NDArray[np.uint8]
SPARE = 4
"""Frames beyond the last one that is scored: minterpolate looks ahead."""


def peers_folder() -> Path:
    """Where peers that pip cannot install beside us lie: ``$RETEMPO_PEERS``, else ``build/peers``."""
    return Path(os.environ.get("RETEMPO_PEERS", Path(__file__).resolve().parents[3] / "build" / "peers"))


@dataclass
class Shot:
    """The beginning of a clip, of which the odd frames are to be made from the even ones.

    Args:
        name: of the clip.
        frames: as decoded, a few more than are needed.
        fps: of the clip.
        kept: even numbers, of the frames that may be looked at.
        wanted: odd numbers, of those that are scored; each has a kept frame on both sides.
        chroma: as ``footage.to_rgb``.
    """

    name: str
    frames: list[av.VideoFrame]
    fps: Fraction
    kept: tuple[int, ...]
    wanted: tuple[int, ...]
    chroma: str
    _pictures: dict[int, Rgb] = field(default_factory=dict)

    def rgb(self, number: int) -> Rgb:
        """A frame as all methods that work in RGB see it; the same array at every call."""
        if number not in self._pictures:
            self._pictures[number] = to_rgb(self.frames[number], chroma=self.chroma)
        return self._pictures[number]


def read_shot(path: Path, last: int, every: int, chroma: str) -> Shot:
    """Frames 0 to ``last`` of a clip, of whose odd ones each ``every``-th is scored."""
    frames, fps = read_clip(path, last + SPARE)
    last = min(last, len(frames) - 2 - (len(frames) % 2 == 0))
    kept = tuple(range(0, min(last + 2, len(frames)), 2))
    return Shot(path.stem, frames, fps, kept, tuple(range(1, last, 2))[::every], chroma)


class Peer(Protocol):
    """A method.

    Attributes:
        name: its column.
        setup: everything that its figures depend on; they are made again when it changes.
    """

    name: str
    setup: str

    def missing(self) -> str:
        """Why it cannot run here, and what to do about it; "" when it can."""
        ...

    def rebuild(self, shot: Shot) -> dict[int, Rgb]:
        """Make the wanted frames.

        Raises:
            RuntimeError: the program failed.
        """
        ...
