"""Do motions that lead forwards tell where a made pixel comes from, holes included?"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from retempo.errors import InputError
from retempo.models.fields import fields_of_forward

HEIGHT, WIDTH = 6, 16


def steady(dx: float) -> Tensor:
    """A picture that moves by dx pixels."""
    flow = torch.zeros(1, 2, HEIGHT, WIDTH)
    flow[:, 0] = dx
    return flow


def test_a_steady_motion_is_known_everywhere() -> None:
    found = fields_of_forward(steady(2.0), steady(-6.0), None, None, 0.25)
    assert torch.equal(found.flow_t0, steady(-2.0)), "also left, where only the later frame arrives"
    assert torch.equal(found.flow_t1, steady(6.0)), "also right, where only the earlier frame arrives"
    assert torch.equal(found.share0[..., :2], torch.zeros(1, 1, HEIGHT, 2)), "the later frame alone shows it"
    assert torch.equal(found.share0[..., 2:10], torch.full((1, 1, HEIGHT, 8), 0.75))
    assert torch.equal(found.share0[..., 10:], torch.ones(1, 1, HEIGHT, 6)), (
        "the earlier frame alone shows it"
    )


def test_the_metric_decides_who_is_in_front() -> None:
    forward, still = steady(0.0), steady(0.0)
    forward[:, 0, :, 2:6] = 4.0  # a block moves over what stands
    front = torch.zeros(1, 1, HEIGHT, WIDTH)
    front[..., 2:6] = 20.0
    block = torch.full((2, 4), -4.0)
    assert torch.allclose(fields_of_forward(forward, still, front, None, 0.5).flow_t0[0, 0, :2, 6:10], block)
    behind = fields_of_forward(forward, still, -front, None, 0.5).flow_t0[0, 0, :2, 6:10]
    assert torch.allclose(behind, torch.zeros(2, 4), atol=1e-6)
    average = fields_of_forward(forward, still, None, None, 0.5).flow_t0[0, 0, :2, 6:10]
    assert torch.allclose(average, block / 2)


@pytest.mark.parametrize("time", [0.0, 1.0])
def test_at_an_end_of_the_gap_one_motion_is_none(time: float) -> None:
    found = fields_of_forward(steady(4 * time), steady(-4 * (1 - time)), None, None, time)
    assert torch.equal(found.flow_t0, steady(-4 * time)) and torch.equal(
        found.flow_t1, steady(4 * (1 - time))
    )


def test_each_sample_has_its_instant() -> None:
    time = torch.tensor([0.25, 0.5]).view(2, 1, 1, 1)
    found = fields_of_forward(steady(4.0) * time, steady(-4.0) * (1 - time), None, None, time)
    assert torch.equal(found.flow_t0, -4 * time * steady(1.0)) and found.share0[:, 0, 0, 8].tolist() == [
        0.75,
        0.5,
    ]


def test_motions_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InputError, match="expected \\[N, 2, H, W\\] twice"):
        fields_of_forward(steady(1.0), steady(1.0)[..., :8], None, None, 0.5)
    with pytest.raises(InputError, match="instants of shape"):
        fields_of_forward(steady(1.0), steady(1.0), None, None, torch.rand(1, 1, HEIGHT, WIDTH))
