"""Which pixels of a level are worth refining? By chance in training, by whole tiles at work."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil

import torch
from torch import Tensor
from torch.nn import functional

from retempo.models.ugsp.sparse import Masked, Tiles, Where

Choose = Callable[[Tensor], Where | None]
"""Logits [N, 2, H, W] (leave out, keep) of a level -> where it is refined; None for everywhere."""


def everything(logits: Tensor) -> None:
    """Leave nothing out."""


def by_chance(logits: Tensor) -> Where:
    """Hard Gumbel masks, pixel by pixel, with the gradients of soft ones; temperature 1."""
    return Masked(functional.gumbel_softmax(logits, tau=1.0, hard=True, dim=1)[:, 1:])


def by_tiles(keep: float | None, tile: int) -> Choose:
    """Whole tiles: those with a pixel whose logits say so, or the best of them.

    Args:
        keep: part of a picture's tiles, at every level, by the mean of what speaks for them; rounded to whole tiles, at
            least one. None: by the logits.
        tile: side, pixels of the level.
    """

    def choose(logits: Tensor) -> Where | None:
        speaks = logits[:, 1:] - logits[:, :1]
        height, width = speaks.shape[-2:]
        if keep is None:
            wanted = functional.max_pool2d(_round_up(speaks, tile, -torch.inf), tile)[:, 0] > 0
        else:
            wanted = _best(_tile_means(speaks, tile), keep)
        return None if bool(wanted.all()) else Tiles(wanted, tile, height, width)

    return choose


def _tile_means(speaks: Tensor, tile: int) -> Tensor:
    """Mean over the part of each tile that lies inside, [N, rows, columns]."""
    totals = functional.avg_pool2d(_round_up(speaks, tile, 0.0), tile)
    parts = functional.avg_pool2d(_round_up(torch.ones_like(speaks), tile, 0.0), tile)
    return (totals / parts)[:, 0]


def _best(scores: Tensor, keep: float) -> Tensor:
    """The best part of [N, rows, columns], of equals the first, as bool."""
    flat = scores.flatten(1)
    count = min(flat.shape[1], max(1, ceil(keep * flat.shape[1] - 0.5)))
    order = flat.argsort(dim=1, descending=True, stable=True)[:, :count]
    return torch.zeros_like(flat, dtype=torch.bool).scatter(1, order, True).view_as(scores)


def _round_up(picture: Tensor, tile: int, value: float) -> Tensor:
    """Sides made multiples of a tile."""
    height, width = picture.shape[-2:]
    return functional.pad(picture, (0, -width % tile, 0, -height % tile), value=value)
