"""Which frames make a sample for an engine, and how are samples drawn from reels?

Of two frames ``spacing`` apart the one between them is the truth: any of those between for engines that make any
instant, else the one halfway. Engines of four frames also see the frames ``spacing`` before and after.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Protocol

import cv2
import numpy as np
import torch

from retempo.errors import InputError
from retempo.io.rgb import Rgb
from retempo.models.base import Capabilities
from retempo.models.engine import Batch
from retempo.train.reels import Reel
from retempo.train.variation import join, vary

_CUT: Final = 0.12
"""Mean difference of neighbours, [0, 1], above which a cut is between them, as in ``train.footage``."""
_ATTEMPTS: Final = 20
WIDEST: Final = 6
"""From one frame of a gap to the other, in frames of the reel, at most: as far as a septuplet goes."""


class BatchSource(Protocol):
    """Where an engine's batches come from."""

    def draw(self, count: int, crop: int, names: Sequence[str], generator: torch.Generator) -> Batch:
        """``count`` samples of ``crop`` x ``crop`` pixels, each varied by ``names`` (``train.variation``)."""
        ...


@dataclass(frozen=True)
class Place:
    """A sample in a reel: numbers of the window's frames and of the truth, in order of time."""

    frames: tuple[int, ...]
    truth: int

    @property
    def time(self) -> float:
        """Of the truth, within the gap in the window's middle."""
        middle = len(self.frames) // 2
        before, after = self.frames[middle - 1 : middle + 1]
        return (self.truth - before) / (after - before)


def frames_needed(able: Capabilities) -> int:
    """Frames in a row that one sample takes at least."""
    return _span(able, 2) + 1


def _span(able: Capabilities, spacing: int) -> int:
    return spacing * (able.frames - 1)


class Windows:
    """Samples of reels, crops at random; read by several threads.

    Args:
        reels: too short ones are left out.
        able: of the engine.
        widest: largest spacing, 2 or more.
        workers: threads that read.

    Raises:
        InputError: every reel is too short.
    """

    def __init__(self, reels: Sequence[Reel], able: Capabilities, *, widest: int = WIDEST, workers: int = 2):
        self._able, self._workers = able, workers
        step = 1 if able.any_time else 2
        self._places = [
            (reel, spacing)
            for reel in reels
            for spacing in range(2, widest + 1, step)
            if _span(able, spacing) < len(reel.numbers)
        ]
        if not self._places:
            longest = max((len(reel.numbers) for reel in reels), default=0)
            raise InputError(
                f"the longest clip has {longest} frames in a row, and this engine trains on {frames_needed(able)}",
                "give longer ones",
            )
        self._weights = torch.tensor(
            [float(len(reel.numbers) - _span(able, spacing)) for reel, spacing in self._places]
        )

    def draw(self, count: int, crop: int, names: Sequence[str], generator: torch.Generator) -> Batch:
        """See ``BatchSource``.

        Raises:
            InputError: pictures smaller than a sample, of several sizes, or cuts everywhere.
        """
        seeds = torch.randint(2**62, (count,), generator=generator).tolist()

        def one(seed: int) -> Batch:
            own = torch.Generator().manual_seed(seed)
            return vary(self._sample(crop, own), names, own)

        with ThreadPoolExecutor(self._workers) as pool:
            return join(list(pool.map(one, seeds)))

    def choose(self, generator: torch.Generator) -> tuple[Reel, Place]:
        """A place by chance."""
        index = int(torch.multinomial(self._weights, 1, generator=generator))
        reel, spacing = self._places[index]
        start = int(torch.randint(int(self._weights[index]), (), generator=generator))
        inner = spacing // 2
        if self._able.any_time:
            inner = 1 + int(torch.randint(spacing - 1, (), generator=generator))
        frames = tuple(reel.numbers[start + spacing * at] for at in range(self._able.frames))
        return reel, Place(frames, frames[len(frames) // 2 - 1] + inner)

    def _sample(self, crop: int, generator: torch.Generator) -> Batch:
        for _ in range(_ATTEMPTS):
            reel, place = self.choose(generator)
            numbers = sorted({*place.frames, place.truth})
            pictures = {number: reel.read(number) for number in numbers}
            _check_size(reel, list(pictures.values()), crop)
            if reel.uncut or not _is_cut(list(pictures.values())):
                return _cut_out(place, pictures, crop, generator)
        raise InputError(
            f"{reel.name} was cut between the frames of {_ATTEMPTS} samples", "give clips of one shot each"
        )


def _check_size(reel: Reel, pictures: Sequence[Rgb], crop: int) -> None:
    height, width = pictures[0].shape[:2]
    if min(height, width) < crop:
        raise InputError(f"{reel.name} is {width}x{height}", f"give larger pictures, or --crop under {crop}")
    if any(picture.shape != pictures[0].shape for picture in pictures):
        raise InputError(f"{reel.name} has pictures of several sizes", "leave the clip out")


def _is_cut(pictures: Sequence[Rgb]) -> bool:
    """Do neighbours differ as two scenes do?"""
    small = [cv2.resize(one, (64, 48), interpolation=cv2.INTER_AREA).astype(np.float32) for one in pictures]
    steps = [float(np.abs(one - other).mean()) / 255 for one, other in pairwise(small)]
    return max(steps) > _CUT


def _cut_out(place: Place, pictures: dict[int, Rgb], crop: int, generator: torch.Generator) -> Batch:
    height, width = pictures[place.truth].shape[:2]
    top = int(torch.randint(height - crop + 1, (), generator=generator))
    left = int(torch.randint(width - crop + 1, (), generator=generator))

    def plane(number: int) -> torch.Tensor:
        inside = np.ascontiguousarray(pictures[number][top : top + crop, left : left + crop])
        return torch.from_numpy(inside).permute(2, 0, 1)[None].float().div(255).contiguous()

    return Batch(
        tuple(plane(number) for number in place.frames),
        plane(place.truth),
        torch.full((1, 1, 1, 1), place.time),
    )
