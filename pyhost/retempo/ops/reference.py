"""What exactly do splat, warp and synthesize compute, in plain PyTorch?

The definition that the native kernels are held to: slow, short, differentiable by autograd, any device, any
float dtype. Splatting follows Niklaus & Liu, "Softmax Splatting" (CVPR 2020) with the per-target maximum of
Niklaus, Hu & Chen, "Splatting-based Synthesis" (WACV 2023). Arrays are [N, C, H, W]; pixel centres are integers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor


class Splatted(NamedTuple):
    """Result of one splat; all [N, ., H, W]."""

    out: Tensor  # [N, C, H, W] normalised payload, 0 in holes (mode sum: the plain sum)
    norm: Tensor  # [N, 1, H, W] denominator; 0 = hole (mode sum: accumulated kernel weight)
    zmax: Tensor | None  # [N, 1, H, W] largest metric that lands here, -inf in holes (softmax only)
    coverage: Tensor  # [N, 1, H, W] sum of bilinear kernel weights, whatever the footprint


class Tap(NamedTuple):
    """One target pixel of every source pixel's footprint; all [N, H*W]."""

    index: Tensor  # flat target index, 0 where outside
    inside: Tensor  # bool
    ux: Tensor  # target minus landing point, pixels
    uy: Tensor


def landing_taps(flow: Tensor, footprint: str) -> Iterator[Tap]:
    """Yield the 2x2 or 4x4 target pixels around the landing point of every source pixel."""
    n, _, h, w = flow.shape
    ys, xs = torch.meshgrid(
        torch.arange(h, dtype=flow.dtype, device=flow.device),
        torch.arange(w, dtype=flow.dtype, device=flow.device),
        indexing="ij",
    )
    x, y = (xs + flow[:, 0]).reshape(n, -1), (ys + flow[:, 1]).reshape(n, -1)
    x0, y0 = x.detach().floor(), y.detach().floor()
    reach = (0, 1) if footprint == "bilinear" else (-1, 0, 1, 2)
    for j in reach:
        for i in reach:
            tx, ty = x0 + i, y0 + j
            inside = (tx >= 0) & (tx < w) & (ty >= 0) & (ty < h)
            index = torch.where(inside, ty * w + tx, torch.zeros_like(tx)).long()
            yield Tap(index, inside, tx - x, ty - y)


def kernel_weight(tap: Tap, footprint: str, sigma: float) -> Tensor:
    """Footprint weight of a tap, [N, H*W]; exactly 0 outside of the frame."""
    if footprint == "bilinear":
        weight = (1 - tap.ux.abs()).clamp(min=0) * (1 - tap.uy.abs()).clamp(min=0)
    else:
        weight = torch.exp(-(tap.ux**2 + tap.uy**2) / (2 * sigma * sigma))
        weight = torch.where((tap.ux.abs() < 2) & (tap.uy.abs() < 2), weight, torch.zeros_like(weight))
    return torch.where(tap.inside, weight, torch.zeros_like(weight))


def _batched(index: Tensor, pixels: int) -> Tensor:
    """Flat index over [N * pixels] from an index per sample, [N, P]."""
    offset = torch.arange(index.shape[0], device=index.device).unsqueeze(1) * pixels
    return (index + offset).reshape(-1)


def target_maximum(flow: Tensor, metric: Tensor, footprint: str, sigma: float) -> Tensor:
    """Largest metric among the source pixels that reach each target with a weight over 0, [N, 1, H, W]."""
    n, _, h, w = flow.shape
    z = metric.detach().reshape(n, -1)
    z = torch.where(z.isfinite(), z, torch.full_like(z, -math.inf))
    zmax = torch.full((n * h * w,), -math.inf, dtype=flow.dtype, device=flow.device)
    for tap in landing_taps(flow.detach(), footprint):
        reached = kernel_weight(tap, footprint, sigma) > 0
        source = torch.where(reached, z, torch.full_like(z, -math.inf))
        zmax.scatter_reduce_(0, _batched(tap.index, h * w), source.reshape(-1), "amax", include_self=True)
    return zmax.reshape(n, 1, h, w)


