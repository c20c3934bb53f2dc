"""How does a clip become training samples? Frames are left out, as a user would lack them, and become the truth."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from retempo.errors import InputError, OutputError
from retempo.flow.base import FlowEstimator, Image
from retempo.flow.dis import DisFlow
from retempo.io.sequence import open_source
from retempo.io.source import Source
from retempo.train.observation import observe, record, record_type
from retempo.train.samples import Samples

SIZE: Final = 256
"""Side of a stored sample, pixels."""

SPACINGS: Final = (2, 2, 2, 4, 4, 6)
"""From one frame of a gap to the other, in frames of the clip; drawn from."""

_CUT, _STILL = 0.12, 0.0015
"""Mean difference of neighbours, [0, 1]: above a cut, below nothing that could be learned."""
_EASY = 0.003
"""Mean error of a sample that half of the flow already makes."""
_CROPS, _CHOICES = 3, 4


def gather(clip: str, folder: Path, gaps: int, seed: int = 0, *, frames: str | None = None) -> int:
    """Cut samples from a clip and write them into a folder, one file a clip; returns how many.

    Places that the flow alone cannot make are chosen more often.

    Args:
        clip: a sequence or movie, as on the command line; its pixels are taken as they are encoded.
        folder: where the file goes, made if need be.
        gaps: places in time to look at.
        seed: of all choices.
        frames: a range of frames of the clip.

    Raises:
        InputError: the clip is too small or too short. OutputError: the folder cannot be written to.
    """
    source = open_source(clip, frames)
    if len(source.frames) < 3 * min(SPACINGS) + 1:
        raise InputError(
            f"{clip} has {len(source.frames)} frames", f"at least {3 * min(SPACINGS) + 1} are needed"
        )
    chance = random.Random(f"{seed} {Path(clip).name}")
    found = list(_samples(source, gaps, chance, DisFlow()))
    if not found:
        return 0
    try:
        folder.mkdir(parents=True, exist_ok=True)
        beside = folder / f".{Path(clip).stem}.part"
        with beside.open("wb") as file:
            np.save(file, np.stack(found), allow_pickle=False)
        beside.replace(folder / f"{Path(clip).stem}.npy")
    except OSError as error:
        raise OutputError(f"{folder} cannot be written to: {error}", "choose another folder") from error
    return len(found)


def _samples(
    source: Source, gaps: int, chance: random.Random, estimator: FlowEstimator
) -> Iterator[NDArray[np.void]]:
    numbers = source.frames
    for _ in range(gaps):
        spacing = chance.choice([one for one in SPACINGS if 3 * one < len(numbers)])
        start = chance.randrange(spacing, len(numbers) - 2 * spacing)
        inner = spacing // 2 if chance.random() < 0.6 else chance.randrange(1, spacing)
        steps = (-spacing, 0, inner, spacing, 2 * spacing)
        pictures = [_picture(source, numbers[start + step]) for step in steps]
        if min(pictures[0].shape[:2]) < SIZE:
            raise InputError(
                f"{source.pattern} is {pictures[0].shape[1]}x{pictures[0].shape[0]}",
                f"samples take {SIZE} pixels",
            )
        if not _worthwhile(pictures):
            continue
        before, first, truth, second, after = pictures
        seen = observe((before, first, second, after), estimator)
        phase = inner / spacing
        error = _half_warp_error(first, second, truth, seen.flows, phase)
        for y, x in _places(error, chance):
            yield record(first, second, truth, seen, phase, y, x, SIZE)


def _picture(source: Source, number: int) -> Image:
    pixels = source.read(number).layers[0].pixels
    return np.ascontiguousarray(np.asarray(pixels, dtype=np.float32)[..., :3])


def _worthwhile(pictures: Sequence[Image]) -> bool:
    """Do the pictures show one shot in which something moves?"""
    small = [cv2.resize(picture, (64, 48), interpolation=cv2.INTER_AREA) for picture in pictures]
    steps = [float(np.abs(one - other).mean()) for one, other in pairwise(small)]
    return max(steps) < _CUT and min(steps[1:3]) > _STILL


def _half_warp_error(
    first: Image, second: Image, truth: Image, flows: tuple[NDArray[np.float32], ...], phase: float
) -> NDArray[np.float32]:
    """Where a simple way goes wrong, [H, W]: both frames fetched along their own flow and mixed."""
    height, width = truth.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    made = np.zeros_like(truth)
    for picture, flow, share in ((first, flows[0], phase), (second, flows[1], 1 - phase)):
        at_x, at_y = x - np.float32(share) * flow[..., 0], y - np.float32(share) * flow[..., 1]
        fetched = cv2.remap(picture, at_x, at_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        made += np.float32(1 - share) * fetched
    return np.abs(made - truth).mean(2)


def _places(error: NDArray[np.float32], chance: random.Random) -> Iterator[tuple[int, int]]:
    """Upper left corners of samples, the likelier the more is wrong in them."""
    height, width = error.shape
    for _ in range(_CROPS):
        corners = [
            (chance.randint(0, height - SIZE), chance.randint(0, width - SIZE)) for _ in range(_CHOICES)
        ]
        wrong = [float(error[y : y + SIZE, x : x + SIZE].mean()) for y, x in corners]
        chosen = chance.choices(range(_CHOICES), weights=[one + 1e-4 for one in wrong])[0]
        if wrong[chosen] > _EASY:
            yield corners[chosen]


class Footage:
    """Samples of a folder, drawn at random or in order; files are mapped, not read.

    Raises:
        InputError: there are none, or a file holds something else.
    """

    def __init__(self, folder: Path) -> None:
        self._files = [_open(path) for path in sorted(folder.glob("*.npy"))]
        self._index = [(file, at) for file in self._files for at in range(len(file))]
        if not self._index:
            raise InputError(f"{folder} holds no samples", "`retempo train gather CLIP -o FOLDER` makes some")

    def __len__(self) -> int:
        return len(self._index)

    def draw(self, count: int, size: int, generator: torch.Generator) -> Samples:
        """A batch of crops of ``size`` pixels (even, at most ``SIZE``)."""
        chosen = torch.randint(len(self), (count,), generator=generator).tolist()
        corners = torch.randint(SIZE - size + 1, (count, 2), generator=generator).tolist()
        return _batch(
            (file[at], y, x, size)
            for (file, at), (y, x) in zip((self._index[i] for i in chosen), corners, strict=True)
        )

    def each(self, step: int = 1) -> Iterator[Samples]:
        """Every ``step``-th sample, whole, by itself."""
        for file, at in self._index[::step]:
            yield _batch([(file[at], 0, 0, SIZE)])


def _open(path: Path) -> NDArray[np.void]:
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError) as error:
        raise InputError(f"{path} cannot be read: {error}", "gather it again") from error
    if found.dtype != record_type(SIZE):
        raise InputError(f"{path} holds no samples of this version", "gather it again")
    return found


def _batch(chosen: Iterable[tuple[NDArray[np.void], int, int, int]]) -> Samples:
    cuts = [(entry, np.s_[y : y + size, x : x + size]) for entry, y, x, size in chosen]

    def pictures(name: str) -> torch.Tensor:
        stack = np.stack([entry[name][inside] for entry, inside in cuts])
        return torch.from_numpy(stack).permute(0, 3, 1, 2).float().div(255).contiguous()

    def planes(name: str, index: int) -> torch.Tensor:
        stack = torch.from_numpy(np.stack([entry[name][index][inside] for entry, inside in cuts])).float()
        return (stack.permute(0, 3, 1, 2) if stack.ndim == 4 else stack[:, None] / 255).contiguous()

    phases = torch.tensor([float(entry["phase"]) for entry, _ in cuts]).view(-1, 1, 1, 1)
    motions = {name: (planes(name, 0), planes(name, 1)) for name in ("flows", "inverses", "pasts", "trusts")}
    return Samples((pictures("first"), pictures("second")), pictures("truth"), phases, **motions)
