"""Is it SoftSplat: the published names, the layers as its code has them?"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

from retempo import ops
from retempo.errors import InputError
from retempo.models.softsplat import ENGINE, PARAMETERS
from retempo.models.softsplat.grid import Grid, Softmetric
from retempo.models.softsplat.motion import correlate, resize_flow
from retempo.models.softsplat.network import SoftSplatNet, at_instant, splat, statistics, weight_of

FIXTURE = Path(__file__).resolve().parents[2] / "fixtures" / "engines" / "softsplat.txt"


def published() -> dict[str, tuple[int, ...]]:
    """Names and shapes of the authors' tensors; names hold spaces."""
    lines = [line.rpartition(" ") for line in FIXTURE.read_text().splitlines()]
    return {name: tuple(map(int, shape.split("x"))) for name, _, shape in lines}


@pytest.fixture(scope="module")
def network() -> SoftSplatNet:
    """Weights by chance, everything a little off its start."""
    torch.manual_seed(1)
    made = SoftSplatNet().eval()
    with torch.no_grad():
        for one in made.parameters():
            one.add_(torch.randn_like(one) * (0.03 if one.ndim > 1 else 0.05))
    return made


def test_names_shapes_and_number_are_the_published_ones(network: SoftSplatNet) -> None:
    assert {name: tuple(one.shape) for name, one in network.state_dict().items()} == published()
    assert sum(one.numel() for one in network.parameters()) == PARAMETERS


def test_the_published_file_says_module_for_net(network: SoftSplatNet) -> None:
    state = {name: torch.randn(shape) for name, shape in published().items()}
    theirs = {name.replace("net", "module"): one for name, one in state.items()}
    assert "moduleSynthesis.0x0 - 1x0.moduleMain.1.weight" in theirs
    found = ENGINE.convert(theirs, "lf")
    assert list(found) == list(network.state_dict()) and all(torch.equal(found[k], state[k]) for k in state)
    theirs.pop("moduleFlow.moduleSixth.moduleMain.0.bias")
    with pytest.raises(InputError, match=r"netFlow.netSixth.netMain.0.bias is missing"):
        ENGINE.convert(theirs, "l1")


def test_correlation_goes_row_by_row_over_81_shifts() -> None:
    torch.manual_seed(2)
    one, two = torch.randn(2, 5, 6, 7), torch.randn(2, 5, 6, 7)
    volume = correlate(one, two)
    assert volume.shape == (2, 81, 6, 7)
    expected = (one[1, :, 2, 3] * two[1, :, 2 - 2, 3 + 3]).mean()
    torch.testing.assert_close(volume[1, 9 * (-2 + 4) + 3 + 4, 2, 3], expected)
    assert float(volume[0, 9 * (-3 + 4) + 4, 2, 3]) == 0.0, "nothing is outside"


def test_a_flow_grows_with_the_width() -> None:
    grown = resize_flow(torch.ones(1, 2, 4, 4), (8, 12))
    assert torch.equal(grown, torch.full((1, 2, 8, 12), 3.0))


def test_statistics_are_those_of_both_pictures_together() -> None:
    one, two = torch.rand(2, 3, 8, 6), torch.rand(2, 3, 8, 6) * 0.3
    both = torch.cat([one, two], 3).flatten(1)
    mean, std = statistics(one, two)
    torch.testing.assert_close(mean.flatten(), both.mean(1))
    torch.testing.assert_close(std.flatten(), both.std(1, correction=0))


def test_splats_divide_as_the_published_network_does() -> None:
    """By hand: a pixel with exponent -20 lands half on each of two; their 1e-7 leaves a hundredth of it."""
    payload, flow = torch.zeros(1, 1, 1, 3), torch.full((1, 2, 1, 3), 100.0)
    payload[..., 0], flow[..., 0] = 7.0, torch.tensor([0.5, 0.0]).view(1, 2, 1)
    for exponent in (-20.0, 0.0):
        weight = 0.5 * torch.exp(torch.tensor(exponent)).item()
        made = splat(payload, flow, torch.full((1, 1, 1, 3), exponent))
        expected = 7.0 * weight / (weight + 1e-7)
        torch.testing.assert_close(made.flatten(), torch.tensor([expected, expected, 0.0]), rtol=1e-5, atol=0)
        exact = ops.splat(payload, flow, torch.full((1, 1, 1, 3), exponent)).out
        torch.testing.assert_close(exact.flatten(), torch.tensor([7.0, 7.0, 0.0]))


