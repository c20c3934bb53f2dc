"""How does a caller splat pixels forward along a flow, with NumPy or torch, with or without gradients?"""

from __future__ import annotations

from typing import NamedTuple

from retempo.errors import UsageError
from retempo.ops import arrays
from retempo.ops.arrays import Array

MODES = ("sum", "average", "linear", "softmax")
FOOTPRINTS = ("bilinear", "gaussian")


class Splat(NamedTuple):
    """What arrived; same library and device as the payload."""

    out: Array  # [N, C, H, W] normalised payload, 0 in holes (mode sum: the plain sum)
    hole: Array  # [N, 1, H, W] bool, where nothing landed
    coverage: (
        Array  # [N, 1, H, W] sum of bilinear kernel weights, whatever the footprint; None if not asked for
    )


def splat(
    payload: Array,
    flow: Array,
    metric: Array | None = None,
    *,
    mode: str = "softmax",
    footprint: str = "bilinear",
    sigma: float = 0.5,
    coverage: bool = True,
    threads: int = 0,
    deterministic: bool | None = None,
    check_finite: bool = True,
) -> Splat:
    """Forward-splat ``payload`` along ``flow`` (softmax splatting, Niklaus & Liu 2020, with a per-target maximum).

    Args:
        payload: [N, C, H, W] float32, or float64 on the CPU.
        flow: [N, 2, H, W] pixels (dx, dy), source -> target; must be finite. Landings outside are dropped.
        metric: [N, 1, H, W]; the exponent Z for ``softmax`` (any range), the weight for ``linear``.
        mode: ``sum``, ``average`` (by kernel weight), ``linear`` (by metric), ``softmax`` (by exp metric).
        footprint: ``bilinear`` 2x2 or ``gaussian`` 4x4.
        sigma: width of the Gaussian in pixels, > 0.
        coverage: whether to compute the coverage.
        threads: CPU threads, 0 for all; the result does not depend on it.
        deterministic: same bits on each run on CUDA; ``None`` follows torch's global setting.
        check_finite: refuse non-finite flow (on CUDA this waits for the device).

    Differentiable (torch) in payload, flow and metric; ``hole`` and ``coverage`` carry no gradient.

    Raises:
        UsageError: an argument does not fit; the message names it.
        DeviceError: no native module, or the device ran out of memory.
    """
    arrays.check_choice("mode", mode, MODES)
    arrays.check_choice("footprint", footprint, FOOTPRINTS)
    arrays.check_array("payload", payload, (None, None, None, None))
    n, _, height, width = payload.shape
    arrays.check_array("flow", flow, (n, 2, height, width), payload)
    if mode in ("linear", "softmax"):
        if metric is None:
            raise UsageError(f"metric: mode {mode} needs one", "pass metric [N, 1, H, W] or another mode")
        arrays.check_array("metric", metric, (n, 1, height, width), payload)
    else:
        metric = None
    if footprint == "gaussian" and not sigma > 0:
        raise UsageError(f"sigma: expected more than 0 pixels, got {sigma}")

    options = {
        "mode": mode,
        "footprint": footprint,
        "sigma": float(sigma),
        "threads": threads,
        "deterministic": arrays.is_deterministic(payload, deterministic),
    }
    if arrays.is_tensor(payload):
        from retempo.ops.autograd import SplatFunction

        out, norm, covered = SplatFunction.apply(payload, flow, metric, coverage, check_finite, options)
    else:
        out, norm, _, covered = forward(payload, flow, metric, coverage, check_finite, options)
    return Splat(out, norm == 0, covered)


def forward(
    payload: Array,
    flow: Array,
    metric: Array | None,
    coverage: bool,
    check_finite: bool,
    options: dict[str, object],
) -> tuple[Array, Array, Array | None, Array | None]:
    """Allocate and fill (out, norm, zmax, coverage); arguments are already checked."""
    n, channels, height, width = payload.shape
    plane = (n, 1, height, width)
    out = arrays.empty(payload, (n, channels, height, width))
    norm = arrays.empty(payload, plane)
    zmax = arrays.empty(payload, plane) if options["mode"] == "softmax" else None
    covered = arrays.empty(payload, plane) if coverage else None
    if not arrays.is_empty(norm):
        arrays.call_native(
            "splat_forward",
            arrays.contiguous(payload),
            arrays.contiguous(flow),
            None if metric is None else arrays.contiguous(metric),
            out,
            norm,
            zmax,
            covered,
            stream=arrays.stream_of(payload),
            check_finite=check_finite,
            **options,
        )
    return out, norm, zmax, covered
