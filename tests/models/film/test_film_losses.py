"""Are FILM's three losses the published ones, and is VGG-19 asked for where it is needed?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from retempo.errors import InputError, UsageError
from retempo.models.engine import Batch
from retempo.models.film import ENGINE

torch = pytest.importorskip("torch")
import torch.nn.functional as functional  # noqa: E402

from retempo.models.film.losses import SCALES, WEIGHTS, compare_features, compare_styles  # noqa: E402
from retempo.models.vgg import Vgg, gram, open_vgg  # noqa: E402

MEAN = torch.tensor([123.68, 116.779, 103.939]).view(1, 3, 1, 1)


class Mix(torch.nn.Module):
    """A network with one number to learn."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor(0.25))

    def forward(self, x0: Any, x1: Any, time: Any) -> Any:
        return x0 * self.weight + x1 * (1 - self.weight) * time * 2


@pytest.fixture(scope="module")
def state() -> dict[str, Any]:
    torch.manual_seed(5)
    made = Vgg((1.0,) * 3, (0.0,) * 3)
    return {name: one.detach() for name, one in made.state_dict().items()}


@pytest.fixture(scope="module")
def weights(state: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As torchvision publishes them, with layers that are not looked at."""
    path = tmp_path_factory.mktemp("vgg") / "vgg19.pth"
    torch.save({**state, "features.32.bias": torch.ones(512), "classifier.6.bias": torch.ones(1000)}, path)
    return path


@pytest.fixture
def batch() -> Batch:
    torch.manual_seed(6)
    return Batch(tuple(torch.rand(2, 1, 3, 16, 32)), torch.rand(1, 3, 16, 32), torch.full((1, 1, 1, 1), 0.5))


def slow_features(state: dict[str, Any], net: Any) -> list[Any]:
    """conv1_2, conv2_2, conv3_2, conv4_2 and conv5_2 one by one, of a normalised picture."""
    found = []
    for place in (0, 2, "pool", 5, 7, "pool", 10, 12, 14, 16, "pool", 19, 21, 23, 25, "pool", 28, 30):
        if place == "pool":
            net = functional.avg_pool2d(net, 2)
            continue
        weight, bias = state[f"features.{place}.weight"], state[f"features.{place}.bias"]
        net = functional.conv2d(functional.pad(net, (1, 1, 1, 1)), weight, bias).clamp_min(0)
        if place in (2, 7, 12, 21, 30):
            found.append(net)
    return found


def test_l1_is_the_mean_absolute_error(batch: Batch) -> None:
    network = Mix()
    loss = ENGINE.objective("l1")(network, batch)
    made = 0.25 * batch.frames[0] + 0.75 * batch.frames[1]
    assert torch.isclose(loss, (made - batch.truth).abs().mean())
    loss.backward()
    assert network.weight.grad is not None


def test_weights_of_the_losses_are_the_published_ones() -> None:
    assert WEIGHTS["style", 1] == (1, 1, 0) and WEIGHTS["style", 2] == (1, 0.25, 40)
    assert WEIGHTS["vgg", 1] == (1, 1, 0) and WEIGHTS["vgg", 2] == (1, 0.25, 0)
    assert pytest.approx((0.384615, 0.208333, 0.270270, 0.178571, 6.666667), abs=1e-6) == SCALES


def test_torchvision_weights_see_pictures_as_they_were_trained(
    weights: Path, state: dict[str, Any], batch: Batch
) -> None:
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    deviation = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    found = open_vgg(str(weights))(batch.truth)
    wanted = slow_features(state, (batch.truth - mean) / deviation)
    assert [one.shape[1] for one in found] == [64, 128, 256, 512, 512]
    for one, other in zip(found, wanted, strict=True):
        assert torch.allclose(one, other, atol=1e-5)


def test_style_loss_equals_its_parts(weights: Path, batch: Batch) -> None:
    network, eye = Mix(), open_vgg(str(weights))
    loss = ENGINE.objective("style", vgg=str(weights))(network, batch)
    made = 0.25 * batch.frames[0] + 0.75 * batch.frames[1]
    seen, true = eye(made), eye(batch.truth)
    features = sum(scale * (a - b).abs().mean() / 255 for scale, a, b in zip(SCALES, seen, true, strict=True))
    style = 0.0
    for scale, a, b in zip(SCALES, seen, true, strict=True):
        flat = [one[0].reshape(one.shape[1], -1).double() / 255 for one in (a, b)]
        grams = [torch.einsum("cn,dn->cd", one, one) / one.shape[1] for one in flat]
        style += float(scale * ((grams[0] - grams[1]) ** 2).mean())
    expected = (made - batch.truth).abs().mean() + 0.25 * features + 40 * style
    assert torch.isclose(loss, expected.float(), rtol=1e-4)
    loss.backward()
    assert float(network.weight.grad.abs()) > 0
    first = ENGINE.objective("vgg", vgg=str(weights), stage=1)(network, batch)
    assert torch.isclose(first, (made - batch.truth).abs().mean() + features, rtol=1e-4)


def test_features_and_styles_are_compared_as_published() -> None:
    made = [torch.full((1, 2, 2, 2), 255.0 * n) for n in range(1, 6)]
    truth = [torch.zeros(1, 2, 2, 2) for _ in made]
    assert torch.isclose(
        compare_features(made, truth), torch.tensor(sum(n * s for n, s in enumerate(SCALES, 1)))
    )
    assert torch.isclose(
        compare_styles(made, truth), torch.tensor(sum(n**4 * s for n, s in enumerate(SCALES, 1)))
    )
    features = torch.tensor([[1.0, 2, 3, 4], [0, 1, 0, 1]]).view(1, 2, 2, 2)
    assert gram(features)[0].tolist() == [[7.5, 1.5], [1.5, 0.5]]


def test_the_authors_file_is_read(state: dict[str, Any], tmp_path: Path, batch: Batch) -> None:
    """``imagenet-vgg-verydeep-19.mat``: 43 layers; convolutions hold weights [H, W, in, out] and biases."""
    scipy_io = pytest.importorskip("scipy.io", reason="SciPy reads files of MatConvNet")
    import numpy as np

    layers = np.empty((1, 43), object)
    for place in range(43):
        layer: dict[str, Any] = {"name": f"layer{place}", "type": "relu"}
        if f"features.{place}.weight" in state:
            held = np.empty((1, 2), object)
            held[0, 0] = state[f"features.{place}.weight"].permute(2, 3, 1, 0).numpy()
            held[0, 1] = state[f"features.{place}.bias"].numpy()[:, None]
            layer = {"name": f"layer{place}", "type": "conv", "weights": held}
        layers[0, place] = layer
    path = tmp_path / "imagenet-vgg-verydeep-19.mat"
    scipy_io.savemat(path, {"layers": layers})
    found = open_vgg(str(path))(batch.truth)
    for one, other in zip(found, slow_features(state, batch.truth * 255 - MEAN), strict=True):
        assert torch.allclose(one, other, rtol=1e-4, atol=1e-3)


def test_vgg_is_asked_for_and_what_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"VGG-19.*verydeep-19\.mat"):
        ENGINE.objective("style")
    with pytest.raises(InputError, match=r"vgg19\.pth is not there"):
        ENGINE.objective("vgg", vgg=str(tmp_path / "vgg19.pth"))
    torch.save({"features.0.weight": torch.ones(64, 3, 3, 3)}, tmp_path / "other.pth")
    with pytest.raises(InputError, match="not the weights of VGG-19"):
        ENGINE.objective("vgg", vgg=str(tmp_path / "other.pth"))
    pytest.importorskip("scipy.io")
    (tmp_path / "other.mat").write_bytes(b"no numbers")
    with pytest.raises(InputError, match="no VGG-19 of MatConvNet"):
        ENGINE.objective("vgg", vgg=str(tmp_path / "other.mat"))


def test_options_are_read_from_text() -> None:
    options = ENGINE.objective_options
    assert options["stage"].kind("1") == 1 and options["vgg"].kind("a.mat") == "a.mat"
    with pytest.raises(ValueError, match="1 or 2"):
        options["stage"].kind("3")
