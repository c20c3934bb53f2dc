"""Is it IFRNet: the published names and sizes, the layers as the paper's code has them?"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as functional
from torch import Tensor

from retempo.errors import InputError
from retempo.models.engine import Batch
from retempo.models.ifrnet import ENGINE
from retempo.models.ifrnet.network import IfrNet, ResBlock, mean_of, spread
from retempo.models.ifrnet.sizes import SIZES
from retempo.models.warping import look_up

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "engines"
PEERS = {"small": "IFRNet_S", "base": "IFRNet", "large": "IFRNet_L"}


def published(variant: str) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the authors' tensors; ``base-d`` is ``base`` trained otherwise."""
    lines = (FIXTURES / f"ifrnet_{variant.removesuffix('-d')}.txt").read_text().splitlines()
    return {name: tuple(map(int, shape.split("x"))) for name, shape in map(str.split, lines)}


@pytest.fixture(scope="module")
def small() -> IfrNet:
    torch.manual_seed(1)
    return shaken(IfrNet("small"))


def shaken(network: IfrNet) -> IfrNet:
    """Everything a little off its start, so that no slope or bias hides behind another."""
    with torch.no_grad():
        for one in network.parameters():
            one.add_(torch.randn_like(one) * (0.02 if one.ndim > 1 else 0.1))
    return network.eval()


@pytest.mark.parametrize("variant", SIZES)
def test_names_shapes_and_number_are_the_published_ones(variant: str) -> None:
    with torch.device("meta"):
        network = IfrNet(variant)
    assert {name: tuple(one.shape) for name, one in network.state_dict().items()} == published(variant)
    assert sum(one.numel() for one in network.parameters()) == SIZES[variant].parameters


def test_published_files_convert_with_and_without_the_wrapper(small: IfrNet) -> None:
    state = {name: torch.randn(shape) for name, shape in published("small").items()}
    wrapped = {f"module.{name}": one for name, one in state.items()}
    for given in (state, wrapped):
        found = ENGINE.convert(given, "small")
        assert list(found) == list(small.state_dict()) and all(torch.equal(found[k], state[k]) for k in state)
    with pytest.raises(InputError, match=r"not the weights of ifrnet:base.*encoder.pyramid1.0.0.weight is"):
        ENGINE.convert(state, "base")
    with pytest.raises(InputError, match=r"decoder1.convblock.2.bias is missing"):
        ENGINE.convert({k: v for k, v in state.items() if k != "decoder1.convblock.2.bias"}, "small")


def test_the_inner_convolutions_see_the_last_channels_alone() -> None:
    block = ResBlock(6, 2).eval()
    given = torch.randn(1, 6, 5, 4)
    with torch.no_grad():
        made = block(given)
        out = block.conv1(given)
        out[:, 4:] = block.conv2(out[:, 4:].clone())
        out = block.conv3(out)
        out[:, 4:] = block.conv4(out[:, 4:].clone())
        expected = functional.prelu(given + block.conv5(out), block.prelu.weight)
    torch.testing.assert_close(made, expected)


def test_flows_are_residuals_of_the_doubled_coarser_ones() -> None:
    """With decoders that say 1 for each flow at every level, flows are 1, 1 + 2, 1 + 2 (1 + 2), ..."""
    network = IfrNet("small").eval()
    with torch.no_grad():
        for decoder in (network.decoder4, network.decoder3, network.decoder2, network.decoder1):
            last = decoder.convblock[2]
            last.weight.zero_()
            last.bias.zero_()
            last.bias[:4] = torch.tensor([1.0, -1.0, 2.0, 0.5])
        pictures = torch.rand(2, 3, 32, 48)
        features = network.encode(pictures)
        found = network.refine(features, features, torch.full((1, 1, 1, 1), 0.5))
    for level, times in zip(range(4), (15, 7, 3, 1), strict=True):
        size = (2, 32 >> level, 48 >> level)
        assert found.flows0[level].shape[1:] == size and found.flows1[level].shape[1:] == size
        expected = torch.tensor([1.0, -1.0]).view(1, 2, 1, 1) * times
        torch.testing.assert_close(found.flows0[level], expected.expand(2, *size))
        torch.testing.assert_close(found.flows1[level][:, 0], torch.full((2, *size[1:]), 2.0 * times))
    assert torch.equal(found.mask, torch.full((2, 1, 32, 48), 0.5))


