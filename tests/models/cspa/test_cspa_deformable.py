"""Is the deformable convolution what its definition says, pixel by pixel?"""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch.nn import functional

from retempo.models.cspa.deformable import convolve


def make_case(seed: int, spread: float) -> tuple[Any, ...]:
    """Features, offsets, shares, weight, bias; two groups of two channels, three outputs."""
    generator = torch.Generator().manual_seed(seed)

    def rand(*shape: int) -> Any:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    offsets, shares = spread * rand(2, 2, 9, 2, 5, 4), rand(2, 2, 9, 5, 4)
    return rand(2, 4, 5, 4), offsets, shares, rand(3, 4, 3, 3), rand(3)


def sample(plane: Any, y: float, x: float) -> float:
    """Bilinear, 0 outside."""
    height, width = plane.shape
    total = 0.0
    for row in (math.floor(y), math.floor(y) + 1):
        for column in (math.floor(x), math.floor(x) + 1):
            if 0 <= row < height and 0 <= column < width:
                total += plane[row, column].item() * (1 - abs(y - row)) * (1 - abs(x - column))
    return total


def convolve_slowly(features: Any, offsets: Any, shares: Any, weight: Any, bias: Any) -> Any:
    """The definition: aligned(x) = SUM_i s(x + i + O_i(x)) W_i(x), each through its weight."""
    count, channels, height, width = features.shape
    outputs, a_group = weight.shape[0], channels // offsets.shape[1]
    result = bias.view(1, -1, 1, 1).repeat(count, 1, height, width)
    for n in range(count):
        for y in range(height):
            for x in range(width):
                for channel in range(channels):
                    group = channel // a_group
                    for tap in range(9):
                        dy, dx = offsets[n, group, tap, :, y, x].tolist()
                        found = sample(features[n, channel], y + tap // 3 - 1 + dy, x + tap % 3 - 1 + dx)
                        found *= shares[n, group, tap, y, x].item()
                        for output in range(outputs):
                            result[n, output, y, x] += weight[output, channel, tap // 3, tap % 3] * found
    return result


@pytest.mark.parametrize("spread", [0.3, 3.0])
def test_equals_its_definition(spread: float) -> None:
    case = make_case(1, spread)
    torch.testing.assert_close(convolve(*case), convolve_slowly(*case), rtol=1e-9, atol=1e-9)


def test_without_offsets_it_is_a_convolution() -> None:
    features, offsets, shares, weight, bias = make_case(2, 0.0)
    expected = functional.conv2d(features, weight, bias, padding=1)
    torch.testing.assert_close(convolve(features, offsets, torch.ones_like(shares), weight, bias), expected)


def test_whole_offsets_shift_and_groups_look_apart() -> None:
    """Group 0 looks one pixel down, group 1 two to the right."""
    features, offsets, shares, weight, _ = make_case(3, 0.0)
    offsets[:, 0, :, 0] = 1.0
    offsets[:, 1, :, 1] = 2.0
    wide = functional.pad(features, (3, 3, 3, 3))
    moved = torch.cat([wide[:, :2, 3:10, 2:8], wide[:, 2:, 2:9, 4:10]], dim=1)
    expected = functional.conv2d(moved, weight)
    torch.testing.assert_close(convolve(features, offsets, torch.ones_like(shares), weight), expected)


def test_gradients_are_right() -> None:
    features, offsets, shares, weight, bias = (one.requires_grad_() for one in make_case(4, 0.4))
    assert torch.autograd.gradcheck(
        convolve, (features, offsets, shares, weight, bias), atol=1e-4, fast_mode=True
    )
