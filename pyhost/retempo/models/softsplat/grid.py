"""What are SoftSplat's synthesis and its metric made of? Blocks of two convolutions, and grids of them.

After Fourure et al., "Residual conv-deconv grid network", BMVC 2017. A block's name says from where to where in the
grid it leads (``0x1 - 1x1``: row 0 to row 1 of column 1), as in the published state dicts. No convolution has a bias.
"""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from retempo.models.warping import look_up

SLOPE = 0.25


def convolve(before: int, after: int, stride: int = 1) -> nn.Conv2d:
    """3x3, without bias."""
    return nn.Conv2d(before, after, 3, stride, 1, bias=False)


class Basic(nn.Module):
    """[PReLU,] conv, PReLU, conv, plus the input (led through 1x1 where its channels differ)."""

    def __init__(self, before: int, middle: int, after: int, *, activate: bool) -> None:
        super().__init__()
        first = [nn.PReLU(before, SLOPE)] if activate else []
        self.netMain = nn.Sequential(
            *first, convolve(before, middle), nn.PReLU(middle, SLOPE), convolve(middle, after)
        )
        self.netShortcut = nn.Conv2d(before, after, 1, bias=False) if before != after else None

    def forward(self, given: Tensor) -> Tensor:
        return self.netMain(given) + (given if self.netShortcut is None else self.netShortcut(given))


class Down(nn.Module):
    """Half the size."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.netMain = nn.Sequential(
            nn.PReLU(before, SLOPE),
            convolve(before, after, 2),
            nn.PReLU(after, SLOPE),
            convolve(after, after),
        )

    def forward(self, given: Tensor) -> Tensor:
        return self.netMain(given)


class Up(nn.Module):
    """Twice the size, bilinear."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.netMain = nn.Sequential(
            nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False),
            nn.PReLU(before, SLOPE),
            convolve(before, after),
            nn.PReLU(after, SLOPE),
            convolve(after, after),
        )

    def forward(self, given: Tensor) -> Tensor:
        return self.netMain(given)


class Grid(nn.Module):
    """Rows of features, each half the size of the one above; columns that lead down, then columns that lead up.

    Args:
        widths: channels of the rows. downs, ups: columns of each kind.
    """

    def __init__(self, widths: tuple[int, ...], downs: int, ups: int) -> None:
        super().__init__()
        self.rows, self.downs, self.ups = len(widths), downs, ups
        for row, width in enumerate(widths):
            for column in range(1, downs + ups):
                self.add_module(name(row, column - 1, row, column), Basic(width, width, width, activate=True))
        for column in range(downs + ups):
            for row in range(self.rows - 1):
                upper, lower = widths[row], widths[row + 1]
                if column < downs:
                    self.add_module(name(row, column, row + 1, column), Down(upper, lower))
                else:
                    self.add_module(name(row + 1, column, row, column), Up(lower, upper))

    def walk(self, state: list[Tensor]) -> Tensor:
        """From the rows of column 0 to the upper right."""
        for column in range(1, self.downs + self.ups):
            leads_down = column < self.downs
            order = range(self.rows) if leads_down else range(self.rows - 1, -1, -1)
            for place, row in enumerate(order):
                state[row] = self._block(row, column - 1, row, column)(state[row])
                if place:
                    other = row - 1 if leads_down else row + 1
                    came = self._block(other, column, row, column)(state[other])
                    state[row] = state[row] + came[..., : state[row].shape[-2], : state[row].shape[-1]]
        return state[0]

    def descend(self, state: list[Tensor | None]) -> list[Tensor]:
        """Column 0: each row what was given for it plus what comes from the row above."""
        rows: list[Tensor] = []
        for row, given in enumerate(state):
            came = self._block(row - 1, 0, row, 0)(rows[-1]) if row else None
            assert given is not None or came is not None
            rows.append(given if came is None else came if given is None else given + came)
        return rows

    def _block(self, *where: int) -> nn.Module:
        return getattr(self, name(*where))


class Softmetric(Grid):
    """How far behind is each pixel? Of a picture and how badly its features fit those that its motion leads to."""

    def __init__(self) -> None:
        super().__init__((16, 32, 64, 96), 1, 1)
        self.netInput = convolve(3, 12)
        self.netError = convolve(1, 4)
        self.netOutput = Basic(16, 16, 1, activate=False)

    def forward(self, one: Tensor, two: Tensor, flow: Tensor) -> Tensor:
        """The metric [N, 1, H, W], larger is farther behind.

        Args:
            one, two: [N, 3 + 32, H, W], normalised pictures and their finest features. flow: one -> two, pixels.
        """
        error = (one - look_up(two, flow, "zeros")).abs().mean(1, keepdim=True)
        finest = torch.cat([self.netInput(one[:, :3]), self.netError(error)], 1)
        return self.netOutput(self.walk(self.descend([finest, None, None, None])))


def name(row: int, column: int, to_row: int, to_column: int) -> str:
    """What a block of a grid is called."""
    return f"{row}x{column} - {to_row}x{to_column}"


def resize(picture: Tensor, size: tuple[int, int]) -> Tensor:
    """Bilinear to (height, width)."""
    return functional.interpolate(picture, size, mode="bilinear", align_corners=False)
