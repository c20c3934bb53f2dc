"""Do the losses measure what their formulas say, each pixel by itself?"""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from retempo.errors import InputError
from retempo.models.losses import charbonnier, geometry, laplacian, ternary


@pytest.fixture
def pair() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(3)
    one, other = (torch.rand(2, 3, 11, 9, dtype=torch.float64, generator=generator) for _ in range(2))
    return one, other


def slow_census(one: Tensor, other: Tensor, patch: int) -> float:
    """Mean over all pixels of [N, C, H, W]; the rim counts as 0."""
    count, channels, height, width = one.shape
    rim, total = patch // 2, 0.0

    def soft(plane: Tensor, y: int, x: int, j: int, i: int) -> float:
        difference = float(plane[y + j, x + i] - plane[y, x])
        return difference / math.sqrt(0.81 + difference**2)

    steps = [(j, i) for j in range(-rim, rim + 1) for i in range(-rim, rim + 1)]
    for a, b in zip(one.flatten(0, 1), other.flatten(0, 1), strict=True):
        for y in range(rim, height - rim):
            for x in range(rim, width - rim):
                errors = [(soft(a, y, x, j, i) - soft(b, y, x, j, i)) ** 2 for j, i in steps]
                total += sum(e / (0.1 + e) for e in errors) / len(steps)
    return total / (count * channels * height * width)


def test_charbonnier_is_the_soft_absolute_error() -> None:
    given = torch.tensor([0.0, 0.3, -0.4], dtype=torch.float64)
    expected = (1e-3 + math.sqrt(0.09 + 1e-6) + math.sqrt(0.16 + 1e-6)) / 3
    assert float(charbonnier(given)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("patch", [3, 7])
def test_ternary_equals_the_slow_census_of_the_greys(pair: tuple[Tensor, Tensor], patch: int) -> None:
    greys = [one.mean(1, keepdim=True) for one in pair]
    assert float(ternary(*pair, patch)) == pytest.approx(slow_census(*greys, patch), rel=1e-9)


def test_geometry_equals_the_slow_census_of_each_channel(pair: tuple[Tensor, Tensor]) -> None:
    assert float(geometry(*pair)) == pytest.approx(slow_census(*pair, 3), rel=1e-9)


def test_only_the_census_of_pictures_spares_the_truth(pair: tuple[Tensor, Tensor]) -> None:
    one, other = (part.clone().requires_grad_() for part in pair)
    ternary(one, other).backward()
    assert other.grad is None and one.grad is not None and float(one.grad.abs().sum()) > 0
    geometry(one, other).backward()
    assert other.grad is not None and float(other.grad.abs().sum()) > 0


def test_census_is_blind_to_brightness(pair: tuple[Tensor, Tensor]) -> None:
    assert float(ternary(pair[0] + 0.25, pair[0])) < 1e-20 < 1e-3 < float(ternary(*pair))


def slow_reduce(plane: Tensor) -> Tensor:
    """[H, W] -> every second pixel of the binomial blur."""
    return slow_blur(plane)[::2, ::2]


def slow_blur(plane: Tensor) -> Tensor:
    height, width = plane.shape
    weights = {-2: 1, -1: 4, 0: 6, 1: 4, 2: 1}

    def reflected(index: int, size: int) -> int:
        return -index if index < 0 else 2 * (size - 1) - index if index >= size else index

    made = torch.zeros_like(plane)
    for y in range(height):
        for x in range(width):
            made[y, x] = sum(
                weights[j] * weights[i] * plane[reflected(y + j, height), reflected(x + i, width)] / 256
                for j in weights
                for i in weights
            )
    return made


@pytest.mark.parametrize("growth", [1.0, 2.0])
def test_laplacian_equals_the_slow_pyramid(pair: tuple[Tensor, Tensor], growth: float) -> None:
    expected = 0.0
    for one, other in zip(pair[0].flatten(0, 1), pair[1].flatten(0, 1), strict=True):
        bands = []
        smaller = [slow_reduce(one), slow_reduce(other)]
        for plane, small in zip((one, other), smaller, strict=True):
            grown = torch.zeros_like(plane)
            grown[::2, ::2] = 4 * small
            bands.append(plane - slow_blur(grown))
        expected += float((bands[0] - bands[1]).abs().mean()) / 6
        expected += growth * float((smaller[0] - smaller[1]).abs().mean()) / 6
    assert float(laplacian(*pair, levels=2, growth=growth)) == pytest.approx(expected, rel=1e-9)


def test_laplacian_sees_a_colour_that_is_off_everywhere() -> None:
    truth = torch.rand(1, 3, 40, 40)
    assert float(laplacian(truth + 0.1, truth, 5, 2.0)) == pytest.approx(1.6, rel=1e-5)


def test_laplacian_spans_every_size_and_says_what_is_too_small() -> None:
    assert float(laplacian(torch.rand(1, 3, 17, 41), torch.rand(1, 3, 17, 41))) > 0
    with pytest.raises(InputError, match=r"16x16 is too small for 5 levels.*17"):
        laplacian(torch.rand(1, 3, 16, 16), torch.rand(1, 3, 16, 16))


def test_census_says_what_does_not_fit() -> None:
    with pytest.raises(InputError, match="6x40 is smaller than a neighbourhood"):
        ternary(torch.rand(1, 3, 40, 6), torch.rand(1, 3, 40, 6))
    with pytest.raises(InputError, match="both need one shape"):
        geometry(torch.rand(1, 3, 8, 8), torch.rand(1, 4, 8, 8))
