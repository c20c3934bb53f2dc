"""How does a caller get the frame at time t out of frames, flows and metrics in one pass?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from retempo.errors import UsageError
from retempo.ops import arrays
from retempo.ops.arrays import Array

Candidate: TypeAlias = (
    tuple[int, Array, Array, Array, float, float]
    | tuple[int, Array, Array, Array, float, float, Array | None]
)
"""(frame index, flow [H, W, 2], splat metric [H, W], merge metric [H, W], scale, weight), perhaps a bend [H, W, 2];
see ``synthesize``."""


class Synthesis(NamedTuple):
    """The merged frame; same library and device as the frames."""

    out: Array  # [H', W, C] float32
    ids: Array | None  # [H', W, K] uint32, bits copied
    hole: Array  # [H', W] uint8; 0 merged, 1 edge-clamped samples, 2 the frames at the pixel's own flow
    weight_sum: Array  # [H', W] float32, sum of the merge weights; 0 where hole is not


def synthesize(
    frames: Sequence[Array],
    candidates: Sequence[Candidate],
    *,
    ids: Sequence[Array] | None = None,
    out: Array | None = None,
    footprint: str = "gaussian",
    sigma: float = 0.5,
    merge_exponent: float = 1.0,
    coverage_gate: bool = False,
    metric_bound: float = 0.0,
    filter: str = "bilinear",
    merge: str = "metric",
    frame_height: int | None = None,
    source_row0: int = 0,
    out_row0: int | None = None,
    out_rows: int | None = None,
    threads: int = 0,
    deterministic: bool | None = None,
    check_finite: bool = True,
) -> Synthesis:
    """Merge all candidates into the frame at one time (splatting-based synthesis, Niklaus, Hu & Chen 2023).

    Each candidate splats its scaled inverse flow and its merge metric to the wanted time, warps its frame with the
    result, and enters the mean with weight ``weight * merge ** merge_exponent`` (native/include/retempo/synthesize.h).

    Args:
        frames: [H, W, C] float32 each, all of one shape; scene-linear and premultiplied.
        candidates: (frame index, flow [H, W, 2] pixels, splat metric Z [H, W], merge metric M >= 0 [H, W], scale s,
            weight w). Time t lies at s along the flow; w = 0 drops the candidate (for a pair: 1 - t and t). A seventh
            part B [H, W, 2] bends the path: displacement s (flow + (s - 1) B).
        ids: [H, W, K] uint32 a frame; nearest sample of the candidate of the largest weight.
        out: [H', W, C] float32 to fill; allocated when ``None``.
        footprint: ``gaussian`` 4x4 or ``bilinear`` 2x2.
        sigma: width of the Gaussian in pixels.
        merge_exponent: the power of the splatted merge metric, 0 to 64.
        coverage_gate: multiply the merge weight by the clipped bilinear coverage of the target.
        metric_bound: > 0 promises abs(Z) <= metric_bound, which saves the maximum pass (up to 60).
        filter: ``bilinear``, ``bicubic`` (limited, as in ``warp_image``) or ``lanczos4``.
        merge: ``metric``, or ``linear`` to ignore M.
        frame_height: rows of the whole frame, where the sources are a strip; default: they end the frame.
        source_row0: the frame row in which the sources start.
        out_row0: the frame row in which the output starts; default ``source_row0``.
        out_rows: rows of the output; default: up to the end of the sources.
        threads: CPU threads, 0 for all; the result does not depend on it.
        deterministic: same bits on each run on CUDA; ``None`` follows torch's global setting.
        check_finite: refuse non-finite flow (on CUDA this waits for the device).

    Raises:
        UsageError: an argument does not fit; the message names it.
        DeviceError: no native module, or the device ran out of memory.
    """
    if not frames:
        raise UsageError("frames: expected at least one")
    lead = frames[0]
    arrays.check_array("frames[0]", lead, (None, None, None))
    height, width, channels = (int(size) for size in lead.shape)
    first = source_row0 if out_row0 is None else out_row0
    rows = out_rows if out_rows is not None else source_row0 + height - first
    if out is None:
        out = arrays.empty(lead, (rows, width, channels), "float32")
    else:
        arrays.check_array("out", out, (rows, width, channels), lead)
    ids_out = None
    if ids is not None:
        if not ids:
            raise UsageError("ids: expected one array a frame, got none")
        ids_out = arrays.empty(lead, (rows, width, int(ids[0].shape[2])), "uint32")
    hole = arrays.empty(lead, (rows, width), "uint8")
    weight_sum = arrays.empty(lead, (rows, width), "float32")
    arrays.call_native(
        "synthesize",
        [arrays.contiguous(frame) for frame in frames],
        [
            (
                index,
                arrays.contiguous(flow),
                arrays.contiguous(splat),
                arrays.contiguous(trust),
                scale,
                weight,
                *(None if bend is None else arrays.contiguous(bend) for bend in bends),
            )
            for index, flow, splat, trust, scale, weight, *bends in candidates
        ],
        out,
        ids=None if ids is None else [arrays.contiguous(plane) for plane in ids],
        ids_out=ids_out,
        hole=hole,
        weight_sum=weight_sum,
        footprint=footprint,
        sigma=float(sigma),
        merge_exponent=float(merge_exponent),
        coverage_gate=bool(coverage_gate),
        metric_bound=float(metric_bound),
        filter=filter,
        merge=merge,
        frame_height=frame_height,
        source_row0=source_row0,
        out_row0=first,
        threads=threads,
        deterministic=arrays.is_deterministic(lead, deterministic),
        stream=arrays.stream_of(lead),
        check_finite=check_finite,
    )
    return Synthesis(out, ids_out, hole, weight_sum)
