"""Is 3-D SUSAN smoothing what the definition says, with the same bits on any number of threads and instruction set?"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retempo import ops
from retempo.errors import UsageError


def clip(seed: int, count: int, height: int, width: int, channels: int) -> list[np.ndarray]:
    """Noise, and in each frame one speck that is like nothing else."""
    rng = np.random.default_rng(seed)
    frames = [rng.random((height, width, channels)).astype(np.float32) for _ in range(count)]
    for frame in frames:
        frame[rng.integers(height), rng.integers(width)] = 500 + rng.random()
    return frames


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 5), st.integers(1, 12), st.integers(1, 40), st.integers(1, 4), st.integers(1, 3), st.data()
)
def test_against_the_reference(
    count: int, height: int, width: int, channels: int, radius: int, data: st.DataObject
) -> None:
    torch = pytest.importorskip("torch")
    from retempo.ops import reference

    frames = clip(count * height + width, count, height, width, channels)
    centre = data.draw(st.integers(0, count - 1))
    t, sigma = data.draw(st.sampled_from([0.1, 0.4, 20.0])), data.draw(st.sampled_from([0.7, 15.0]))
    made = ops.susan(frames, centre, sigma=sigma, t=t, radius=radius)
    there = [torch.from_numpy(frame).double() for frame in frames]
    wanted = reference.susan(there, centre, sigma=sigma, t=t, radius=radius).numpy()
    assert np.allclose(made, wanted, rtol=2e-4, atol=2e-6)


def test_by_hand() -> None:
    """Three pixels in a row, one frame: weights of the middle one's neighbours."""
    row = np.array([[[0.0], [0.1], [0.4]]], np.float32)
    made = ops.susan([row], 0, sigma=1.0, t=0.2)
    near, far = np.exp(-0.5 - 0.25), np.exp(-0.5 - 2.25)
    assert made[0, 1, 0] == pytest.approx((near * 0.0 + far * 0.4) / (near + far), rel=1e-5)
    assert made[0, 0, 0] == pytest.approx(0.1, rel=1e-6)  # its only neighbour


def test_a_speck_becomes_the_median_of_its_spatial_neighbours() -> None:
    frame = np.arange(25, dtype=np.float32).reshape(5, 5, 1) / 255
    before = frame + 50
    frame[2, 2] = 90
    made = ops.susan([before, frame, before], 1, t=0.01)
    assert made[2, 2, 0] * 255 == pytest.approx((11 + 13) / 2, rel=1e-5)
    corner = frame.copy()
    corner[0, 0] = 90
    assert ops.susan([corner], 0, t=0.01)[0, 0, 0] * 255 == pytest.approx(5, rel=1e-5)
    alone = np.full((1, 1, 3), 7, np.float32)
    assert (ops.susan([alone], 0) == 7).all()


def test_edges_stay_and_noise_goes() -> None:
    rng = np.random.default_rng(1)
    clean = np.zeros((40, 60, 3), np.float32)
    clean[:, 30:] = 1
    frames = [(clean + 0.02 * rng.standard_normal(clean.shape)).astype(np.float32) for _ in range(5)]
    made = ops.susan(frames, 2)
    assert np.abs(made - clean).std() < 0.25 * np.abs(frames[2] - clean).std()
    assert np.abs(made - clean).max() < 0.05


def test_channels_share_their_weights() -> None:
    """Swapped channels come out swapped; a channel's edge guards the others."""
    frames = clip(3, 3, 20, 30, 3)
    swapped = [np.ascontiguousarray(frame[..., ::-1]) for frame in frames]
    assert np.allclose(ops.susan(frames, 1)[..., ::-1], ops.susan(swapped, 1), rtol=1e-4, atol=1e-6)


def test_bits_do_not_depend_on_threads_or_instructions() -> None:
    script = f"""
import sys
sys.path[:0] = {[os.path.dirname(__file__)]!r}
from test_ops_susan import digest
print(digest())
"""
    found = {digest()}
    for isa in ("baseline", "avx2", "avx512"):
        environment = os.environ | {"RETEMPO_ISA": isa, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        run = subprocess.run(
            [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False
        )
        assert run.returncode == 0, run.stderr
        found.add(run.stdout.strip())
    assert len(found) == 1


def digest() -> str:
    """Bits of some smoothed frames; asserts that the number of threads does not show."""
    bits = hashlib.sha256()
    for channels in (1, 2, 3, 4):
        frames = clip(channels, 5, 37, 71, channels)
        results = [ops.susan(frames, 2, t=0.3, radius=2, threads=threads).tobytes() for threads in (1, 2, 5)]
        assert len(set(results)) == 1
        bits.update(results[0])
    return bits.hexdigest()


@pytest.mark.parametrize(
    ("frames", "options", "message"),
    [
        ([], {}, "at least one frame"),
        ([np.zeros((2, 2, 5), np.float32)], {}, "at most 4 channels"),
        ([np.zeros((2, 2, 3), np.float32), np.zeros((2, 3, 3), np.float32)], {}, r"frames\[1\]"),
        ([np.zeros((2, 2, 3), np.float64)], {}, "float32"),
        ([np.zeros((2, 2, 3), np.float32)], {"t": 0.0}, "t"),
        ([np.zeros((2, 2, 3), np.float32)], {"radius": 4}, "radius"),
        ([np.zeros((2, 2, 3), np.float32)], {"sigma": float("nan")}, "sigma"),
    ],
)
def test_bad_arguments(frames: list[np.ndarray], options: dict[str, float], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        ops.susan(frames, 0, **options)  # type: ignore[arg-type]


def test_centre_has_to_be_one_of_the_frames() -> None:
    for centre in (-1, 1):
        with pytest.raises(UsageError, match="centre"):
            ops.susan([np.zeros((2, 2, 3), np.float32)], centre)


def test_strided_frames() -> None:
    frames = clip(9, 3, 22, 30, 3)
    views = [frame[::2, ::2] for frame in frames]
    copies = [np.ascontiguousarray(view) for view in views]
    assert np.array_equal(ops.susan(views, 1), ops.susan(copies, 1))