def splat(
    payload: Tensor,
    flow: Tensor,
    metric: Tensor | None = None,
    *,
    mode: str = "softmax",
    footprint: str = "bilinear",
    sigma: float = 0.5,
) -> Splatted:
    """Forward-splat ``payload`` [N, C, H, W] along ``flow`` [N, 2, H, W] (pixels, dx dy, source -> target).

    Modes: ``sum``; ``average`` divides by the accumulated kernel weight; ``linear`` weights by the metric
    [N, 1, H, W]; ``softmax`` by exp(metric - maximum at the target). Targets whose denominator is 0 are holes.
    """
    n, c, h, w = payload.shape
    weight_of = torch.ones_like(flow[:, 0]).reshape(n, -1)
    alive = torch.ones_like(weight_of, dtype=torch.bool)
    zmax = None
    if mode in ("linear", "softmax"):
        if metric is None:
            raise ValueError(f"mode {mode} needs a metric")
        weight_of = metric.reshape(n, -1)
        alive = weight_of.isfinite()  # other source pixels contribute nothing
        weight_of = torch.where(alive, weight_of, torch.zeros_like(weight_of))
    if mode == "softmax":
        assert metric is not None
        zmax = target_maximum(flow, metric, footprint, sigma)

    packed = torch.cat([payload.reshape(n, c, -1), payload.new_ones(n, 1, h * w)], 1)
    total = payload.new_zeros(n * h * w, c + 1)
    coverage = payload.new_zeros(n * h * w)
    for tap in landing_taps(flow, footprint):
        kernel = kernel_weight(tap, footprint, sigma)
        index = _batched(tap.index, h * w)
        if zmax is None:
            tap_weight = kernel * weight_of
        else:
            below = weight_of - zmax.reshape(n, -1).gather(1, tap.index)
            tap_weight = kernel * torch.exp(torch.where((kernel > 0) & alive, below, torch.zeros_like(below)))
        tap_weight = torch.where(alive, tap_weight, torch.zeros_like(tap_weight))
        total = total.index_add(0, index, (packed * tap_weight.unsqueeze(1)).movedim(1, 2).reshape(-1, c + 1))
        bilinear = kernel_weight(tap, "bilinear", sigma).detach()
        coverage = coverage.index_add(0, index, bilinear.reshape(-1))

    total = total.reshape(n, h, w, c + 1).permute(0, 3, 1, 2)
    norm = total[:, c:]
    hole = norm == 0
    if mode == "sum":
        out = total[:, :c]
    else:
        out = torch.where(
            hole, torch.zeros_like(norm), total[:, :c] / torch.where(hole, torch.ones_like(norm), norm)
        )
    return Splatted(out.contiguous(), norm.contiguous(), zmax, coverage.reshape(n, 1, h, w))


