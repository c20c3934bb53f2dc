"""Is FILM's network the published one: names, sizes, order of what is put together, where it looks?"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from retempo.models.film import ENGINE

torch = pytest.importorskip("torch")
from retempo.models.film.network import FEATURES, Film, Layer, build_pyramid, warp  # noqa: E402

NAMES = Path(__file__).parents[2] / "fixtures" / "engines" / "film.txt"
PEERS = Path(os.environ.get("RETEMPO_PEERS_CODE", "")) / "film"


@pytest.fixture(scope="module")
def network() -> Film:
    torch.manual_seed(0)
    return Film().eval().requires_grad_(False)


def test_names_and_shapes_are_the_published_ones() -> None:
    with torch.device("meta"):
        state = ENGINE.build("style").state_dict()
    told = [f"{name} {'x'.join(map(str, tensor.shape))}" for name, tensor in state.items()]
    assert sorted(told) == sorted(NAMES.read_text().split("\n")[:-1])


def test_parameters_are_as_many_as_published() -> None:
    with torch.device("meta"):
        made = Film()
    counts = [
        sum(one.numel() for one in part.parameters()) for part in (made.extract, made.predict_flow, made.fuse)
    ]
    assert counts == [4_685_376, 7_326_328, 22_424_963]
    assert {variant.parameters for variant in ENGINE.variants} == {sum(counts)}
    assert FEATURES == (64, 192, 448, 960, 960, 960, 960)


def test_engine_tells_of_itself_without_torch() -> None:
    import subprocess

    code = "import sys; from retempo.models.film import ENGINE; sys.exit('torch' in sys.modules or not ENGINE.name)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_warping_reads_where_the_flow_points_and_repeats_the_edge() -> None:
    source = torch.arange(15.0).reshape(1, 1, 3, 5)
    flow = torch.zeros(1, 2, 3, 5)
    flow[:, 0], flow[:, 1] = 1.5, -1.0
    rows = torch.tensor([0, 0, 1])
    columns = torch.tensor([1.5, 2.5, 3.5, 4.0, 4.0])
    assert torch.allclose(warp(source, flow)[0, 0], 5.0 * rows[:, None] + columns, atol=1e-5)


def test_an_even_kernel_looks_right_and_down() -> None:
    layer = Layer(1, 1, 2, linear=True)
    with torch.no_grad():
        layer[0].weight.copy_(torch.tensor([[0.0, 0], [0, 1]]).view(1, 1, 2, 2))
        layer[0].bias.fill_(0)
        made = layer(torch.arange(1.0, 7).reshape(1, 1, 2, 3))
    assert made[0, 0].tolist() == [[5.0, 6.0, 0.0], [0.0, 0.0, 0.0]]


def test_activation_is_leaky_by_a_fifth() -> None:
    layer = Layer(1, 1, 1)
    with torch.no_grad():
        layer[0].weight.fill_(1)
        layer[0].bias.fill_(0)
        assert layer(torch.tensor([-5.0, 5.0]).view(1, 1, 1, 2)).flatten().tolist() == [-1.0, 5.0]


def test_features_of_a_level_begin_with_its_own(network: Film) -> None:
    pictures = build_pyramid(torch.rand(1, 3, 64, 64))
    assert torch.allclose(pictures[1], pictures[0].unfold(2, 2, 2).unfold(3, 2, 2).mean((-1, -2)))
    features = network.extract(pictures)
    assert [one.shape[1] for one in features] == list(FEATURES)
    trees = [network.extract.extract_sublevels(picture, 4) for picture in pictures[:4]]
    expected = (trees[3][0], trees[2][1], trees[1][2], trees[0][3])
    for found, wanted in zip(features[3].split((64, 128, 256, 512), 1), expected, strict=True):
        assert torch.allclose(found, wanted, atol=1e-6)
    assert torch.equal(features[0], trees[0][0])


def test_flow_doubles_from_level_to_level_and_predictors_sit_where_they_belong() -> None:
    """Predictors that always say one constant vector, each its own."""
    with torch.device("meta"):
        estimator = Film().predict_flow
    said = {id(estimator._predictor): 1.0}
    for place, predictor in enumerate(estimator._predictors):
        said[id(predictor)] = (0.5, 0.25, 0.125)[place]  # levels 2, 1, 0

    def speak(module: Any, inputs: Any, output: Any) -> torch.Tensor:
        return torch.full((1, 2, *inputs[0].shape[-2:]), said[id(module)])

    for predictor in (estimator._predictor, *estimator._predictors):
        predictor.forward = lambda a, b: a
        predictor.register_forward_hook(speak)
    features = [torch.zeros(1, 1, 64 >> level, 128 >> level) for level in range(7)]
    flows = estimator(features, features)
    values = [float(flow.mean()) for flow in flows]
    assert values == [
        2 * (2 * (2 * 15 + 0.5) + 0.25) + 0.125,
        2 * (2 * 15 + 0.5) + 0.25,
        2 * 15 + 0.5,
        15.0,
        7.0,
        3.0,
        1.0,
    ]
    assert all(flow.shape == (1, 2, *one.shape[-2:]) for flow, one in zip(flows, features, strict=True))


def test_what_is_fused_stands_in_the_published_order(network: Film, monkeypatch: pytest.MonkeyPatch) -> None:
    x0, x1 = torch.rand(2, 1, 3, 64, 64)
    seen: list[Any] = []
    monkeypatch.setattr(network.fuse, "forward", lambda aligned: seen.extend(aligned) or torch.zeros(1))
    prepared = network.prepare(x0, x1)
    still = prepared._replace(
        forward=[torch.zeros_like(one) for one in prepared.forward],
        backward=[torch.full_like(one, 2.0) for one in prepared.backward],
    )
    _, to0, to1 = network.render(still, torch.tensor([[0.25]]))
    assert [one.shape[1] for one in seen] == [1930, 1930, 906, 394, 138]
    finest = seen[-1]
    warped = warp(torch.cat((x0, network.extract(build_pyramid(x0))[0]), 1), torch.full((1, 2, 64, 64), 0.5))
    assert torch.allclose(finest[:, :67], warped, atol=1e-5)
    assert torch.allclose(finest[:, 67:70], x1, atol=1e-5)
    assert torch.equal(finest[:, 134:136], to0) and torch.equal(finest[:, 136:138], to1)
    assert float(to0.mean()) == 0.5 and float(to1.abs().max()) == 0


def test_a_batch_has_its_own_times(network: Film) -> None:
    x0, x1 = torch.rand(2, 2, 3, 64, 64)
    together, *flows = network.render(network.prepare(x0, x1), torch.tensor([[0.5], [0.25]]))
    alone = network(x0[1:], x1[1:], torch.tensor(0.25).view(1, 1, 1, 1))
    assert torch.allclose(together[1:], alone, atol=1e-5)
    assert not torch.allclose(together[:1], alone, atol=1e-5) and len(flows) == 2


@pytest.mark.skipif(
    not (PEERS / "interpolator.py").is_file(),
    reason="$RETEMPO_PEERS_CODE/film has no copy of dajes/frame-interpolation-pytorch",
)
@pytest.mark.parametrize("size", [(64, 64), (128, 192), (70, 130)])
def test_pictures_equal_those_of_the_port(
    size: tuple[int, int], network: Film, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(PEERS))
    peer = importlib.import_module("interpolator").Interpolator().eval()
    torch.manual_seed(1)
    with torch.no_grad():  # larger weights than at the beginning of a training, so that flow moves pixels
        state = {
            name: torch.randn_like(one) * (2 / (one[0].numel() if one.ndim > 1 else 100)) ** 0.5
            for name, one in peer.state_dict().items()
        }
        peer.load_state_dict(state)
        ours = Film().eval()
        ours.load_state_dict(state, strict=True)
        x0, x1 = torch.rand(2, 1, 3, *size)
        time = torch.full((1, 1), 0.5)
        wanted = peer(x0, x1, time)
        assert float(wanted.abs().max()) > 1
        assert torch.allclose(ours(x0, x1, time), wanted, atol=1e-4)
