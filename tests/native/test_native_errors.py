"""Does every refusal name the argument, what was expected and what came?"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest

from retempo import _native


def splat(**changes: Any) -> None:
    """Call splat_forward with good arguments but for ``changes``."""
    shapes = {
        "payload": (1, 3, 4, 5),
        "flow": (1, 2, 4, 5),
        "metric": (1, 1, 4, 5),
        "out": (1, 3, 4, 5),
        "norm": (1, 1, 4, 5),
    }
    arguments: dict[str, Any] = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
    arguments |= {"zmax": None, "coverage": None, "mode": "softmax"} | changes
    _native.splat_forward(**arguments)


def zeros(*shape: int, dtype: type = np.float32) -> np.ndarray:
    return np.zeros(shape, dtype)


def non_finite() -> np.ndarray:
    flow = zeros(1, 2, 4, 5)
    flow[0, 1, 2, 3] = np.nan
    return flow


def read_only() -> np.ndarray:
    array = zeros(1, 3, 4, 5)
    array.flags.writeable = False
    return array


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        (
            {"flow": zeros(1, 3, 4, 5)},
            ValueError,
            r"flow: expected shape \[N, 2, H, W\] = \(1, 2, 4, 5\), got \(1, 3, 4, 5\)",
        ),
        ({"payload": zeros(4, 5)}, ValueError, r"payload: expected shape \[N, C, H, W\], got \(4, 5\)"),
        ({"flow": zeros(1, 2, 4, 5, dtype=np.float64)}, TypeError, "flow: expected float32, got float64"),
        (
            {"payload": zeros(1, 3, 4, 5, dtype=np.uint8)},
            TypeError,
            "payload: expected float32 or float64, got uint8",
        ),
        ({"payload": zeros(1, 3, 4, 5, dtype=np.float16)}, TypeError, "got float16"),
        (
            {"payload": zeros(1, 4, 5, 3).transpose(0, 3, 1, 2)},
            ValueError,
            "payload: expected a C-contiguous array, got strides",
        ),
        ({"flow": zeros(1, 2, 4, 10)[..., ::2]}, ValueError, "flow: expected a C-contiguous array"),
        (
            {"flow": non_finite()},
            ValueError,
            r"flow: expected finite numbers, got NaN or Inf at \[0, 1, 2, 3\]",
        ),
        ({"metric": None}, ValueError, r"metric: expected an array \[N, 1, H, W\], got None"),
        ({"payload": None}, ValueError, r"payload: expected an array"),
        ({"out": read_only()}, ValueError, "out: expected a writable array"),
        ({"payload": [1, 2]}, TypeError, "payload: expected an array .*, got list"),
        (
            {"mode": "soft"},
            ValueError,
            "mode: expected one of 'sum', 'average', 'linear', 'softmax', got 'soft'",
        ),
        ({"footprint": "box"}, ValueError, "footprint: expected one of 'bilinear', 'gaussian', got 'box'"),
        ({"sigma": 0.0}, ValueError, "sigma: expected 0.05 to"),
        ({"threads": -1}, ValueError, "threads: expected 0"),
    ],
)
def test_splat_refusals(changes: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        splat(**changes)


def test_outputs_may_not_overlap_inputs() -> None:
    shared = zeros(1, 3, 4, 5)
    with pytest.raises(ValueError, match="out: expected memory of its own, got memory that overlaps payload"):
        splat(payload=shared, out=shared)
    with pytest.raises(ValueError, match="overlaps"):
        splat(norm=(both := zeros(1, 1, 4, 5)), zmax=both)


def test_the_finite_check_can_be_waived() -> None:
    splat(flow=non_finite(), check_finite=False)


def synthesize(**changes: Any) -> None:
    """Call synthesize with good arguments but for ``changes``."""
    candidate = (0, zeros(6, 7, 2), zeros(6, 7), np.ones((6, 7), np.float32), 0.5, 1.0)
    arguments: dict[str, Any] = {
        "frames": [zeros(6, 7, 4)],
        "candidates": [candidate],
        "out": zeros(6, 7, 4),
    } | changes
    _native.synthesize(**arguments)


def candidate(index: int, value: Any) -> list[tuple[Any, ...]]:
    parts: list[Any] = [0, zeros(6, 7, 2), zeros(6, 7), zeros(6, 7), 0.5, 1.0]
    parts[index] = value
    return [tuple(parts)]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"frames": []}, "frames: expected at least one"),
        ({"candidates": []}, "candidates: expected at least one"),
        ({"candidates": candidate(0, 3)}, r"candidates\[0\].frame: expected 0 to 0, got 3"),
        ({"candidates": candidate(1, zeros(6, 8, 2))}, r"candidates\[0\].flow: expected shape \[H, W, 2\]"),
        (
            {"candidates": candidate(1, np.full((6, 7, 2), np.inf, np.float32))},
            r"candidates\[0\].flow: expected finite numbers.*\[0, 0, 0\]",
        ),
        ({"candidates": candidate(2, zeros(6, 6))}, r"candidates\[0\].splat"),
        ({"candidates": candidate(4, float("nan"))}, r"candidates\[0\].scale: expected a finite number"),
        ({"candidates": candidate(5, -1.0)}, r"candidates\[0\].weight: expected a finite number >= 0"),
        ({"candidates": candidate(5, 0.0)}, "candidates: expected a weight above 0"),
        (
            {"candidates": [(0, 1)]},
            r"candidates\[0\]: expected \(frame, flow, splat, merge, scale, weight\[, bend\]\), got 2 parts",
        ),
        ({"frames": [zeros(6, 7, 4), zeros(6, 7, 3)]}, r"frames\[1\]: expected shape"),
        ({"out": zeros(6, 8, 4)}, "out: expected shape"),
        (
            {"out": zeros(7, 7, 4)},
            "out_row0: expected output rows within the source rows 0 to 6, got rows 0 to 7",
        ),
        ({"frame_height": 5}, "source_row0: expected source rows within a frame of 5 rows"),
        ({"ids_out": zeros(6, 7, 1, dtype=np.uint32)}, "ids: expected one array"),
        ({"hole": zeros(6, 6, dtype=np.uint8)}, "hole: expected shape"),
        ({"filter": "nearest"}, "filter: expected one of 'bilinear', 'bicubic', 'lanczos4', got 'nearest'"),
    ],
)
def test_synthesize_refusals(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        synthesize(**changes)


def test_a_cuda_array_without_cuda_says_so() -> None:
    if _native.build_info()["cuda"]:
        pytest.skip("this build has CUDA kernels")

    class Elsewhere:
        __cuda_array_interface__: ClassVar = {
            "shape": (1, 3, 4, 5),
            "typestr": "<f4",
            "data": (4096, False),
            "version": 3,
        }

    with pytest.raises(
        ValueError,
        match="payload: expected an array on the CPU, got cuda:0; this build of retempo has no CUDA",
    ):
        splat(payload=Elsewhere())


def test_torch_tensors_come_in_without_a_copy() -> None:
    torch = pytest.importorskip("torch")
    out, norm = torch.empty(1, 3, 4, 5), torch.empty(1, 1, 4, 5)
    payload = torch.rand(1, 3, 4, 5)
    splat(payload=payload, flow=torch.zeros(1, 2, 4, 5), metric=torch.zeros(1, 1, 4, 5), out=out, norm=norm)
    assert torch.equal(out, payload)
    with pytest.raises(ValueError, match="payload: expected a C-contiguous array"):
        splat(payload=torch.rand(1, 3, 5, 4).transpose(2, 3))