def test_what_is_farther_behind_weighs_less_within_bounds() -> None:
    metric = torch.tensor([-50.0, -1.0, 0.0, 3.0, 50.0]).view(1, 1, 1, 5)
    assert weight_of(metric).flatten().tolist() == [20.0, 1.0, 0.0, -3.0, -20.0]


def test_instants_share_motions_and_metrics(network: SoftSplatNet) -> None:
    with torch.no_grad():
        pair = network.look(torch.rand(1, 3, 16, 16), torch.rand(1, 3, 16, 16))
    flows, metrics = at_instant(pair, 0.25)
    assert torch.equal(flows[0], 0.25 * pair.flows[0]) and torch.equal(flows[1], 0.75 * pair.flows[1])
    torch.testing.assert_close(metrics[0], 0.5 * pair.metrics[0])
    torch.testing.assert_close(metrics[1], 1.5 * pair.metrics[1])


def test_a_grid_leads_down_then_up() -> None:
    """Which blocks run, in which order, of a grid with one column down and one up."""
    grid = Grid((4, 6, 8), 1, 1)
    seen: list[str] = []
    for name, block in grid.named_children():
        block.register_forward_hook(lambda *_, name=name: seen.append(name))
    made = grid.walk(grid.descend([torch.rand(1, 4, 7, 9), None, None]))
    assert made.shape == (1, 4, 7, 9), "odd sides: what is a pixel too large is cut"
    assert seen == ["0x0 - 1x0", "1x0 - 2x0", "2x0 - 2x1", "1x0 - 1x1", "2x1 - 1x1", "0x0 - 0x1", "1x1 - 0x1"]


def test_the_metric_sees_the_picture_and_how_badly_features_fit() -> None:
    torch.manual_seed(3)
    metric = Softmetric().eval()
    one = torch.rand(1, 35, 16, 16)
    seen: list[Tensor] = []
    metric.netError.register_forward_hook(lambda _, given, made: seen.append(given[0]))
    with torch.no_grad():
        metric(one, one, torch.zeros(1, 2, 16, 16))
        metric(one, one.roll(1, 3), torch.tensor([1.0, 0.0]).view(1, 2, 1, 1).expand(1, 2, 16, 16))
    assert float(seen[0].abs().max()) < 1e-5
    assert float(seen[1][..., :-1].abs().max()) < 1e-4
    torch.testing.assert_close(seen[1][..., -1], one[..., -1].mean(1, keepdim=True), atol=1e-4, rtol=0)


@pytest.mark.skipif(
    not (Path(os.environ.get("RETEMPO_PEERS_CODE", "/nowhere")) / "softsplat").is_dir(),
    reason="$RETEMPO_PEERS_CODE/softsplat does not hold the authors' code, with operators for the CPU",
)
def test_equals_the_authors_code(network: SoftSplatNet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(os.environ["RETEMPO_PEERS_CODE"]) / "softsplat"))
    theirs = importlib.import_module("run").Network().eval()
    for name in ("run", "softsplat", "correlation"):
        sys.modules.pop(name, None)
    theirs.load_state_dict(network.state_dict(), strict=True)
    pictures = torch.rand(2, 3, 66, 90), torch.rand(2, 3, 66, 90)
    with torch.no_grad():
        for one, other in zip(network(*pictures, [0.2, 0.5]), theirs(*pictures, [0.2, 0.5]), strict=True):
            torch.testing.assert_close(one, other, atol=1e-4, rtol=0)
