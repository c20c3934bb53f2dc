"""Do IFRNet's losses measure what the paper writes?"""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from retempo.models.engine import Batch
from retempo.models.ifrnet import ENGINE
from retempo.models.ifrnet.losses import distances, distil
from retempo.models.ifrnet.network import IfrNet, Interpolated, Refined, mean_of
from retempo.models.losses import charbonnier, geometry, ternary


@pytest.fixture(scope="module")
def batch() -> Batch:
    generator = torch.Generator().manual_seed(4)
    pictures = [torch.rand(2, 3, 32, 48, generator=generator) for _ in range(3)]
    flows = [torch.randn(2, 2, 32, 48, generator=generator) for _ in range(2)]
    time = torch.tensor([0.25, 0.5]).view(2, 1, 1, 1)
    return Batch((pictures[0], pictures[1]), pictures[2], time, (flows[0], flows[1]))


@pytest.fixture(scope="module")
def small() -> IfrNet:
    torch.manual_seed(6)
    return IfrNet("small")


def test_the_published_sum(batch: Batch, small: IfrNet) -> None:
    loss = ENGINE.objective("small")
    mean = mean_of(*batch.frames)
    first, second = (one - mean for one in batch.frames)
    found = small.refine(small.encode(first), small.encode(second), batch.time)
    made = small.merge(first, second, mean, found)
    truth = small.encode(batch.truth - mean)
    assert batch.flows is not None
    expected = charbonnier(made.image - batch.truth) + ternary(made.image, batch.truth)
    for level in range(3):
        expected = expected + 0.01 * geometry(found.features[level], truth[level])
    torch.testing.assert_close(loss(small, batch._replace(flows=None)), expected)
    expected = expected + 0.01 * distil(found, made, batch.flows)
    torch.testing.assert_close(loss(small, batch), expected)


def test_distillation_trusts_the_teacher_where_the_network_is_near() -> None:
    """One pixel by hand: the teacher says (3, 4) and nothing, the network (0, 0) and nothing; levels agree with it."""
    still = torch.zeros(1, 2, 8, 8)
    levels = [torch.zeros(1, 2, 8 >> level, 8 >> level) for level in range(4)]
    taught = torch.tensor([3.0, 4.0]).view(1, 2, 1, 1).expand(1, 2, 8, 8)
    mask = torch.zeros(1, 1, 8, 8)
    found = Refined(levels, levels, mask, torch.zeros(1, 3, 8, 8), [])
    made = Interpolated(torch.zeros(1, 3, 8, 8), still, still, mask)

    def cost(error: float, apart: float) -> float:
        power = math.exp(-0.3 * apart)
        return (error**2 + (10 ** (-(10 * power - 1) / 3)) ** 2) ** (power / 2)

    expected = 3 * ((cost(3, 5) + cost(4, 5)) / 2 + cost(0, 0))
    assert float(distil(found, made, (taught, still))) == pytest.approx(expected, rel=1e-5)


def test_distances_are_the_part_of_the_way() -> None:
    def tell(back: float, ahead: float, time: Tensor) -> Tensor:
        picture = torch.zeros(1, 3, 1, 1)
        there, here = (torch.tensor([dx, 0.0]).view(1, 2, 1, 1) for dx in (back, ahead))
        return distances(Batch((picture, picture), picture, time, (there, here)))

    half = torch.full((1, 1, 1, 1), 0.5)
    assert float(tell(-2, 6, half)) == pytest.approx(0.25, abs=1e-3)
    assert float(tell(0, 0, half)) == 0.5, "what stands still goes by the time"
    assert float(tell(2, 6, half)) == 0.0, "kept within the gap"
    told = torch.rand(1, 1, 2, 2)
    assert tell(-2, 6, told) is told, "a map of the batch's own counts"


@pytest.mark.parametrize("variant", ["base-d", "base-dr"])
def test_networks_that_are_told_distances_learn(variant: str, batch: Batch) -> None:
    torch.manual_seed(8)
    network = IfrNet(variant)
    small = Batch((batch.frames[0][:1], batch.frames[1][:1]), batch.truth[:1], batch.time[:1])
    for _ in range(3):  # chance decides which reference base-dr gets
        loss = ENGINE.objective(variant)(network, small)
        loss.backward()
    assert loss.ndim == 0 and all(one.grad is not None for one in network.parameters())


def test_the_distance_is_what_the_network_is_told(batch: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    network = IfrNet("base-d")
    told: list[Tensor] = []
    refine = network.refine
    monkeypatch.setattr(network, "refine", lambda *given: told.append(given[2]) or refine(*given))
    ENGINE.objective("base-d")(network, batch)
    assert torch.equal(told[0], distances(batch)) and told[0].shape == (2, 1, 32, 48)
