"""What does a picture or a motion look like when it is turned over?"""

from __future__ import annotations

from torch import Tensor


def mirror(plane: Tensor, axis: int) -> Tensor:
    """Left for right (``axis`` -1) or upside down (-2).

    Args:
        plane: [N, C, H, W]; two channels are motion in pixels, (dx, dy), whose sign changes along the axis.
    """
    turned = plane.flip(axis)
    if plane.shape[1] != 2:
        return turned
    signs = [-1.0, 1.0] if axis == -1 else [1.0, -1.0]
    return turned * turned.new_tensor(signs).view(1, 2, 1, 1)


def transpose(plane: Tensor) -> Tensor:
    """Rows for columns, [N, C, H, W] -> [N, C, W, H]; two channels are motion, as above."""
    turned = plane.transpose(-1, -2)
    return (turned.flip(1) if plane.shape[1] == 2 else turned).contiguous()
