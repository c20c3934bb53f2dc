"""What do a further in-between and a splat cost on a GPU, against its memory and against plain PyTorch?

Figures, all medians in milliseconds:
    inbetween        ``ops.synthesize`` of one instant of a prepared pair, RGBA float32, Gaussian 4x4, bounded metric.
                     Floor: 20 floats a pixel (2 x (flow 2 + metrics 2) + 2 x 4 in, 4 out), more channels accordingly,
                     at the copy bandwidth of the same run.
    splat            ``ops.splat`` softmax, 3 channels, forward; and forward with backward; against ``ops.reference``.
    instants         2x, 4x, 8x and 16x slow motion of one pair: 1, 3, 7 and 15 instants.
"""

from __future__ import annotations

from typing import Any

import torch

from gpu_timing import medians_ms, smooth_flow
from retempo import ops
from retempo.ops import reference

FLOATS_OF_METRICS = 8
METRIC_BOUND = 15.0


def make_pairs(height: int, width: int, channels: int, device: str, count: int = 2) -> list[tuple[Any, Any]]:
    """Return ``count`` pairs as (frames, planes of each direction), random and different."""
    generator = torch.Generator().manual_seed(height + channels)
    pairs = []
    for _ in range(count):
        frames = [torch.rand(height, width, channels, generator=generator).to(device) for _ in range(2)]
        planes = [
            (
                smooth_flow(height, width, 20.0, generator).permute(1, 2, 0).contiguous().to(device),
                (torch.rand(height, width, generator=generator) * METRIC_BOUND).to(device),
                (torch.rand(height, width, generator=generator) * 3).to(device),
            )
            for _ in range(2)
        ]
        pairs.append((frames, planes))
    return pairs


def render(pair: tuple[Any, Any], t: float, **options: Any) -> None:
    """Make the instant ``t`` of a prepared pair."""
    frames, (forth, back) = pair
    candidates = [(0, *forth, t, 1 - t), (1, *back, 1 - t, t)]
    ops.synthesize(frames, candidates, check_finite=False, **options)


def measure_inbetween(
    height: int, width: int, channels: int, device: str, copy_gbs: float, repeats: int
) -> dict:
    """One further in-between, with its floor and the factor of the deterministic mode."""
    pairs = make_pairs(height, width, channels, device)
    bounded: dict[str, Any] = {"metric_bound": METRIC_BOUND}
    variants: dict[str, dict[str, Any]] = {
        "default": bounded,
        "deterministic": {**bounded, "deterministic": True},
        "unbounded": {},
        "bilinear_footprint": {**bounded, "footprint": "bilinear"},
        "coverage_gate": {**bounded, "coverage_gate": True},
        "lanczos4": {**bounded, "filter": "lanczos4"},
    }
    result: dict[str, Any] = {"height": height, "width": width, "channels": channels}
    for name, options in variants.items():
        settings = {"deterministic": False, **options}
        result[f"{name}_ms"] = medians_ms(lambda p, s=settings: render(p, 0.4, **s), pairs, device, repeats)
    floats = FLOATS_OF_METRICS + 3 * channels
    result["floor_ms"] = floats * 4 * height * width / copy_gbs * 1e-6
    result["over_floor"] = result["default_ms"] / result["floor_ms"]
    result["deterministic_factor"] = result["deterministic_ms"] / result["default_ms"]
    return result


def measure_instants(height: int, width: int, device: str, repeats: int) -> dict:
    """Slow motion of one prepared pair: the cost of all its instants together."""
    pairs = make_pairs(height, width, 4, device)

    def slow_motion(pair: tuple[Any, Any], factor: int) -> None:
        for k in range(1, factor):
            render(pair, k / factor, metric_bound=METRIC_BOUND, deterministic=False)

    return {
        f"x{factor}_ms": medians_ms(lambda p, f=factor: slow_motion(p, f), pairs, device, repeats)
        for factor in (2, 4, 8, 16)
    }


def measure_splat(height: int, width: int, footprint: str, device: str, repeats: int) -> dict:
    """Softmax splat of 3 channels, forward alone and with backward, native and reference."""
    generator = torch.Generator().manual_seed(7)
    sets = []
    for _ in range(2):
        payload = torch.rand(1, 3, height, width, generator=generator).to(device)
        flow = smooth_flow(height, width, 20.0, generator)[None].to(device)
        metric = (torch.rand(1, 1, height, width, generator=generator) * METRIC_BOUND).to(device)
        upstream = torch.rand(1, 3, height, width, generator=generator).to(device)
        sets.append((payload.requires_grad_(), flow.requires_grad_(), metric.requires_grad_(), upstream))

    def native(case: Any, deterministic: bool, backward: bool) -> None:
        options = {
            "footprint": footprint,
            "deterministic": deterministic,
            "coverage": False,
            "check_finite": False,
        }
        with torch.set_grad_enabled(backward):
            out = ops.splat(*case[:3], **options).out
        if backward:
            torch.autograd.grad(out, case[:3], case[3])

    def plain(case: Any, backward: bool) -> None:
        with torch.set_grad_enabled(backward):
            out = reference.splat(*case[:3], footprint=footprint).out
        if backward:
            torch.autograd.grad(out, case[:3], case[3])

    few = max(3, repeats // 6)
    result = {
        "forward_ms": medians_ms(lambda c: native(c, False, False), sets, device, repeats),
        "forward_deterministic_ms": medians_ms(lambda c: native(c, True, False), sets, device, repeats),
        "forward_backward_ms": medians_ms(lambda c: native(c, False, True), sets, device, repeats),
        "reference_forward_ms": medians_ms(lambda c: plain(c, False), sets, device, few, 2),
        "reference_forward_backward_ms": medians_ms(lambda c: plain(c, True), sets, device, few, 2),
    }
    result["reference_over_forward"] = result["reference_forward_ms"] / result["forward_ms"]
    result["reference_over_forward_backward"] = (
        result["reference_forward_backward_ms"] / result["forward_backward_ms"]
    )
    result["deterministic_factor"] = result["forward_deterministic_ms"] / result["forward_ms"]
    return result
