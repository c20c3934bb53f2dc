"""Which functions does the compiled module have? Signatures and shapes; semantics in native/include/retempo/*.h.

Arrays are NumPy arrays or anything with DLPack or an array interface (torch tensors on the CPU or a CUDA device), C-contiguous.
Outputs are allocated by the caller. [N, C, H, W] operators take float32, on the CPU also float64; channel-last ones float32.
Wrong values, shapes, devices or layouts raise ValueError, wrong element types TypeError, naming the argument. ``threads=0``
uses all cores; results never depend on it. ``stream`` is a CUDA stream handle; ``deterministic`` matters on CUDA only.
"""

from collections.abc import Sequence
from typing import Any, Literal, TypedDict

Array = Any
Mode = Literal["sum", "average", "linear", "softmax"]
Footprint = Literal["bilinear", "gaussian"]
Filter = Literal["bilinear", "bicubic", "lanczos4", "nearest"]
Border = Literal["edge", "zero"]

class BuildInfo(TypedDict):
    version: str
    compiler: str
    flags: str
    build_type: str
    cuda: bool
    cuda_toolkit: str | None
    cuda_architectures: str | None
    isa: str
    threads: int

def splat_forward(
    payload: Array,  # [N, C, H, W]
    flow: Array,  # [N, 2, H, W] pixels, source -> target
    metric: Array | None,  # [N, 1, H, W], linear and softmax
    out: Array,  # [N, C, H, W], 0 in holes
    norm: Array,  # [N, 1, H, W], 0 = hole
    zmax: Array | None,  # [N, 1, H, W], softmax
    coverage: Array | None,  # [N, 1, H, W], sum of bilinear weights
    *,
    mode: Mode = "softmax",
    footprint: Footprint = "bilinear",
    sigma: float = 0.5,
    threads: int = 0,
    deterministic: bool = False,
    stream: int = 0,
    check_finite: bool = True,
) -> None: ...
def splat_backward(
    grad_out: Array,
    payload: Array,
    flow: Array,
    metric: Array | None,
    out: Array,
    norm: Array,
    zmax: Array | None,
    grad_payload: Array | None,
    grad_flow: Array | None,
    grad_metric: Array | None,
    *,
    mode: Mode = "softmax",
    footprint: Footprint = "bilinear",
    sigma: float = 0.5,
    threads: int = 0,
    deterministic: bool = False,
    stream: int = 0,
) -> None: ...
def warp_forward(
    image: Array,  # [N, C, H, W]
    flow: Array,  # [N, 2, H', W']: out(p) = image(p + flow(p))
    out: Array,  # [N, C, H', W']
    *,
    filter: Filter = "bilinear",
    border: Border = "edge",
    threads: int = 0,
    deterministic: bool = False,
    stream: int = 0,
    check_finite: bool = True,
) -> None: ...
def warp_backward(
    grad_out: Array,
    image: Array,
    flow: Array,
    grad_image: Array | None,
    grad_flow: Array | None,
    *,
    filter: Filter = "bilinear",
    border: Border = "edge",
    threads: int = 0,
    deterministic: bool = False,
    stream: int = 0,
) -> None: ...
def warp_image(
    image: Array,  # [H, W, C] float32
    flow: Array,  # [H', W', 2] float32
    out: Array,  # [H', W', C] float32
    *,
    filter: Filter = "bilinear",
    border: Border = "edge",
    threads: int = 0,
    stream: int = 0,
    check_finite: bool = True,
) -> None: ...
def warp_ids(
    ids: Array,  # [H, W, K] uint32 (or int32 bit patterns)
    flow: Array,  # [H', W', 2] float32
    out: Array,  # [H', W', K], nearest, bits copied
    *,
    border: Border = "edge",
    threads: int = 0,
    stream: int = 0,
    check_finite: bool = True,
) -> None: ...
def importance(
    image0: Array,  # [H, W, C] float32, host memory
    image1: Array,
    flow01: Array,  # [H, W, 2] float32
    flow10: Array,
    splat: Array,  # [H, W, 1] float32, written
    merge: Array,
    *,
    splat_coefficients: Sequence[float],  # photometric, flow, variance
    merge_coefficients: Sequence[float],
    temperature: float,
    threads: int = 0,
) -> bool: ...  # False: an image or a flow is not finite
def susan(
    frames: Sequence[Array],  # [H, W, C] float32 each, C at most 4, host memory
    centre: int,  # which of them is smoothed
    out: Array,  # [H, W, C] float32, written
    *,
    sigma: float,  # pixels and frames
    t: float,  # difference of brightness
    radius: int,  # 1 to 3
    threads: int = 0,
) -> None: ...
def invert_flow(
    flow: Array,  # [H, W, 2] float32 pixels, frame 0 -> 1
    metric: Array | None,  # [H, W]; larger is nearer
    trust: Array | None,  # [H, W] in [0, 1]
    guess: Array | None,  # [H, W, 2] what not seen pixels get; None: the nearest seen pixel's
    out: Array,  # [H, W, 2] frame 1 -> 0
    seen: Array,  # [H, W] uint8: 1, or 0 where out is a guess
    *,
    threads: int = 0,
    deterministic: bool = False,
    stream: int = 0,
    check_finite: bool = True,
) -> None: ...
def synthesize(
    frames: Sequence[Array],  # [H, W, C] float32 each
    candidates: Sequence[tuple[Any, ...]],
    # (frame, flow [H, W, 2], splat [H, W], merge [H, W], scale, weight[, bend [H, W, 2] or None])
    out: Array,  # [H', W, C]
    *,
    ids: Sequence[Array] | None = None,  # [H, W, K] uint32, one per frame
    ids_out: Array | None = None,  # [H', W, K]
    hole: Array | None = None,  # [H', W] uint8: 0 merged, 1 out of frame, 2 own flow
    weight_sum: Array | None = None,  # [H', W]
    footprint: Footprint = "gaussian",
    sigma: float = 0.5,
    merge_exponent: float = 1.0,
    coverage_gate: bool = False,
    metric_bound: float = 0.0,
    filter: Literal["bilinear", "bicubic", "lanczos4"] = "bilinear",
    merge: Literal["metric", "linear"] = "metric",
    frame_height: int | None = None,
    source_row0: int = 0,
    out_row0: int = 0,
    threads: int = 0,
    deterministic: bool = False,
    stream: int = 0,
    check_finite: bool = True,
) -> None: ...
def build_info() -> BuildInfo: ...
def cuda_available() -> bool: ...
def parallel_copy(to: Array, from_: Array, *, threads: int = 0) -> None: ...
