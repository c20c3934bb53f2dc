"""Motion leads from the frames to the made picture: where does each pixel of that picture come from?

For engines that splat. Other channels are then looked up backwards, as ``Fields`` tells.
"""

from __future__ import annotations

import torch
from torch import Tensor

from retempo import ops
from retempo.errors import InputError
from retempo.models.base import Fields


def fields_of_forward(
    flow0t: Tensor,
    flow1t: Tensor,
    metric0: Tensor | None,
    metric1: Tensor | None,
    time: float | Tensor,
) -> Fields:
    """Splat both motions to where they lead and turn them round. Carries no gradient.

    Where nothing arrives from one frame, its motion is that from the other, lengthened as if the speed did not change;
    where nothing arrives at all, or at an end of the gap, that of the nearest pixel where something does.

    Args:
        flow0t, flow1t: [N, 2, H, W] float32 pixels, (dx, dy), earlier and later frame -> made picture; finite.
        metric0, metric1: [N, 1, H, W] float32; where several pixels land on one, exp(metric) is their weight. None:
            their average.
        time: of the made picture, in [0, 1]: a number or [N, 1, 1, 1].

    Returns:
        ``share0`` is 1 - ``time`` where both frames arrive (or none), 1 or 0 where only one does.

    Raises:
        InputError: the two motions, or ``time``, do not fit.
        UsageError: a metric does not fit, or a motion is not finite.
    """
    if flow0t.ndim != 4 or flow0t.shape[1] != 2 or flow0t.shape != flow1t.shape:
        raise InputError(
            f"motions are {tuple(flow0t.shape)} and {tuple(flow1t.shape)}", "expected [N, 2, H, W] twice"
        )
    count = flow0t.shape[0]
    phase = torch.as_tensor(time, dtype=flow0t.dtype, device=flow0t.device)
    if phase.ndim not in (0, 4) or phase.numel() not in (1, count):
        raise InputError(
            f"instants of shape {tuple(phase.shape)}", f"expected a number or [{count}, 1, 1, 1]"
        )
    phase = phase.reshape(-1, 1, 1, 1)
    back0, seen0 = _turned(flow0t, metric0)
    back1, seen1 = _turned(flow1t, metric1)
    inside = (phase > 0) & (phase < 1)
    safe = torch.where(inside, phase, torch.full_like(phase, 0.5))
    filled0 = torch.where(inside & ~seen0 & seen1, -back1 * safe / (1 - safe), back0)
    filled1 = torch.where(inside & ~seen1 & seen0, -back0 * (1 - safe) / safe, back1)
    share0 = torch.where(seen0 == seen1, (1 - phase).expand_as(back0[:, :1]), seen0.to(back0.dtype))
    return Fields(filled0, filled1, share0)


def _turned(flow: Tensor, metric: Tensor | None) -> tuple[Tensor, Tensor]:
    """The motion back [N, 2, H, W], nearest where nothing arrives, and where something does [N, 1, H, W] bool."""
    found = [
        ops.invert_flow(
            flow[one].detach().permute(1, 2, 0).contiguous(),
            None if metric is None else metric[one, 0].detach().contiguous(),
        )
        for one in range(flow.shape[0])
    ]
    back = torch.stack([one.flow for one in found]).permute(0, 3, 1, 2).contiguous()
    return back, torch.stack([one.seen for one in found]).unsqueeze(1)
