"""Is the inverse of a flow what the definition says, at any thread count and instruction set, and are holes filled?"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retempo import ops
from retempo.errors import UsageError

torch = pytest.importorskip("torch")

from retempo.ops import reference  # noqa: E402


def smooth_flow(seed: int, height: int, width: int, spread: float) -> np.ndarray:
    """[H, W, 2] float32: blocks of eight pixels that move apart, with a little of its own for every pixel."""
    rng = np.random.default_rng(seed)
    blocks = rng.uniform(-spread, spread, (height // 8 + 1, width // 8 + 1, 2))
    flow = blocks.repeat(8, 0).repeat(8, 1)[:height, :width] + rng.uniform(-0.2, 0.2, (height, width, 2))
    return np.ascontiguousarray(flow, dtype=np.float32)


def planes_of(seed: int, height: int, width: int, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """The optional arguments that ``names`` asks for."""
    rng = np.random.default_rng(seed + 1)
    planes = {
        "metric": rng.uniform(-300, 300, (height, width)).astype(np.float32),
        "trust": np.where(rng.random((height, width)) < 0.4, 0, rng.random((height, width))).astype(
            np.float32
        ),
        "guess": rng.uniform(-9, 9, (height, width, 2)).astype(np.float32),
    }
    return {name: planes[name] for name in names}


@pytest.mark.parametrize("spread", [0.4, 4.0, 60.0])
@pytest.mark.parametrize(
    "names",
    [(), ("metric",), ("trust",), ("guess",), ("metric", "trust"), ("metric", "trust", "guess")],
    ids="+".join,
)
def test_against_the_reference(
    names: tuple[str, ...], spread: float, device: str, deterministic: bool
) -> None:
    for seed, (height, width) in enumerate([(23, 41), (1, 7), (6, 1), (70, 67)]):
        flow = smooth_flow(seed, height, width, spread)
        planes = planes_of(seed, height, width, names)
        there = {name: torch.from_numpy(plane).to(device) for name, plane in planes.items()}
        made = ops.invert_flow(torch.from_numpy(flow).to(device), **there, deterministic=deterministic)
        back, seen = reference.invert_flow(
            torch.from_numpy(flow).double(), **{k: torch.from_numpy(v).double() for k, v in planes.items()}
        )
        assert torch.equal(made.seen.cpu(), seen)
        # landing fractions of float32 flows are exact here, positions in the reference hold 50 bits
        np.testing.assert_allclose(
            made.flow.cpu().numpy(), back.numpy(), atol=1e-4 if device == "cuda" else 2e-5
        )


@given(
    st.integers(1, 40),
    st.integers(1, 150),
    st.floats(-60, 60, width=32),
    st.floats(-60, 60, width=32),
    st.integers(1, 5),
)
@settings(max_examples=60, deadline=None)
def test_a_constant_flow_comes_back_exactly(
    height: int, width: int, dx: float, dy: float, threads: int
) -> None:
    flow = np.broadcast_to(np.float32([dx, dy]), (height, width, 2)).copy()
    made = ops.invert_flow(flow, threads=threads)
    expected = -flow if made.seen.any() else np.zeros_like(flow)
    assert np.array_equal(made.flow, expected)
    if abs(dx) < width - 1 and abs(dy) < height - 1:
        assert made.seen.any()


@given(st.integers(0, 10**6), st.integers(1, 60), st.integers(1, 60), st.sampled_from([0.3, 3.0, 40.0]))
@settings(max_examples=60, deadline=None)
def test_vectors_come_from_those_that_land_there(seed: int, height: int, width: int, spread: float) -> None:
    flow = smooth_flow(seed, height, width, spread)
    trust = planes_of(seed, height, width, ("trust",))["trust"]
    for extra in ({}, {"trust": trust}):
        back, seen = ops.invert_flow(flow, **extra)
        assert np.isfinite(back).all()
        used = flow if not extra else flow[trust > 0]
        for axis in (0, 1):  # a mean, or the value of a seen neighbour, or 0 where nothing is seen
            if seen.any():
                low, high = -used[..., axis].max(), -used[..., axis].min()
                assert low - 1e-4 <= back[..., axis].min() and back[..., axis].max() <= high + 1e-4
        if not seen.any():
            assert not back.any()


@given(st.integers(0, 10**6), st.integers(1, 50), st.integers(1, 90), st.floats(0, 1))
@settings(max_examples=60, deadline=None)
def test_holes_take_the_nearest_seen_vector(seed: int, height: int, width: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    trust = (rng.random((height, width)) < share * rng.random((height, 1))).astype(np.float32)
    # nothing moves, so what is trusted is what is seen; a vector this small has its own bits
    flow = rng.uniform(1e-30, 2e-30, (height, width, 2)).astype(np.float32)
    back, seen = ops.invert_flow(flow, trust=trust)
    near = trust > 0
    assert np.array_equal(seen, near)
    if not near.any():
        return
    ys, xs = np.nonzero(near)
    for y, x in zip(*np.nonzero(~near), strict=True):
        distance = (ys - y) ** 2 + (xs - x) ** 2
        first = min(np.flatnonzero(distance == distance.min()), key=lambda i: (xs[i], ys[i]))
        assert np.array_equal(back[y, x], back[ys[first], xs[first]])


def test_a_large_hole_is_filled_from_its_edge() -> None:
    flow = np.zeros((700, 900, 2), np.float32)
    flow[..., 0] = 500.0  # a whip pan: 500 columns see nothing
    flow[..., 1] = np.linspace(0, 0.5, 700, dtype=np.float32)[:, None]
    back, seen = ops.invert_flow(flow)
    assert not seen[:, :500].any() and seen[1:-1, 500:].all()
    assert np.array_equal(back[:, :500], np.broadcast_to(back[:, 500:501], (700, 500, 2)))


def test_a_nearer_surface_wins() -> None:
    flow = np.zeros((4, 12, 2), np.float32)
    flow[:, 2, 0] = 3
    metric = np.zeros((4, 12), np.float32)
    metric[:, 2] = 200
    assert (ops.invert_flow(flow, metric).flow[:, 5, 0] == -3).all()
    assert (ops.invert_flow(flow, -metric).flow[:, 5, 0] == 0).all()
    assert (ops.invert_flow(flow).flow[:, 5, 0] == -1.5).all()


@pytest.mark.parametrize("names", [(), ("metric",), ("trust",), ("metric", "trust", "guess")], ids="+".join)
def test_bits_do_not_depend_on_threads_or_instructions(names: tuple[str, ...]) -> None:
    script = f"""
