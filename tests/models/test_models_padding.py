"""Do margins bring a picture to a multiple, hold what they should, and come off again?"""

from __future__ import annotations

import numpy as np
import pytest

from retempo.errors import InputError
from retempo.models.padding import Padding, find_padding, pad_to_multiple

torch = pytest.importorskip("torch")


def test_margins_are_halves_with_the_odd_pixel_right_and_below() -> None:
    assert find_padding(61, 121, 8) == Padding(left=3, right=4, top=1, bottom=2)
    assert find_padding(61, 121, 8, "zero", centred=False) == Padding(0, 7, 0, 3, "zero")
    assert find_padding(64, 128, 64) == Padding(0, 0, 0, 0)


@pytest.mark.parametrize("edge", ["reflect", "replicate", "zero"])
@pytest.mark.parametrize("centred", [True, False])
@pytest.mark.parametrize(
    ("height", "width", "multiple"), [(5, 7, 4), (3, 2, 16), (1, 1, 8), (9, 1, 4), (64, 33, 32)]
)
def test_margins_hold_what_numpy_puts_there(
    edge: str, centred: bool, height: int, width: int, multiple: int
) -> None:
    picture = torch.rand(2, 3, height, width)
    padded, margins = pad_to_multiple(picture, multiple, edge, centred=centred)
    mode = {"reflect": "reflect", "replicate": "edge", "zero": "constant"}[edge]
    sides = ((0, 0), (0, 0), (margins.top, margins.bottom), (margins.left, margins.right))
    np.testing.assert_array_equal(padded.numpy(), np.pad(picture.numpy(), sides, mode=mode))
    assert padded.shape[-2] % multiple == 0 and padded.shape[-1] % multiple == 0
    assert torch.equal(margins.crop(padded), picture)


def test_a_picture_that_fits_is_not_copied() -> None:
    picture = torch.rand(1, 3, 8, 16)
    padded, _ = pad_to_multiple(picture, 8)
    assert padded is picture


def test_gradients_pass_through_wide_mirrored_margins() -> None:
    picture = torch.rand(1, 1, 3, 3, requires_grad=True)
    padded, _ = pad_to_multiple(picture, 16)
    padded.sum().backward()
    assert picture.grad is not None and float(picture.grad.sum()) == 256.0


def test_a_multiple_below_one_is_refused() -> None:
    with pytest.raises(InputError, match="multiples of 0"):
        find_padding(4, 4, 0)
