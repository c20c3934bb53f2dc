"""Do the CUDA launchers compute what the CPU computes? Run thread by thread on the CPU, so no GPU is needed.

The sources of native/src/cuda are translated (launches become loops) and compiled against a tiny stand-in for the CUDA
runtime, cuda_emulation/. What it cannot show, races and speed, is for tests/gpu.sh on a machine with a GPU.
"""

from __future__ import annotations

import ctypes
import os
import runpy
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retempo import _native

HERE = Path(__file__).resolve().parent
REPO = HERE.parents[1]
MODES = ["sum", "average", "linear", "softmax"]
FOOTPRINTS = ["bilinear", "gaussian"]
FILTERS = ["bilinear", "bicubic", "lanczos4", "nearest"]
BORDERS = ["edge", "zero"]


@pytest.fixture(scope="module")
def emulated(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The launchers as a library; its functions raise RuntimeError with the launcher's message."""
    compiler = os.environ.get("CXX") or shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        pytest.skip("no C++ compiler")
    folder = tmp_path_factory.mktemp("cuda_emulation")
    translate = runpy.run_path(str(HERE / "cuda_emulation/translate.py"))["translate"]
    for path in (REPO / "native/src/cuda").iterdir():
        if path.suffix in (".cu", ".cuh", ".h"):
            name = path.stem + ".cpp" if path.suffix == ".cu" else path.name
            (folder / name).write_text(translate(path.read_text()))
    includes = [f"-I{folder}", f"-I{HERE / 'cuda_emulation'}", f"-I{REPO / 'native/include'}"]
    flags = ["-std=c++17", "-O1", "-ffp-contract=off", "-shared", "-fPIC", "-w"]
    sources = [*sorted(str(path) for path in folder.glob("*.cpp")), str(HERE / "cuda_emulation/driver.cpp")]
    made = subprocess.run(
        [compiler, *flags, *includes, *sources, "-o", str(folder / "emulated.so")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr[:4000]
    library = ctypes.CDLL(str(folder / "emulated.so"))
    library.emulated_error.restype = ctypes.c_char_p
    library.emulated_find_non_finite.restype = ctypes.c_int64
    library.emulated_leaks.restype = ctypes.c_int64
    yield library
    assert library.emulated_leaks() == 0


def call(library: Any, name: str, sizes: list[int], *arguments: Any) -> None:
    """Call a launcher; arrays pass as pointers, None as null, numbers as they are."""
    converted: list[Any] = [(ctypes.c_int64 * len(sizes))(*sizes)]
    for argument in arguments:
        if isinstance(argument, np.ndarray):
            assert argument.flags.c_contiguous
            converted.append(ctypes.c_void_p(argument.ctypes.data))
        elif isinstance(argument, float):
            converted.append(ctypes.c_double(argument))
        else:
            converted.append(argument)
    if getattr(library, f"emulated_{name}")(*converted):
        raise RuntimeError(library.emulated_error().decode())


def close(own: np.ndarray, expected: np.ndarray, tolerance: float = 1e-5) -> None:
    """Assert equality within a share of the largest expected value."""
    assert np.isfinite(own).all()
    scale = max(float(np.abs(expected).max(initial=0)), 1e-6)
    assert float(np.abs(own.astype(np.float64) - expected).max(initial=0)) <= tolerance * scale


def fresh(*shape: int) -> np.ndarray:
    """An output that shows when it was not written."""
    return np.full(shape, np.nan, np.float32)


def splat_case(seed: int, n: int, c: int, h: int, w: int, spread: float) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    payload = rng.standard_normal((n, c, h, w)).astype(np.float32)
    flow = rng.uniform(-spread, spread, (n, 2, h, w)).astype(np.float32)
    return payload, flow, rng.uniform(0.1, 6, (n, 1, h, w)).astype(np.float32)


def splat_both(
    library: Any, case: tuple[np.ndarray, ...], mode: str, footprint: str, deterministic: bool
) -> None:
    """Compare the forward splat with the CPU's, and the backward with it."""
    payload, flow, metric = case
    n, c, h, w = payload.shape
    plane = (n, 1, h, w)
    z = metric if mode in ("linear", "softmax") else None
    own, expected = (
        {
            "out": fresh(n, c, h, w),
            "norm": fresh(*plane),
            "zmax": fresh(*plane) if mode == "softmax" else None,
            "coverage": fresh(*plane),
        }
        for _ in range(2)
    )
    options = {"mode": mode, "footprint": footprint, "sigma": 0.6}
    numbers = (MODES.index(mode), FOOTPRINTS.index(footprint), 0.6)
    call(
        library, "splat_forward", [n, c, h, w], payload, flow, z, *own.values(), *numbers, int(deterministic)
    )
    _native.splat_forward(payload, flow, z, *expected.values(), **options)
    assert np.array_equal(own["norm"] == 0, expected["norm"] == 0)
    for name in ("out", "norm", "coverage"):
        close(own[name], expected[name])
    if mode == "softmax":
        assert np.array_equal(own["zmax"], expected["zmax"])

    upstream = np.random.default_rng(9).standard_normal(payload.shape).astype(np.float32)
    saved = (expected["out"], expected["norm"], expected["zmax"])
    results = [(fresh(n, c, h, w), fresh(n, 2, h, w), None if z is None else fresh(*plane)) for _ in range(2)]
    call(library, "splat_backward", [n, c, h, w], upstream, payload, flow, z, *saved, *results[0], *numbers)
    _native.splat_backward(upstream, payload, flow, z, *saved, *results[1], **options)
    for mine, other in zip(*results, strict=True):
        if mine is not None:
            close(mine, other)


@pytest.mark.parametrize("deterministic", [False, True])
@pytest.mark.parametrize("footprint", FOOTPRINTS)
@pytest.mark.parametrize("mode", MODES)
def test_splat(emulated: Any, mode: str, footprint: str, deterministic: bool) -> None:
    for seed, (shape, spread) in enumerate(
        [
            ((2, 3, 19, 37), 4.0),
            ((1, 40, 9, 33), 0.0),
            ((1, 1, 1, 1), 0.4),
            ((3, 8, 5, 70), 90.0),
            ((1, 31, 4, 4), 1.0),
        ]
    ):
        splat_both(emulated, splat_case(seed, *shape, spread), mode, footprint, deterministic)


def test_long_lists(emulated: Any) -> None:
    payload, flow, metric = splat_case(3, 1, 3, 24, 31, 0.0)
    ys, xs = np.mgrid[:24, :31]
    flow[0, 0], flow[0, 1] = 10 - xs, 7 - ys
    flow[0, :, :4] = 0.25
    splat_both(emulated, (payload, flow, metric), "softmax", "gaussian", True)


def test_deterministic_bits_ignore_the_order_of_threads(emulated: Any) -> None:
    payload, flow, metric = splat_case(4, 2, 5, 30, 40, 12.0)
    runs = []
    for backwards in (0, 1):
        emulated.emulated_order(backwards)
        for deterministic in (0, 1):
            out = fresh(2, 5, 30, 40)
            planes = [fresh(2, 1, 30, 40) for _ in range(3)]
            call(
                emulated,
                "splat_forward",
                [2, 5, 30, 40],
                payload,
                flow,
                metric,
                out,
                *planes,
                3,
                1,
                0.6,
                deterministic,
            )
            runs.append(out)
    emulated.emulated_order(0)
    assert np.array_equal(runs[1], runs[3])
    assert not np.array_equal(runs[0], runs[2])  # which is why there is a deterministic mode


@pytest.mark.parametrize("deterministic", [False, True])
@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("filter", FILTERS)
def test_warp(emulated: Any, filter: str, border: str, deterministic: bool) -> None:
    numbers = (FILTERS.index(filter), BORDERS.index(border))
    for seed, (shape, flow_size, spread) in enumerate(
        [((2, 3, 17, 35), (17, 35), 5.0), ((1, 11, 9, 8), (30, 41), 40.0), ((1, 1, 1, 2), (3, 1), 2.0)]
    ):
        rng = np.random.default_rng(seed)
        n, c, ih, iw = shape
        h, w = flow_size
        image = rng.standard_normal(shape).astype(np.float32)
        flow = rng.uniform(-spread, spread, (n, 2, h, w)).astype(np.float32)
        upstream = rng.standard_normal((n, c, h, w)).astype(np.float32)
        sizes = [n, c, ih, iw, h, w]
        own, expected = fresh(n, c, h, w), fresh(n, c, h, w)
        call(emulated, "warp_forward", sizes, image, flow, own, *numbers)
        _native.warp_forward(image, flow, expected, filter=filter, border=border)
        assert np.array_equal(own, expected)
        mine, other = ((fresh(*shape), fresh(n, 2, h, w)) for _ in range(2))
        call(emulated, "warp_backward", sizes, upstream, image, flow, *mine, *numbers, int(deterministic))
        _native.warp_backward(upstream, image, flow, *other, filter=filter, border=border)
        close(mine[0], other[0])
        close(mine[1], other[1])


def test_channel_last_warps(emulated: Any) -> None:
    rng = np.random.default_rng(5)
    image = rng.standard_normal((12, 33, 5)).astype(np.float32)
    ids = rng.integers(0, 2**32, (12, 33, 2), dtype=np.uint32)
    flow = rng.uniform(-6, 6, (12, 33, 2)).astype(np.float32)
    for border in BORDERS:
        for filter in FILTERS:
            own, expected = fresh(12, 33, 5), fresh(12, 33, 5)
            numbers = (FILTERS.index(filter), BORDERS.index(border))
            call(emulated, "warp_image", [1, 5, 12, 33, 12, 33], image, flow, own, *numbers)
            _native.warp_image(image, flow, expected, filter=filter, border=border)
            assert np.array_equal(own, expected)
        own_ids, expected_ids = np.full_like(ids, 7), np.full_like(ids, 7)
        call(emulated, "warp_ids", [1, 2, 12, 33, 12, 33], ids, flow, own_ids, BORDERS.index(border))
        _native.warp_ids(ids, flow, expected_ids, border=border)
        assert np.array_equal(own_ids, expected_ids)


def synthesize_both(
    library: Any, seed: int, spread: float, strip: bool = False, repeat: int = 1, **options: Any
) -> None:
    """Compare the fused synthesis with the CPU's, whole frames or a strip of them."""
    rng = np.random.default_rng(seed)
    frame_height, rows, width, channels, names = (40, 29, 37, 4, 2) if strip else (26, 26, 37, 3, 1)
    row0, out_row0, out_rows = (6, 12, 15) if strip else (0, 0, 26)
    frames = [rng.uniform(0, 20, (rows, width, channels)).astype(np.float32) for _ in range(3)]
    ids = [rng.integers(0, 2**32, (rows, width, names), dtype=np.uint32) for _ in range(3)]
    candidates = []
    for frame, scale, weight in ((2, 0.3, 0.7), (0, 0.7, 0.3), (1, 0.5, 0.0), (2, 0.3, 0.7)) * repeat:
        flow = (
            rng.uniform(-spread, spread, (rows // 5 + 1, width // 5 + 1, 2))
            .repeat(5, 0)
            .repeat(5, 1)[:rows, :width]
        )
        splat = rng.uniform(-8, 8, (rows, width)).astype(np.float32)
        splat[2, 3:9] = np.nan
        trust = rng.uniform(-0.2, 3, (rows, width)).astype(np.float32)
        flow = np.ascontiguousarray(flow + rng.uniform(-0.3, 0.3, flow.shape), dtype=np.float32)
        bend = rng.uniform(-spread, spread, flow.shape).astype(np.float32) if frame == 0 else None
        candidates.append((frame, flow, splat, trust, np.float32(scale), np.float32(weight), bend))
    settings = {
        "footprint": "gaussian",
        "coverage_gate": False,
        "filter": "bilinear",
        "merge": "metric",
        "sigma": 0.6,
        "merge_exponent": 1.0,
        "metric_bound": 0.0,
        **options,
    }
    deterministic = settings.pop("deterministic", False)
    own, expected = (
        (
            fresh(out_rows, width, channels),
            np.full((out_rows, width, names), 7, np.uint32),
            np.full((out_rows, width), 9, np.uint8),
            fresh(out_rows, width),
        )
        for _ in range(2)
    )
    choices = np.array(
        [
            FOOTPRINTS.index(settings["footprint"]),
            settings["coverage_gate"],
            FILTERS.index(settings["filter"]),
            ["metric", "linear"].index(settings["merge"]),
            deterministic,
        ],
        np.int32,
    )
    numbers = np.array([settings["sigma"], settings["merge_exponent"], settings["metric_bound"]], np.float64)

    def pointers(arrays: list[np.ndarray | None]) -> Any:
        addresses = (None if array is None else array.ctypes.data for array in arrays)
        return (ctypes.c_void_p * len(arrays))(*addresses)

    planes = [plane for candidate in candidates for plane in (*candidate[1:4], candidate[6])]
    call(
        library,
        "synthesize",
        [3, len(candidates), rows, width, channels, names, frame_height, row0, out_row0, out_rows],
        choices,
        numbers,
        pointers(frames),
        pointers(ids),
        pointers(planes),
        np.array([c[0] for c in candidates], np.int32),
        np.array([c[4] for c in candidates], np.float32),
        np.array([c[5] for c in candidates], np.float32),
        *own,
    )
    _native.synthesize(
        frames,
        [(c[0], *c[1:4], float(c[4]), float(c[5]), c[6]) for c in candidates],
        expected[0],
        ids=ids,
        ids_out=expected[1],
        hole=expected[2],
        weight_sum=expected[3],
        frame_height=frame_height,
        source_row0=row0,
        out_row0=out_row0,
        **settings,
    )
    same = own[2] == expected[2]
    assert same.mean() > 0.99
    assert (
        np.abs(own[0] - expected[0])[same].max() < 2e-3
    )  # noise of 20 over one pixel times a position to 1e-5
    assert (own[1] == expected[1]).all(-1)[same].mean() > 0.99
    assert np.abs(own[3] - expected[3])[same].max() < 1e-4 * max(1.0, expected[3].max())


@pytest.mark.parametrize("deterministic", [False, True])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"footprint": "bilinear"},
        {"metric_bound": 10.0},
        {"coverage_gate": True},
        {"coverage_gate": True, "metric_bound": 10.0, "footprint": "bilinear", "filter": "lanczos4"},
        {"filter": "bicubic"},
        {"filter": "bicubic", "strip": True},
        {"merge": "linear", "merge_exponent": 4.0},
        {"merge_exponent": 1.7, "repeat": 4},
        {"strip": True},
    ],
    ids=str,
)
def test_synthesize(emulated: Any, options: dict[str, Any], deterministic: bool) -> None:
    for seed, spread in ((1, 3.0), (2, 45.0)):
        synthesize_both(emulated, seed, spread, deterministic=deterministic, **options)


@pytest.mark.parametrize("deterministic", [False, True])
@pytest.mark.parametrize(
    "given", [(), ("metric",), ("trust",), ("guess",), ("metric", "trust", "guess")], ids=str
)
def test_invert_flow(emulated: Any, given: tuple[str, ...], deterministic: bool) -> None:
    for seed, (shape, spread) in enumerate(
        [((19, 37), 5.0), ((1, 1), 0.3), ((33, 70), 60.0), ((8, 9), 900.0)]
    ):
        rng = np.random.default_rng(seed)
        flow = rng.uniform(-spread, spread, (*shape, 2)).astype(np.float32)
        planes = {
            "metric": rng.uniform(-90, 90, shape).astype(np.float32),
            "trust": (rng.random(shape) < 0.5).astype(np.float32),
            "guess": rng.uniform(-9, 9, (*shape, 2)).astype(np.float32),
        }
        planes["metric"][0, 0] = np.nan
        inputs = [planes[name] if name in given else None for name in planes]
        own, expected = ((fresh(*shape, 2), np.full(shape, 7, np.uint8)) for _ in range(2))
        call(emulated, "invert_flow", list(shape), flow, *inputs, *own, int(deterministic))
        _native.invert_flow(flow, *inputs, *expected)
        assert np.array_equal(own[1], expected[1])
        close(own[0], expected[0])


def test_too_many_candidates_and_no_memory_are_said_clearly(emulated: Any) -> None:
    with pytest.raises(RuntimeError, match=r"candidates: at most 16"):
        synthesize_both(emulated, 3, 1.0, repeat=6)
    emulated.emulated_memory(1000)
    try:
        with pytest.raises(RuntimeError, match=r"out of memory: .* MiB of scratch for"):
            synthesize_both(emulated, 3, 1.0)
    finally:
        emulated.emulated_memory(-1)


def test_first_number_that_is_not_finite(emulated: Any) -> None:
    data = np.zeros(100_000, np.float32)
    find = emulated.emulated_find_non_finite
    pointer, count = ctypes.c_void_p(data.ctypes.data), ctypes.c_int64(data.size)
    assert find(pointer, count) == -1
    data[[70_003, 4_711, 99_999]] = np.nan, -np.inf, np.inf
    assert find(pointer, count) == 4_711
