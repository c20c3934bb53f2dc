"""Is CSPA of the size that was published, does it make the middle of any size, and how far does it look?"""

from __future__ import annotations

from typing import Any

import pytest
import torch

from retempo.errors import InputError, TimingError
from retempo.models.cspa import ENGINE
from retempo.models.cspa.adapter import CspaInterpolator
from retempo.models.cspa.losses import measure
from retempo.models.cspa.network import BOUND, GROUPS, TAPS, Align, Cspa, reach
from retempo.models.engine import Batch
from retempo.models.texture import texture_consistency


@pytest.fixture(scope="module")
def small() -> Any:
    """A network of few channels whose taps look far aside."""
    torch.manual_seed(1)
    network = Cspa(channels=8, width=8, blocks=1)
    with torch.no_grad():
        for name, one in network.named_parameters():
            if name.startswith("align") and ".conv2." in name:
                one.normal_(std=0.5)
            if name.endswith("conv2.bias"):
                one.uniform_(-3 * BOUND, 3 * BOUND)
    return network


def make_pair(height: int, width: int, dtype: Any = torch.float32) -> list[Any]:
    generator = torch.Generator().manual_seed(7)
    return [torch.rand(1, 3, height, width, generator=generator, dtype=dtype) for _ in range(2)]


def test_it_has_the_published_number_of_parameters() -> None:
    with torch.device("meta"):
        network = ENGINE.build("base")
    count = sum(one.numel() for one in network.parameters())
    assert count == ENGINE.variants[0].parameters
    assert round(count / 1e6, 1) == 28.9


def test_conversion_is_strict() -> None:
    with torch.device("meta"):
        network = ENGINE.build("base")
    state = {f"module.{name}": torch.zeros(one.shape) for name, one in network.state_dict().items()}
    assert list(ENGINE.convert(state, "base")) == list(network.state_dict())
    state.pop("module.align0.weight")
    with pytest.raises(InputError, match=r"align0\.weight is missing"):
        ENGINE.convert(state, "base")


def test_alignment_begins_at_rest_and_half_open() -> None:
    torch.manual_seed(2)
    align = Align(8)
    source, other = (torch.rand(1, 8, 6, 6) for _ in range(2))
    expected = torch.nn.functional.conv2d(0.5 * source, align.weight, align.bias, padding=1)
    torch.testing.assert_close(align(source, other), expected)


def test_the_first_channels_are_rows_and_columns_of_the_taps() -> None:
    """All taps look one pixel down (the even channels of the offsets): the result moves up."""
    torch.manual_seed(3)
    align = Align(8)
    with torch.no_grad():
        align.conv2.bias[0 : 2 * GROUPS * TAPS : 2] = BOUND * torch.atanh(torch.tensor(1 / BOUND))
    source = torch.rand(1, 8, 6, 6)
    rested = Align(8)
    rested.load_state_dict({**align.state_dict(), "conv2.bias": torch.zeros(3 * GROUPS * TAPS)})
    torch.testing.assert_close(align(source, source)[:, :, 1:4], rested(source, source)[:, :, 2:5])


@pytest.mark.parametrize(("height", "width"), [(16, 24), (13, 18), (1, 3)])
def test_the_middle_of_any_size(small: Any, height: int, width: int) -> None:
    window = CspaInterpolator(small, "cspa:base").prepare(make_pair(height, width))
    made = window.render(0.5)
    assert made.image.shape == (1, 3, height, width) and made.image.isfinite().all() and made.fields is None
    with pytest.raises(TimingError, match="halfway"):
        window.render(0.25)


def test_nothing_beyond_its_reach_matters(small: Any) -> None:
    """One column of a strip is changed: how far do results change?"""
    network = Cspa(channels=8, width=8, blocks=1).double()
    network.load_state_dict(small.state_dict())
    earlier, later = make_pair(8, 640, torch.float64)
    changed = earlier.clone()
    changed[..., 320] += 1.0
    with torch.no_grad():
        apart = (network(changed, later) - network(earlier, later)).abs().amax((0, 1, 2))
    touched = apart.nonzero().flatten()
    farthest = int((touched - 320).abs().max())
    assert 80 < farthest <= reach(blocks=1)
    assert reach() <= (ENGINE.capabilities.halo or 0)


def test_a_tile_with_its_halo_is_what_the_whole_is(small: Any) -> None:
    network = Cspa(channels=8, width=8, blocks=1).double()
    network.load_state_dict(small.state_dict())
    earlier, later = make_pair(8, 640, torch.float64)
    halo = reach(blocks=1) + -reach(blocks=1) % 4
    begin, end = 320, 344
    with torch.no_grad():
        whole = network(earlier, later)[..., begin:end]
        part = network(*(one[..., begin - halo : end + halo] for one in (earlier, later)))[..., halo:-halo]
    torch.testing.assert_close(part, whole)


def test_the_loss_adds_up_and_reaches_all_weights(small: Any) -> None:
    earlier, later = make_pair(10, 14)
    batch = Batch((earlier, later), (earlier + later) / 2, torch.full((1, 1, 1, 1), 0.5))
    loss = measure(small, batch)
    loss.backward()
    with torch.no_grad():
        made = CspaInterpolator(small, "").prepare([earlier, later]).render(0.5).image
        expected = (made - batch.truth).abs().mean() + 0.1 * texture_consistency(made, earlier, later)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    assert all(one.grad is not None and one.grad.abs().sum() > 0 for one in small.parameters())
