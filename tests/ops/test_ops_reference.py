"""Does the plain PyTorch reference say what the definitions say? Tables worked by hand, and finite differences."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch", reason="the reference is written in PyTorch")

from retempo.ops import reference  # noqa: E402


def row(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64).reshape(1, 1, 1, -1)


def shift(dx: list[float], dy: float = 0.0) -> torch.Tensor:
    flow = torch.zeros(1, 2, 1, len(dx), dtype=torch.float64)
    flow[0, 0, 0] = torch.tensor(dx)
    flow[0, 1] = dy
    return flow


def smooth_case(seed: int, n: int = 1, c: int = 2, h: int = 4, w: int = 5) -> tuple[torch.Tensor, ...]:
    """Random payload, flow and metric in float64 whose landings keep 0.1 px away from every kink."""
    rng = torch.Generator().manual_seed(seed)
    payload = torch.randn(n, c, h, w, generator=rng, dtype=torch.float64)
    whole = torch.randint(-2, 3, (n, 2, h, w), generator=rng).double()
    flow = whole + 0.1 + 0.8 * torch.rand(n, 2, h, w, generator=rng, dtype=torch.float64)
    metric = torch.randn(n, 1, h, w, generator=rng, dtype=torch.float64)
    return payload, flow, metric


@pytest.mark.parametrize(
    ("dx", "mode", "metric", "expected"),
    [
        # half a pixel to the right: pixels 1 and 2 get halves of two sources, pixel 0 half of one
        ([0.5, 0.5, 0.5], "sum", None, [0.5, 1.5, 2.5]),
        ([0.5, 0.5, 0.5], "average", None, [1.0, 1.5, 2.5]),
        # source 0 lands on pixel 1 beside source 1; weights 1 and 3
        ([1.0, 0.0, 0.0], "linear", [1.0, 3.0, 5.0], [0.0, (1 + 3 * 2) / 4, 3.0]),
        ([1.0, 0.0, 0.0], "softmax", [math.log(3.0), 0.0, 9.0], [0.0, (3 * 1 + 2) / 4, 3.0]),
        # everything leaves the frame
        ([9.0, 9.0, 9.0], "softmax", [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]),
    ],
)
def test_splat_table(dx: list[float], mode: str, metric: list[float] | None, expected: list[float]) -> None:
    z = None if metric is None else row(*metric)
    result = reference.splat(row(1, 2, 3), shift(dx), z, mode=mode)
    torch.testing.assert_close(result.out, row(*expected))


def test_integer_landing_does_not_raise_the_maximum_of_its_neighbour() -> None:
    # source 0 lands exactly on pixel 0; its right neighbour gets weight 0 and must not see Z = 1000
    result = reference.splat(row(1, 2), shift([0.0, 0.0]), row(1000.0, 0.0))
    torch.testing.assert_close(result.out, row(1, 2))
    assert result.zmax is not None
    torch.testing.assert_close(result.zmax, row(1000.0, 0.0))


def test_holes_and_coverage() -> None:
    result = reference.splat(row(1, 2, 3), shift([0.0, 1.0, 0.0]), row(0, 0, 0))
    assert (result.norm == 0).flatten().tolist() == [False, True, False]
    torch.testing.assert_close(result.coverage, row(1, 0, 2))
    wide = reference.splat(row(1, 2, 3), shift([0.0, 1.0, 0.0]), row(0, 0, 0), footprint="gaussian")
    assert not (wide.norm == 0).any()
    torch.testing.assert_close(wide.coverage, row(1, 0, 2))


def test_gaussian_weights_by_hand() -> None:
    # one source at x = 1.5 - 0.25: weights of pixels 0..3 at distances 1.25, 0.25, 0.75, 1.75
    flow = shift([9.0, 0.25, 9.0, 9.0])
    result = reference.splat(row(0, 1, 0, 0), flow, mode="sum", footprint="gaussian", sigma=0.5)
    expected = [math.exp(-(d**2) / 0.5) for d in (1.25, 0.25, 0.75, 1.75)]
    torch.testing.assert_close(result.out, row(*expected))


@pytest.mark.parametrize("footprint", ["bilinear", "gaussian"])
@pytest.mark.parametrize("shift_by", [1e3, 1e4, -1e4])
def test_softmax_ignores_a_constant(footprint: str, shift_by: float) -> None:
    payload, flow, metric = smooth_case(0)
    one = reference.splat(payload, flow, metric, footprint=footprint).out
    two = reference.splat(payload, flow, metric + shift_by, footprint=footprint).out
    torch.testing.assert_close(one, two, atol=1e-10, rtol=1e-10)


def test_softmax_of_a_constant_is_the_average() -> None:
    payload, flow, metric = smooth_case(1)
    flat = reference.splat(payload, flow, torch.full_like(metric, 3.0), mode="softmax").out
    torch.testing.assert_close(flat, reference.splat(payload, flow, mode="average").out)


@pytest.mark.parametrize("footprint", ["bilinear", "gaussian"])
@pytest.mark.parametrize("mode", ["sum", "average", "linear", "softmax"])
def test_splat_gradcheck(mode: str, footprint: str) -> None:
    payload, flow, metric = smooth_case(2)
    if mode == "linear":
        metric = metric.abs() + 0.5
    inputs = [tensor.requires_grad_() for tensor in (payload, flow, metric)]
    if mode in ("sum", "average"):
        inputs = inputs[:2]
    assert torch.autograd.gradcheck(
        lambda *a: reference.splat(*a, mode=mode, footprint=footprint).out, inputs
    )


@pytest.mark.parametrize(
    ("filter", "border", "dx", "expected"),
    [
        ("bilinear", "edge", [0.5, 0.5, 0.5], [1.5, 2.5, 3.0]),
        ("bilinear", "zero", [0.5, 0.5, 0.5], [1.5, 2.5, 1.5]),
        ("nearest", "edge", [0.6, 0.4, 5.0], [2.0, 2.0, 3.0]),
        ("nearest", "zero", [0.6, -0.6, 5.0], [2.0, 1.0, 0.0]),
        ("lanczos4", "edge", [1.0, 0.0, -1.0], [2.0, 2.0, 2.0]),
        ("bicubic", "edge", [1.0, 0.0, -1.0], [2.0, 2.0, 2.0]),
        ("bicubic", "zero", [0.5, 0.5, 0.0], [1.5, 2.75, 3.0]),  # (-1, 9, 9, -1) / 16
        ("bicubic", "zero", [0.5, 0.5, -0.5], [1.5, 2.75, 2.75]),
    ],
)
def test_warp_table(filter: str, border: str, dx: list[float], expected: list[float]) -> None:
    warped = reference.warp(row(1, 2, 3), shift(dx), filter=filter, border=border)
    torch.testing.assert_close(warped, row(*expected))


def test_limited_bicubic_stays_between_its_neighbours() -> None:
    step = row(0, 0, 9, 9)
    free = reference.warp(step, shift([0.5, 0.5, 0.5, 0.0]), filter="bicubic")
    torch.testing.assert_close(free, row(-9 / 16, 4.5, 9 + 9 / 16, 9))
    limited = reference.warp(step, shift([0.5, 0.5, 0.5, 0.0]), filter="bicubic", limited=True)
    torch.testing.assert_close(limited, row(0, 4.5, 9, 9))


@pytest.mark.parametrize(("filter", "error"), [("bicubic", 0.05), ("lanczos4", 0.02)])
def test_wide_filters_keep_a_constant_and_follow_a_sine(filter: str, error: float) -> None:
    flat = torch.full((1, 1, 9, 9), 0.3, dtype=torch.float64)
    flow = torch.rand(1, 2, 9, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(3)) * 4 - 2
    torch.testing.assert_close(reference.warp(flat, flow, filter=filter), flat)
    x = torch.arange(40, dtype=torch.float64).reshape(1, 1, 1, -1)
    wave = reference.warp(torch.sin(x), shift([0.5] * 40), filter=filter)
    assert (wave - torch.sin(x + 0.5))[..., 5:-5].abs().max() < error


@pytest.mark.parametrize("border", ["edge", "zero"])
@pytest.mark.parametrize("filter", ["bilinear", "bicubic", "lanczos4"])
def test_warp_gradcheck(filter: str, border: str) -> None:
    image, flow, _ = smooth_case(4)
    inputs = [image.requires_grad_(), flow.requires_grad_()]
    assert torch.autograd.gradcheck(lambda *a: reference.warp(*a, filter=filter, border=border), inputs)
