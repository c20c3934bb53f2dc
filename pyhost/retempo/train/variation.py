"""How does one sample become many? Changes by chance that leave the task what it is.

mirror, flip        left for right; upside down
transpose, rotate   rows for columns; by quarter turns
reverse             backwards in time
colours             red, green and blue exchanged
jitter              contrast, brightness, saturation and gamma a little off, alike in all frames
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

import torch
from torch import Tensor

from retempo.errors import UsageError
from retempo.models.engine import Batch
from retempo.train.turning import mirror, transpose


def vary(batch: Batch, names: Iterable[str], generator: torch.Generator) -> Batch:
    """Return a batch with each named change made, or not, by chance; what chance says holds for the whole batch.

    Args:
        batch: square pictures where it is to be transposed or rotated.
        names: of the module's table.
        generator: of chance.
    """
    for name in names:
        batch = CHANGES[name](batch, generator)
    return batch


def check_names(names: Iterable[str]) -> tuple[str, ...]:
    """The names as a tuple.

    Raises:
        UsageError: one that is not known.
    """
    found = tuple(names)
    for name in found:
        if name not in CHANGES:
            raise UsageError(f"samples cannot be varied by {name!r}", f"choose from {', '.join(CHANGES)}")
    return found


def join(batches: list[Batch]) -> Batch:
    """One batch of several; all of them know the motion, or none."""
    flows = [batch.flows for batch in batches if batch.flows is not None]
    earlier, later = (torch.cat([both[side] for both in flows]) if flows else None for side in (0, 1))
    return Batch(
        tuple(torch.cat(frames) for frames in zip(*(batch.frames for batch in batches), strict=True)),
        torch.cat([batch.truth for batch in batches]),
        torch.cat([batch.time for batch in batches]),
        None if earlier is None or later is None else (earlier, later),
    )


def change_planes(batch: Batch, change: Callable[[Tensor], Tensor]) -> Batch:
    """The batch with every picture, motion and map changed in the same way."""
    time = batch.time if batch.time.shape[-2:] == (1, 1) else change(batch.time)
    flows = None if batch.flows is None else (change(batch.flows[0]), change(batch.flows[1]))
    return Batch(tuple(change(frame) for frame in batch.frames), change(batch.truth), time, flows)


def change_colours(batch: Batch, change: Callable[[Tensor], Tensor]) -> Batch:
    """The batch with the colour of every picture changed in the same way."""
    frames = tuple(change(frame) for frame in batch.frames)
    return batch._replace(frames=frames, truth=change(batch.truth))


def reverse(batch: Batch) -> Batch:
    """The batch backwards in time. A map of instants belongs to the earlier frame and cannot be turned back."""
    flows = None if batch.flows is None else batch.flows[::-1]
    return batch._replace(frames=batch.frames[::-1], time=1 - batch.time, flows=flows)


def _toss(generator: torch.Generator) -> bool:
    return float(torch.rand((), generator=generator)) < 0.5


def _mirror(batch: Batch, generator: torch.Generator) -> Batch:
    return change_planes(batch, lambda plane: mirror(plane, -1)) if _toss(generator) else batch


def _flip(batch: Batch, generator: torch.Generator) -> Batch:
    return change_planes(batch, lambda plane: mirror(plane, -2)) if _toss(generator) else batch


def _transpose(batch: Batch, generator: torch.Generator) -> Batch:
    return change_planes(batch, transpose) if _toss(generator) else batch


def _rotate(batch: Batch, generator: torch.Generator) -> Batch:
    for _ in range(int(torch.randint(4, (), generator=generator))):
        batch = change_planes(batch, lambda plane: mirror(transpose(plane), -1))
    return batch


def _reverse(batch: Batch, generator: torch.Generator) -> Batch:
    turnable = batch.time.shape[-2:] == (1, 1)
    return reverse(batch) if _toss(generator) and turnable else batch


def _exchange(batch: Batch, generator: torch.Generator) -> Batch:
    order = torch.randperm(3, generator=generator)
    return change_colours(batch, lambda picture: picture[:, order])


def _jitter(batch: Batch, generator: torch.Generator) -> Batch:
    contrast, brightness, saturation, gamma = (torch.rand(4, generator=generator) * 2 - 1).tolist()

    def change(picture: Tensor) -> Tensor:
        grey = picture.mean(1, keepdim=True)
        coloured = grey + (picture - grey) * (1 + _JITTER * saturation)
        lit = (coloured - 0.5) * (1 + _JITTER * contrast) + 0.5 + _JITTER / 2 * brightness
        bent: Tensor = lit.clamp(0, 1) ** (1 + _JITTER * gamma)
        return bent

    return change_colours(batch, change)


_JITTER: Final = 0.2
"""Contrast, saturation and gamma by up to a fifth, brightness by up to a tenth."""

CHANGES: Final[dict[str, Callable[[Batch, torch.Generator], Batch]]] = {
    "mirror": _mirror,
    "flip": _flip,
    "transpose": _transpose,
    "rotate": _rotate,
    "reverse": _reverse,
    "colours": _exchange,
    "jitter": _jitter,
}
"""What may be made by chance; ``Recipe.vary`` names some."""
