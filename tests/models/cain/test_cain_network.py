"""Is CAIN's network the published one, and does its engine make the frame halfway of any size?"""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from retempo.errors import InputError, TimingError
from retempo.models.base import Interpolator, PreparedWindow
from retempo.models.cain import CAPABILITIES, ENGINE
from retempo.models.engine import Batch
from retempo.models.weights import read_tensors

torch = pytest.importorskip("torch")
import torch.nn.functional as functional  # noqa: E402

from retempo.models.cain.network import AttentionBlock, Cain, ChannelAttention, MirroredConv  # noqa: E402

NAMES = Path(__file__).parents[2] / "fixtures" / "engines" / "cain.txt"
PEERS = Path(os.environ.get("RETEMPO_PEERS_CODE", "")) / "cain"


@pytest.fixture(scope="module")
def network() -> Cain:
    torch.manual_seed(0)
    return Cain().eval().requires_grad_(False)


class Echo(torch.nn.Module):
    """In place of the interpolation: hands back the first picture's channels, and remembers what it saw."""

    def forward(self, pair: Any) -> Any:
        self.seen = pair
        return pair[:, :192] * 1.0


@pytest.fixture
def echo() -> Cain:
    with torch.device("meta"):
        made = Cain().eval()
    made.encoder.interpolate = Echo()
    return made


def test_names_and_shapes_are_the_published_ones() -> None:
    with torch.device("meta"):
        made = ENGINE.build("base")
    told = [f"{name} {'x'.join(map(str, tensor.shape))}" for name, tensor in made.state_dict().items()]
    assert sorted(told) == sorted(NAMES.read_text().splitlines())
    assert sum(one.numel() for one in made.parameters()) == 42_780_432 == ENGINE.variants[0].parameters


def test_engine_tells_of_itself_without_torch() -> None:
    code = "import sys; from retempo.models.cain import ENGINE; sys.exit('torch' in sys.modules or not ENGINE.name)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_blocks_of_pixels_become_channels_in_the_published_order(echo: Cain) -> None:
    """Channel 64 c + 8 y + x of a block is channel c of its pixel (x, y); the earlier picture comes first."""
    x1, x2 = torch.rand(2, 2, 3, 128, 256)
    echo(x1, x2)
    seen = echo.encoder.interpolate.seen
    assert seen.shape == (2, 384, 16, 32)
    mean1, mean2 = x1[1, 2].mean(), x2[1, 0].mean()
    assert torch.allclose(
        seen[1, 64 * 2 + 8 * 3 + 5, 4, 7], x1[1, 2, 4 * 8 + 3, 7 * 8 + 5] - mean1, atol=1e-6
    )
    assert torch.allclose(seen[1, 192 + 8 * 6 + 1, 2, 9], x2[1, 0, 2 * 8 + 6, 9 * 8 + 1] - mean2, atol=1e-6)


@pytest.mark.parametrize("size", [(70, 130), (128, 128), (37, 61)])
def test_means_are_mixed_and_margins_mirrored_and_cropped(echo: Cain, size: tuple[int, int]) -> None:
    x1, x2 = torch.rand(2, 1, 3, *size)
    before = x1.clone()
    made, features = echo(x1, x2)
    means = [one.mean((2, 3), keepdim=True) for one in (x1, x2)]
    assert torch.equal(x1, before)
    assert torch.allclose(made, x1 - means[0] + (means[0] + means[1]) / 2, atol=1e-6)
    padded = functional.pixel_shuffle(features, 8)[0]
    top, left = (-size[0] % 128) // 2, (-size[1] % 128) // 2
    assert padded.shape[-1] % 128 == 0 == padded.shape[-2] % 128
    if top and left:
        assert torch.allclose(padded[:, top - 1, left - 1], (x1 - means[0])[0, :, 1, 1], atol=1e-6)


def test_training_takes_multiples_of_eight_as_they_are(echo: Cain) -> None:
    assert echo.train()(*torch.rand(2, 1, 3, 24, 40))[1].shape == (1, 192, 3, 5)


def test_convolutions_see_the_picture_mirrored() -> None:
    conv = MirroredConv()
    with torch.no_grad():
        conv.conv.weight.zero_()
        conv.conv.bias.zero_()
        conv.conv.weight[0, 0, 0, 0] = 1  # the pixel above and to the left
        made = conv(torch.arange(9.0).reshape(1, 1, 3, 3).expand(1, 192, 3, 3))
    assert made[0, 0].tolist() == [[4.0, 3.0, 4.0], [1.0, 0.0, 1.0], [4.0, 3.0, 4.0]]


def test_attention_is_a_factor_of_the_means() -> None:
    attention = ChannelAttention()
    net = torch.rand(2, 192, 5, 3)
    with torch.no_grad():
        first, _, second, _ = attention.conv_du
        inner = functional.relu(functional.linear(net.mean((2, 3)), first.weight[:, :, 0, 0], first.bias))
        factor = torch.sigmoid(functional.linear(inner, second.weight[:, :, 0, 0], second.bias))
        assert first.weight.shape == (12, 192, 1, 1)
        assert torch.allclose(attention(net), net * factor[:, :, None, None], atol=1e-6)


