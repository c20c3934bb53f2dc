"""How does a caller look images up along a flow (backward warp), with NumPy or torch, with or without gradients?"""

from __future__ import annotations

from retempo.errors import UsageError
from retempo.ops import arrays
from retempo.ops.arrays import Array

FILTERS = ("bilinear", "bicubic", "lanczos4", "nearest")
BORDERS = ("edge", "zero")


def warp(
    image: Array,
    flow: Array,
    *,
    filter: str = "bilinear",
    border: str = "edge",
    threads: int = 0,
    deterministic: bool | None = None,
    check_finite: bool = True,
) -> Array:
    """Backward warp, out(p) = image(p + flow(p)) [N, C, h, w], same library and device as ``image``.

    Args:
        image: [N, C, H, W] float32, or float64 on the CPU.
        flow: [N, 2, h, w] pixels (dx, dy), from each output pixel to where it looks; must be finite.
        filter: ``bilinear``, ``bicubic`` (Catmull-Rom, 4x4 taps; not limited here, so that gradients are exact),
            ``lanczos4`` (8x8 taps, weights normalised) or ``nearest``.
        border: ``edge`` repeats the outermost pixels, ``zero`` counts outside pixels as 0.
        threads: CPU threads, 0 for all; the result does not depend on it.
        deterministic: same bits on each run for the gradient of the image on CUDA; ``None`` follows torch.
        check_finite: refuse non-finite flow (on CUDA this waits for the device).

    Differentiable (torch) in image and flow; ``nearest`` in the image only.

    Raises:
        UsageError: an argument does not fit; the message names it.
        DeviceError: no native module, or the device ran out of memory.
    """
    arrays.check_choice("filter", filter, FILTERS)
    arrays.check_choice("border", border, BORDERS)
    arrays.check_array("image", image, (None, None, None, None))
    arrays.check_array("flow", flow, (image.shape[0], 2, None, None), image)
    options = {"filter": filter, "border": border, "threads": threads}
    if arrays.is_tensor(image):
        from retempo.ops.autograd import WarpFunction

        return WarpFunction.apply(
            image, flow, check_finite, options, arrays.is_deterministic(image, deterministic)
        )
    return forward(image, flow, check_finite, options)


def warp_image(
    image: Array,
    flow: Array,
    *,
    filter: str = "bilinear",
    border: str = "edge",
    threads: int = 0,
    check_finite: bool = True,
) -> Array:
    """Channel-last warp for inference: ``image`` [H, W, C], ``flow`` [h, w, 2] pixels -> [h, w, C], no copies.

    float32 pixels go through any filter, ``bicubic`` limited to the range of the pixels around each position;
    uint32 ids through ``nearest`` only, bits copied. Carries no gradient.

    Raises:
        UsageError: an argument does not fit; the message names it.
        DeviceError: no native module, or the device failed.
    """
    arrays.check_choice("filter", filter, FILTERS)
    arrays.check_choice("border", border, BORDERS)
    ids = arrays.dtype_name(image) == "uint32"
    if ids and filter != "nearest":
        raise UsageError(f"filter: ids are never blended, expected nearest, got {filter}")
    if not ids:
        arrays.check_array("image", image, (None, None, None))
    arrays.check_array("flow", flow, (None, None, 2), None if ids else image)
    out = arrays.empty(image, (*flow.shape[:2], image.shape[2]))
    if arrays.is_empty(out):
        return out
    planes = arrays.contiguous(image), arrays.contiguous(flow), out
    stream = arrays.stream_of(image)
    if ids:
        arrays.call_native("warp_ids", *planes, border=border, threads=threads, stream=stream)
    else:
        arrays.call_native(
            "warp_image", *planes, filter=filter, border=border, threads=threads, stream=stream
        )
    return out


def forward(image: Array, flow: Array, check_finite: bool, options: dict[str, object]) -> Array:
    """Allocate and fill the warped image; arguments are already checked."""
    out = arrays.empty(image, (*image.shape[:2], *flow.shape[2:]))
    if not arrays.is_empty(out):
        arrays.call_native(
            "warp_forward",
            arrays.contiguous(image),
            arrays.contiguous(flow),
            out,
            stream=arrays.stream_of(image),
            check_finite=check_finite,
            **options,
        )
    return out
