"""Does the forward-backward check find what is hidden, and does inverting a flow give the flow back?"""

from __future__ import annotations

import numpy as np
import pytest

from retempo.errors import InputError
from retempo.flow.consistency import confidence, forward_backward_error, lands_inside, occlusion
from retempo.flow.inversion import invert_flow


def two_layers() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """A square of 20x20 at (20, 14) that moves by (+6, +3) over a still background; flows and the square's masks."""
    shape = (48, 64)
    mask0, mask1 = np.zeros(shape, bool), np.zeros(shape, bool)
    mask0[14:34, 20:40] = True
    mask1[17:37, 26:46] = True
    flow01, flow10 = np.zeros((*shape, 2), np.float32), np.zeros((*shape, 2), np.float32)
    flow01[mask0] = (6, 3)
    flow10[mask1] = (-6, -3)
    return flow01, flow10, mask0, mask1


def test_hidden_pixels_are_found_exactly() -> None:
    flow01, flow10, mask0, mask1 = two_layers()
    assert np.array_equal(occlusion(flow01, flow10), mask1 & ~mask0)
    assert np.array_equal(occlusion(flow10, flow01), mask0 & ~mask1)
    error = forward_backward_error(flow01, flow10)
    assert not error[mask0].any()
    np.testing.assert_allclose(error[mask1 & ~mask0], np.hypot(6, 3), rtol=1e-6)
    assert confidence(flow01, flow10)[0, 0] == 1.0
    np.testing.assert_allclose(
        confidence(flow01, flow10)[mask1 & ~mask0], 1 / (1 + np.hypot(6, 3)), rtol=1e-5
    )


def test_leaving_the_frame_is_occlusion() -> None:
    flow01 = np.zeros((10, 12, 2), np.float32)
    flow01[..., 0] = 3
    hidden = occlusion(flow01, -flow01)
    assert hidden[:, 9:].all() and not hidden[:, :9].any()
    assert np.array_equal(~hidden, lands_inside(flow01))
    assert not confidence(flow01, -flow01)[:, 9:].any()


def test_inverted_flow_is_the_backward_flow() -> None:
    flow01, flow10, mask0, mask1 = two_layers()
    metric = mask0.astype(np.float32) * 40  # the square is in front
    inverse, seen = invert_flow(flow01, metric)
    uncovered = mask0 & ~mask1
    assert np.array_equal(seen, ~uncovered)
    np.testing.assert_allclose(inverse[seen], flow10[seen], atol=1e-5)
    assert np.isfinite(inverse).all()
    guess = np.full_like(flow01, 9)
    inverse, _ = invert_flow(flow01, metric, guess=guess)
    assert (inverse[uncovered] == 9).all()


def test_invalid_vectors_are_left_out() -> None:
    flow01 = np.zeros((12, 12, 2), np.float32)
    flow01[4:8, 4:8] = 50.5  # rubbish
    valid = np.ones((12, 12), bool)
    valid[4:8, 4:8] = False
    inverse, seen = invert_flow(flow01, valid=valid)
    assert not inverse.any() and np.array_equal(seen, valid)
    nothing, seen = invert_flow(flow01, valid=np.zeros((12, 12), bool))
    assert not nothing.any() and not seen.any()


def test_holes_take_the_nearest_value() -> None:
    flow01 = np.zeros((5, 9, 2), np.float32)
    flow01[:, 0], flow01[:, 8] = 0.25, -0.25  # off the pixel grid, so that 0 stays a value of its own
    valid = np.zeros((5, 9), bool)
    valid[:, [0, 8]] = True
    flow10, seen = invert_flow(flow01, valid=valid)
    assert seen[1:4, 0].all() and not seen[:, 2:7].any()
    assert (flow10[1:4, :4] == -0.25).all() and (flow10[1:4, 5:] == 0.25).all()


def test_shapes_and_numbers_are_checked() -> None:
    flow = np.zeros((4, 5, 2), np.float32)
    with pytest.raises(InputError, match="flow10"):
        occlusion(flow, flow[:3])
    bad = flow.copy()
    bad[1, 2, 0] = np.inf
    with pytest.raises(InputError, match="flow01 has 1 NaN or infinite values, the first at x=2, y=1"):
        forward_backward_error(bad, flow)
    with pytest.raises(InputError, match="metric"):
        invert_flow(flow, np.zeros((2, 2), np.float32))
