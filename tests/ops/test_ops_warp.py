"""Does the native warp say what the reference says, forward and backward, on each device?"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="the reference is written in PyTorch")

from retempo import ops  # noqa: E402
from retempo.errors import UsageError  # noqa: E402
from retempo.ops import reference  # noqa: E402

FILTERS = ["bilinear", "bicubic", "lanczos4", "nearest"]
BORDERS = ["edge", "zero"]


def make_case(seed: int, image_shape, flow_size, spread: float, dtype=torch.float32):
    """Random image [N, C, H, W] and a flow [N, 2, h, w] within +-spread that keeps off rounding kinks."""
    rng = np.random.default_rng(seed)
    whole = np.floor(rng.uniform(-spread, spread, (image_shape[0], 2, *flow_size)))
    fraction = rng.choice([0.0, 1.0], whole.shape) * 0.5 + rng.uniform(0.05, 0.45, whole.shape)
    image = torch.from_numpy(rng.standard_normal(image_shape)).to(dtype)
    return image, torch.from_numpy(whole + fraction).to(dtype)


def relative_error(result, expected) -> float:
    """Largest difference over the largest expected magnitude."""
    return float((result.cpu().double() - expected).abs().max() / expected.abs().max().clamp(min=1e-12))


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    c=st.integers(1, 4),
    h=st.integers(1, 14),
    w=st.integers(1, 14),
    spread=st.sampled_from([0.0, 1.0, 6.0, 90.0]),
    filter=st.sampled_from(FILTERS),
    border=st.sampled_from(BORDERS),
)
def test_cpu_equals_the_reference(seed, c, h, w, spread, filter, border) -> None:
    image, flow = make_case(seed, (2, c, h, w), (h, w), spread)
    expected = reference.warp(image.double(), flow.double(), filter=filter, border=border)
    assert relative_error(ops.warp(image, flow, filter=filter, border=border), expected) < 1e-5


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("filter", FILTERS)
@pytest.mark.parametrize(
    "shapes", [((2, 3, 21, 34), (21, 34)), ((1, 11, 9, 8), (30, 4)), ((1, 1, 1, 1), (1, 1))]
)
def test_equals_the_reference(device: str, filter: str, border: str, shapes) -> None:
    image, flow = make_case(1, *shapes, spread=7.0)
    expected = reference.warp(image.double(), flow.double(), filter=filter, border=border)
    assert (
        relative_error(ops.warp(image.to(device), flow.to(device), filter=filter, border=border), expected)
        < 1e-5
    )


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("filter", ["bilinear", "bicubic", "lanczos4"])
def test_gradcheck_in_float64(filter: str, border: str) -> None:
    image, flow = make_case(2, (1, 2, 6, 5), (6, 5), 4.0, torch.float64)
    inputs = [image.requires_grad_(), flow.requires_grad_()]
    assert torch.autograd.gradcheck(lambda *a: ops.warp(*a, filter=filter, border=border), inputs)


def test_gradcheck_of_nearest_in_the_image() -> None:
    image, flow = make_case(3, (1, 2, 6, 5), (6, 5), 4.0, torch.float64)
    assert torch.autograd.gradcheck(
        lambda image: ops.warp(image, flow, filter="nearest"), [image.requires_grad_()]
    )


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("filter", FILTERS)
@pytest.mark.parametrize("spread", [3.0, 60.0])
def test_gradients_equal_the_reference(
    device: str, deterministic: bool, filter: str, border: str, spread
) -> None:
    image, flow = make_case(4, (2, 11, 17, 12), (13, 19), spread)
    upstream = torch.from_numpy(np.random.default_rng(5).standard_normal((2, 11, 13, 19)))
    exact = [image.double().requires_grad_(), flow.double().requires_grad_()]
    reference.warp(*exact, filter=filter, border=border).backward(upstream)
    inputs = [image.to(device).requires_grad_(), flow.to(device).requires_grad_()]
    out = ops.warp(*inputs, filter=filter, border=border, deterministic=deterministic)
    out.backward(upstream.float().to(device))
    assert relative_error(inputs[0].grad, exact[0].grad) < 1e-5
    if filter != "nearest":
        assert relative_error(inputs[1].grad, exact[1].grad) < 2e-5
    else:
        assert (inputs[1].grad == 0).all()


def test_deterministic_gradient_has_the_same_bits(device: str) -> None:
    image, flow = (part.to(device) for part in make_case(6, (1, 5, 50, 40), (50, 40), 20.0))
    runs = []
    for _ in range(20):
        leaf = image.clone().requires_grad_()
        ops.warp(leaf, flow, filter="lanczos4", deterministic=True).square().sum().backward()
        runs.append(leaf.grad)
    assert all(torch.equal(run, runs[0]) for run in runs)


def test_no_pixels_no_crash(device: str) -> None:
    for image_shape, size in [((0, 3, 4, 4), (4, 4)), ((1, 3, 4, 4), (0, 4)), ((1, 0, 4, 4), (4, 4))]:
        image = torch.zeros(image_shape, device=device, requires_grad=True)
        flow = torch.zeros(image_shape[0], 2, *size, device=device)
        out = ops.warp(image, flow)
        assert tuple(out.shape) == (*image_shape[:2], *size)
        out.sum().backward()
        assert image.grad is not None


@pytest.mark.parametrize("filter", FILTERS)
def test_whole_pixels_are_copied(device: str, filter: str) -> None:
    image, _ = make_case(8, (1, 3, 15, 16), (1, 1), 0.0)
    image[0, 0, 4, 5], image[0, 1, 9, 9] = float("inf"), 6e4
    flow = torch.zeros(1, 2, 15, 16)
    flow[:, 0], flow[:, 1] = -2, 4
    out = ops.warp(image.to(device), flow.to(device), filter=filter).cpu()
    assert torch.equal(out[..., :11, 2:], image[..., 4:, :14])


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("channels", [1, 3, 4, 6])
def test_limited_bicubic_equals_the_reference(device: str, channels: int, border: str) -> None:
    image, flow = make_case(7, (1, channels, 20, 45), (20, 45), 7.0)
    flow[..., ::3], flow[:, 1, ::4] = flow[..., ::3].round(), flow[:, 1, ::4].round()
    expected = reference.warp(image.double(), flow.double(), filter="bicubic", border=border, limited=True)
    free = reference.warp(image.double(), flow.double(), filter="bicubic", border=border)
    assert 0.05 < (expected != free).double().mean() < 0.95  # both kinds of pixels are compared
    planes = (part[0].permute(1, 2, 0).contiguous().to(device) for part in (image, flow))
    warped = ops.warp_image(*planes, filter="bicubic", border=border)
    assert relative_error(warped.permute(2, 0, 1)[None], expected) < 1e-5


@pytest.mark.parametrize("filter", ["bilinear", "lanczos4", "nearest"])
def test_channel_last_equals_planar(device: str, filter: str) -> None:
    image, flow = (part.to(device) for part in make_case(9, (1, 5, 18, 17), (18, 17), 5.0))
    planar = ops.warp(image, flow, filter=filter)
    last = ops.warp_image(
        image[0].permute(1, 2, 0).contiguous(), flow[0].permute(1, 2, 0).contiguous(), filter=filter
    )
    torch.testing.assert_close(last.permute(2, 0, 1)[None], planar, atol=1e-6, rtol=1e-6)


def test_ids_keep_their_bits() -> None:
    rng = np.random.default_rng(10)
    ids = rng.integers(0, 2**32, (12, 13, 3), dtype=np.uint32)
    ids[0, 0] = 0x7FC00001, 0xFFFFFFFF, 0x80000000  # as floats: NaNs and -0
    flow = np.zeros((12, 13, 2), np.float32)
    flow[..., 0] = 1.4
    warped = ops.warp_image(ids, flow, filter="nearest", border="edge")
    assert np.array_equal(warped[:, :-1], ids[:, 1:])
    with pytest.raises(UsageError, match="never blended"):
        ops.warp_image(ids, flow, filter="bilinear")


def test_numpy_comes_back_as_numpy_whatever_the_threads() -> None:
    image, flow = make_case(11, (1, 3, 40, 33), (40, 33), 5.0)
    one = ops.warp(image.numpy(), flow.numpy(), filter="lanczos4", threads=1)
    assert isinstance(one, np.ndarray)
    assert all(
        np.array_equal(one, ops.warp(image.numpy(), flow.numpy(), filter="lanczos4", threads=t))
        for t in (2, 5)
    )
