"""Is DBVI's network the published one: names, shapes, counts, and what it computes?"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from retempo.errors import InputError
from retempo.models.dbvi import ENGINE, STAGES
from retempo.models.dbvi.network import Dbvi, explain

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "engines"


def published(variant: str) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the authors' tensors."""
    lines = (FIXTURES / f"dbvi_{variant}.txt").read_text().splitlines()
    return {name: tuple(int(one) for one in shape.split("x")) for name, shape in map(str.split, lines)}


def shake(network: Any, seed: int) -> Any:
    """Give every tensor other values, so that nothing that begins as 0 or 1 hides."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, one in network.named_parameters():
            spread = 0.3 if one.ndim == 1 else 1 / one[0].numel() ** 0.5
            one.add_(spread * torch.randn(one.shape, generator=generator))
            if ".toFlow.1." in name:
                one.mul_(0.3)  # some pixels of motion
    return network


@pytest.fixture(scope="module")
def network() -> Any:
    torch.manual_seed(0)
    return shake(Dbvi(STAGES["8x"]), 1).eval()


def make_input(height: int, width: int, count: int = 1) -> tuple[list[Any], Any, Any]:
    """Four frames in [-1, 1] and two motions on the padded picture."""
    generator = torch.Generator().manual_seed(height)
    frames = [2 * torch.rand(count, 3, height, width, generator=generator) - 1 for _ in range(4)]
    padded = (height + -height % 8, width + -width % 8)
    flows = [3 * torch.randn(count, 2, *padded, generator=generator) for _ in range(2)]
    return frames, flows[0], flows[1]


@pytest.mark.parametrize("variant", STAGES)
def test_names_shapes_and_count_are_the_published_ones(variant: str) -> None:
    with torch.device("meta"):
        state = ENGINE.build(variant).state_dict()
    assert {name: tuple(one.shape) for name, one in state.items()} == published(variant)
    declared = {one.name: one.parameters for one in ENGINE.variants}[variant]
    assert sum(one.numel() for one in state.values()) == declared
    assert declared == STAGES[variant] * 3_796_512


def test_conversion_is_strict_and_loses_nothing() -> None:
    state = {f"module.{name}": torch.full(shape, 0.5) for name, shape in published("8x").items()}
    converted = ENGINE.convert(state, "8x")
    assert list(converted) == [name.removeprefix("module.") for name in state]
    with torch.device("meta"):
        network = ENGINE.build("8x")
    network.load_state_dict(converted, strict=True, assign=True)
    with pytest.raises(InputError, match="are not the weights of dbvi:2x"):
        ENGINE.convert(state, "2x")
    del state["module.subNet_3.invConv.weight"]
    with pytest.raises(InputError, match=r"subNet_3\.invConv\.weight is missing"):
        ENGINE.convert(state, "8x")


def test_a_fresh_network_changes_nothing() -> None:
    """The heads begin at 0: the picture is the frames' mean colour, the motion stays what it was."""
    frames, flow0t, flow1t = make_input(8, 16)
    with torch.no_grad():
        found = Dbvi(1)(frames, flow0t, flow1t, torch.full((1, 1, 1, 1), 0.5))
    mean = torch.stack(frames).mean((0, 3, 4))[..., None, None]
    torch.testing.assert_close(found.images[0], mean.expand(1, 3, 8, 16))
    assert torch.equal(found.flow0t, flow0t) and torch.equal(found.flow1t, flow1t)


def test_what_does_not_explain_a_frame_is_carried_to_the_picture() -> None:
    """Everything moves one pixel to the right: the error of pixel x arrives at x + 1; outside counts nothing."""
    frame, image = torch.zeros(1, 3, 2, 5), torch.zeros(1, 3, 2, 5)
    frame[..., 2] = 1.0
    image[..., 1] = 0.25
    flow = torch.zeros(1, 2, 2, 5)
    flow[:, 0] = 1.0
    expected = torch.zeros(1, 3, 2, 5)
    expected[..., 3] = 1.0  # frame 2 shows 1, the picture at 3 has 0
    expected[..., 1] = -0.25  # frame 0 shows 0, the picture at 1 has a quarter
    torch.testing.assert_close(explain(frame, image, flow), expected)
    frame[..., 4] = 1.0  # lands at 5, outside
    torch.testing.assert_close(explain(frame, image, flow), expected)


def test_samples_of_a_batch_do_not_mix(network: Any) -> None:
    frames, flow0t, flow1t = make_input(16, 24, count=2)
    times = torch.tensor([0.25, 0.75]).view(2, 1, 1, 1)
    with torch.no_grad():
        both = network(frames, flow0t, flow1t, times).images[-1]
        alone = network([one[1:] for one in frames], flow0t[1:], flow1t[1:], times[1:]).images[-1]
    torch.testing.assert_close(both[1:], alone, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("height", "width"), [(48, 64), (37, 51)])
def test_same_pictures_as_the_authors_code(
    network: Any, height: int, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = os.environ.get("RETEMPO_PEERS_CODE")
    if code is None or not (Path(code) / "dbvi" / "rrdbnet.py").is_file():
        pytest.skip("set RETEMPO_PEERS_CODE to a folder with the authors' modules as dbvi/{rrdbnet,block}.py")
    monkeypatch.syspath_prepend(str(Path(code) / "dbvi"))
    theirs = importlib.import_module("rrdbnet").IMRRDBNet([1] * 4)
    sys.modules.pop("block", None)
    theirs.load_state_dict(network.state_dict(), strict=True)
    frames, flow0t, flow1t = make_input(height, width)
    monkeypatch.setattr(theirs, "getFt", lambda *_: (flow0t, flow1t))
    with torch.no_grad():
        expected = theirs(dict(zip(("In", "I0", "I1", "I2"), frames, strict=True)), None, 0.375)
        found = network(frames, flow0t, flow1t, torch.full((1, 1, 1, 1), 0.375))
    for one, other in zip(found.images, expected, strict=True):
        assert other.std() > 0.1
        worst = (one - other).abs().max().item()
        print(f"{width}x{height}: largest difference {worst:.2e} of {other.abs().max():.2f}")
        assert worst < 1e-4
    moved = (found.flow0t - flow0t).abs().max()
    assert moved > 0.1 and (found.flow0t - theirs.last[0]).abs().max() < 1e-3
