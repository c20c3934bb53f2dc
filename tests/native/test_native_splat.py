"""Does the splat put every pixel where the hand-worked tables say, on every device, with any number of threads?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retempo import _native

MODES = ("sum", "average", "linear", "softmax")
FOOTPRINTS = ("bilinear", "gaussian")
Send = Callable[[np.ndarray], Any]


def run(
    payload: np.ndarray,
    flow: np.ndarray,
    metric: np.ndarray | None = None,
    send: Send = lambda a: a,
    fetch: Send = lambda a: a,
    **options: Any,
) -> dict[str, np.ndarray]:
    """Splat and return out, norm, zmax and coverage."""
    n, _, h, w = payload.shape
    results = {"out": np.full_like(payload, 7)}
    for name in ("norm", "zmax", "coverage"):
        results[name] = np.full((n, 1, h, w), 7, payload.dtype)
    if metric is None:
        metric = np.zeros((n, 1, h, w), payload.dtype)
    sent = {name: send(array) for name, array in results.items()}
    _native.splat_forward(send(payload), send(flow), send(metric), *sent.values(), **options)
    return {name: fetch(array) for name, array in sent.items()}


def scene(
    seed: int, shape: tuple[int, int, int, int], reach: float, dtype: type = np.float32
) -> tuple[np.ndarray, ...]:
    """Random payload, flow and metric."""
    rng = np.random.default_rng(seed)
    n, _, h, w = shape
    payload = rng.normal(size=shape).astype(dtype)
    flow = rng.normal(0, reach, (n, 2, h, w)).astype(dtype)
    metric = rng.normal(0, 3, (n, 1, h, w)).astype(dtype)
    return payload, flow, metric


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("dx", "expected", "norm"),
    [
        # one row [1, 2, 4], every pixel moved by dx: (sums, weights) per target, by hand
        (0.0, [1, 2, 4], [1, 1, 1]),
        (1.0, [0, 1, 2], [0, 1, 1]),
        (-1.0, [2, 4, 0], [1, 1, 0]),
        (0.25, [0.75, 1.75, 3.5], [0.75, 1, 1]),
        (-0.5, [1.5, 3, 2], [1, 1, 0.5]),
        (1.5, [0, 0.5, 1.5], [0, 0.5, 1]),
        (9.0, [0, 0, 0], [0, 0, 0]),
        (-1e30, [0, 0, 0], [0, 0, 0]),
    ],
)
def test_bilinear_table(
    device: str, send: Send, fetch: Send, dtype: type, dx: float, expected: list[float], norm: list[float]
) -> None:
    if device == "cuda" and dtype is np.float64:
        pytest.skip("float64 exists on the CPU only")
    payload = np.array([1, 2, 4], dtype).reshape(1, 1, 1, 3)
    flow = np.zeros((1, 2, 1, 3), dtype)
    flow[:, 0] = dx
    summed = run(payload, flow, send=send, fetch=fetch, mode="sum")
    np.testing.assert_array_equal(summed["out"].ravel(), expected)
    np.testing.assert_array_equal(summed["norm"].ravel(), norm)
    np.testing.assert_array_equal(summed["coverage"].ravel(), norm)
    mean = np.divide(expected, norm, out=np.zeros(3), where=np.array(norm) > 0)
    average = run(payload, flow, send=send, fetch=fetch, mode="average")
    np.testing.assert_allclose(average["out"].ravel(), mean, rtol=1e-6)


def test_gaussian_weights_by_hand(device: str, send: Send, fetch: Send) -> None:
    payload = np.zeros((1, 1, 6, 6), np.float32)
    payload[0, 0, 2, 2] = 1
    flow = np.full((1, 2, 6, 6), 50, np.float32)
    flow[0, :, 2, 2] = (0.25, 0.5)
    got = run(payload, flow, send=send, fetch=fetch, mode="sum", footprint="gaussian", sigma=0.75)
    ux, uy = np.arange(6) - 2.25, np.arange(6) - 2.5
    gx, gy = (np.exp(-u * u / (2 * 0.75**2)) * (np.abs(u) < 2) for u in (ux, uy))
    np.testing.assert_allclose(got["out"][0, 0], np.outer(gy, gx), rtol=2e-6, atol=1e-12)


@pytest.mark.parametrize("footprint", FOOTPRINTS)
@pytest.mark.parametrize("mode", MODES[1:])
def test_integer_translation_is_exact(
    device: str, send: Send, fetch: Send, mode: str, footprint: str
) -> None:
    payload, flow, metric = scene(1, (2, 3, 20, 31), 0)
    flow[:, 0], flow[:, 1] = 3, -2
    metric = np.abs(metric) + np.float32(0.5)
    if footprint == "gaussian":
        payload[:] = payload[:, :, :1, :1]  # a wide footprint keeps only what its neighbours agree on
    got = run(payload, flow, metric, send, fetch, mode=mode, footprint=footprint)
    inside = (slice(None), slice(None), slice(2, -4), slice(5, -2))
    if device == "cpu":
        np.testing.assert_array_equal(got["out"][inside], np.roll(payload, (-2, 3), (2, 3))[inside])
    else:
        np.testing.assert_allclose(got["out"][inside], np.roll(payload, (-2, 3), (2, 3))[inside], rtol=1e-6)


@pytest.mark.parametrize("footprint", FOOTPRINTS)
def test_softmax_ignores_a_constant(device: str, send: Send, fetch: Send, footprint: str) -> None:
    payload, flow, metric = scene(2, (1, 3, 24, 40), 2)
    metric = np.round(metric * 64) / 64  # still exact after adding 1e4
    low = run(payload, flow, metric, send, fetch, mode="softmax", footprint=footprint)
    high = run(
        payload,
        flow,
        (metric + np.float32(1e4)).astype(np.float32),
        send,
        fetch,
        mode="softmax",
        footprint=footprint,
    )
    np.testing.assert_allclose(high["out"], low["out"], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(high["zmax"] - 1e4, low["zmax"], atol=1e-3)


def test_weightless_taps_do_not_count(device: str, send: Send, fetch: Send) -> None:
    # the right pixel lands exactly on itself: its zero-weight neighbour tap must not raise the maximum of others
    payload = np.array([1, 5, 9], np.float32).reshape(1, 1, 1, 3)
    flow = np.zeros((1, 2, 1, 3), np.float32)
    metric = np.array([0, 500, -500], np.float32).reshape(1, 1, 1, 3)
    got = run(payload, flow, metric, send, fetch, mode="softmax")
    np.testing.assert_array_equal(got["out"].ravel(), [1, 5, 9])
    np.testing.assert_array_equal(got["zmax"].ravel(), [0, 500, -500])
    np.testing.assert_array_equal(got["norm"].ravel(), [1, 1, 1])


def test_holes(device: str, send: Send, fetch: Send) -> None:
    payload, flow, metric = scene(3, (1, 2, 8, 8), 0)
    flow[:, :, :, 4:] = 100
    for footprint in FOOTPRINTS:
        got = run(payload, flow, metric, send, fetch, mode="softmax", footprint=footprint)
        hole = got["norm"] == 0
        assert hole[..., 6:].all() and not hole[..., :4].any()
        assert (np.where(hole, got["out"], 0) == 0).all()
        assert np.isneginf(got["zmax"][hole]).all()


def test_metric_that_is_not_finite_drops_the_pixel(device: str, send: Send, fetch: Send) -> None:
    payload = np.array([1, 2], np.float32).reshape(1, 1, 1, 2)
    flow = np.array([1, 0], np.float32).reshape(1, 1, 1, 2)
    flow = np.concatenate([flow, np.zeros_like(flow)], 1)
    for bad in (np.nan, np.inf, -np.inf):
        metric = np.array([bad, 0], np.float32).reshape(1, 1, 1, 2)
        got = run(payload, flow, metric, send, fetch, mode="softmax")
        np.testing.assert_array_equal(got["out"].ravel(), [0, 2])


@pytest.mark.parametrize(
    "shape",
    [(0, 2, 3, 4), (1, 0, 3, 4), (1, 2, 0, 4), (1, 2, 3, 0), (1, 1, 1, 1), (2, 17, 7, 65), (1, 33, 3, 129)],
)
@pytest.mark.parametrize("mode", MODES)
def test_empty_tiny_and_odd_sizes(
    device: str, send: Send, fetch: Send, shape: tuple[int, int, int, int], mode: str
) -> None:
    payload, flow, metric = scene(4, shape, 1.5)
    got = run(payload, flow, metric, send, fetch, mode=mode, footprint="gaussian")
    assert np.isfinite(got["out"]).all()
    if (
        payload.shape[1] > 1 and payload.size and mode != "linear"
    ):  # a channel never depends on its neighbours
        alone = run(
            np.ascontiguousarray(payload[:, -1:]), flow, metric, send, fetch, mode=mode, footprint="gaussian"
        )
        np.testing.assert_allclose(alone["out"][:, 0], got["out"][:, -1], rtol=1e-5, atol=1e-6)


@settings(max_examples=15, deadline=None)
@given(
    st.integers(0, 2**31),
    st.integers(1, 40),
    st.integers(1, 150),
    st.integers(1, 19),
    st.sampled_from(MODES),
    st.sampled_from(FOOTPRINTS),
)
def test_threads_never_change_a_bit(seed: int, h: int, w: int, c: int, mode: str, footprint: str) -> None:
    payload, flow, metric = scene(seed, (2, c, h, w), seed % 9)
    first = run(payload, flow, metric, mode=mode, footprint=footprint, threads=1)
    for threads in (2, 5):
        other = run(payload, flow, metric, mode=mode, footprint=footprint, threads=threads)
        for name, array in first.items():
            np.testing.assert_array_equal(array, other[name], err_msg=f"{name}, {threads} threads")


@pytest.mark.parametrize("footprint", FOOTPRINTS)
@pytest.mark.parametrize("mode", MODES)
def test_gradients_match_finite_differences(mode: str, footprint: str) -> None:
    payload, flow, metric = scene(6, (1, 2, 5, 6), 0.8, np.float64)
    metric = np.abs(metric) + 0.3
    upstream = np.random.default_rng(7).normal(size=payload.shape)
    options: dict[str, Any] = {"mode": mode, "footprint": footprint, "sigma": 0.7}
    base = run(payload, flow, metric, **options)
    grads = {"payload": np.empty_like(payload), "flow": np.empty_like(flow), "metric": np.empty_like(metric)}
    _native.splat_backward(
        upstream, payload, flow, metric, base["out"], base["norm"], base["zmax"], *grads.values(), **options
    )
    inputs = {"payload": payload, "flow": flow, "metric": metric}
    rng = np.random.default_rng(8)
    for name, array in inputs.items():
        for _ in range(12):
            at = tuple(rng.integers(0, s) for s in array.shape)
            sides = []
            for step in (1e-6, -1e-6):
                moved = {key: value.copy() for key, value in inputs.items()}
                moved[name][at] += step
                sides.append(float((run(**moved, **options)["out"] * upstream).sum()))
            slope = (sides[0] - sides[1]) / 2e-6
            assert grads[name][at] == pytest.approx(slope, rel=2e-4, abs=2e-6), (name, at)