import hashlib, sys
sys.path[:0] = {[os.path.dirname(__file__)]!r}
from test_ops_invert import digest
print(digest({names!r}))
"""
    found = {digest(names)}
    for isa in ("baseline", "avx2", "avx512"):
        environment = os.environ | {"RETEMPO_ISA": isa, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        run = subprocess.run(
            [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False
        )
        assert run.returncode == 0, run.stderr
        found.add(run.stdout.strip())
    assert len(found) == 1


def digest(names: tuple[str, ...]) -> str:
    """Bits of some inverse flows; asserts that the number of threads does not show."""
    bits = hashlib.sha256()
    for seed, (size, spread) in enumerate([((90, 200), 3.0), ((61, 130), 40.0), ((33, 7), 300.0)]):
        flow, planes = smooth_flow(seed, *size, spread), planes_of(seed, *size, names)
        results = [ops.invert_flow(flow, **planes, threads=threads) for threads in (1, 2, 5)]
        assert len({made.flow.tobytes() + made.seen.tobytes() for made in results}) == 1
        bits.update(results[0].flow.tobytes() + results[0].seen.tobytes())
    return bits.hexdigest()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"flow": np.zeros((4, 5), np.float32)}, r"flow: expected shape"),
        ({"metric": np.zeros((4, 6), np.float32)}, r"metric: expected shape \[4, 5\], got \[4, 6\]"),
        ({"trust": np.ones((4, 5), bool)}, r"trust: expected float32 or float64, got bool"),
        ({"guess": np.zeros((4, 5), np.float32)}, r"guess: expected shape"),
        ({"guess": np.zeros((4, 5, 2), np.float64)}, r"guess: expected dtype float32"),
        ({"flow": np.zeros((4, 5, 2), np.float64)}, r"flow: expected float32"),
        ({"threads": -1}, r"threads: expected 0"),
    ],
)
def test_what_does_not_fit_is_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        ops.invert_flow(**{"flow": np.zeros((4, 5, 2), np.float32), **arguments})


def test_a_flow_that_is_not_finite_is_refused(device: str) -> None:
    flow = torch.zeros((6, 70, 2), device=device)
    flow[3, 66, 1] = float("nan")
    with pytest.raises(UsageError, match=r"flow: expected finite numbers, got NaN or Inf at \[3, 66, 1\]"):
        ops.invert_flow(flow)


def test_nothing_in_nothing_out() -> None:
    back, seen = ops.invert_flow(np.zeros((0, 5, 2), np.float32))
    assert back.shape == (0, 5, 2) and seen.shape == (0, 5) and seen.dtype == bool
