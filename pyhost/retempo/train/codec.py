"""What does the frame codec learn from? Targets of clips, references up to 4 frames away, the motion to them."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from retempo.codec.config import CodecConfig
from retempo.codec.losses import rate_distortion, rate_motion
from retempo.codec.network import FrameCodec, Reconstruction
from retempo.codec.weights import save_codec
from retempo.errors import InputError, OutputError, UsageError
from retempo.flow.base import FlowEstimator
from retempo.io.sequence import open_source

SIZE: Final = 192
"""Side of a stored sample, pixels."""
NEAREST, FARTHEST = 1, 4
"""Frames from a sample's target to a reference; drawn for each side."""
_STILL, _CUT = 0.002, 0.12
_TRIES: Final = 4


class Batch(NamedTuple):
    """Samples.

    Attributes:
        target: [N, 3, S, S], 0..1. references: [N, n, 3, S, S]. flows: [N, n, 2, S, S] pixels.
        distances: [N, n] frames.
    """

    target: Tensor
    references: Tensor
    flows: Tensor
    distances: Tensor


def record_type(references: int) -> np.dtype:
    """How a sample is stored."""
    return np.dtype([
        ("target", "u1", (SIZE, SIZE, 3)), ("references", "u1", (references, SIZE, SIZE, 3)),
        ("flows", "f2", (references, SIZE, SIZE, 2)), ("distances", "u1", (references,)),
    ])  # fmt: skip


def gather(
    clips: Sequence[str], path: Path, count: int, estimator: FlowEstimator, references: int = 2, seed: int = 0
) -> int:
    """Write about ``count`` samples of each clip into one file; returns how many there are.

    Where little moves, and across cuts, nothing is learned: such places are left out.

    Args:
        clips: sequences or movies, taken as they are encoded; at least 192 pixels high and wide.
        path: of the file (.npy). count: samples a clip. estimator: whose flow the network will be given.
        references: frames a target is made of. seed: of all choices.

    Raises:
        InputError: a clip is too short or too small, or nothing moves. OutputError: the file cannot be written.
    """
    found = [one for clip in clips for one in _samples(clip, count, estimator, references, seed)]
    if not found:
        raise InputError(f"nothing moves in {', '.join(clips)}", "gather from other clips")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.part")
        with beside.open("wb") as file:
            np.save(file, np.stack(found), allow_pickle=False)
        beside.replace(path)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error}", "choose another place") from error
    return len(found)


