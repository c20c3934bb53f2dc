"""Does IFRNet do at work what an engine promises?"""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction
from typing import Any

import pytest
import torch
from torch import Tensor

from retempo.errors import InputError, TimingError, UsageError
from retempo.models.base import Interpolator
from retempo.models.ifrnet import ENGINE, build
from retempo.models.ifrnet.adapter import multiple_of
from retempo.models.ifrnet.network import IfrNet
from retempo.models.registry import load_engine, parse_engine


@pytest.fixture(scope="module")
def networks() -> dict[str, IfrNet]:
    """Two networks whose motion is not all but nothing."""
    torch.manual_seed(5)
    found = {}
    for variant in ("small", "base-dr"):
        network = build(variant)
        assert isinstance(network, IfrNet)
        with torch.no_grad():
            for one in network.parameters():
                one.add_(torch.randn_like(one) * (0.02 if one.ndim > 1 else 0.1))
        found[variant] = network
    return found


@pytest.fixture(scope="module")
def pair() -> list[Tensor]:
    generator = torch.Generator().manual_seed(2)
    return [torch.rand(2, 3, 45, 61, generator=generator) for _ in range(2)]


def engine(network: IfrNet, **options: Any) -> Interpolator:
    return ENGINE.adapt(network, "ifrnet:test", **options)


def test_importing_the_engine_imports_no_torch() -> None:
    code = "import sys, retempo.models.ifrnet as one; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_any_size_and_time_and_fields_of_the_same_size(
    networks: dict[str, IfrNet], pair: list[Tensor]
) -> None:
    window = engine(networks["small"]).prepare(pair)
    made = window.render(0.3)
    assert made.fields is not None and made.image.shape == pair[0].shape
    assert [tuple(one.shape[1:]) for one in made.fields] == [(2, 45, 61), (2, 45, 61), (1, 45, 61)]
    assert float(made.image.min()) >= 0 and float(made.image.max()) <= 1
    assert float(made.fields.share0.min()) > 0 and float(made.fields.share0.max()) < 1
    assert not torch.equal(made.image, window.render(0.7).image)
    assert window.nbytes > 2 * pair[0].numel() * 4
    with pytest.raises(TimingError, match="outside the gap"):
        window.render(1.5)


@pytest.mark.parametrize("variant", ["small", "base-dr"])
def test_a_map_that_says_the_same_everywhere_is_that_instant(
    networks: dict[str, IfrNet], pair: list[Tensor], variant: str
) -> None:
    window = engine(networks[variant]).prepare(pair)
    plain, mapped = window.render(0.3), window.render(torch.full((2, 1, 45, 61), 0.3))
    torch.testing.assert_close(mapped.image, plain.image, atol=1e-5, rtol=0)
    two = window.render(torch.cat([torch.full((2, 1, 45, 30), 0.1), torch.full((2, 1, 45, 31), 0.9)], 3))
    assert not torch.allclose(two.image, plain.image, atol=1e-3)


def test_each_sample_of_a_batch_is_by_itself(networks: dict[str, IfrNet], pair: list[Tensor]) -> None:
    both = engine(networks["small"]).prepare(pair).render(torch.tensor([0.2, 0.8]).view(2, 1, 1, 1))
    alone = engine(networks["small"]).prepare([one[1:] for one in pair]).render(0.8)
    torch.testing.assert_close(both.image[1:], alone.image, atol=1e-5, rtol=0)


def test_margins_are_half_on_either_side_and_repeat_the_edge(
    networks: dict[str, IfrNet], pair: list[Tensor]
) -> None:
    """45x61 becomes 48x64: one pixel before, two after (SNU-FILM's padding of the authors)."""
    network = networks["small"]
    padded = [torch.nn.functional.pad(one, (1, 2, 1, 2), mode="replicate") for one in pair]
    with torch.no_grad():
        expected = network(*padded, torch.full((1, 1, 1, 1), 0.5))[..., 1:46, 1:62]
    assert torch.equal(engine(network).prepare(pair).render(0.5).image, expected)


@pytest.mark.parametrize(("scale", "multiple"), [("1", 16), ("4/5", 20), ("1/2", 32), ("2", 8), ("3/4", 64)])
def test_a_scale_pads_so_that_whole_sixteenths_come_out(
    scale: str, multiple: int, networks: dict[str, IfrNet], pair: list[Tensor]
) -> None:
    assert multiple_of(Fraction(scale)) == multiple
    made = engine(networks["small"], scale=Fraction(scale)).prepare(pair).render(0.5)
    assert made.image.shape == pair[0].shape


def test_steps_lead_to_the_instant_by_way_of_references(networks: dict[str, IfrNet]) -> None:
    network = networks["base-dr"]
    pictures = [torch.rand(1, 3, 32, 32) for _ in range(2)]
    quarter, half, none = (torch.full((1, 1, 1, 1), value) for value in (0.25, 0.5, 0.0))
    with torch.no_grad():
        one = network(*pictures, half, reference=(pictures[0], none))
        before = network(*pictures, quarter, reference=(pictures[0], none))
        two = network(*pictures, half, reference=(before, quarter))
    assert torch.equal(engine(network, steps=1).prepare(pictures).render(0.5).image, one)
    assert torch.equal(engine(network).prepare(pictures).render(0.5).image, two)
    assert not torch.allclose(one, two, atol=1e-4)


def test_what_does_not_fit_is_refused(networks: dict[str, IfrNet], pair: list[Tensor]) -> None:
    with pytest.raises(InputError, match="this engine takes 2"):
        engine(networks["small"]).prepare(pair[:1])


@pytest.mark.parametrize("said", ["scale=0", "scale=1/0", "scale=half", "scale=0.33", "steps=0", "steps=1.5"])
def test_wrong_options_are_refused(said: str) -> None:
    with pytest.raises(UsageError, match=f"ifrnet: {said}"):
        parse_engine(f"ifrnet:base,{said}")


def test_options_reach_the_engine_and_its_name() -> None:
    found = load_engine("ifrnet:small,scale=0.8", allow_untrained=True)
    assert found.name == "ifrnet:small,scale=0.8,untrained=0"
    assert parse_engine("ifrnet").variant.name == "base" and parse_engine(
        "ifrnet:small,scale=4/5"
    ).options == {"scale": Fraction(4, 5)}
