"""Does the native splat say what the reference says, forward and backward, on each device?"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="the reference is written in PyTorch")

from retempo import ops  # noqa: E402
from retempo.errors import UsageError  # noqa: E402
from retempo.ops import reference  # noqa: E402

MODES = ["sum", "average", "linear", "softmax"]
FOOTPRINTS = ["bilinear", "gaussian"]


def make_case(seed: int, n: int, c: int, h: int, w: int, spread: float, dtype=torch.float32):
    """Random payload, flow within +-spread pixels and a metric that is > 0 enough for mode linear."""
    rng = np.random.default_rng(seed)
    payload = torch.from_numpy(rng.standard_normal((n, c, h, w))).to(dtype)
    flow = torch.from_numpy(rng.uniform(-spread, spread, (n, 2, h, w))).to(dtype)
    metric = torch.from_numpy(rng.uniform(0.1, 4.0, (n, 1, h, w))).to(dtype)
    return payload, flow, metric


def off_kinks(flow, seed: int):
    """The same whole pixels with fractions between 0.1 and 0.9."""
    rng = np.random.default_rng(seed)
    return flow.floor() + torch.from_numpy(rng.uniform(0.1, 0.9, tuple(flow.shape))).to(flow.dtype)


def relative_error(result, expected) -> float:
    """Largest difference over the largest expected magnitude."""
    return float((result.cpu().double() - expected).abs().max() / expected.abs().max().clamp(min=1e-12))


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 2),
    c=st.integers(1, 5),
    h=st.integers(1, 12),
    w=st.integers(1, 12),
    spread=st.sampled_from([0.0, 0.7, 3.0, 40.0]),
    mode=st.sampled_from(MODES),
    footprint=st.sampled_from(FOOTPRINTS),
    sigma=st.sampled_from([0.5, 0.75, 1.3]),
)
def test_cpu_equals_the_reference(seed, n, c, h, w, spread, mode, footprint, sigma) -> None:
    payload, flow, metric = make_case(seed, n, c, h, w, spread)
    compare_with_reference(payload, flow, metric, mode, footprint, sigma, {})


def compare_with_reference(payload, flow, metric, mode, footprint, sigma, options) -> None:
    expected = reference.splat(
        payload.cpu().double(),
        flow.cpu().double(),
        metric.cpu().double(),
        mode=mode,
        footprint=footprint,
        sigma=sigma,
    )
    result = ops.splat(payload, flow, metric, mode=mode, footprint=footprint, sigma=sigma, **options)
    # a weight under the smallest float is a hole for the kernels, and a speck for the reference
    known = (expected.norm > 1e-30) | (expected.norm == 0)
    assert torch.equal((result.hole.cpu() & known), ((expected.norm == 0) & known))
    known = known.expand_as(expected.out)
    assert relative_error(result.out.cpu()[known], expected.out[known]) < 1e-5
    assert relative_error(result.coverage, expected.coverage) < 1e-5


@pytest.mark.parametrize("footprint", FOOTPRINTS)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("shape", [(1, 3, 33, 47), (2, 40, 9, 8), (1, 1, 1, 1), (3, 2, 1, 70)])
def test_equals_the_reference(device: str, deterministic: bool, mode: str, footprint: str, shape) -> None:
    case = [part.to(device) for part in make_case(7, *shape, spread=5.0)]
    compare_with_reference(*case, mode, footprint, 0.6, {"deterministic": deterministic})


def test_everything_on_one_pixel(device: str, deterministic: bool) -> None:
    h, w = 24, 31  # 744 sources in one list: the long way of sorting
    ys, xs = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
    flow = torch.stack([10 - xs, 7 - ys])[None].float().to(device)
    payload, _, metric = (part.to(device) for part in make_case(3, 1, 3, h, w, 0.0))
    compare_with_reference(
        payload, flow, metric, "softmax", "bilinear", 0.5, {"deterministic": deterministic}
    )


def test_a_wide_image(device: str, deterministic: bool) -> None:
    payload, flow, metric = (part.to(device) for part in make_case(5, 1, 2, 3, 16411, 6.0))
    compare_with_reference(
        payload, flow, metric, "softmax", "gaussian", 0.5, {"deterministic": deterministic}
    )


def test_no_pixels_no_crash(device: str) -> None:
    for shape in [(0, 3, 4, 4), (1, 3, 0, 4), (2, 3, 4, 0)]:
        n, _, h, w = shape
        payload = torch.zeros(shape, device=device, requires_grad=True)
        result = ops.splat(
            payload, torch.zeros(n, 2, h, w, device=device), torch.zeros(n, 1, h, w, device=device)
        )
        assert tuple(result.out.shape) == shape
        assert tuple(result.hole.shape) == (n, 1, h, w)
        result.out.sum().backward()
        assert payload.grad is not None


def test_integer_translation_is_exact(device: str, deterministic: bool) -> None:
    payload, _, metric = (part.to(device) for part in make_case(11, 1, 4, 20, 22, 0.0))
    flow = torch.zeros(1, 2, 20, 22, device=device)
    flow[:, 0], flow[:, 1] = 3, -2
    for mode in ("average", "softmax", "sum"):
        out = ops.splat(payload, flow, metric, mode=mode, deterministic=deterministic).out
        assert torch.equal(out[..., :18, 3:], payload[..., 2:, :19])
        assert (out[..., 18:, :] == 0).all()


@pytest.mark.parametrize("footprint", FOOTPRINTS)
def test_softmax_ignores_a_constant(device: str, deterministic: bool, footprint: str) -> None:
    payload, flow, _ = (part.to(device) for part in make_case(12, 1, 3, 16, 16, 2.0))
    metric = torch.randint(-8, 9, (1, 1, 16, 16), device=device) * 0.25  # exact after adding 1e4
    one = ops.splat(payload, flow, metric, footprint=footprint, deterministic=deterministic).out
    two = ops.splat(payload, flow, metric + 1e4, footprint=footprint, deterministic=deterministic).out
    torch.testing.assert_close(one, two, atol=1e-6, rtol=1e-6)


def test_an_exact_neighbour_does_not_count(device: str, deterministic: bool) -> None:
    payload = torch.tensor([1.0, 2.0], device=device).reshape(1, 1, 1, 2)
    metric = torch.tensor([1e4, -0.0], device=device).reshape(1, 1, 1, 2)
    out = ops.splat(payload, torch.zeros(1, 2, 1, 2, device=device), metric, deterministic=deterministic).out
    assert out.flatten().tolist() == [1.0, 2.0]


def test_dead_metric_contributes_nothing(device: str, deterministic: bool) -> None:
    payload, flow, metric = (part.to(device) for part in make_case(13, 1, 3, 12, 12, 2.0))
    metric[0, 0, 3, 4], metric[0, 0, 6, 2], metric[0, 0, 9, 9] = float("nan"), float("inf"), float("-inf")
    for footprint in FOOTPRINTS:
        compare_with_reference(
            payload, flow, metric, "softmax", footprint, 0.5, {"deterministic": deterministic}
        )


@pytest.mark.parametrize("footprint", FOOTPRINTS)
@pytest.mark.parametrize("mode", MODES)
def test_gradcheck_in_float64(mode: str, footprint: str) -> None:
    payload, flow, metric = make_case(21, 1, 3, 5, 6, 2.0, torch.float64)
    inputs = [payload, off_kinks(flow, 22), metric]
    inputs = inputs if mode in ("linear", "softmax") else inputs[:2]
    for tensor in inputs:
        tensor.requires_grad_()
    splat = lambda *a: ops.splat(*a, mode=mode, footprint=footprint, sigma=0.7).out  # noqa: E731
    assert torch.autograd.gradcheck(splat, inputs)


@pytest.mark.parametrize("footprint", FOOTPRINTS)
@pytest.mark.parametrize("mode", MODES)
def test_gradients_equal_the_reference(device: str, mode: str, footprint: str) -> None:
    payload, flow, metric = make_case(23, 2, 5, 13, 11, 3.0)
    flow = off_kinks(flow, 24)
    upstream = torch.from_numpy(np.random.default_rng(25).standard_normal((2, 5, 13, 11)))
    exact = [part.double().requires_grad_() for part in (payload, flow, metric)]
    reference.splat(*exact, mode=mode, footprint=footprint).out.backward(upstream)
    inputs = [part.to(device).requires_grad_() for part in (payload, flow, metric)]
    ops.splat(*inputs, mode=mode, footprint=footprint).out.backward(upstream.float().to(device))
    used = 3 if mode in ("linear", "softmax") else 2
    for own, other in zip(inputs[:used], exact[:used], strict=True):
        assert relative_error(own.grad, other.grad) < 1e-5


@pytest.mark.parametrize("mode", MODES)
def test_same_bits_in_twenty_runs(device: str, mode: str) -> None:
    payload, flow, metric = (part.to(device) for part in make_case(31, 1, 9, 60, 70, 15.0))
    runs = [
        ops.splat(payload, flow, metric, mode=mode, footprint="gaussian", deterministic=True)
        for _ in range(20)
    ]
    assert all(torch.equal(run.out, runs[0].out) for run in runs)
    assert all(torch.equal(run.coverage, runs[0].coverage) for run in runs)


def test_numpy_equals_torch_and_threads_do_not_matter() -> None:
    case = make_case(41, 2, 3, 40, 37, 4.0)
    arrays = [part.numpy() for part in case]
    for footprint in FOOTPRINTS:
        expected = ops.splat(*case, footprint=footprint)
        for threads in (1, 2, 5):
            result = ops.splat(*arrays, footprint=footprint, threads=threads)
            assert isinstance(result.out, np.ndarray)
            assert np.array_equal(result.out, expected.out.numpy())
            assert np.array_equal(result.hole, expected.hole.numpy())


def test_strided_inputs_and_gradients(device: str) -> None:
    payload, flow, metric = (part.to(device) for part in make_case(43, 1, 4, 10, 12, 2.0))
    strided = payload.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2).requires_grad_()
    out = ops.splat(strided, flow, metric, deterministic=True).out
    assert torch.equal(out, ops.splat(payload, flow, metric, deterministic=True).out)
    out.sum(dim=1).sum().backward()  # an expanded upstream gradient
    assert strided.grad.shape == payload.shape


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"flow": np.zeros((1, 3, 4, 5), "f")}, ["flow", "[1, 2, 4, 5]", "[1, 3, 4, 5]"]),
        ({"metric": np.zeros((1, 1, 4, 4), "f")}, ["metric", "[1, 1, 4, 5]"]),
        ({"metric": None}, ["metric", "softmax"]),
        ({"payload": np.zeros((1, 2, 4, 5), "i4")}, ["payload", "float32", "int32"]),
        ({"flow": np.zeros((1, 2, 4, 5), "f8")}, ["flow", "float32", "float64"]),
        ({"flow": np.full((1, 2, 4, 5), np.nan, "f")}, ["flow", "nan"]),
        ({"flow": torch.zeros(1, 2, 4, 5)}, ["flow", "torch"]),
        ({"payload": [1, 2, 3]}, ["payload", "list"]),
        ({"mode": "median"}, ["mode", "median", "average"]),
        ({"sigma": 0.0, "footprint": "gaussian"}, ["sigma"]),
    ],
)
def test_refusals_name_the_argument(change, words) -> None:
    arguments = {
        "payload": np.zeros((1, 2, 4, 5), "f"),
        "flow": np.zeros((1, 2, 4, 5), "f"),
        "metric": np.zeros((1, 1, 4, 5), "f"),
        **change,
    }
    with pytest.raises(UsageError) as caught:
        ops.splat(**arguments)
    assert all(word.lower() in str(caught.value).lower() for word in words), str(caught.value)
