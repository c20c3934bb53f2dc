"""How does a picture of any size get the sides that a network works on, and back?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from retempo.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

Edge = Literal["reflect", "replicate", "zero"]
"""What stands beyond the edge: the picture mirrored (the outermost pixel not repeated), its outermost pixel, or 0."""


@dataclass(frozen=True)
class Padding:
    """How many pixels are put around a picture, and which.

    Attributes:
        left, right, top, bottom: pixels, 0 or more.
        edge: what they hold.
    """

    left: int
    right: int
    top: int
    bottom: int
    edge: Edge = "reflect"

    def pad(self, picture: Tensor) -> Tensor:
        """The picture with its margins; itself where there are none.

        Args:
            picture: [N, C, H, W]. ``reflect`` goes back and forth where a margin is wider than the picture.

        Returns:
            [N, C, top + H + bottom, left + W + right].
        """
        import torch.nn.functional as functional

        sides = (self.left, self.right, self.top, self.bottom)
        if not any(sides):
            return picture
        if self.edge == "zero":
            return functional.pad(picture, sides)
        height, width = picture.shape[-2:]
        if self.edge == "reflect" and (max(sides[:2]) >= width or max(sides[2:]) >= height):
            picture = _mirror(picture, -1, self.left, self.right)
            return _mirror(picture, -2, self.top, self.bottom)
        return functional.pad(picture, sides, mode=self.edge)

    def crop(self, picture: Tensor) -> Tensor:
        """Take the margins off again.

        Args:
            picture: [N, C, H, W], as large as what ``pad`` returned.

        Returns:
            A view of its middle.
        """
        height, width = picture.shape[-2:]
        return picture[..., self.top : height - self.bottom, self.left : width - self.right]


def pad_to_multiple(
    picture: Tensor, multiple: int, edge: Edge = "reflect", *, centred: bool = True
) -> tuple[Tensor, Padding]:
    """The picture with sides that are multiples of a number, and what takes that back.

    Args:
        picture: [N, C, H, W]. multiple: pixels, 1 or more. edge: what the margins hold.
        centred: half of a margin on either side, the odd pixel right and below; else all of it right and below.

    Raises:
        InputError: ``multiple`` is under 1.
    """
    margins = find_padding(picture.shape[-2], picture.shape[-1], multiple, edge, centred=centred)
    return margins.pad(picture), margins


def find_padding(
    height: int, width: int, multiple: int, edge: Edge = "reflect", *, centred: bool = True
) -> Padding:
    """The margins of ``pad_to_multiple`` for a size in pixels.

    Raises:
        InputError: ``multiple`` is under 1.
    """
    if multiple < 1:
        raise InputError(f"sides cannot be multiples of {multiple}", "give 1 or more")
    across, down = -width % multiple, -height % multiple
    left, top = (across // 2, down // 2) if centred else (0, 0)
    return Padding(left, across - left, top, down - top, edge)


def _mirror(picture: Tensor, side: int, before: int, after: int) -> Tensor:
    """Reflect along one side as often as it takes; a side of one pixel repeats it."""
    import torch

    count = picture.shape[side]
    place = torch.arange(-before, count + after, device=picture.device)
    if count == 1:
        return picture.index_select(side, torch.zeros_like(place))
    turn = 2 * (count - 1)
    place = place % turn  # back and forth: 0 1 2 3 2 1 0 1 ...
    return picture.index_select(side, torch.minimum(place, turn - place))
