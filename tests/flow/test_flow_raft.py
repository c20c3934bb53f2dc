"""Is the network the published one in size, names and arithmetic, and does it take any picture?"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from raft_networks import published_names, random_state, shifted_pair, torch

from bits import assert_same_bits
from retempo.errors import InputError, UsageError, WeightsError
from retempo.flow.base import FlowEstimator
from retempo.flow.catalog import Weights, parse_flow
from retempo.flow.raft.checkpoint import convert, rename
from retempo.flow.raft.correlation import Pyramid
from retempo.flow.raft.estimator import RaftFlow
from retempo.flow.raft.network import Raft
from retempo.flow.raft.sizes import SIZES
from retempo.flow.trained import padding

DIGEST = "0123456789abcdef" * 4


def load_random(name: str) -> Weights:
    return Weights(random_state(name.removeprefix("raft-")), DIGEST)


def raft(size: str = "small", **settings: Any) -> RaftFlow:
    return RaftFlow(size, random_state(size), DIGEST[:8], **{"iterations": 2, **settings})


@pytest.fixture
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("size", SIZES)
def test_as_many_parameters_as_published(size: str) -> None:
    count = sum(one.numel() for one in Raft(size).parameters())
    assert count == SIZES[size].parameters == {"large": 5_257_536, "small": 990_162}[size]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", ["authors", "torchvision"])
def test_published_names_and_shapes_fit_one_to_one(size: str, kind: str) -> None:
    """Each tensor is marked by its place in the list; none may be lost, swapped or made up."""
    names = published_names()[size][kind]
    published = {name: torch.full(shape, float(index)) for index, (name, shape) in enumerate(names.items())}
    ours = convert(published, size)
    assert {name: list(one.shape) for name, one in ours.items()} == {
        name: list(one.shape) for name, one in Raft(size).state_dict().items()
    }
    marks = [float(one.float().mean()) for one in ours.values()]
    assert len(set(marks)) == len(marks)
    twice = sum(".norm3." in name for name in names) if (size, kind) == ("large", "authors") else 0
    assert len(names) - len(ours) == twice == (10 if (size, kind) == ("large", "authors") else 0)


@pytest.mark.parametrize("size", SIZES)
def test_both_publishers_mean_the_same_parts(size: str) -> None:
    """The same part has the same place in a run of the network, whoever lists it: convolutions come in its order."""
    orders = []
    for kind in ("authors", "torchvision"):
        renamed = rename(dict.fromkeys(published_names()[size][kind]), size)
        orders.append([name for name in renamed if name.startswith(("fnet", "cnet")) and "conv" in name])
    assert sorted(orders[0]) == sorted(orders[1])
    inside = [name for name in orders[1] if name.startswith("fnet.layer")]
    assert inside == [name for name in orders[0] if name.startswith("fnet.layer")]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.pop("fnet.conv1.bias"), "fnet.conv1.bias is missing"),
        (lambda state: state.update(extra=torch.zeros(1)), "extra is not of this network"),
        (lambda state: state.update({"fnet.conv1.bias": torch.zeros(3)}), r"is \(3,\), not \(32,\)"),
        (lambda state: state["cnet.conv2.bias"].fill_(float("nan")), "cnet.conv2.bias.*NaN"),
    ],
)
def test_weights_that_do_not_fit_are_refused(change: Any, message: str) -> None:
    state = {name: one.clone() for name, one in random_state("small").items()}
    change(state)
    with pytest.raises(InputError, match=message):
        convert(state, "small")


def test_correlations_are_scaled_dot_products_around_the_place() -> None:
    """Against loops: the window is listed x outermost, the second level is averaged, outside counts 0."""
    rng = np.random.default_rng(1)
    first, second = rng.standard_normal((2, 1, 4, 8, 10)).astype(np.float32)
    pyramid = Pyramid(torch.from_numpy(first), torch.from_numpy(second), 2, 1, 1 << 30)
    places = np.zeros((1, 2, 8, 10), np.float32)
    places[0, :, 3, 4] = 6.25, 0.5
    found = pyramid.look_up(torch.from_numpy(places))[0, :, 3, 4].numpy()
    coarse = second.reshape(1, 4, 4, 2, 5, 2).mean((3, 5))
    expected = []
    for level, features in enumerate((second, coarse)):
        alike = np.einsum("c,chw->hw", first[0, :, 3, 4], features[0]) / 2
        for dx in (-1, 0, 1):
            for dy in (-1, 0, 1):
                x, y = 6.25 / 2**level + dx, 0.5 / 2**level + dy
                value = 0.0
                for row in (int(np.floor(y)), int(np.floor(y)) + 1):
                    for column in (int(np.floor(x)), int(np.floor(x)) + 1):
                        if 0 <= row < alike.shape[0] and 0 <= column < alike.shape[1]:
                            value += (1 - abs(x - column)) * (1 - abs(y - row)) * alike[row, column]
                expected.append(value)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("reach", [3.0, 40.0, 1e7])
def test_levels_that_are_not_stored_give_the_same(reach: float) -> None:
    """Also where windows leave the picture, or lie far outside of it."""
    generator = torch.Generator().manual_seed(2)
    first, second = torch.randn((2, 1, 16, 17, 23), generator=generator)
    places = torch.randn((1, 2, 17, 23), generator=generator) * reach
    stored, lazy = (Pyramid(first, second, 3, 4, limit).look_up(places) for limit in (1 << 30, 0))
    mixed = Pyramid(first, second, 3, 4, 4 * (17 * 23) * (8 * 11)).look_up(places)
    torch.testing.assert_close(lazy, stored, atol=2e-4 if reach > 1e6 else 2e-5, rtol=0)
    torch.testing.assert_close(mixed[:, :81], lazy[:, :81], atol=0, rtol=0)
    torch.testing.assert_close(mixed[:, 81:], stored[:, 81:], atol=0, rtol=0)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (45, 61), (131, 250), (200, 128)])
def test_any_size(height: int, width: int) -> None:
    pair = shifted_pair(height, width)
    for flow in raft().estimate(*pair):
        assert flow.shape == (height, width, 2) and flow.dtype == np.float32
        assert np.isfinite(flow).all() and flow.flags["C_CONTIGUOUS"]


def test_margins_are_even_and_lead_to_multiples_of_eight() -> None:
    assert padding(1080, 1920, 8, 128) == (0, 0, 0, 0)
    assert padding(135, 250, 8, 128) == (3, 3, 0, 1)
    assert padding(100, 7, 8, 128) == (60, 61, 14, 14)
    assert padding(1080, 1920, 16, 64) == (0, 0, 4, 4)


def test_the_second_flow_is_that_of_the_swapped_pair() -> None:
    one, other = shifted_pair(136, 144)
    forth, back = raft("large").estimate(one, other)
    swapped_forth, swapped_back = raft("large").estimate(other, one)
    np.testing.assert_allclose(forth, swapped_back, atol=1e-4)
    np.testing.assert_allclose(back, swapped_forth, atol=1e-4)
    assert np.abs(forth - back).max() > 0.1


def test_same_bits_again(one_thread: None) -> None:
    torch.set_num_threads(1)
    pair = shifted_pair(136, 150)
    for first, second in zip(raft().estimate(*pair), raft().estimate(*pair), strict=True):
        assert_same_bits(first, second)


def test_settings_and_context() -> None:
    (one,) = parse_flow(
        "raft:small,iterations=3,scale=0.5",
        working_scale=1.0,
        threads=2,
        device="cpu",
        load_weights=load_random,
    )
    assert isinstance(one, RaftFlow) and isinstance(one, FlowEstimator)
    assert one.name == "raft:small,iterations=3,scale=0.5,weights=01234567"
    (two,) = parse_flow("raft,weights=0123456789", working_scale=0.25, load_weights=load_random)
    assert two.name == "raft:large,iterations=12,scale=0.25,weights=0123456789"
    assert parse_flow(two.name, load_weights=load_random)[0].name == two.name
    flow, _ = raft(working_scale=0.5).estimate(*shifted_pair(260, 300))
    assert flow.shape == (260, 300, 2)


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("raft:huge", UsageError, "'huge'.*large, small"),
        ("raft,colour=1", UsageError, "'colour'.*iterations"),
        ("raft,iterations=0", UsageError, "iterations is 0"),
        ("raft,iterations=many", UsageError, "not a number"),
        ("raft,half=1", UsageError, "half is for CUDA"),
        ("raft,memory=-1", UsageError, "memory is -1"),
        ("raft,weights=ffffffff", WeightsError, "ffffffff.*01234567"),
        ("raft,weights=0", WeightsError, "weights add"),
        ("raft+raft:large", UsageError, "twice"),
    ],
)
def test_mistakes_are_named(text: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        parse_flow(text, device="cpu", load_weights=load_random)


def test_the_rest_runs_without_pytorch() -> None:
    code = """
import sys
sys.modules["torch"] = None  # importing it fails
import numpy as np
import retempo, retempo.models.manifest, retempo.models.weights, retempo.render.frame
from retempo.flow.catalog import names, parse_flow
assert "raft:small" in names()
parse_flow("dis")[0].estimate(*np.random.default_rng(0).random((2, 40, 50, 3), dtype=np.float32))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_without_pytorch_the_error_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(WeightsError, match=r"needs PyTorch.*retempo\[torch\]"):
        parse_flow("raft", load_weights=load_random)


@pytest.mark.gpu
def test_gpu_agrees_with_cpu() -> None:
    if not torch.cuda.is_available():
        pytest.skip("PyTorch finds no CUDA device")
    pair = shifted_pair(136, 200)
    here, there, half = (
        raft("large", iterations=4, **how).estimate(*pair)[0]
        for how in ({}, {"device": "cuda"}, {"device": "cuda", "half": True})
    )
    np.testing.assert_allclose(there, here, atol=2e-3)
    assert np.abs(half - here).mean() < 0.1
