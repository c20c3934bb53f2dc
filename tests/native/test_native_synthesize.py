"""Is the fused path what its header says: by an independent oracle, in strips, with any threads and instruction set?"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retempo import _native

Send = Callable[[np.ndarray], Any]
Candidate = tuple[int, np.ndarray, np.ndarray, np.ndarray, float, float]


def run(
    frames: list[np.ndarray],
    candidates: list[Candidate],
    ids: list[np.ndarray] | None = None,
    send: Send = lambda a: a,
    fetch: Send = lambda a: a,
    rows: int | None = None,
    **options: Any,
) -> dict[str, np.ndarray]:
    """Synthesize and return out, hole, weight_sum (and ids)."""
    h, w, c = frames[0].shape
    h = h if rows is None else rows
    results = {"hole": np.full((h, w), 9, np.uint8), "weight_sum": np.full((h, w), 9, np.float32)}
    if ids is not None:
        results["ids_out"] = np.full((h, w, ids[0].shape[2]), 9, np.uint32)
        options["ids"] = [send(i) for i in ids]
    out = send(np.full((h, w, c), 9, np.float32))
    sent = {name: send(array) for name, array in results.items()}
    moved = [
        (f, send(flow), send(z), send(m), s, weight, *(send(bend) for bend in bends))
        for f, flow, z, m, s, weight, *bends in candidates
    ]
    _native.synthesize([send(f) for f in frames], moved, out, **sent, **options)
    return {"out": fetch(out)} | {name: fetch(array) for name, array in sent.items()}


def scene(
    seed: int, h: int, w: int, c: int = 4, reach: float = 2.0
) -> tuple[list[np.ndarray], list[Candidate], list[np.ndarray]]:
    """Two frames, three candidates, one of them on a bent path, ids."""
    rng = np.random.default_rng(seed)
    frames = [(rng.random((h, w, c)) * 10).astype(np.float32) for _ in range(2)]
    ids = [rng.integers(0, 2**32, (h, w, 2), dtype=np.uint32) for _ in range(2)]

    def candidate(frame: int, scale: float, weight: float) -> Candidate:
        flow = rng.normal(0, reach, 2) + rng.normal(0, reach / 4, (h, w, 2))
        planes = (rng.random((h, w)) * top for top in (8, 3))
        splat, merge = (plane.astype(np.float32) for plane in planes)
        return frame, flow.astype(np.float32), splat, merge, scale, weight

    candidates = [candidate(0, 0.3, 0.7), candidate(1, 0.7, 0.3), candidate(0, 0.3, 0.2)]
    bend = rng.normal(0, reach / 2, (h, w, 2)).astype(np.float32)
    return frames, [candidates[0], (*candidates[1], bend), candidates[2]], ids


def straight(candidate: Candidate) -> np.ndarray:
    """The flow that leads straight to where a candidate's path is at its scale."""
    _, flow, _, _, scale, _, *bends = candidate
    return flow + np.float32(scale - 1) * bends[0] if bends else flow


def oracle(
    frames: list[np.ndarray],
    candidates: list[Candidate],
    *,
    footprint: str,
    sigma: float,
    exponent: float,
    gate: bool,
) -> dict[str, np.ndarray]:
    """Write the formulas of synthesize.h in plain loops and float64, bilinear sampling."""
    h, w, c = frames[0].shape
    out, hole, total_out = np.zeros((h, w, c)), np.zeros((h, w), np.uint8), np.zeros((h, w))

    def taps(fraction: float) -> list[tuple[int, float]]:
        if footprint == "bilinear":
            return [(0, 1 - fraction), (1, fraction)]
        return [
            (k, np.exp(-((k - fraction) ** 2) / (2 * sigma**2))) for k in (-1, 0, 1, 2) if k - fraction < 2
        ]

    def sample(frame: np.ndarray, x: float, y: float) -> np.ndarray:
        x0, y0 = int(np.floor(x)), int(np.floor(y))
        value = np.zeros(c)
        for dy, wy in ((0, 1 - (y - y0)), (1, y - y0)):
            for dx, wx in ((0, 1 - (x - x0)), (1, x - x0)):
                value += wx * wy * frame[min(max(y0 + dy, 0), h - 1), min(max(x0 + dx, 0), w - 1)]
        return value

    fields = []
    for candidate in candidates:
        _, _, z, m, scale, *_ = candidate
        flow = straight(candidate)
        sums, cover = np.zeros((h, w, 4)), np.zeros((h, w))
        for y, x in np.ndindex(h, w):
            d = np.float32(scale) * flow[y, x]
            px, py = x + float(d[0]), y + float(d[1])
            cx, cy = int(np.floor(px)), int(np.floor(py))
            for target, weights in ((sums, (taps(py - cy), taps(px - cx))), (cover, None)):
                pairs = weights or ([(0, 1 - (py - cy)), (1, py - cy)], [(0, 1 - (px - cx)), (1, px - cx)])
                for ky, wy in pairs[0]:
                    for kx, wx in pairs[1]:
                        if 0 <= cy + ky < h and 0 <= cx + kx < w:
                            amount = (
                                np.exp(z[y, x]) * np.array([-d[0], -d[1], m[y, x], 1]) if weights else 1.0
                            )
                            target[cy + ky, cx + kx] += wy * wx * amount
        fields.append((sums, cover))
    for y, x in np.ndindex(h, w):
        stages: list[list[tuple[float, np.ndarray]]] = [[], [], []]
        for candidate, (sums, cover) in zip(candidates, fields, strict=True):
            frame, _, _, _, scale, weight, *_ = candidate
            own = np.float32(scale) * straight(candidate)[y, x]
            stages[2].append((weight, sample(frames[frame], x - float(own[0]), y - float(own[1]))))
            if sums[y, x, 3] > 0:
                fx, fy, m = sums[y, x, :3] / sums[y, x, 3]
                a = weight * m**exponent * (max(1e-3, min(1.0, cover[y, x])) if gate else 1.0)
                inside = -0.5 <= x + fx < w - 0.5 and -0.5 <= y + fy < h - 0.5
                stages[0 if inside else 1].append((a, sample(frames[frame], x + fx, y + fy)))
        stage = next(k for k in range(3) if sum(a for a, _ in stages[k]) > 0)
        total = sum(a for a, _ in stages[stage])
        out[y, x] = sum(a * v for a, v in stages[stage]) / total
        hole[y, x], total_out[y, x] = stage, total if stage == 0 else 0
    return {"out": out, "hole": hole, "weight_sum": total_out}


