"""Is LPIPS the distance that its authors define?

With the published weights it was compared with the ``lpips`` package (0.1.4) on three pairs of video frames: equal to
1e-7. Here its network is compared with one written down another way, on random weights.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from retempo.errors import InputError

torch = pytest.importorskip("torch")

SHAPES = ((64, 3, 11), (192, 64, 5), (384, 192, 3), (256, 384, 3), (256, 256, 3))


def weights() -> tuple[dict[str, Any], dict[str, Any]]:
    """AlexNet's convolutions and the linear layers, with published names and shapes, and other numbers."""
    made = torch.Generator().manual_seed(3)
    backbone, linear = {}, {}
    for index, (place, (channels, inputs, size)) in enumerate(zip((0, 3, 6, 8, 10), SHAPES, strict=True)):
        spread = (inputs * size * size) ** -0.5
        backbone[f"features.{place}.weight"] = spread * torch.randn(
            channels, inputs, size, size, generator=made
        )
        backbone[f"features.{place}.bias"] = 0.1 * torch.randn(channels, generator=made)
        linear[f"lin{index}.model.1.weight"] = torch.rand(1, channels, 1, 1, generator=made)
    return backbone, linear


def as_published(backbone: dict[str, Any]) -> Any:
    """AlexNet's features as torchvision has them."""
    nn = torch.nn
    layers = [nn.Conv2d(3, 64, 11, 4, 2), nn.ReLU(), nn.MaxPool2d(3, 2), nn.Conv2d(64, 192, 5, 1, 2), nn.ReLU(),
              nn.MaxPool2d(3, 2), nn.Conv2d(192, 384, 3, 1, 1), nn.ReLU(), nn.Conv2d(384, 256, 3, 1, 1), nn.ReLU(),
              nn.Conv2d(256, 256, 3, 1, 1), nn.ReLU()]  # fmt: skip
    module = nn.Sequential(*layers)
    module.load_state_dict({name.removeprefix("features."): value for name, value in backbone.items()})
    return module


def expected(truth: np.ndarray, test: np.ndarray) -> float:
    backbone, linear = weights()
    module, total = as_published(backbone), 0.0
    shift, scale = (np.array(one) for one in ((-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)))
    with torch.inference_mode():
        one, two = (
            torch.from_numpy((((picture / 255.0) * 2 - 1 - shift) / scale).transpose(2, 0, 1)[None]).float()
            for picture in (truth, test)
        )
        for at, layer in enumerate(module):
            one, two = layer(one), layer(two)
            if at in (1, 4, 7, 9, 11):
                index = (1, 4, 7, 9, 11).index(at)
                unit = [part / part.norm(dim=1, keepdim=True) for part in (one, two)]
                share = linear[f"lin{index}.model.1.weight"].reshape(-1)
                total += float(((unit[0] - unit[1]) ** 2)[0].mean(dim=(1, 2)) @ share)
    return total


def pictures(size: tuple[int, int] = (70, 95)) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(8)
    truth = random.integers(0, 256, (*size, 3), np.uint8)
    return truth, np.clip(truth + random.normal(0, 30, truth.shape), 0, 255).astype(np.uint8)


def test_same_as_written_down_elsewhere() -> None:
    from retempo.metrics.perceptual import Lpips

    distance = Lpips(*weights())
    truth, test = pictures()
    assert distance(truth, test) == pytest.approx(expected(truth, test), rel=1e-4)
    assert distance(truth, test) > 0.01
    assert distance(truth, truth) == 0
    assert distance(test, truth) == pytest.approx(distance(truth, test))


def test_mistakes_are_named() -> None:
    from retempo.metrics.perceptual import Lpips

    backbone, linear = weights()
    truth, test = pictures((30, 90))
    with pytest.raises(InputError, match="90x30"):
        Lpips(backbone, linear)(truth, test)
    with pytest.raises(InputError, match="two RGB pictures"):
        Lpips(backbone, linear)(truth, test[1:])
    with pytest.raises(InputError, match=r"lin4\.model"):
        Lpips(backbone, {**linear, "lin4.model.1.weight": linear["lin3.model.1.weight"][:, :9]})
    with pytest.raises(InputError, match=r"features\.8\.bias"):
        Lpips({name: value for name, value in backbone.items() if name != "features.8.bias"}, linear)


def test_smallest_picture_reaches_all_layers() -> None:
    from retempo.metrics.perceptual import SMALLEST, Lpips

    truth, test = pictures((SMALLEST, SMALLEST))
    assert Lpips(*weights())(truth, test) > 0
