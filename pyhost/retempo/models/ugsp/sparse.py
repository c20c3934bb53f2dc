"""How is a decoder evaluated where a mask says so, and nowhere else?

Twice the same: ``Masked`` convolves everything and multiplies by the mask, which has gradients; ``Tiles`` takes the
tiles that are wanted out of the picture, with the pixels around them, convolves them as a batch and puts them back.
What is left out is 0, in between as in the end.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from retempo.models.ifrnet.network import Decoder, ResBlock


class Where(Protocol):
    """The part of a level that is computed.

    Attributes:
        kept: [N, 1, H, W], 1 there, else 0.
    """

    @property
    def kept(self) -> Tensor: ...

    def enter(self, layer: nn.Sequential, given: Tensor) -> Tensor:
        """A convolution and what follows it, of features [N, C, H, W]; the result in whatever layout serves."""
        ...

    def convolve(self, layer: nn.Module, held: Tensor) -> Tensor:
        """The same of a result, to another."""
        ...

    def leave(self, layer: nn.ConvTranspose2d, held: Tensor) -> Tensor:
        """Twice the size, from a result to [N, C, 2 H, 2 W]."""
        ...


def run_decoder(decoder: Decoder, given: Tensor, where: Where | None) -> Tensor:
    """What ``decoder(given)`` is, computed in part.

    Args:
        decoder: of IFRNet. given: [N, C, H, W]. where: None for all of it.

    Returns:
        [N, D, 2 H, 2 W], 0 where nothing was computed.
    """
    if where is None:
        return decoder(given)
    enter, block, leave = decoder.convblock
    assert isinstance(block, ResBlock)
    held = where.enter(enter, given)
    out = held
    for whole, part in ((block.conv1, block.conv2), (block.conv3, block.conv4)):
        most, last = where.convolve(whole, out).split(block.split, 1)
        out = torch.cat([most, where.convolve(part, last)], 1)
    return where.leave(leave, block.prelu(held + where.convolve(block.conv5, out)))


class Masked:
    """Everything is convolved, and multiplied by a mask [N, 1, H, W] of 0 and 1."""

    def __init__(self, kept: Tensor) -> None:
        self._kept = kept

    @property
    def kept(self) -> Tensor:
        return self._kept

    def enter(self, layer: nn.Sequential, given: Tensor) -> Tensor:
        return layer(given) * self._kept

    def convolve(self, layer: nn.Module, held: Tensor) -> Tensor:
        return layer(held) * self._kept

    def leave(self, layer: nn.ConvTranspose2d, held: Tensor) -> Tensor:
        return layer(held) * functional.interpolate(self._kept, scale_factor=2, mode="nearest")


class Tiles:
    """Tiles are convolved, the others not touched. Results in between are [T, C, tile, tile]. No gradients.

    Args:
        wanted: [N, rows, columns] bool.
        tile: side, pixels. height, width: of the level; the last row and column of tiles may lie partly outside.
    """

    def __init__(self, wanted: Tensor, tile: int, height: int, width: int) -> None:
        self.tile = tile
        self.size = height, width
        self.wanted = wanted
        self._where = wanted.nonzero(as_tuple=True)
        self._neighbours = self._find_neighbours()
        inside = torch.ones(1, 1, height, width, dtype=torch.float32, device=wanted.device)
        ragged = height % tile != 0 or width % tile != 0
        self._inside = (
            self._cut(self._lay(inside.expand(len(wanted), 1, height, width)), 0) if ragged else None
        )

    @property
    def kept(self) -> Tensor:
        whole = self.wanted.unsqueeze(1).float()
        grown = functional.interpolate(whole, scale_factor=self.tile, mode="nearest")
        return grown[..., : self.size[0], : self.size[1]]

    def enter(self, layer: nn.Sequential, given: Tensor) -> Tensor:
        return self._apply(layer, self._cut(self._lay(given), 1))

    def convolve(self, layer: nn.Module, held: Tensor) -> Tensor:
        return self._apply(layer, self._surround(held))

    def leave(self, layer: nn.ConvTranspose2d, held: Tensor) -> Tensor:
        """The margin that the surroundings make comes off by more padding."""
        made = functional.conv_transpose2d(
            self._surround(held), layer.weight, layer.bias, stride=layer.stride, padding=3
        )
        count, rows, columns = self.wanted.shape
        side = 2 * self.tile
        out = made.new_zeros(count, made.shape[1], rows * side, columns * side)
        _windows(out, side, side)[self._where] = made
        return out[..., : 2 * self.size[0], : 2 * self.size[1]]

    def _apply(self, layer: nn.Module, around: Tensor) -> Tensor:
        """A convolution without its padding, and the activation after it, if any."""
        first, *rest = layer if isinstance(layer, nn.Sequential) else [layer]
        assert isinstance(first, nn.Conv2d)
        out = functional.conv2d(around, first.weight, first.bias)
        for one in rest:
            out = one(out)
        return out if self._inside is None else out * self._inside.to(out.dtype)

    def _surround(self, held: Tensor) -> Tensor:
        """Tiles [T, C, tile, tile] with the pixels around them, [T, C, tile + 2, tile + 2]; 0 of tiles left out."""
        tiles, channels, side, _ = held.shape
        around = held.new_empty(tiles, channels, side + 2, side + 2)
        around[..., 1:-1, 1:-1] = held
        for (down, across), which in self._neighbours.items():
            edge = held[..., _edge(down), _edge(across)]
            with_none = torch.cat([edge, edge.new_zeros(1, *edge.shape[1:])])
            around[..., _rim(down), _rim(across)] = with_none[which]
        return around

    def _find_neighbours(self) -> dict[tuple[int, int], Tensor]:
        """By direction (down, across): which tile lies there, [T]; their number where none does."""
        count, rows, columns = self.wanted.shape
        tiles = len(self._where[0])
        places = torch.full((count, rows + 2, columns + 2), tiles, device=self.wanted.device)
        places[:, 1:-1, 1:-1][self._where] = torch.arange(tiles, device=self.wanted.device)
        sample, row, column = self._where
        steps = (-1, 0, 1)
        return {
            (down, across): places[sample, row + 1 + down, column + 1 + across]
            for down in steps
            for across in steps
            if down or across
        }

    def _lay(self, given: Tensor) -> Tensor:
        """A picture with zeros around it, so that whole tiles and one pixel more fit."""
        _, rows, columns = self.wanted.shape
        down, across = rows * self.tile - self.size[0], columns * self.tile - self.size[1]
        return functional.pad(given, (1, 1 + across, 1, 1 + down))

    def _cut(self, canvas: Tensor, margin: int) -> Tensor:
        """The wanted tiles of a canvas with a margin of 1, with ``margin`` (0 or 1) pixels around each."""
        if margin == 0:
            canvas = canvas[..., 1:-1, 1:-1]
        return _windows(canvas, self.tile + 2 * margin, self.tile)[self._where]


def _windows(picture: Tensor, side: int, step: int) -> Tensor:
    """A view [N, rows, columns, C, side, side] of a picture [N, C, H, W]."""
    return picture.unfold(2, side, step).unfold(3, side, step).permute(0, 2, 3, 1, 4, 5)


def _edge(step: int) -> slice:
    """Of a tile, what its neighbour in the opposite direction of ``step`` sees."""
    return slice(0, 1) if step > 0 else slice(-1, None) if step < 0 else slice(None)


def _rim(step: int) -> slice:
    """Of a tile with its surroundings, the part in the direction of ``step``."""
    return slice(-1, None) if step > 0 else slice(0, 1) if step < 0 else slice(1, -1)
