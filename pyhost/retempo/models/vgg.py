"""What does VGG-19 see in a picture? Its features at five depths, and their Gram matrices. The user brings the weights.

Simonyan, Zisserman, "Very deep convolutional networks for large-scale image recognition", ICLR 2015, with means in
place of maxima where it grows smaller, and no further than conv5_2.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from retempo.errors import InputError, UsageError, WeightsError
from retempo.flow.trained import fit_state

BLOCKS: Final = ((0, 2), (5, 7), (10, 12, 14, 16), (19, 21, 23, 25), (28, 30))
"""Convolutions between two reductions, by the place that both publishers count them at."""

WIDTHS: Final = (64, 128, 256, 512, 512)
SEEN: Final = frozenset((2, 7, 12, 21, 30))
"""conv1_2, conv2_2, conv3_2, conv4_2, conv5_2."""

PAGE: Final = "https://www.vlfeat.org/matconvnet/pretrained/"


class Vgg(nn.Module):
    """The first 14 convolutions of VGG-19, of which five are looked at.

    Args:
        factor, mean: what a picture in [0, 1] is multiplied by, and what is then taken off, for each of RGB.
    """

    factor: Tensor
    mean: Tensor

    def __init__(self, factor: tuple[float, ...], mean: tuple[float, ...]) -> None:
        super().__init__()
        self.register_buffer("factor", torch.tensor(factor).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.features = nn.ModuleDict()
        inputs = 3
        for block, outputs in zip(BLOCKS, WIDTHS, strict=True):
            for place in block:
                self.features[str(place)] = nn.Conv2d(inputs, outputs, 3, padding=1)
                inputs = outputs

    def forward(self, picture: Tensor) -> list[Tensor]:
        """Five sets of features, finest first, of [N, 3, H, W] in [0, 1]."""
        net = picture * self.factor - self.mean
        found = []
        for index, block in enumerate(BLOCKS):
            if index:
                net = functional.avg_pool2d(net, 2, ceil_mode=True, count_include_pad=False)
            for place in block:
                net = functional.relu(self.features[str(place)](net))
                if place in SEEN:
                    found.append(net)
        return found


def open_vgg(path: str) -> Vgg:
    """VGG-19 from a file of the user's.

    Args:
        path: ``imagenet-vgg-verydeep-19.mat``, which the authors trained with (SciPy reads it), or ``vgg19-*.pth`` of
            torchvision, whose features have another scale.

    Raises:
        UsageError: no file is named.
        InputError: it is missing, broken or of another network.
        WeightsError: SciPy is not installed.
    """
    if not path:
        raise UsageError(
            "this loss compares what VGG-19 sees, and its weights are not named",
            f"get imagenet-vgg-verydeep-19.mat from {PAGE} and give vgg=FILE, or train film:l1",
        )
    file = Path(path).expanduser()
    if not file.is_file():
        raise InputError(f"{file} is not there", "give the path of VGG-19's weights as vgg=FILE")
    if file.suffix == ".mat":
        network = Vgg((255.0, 255.0, 255.0), (123.68, 116.779, 103.939))
        state = _read_matconvnet(file)
    else:
        from retempo.models.weights import read_tensors

        deviation = (0.229, 0.224, 0.225)
        mean = (0.485, 0.456, 0.406)
        network = Vgg(
            tuple(1 / one for one in deviation), tuple(m / d for m, d in zip(mean, deviation, strict=True))
        )
        state = read_tensors(file)
    wanted = network.state_dict()
    known = {name: tensor for name, tensor in state.items() if name in wanted}
    network.load_state_dict(fit_state(known, wanted, f"VGG-19 ({file})"), strict=True)
    return network.eval().requires_grad_(False)


def _read_matconvnet(path: Path) -> Mapping[str, Tensor]:
    """Layers of a MatConvNet file: numbers alone, kernels [H, W, in, out]."""
    try:
        from scipy.io import loadmat
    except ImportError as error:
        raise WeightsError(f"{path.name} needs SciPy, which is not installed", "pip install scipy") from error
    found: dict[str, Tensor] = {}
    try:
        layers: Any = loadmat(path, simplify_cells=True)["layers"]
        for place in (place for block in BLOCKS for place in block):
            kernel, bias = (torch.as_tensor(array).float() for array in layers[place]["weights"])
            found[f"features.{place}.weight"] = kernel.permute(3, 2, 0, 1)
            found[f"features.{place}.bias"] = bias.reshape(-1)
    except Exception as error:  # a damaged file can make this reader raise nearly anything
        raise InputError(
            f"{path} is no VGG-19 of MatConvNet: {error}", f"get it again from {PAGE}"
        ) from error
    return found


def gram(features: Tensor) -> Tensor:
    """How much each two channels occur together: [N, C, H, W] -> [N, C, C], mean over the pixels."""
    flat = features.flatten(2)
    return flat @ flat.transpose(1, 2) / math.prod(features.shape[2:])
