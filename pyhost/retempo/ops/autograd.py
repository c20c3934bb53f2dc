"""How do gradients pass through splat and warp? Imported only once a torch tensor has come in."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from retempo.ops import arrays, splatting, warping


class SplatFunction(torch.autograd.Function):
    """Splat with its backward in native code (a gather, so the same bits on each run).

    The per-target maximum cancels between numerator and denominator, so it gets no gradient, exactly.
    """

    @staticmethod
    def forward(
        ctx: Any,
        payload: Tensor,
        flow: Tensor,
        metric: Tensor | None,
        coverage: bool,
        check_finite: bool,
        options: dict[str, object],
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        out, norm, zmax, covered = splatting.forward(payload, flow, metric, coverage, check_finite, options)
        ctx.save_for_backward(payload, flow, metric, out, norm, zmax)
        ctx.options = options
        ctx.mark_non_differentiable(*(extra for extra in (norm, covered) if extra is not None))
        return out, norm, covered

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, grad_out: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        payload, flow, metric, out, norm, zmax = ctx.saved_tensors
        grad_payload = torch.empty_like(payload, memory_format=torch.contiguous_format)
        grad_flow = torch.empty_like(flow, memory_format=torch.contiguous_format)
        grad_metric = (
            None if metric is None else torch.empty_like(metric, memory_format=torch.contiguous_format)
        )
        if norm.numel():
            arrays.call_native(
                "splat_backward",
                arrays.contiguous(grad_out),
                arrays.contiguous(payload),
                arrays.contiguous(flow),
                None if metric is None else arrays.contiguous(metric),
                arrays.contiguous(out),
                norm,
                zmax,
                grad_payload,
                grad_flow,
                grad_metric,
                stream=arrays.stream_of(payload),
                **ctx.options,
            )
        return grad_payload, grad_flow, grad_metric, None, None, None


class WarpFunction(torch.autograd.Function):
    """Backward warp with its gradients in native code."""

    @staticmethod
    def forward(
        ctx: Any,
        image: Tensor,
        flow: Tensor,
        check_finite: bool,
        options: dict[str, object],
        deterministic: bool,
    ) -> Tensor:
        ctx.save_for_backward(image, flow)
        ctx.options = {**options, "deterministic": deterministic}
        return warping.forward(image, flow, check_finite, options)

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, grad_out: Tensor) -> tuple[Tensor | None, ...]:
        image, flow = ctx.saved_tensors
        grad_image = torch.empty_like(image, memory_format=torch.contiguous_format)
        grad_flow = torch.empty_like(flow, memory_format=torch.contiguous_format)
        if not image.numel() or not grad_out.numel():
            grad_image.zero_()
            grad_flow.zero_()
        else:
            arrays.call_native(
                "warp_backward",
                arrays.contiguous(grad_out),
                arrays.contiguous(image),
                arrays.contiguous(flow),
                grad_image,
                grad_flow,
                stream=arrays.stream_of(image),
                **ctx.options,
            )
        return grad_image, grad_flow, None, None, None
