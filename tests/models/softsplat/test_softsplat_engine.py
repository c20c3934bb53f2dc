"""Does SoftSplat do at work, and in training, what an engine promises?"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as functional
from torch import Tensor

from retempo.errors import InputError, TimingError, UsageError
from retempo.models.base import Interpolator
from retempo.models.engine import Batch
from retempo.models.losses import laplacian
from retempo.models.registry import load_engine
from retempo.models.softsplat import ENGINE, build
from retempo.models.softsplat.losses import look_deep
from retempo.models.softsplat.network import SoftSplatNet
from retempo.models.vgg import Vgg


@pytest.fixture(scope="module")
def network() -> SoftSplatNet:
    torch.manual_seed(4)
    made = build("l1")
    assert isinstance(made, SoftSplatNet)
    with torch.no_grad():
        for one in made.parameters():
            one.add_(torch.randn_like(one) * (0.03 if one.ndim > 1 else 0.05))
    return made


@pytest.fixture(scope="module")
def engine(network: SoftSplatNet) -> Interpolator:
    return ENGINE.adapt(network, "softsplat:test")


@pytest.fixture(scope="module")
def pair() -> list[Tensor]:
    generator = torch.Generator().manual_seed(2)
    return [torch.rand(2, 3, 41, 53, generator=generator) for _ in range(2)]


def test_importing_the_engine_imports_no_torch() -> None:
    code = "import sys, retempo.models.softsplat as one; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_pictures_are_bgr_and_padded_right_and_below(
    engine: Interpolator, network: SoftSplatNet, pair: list[Tensor]
) -> None:
    padded = [torch.nn.functional.pad(one.flip(1), (0, 1, 0, 1), mode="replicate") for one in pair]
    with torch.no_grad():
        expected = network(*padded, [0.3])[0][..., :41, :53].flip(1)
    torch.testing.assert_close(engine.prepare(pair).render(0.3).image, expected, atol=1e-6, rtol=0)


def test_fields_follow_the_motion_that_it_splats_with(engine: Interpolator, pair: list[Tensor]) -> None:
    window = engine.prepare(pair)
    made = window.render(0.5)
    assert made.fields is not None
    assert [tuple(one.shape) for one in made.fields] == [(2, 2, 41, 53), (2, 2, 41, 53), (2, 1, 41, 53)]
    assert all(bool(one.isfinite().all()) for one in made.fields)
    assert set(made.fields.share0.unique().tolist()) <= {0.0, 0.5, 1.0}
    start = window.render(0.0)
    assert start.fields is not None and float(start.fields.flow_t0.abs().max()) == 0.0
    assert window.nbytes > (3 + 32 + 4) * pair[0][:, :1].numel() * 2 * 4


def test_each_sample_of_a_batch_has_its_instant(engine: Interpolator, pair: list[Tensor]) -> None:
    both = engine.prepare(pair).render(torch.tensor([0.2, 0.8]).view(2, 1, 1, 1))
    alone = engine.prepare([one[1:] for one in pair]).render(0.8)
    torch.testing.assert_close(both.image[1:], alone.image, atol=1e-4, rtol=0)


def test_what_it_cannot_do_is_refused(engine: Interpolator, pair: list[Tensor]) -> None:
    window = engine.prepare(pair)
    with pytest.raises(TimingError, match="outside the gap"):
        window.render(-0.1)
    with pytest.raises(InputError, match="takes no map of instants"):
        window.render(torch.full((2, 1, 41, 53), 0.5))
    with pytest.raises(InputError, match="this engine takes 2"):
        engine.prepare(pair[:1])


def test_it_is_found_by_name() -> None:
    found = load_engine("softsplat:lf", allow_untrained=True)
    assert found.name == "softsplat:lf,untrained=0" and found.capabilities.any_time


def test_the_loss_is_that_of_the_pyramids_and_reaches_every_weight() -> None:
    torch.manual_seed(7)
    fresh = SoftSplatNet()
    pictures = [torch.rand(2, 3, 34, 40) for _ in range(3)]
    time = torch.tensor([0.25, 0.5]).view(2, 1, 1, 1)
    loss = ENGINE.objective("l1")(fresh, Batch((pictures[0], pictures[1]), pictures[2], time))
    made = fresh(pictures[0].flip(1), pictures[1].flip(1), [time])[0].flip(1)
    torch.testing.assert_close(loss, laplacian(made, pictures[2], growth=2.0))
    loss.backward()
    dead = [name for name, one in fresh.named_parameters() if one.grad is None or not bool(one.grad.any())]
    assert not dead


def test_the_loss_of_features_needs_the_weights_of_vgg(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"weights are not named.*vgg=FILE.*softsplat:l1"):
        ENGINE.objective("lf")
    torch.manual_seed(9)
    eye = Vgg((1 / 0.229, 1 / 0.224, 1 / 0.225), (0.485 / 0.229, 0.456 / 0.224, 0.406 / 0.225))
    torch.save(eye.state_dict(), tmp_path / "vgg19.pth")
    fresh = SoftSplatNet()
    pictures = [torch.rand(1, 3, 16, 24) for _ in range(3)]
    batch = Batch((pictures[0], pictures[1]), pictures[2], torch.full((1, 1, 1, 1), 0.5))
    loss = ENGINE.objective("lf", vgg=str(tmp_path / "vgg19.pth"))(fresh, batch)
    made = fresh(pictures[0].flip(1), pictures[1].flip(1), [batch.time])[0].flip(1)
    torch.testing.assert_close(loss, (look_deep(eye, made) - look_deep(eye, pictures[2])).square().mean())
    loss.backward()
    assert fresh.netFlow.netFirst.netMain[0].weight.grad is not None


def test_features_are_looked_at_after_twelve_convolutions_and_three_maxima() -> None:
    """By hand: ``features[:27]`` of torchvision, layer by layer."""
    torch.manual_seed(10)
    eye = Vgg((1.0, 1.0, 1.0), (0.5, 0.5, 0.5)).eval()
    picture = torch.rand(1, 3, 16, 24)
    convolutions = ["0", "2", "m", "5", "7", "m", "10", "12", "14", "16", "m", "19", "21", "23", "25"]
    net = picture - 0.5
    for one in convolutions:
        net = functional.max_pool2d(net, 2, 2) if one == "m" else functional.relu(eye.features[one](net))
    with torch.no_grad():
        torch.testing.assert_close(look_deep(eye, picture), net.detach())
    assert net.shape == (1, 512, 2, 3)
