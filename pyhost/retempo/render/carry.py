"""How do channels and ids follow where an engine says that its pixels come from?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from retempo import ops
from retempo.models.base import Fields


def carry(
    fields: Fields,
    pixels: Sequence[np.ndarray],
    ids: Sequence[np.ndarray] | None,
    filter: str = "bilinear",
) -> tuple[np.ndarray, np.ndarray | None]:
    """Move channels and ids along an engine's fields.

    Args:
        fields: of one picture.
        pixels: two of [H, W, C] float32, the earlier and the later frame. ids: two of [H, W, K] uint32.
        filter: for the channels; an id is that of the nearest pixel of the frame that has the larger share.

    Returns:
        [H, W, C] and [H, W, K].
    """
    flows = [
        np.ascontiguousarray(flow[0].permute(1, 2, 0).float().cpu().numpy())
        for flow in (fields.flow_t0, fields.flow_t1)
    ]
    share = fields.share0[0, 0].float().cpu().numpy()[..., None]
    one, other = (
        ops.warp_image(np.ascontiguousarray(array, np.float32), flow, filter=filter)
        for array, flow in zip(pixels, flows, strict=True)
    )
    moved = np.ascontiguousarray(one * share + other * (1 - share), np.float32)
    if ids is None:
        return moved, None
    near = [ops.warp_image(array, flow, filter="nearest") for array, flow in zip(ids, flows, strict=True)]
    return moved, np.where(share >= 0.5, *near)