@pytest.mark.parametrize("footprint", ["bilinear", "gaussian"])
@pytest.mark.parametrize("bound", [0.0, 8.0])
@pytest.mark.parametrize(("exponent", "gate"), [(1.0, False), (4.0, True), (2.5, False)])
def test_equals_the_oracle(
    device: str, send: Send, fetch: Send, footprint: str, bound: float, exponent: float, gate: bool
) -> None:
    frames, candidates, _ = scene(0, 13, 19, 3, 5.0)
    expected = oracle(frames, candidates, footprint=footprint, sigma=0.6, exponent=exponent, gate=gate)
    got = run(
        frames,
        candidates,
        None,
        send,
        fetch,
        footprint=footprint,
        sigma=0.6,
        metric_bound=bound,
        merge_exponent=exponent,
        coverage_gate=gate,
    )
    np.testing.assert_array_equal(got["hole"], expected["hole"])
    assert len(np.unique(got["hole"])) > 1
    np.testing.assert_allclose(got["out"], expected["out"], rtol=2e-4, atol=2e-4)
    np.testing.assert_allclose(got["weight_sum"], expected["weight_sum"], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("footprint", ["bilinear", "gaussian"])
@pytest.mark.parametrize("bound", [0.0, 8.0])
@pytest.mark.parametrize("filter_", ["bilinear", "bicubic", "lanczos4"])
@pytest.mark.parametrize("channels", [1, 4, 20, 37])
def test_integer_translation_is_exact(
    device: str, send: Send, fetch: Send, footprint: str, bound: float, filter_: str, channels: int
) -> None:
    frames, candidates, ids = scene(1, 40, 150, channels)
    frames[1], ids[1] = np.roll(frames[0], (4, 6), (0, 1)), np.roll(ids[0], (4, 6), (0, 1))
    flow = np.empty((40, 150, 2), np.float32)
    flow[...] = (6, 4)
    pair = [(0, flow, *candidates[0][2:4], 0.5, 0.5), (1, -flow, *candidates[1][2:4], 0.5, 0.5)]
    got = run(frames, pair, ids, send, fetch, footprint=footprint, metric_bound=bound, filter=filter_)
    inside = (slice(4, -4), slice(6, -6))
    np.testing.assert_array_equal(got["out"][inside], np.roll(frames[0], (2, 3), (0, 1))[inside])
    np.testing.assert_array_equal(got["ids_out"][inside], np.roll(ids[0], (2, 3), (0, 1))[inside])
    assert (got["hole"][inside] == 0).all()


def test_no_motion_returns_what_both_frames_agree_on(device: str, send: Send, fetch: Send) -> None:
    frames, candidates, _ = scene(2, 20, 70)
    frames[0][3, 4, 0], frames[0][5, 6, 1] = np.inf, np.nan
    frames[1] = frames[0].copy()
    still = np.zeros((20, 70, 2), np.float32)
    pair = [(i, still, *candidates[i][2:4], 0.25 + i / 2, 0.75 - i / 2) for i in range(2)]
    got = run(frames, pair, None, send, fetch, metric_bound=8.0)
    np.testing.assert_array_equal(got["out"], frames[0])


def test_weight_zero_drops_a_candidate(device: str, send: Send, fetch: Send) -> None:
    frames, candidates, ids = scene(3, 16, 33)
    silent = [candidates[0], (*candidates[1][:5], 0.0)]
    for array, other in zip(
        run(frames, silent, ids, send, fetch).values(),
        run(frames, candidates[:1], ids, send, fetch).values(),
        strict=True,
    ):
        np.testing.assert_array_equal(array, other)


@pytest.mark.parametrize(
    "options",
    [
        {"metric_bound": 8.0},
        {},
        {"metric_bound": 8.0, "footprint": "bilinear", "coverage_gate": True},
        {"metric_bound": 8.0, "filter": "lanczos4"},
        {"metric_bound": 8.0, "filter": "bicubic"},
    ],
)
def test_threads_never_change_a_bit(options: dict[str, Any]) -> None:
    for reach in (1.0, 30.0):
        frames, candidates, ids = scene(4, 150, 131, 5, reach)
        first = run(frames, candidates, ids, threads=1, **options)
        for threads in (2, 5):
            for name, array in run(frames, candidates, ids, threads=threads, **options).items():
                np.testing.assert_array_equal(array, first[name], err_msg=f"{name}, {threads} threads")


@pytest.mark.parametrize("channels", [3, 4, 6])
@pytest.mark.parametrize("filter_", ["bilinear", "bicubic", "lanczos4"])
@pytest.mark.parametrize("bound", [0.0, 8.0])
def test_strips_have_the_bits_of_the_whole(
    device: str, send: Send, fetch: Send, bound: float, filter_: str, channels: int
) -> None:
    frames, candidates, ids = scene(5, 120, 90, channels, 1.5)
    options = {"metric_bound": bound, "filter": filter_, "deterministic": True}
    margin = {"bilinear": 4, "bicubic": 5, "lanczos4": 7}[filter_]
    reach = int(max(np.abs(straight(candidate)).max() for candidate in candidates)) + margin
    whole = run(frames, candidates, ids, send, fetch, **options)
    for y0, y1 in ((0, 37), (37, 80), (80, 120)):
        s0, s1 = max(0, y0 - reach), min(120, y1 + reach)

        def cut(array: np.ndarray, rows: slice = slice(s0, s1)) -> np.ndarray:
            return np.ascontiguousarray(array[rows])

        strip = run(
            [cut(f) for f in frames],
            [
                (f, cut(flow), cut(z), cut(m), s, weight, *map(cut, bends))
                for f, flow, z, m, s, weight, *bends in candidates
            ],
            [cut(i) for i in ids],
            send,
            fetch,
            rows=y1 - y0,
            frame_height=120,
            source_row0=s0,
            out_row0=y0,
            **options,
        )
        for name, array in strip.items():
            np.testing.assert_array_equal(array, whole[name][y0:y1], err_msg=name)


SCRIPT = """
import hashlib, json, sys
import numpy as np
sys.path[:0] = json.loads(sys.argv[1])
import test_native_splat, test_native_synthesize
digest = hashlib.sha256()
frames, candidates, ids = test_native_synthesize.scene(6, 50, 131, 7, 3.0)
wide = [{"metric_bound": 8.0, "filter": name} for name in ("bicubic", "lanczos4")]
for options in ({"metric_bound": 8.0}, {}, *wide):
    for channels in (7, 4, 3):
        cut = [np.ascontiguousarray(frame[..., :channels]) for frame in frames]
        for array in test_native_synthesize.run(cut, candidates, ids, **options).values():
            digest.update(array.tobytes())
scene = test_native_splat.scene(9, (1, 5, 30, 70), 2.0)
for mode in test_native_splat.MODES:
    for array in test_native_splat.run(*scene, mode=mode, footprint="gaussian").values():
        digest.update(array.tobytes())
print(test_native_synthesize._native.build_info()["isa"], digest.hexdigest())
"""


def test_instruction_sets_agree_to_the_bit() -> None:
    paths = [str(Path(__file__).parent), str(Path(_native.__file__).parents[1])]
    results = {}
    for isa in ("baseline", "avx2", "avx512"):
        environment = dict(os.environ, RETEMPO_ISA=isa)
        text = subprocess.run(
            [sys.executable, "-c", SCRIPT, json.dumps(paths)],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        results[text[0]] = text[1]
    assert len(set(results.values())) == 1, results
    if len(results) == 1:
        pytest.skip(f"this processor or build knows one instruction set only: {next(iter(results))}")


def test_large_offsets_survive_without_a_bound(device: str, send: Send, fetch: Send) -> None:
    frames, candidates, _ = scene(7, 20, 40)
    shifted = [
        (f, flow, (np.round(z * 64) / 64 + 1e4).astype(np.float32), m, s, w)
        for f, flow, z, m, s, w, *_ in candidates
    ]
    plain = [
        (f, flow, (np.round(z * 64) / 64).astype(np.float32), m, s, w)
        for f, flow, z, m, s, w, *_ in candidates
    ]
    np.testing.assert_allclose(
        run(frames, shifted, None, send, fetch)["out"],
        run(frames, plain, None, send, fetch)["out"],
        rtol=1e-4,
        atol=1e-4,
    )