def test_a_block_is_added_to_what_came_in() -> None:
    block = AttentionBlock()
    assert block.body[1].negative_slope == 0.2
    net = torch.rand(1, 192, 4, 4)
    with torch.no_grad():
        block.body[2].conv.weight.zero_()
        block.body[2].conv.bias.zero_()
        assert torch.equal(block(net), net)


def test_the_authors_file_becomes_the_network(tmp_path: Path) -> None:
    """A training's checkpoint: an epoch, an optimiser, and names that a parallel training put a word before."""
    with torch.device("meta"):
        wanted = Cain().state_dict()
    state = {
        name: torch.arange(float(one.shape[0])).view(-1, *[1] * (one.ndim - 1)).expand(one.shape)
        for name, one in wanted.items()
    }
    held = {f"module.{name}": one for name, one in state.items()}
    path = tmp_path / "pretrained_cain.pth"
    torch.save({"epoch": 7, "state_dict": held, "optimizer": {"state": {}}, "best_psnr": 34.6}, path)
    found = ENGINE.convert(read_tensors(path), "base")
    assert list(found) == list(wanted) and all(torch.equal(found[name], state[name]) for name in wanted)
    del held["module.encoder.interpolate.tailConv.bias"]
    with pytest.raises(
        InputError, match=r"not the weights of cain: encoder\.interpolate\.tailConv\.bias is missing"
    ):
        ENGINE.convert(held, "base")


def test_groups_and_all_are_added_to_what_came_in(network: Cain) -> None:
    """The real network on little pictures: head, five groups each with its skip, the long skip, tail."""
    x1, x2 = torch.rand(2, 1, 3, 16, 24)
    means = [one.mean((2, 3), keepdim=True) for one in (x1, x2)]
    blocks = [functional.pixel_unshuffle(one - mean, 8) for one, mean in zip((x1, x2), means, strict=True)]
    parts = network.encoder.interpolate
    head = functional.conv2d(torch.cat(blocks, 1), parts.headConv.weight, parts.headConv.bias, padding=1)
    net = head
    for group in parts.body:
        came = net
        for block in group.body:
            net = block(net)
        net = net + came
    tail = functional.conv2d(net + head, parts.tailConv.weight, parts.tailConv.bias, padding=1)
    made, features = network.train()(x1, x2)
    network.eval()
    assert torch.allclose(features, tail, atol=1e-5)
    assert torch.allclose(made, functional.pixel_shuffle(tail, 8) + (means[0] + means[1]) / 2, atol=1e-5)


def test_engine_makes_the_frame_halfway(echo: Cain) -> None:
    engine = ENGINE.adapt(echo.train(), "cain:base")
    assert isinstance(engine, Interpolator) and engine.capabilities is CAPABILITIES
    assert not CAPABILITIES.any_time and not CAPABILITIES.fields
    images = torch.rand(2, 1, 3, 37, 61)
    window = engine.prepare(list(images))
    assert isinstance(window, PreparedWindow) and window.nbytes == 4 * 3 * 37 * 61
    made = window.render(0.5)
    assert made.fields is None and made.image.shape == (1, 3, 37, 61) and bool(made.image.isfinite().all())
    assert torch.equal(made.image, echo(*images)[0]) and not echo.training
    with pytest.raises(TimingError, match="halfway"):
        window.render(0.75)
    with pytest.raises(InputError, match="1 frames"):
        engine.prepare([images[0]])


def test_loss_is_the_mean_absolute_error() -> None:
    class Mean(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.tensor(0.5))

        def forward(self, x1: Any, x2: Any) -> Any:
            return (x1 + x2) * self.weight, None

    x1, x2, truth = torch.rand(3, 2, 3, 8, 8)
    network = Mean()
    loss = ENGINE.objective("base")(network, Batch((x1, x2), truth, torch.full((2, 1, 1, 1), 0.5)))
    assert torch.isclose(loss, ((x1 + x2) / 2 - truth).abs().mean())
    loss.backward()
    assert network.weight.grad is not None


@pytest.mark.skipif(
    not (PEERS / "model" / "cain.py").is_file(),
    reason="$RETEMPO_PEERS_CODE/cain has no copy of myungsub/CAIN",
)
@pytest.mark.parametrize("size", [(128, 128), (71, 97), (130, 250)])
def test_pictures_equal_those_of_the_authors(
    size: tuple[int, int], network: Cain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(PEERS))
    peer = importlib.import_module("model.cain").CAIN(3).eval()
    peer.load_state_dict(network.state_dict(), strict=True)
    x1, x2 = torch.rand(2, 1, 3, *size)
    with torch.no_grad():
        wanted, features = peer(x1.clone(), x2.clone())
    made, ours = network(x1, x2)
    assert torch.allclose(made, wanted, atol=1e-5) and torch.allclose(ours, features, atol=1e-5)
