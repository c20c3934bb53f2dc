"""Does the backward warp fetch the right pixels, exactly where it can, and do its gradients fit?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bits import assert_same_bits
from retempo import _native

Send = Callable[[np.ndarray], Any]


def run(
    image: np.ndarray, flow: np.ndarray, send: Send = lambda a: a, fetch: Send = lambda a: a, **options: Any
) -> np.ndarray:
    """Warp [N, C, H, W]."""
    out = send(np.full((*image.shape[:2], *flow.shape[2:]), 7, image.dtype))
    _native.warp_forward(send(image), send(flow), out, **options)
    return fetch(out)


def constant_flow(h: int, w: int, dx: float, dy: float = 0.0, dtype: type = np.float32) -> np.ndarray:
    """Build [1, 2, h, w]."""
    flow = np.empty((1, 2, h, w), dtype)
    flow[:, 0], flow[:, 1] = dx, dy
    return flow


@pytest.mark.parametrize(
    ("filter_", "border", "dx", "expected"),
    [
        ("bilinear", "edge", 0.5, [1.5, 3, 4]),
        ("bilinear", "zero", 0.5, [1.5, 3, 2]),
        ("bilinear", "edge", -1.25, [1, 1, 1.75]),
        ("bilinear", "zero", -1.25, [0, 0.75, 1.75]),
        ("nearest", "edge", 0.5, [2, 4, 4]),
        ("nearest", "zero", 0.49, [1, 2, 4]),
        ("nearest", "zero", 1.0, [2, 4, 0]),
        ("bicubic", "edge", 0.5, [1.375, 3.0625, 4.125]),  # (-1, 9, 9, -1) / 16, not limited
        ("bicubic", "zero", 0.5, [1.4375, 3.3125, 2.125]),
        ("bicubic", "edge", 1.0, [2, 4, 4]),
        ("bicubic", "zero", -1.0, [0, 1, 2]),
        ("lanczos4", "edge", 1.0, [2, 4, 4]),
        ("lanczos4", "zero", -1.0, [0, 1, 2]),
        ("bilinear", "edge", 1e30, [4, 4, 4]),
        ("bilinear", "zero", -1e30, [0, 0, 0]),
    ],
)
def test_table(
    device: str, send: Send, fetch: Send, filter_: str, border: str, dx: float, expected: list[float]
) -> None:
    image = np.array([1, 2, 4], np.float32).reshape(1, 1, 1, 3)
    got = run(image, constant_flow(1, 3, dx), send, fetch, filter=filter_, border=border)
    np.testing.assert_array_equal(got.ravel(), expected)


def test_bicubic_follows_squares(device: str, send: Send, fetch: Send) -> None:
    """Catmull-Rom reproduces polynomials of degree 2 (a = -0.5 alone does)."""
    x = np.arange(12, dtype=np.float32)
    image = np.broadcast_to(x * x, (1, 1, 3, 12)).copy()
    for f in (1e-25, 0.001, 0.25, 0.5, 0.9):
        got = run(image, constant_flow(3, 12, f), send, fetch, filter="bicubic")
        np.testing.assert_allclose(got[0, 0, :, 1:-2], np.tile((x + f)[1:-2] ** 2, (3, 1)), rtol=1e-6)


def test_lanczos_weights_by_formula(device: str, send: Send, fetch: Send) -> None:
    image = np.zeros((1, 1, 1, 12), np.float32)
    image[..., 6] = 1
    for f in (0.001, 0.25, 0.5, 0.9):
        got = run(image, constant_flow(1, 12, f), send, fetch, filter="lanczos4", border="zero").ravel()
        for x in range(3, 8):
            u = np.arange(-3, 5) - f
            window = np.sinc(u) * np.sinc(u / 4)
            k = 6 - x + 3
            expected = window[k] / window.sum() if 0 <= k < 8 else 0.0
            assert got[x] == pytest.approx(expected, abs=2e-6), (f, x)


@pytest.mark.parametrize("filter_", ["bilinear", "bicubic", "lanczos4", "nearest"])
def test_integer_flow_is_exact_and_keeps_inf_apart(
    device: str, send: Send, fetch: Send, filter_: str
) -> None:
    rng = np.random.default_rng(0)
    image = (rng.random((1, 3, 20, 24)) * 100).astype(np.float32)
    image[0, 0, 10, 10], image[0, 1, 12, 5] = np.inf, np.nan
    got = run(image, constant_flow(20, 24, 2, -3), send, fetch, filter=filter_)
    np.testing.assert_array_equal(got[:, :, 3:, :-2], np.roll(image, (3, -2), (2, 3))[:, :, 3:, :-2])


@pytest.mark.parametrize("filter_", ["bilinear", "bicubic", "lanczos4", "nearest"])
@pytest.mark.parametrize("channels", [1, 3, 4, 6])
def test_pictures_on_whole_pixels_are_exact_and_keep_inf_apart(
    device: str, send: Send, fetch: Send, filter_: str, channels: int
) -> None:
    rng = np.random.default_rng(10)
    image = (rng.random((20, 24, channels)) * 100).astype(np.float32)
    image[10, 10], image[12, 5, 0] = np.inf, np.nan
    flow = np.full((20, 24, 2), (2, -3), np.float32)
    out = send(np.empty_like(image))
    _native.warp_image(send(image), send(flow), out, filter=filter_, border="edge")
    np.testing.assert_array_equal(fetch(out)[3:, :-2], np.roll(image, (3, -2), (0, 1))[3:, :-2])


@pytest.mark.parametrize("channels", [1, 3, 4, 6])
def test_limited_bicubic_does_not_ring(device: str, send: Send, fetch: Send, channels: int) -> None:
    """A highlight: free, the filter goes below 0 beside it; limited, no sample leaves the range around it."""
    rng = np.random.default_rng(11)
    image = rng.random((30, 41, channels)).astype(np.float32)
    image[10:14, 20:23], image[20, 7] = 1000, np.inf
    flow = rng.normal(0, 2, (30, 41, 2)).astype(np.float32)
    flow[::3, ::2] = np.round(flow[::3, ::2])
    out, ys_xs = send(np.empty_like(image)), np.indices((30, 41)).transpose(1, 2, 0)
    _native.warp_image(send(image), send(flow), out, filter="bicubic", border="edge")
    low, high = np.full_like(image, np.inf), np.full_like(image, -np.inf)
    for round_x in (np.floor, np.ceil):
        for round_y in (np.floor, np.ceil):
            y = (ys_xs[..., 0] + round_y(flow[..., 1]).astype(int)).clip(0, 29)
            x = (ys_xs[..., 1] + round_x(flow[..., 0]).astype(int)).clip(0, 40)
            low, high = np.minimum(low, image[y, x]), np.maximum(high, image[y, x])
    assert (fetch(out) >= low).all() and (fetch(out) <= high).all()
    planar = np.ascontiguousarray(image.transpose(2, 0, 1))[None].clip(max=1000)
    assert run(planar, np.ascontiguousarray(flow.transpose(2, 0, 1))[None], filter="bicubic").min() < -5


def test_agreeing_texels_stay_untouched(device: str, send: Send, fetch: Send) -> None:
    image = np.full((1, 1, 9, 9), 0.1, np.float32)
    rng = np.random.default_rng(1)
    flow = rng.normal(0, 3, (1, 2, 9, 9)).astype(np.float32)
    assert (run(image, flow, send, fetch) == np.float32(0.1)).all()
    out = send(np.zeros((9, 9, 1), np.float32))
    moved = np.ascontiguousarray(flow[0].transpose(1, 2, 0))
    _native.warp_image(send(image[0, 0, :, :, None]), send(moved), out, filter="bicubic", border="edge")
    assert (fetch(out) == np.float32(0.1)).all()


@pytest.mark.parametrize("filter_", ["bilinear", "bicubic", "lanczos4"])
@pytest.mark.parametrize("border", ["edge", "zero"])
def test_gradients_match_finite_differences(filter_: str, border: str) -> None:
    rng = np.random.default_rng(2)
    image, flow = rng.normal(size=(1, 2, 6, 7)), rng.normal(0, 1.2, (1, 2, 5, 4))
    upstream = rng.normal(size=(1, 2, 5, 4))
    grads = {"image": np.empty_like(image), "flow": np.empty_like(flow)}
    _native.warp_backward(upstream, image, flow, *grads.values(), filter=filter_, border=border)
    for name, array in {"image": image, "flow": flow}.items():
        for _ in range(20):
            at = tuple(rng.integers(0, s) for s in array.shape)
            sides = []
            for step in (1e-6, -1e-6):
                moved = {"image": image.copy(), "flow": flow.copy()}
                moved[name][at] += step
                sides.append(float((run(**moved, filter=filter_, border=border) * upstream).sum()))
            assert grads[name][at] == pytest.approx((sides[0] - sides[1]) / 2e-6, rel=1e-4, abs=1e-6), (
                name,
                at,
            )


@pytest.mark.parametrize("filter_", ["bilinear", "bicubic", "lanczos4", "nearest"])
@pytest.mark.parametrize("border", ["edge", "zero"])
def test_threads_never_change_a_bit(filter_: str, border: str) -> None:
    rng = np.random.default_rng(3)
    image, flow = (rng.normal(0, 5, (2, c, 37, 70)).astype(np.float32) for c in (3, 2))
    results = []
    for threads in (1, 2, 5):
        grads = np.empty_like(image), np.empty_like(flow)
        _native.warp_backward(image, image, flow, *grads, filter=filter_, border=border, threads=threads)
        results.append((run(image, flow, filter=filter_, border=border, threads=threads), *grads))
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("channels", [1, 3, 4, 20])
def test_channel_last_equals_planar(device: str, send: Send, fetch: Send, channels: int) -> None:
    rng = np.random.default_rng(4)
    image = rng.normal(size=(23, 31, channels)).astype(np.float32)
    flow = rng.normal(0, 4, (23, 31, 2)).astype(np.float32)
    for filter_ in ("bilinear", "lanczos4", "nearest"):  # bicubic pictures are limited
        out = send(np.empty_like(image))
        _native.warp_image(send(image), send(flow), out, filter=filter_, border="zero")
        planar = run(
            *(np.ascontiguousarray(a.transpose(2, 0, 1))[None] for a in (image, flow)),
            send,
            fetch,
            filter=filter_,
            border="zero",
        )
        np.testing.assert_array_equal(fetch(out), planar[0].transpose(1, 2, 0))


KINDS = ["drift", "noise", "zoom", "whole", "still", "far"]


def make_motion(kind: str, height: int, width: int) -> np.ndarray:
    """Build a flow [1, 2, height, width] that leads through runs of neighbours, single pixels, and borders."""
    rng = np.random.default_rng(16)
    ys, xs = np.mgrid[:height, :width].astype(np.float32)
    flow = {
        "drift": np.stack([1.3 + 0.01 * xs, 0.4 - 0.02 * ys]),
        "noise": rng.normal(0, 3, (2, height, width)),
        "zoom": np.stack([0.37 * (xs - 70), 0.6 * (ys - 9)]),
        "whole": np.stack([2 + (xs % 3 == 0) * 0.25, -1 + (xs % 2) * 0.5]),
        "still": np.zeros((2, height, width)),
        "far": rng.normal(0, 300, (2, height, width)),
    }
    return flow[kind].astype(np.float32)[None]


@pytest.mark.parametrize("border", ["edge", "zero"])
@pytest.mark.parametrize("kind", KINDS)
def test_fast_lanczos_has_the_bits_of_the_plain_sum(kind: str, border: str) -> None:
    """float32 runs of neighbours, single pixels and borders; here summed tap by tap, in the same order."""
    height, width = 19, 150
    rng = np.random.default_rng(6)
    image = rng.normal(size=(1, 2, height, width)).astype(np.float32)
    ys, xs = np.mgrid[:height, :width].astype(np.float32)
    flow = make_motion(kind, height, width)
    got = run(image, flow, filter="lanczos4", border=border)

    cells, weights = [], []
    for axis in (0, 1):
        cell = np.floor(flow[0, axis])
        cells.append((cell + (xs, ys)[axis]).astype(int))
        weights.append(lanczos_weights(flow[0, axis] - cell))
    total = np.zeros_like(image[0])
    for j in range(8):
        line = np.zeros_like(total)
        for i in range(8):
            x, y = cells[0] + i - 3, cells[1] + j - 3
            texels = image[0][:, y.clip(0, height - 1), x.clip(0, width - 1)]
            if border == "zero":
                texels = texels * ((x >= 0) & (x < width) & (y >= 0) & (y < height))
            line += weights[0][i] * texels
        total += weights[1][j] * line
    np.testing.assert_array_equal(got[0], total)


@pytest.mark.parametrize("border", ["edge", "zero"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("channels", [1, 2, 3, 4, 7])
def test_fast_bicubic_has_the_bits_of_the_plain_sum(kind: str, border: str, channels: int) -> None:
    """Planar and channel-last, free and limited; here with NumPy, in the order of backward_warp.h."""
    height, width = 19, 150
    image = np.random.default_rng(6).normal(size=(channels, height, width)).astype(np.float32)
    flow = make_motion(kind, height, width)
    positions, weights = [], []
    for axis, start in enumerate(np.mgrid[:height, :width][::-1]):
        cell = np.floor(flow[0, axis])
        f = flow[0, axis] - cell
        g = np.float32(1) - f
        half, more = np.float32(0.5), np.float32(1.5)
        near = [g * (1 + f * (1 - more * f)), f * (1 + g * (1 - more * g))]
        weights.append([-half * f * (g * g), *near, -half * g * (f * f)])
        positions.append(cell.astype(int) + start)

    def texel(i: int, j: int) -> np.ndarray:
        x, y = positions[0] + i - 1, positions[1] + j - 1
        counts = (weights[0][i] != 0) & (weights[1][j] != 0)
        if border == "zero":
            counts &= (x >= 0) & (x < width) & (y >= 0) & (y < height)
        return np.where(counts, image[:, y.clip(0, height - 1), x.clip(0, width - 1)], np.float32(0))

    columns = []
    for i in range(4):
        down = [weights[1][j] * texel(i, j) for j in range(4)]
        columns.append(weights[0][i] * (down[0] + down[1] + down[2] + down[3]))
    total = (columns[0] + columns[2]) + (columns[1] + columns[3])
    assert_same_bits(run(image[None], flow, filter="bicubic", border=border)[0], total)

    right, below = np.where(weights[0][2] != 0, 2, 1), np.where(weights[1][2] != 0, 2, 1)
    around = np.stack(
        [
            np.where(right == 2, np.where(below == 2, texel(2, 2), texel(2, 1)), texel(1, 1)),
            np.where(right == 2, texel(2, 1), texel(1, 1)),
            np.where(below == 2, texel(1, 2), texel(1, 1)),
            texel(1, 1),
        ]
    )
    last = np.ascontiguousarray(image.transpose(1, 2, 0))
    out = np.empty_like(last)
    _native.warp_image(
        last, np.ascontiguousarray(flow[0].transpose(1, 2, 0)), out, filter="bicubic", border=border
    )
    limited = np.clip(total, around.min(0), around.max(0)).transpose(1, 2, 0)
    np.testing.assert_array_equal(out, limited)


def lanczos_weights(fraction: np.ndarray) -> np.ndarray:
    """[8, ...] float32 as the library weighs: what a sample right of column 3 keeps of each of eight columns."""
    flow = np.zeros((fraction.size, 2, 1, 4), np.float32)
    flow[:, 0, 0, 3] = fraction.ravel()
    found = []
    for tap in range(8):
        image = np.zeros((fraction.size, 1, 1, 8), np.float32)
        image[..., tap] = 1
        found.append(run(image, flow, filter="lanczos4", border="zero")[..., 3].reshape(fraction.shape))
    return np.stack(found)


def test_ids_are_copied_bit_for_bit() -> None:
    rng = np.random.default_rng(5)
    ids = rng.integers(0, 2**32, (8, 9, 2), dtype=np.uint32)
    flow = np.full((8, 9, 2), 1.4, np.float32)
    out = np.empty_like(ids)
    _native.warp_ids(ids, flow, out)
    np.testing.assert_array_equal(out[:-1, :-1], ids[1:, 1:])
    _native.warp_ids(ids, flow, out, border="zero")
    assert (out[-1] == 0).all() and (out[:, -1] == 0).all()


@pytest.mark.parametrize("border", ["edge", "zero"])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 9), (7, 1), (13, 131), (40, 70)])
def test_two_channels_have_the_bits_of_three(border: str, height: int, width: int) -> None:
    rng = np.random.default_rng(height)
    image = rng.normal(0, 5, (height, width, 3)).astype(np.float32)
    image[rng.random(image.shape) < 0.02] = np.inf
    flow = rng.normal(0, 6, (height, width, 2)).astype(np.float32)
    flow[::2, ::3] = np.round(flow[::2, ::3])
    made = []
    for channels in (2, 3):
        out = np.empty((height, width, channels), np.float32)
        _native.warp_image(
            np.ascontiguousarray(image[..., :channels]), flow, out, filter="bilinear", border=border
        )
        made.append(np.ascontiguousarray(out[..., :2]))
    assert_same_bits(*made)
