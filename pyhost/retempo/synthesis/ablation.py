"""What is each design choice worth? The pipeline with one choice undone, composed from the plain operators.

``stability="none"`` weights by exp(Z) as it stands, which overflows float32 above Z = 88; ``payload="color"`` splats
the pixels themselves instead of fetching them along a splatted flow. Slow (everything is materialised), NumPy and whole
frames only; for measurements (specification of splatting-based synthesis, section 11), not for production.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from retempo import ops
from retempo.errors import UsageError
from retempo.synthesis.candidates import Candidate, Voice
from retempo.synthesis.paths import path_to

if TYPE_CHECKING:
    from retempo.synthesis.options import SynthesisOptions
    from retempo.synthesis.prepared import Prepared, Rendered

_LEAST_GATE = 1e-3


def render_composed(
    prepared: Prepared,
    voices: Sequence[Voice],
    pixels: Sequence[Any],
    ids: Sequence[Any] | None,
    out: Any,
    threads: int,
) -> Rendered:
    """Render as ``Prepared.render`` does, honouring ``stability`` and ``payload``; ids come from the fused path.

    Raises:
        UsageError: the arrays are not NumPy's.
    """
    from retempo.synthesis.prepared import Rendered

    if not all(isinstance(array, np.ndarray) for array in pixels):
        raise UsageError("ablations (stability none, payload color) run on the CPU only", "give NumPy arrays")
    options = prepared.options
    shape = pixels[0].shape
    total = np.zeros(shape, dtype=np.float32)
    weights = np.zeros(shape[:2], dtype=np.float32)
    plain = np.zeros(shape, dtype=np.float32)
    for voice in voices:
        candidate = prepared.candidates[voice.candidate]
        source = np.ascontiguousarray(pixels[candidate.frame], dtype=np.float32)
        sample, merge = _arrive(options, candidate, voice.scale, source, threads)
        weight = np.float32(voice.weight) * merge
        total += weight[..., None] * sample
        weights += weight
        plain += np.float32(voice.weight) * source
    hole = ~(weights > 0)
    result = np.where(hole[..., None], plain, total / np.where(hole, 1.0, weights)[..., None]).astype(
        np.float32
    )
    if out is not None:
        out[...] = result
        result = out
    own = None if ids is None else _fetch_ids(prepared, voices, ids, threads)
    return Rendered(result, own, hole, prepared.confidence(weights))


def _arrive(
    options: SynthesisOptions, candidate: Candidate, scale: float, source: NDArray[np.float32], threads: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return what one candidate shows at its time, [H, W, C], and its merge weight, [H, W], 0 where nothing."""
    displacement = _planar(path_to(candidate.flow, candidate.bend, scale) * np.float32(scale))
    color = options.payload == "color"
    payload = np.concatenate(
        [_planar(source) if color else -displacement, candidate.merge[None, None]], axis=1
    )
    metric = candidate.splat[None, None]
    mode = "softmax"
    if options.stability == "none":
        with np.errstate(over="ignore"):
            metric = np.exp(metric)
        mode = "linear"
    splatted = ops.splat(
        np.ascontiguousarray(payload, dtype=np.float32),
        displacement,
        np.ascontiguousarray(metric, dtype=np.float32),
        mode=mode,
        footprint="bilinear" if color else options.footprint,  # a wide kernel would blur colour
        sigma=options.sigma,
        threads=threads,
    )
    arrived = np.ascontiguousarray(splatted.out[0].transpose(1, 2, 0))
    sample, merge = arrived[..., :-1], arrived[..., -1].copy()
    valid = ~np.asarray(splatted.hole, dtype=bool)[0, 0] & np.isfinite(arrived).all(axis=2)
    if not color:
        flow = np.ascontiguousarray(np.where(valid[..., None], sample, 0.0), dtype=np.float32)
        valid &= _points_inside(flow)
        sample = ops.warp_image(source, flow, filter=options.filter, border="edge")
    merge = np.ones_like(merge) if options.merge == "linear" else merge**options.merge_exponent
    if options.coverage_gate:
        merge = merge * np.clip(splatted.coverage[0, 0], _LEAST_GATE, 1.0)
    return np.where(valid[..., None], sample, 0.0), np.where(valid, merge, 0.0)


def _points_inside(flow: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return where p + F(p) lies on a pixel of the frame (its area, not its centre)."""
    height, width = flow.shape[:2]
    x = np.arange(width, dtype=np.float32)[None, :] + flow[..., 0]
    y = np.arange(height, dtype=np.float32)[:, None] + flow[..., 1]
    return (x >= -0.5) & (x < width - 0.5) & (y >= -0.5) & (y < height - 0.5)


def _fetch_ids(prepared: Prepared, voices: Sequence[Voice], ids: Sequence[Any], threads: int) -> Any:
    blank = [np.zeros((prepared.height, prepared.width, 1), dtype=np.float32) for _ in prepared.times]
    return ops.synthesize(blank, speak(prepared, voices, slice(None)), ids=list(ids), threads=threads).ids


def speak(
    prepared: Prepared, voices: Sequence[Voice], rows: slice
) -> list[tuple[int, Any, Any, Any, float, float, Any]]:
    """Return the candidates in the form that ``ops.synthesize`` takes, some rows of them."""
    result = []
    for voice in voices:
        entry = prepared.candidates[voice.candidate]
        planes = entry.flow[rows], entry.splat[rows], entry.merge[rows]
        bend = None if entry.bend is None else entry.bend[rows]
        result.append((entry.frame, *planes, voice.scale, voice.weight, bend))
    return result


def _planar(array: NDArray[np.float32]) -> NDArray[np.float32]:
    """[H, W, C] -> [1, C, H, W]."""
    return np.ascontiguousarray(array.transpose(2, 0, 1))[None]