def invert_flow(
    flow: Tensor, metric: Tensor | None = None, trust: Tensor | None = None, guess: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """The flow back [H, W, 2] and where it is seen [H, W] bool, as ``ops.invert_flow``; holes search every pixel."""
    height, width, _ = flow.shape
    planar = flow.permute(2, 0, 1)[None]
    share = torch.ones_like(flow[..., 0]) if trust is None else trust.nan_to_num(0, 0, 0).clamp(min=0)
    payload = torch.cat([-planar * share, share[None, None]], 1)
    mode = "average" if metric is None else "softmax"
    z = None if metric is None else metric[None, None]
    arrived = splat(payload, planar, z, mode=mode, footprint="bilinear").out[0]
    seen = arrived[2] > (0 if trust is None else 0.05)
    back = (arrived[:2] / torch.where(seen, arrived[2], torch.ones_like(arrived[2]))).permute(1, 2, 0)
    if guess is not None:
        return torch.where(seen[..., None], back, guess), seen
    if not seen.any():
        return torch.zeros_like(flow), seen
    back = back.contiguous()
    for y, x in (~seen).nonzero().tolist():
        ky, kx = seen.nonzero().unbind(1)
        rank = ((ky - y) ** 2 + (kx - x) ** 2) * (height * width) + kx * height + ky  # leftmost, then upper
        nearest = rank.argmin()
        back[y, x] = back[ky[nearest], kx[nearest]]
    return back, seen


def filter_weights(fraction: Tensor, filter: str) -> tuple[range, list[Tensor]]:
    """Tap offsets from the floor of a coordinate, and their weights, for a 1-D interpolating filter."""
    if filter == "bilinear":
        return range(2), [1 - fraction, fraction]
    if filter == "bicubic":  # Catmull-Rom, a = -0.5
        f, g = fraction, 1 - fraction
        near = [g * (1 + f - 1.5 * f * f), f * (1 + g - 1.5 * g * g)]
        return range(-1, 3), [-0.5 * f * g * g, *near, -0.5 * g * f * f]
    if filter == "lanczos4":
        offsets = range(-3, 5)
        weights = [torch.sinc(fraction - i) * torch.sinc((fraction - i) / 4) for i in offsets]
        total = torch.stack(weights).sum(0)
        return offsets, [weight / total for weight in weights]
    raise ValueError(f"filter {filter!r} is not one of bilinear, bicubic, lanczos4, nearest")


def sample(
    image: Tensor,
    x: Tensor,
    y: Tensor,
    *,
    filter: str = "bilinear",
    border: str = "edge",
    limited: bool = False,
) -> Tensor:
    """Sample ``image`` [N, C, H, W] at pixel coordinates ``x``, ``y`` [N, H', W'] -> [N, C, H', W'].

    ``limited`` keeps ``bicubic`` within the range of the pixels around each position.
    """
    n, c, h, w = image.shape
    flat = image.reshape(n, c, h * w)

    def fetch(tx: Tensor, ty: Tensor) -> Tensor:
        index = (ty.clamp(0, h - 1) * w + tx.clamp(0, w - 1)).long().reshape(n, 1, -1)
        pixels = flat.gather(2, index.expand(n, c, -1)).reshape(n, c, *x.shape[1:])
        if border == "edge":
            return pixels
        inside = ((tx >= 0) & (tx < w) & (ty >= 0) & (ty < h)).unsqueeze(1)
        return torch.where(inside, pixels, torch.zeros_like(pixels))

    if filter == "nearest":
        return fetch((x + 0.5).floor().detach(), (y + 0.5).floor().detach())
    x0, y0 = x.detach().floor(), y.detach().floor()
    offsets, wx = filter_weights(x - x0, filter)
    _, wy = filter_weights(y - y0, filter)
    out = image.new_zeros(n, c, *x.shape[1:])
    for j, ky in zip(offsets, wy, strict=True):
        for i, kx in zip(offsets, wx, strict=True):
            out = out + fetch(x0 + i, y0 + j) * (kx * ky).unsqueeze(1)
    if limited and filter == "bicubic":
        around = torch.stack([fetch(cx, cy) for cx in (x0, x.ceil()) for cy in (y0, y.ceil())])
        return out.clamp(around.amin(0), around.amax(0))
    return out


def warp(
    image: Tensor, flow: Tensor, *, filter: str = "bilinear", border: str = "edge", limited: bool = False
) -> Tensor:
    """Backward warp: out(p) = image(p + flow(p)); ``image`` [N, C, H, W], ``flow`` [N, 2, H, W] in pixels.

    ``ops.warp`` is not ``limited``, ``ops.warp_image`` is.
    """
    _, _, h, w = flow.shape
    ys, xs = torch.meshgrid(
        torch.arange(h, dtype=flow.dtype, device=flow.device),
        torch.arange(w, dtype=flow.dtype, device=flow.device),
        indexing="ij",
    )
    return sample(image, xs + flow[:, 0], ys + flow[:, 1], filter=filter, border=border, limited=limited)


class Merged(NamedTuple):
    """Result of ``synthesize``; named and shaped as in ``retempo.ops.Synthesis``."""

    out: Tensor  # [H, W, C]
    ids: Tensor | None  # [H, W, K]
    hole: Tensor  # [H, W] int64: 0 merged, 1 edge-clamped samples, 2 the frames at the pixel's own flow
    weight_sum: Tensor  # [H, W]


def synthesize(
    frames: Sequence[Tensor],
    candidates: Sequence[tuple[Any, ...]],
    *,
    ids: Sequence[Tensor] | None = None,
    footprint: str = "gaussian",
    sigma: float = 0.5,
    merge_exponent: float = 1.0,
    coverage_gate: bool = False,
    filter: str = "bilinear",
    merge: str = "metric",
) -> Merged:
    """Merge (frame index, flow [H, W, 2], Z [H, W], M [H, W], scale, weight, maybe a bend [H, W, 2]) candidates as
    ``ops.synthesize`` does.
    """
    voices = [candidate for candidate in candidates if candidate[5] != 0]
    height, width, _ = frames[0].shape
    ys, xs = torch.meshgrid(
        torch.arange(height, dtype=frames[0].dtype, device=frames[0].device),
        torch.arange(width, dtype=frames[0].dtype, device=frames[0].device),
        indexing="ij",
    )
    # for each stage (inside, outside, own flow) and candidate: weight [H, W] and sampling position
    weights: list[list[Tensor]] = [[], [], []]
    spots: list[list[tuple[Tensor, Tensor]]] = [[], [], []]
    for _, flow, z, trust, scale, weight, *bends in voices:
        path = flow + (scale - 1) * bends[0] if bends and bends[0] is not None else flow
        moved = (path * scale).permute(2, 0, 1)[None]
        trust = torch.where(trust.isfinite() & (trust > 0), trust, torch.zeros_like(trust))
        payload = torch.cat([-moved, trust[None, None]], 1)
        arrived = splat(payload, moved, z[None, None], footprint=footprint, sigma=sigma)
        x, y = xs + arrived.out[0, 0], ys + arrived.out[0, 1]
        nearest_x, nearest_y = (x + 0.5).floor(), (y + 0.5).floor()
        inside = (nearest_x >= 0) & (nearest_x < width) & (nearest_y >= 0) & (nearest_y < height)
        found = arrived.norm[0, 0] > 0
        share = torch.full_like(xs, weight)
        if merge == "metric":
            m = arrived.out[0, 2]
            share = share * (m**merge_exponent if merge_exponent != 0 else (m > 0).to(m.dtype))
        if coverage_gate:
            covered = cover(moved, z[None, None])[0, 0]
            share = share * covered.clamp(1e-3, 1.0)
        nothing = torch.zeros_like(share)
        weights[0].append(torch.where(found & inside, share, nothing))
        weights[1].append(torch.where(found & ~inside, share, nothing))
        weights[2].append(torch.full_like(xs, weight))
        spots[0].append((x, y))
        spots[1].append((x, y))
        spots[2].append((xs - moved[0, 0], ys - moved[0, 1]))

    totals = torch.stack([torch.stack(stage).sum(0) for stage in weights])
    hole = torch.where(totals[0] > 0, 0, torch.where(totals[1] > 0, 1, 2))
    out = torch.zeros_like(frames[0])
    for stage in range(3):
        blended = torch.zeros_like(out)
        for (frame, *_), share, (x, y) in zip(voices, weights[stage], spots[stage], strict=True):
            planar = frames[frame].permute(2, 0, 1)[None]
            shown = sample(planar, x[None], y[None], filter=filter, limited=True)[0]
            blended = blended + shown.permute(1, 2, 0) * share[..., None]
        total = torch.where(totals[stage] > 0, totals[stage], torch.ones_like(totals[stage]))
        out = torch.where((hole == stage)[..., None], blended / total[..., None], out)

    ids_out = None
    if ids is not None:
        ids_out = torch.zeros_like(ids[0])
        for stage in range(3):
            best = torch.stack(weights[stage]).argmax(0)
            for i, ((frame, *_), (x, y)) in enumerate(zip(voices, spots[stage], strict=True)):
                column = (x + 0.5).floor().clamp(0, width - 1).long()
                line = (y + 0.5).floor().clamp(0, height - 1).long()
                ids_out = torch.where(
                    ((hole == stage) & (best == i))[..., None], ids[frame][line, column], ids_out
                )
    weight_sum = torch.where(hole == 0, totals[0], torch.zeros_like(totals[0]))
    return Merged(out, ids_out, hole, weight_sum)


def cover(flow: Tensor, metric: Tensor) -> Tensor:
    """Sum of the bilinear weights of the source pixels whose metric is finite, [N, 1, H, W]."""
    alive = metric.isfinite().to(flow.dtype)
    return splat(alive, flow, mode="sum").out


def susan(frames: Sequence[Tensor], centre: int, *, sigma: float, t: float, radius: int) -> Tensor:
    """Frame ``centre`` of ``[H, W, C]`` frames smoothed by 3-D SUSAN; beyond the picture and the clip there is nothing.

    Smith & Brady, "SUSAN - a new approach to low level image processing" (IJCV 1997), over the root mean square
    difference of the channels.
    """
    own = frames[centre]
    height, width, _ = own.shape
    rows, columns = torch.arange(height)[:, None], torch.arange(width)[None, :]
    total, summed, around = torch.zeros(height, width, 1).to(own), torch.zeros_like(own), []
    for number, frame in enumerate(frames):
        for dy in range(-radius, radius + 1):
            for dx in range(-radius, radius + 1):
                if (number, dy, dx) == (centre, 0, 0):
                    continue
                y, x = rows + dy, columns + dx
                inside = ((y >= 0) & (y < height) & (x >= 0) & (x < width))[..., None]
                seen = frame[y.clamp(0, height - 1), x.clamp(0, width - 1)]
                distance = (dy * dy + dx * dx + (number - centre) ** 2) / (2 * sigma**2)
                unlike = (seen - own).square().mean(-1, keepdim=True) / t**2
                exponent = -(unlike + distance)
                weight = torch.where(inside & (exponent >= -87.0), exponent.exp(), torch.zeros_like(exponent))
                total, summed = total + weight, summed + weight * seen
                if number == centre:
                    around.append(torch.where(inside, seen, torch.full_like(seen, torch.nan)))
    middle = torch.stack(around).nanquantile(0.5, dim=0)  # of an even number the mean of the middle two
    return torch.where(total > 0, summed / total, torch.where(middle.isnan(), own, middle))
