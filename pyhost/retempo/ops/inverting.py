"""Only the motion ahead is known: what is the motion back? Channel-last, for NumPy arrays and torch tensors."""

from __future__ import annotations

from typing import NamedTuple

from retempo.ops import arrays
from retempo.ops.arrays import Array


class Inverted(NamedTuple):
    """An inverse flow; same library and device as the given one."""

    flow: Array  # [H, W, 2] pixels, frame 1 -> 0
    seen: Array  # [H, W] bool, False where the value is a guess


def invert_flow(
    flow: Array,
    metric: Array | None = None,
    trust: Array | None = None,
    guess: Array | None = None,
    *,
    threads: int = 0,
    deterministic: bool | None = None,
    check_finite: bool = True,
) -> Inverted:
    """Splat -flow to where it leads (bilinear footprints); holes take a guess. Formulas in native/.../inversion.h.

    Args:
        flow: [H, W, 2] float32 pixels (dx, dy), frame 0 -> 1; must be finite.
        metric: [H, W] float32; where several pixels land on one, exp(metric) is their weight. Without it they are
            averaged.
        trust: [H, W] float32 in [0, 1] of each vector. Untrusted ones carry no motion but still hide what lies behind:
            where they weigh over 19 parts in 20 a pixel is not seen.
        guess: [H, W, 2] float32 for pixels that are not seen; without it they take the vector of the nearest pixel that
            is (of several the leftmost, then the upper one), or 0 where none is.
        threads: CPU threads, 0 for all; the result does not depend on it.
        deterministic: same bits on each run on CUDA; ``None`` follows torch.
        check_finite: refuse a flow that is not finite (on CUDA this waits for the device).

    Carries no gradient.

    Raises:
        UsageError: an argument does not fit; the message names it.
        DeviceError: no native module, or the device failed or ran out of memory.
    """
    arrays.check_array("flow", flow, (None, None, 2))
    height, width = int(flow.shape[0]), int(flow.shape[1])
    for name, plane, shape in (
        ("metric", metric, (height, width)),
        ("trust", trust, (height, width)),
        ("guess", guess, (height, width, 2)),
    ):
        if plane is not None:
            arrays.check_array(name, plane, shape, flow)
    out = arrays.empty(flow, (height, width, 2))
    seen = arrays.empty(flow, (height, width), "uint8")
    if not arrays.is_empty(out):
        arrays.call_native(
            "invert_flow",
            *(None if plane is None else arrays.contiguous(plane) for plane in (flow, metric, trust, guess)),
            out,
            seen,
            threads=threads,
            deterministic=arrays.is_deterministic(flow, deterministic),
            stream=arrays.stream_of(flow),
            check_finite=check_finite,
        )
    return Inverted(out, seen.bool() if arrays.is_tensor(seen) else seen.view(bool))
