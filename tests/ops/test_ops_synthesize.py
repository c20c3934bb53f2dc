"""Does the fused synthesis say what the reference says, on each device and in each of its options?"""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the reference is written in PyTorch")

from retempo import ops  # noqa: E402
from retempo.errors import UsageError  # noqa: E402
from retempo.ops import reference  # noqa: E402


def make_scene(
    seed: int,
    height: int = 37,
    width: int = 45,
    channels: int = 4,
    spread: float = 6.0,
    names: int = 2,
    bent: bool = True,
):
    """Two frames, three candidates (two of frame 0) of smooth random flow, the last on a bent path, and ids."""
    rng = np.random.default_rng(seed)

    def smooth(planes: int) -> np.ndarray:
        coarse = torch.from_numpy(rng.standard_normal((1, planes, 4, 4)))
        return (
            torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic")[0]
            .permute(1, 2, 0)
            .numpy()
        )

    frames = [rng.uniform(0, 20, (height, width, channels)).astype(np.float32) for _ in range(2)]
    candidates = []
    for frame, scale, weight in ((0, 0.3, 0.7), (1, 0.7, 0.3), (0, 0.3, 0.7)):
        flow = (smooth(2) * spread).astype(np.float32)
        splat = rng.uniform(0, 15, (height, width)).astype(np.float32)
        trust = rng.uniform(0, 3, (height, width)).astype(np.float32)
        candidates.append((frame, np.ascontiguousarray(flow), splat, trust, scale, weight))
    if bent:
        candidates[-1] += (np.ascontiguousarray((smooth(2) * spread / 8).astype(np.float32)),)
    ids = [rng.integers(0, 2**32, (height, width, names), dtype=np.uint32) for _ in range(2)]
    return frames, candidates, ids


def to_tensors(scene, device: str, dtype=None):
    frames, candidates, ids = scene

    def move(array: np.ndarray):
        tensor = torch.from_numpy(array).to(device)
        return tensor if dtype is None else tensor.to(dtype)

    moved = [
        (i, move(flow), move(z), move(m), scale, weight, *(move(bend) for bend in bends))
        for i, flow, z, m, scale, weight, *bends in candidates
    ]
    return [move(frame) for frame in frames], moved, [torch.from_numpy(plane).to(device) for plane in ids]


def compare(scene, device: str, deterministic: bool, tolerance: float = 1e-5, **options) -> None:
    frames, candidates, ids = to_tensors(scene, device)
    result = ops.synthesize(frames, candidates, ids=ids, deterministic=deterministic, **options)
    exact_frames, exact_candidates, _ = to_tensors(scene, "cpu", torch.float64)
    options.pop("metric_bound", None)
    exact_ids = [torch.from_numpy(plane.astype(np.int64)) for plane in scene[2]]
    expected = reference.synthesize(exact_frames, exact_candidates, ids=exact_ids, **options)
    # a sample within rounding of a pixel border may fall to either side of it
    hole = result.hole.cpu().long()
    same = hole == expected.hole
    assert same.double().mean() > 0.99
    error = (result.out.cpu().double() - expected.out).abs()[same].max()
    assert (
        float(error) < 2e-4 * 20
    )  # positions are float32: 1e-5 of a frame's width, times the slope of noise
    ids_same = (result.ids.cpu().numpy().astype(np.int64) == expected.ids.numpy()).all(-1)
    assert ids_same[same.numpy()].mean() > 0.99
    sums = (result.weight_sum.cpu().double() - expected.weight_sum).abs()[
        same
    ].max() / expected.weight_sum.max()
    assert float(sums) < tolerance


@pytest.mark.parametrize("merge", ["metric", "linear"])
@pytest.mark.parametrize("filter", ["bilinear", "bicubic", "lanczos4"])
@pytest.mark.parametrize("footprint", ["bilinear", "gaussian"])
def test_equals_the_reference(
    device: str, deterministic: bool, footprint: str, filter: str, merge: str
) -> None:
    compare(make_scene(1), device, deterministic, footprint=footprint, filter=filter, merge=merge)


@pytest.mark.parametrize(
    "options",
    [
        {"merge_exponent": 4.0},
        {"merge_exponent": 0.0},
        {"merge_exponent": 1.7},
        {"coverage_gate": True},
        {"metric_bound": 15.0},
        {"metric_bound": 15.0, "coverage_gate": True, "footprint": "bilinear", "sigma": 0.9},
    ],
    ids=str,
)
def test_options(device: str, deterministic: bool, options) -> None:
    compare(make_scene(2), device, deterministic, **options)


def test_large_motion_leaves_holes_of_both_kinds(device: str, deterministic: bool) -> None:
    scene = make_scene(3, spread=60.0, bent=False)
    # 20 pixels in float32 leave 2e-6 of a landing's fraction, and a sliver of a tap carries that in full
    compare(scene, device, deterministic, tolerance=1e-4, footprint="bilinear")
    frames, candidates, _ = to_tensors(scene, device)
    holes = ops.synthesize(frames, candidates, footprint="bilinear", deterministic=deterministic).hole
    assert {0, 1, 2} <= set(holes.flatten().tolist())


def test_strange_metrics(device: str, deterministic: bool) -> None:
    scene = make_scene(4)
    for _, _, z, trust, *_ in scene[1]:
        z[3:6, 5:9], z[20, 20] = np.nan, np.inf
        trust[10:12, 10:12], trust[15, 15] = np.nan, -1.0
    compare(scene, device, deterministic)