def _samples(
    clip: str, count: int, estimator: FlowEstimator, references: int, seed: int
) -> Iterator[NDArray[np.void]]:
    source = open_source(clip)
    chance = random.Random(f"{seed} {Path(clip).name}")
    numbers = source.frames
    if len(numbers) <= 2 * FARTHEST:
        raise InputError(f"{clip} has {len(numbers)} frames", f"at least {2 * FARTHEST + 1} are needed")
    for _ in range(max(1, count // 2)):  # two places of each target
        at = chance.randrange(FARTHEST, len(numbers) - FARTHEST)
        steps = _steps(references, chance)
        pictures = [source.read(numbers[at + step]).main().pixels[..., :3] for step in (0, *steps)]
        pictures = [np.ascontiguousarray(one, dtype=np.float32) for one in pictures]
        height, width = pictures[0].shape[:2]
        if min(height, width) < SIZE:
            raise InputError(f"{clip} is {width}x{height}", f"samples take {SIZE} pixels")
        if any(float(np.abs(pictures[0] - one).mean()) > _CUT for one in pictures[1:]):
            continue
        flows = [estimator.estimate(pictures[0], one)[0] for one in pictures[1:]]
        for y, x in _places(pictures[0], pictures[1], chance):
            yield _record(pictures, flows, steps, y, x)


def _steps(references: int, chance: random.Random) -> tuple[int, ...]:
    """Distances in time, nearest pair first, sides in turn; different on the same side."""
    sides = [sorted(chance.sample(range(NEAREST, FARTHEST + 1), -(-references // 2))) for _ in range(2)]
    pairs = [(-before, after) for before, after in zip(*sides, strict=True)]
    return tuple(step for pair in pairs for step in pair)[:references]


def _places(
    target: NDArray[np.float32], other: NDArray[np.float32], chance: random.Random
) -> Iterator[tuple[int, int]]:
    """Two corners of crops in which something moves, the likelier the more does."""
    height, width = target.shape[:2]
    for _ in range(2):
        corners = [(chance.randint(0, height - SIZE), chance.randint(0, width - SIZE)) for _ in range(_TRIES)]
        moved = [
            float(np.abs(target[y : y + SIZE, x : x + SIZE] - other[y : y + SIZE, x : x + SIZE]).mean())
            for y, x in corners
        ]
        chosen = chance.choices(range(_TRIES), weights=[one + 1e-6 for one in moved])[0]
        if moved[chosen] > _STILL:
            yield corners[chosen]


def _record(
    pictures: Sequence[NDArray[np.float32]],
    flows: Sequence[NDArray[np.float32]],
    steps: Sequence[int],
    y: int,
    x: int,
) -> NDArray[np.void]:
    inside = np.s_[y : y + SIZE, x : x + SIZE]
    codes = [np.round(one[inside] * 255).clip(0, 255).astype(np.uint8) for one in pictures]
    entry = np.zeros((), record_type(len(steps)))
    entry["target"], entry["references"] = codes[0], np.stack(codes[1:])
    entry["flows"] = np.stack([flow[inside] for flow in flows])
    entry["distances"] = np.abs(steps)
    return entry


class CodecSamples:
    """Samples of one file, mapped, not read.

    Raises:
        InputError: it is not there, or holds something else.
    """

    def __init__(self, path: Path, references: int = 2) -> None:
        try:
            self._entries = np.load(path, mmap_mode="r", allow_pickle=False)
        except (ValueError, OSError) as error:
            raise InputError(f"{path} cannot be read: {error}", "`retempo codec gather` makes it") from error
        if self._entries.dtype != record_type(references) or self._entries.ndim != 1:
            raise InputError(f"{path} holds no samples with {references} references", "gather it again")

    def __len__(self) -> int:
        return len(self._entries)

    def draw(self, count: int, size: int, generator: torch.Generator) -> Batch:
        """A batch of crops of ``size`` pixels, mirrored and turned by chance."""
        chosen = torch.randint(len(self), (count,), generator=generator).tolist()
        corners = torch.randint(SIZE - size + 1, (count, 2), generator=generator).tolist()
        cuts = [
            (self._entries[at], np.s_[..., y : y + size, x : x + size, :])
            for at, (y, x) in zip(chosen, corners, strict=True)
        ]
        return _turn(_batch(cuts), generator)

    def each(self, size: int, limit: int) -> Iterator[Batch]:
        """``limit`` samples evenly from all, one by one, cut to ``size``."""
        for at in np.linspace(0, len(self) - 1, min(limit, len(self))).astype(int):
            yield _batch([(self._entries[at], np.s_[..., :size, :size, :])])


def _batch(cuts: Sequence[tuple[NDArray[np.void], Any]]) -> Batch:
    def pictures(name: str) -> Tensor:
        stack = torch.from_numpy(np.stack([entry[name][inside] for entry, inside in cuts]))
        return stack.movedim(-1, -3).float().contiguous()

    distances = torch.from_numpy(np.stack([entry["distances"] for entry, _ in cuts])).float()
    return Batch(pictures("target") / 255, pictures("references") / 255, pictures("flows"), distances)


def _turn(batch: Batch, generator: torch.Generator) -> Batch:
    """Mirror left to right, top to bottom, across the diagonal, each by chance; motion with the pictures."""
    target, references, flows, distances = batch
    for axis, component in ((-1, 0), (-2, 1)):
        if torch.rand((), generator=generator) < 0.5:
            target, references, flows = target.flip(axis), references.flip(axis), flows.flip(axis)
            sign = torch.ones(2)
            sign[component] = -1
            flows = flows * sign[:, None, None]
    if torch.rand((), generator=generator) < 0.5:
        target, references = target.transpose(-1, -2), references.transpose(-1, -2)
        flows = flows.transpose(-1, -2).flip(-3)
    return Batch(target, references, flows, distances)


class CodecTask:
    """One network, for one lambda; what ``trainer.train`` trains.

    Args:
        config: the network. weight: lambda, > 0.
        data: samples. held_out: samples that are never trained on.
        batch, size: samples a step, and their side (a multiple of 32, of 64 with a hyperprior; at most 192).
        limit: held-out samples that are looked at. seed: of the weights at first.
        device: a torch device.
    """

    def __init__(
        self,
        config: CodecConfig,
        weight: float,
        data: CodecSamples,
        held_out: CodecSamples,
        *,
        batch: int = 4,
        size: int = 128,
        limit: int = 24,
        seed: int = 0,
        device: str = "cpu",
    ) -> None:
        if size % config.multiple or not 0 < size <= SIZE or batch < 1 or limit < 1 or not weight > 0:
            raise UsageError(
                f"size {size}, batch {batch}, {limit} held-out samples, lambda {weight}",
                f"the size is a multiple of {config.multiple} up to {SIZE}, the others above 0",
            )
        torch.manual_seed(seed)
        self.module = FrameCodec(config).to(device)
        self._device = device
        self.config, self.weight = config, weight
        self._data, self._held_out = data, held_out
        self._batch, self._size, self._limit = batch, size, limit

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def begin_with(self, start: FrameCodec) -> None:
        """Take the weights of a network of the same kind, or the motion of a sequential one of the same widths.

        What a joint network sees and says beside motion then begins at zero, and so with the mean of its references:
        its own loss needs long to find motion by itself.

        Raises:
            UsageError: it has other widths, another prior or number of references.
        """
        found, own = start.state_dict(), self.module.state_dict()
        if start.config == self.config:
            self.module.load_state_dict(found)
            return
        if start.config != replace(self.config, kind="sequential", residual=False):
            raise UsageError(
                f"the weights to begin with are of {start.config}", f"this network is {self.config}"
            )
        motion = 2 * self.config.references
        last = f"decoder.{len(self.module.decoder) - 1}"
        for name, tensor in found.items():
            if name == "encoder.0.weight":
                own[name].zero_()
                own[name][:, -motion:] = tensor
            elif name == f"{last}.weight":
                own[name].zero_()
                own[name][:, :motion] = tensor
            elif name == f"{last}.bias":
                own[name].zero_()
                own[name][:motion] = tensor
            else:
                own[name].copy_(tensor)

    def loss(self, generator: torch.Generator) -> Tensor:
        """Rate and distortion of a fresh batch; the motion estimator is not part of it."""
        self.module.train()
        batch = self._place(self._data.draw(self._batch, self._size, generator))
        return self._score(self.module(*batch, noise=generator), batch)

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def validate(self) -> Mapping[str, float]:
        """Figures of held-out samples, with real rounding.

        ``validation`` is -10 log10 of the mean loss; ``bits_per_pixel`` and ``psnr`` (of the mean error) say why.
        """
        self.module.eval()
        found = []
        for batch in map(self._place, self._held_out.each(self._size, self._limit)):
            made = self.module(*batch)
            bits = float((made.bits + made.residual_bits).mean()) / (self._size * self._size)
            error = float((made.picture - batch.target).square().mean())
            found.append((float(self._score(made, batch)), bits, error))
        loss, bits, error = np.mean(found, axis=0)
        return {
            "validation": float(-10 * np.log10(loss)), "bits_per_pixel": float(bits),
            "psnr": float(-10 * np.log10(max(error, 1e-12))),
        }  # fmt: skip

    def save(self, path: Path, facts: Mapping[str, str]) -> None:
        """Weights with the integer tables that code, and how they were made."""
        save_codec(self.module, path, {"lambda": repr(self.weight), **facts})

    def _place(self, batch: Batch) -> Batch:
        return Batch(*(part.to(self._device) for part in batch))

    def _score(self, found: Reconstruction, batch: Batch) -> Tensor:
        if self.config.kind == "sequential":
            return rate_motion(found.made, batch.flows, found.bits, self.weight)
        return rate_distortion(found, batch.target, self.weight)
