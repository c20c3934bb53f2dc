"""Is NeuFlow the published network in size, names and arithmetic, and does it take any picture?

The comparison wants the network as others wrote it: ``ptlflow``, where it can be imported. The authors' weights could
not be had when this was written; it is made with random ones.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from raft_networks import shifted_pair, torch

from retempo.errors import InputError, UsageError, WeightsError
from retempo.flow.catalog import Weights, parse_flow
from retempo.flow.neuflow.estimator import NeuFlowFlow, convert
from retempo.flow.neuflow.network import NeuFlow, match

FIXTURE = Path(__file__).resolve().parents[1] / "fixtures" / "neuflow_names.json"
DIGEST = "0123456789abcdef" * 4


@lru_cache(1)
def random_state() -> dict[str, Any]:
    """Weights of no use, the same each time; they find motions of some pixels."""
    with torch.random.fork_rng():
        torch.manual_seed(7)
        state = NeuFlow().state_dict()
        for name, one in state.items():
            if name.endswith("running_mean"):
                one.normal_(0, 0.1)
            elif name.endswith("running_var"):
                one.uniform_(0.5, 1.5)
        return state


def load_random(name: str) -> Weights:
    assert name == "neuflow-v2"
    return Weights(random_state(), DIGEST)


def test_as_many_parameters_as_published() -> None:
    assert sum(one.numel() for one in NeuFlow().parameters()) == 9_029_536


def test_published_names_and_shapes_fit_one_to_one() -> None:
    names = json.loads(FIXTURE.read_text())
    published = {f"module.{name}": torch.zeros(shape) for name, shape in names.items()}
    assert {name: list(one.shape) for name, one in convert(published).items()} == names
    published["module.more"] = torch.zeros(1)
    with pytest.raises(InputError, match="more is not of this network"):
        convert(published)


def test_matching_is_a_mean_of_places() -> None:
    """Where one place is far more alike than all others, the flow leads there; where all are, to the middle."""
    second = torch.zeros(1, 30, 5, 6)
    second[0, torch.arange(30), torch.arange(30) // 6, torch.arange(30) % 6] = 1
    first = torch.roll(second, (1, -2), (2, 3)) * 1000
    flow = match(first, second)[0]
    torch.testing.assert_close(flow[:, 2, 2], torch.tensor([2.0, -1.0]))
    middle = match(torch.zeros_like(first), second)[0]
    torch.testing.assert_close(middle[:, 0, 0], torch.tensor([2.5, 2.0]))


@pytest.mark.parametrize(("height", "width"), [(1, 1), (45, 61), (131, 250)])
def test_any_size(height: int, width: int) -> None:
    for flow in NeuFlowFlow(random_state(), DIGEST[:8], iterations=2).estimate(*shifted_pair(height, width)):
        assert flow.shape == (height, width, 2) and flow.dtype == np.float32 and np.isfinite(flow).all()


def test_the_second_flow_is_that_of_the_swapped_pair() -> None:
    one, other = shifted_pair(96, 112)
    network = NeuFlowFlow(random_state(), DIGEST[:8])
    forth, back = network.estimate(one, other)
    swapped_forth, swapped_back = network.estimate(other, one)
    np.testing.assert_allclose(forth, swapped_back, atol=1e-3)
    np.testing.assert_allclose(back, swapped_forth, atol=1e-3)
    assert np.abs(forth - back).max() > 0.1


def test_what_is_not_stored_gives_the_same() -> None:
    pair = shifted_pair(96, 112)
    stored, lazy = (
        NeuFlowFlow(random_state(), DIGEST[:8], memory=memory).estimate(*pair)[0] for memory in (1024, 0)
    )
    np.testing.assert_allclose(lazy, stored, atol=1e-3)


def test_settings_and_mistakes() -> None:
    (one,) = parse_flow("neuflow,iterations=4", working_scale=0.5, device="cpu", load_weights=load_random)
    assert one.name == "neuflow,iterations=4,scale=0.5,weights=01234567"
    with pytest.raises(UsageError, match="no preset 'large'"):
        parse_flow("neuflow:large", load_weights=load_random)
    with pytest.raises(UsageError, match="iterations is 0"):
        parse_flow("neuflow,iterations=0", load_weights=load_random)
    with pytest.raises(WeightsError, match="neuflow-v2"):
        parse_flow("neuflow,weights=ffffffff", load_weights=load_random)


@pytest.mark.slow
def test_same_flow_as_ptlflow() -> None:
    try:
        from ptlflow.models.neuflow2.neuflow2 import NeuFlow2
    except ImportError as error:
        pytest.skip(f"ptlflow cannot be imported: {error}")
    peer = NeuFlow2().eval()
    peer.load_state_dict(random_state())
    ours = NeuFlow()
    ours.load_state_dict(random_state())
    pair = [torch.from_numpy(one).permute(2, 0, 1)[None].contiguous() for one in shifted_pair(160, 192)]
    with torch.no_grad():
        for found, order in zip(ours(*pair), (pair, pair[::-1]), strict=True):
            expected = peer({"images": torch.stack(order, 1)})["flows"][:, 0]
            near = 1e-4 * max(1.0, float(expected.abs().max()) / 10)
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=near)