@pytest.mark.parametrize("names", [0, 1, 3])
def test_other_channel_counts(device: str, deterministic: bool, names: int) -> None:
    for channels in (1, 3, 13):
        frames, candidates, ids = to_tensors(make_scene(5, 9, 70, channels, names=max(names, 1)), device)
        result = ops.synthesize(frames, candidates, ids=ids if names else None, deterministic=deterministic)
        assert tuple(result.out.shape) == (9, 70, channels)
        assert (result.ids is None) == (names == 0)


def test_constant_flow_of_a_still_is_that_still(device: str, deterministic: bool) -> None:
    frames, _, _ = to_tensors(make_scene(6), device)
    frames = [frames[0], frames[0]]
    still = [
        torch.zeros(37, 45, 2, device=device),
        torch.rand(37, 45, device=device),
        torch.rand(37, 45, device=device),
    ]
    candidates = [(0, *still, 0.3, 0.7), (1, *still, 0.7, 0.3)]
    for footprint in ("bilinear", "gaussian"):
        out = ops.synthesize(frames, candidates, footprint=footprint, deterministic=deterministic).out
        assert torch.equal(out, frames[0])


def test_integer_translation_is_exact_inside(device: str, deterministic: bool) -> None:
    (first, _), _, _ = to_tensors(make_scene(7), device)
    flow = torch.zeros(37, 45, 2, device=device)
    flow[..., 0], flow[..., 1] = 9.0, 6.0
    second = torch.roll(first, (6, 9), (0, 1))
    z, trust = torch.rand(37, 45, device=device), torch.rand(37, 45, device=device) + 0.1
    third = 1.0 / 3.0
    candidates = [(0, flow, z, trust, third, 1 - third), (1, -flow, z, trust, 1 - third, third)]
    for footprint in ("bilinear", "gaussian"):
        out = ops.synthesize(
            [first, second], candidates, footprint=footprint, deterministic=deterministic
        ).out
        assert torch.equal(out[8:-8, 11:-11], torch.roll(first, (2, 3), (0, 1))[8:-8, 11:-11])


@pytest.mark.parametrize("filter", ["bilinear", "bicubic", "lanczos4"])
@pytest.mark.parametrize("footprint", ["bilinear", "gaussian"])
def test_strips_have_the_bits_of_the_whole(device: str, footprint: str, filter: str) -> None:
    frames, candidates, ids = to_tensors(make_scene(8, 60, 40, spread=3.0), device)
    options = {"footprint": footprint, "filter": filter, "deterministic": True}
    whole = ops.synthesize(frames, candidates, ids=ids, **options)
    a, b, low, high = 20, 35, 5, 52
    strip = ops.synthesize(
        [frame[low:high] for frame in frames],
        [
            (i, f[low:high], z[low:high], m[low:high], s, w, *(bend[low:high] for bend in bends))
            for i, f, z, m, s, w, *bends in candidates
        ],
        ids=[plane[low:high] for plane in ids],
        frame_height=60,
        source_row0=low,
        out_row0=a,
        out_rows=b - a,
        **options,
    )
    assert torch.equal(strip.out, whole.out[a:b])
    assert torch.equal(strip.hole, whole.hole[a:b])
    assert torch.equal(strip.ids.cpu().long(), whole.ids[a:b].cpu().long())


def test_same_bits_in_twenty_runs(device: str) -> None:
    frames, candidates, ids = to_tensors(make_scene(9, spread=30.0), device)
    runs = [ops.synthesize(frames, candidates, ids=ids, deterministic=True) for _ in range(20)]
    assert all(torch.equal(run.out, runs[0].out) for run in runs)
    assert all(torch.equal(run.weight_sum, runs[0].weight_sum) for run in runs)


def test_many_candidates(device: str, deterministic: bool) -> None:
    frames, candidates, ids = make_scene(10, 20, 21)
    compare((frames, candidates * 4, ids), device, deterministic)


def test_numpy_equals_torch_whatever_the_threads() -> None:
    frames, candidates, ids = make_scene(11)
    expected = ops.synthesize(*to_tensors((frames, candidates, ids), "cpu")[:2])
    for threads in (1, 2, 5):
        result = ops.synthesize(frames, candidates, ids=ids, threads=threads)
        assert isinstance(result.out, np.ndarray)
        assert np.array_equal(result.out, expected.out.numpy())


def test_weights_of_zero_are_refused() -> None:
    frames, candidates, _ = make_scene(12, 5, 6)
    with pytest.raises(UsageError, match="weight"):
        ops.synthesize(frames, [(*candidate[:5], 0.0) for candidate in candidates])


def test_numpy_path_never_imports_torch() -> None:
    program = (
        "import sys, numpy as np; from retempo import ops; z = np.zeros((4, 5), 'f'); f = np.zeros((4, 5, 2), 'f');"
        "ops.synthesize([f, f], [(0, f, z, z + 1, .5, .5)]); ops.warp_image(f, f);"
        "ops.splat(f[None, None, ..., 0], np.zeros((1, 2, 4, 5), 'f'), mode='sum');"
        "ops.warp(f[None, None, ..., 0], np.zeros((1, 2, 4, 5), 'f')); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