def test_the_mask_weighs_the_earlier_picture(small: IfrNet) -> None:
    first, second = torch.rand(1, 3, 32, 32), torch.rand(1, 3, 32, 32)
    with torch.no_grad():
        found = small.refine(small.encode(first), small.encode(second), torch.full((1, 1, 1, 1), 0.3))
        found = found._replace(mask=torch.ones_like(found.mask), residual=torch.zeros_like(found.residual))
        made = small.merge(first, second, torch.zeros(1, 1, 1, 1), found)
    torch.testing.assert_close(made.image, look_up(first, found.flows0[0]).clamp(0, 1))


def test_looking_up_repeats_the_border_and_hits_pixels() -> None:
    picture = torch.arange(12.0).view(1, 1, 3, 4)
    flow = torch.zeros(1, 2, 3, 4)
    flow[:, 0], flow[:, 1] = 1.0, -1.0
    expected = torch.tensor([[1.0, 2, 3, 3], [1, 2, 3, 3], [5, 6, 7, 7]]).view(1, 1, 3, 4)
    torch.testing.assert_close(look_up(picture, flow), expected)
    outside = expected.clone()
    outside[..., 0, :] = outside[..., 3] = 0
    torch.testing.assert_close(look_up(picture, flow, "zeros"), outside, atol=1e-5, rtol=0)


def test_one_mean_for_both_pictures_and_all_channels() -> None:
    earlier, later = torch.zeros(2, 3, 4, 4), torch.ones(2, 3, 4, 4)
    later[1] = 3.0
    assert mean_of(earlier, later).flatten().tolist() == [0.5, 1.5]


def test_a_map_of_instants_is_sampled_between_the_middle_pixels() -> None:
    ramp = torch.arange(32.0).expand(1, 1, 16, 32)
    grid = torch.zeros(1, 5, 1, 2)
    assert spread(ramp, grid).tolist() == [[[[7.5, 23.5]]]], (
        "bilinear at the centre of 16 pixels, no smoothing"
    )
    assert spread(torch.full((1, 1, 1, 1), 0.25), grid).tolist() == [[[[0.25, 0.25]]]]


def test_scaled_pictures_must_fit() -> None:
    network = IfrNet("small")
    assert network.encode(torch.rand(1, 3, 20, 40), 0.8)[3].shape[2:] == (1, 2)
    with pytest.raises(InputError, match=r"40x24 \(scale 1\) does not fit IFRNet"):
        network.encode(torch.rand(1, 3, 24, 40))
    features = network.encode(torch.rand(1, 3, 16, 16))
    with pytest.raises(InputError, match="takes no reference picture"):
        network.refine(features, features, torch.rand(1, 1, 1, 1), (features, torch.rand(1, 1, 1, 1)))


@pytest.mark.skipif(
    not (Path(os.environ.get("RETEMPO_PEERS_CODE", "/nowhere")) / "ifrnet").is_dir(),
    reason="$RETEMPO_PEERS_CODE/ifrnet does not hold the authors' code",
)
@pytest.mark.parametrize("variant", PEERS)
def test_equals_the_authors_code(variant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(os.environ["RETEMPO_PEERS_CODE"]) / "ifrnet"))
    theirs = importlib.import_module(PEERS[variant]).Model().eval()
    for name in ("loss", "utils", PEERS[variant]):
        sys.modules.pop(name, None)
    ours = shaken(IfrNet(variant))
    theirs.load_state_dict(ours.state_dict(), strict=True)
    time = torch.tensor([0.2, 0.7]).view(2, 1, 1, 1)
    for height, width, scale in ((48, 64, 1.0), (60, 40, 0.8)):
        pictures: list[Tensor] = [torch.rand(2, 3, height, width) for _ in range(2)]
        with torch.no_grad():
            expected = theirs.inference(*pictures, time, scale_factor=scale)
            torch.testing.assert_close(ours(*pictures, time, scale), expected, atol=1e-4, rtol=0)
    with torch.no_grad():
        truth, flow = torch.rand(2, 3, 48, 64), torch.randn(2, 4, 48, 64)
        frames = torch.rand(2, 3, 48, 64), torch.rand(2, 3, 48, 64)
        expected = sum(theirs(*frames, time, truth, flow)[1:])
        loss = ENGINE.objective(variant)(ours, Batch(frames, truth, time, (flow[:, :2], flow[:, 2:])))
        torch.testing.assert_close(loss, expected)
