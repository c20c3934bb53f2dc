"""Do the CUDA operators keep to the caller's stream and device, and say clearly when memory runs out?"""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="tensors come from PyTorch")

from retempo import ops  # noqa: E402
from retempo.errors import DeviceError, UsageError  # noqa: E402

pytestmark = pytest.mark.gpu


@pytest.fixture(autouse=True)
def cuda(request: pytest.FixtureRequest) -> None:
    """Skip, saying why, where there is no device; the id of these tests holds no device parameter."""
    from retempo import _native

    if not _native.build_info()["cuda"]:
        pytest.skip("this build of retempo has no CUDA kernels")
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")


def make_case(device: str, size: int = 64):
    generator = torch.Generator().manual_seed(1)
    payload = torch.rand(1, 3, size, size, generator=generator)
    flow = torch.rand(1, 2, size, size, generator=generator) * 6 - 3
    metric = torch.rand(1, 1, size, size, generator=generator)
    return [part.to(device) for part in (payload, flow, metric)]


@pytest.mark.parametrize("deterministic", [False, True])
def test_work_waits_for_the_callers_stream_on_cuda(deterministic: bool) -> None:
    payload, flow, metric = make_case("cuda", 512)
    expected = ops.splat(payload, flow, metric, deterministic=True).out
    torch.cuda.synchronize()
    side = torch.cuda.Stream()
    with torch.cuda.stream(side):
        late = torch.zeros_like(payload)
        torch.cuda._sleep(200_000_000)  # some 0.1 s: whoever runs on another stream reads zeros
        late.copy_(payload)
        out = ops.splat(late, flow, metric, deterministic=deterministic, check_finite=False).out
    side.synchronize()
    torch.testing.assert_close(out, expected, rtol=1e-5, atol=1e-6)


def test_many_streams_give_the_same_bits_on_cuda() -> None:
    payload, flow, metric = make_case("cuda", 200)
    expected = ops.splat(payload, flow, metric, footprint="gaussian", deterministic=True).out
    torch.cuda.synchronize()
    streams = [torch.cuda.Stream() for _ in range(4)]
    results = []
    for k in range(20):
        with torch.cuda.stream(streams[k % 4]):
            results.append(ops.splat(payload, flow, metric, footprint="gaussian", deterministic=True).out)
    torch.cuda.synchronize()
    assert all(torch.equal(result, expected) for result in results)


def test_the_second_device_is_used_where_there_is_one_on_cuda() -> None:
    if torch.cuda.device_count() < 2:
        pytest.skip("one CUDA device only")
    with torch.cuda.device(0):
        result = ops.splat(*make_case("cuda:1"), deterministic=True)
        assert torch.cuda.current_device() == 0
    assert result.out.device.index == 1
    torch.testing.assert_close(result.out.cpu(), ops.splat(*make_case("cpu")).out, rtol=1e-5, atol=1e-6)


def test_mixed_devices_and_doubles_are_refused_on_cuda() -> None:
    payload, flow, metric = make_case("cuda")
    with pytest.raises(UsageError, match=r"flow.*device"):
        ops.splat(payload, flow.cpu(), metric)
    with pytest.raises(UsageError, match=r"payload.*float32"):
        ops.splat(payload.double(), flow.double(), metric.double())
    flow[0, 1, 5, 7] = float("inf")
    with pytest.raises(UsageError, match="flow"):
        ops.splat(payload, flow, metric)


def test_out_of_memory_says_so_on_cuda() -> None:
    payload, flow, metric = make_case("cuda", 2048)
    wide = payload[:, :1].repeat(1, 31, 1, 1)
    torch.cuda.empty_cache()
    free, _ = torch.cuda.mem_get_info()
    outputs = 4 * 2048 * 2048 * 34
    ballast = torch.empty(free - outputs - (160 << 20), dtype=torch.uint8, device="cuda")
    try:
        with pytest.raises((DeviceError, torch.cuda.OutOfMemoryError), match="memory"):
            ops.splat(wide, flow, metric, check_finite=False)
    finally:
        del ballast
        torch.cuda.empty_cache()
    assert bool(torch.isfinite(ops.splat(payload, flow, metric).out).all())  # and life goes on


def test_a_graph_can_be_captured_on_cuda() -> None:
    frames = [torch.rand(64, 80, 4, device="cuda") for _ in range(2)]
    flow, z, trust = (
        torch.rand(64, 80, 2, device="cuda"),
        torch.rand(64, 80, device="cuda"),
        torch.rand(64, 80, device="cuda"),
    )
    candidates = [(0, flow, z, trust, 0.4, 0.6), (1, -flow, z, trust, 0.6, 0.4)]
    out = torch.empty(64, 80, 4, device="cuda")
    options = {"out": out, "metric_bound": 1.0, "deterministic": True, "check_finite": False}
    expected = ops.synthesize(frames, candidates, **{**options, "out": None}).out
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        ops.synthesize(frames, candidates, **options)
    out.zero_()
    graph.replay()
    torch.cuda.synchronize()
    assert torch.equal(out, expected)
