"""Are the importance metrics what the formulas say, for any flow, and does the nearer depth win?"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retempo import ops
from retempo.errors import InputError, UsageError
from retempo.metrics.depth import depth_bound, depth_metric
from retempo.metrics.importance import ImportanceSettings, importance


def measure(
    term: int, image0: np.ndarray, image1: np.ndarray, flow01: np.ndarray, flow10: np.ndarray
) -> np.ndarray:
    """One of the three measures (photo, flow, variance), read back from the merge metric that it alone decides."""
    coefficients = [float(one == term) for one in range(3)]
    _, merge = importance(image0, image1, flow01, flow10, ImportanceSettings(0, 0, 0, *coefficients))
    return 1 / (merge.astype(np.float64) - 2) - 1


def flow_deviation(flow: np.ndarray) -> np.ndarray:
    image = np.zeros((*flow.shape[:2], 3), np.float32)
    return measure(2, image, image, flow, -flow)


def printed_deviation(flow: np.ndarray) -> np.ndarray:
    """The formula as it is printed, in float64: sqrt(G(F^2) - G(F)^2), clamped at 0."""
    flow = flow.astype(np.float64)

    def smooth(values: np.ndarray) -> np.ndarray:
        kernel = np.array([0.25, 0.5, 0.25])
        return cv2.sepFilter2D(values, -1, kernel, kernel, borderType=cv2.BORDER_REPLICATE).reshape(
            values.shape
        )

    variance = np.maximum(smooth(flow**2) - smooth(flow) ** 2, 0)
    return np.sqrt(variance.sum(axis=2))


@given(
    seed=st.integers(0, 2**31),
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    offset=st.sampled_from([0.0, 3.5, -40.0]),
)
def test_deviation_is_the_printed_formula(seed: int, height: int, width: int, offset: float) -> None:
    flow = (np.random.default_rng(seed).normal(0, 3, (height, width, 2)) + offset).astype(np.float32)
    np.testing.assert_allclose(flow_deviation(flow), printed_deviation(flow), rtol=2e-4, atol=2e-4)


def test_deviation_keeps_its_precision_for_large_flows() -> None:
    flow = np.full((20, 20, 2), 3000.25, np.float32)
    assert not flow_deviation(flow).any()
    flow[10:, :, 0] += 1  # a step of one pixel: variance 3/16 on either side of it
    deviation = flow_deviation(flow)
    np.testing.assert_allclose(deviation[9:11], np.sqrt(3 / 16), rtol=1e-5)
    assert not deviation[:9].any() and not deviation[11:].any()


def test_known_values() -> None:
    image0 = np.zeros((6, 8, 3), np.float32)
    image1 = np.zeros((6, 8, 3), np.float32)
    image1[:, 3] = (0.3, 0.0, 0.6)
    flow01 = np.zeros((6, 8, 2), np.float32)
    flow01[:, 1] = (2, 0)
    flow10 = np.zeros((6, 8, 2), np.float32)
    flow10[:, 3] = (-2, 1.5)
    np.testing.assert_allclose(measure(0, image0, image1, flow01, flow10)[:, 1], 0.3, rtol=1e-5)
    np.testing.assert_allclose(measure(1, image0, image1, flow01, flow10)[:, 1], 1.5, rtol=1e-5)
    settings = ImportanceSettings(10, 2, 0, 1, 1, 0, temperature=4)
    splat, merge = importance(image0, image1, flow01, flow10, settings)
    np.testing.assert_allclose(splat[:, 1], 4 * (1 / (1 + 3) + 1 / (1 + 3) + 1), rtol=1e-5)
    np.testing.assert_allclose(merge[:, 1], 1 / 1.3 + 1 / 2.5 + 1, rtol=1e-5)
    assert splat[0, 6] == settings.splat_bound == 12 and merge[0, 6] == 3


@given(seed=st.integers(0, 2**31), scale=st.sampled_from([0.1, 3.0, 500.0]))
def test_bounds_hold_for_anything(seed: int, scale: float) -> None:
    random = np.random.default_rng(seed)
    images = random.random((2, 7, 5, 3)).astype(np.float32)
    flows = random.normal(0, scale, (2, 7, 5, 2)).astype(np.float32)
    settings = ImportanceSettings()
    splat, merge = importance(images[0], images[1], flows[0], flows[1], settings)
    assert splat.shape == merge.shape == (7, 5) and splat.dtype == merge.dtype == np.float32
    assert splat.min() > 0 and splat.max() <= settings.splat_bound
    assert merge.min() > 0 and merge.max() <= 3


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("size", [(40, 203), (3, 64), (1, 1), (2, 3), (17, 66)])
def test_every_width_follows_the_formula(size: tuple[int, int], channels: int) -> None:
    random = np.random.default_rng(7)
    image0, image1 = random.random((2, *size, channels)).astype(np.float32)
    flow01, flow10 = random.normal(0, 4, (2, *size, 2)).astype(np.float32)
    flow01[:, ::7] *= 60  # far outside, too
    photo = np.abs(image0 - ops.warp_image(image1, flow01, border="edge")).mean(axis=2)
    np.testing.assert_allclose(measure(0, image0, image1, flow01, flow10), photo, rtol=1e-4, atol=1e-5)
    there_and_back = flow01 + ops.warp_image(flow10, flow01, border="edge")
    error = np.hypot(there_and_back[..., 0], there_and_back[..., 1])
    np.testing.assert_allclose(measure(1, image0, image1, flow01, flow10), error, rtol=2e-3, atol=1e-4)
    same = importance(image0, image1, flow01, flow10)
    other = importance(image0, image1, flow01, flow10, ImportanceSettings(merge_flow=3.0))
    assert np.array_equal(same[0], other[0]) and not np.array_equal(same[1], other[1])
    np.testing.assert_allclose(same[0], same[1] * 5, rtol=1e-6)


def test_bits_do_not_depend_on_threads_or_instructions() -> None:
    script = f"import sys; sys.path[:0] = {[os.path.dirname(__file__)]!r}\n"
    script += "from test_metrics_importance import digest; print(digest())"
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
    """Bits of some metrics; asserts that the number of threads does not show."""
    bits = hashlib.sha256()
    for seed, size in enumerate([(50, 131), (33, 7), (16, 64)]):
        random = np.random.default_rng(seed)
        images = random.random((2, *size, 3)).astype(np.float32)
        flows = random.normal(0, 5, (2, *size, 2)).astype(np.float32)
        settings = ImportanceSettings(merge_photo=7.0) if seed else ImportanceSettings()
        made = [importance(*images, *flows, settings, threads) for threads in (1, 2, 5)]
        assert len({splat.tobytes() + merge.tobytes() for splat, merge in made}) == 1
        bits.update(made[0][0].tobytes() + made[0][1].tobytes())
    return bits.hexdigest()


@pytest.mark.parametrize("place", [(0, 0), (20, 100), (39, 202), (39, 192), (17, 201)])
@pytest.mark.parametrize("which", range(4))
def test_what_is_not_finite_is_found_anywhere(which: int, place: tuple[int, int]) -> None:
    random = np.random.default_rng(0)
    arrays = [*random.random((2, 40, 203, 3)), *np.zeros((2, 40, 203, 2))]
    arrays = [array.astype(np.float32) for array in arrays]
    importance(*arrays)
    arrays[which][place][1] = np.inf if which == 2 else np.nan
    with pytest.raises(InputError, match="NaN or infinite"):
        importance(*arrays)


def test_input_stays_as_it_was() -> None:
    random = np.random.default_rng(0)
    images = random.random((2, 9, 9, 3)).astype(np.float32)
    flows = random.normal(0, 2, (2, 9, 9, 2)).astype(np.float32)
    copies = images.copy(), flows.copy()
    importance(*images, *flows)
    assert np.array_equal(images, copies[0]) and np.array_equal(flows, copies[1])


def test_mistakes_are_named() -> None:
    image, flow = np.zeros((4, 5, 3), np.float32), np.zeros((4, 5, 2), np.float32)
    with pytest.raises(InputError, match=r"flow10 has shape \(4, 4, 2\)"):
        importance(image, image, flow, flow[:, :4])
    with pytest.raises(InputError, match="image1"):
        importance(image, image[:3], flow, flow)
    with pytest.raises(InputError, match="float64"):
        importance(image, image, flow.astype(np.float64), flow)
    bad = image.copy()
    bad[2, 2, 0] = np.nan
    with pytest.raises(InputError, match="NaN"):
        importance(bad, image, flow, flow)
    for wrong in (-1.0, float("nan")):
        with pytest.raises(UsageError, match="merge_photo"):
            ImportanceSettings(merge_photo=wrong)


@pytest.mark.parametrize(
    ("convention", "near", "far"), [("distance", 2.0, 9.0), ("inverse", 0.5, 0.1), ("negative", -2.0, -9.0)]
)
def test_near_wins(convention: str, near: float, far: float) -> None:
    depth = np.full((20, 20), far, np.float32)
    depth[5:15, 5:15] = near
    metric = depth_metric(depth, convention=convention, strength=30)  # type: ignore[arg-type]
    np.testing.assert_allclose(metric[10, 10] - metric[0, 0], 30, rtol=1e-5)
    assert metric.min() >= 0 and metric.max() <= depth_bound(30)


def test_outliers_and_emptiness_do_not_flatten_the_scene() -> None:
    random = np.random.default_rng(3)
    depth = random.uniform(5, 10, (50, 50)).astype(np.float32)
    plain = depth_metric(depth)
    depth[0, 0], depth[0, 1], depth[0, 2], depth[0, 3], depth[0, 4] = 1e10, np.inf, np.nan, 0.0, 1e-6
    metric = depth_metric(depth)
    assert np.isfinite(metric).all()
    assert (metric[0, :4] <= metric[1:].min()).all() and metric[0, 4] == metric.max()
    spread = metric[1:].max() - metric[1:].min()
    assert spread > 0.9 * (plain.max() - plain.min())
    order = np.argsort(depth[1:].ravel())
    assert (np.diff(metric[1:].ravel()[order]) <= 1e-5).all()


def test_depth_without_information() -> None:
    assert not depth_metric(np.full((4, 4), 7.0, np.float32)).any()
    assert not depth_metric(np.full((4, 4), np.inf, np.float32)).any()
    one = np.full((4, 4), np.inf, np.float32)
    one[1, 1] = 3
    assert depth_metric(one).argmax() == 5
    with pytest.raises(InputError, match="one channel"):
        depth_metric(np.zeros((4, 4, 2), np.float32))
    with pytest.raises(UsageError, match="convention"):
        depth_metric(np.zeros((4, 4), np.float32), convention="z")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="strength"):
        depth_metric(np.zeros((4, 4), np.float32), strength=0)
