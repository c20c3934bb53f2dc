"""How alike is each place of one picture to places of the other? A pyramid of correlations, stored or made when needed.

A level holds, for each place of the first picture, its similarity to every place of the second, whose feature map was
averaged down by 2^level. Stored, a level takes 4 (H W)^2 / 4^level bytes; for 1080p the finest is 4 GB. Levels larger
than a limit are therefore not stored: their similarities are computed around the places that are looked at, each time.
Both ways give the same numbers up to rounding, since averaging and interpolating are linear.
"""

from __future__ import annotations

from math import sqrt
from typing import Final, Protocol

import torch
from torch import Tensor
from torch.nn import functional

ROWS: Final = 512
"""Places that are looked at together where nothing is stored: bounds the memory of the gathered features."""


class Level(Protocol):
    """One level of the pyramid."""

    def look_up(self, places: Tensor) -> Tensor:
        """Similarities around ``places`` [N, 2] (x, y), in this level's grid -> [N, (2 radius + 1)^2].

        The window is listed column by column (x outermost), as the published weights want it. Places outside count 0.
        """
        ...


class StoredLevel:
    """All similarities.

    Args:
        first: [N, C], features of the first picture.
        second: [C, h, w], averaged features of the second.
        radius: of the window.
    """

    def __init__(self, first: Tensor, second: Tensor, radius: int) -> None:
        self.volume = (first @ second.flatten(1)).view(len(first), 1, *second.shape[1:])
        self.steps = torch.arange(-radius, radius + 1, device=first.device, dtype=first.dtype)

    def look_up(self, places: Tensor) -> Tensor:
        height, width = self.volume.shape[2:]
        x = places[:, 0, None, None] + self.steps[:, None]
        y = places[:, 1, None, None] + self.steps
        grid = torch.stack(torch.broadcast_tensors(2 * x / (width - 1) - 1, 2 * y / (height - 1) - 1), -1)
        return functional.grid_sample(self.volume, grid, align_corners=True).flatten(1)


class LazyLevel:
    """Only the features, from which the similarities around a place are made; arguments as above."""

    def __init__(self, first: Tensor, second: Tensor, radius: int) -> None:
        self.first = first
        self.radius = radius
        self.side = 2 * radius + 2  # whole places around a broken one
        self.height, self.width = second.shape[1:]
        padded = functional.pad(second, (self.side,) * 4)
        self.row = padded.shape[2]
        self.table = padded.flatten(1).t().contiguous()  # [places, C]
        steps = torch.arange(self.side, device=first.device)
        self.window = (steps * self.row + steps[:, None]).flatten()  # x outermost

    def look_up(self, places: Tensor) -> Tensor:
        corner = places.floor()
        share = places - corner
        start = self._start(corner[:, 1], self.height) * self.row + self._start(corner[:, 0], self.width)
        parts = []
        for begin in range(0, len(places), ROWS):
            part = slice(begin, begin + ROWS)
            seen = self.table[start[part, None] + self.window]  # [n, side^2, C]
            whole = torch.bmm(seen, self.first[part, :, None]).view(-1, self.side, self.side)
            parts.append(mix(whole, share[part]))
        return torch.cat(parts)

    def _start(self, corner: Tensor, extent: int) -> Tensor:
        """Where windows begin in the padded map; one that lies outside altogether sees zeros wherever that is."""
        inside = corner.clamp(-self.side, extent + self.side).long()
        return (inside - self.radius + self.side).clamp(0, extent + self.side)


def mix(whole: Tensor, share: Tensor) -> Tensor:
    """Interpolate [n, side, side] (x, y) at the fractions [n, 2] past each place -> [n, (side - 1)^2]."""
    x, y = share[:, 0, None, None], share[:, 1, None, None]
    across = (1 - x) * whole[:, :-1] + x * whole[:, 1:]
    return ((1 - y) * across[..., :-1] + y * across[..., 1:]).flatten(1)


class Pyramid:
    """Similarities of every place of one feature map to those of another.

    Args:
        first, second: [1, C, H, W], float32.
        levels: how many, each half as fine as the one before.
        radius: how far around a place is looked, in places of the level.
        limit: bytes that a level may take to be stored.
    """

    def __init__(self, first: Tensor, second: Tensor, levels: int, radius: int, limit: int) -> None:
        self.shape = first.shape[2:]
        rows = first.flatten(2)[0].t().contiguous() / sqrt(first.shape[1])
        self.levels: list[Level] = []
        for level in range(levels):
            if level:
                second = functional.avg_pool2d(second, 2)
            stored = 4 * len(rows) * second[0, 0].numel() <= limit
            self.levels.append((StoredLevel if stored else LazyLevel)(rows, second[0], radius))

    def look_up(self, places: Tensor) -> Tensor:
        """Similarities around ``places`` [1, 2, H, W] (x, y) of the finest grid: [1, levels (2 radius + 1)^2, H, W]."""
        points = places[0].flatten(1).t()
        found = [level.look_up(points / 2**index) for index, level in enumerate(self.levels)]
        return torch.cat(found, 1).t().reshape(1, -1, *self.shape)
