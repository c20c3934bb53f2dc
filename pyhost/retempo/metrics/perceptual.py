"""How different do two pictures look? LPIPS: distances between the features of a trained network.

Zhang et al., "The unreasonable effectiveness of deep features as a perceptual metric", CVPR 2018, version 0.1 on
AlexNet. The network is written out here, so that its weights are all that is needed besides PyTorch: the convolutions
of torchvision's AlexNet (``features.0.weight`` ...) and the authors' five linear layers (``lin0.model.1.weight`` ...).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import torch
import torch.nn.functional as nn
from numpy.typing import NDArray

from retempo.errors import InputError

CONVOLUTIONS: Final = (("features.0", 4, 2), ("features.3", 1, 2), ("features.6", 1, 1), ("features.8", 1, 1),
                       ("features.10", 1, 1))  # fmt: skip
"""(name, stride, padding); a ReLU follows each, a maximum over 3x3 at stride 2 precedes the second and the third."""
POOLED: Final = ("features.3", "features.6")
SHIFT: Final = (-0.030, -0.088, -0.188)
SCALE: Final = (0.458, 0.448, 0.450)
SMALLEST: Final = 31
"""Pixels: the least width and height that all layers can see."""


class Lpips:
    """The distance of two pictures.

    Args:
        backbone: AlexNet's state, of which the convolutions are used.
        linear: the five linear layers' state.

    Raises:
        InputError: a weight is missing, or of another shape.
    """

    def __init__(self, backbone: Mapping[str, Any], linear: Mapping[str, Any]) -> None:
        self._layers = []
        channels = 3
        for index, (name, stride, padding) in enumerate(CONVOLUTIONS):
            weight = _take(backbone, f"{name}.weight", 4, channels)
            bias = _take(backbone, f"{name}.bias", 1, None)
            channels = weight.shape[0]
            share = _take(linear, f"lin{index}.model.1.weight", 4, channels)
            self._layers.append((name, weight, bias, share, stride, padding))

    def __call__(self, truth: NDArray[np.uint8], test: NDArray[np.uint8]) -> float:
        """Return the distance of two [H, W, 3] uint8 pictures, 0 for equal ones, seldom over 1.

        Raises:
            InputError: shapes differ, or the pictures are smaller than ``SMALLEST``.
        """
        if truth.shape != test.shape or truth.ndim != 3 or truth.shape[2] != 3:
            raise InputError(f"LPIPS compares two RGB pictures, not {truth.shape} and {test.shape}")
        if min(truth.shape[:2]) < SMALLEST:
            raise InputError(
                f"the picture is {truth.shape[1]}x{truth.shape[0]}",
                f"LPIPS needs {SMALLEST}x{SMALLEST}; leave it out with --no-lpips",
            )
        with torch.inference_mode():
            here = torch.from_numpy(np.stack([truth, test])).permute(0, 3, 1, 2).float() / 127.5 - 1
            here = (here - torch.tensor(SHIFT).view(1, 3, 1, 1)) / torch.tensor(SCALE).view(1, 3, 1, 1)
            total = 0.0
            for name, weight, bias, share, stride, padding in self._layers:
                here = nn.max_pool2d(here, 3, 2) if name in POOLED else here
                here = nn.conv2d(here, weight, bias, stride, padding).relu_()
                unit = here / (here.square().sum(1, keepdim=True).sqrt() + 1e-10)
                total += float(nn.conv2d((unit[:1] - unit[1:]).square(), share).mean())
        return total


def _take(state: Mapping[str, Any], name: str, dimensions: int, inputs: int | None) -> torch.Tensor:
    found: Any = state.get(name)
    fits = isinstance(found, torch.Tensor) and found.ndim == dimensions
    if not fits or (inputs is not None and found.shape[1] != inputs):
        raise InputError(f"the LPIPS weights have no {name} of the right shape", "use version 0.1 on AlexNet")
    return found.detach().float().contiguous()
