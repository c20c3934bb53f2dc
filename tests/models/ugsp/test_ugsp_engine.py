"""Does UGSP work as an engine, and do the losses of its two phases add up?"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn import functional

from retempo.errors import InputError, UsageError
from retempo.models.engine import Batch
from retempo.models.ifrnet import build as build_ifrnet
from retempo.models.registry import load_engine, parse_engine
from retempo.models.ugsp import ENGINE, losses
from retempo.models.ugsp.network import Ugsp


@pytest.fixture(scope="module")
def network() -> Any:
    torch.manual_seed(1)
    return Ugsp("small")


def make_pair(height: int, width: int, count: int = 1) -> list[Any]:
    generator = torch.Generator().manual_seed(height)
    return [torch.rand(count, 3, height, width, generator=generator) for _ in range(2)]


def make_batch() -> Batch:
    earlier, later = make_pair(32, 40, 1)
    return Batch((earlier, later), (earlier + later) / 2, torch.full((1, 1, 1, 1), 0.5))


def test_it_is_ifrnet_and_six_channels_of_logits() -> None:
    """Two more outputs at each of the three coarser decoders, and the uncertainty network."""
    with torch.device("meta"):
        state, plain = ENGINE.build("base").state_dict(), build_ifrnet("base").state_dict()
    grown = {"decoder4.convblock.2", "decoder3.convblock.2", "decoder2.convblock.2"}
    assert {name.rpartition(".")[0] for name, one in plain.items() if state[name].shape != one.shape} == grown
    assert all(name in plain or name.startswith("uncertainty.") for name in state)
    count = sum(one.numel() for one in state.values())
    assert {one.parameters for one in ENGINE.variants} == {count}
    logits = sum(2 * (16 * channels + 1) for channels in (192, 216, 144))
    rest = sum(one.numel() for name, one in state.items() if name.startswith("uncertainty."))
    assert count == 4_959_692 + logits + rest


def test_conversion_is_strict() -> None:
    with torch.device("meta"):
        named = ENGINE.build("base").state_dict()
    state = {f"module.{name}": torch.zeros(one.shape) for name, one in named.items()}
    assert list(ENGINE.convert(state, "base")) == list(named)
    with pytest.raises(InputError, match=r"decoder1\.more is not of this network"):
        ENGINE.convert({**state, "module.decoder1.more": torch.zeros(1)}, "base")


def test_it_is_loaded_by_name() -> None:
    engine = load_engine("ugsp:base,keep=0.5,tile=4", allow_untrained=True)
    assert engine.name == "ugsp:base,keep=0.5,tile=4,untrained=0"
    assert engine.prepare(make_pair(16, 16)).render(0.5).image.shape == (1, 3, 16, 16)


@pytest.mark.parametrize("options", [{}, {"keep": 0.5, "tile": 4}, {"dense": True}])
@pytest.mark.parametrize(("height", "width"), [(33, 50), (4, 7)])
def test_any_size_and_instant(network: Ugsp, options: dict[str, Any], height: int, width: int) -> None:
    engine = ENGINE.adapt(network, "ugsp:base", **options)
    window = engine.prepare(make_pair(height, width, 2))
    assert window.nbytes > 0
    for time in (0.0, 0.3, torch.tensor([0.5, 1.0]).view(2, 1, 1, 1), torch.rand(2, 1, height, width)):
        made = window.render(time)
        assert made.image.shape == (2, 3, height, width)
        assert made.image.min() >= 0 and made.image.max() <= 1
        assert made.fields is not None and made.fields.flow_t0.shape == (2, 2, height, width)
        assert made.fields.share0.min() > 0 and made.fields.share0.max() < 1


def test_the_picture_is_mixed_by_the_fields(network: Ugsp) -> None:
    from retempo import ops

    earlier, later = make_pair(32, 48)
    made = ENGINE.adapt(network, "ugsp:base", dense=True).prepare([earlier, later]).render(0.5)
    assert made.fields is not None
    share, looked = (
        made.fields.share0,
        [ops.warp(earlier, made.fields.flow_t0), ops.warp(later, made.fields.flow_t1)],
    )
    with torch.no_grad():
        _, found = network(earlier, later, torch.full((1, 1, 1, 1), 0.5))
    expected = (share * looked[0] + (1 - share) * looked[1] + found.residual).clamp(0, 1)
    torch.testing.assert_close(made.image, expected, rtol=0, atol=1e-4)


def test_dense_refines_everything_and_keep_a_part(network: Ugsp) -> None:
    pair = make_pair(64, 64)
    whole = ENGINE.adapt(network, "ugsp:base", dense=True).prepare(pair).render(0.5).image
    variant = ENGINE.adapt(network, "ugsp:dense").prepare(pair).render(0.5).image
    part = ENGINE.adapt(network, "ugsp:base", keep=0.25, tile=4).prepare(pair).render(0.5).image
    every = ENGINE.adapt(network, "ugsp:base", keep=1.0).prepare(pair).render(0.5).image
    assert torch.equal(whole, variant) and torch.equal(whole, every)
    assert (whole - part).abs().max() > 1e-4
    with pytest.raises(UsageError, match="keep="):
        ENGINE.adapt(network, "ugsp:base", dense=True, keep=0.5)


@pytest.mark.parametrize("option", ["keep=0", "keep=1.5", "tile=5", "dense=yes", "keep=nan"])
def test_wrong_options_are_refused(option: str) -> None:
    with pytest.raises(UsageError, match="ugsp"):
        parse_engine(f"ugsp,{option}")


def test_uncertainty_costs_least_where_it_is_the_logarithm_of_half_the_error() -> None:
    error = torch.tensor([0.02, -0.3, 0.1]).view(1, 3, 1, 1).expand(1, 3, 2, 2)
    mean = (0.02 + 0.3 + 0.1) / 3
    best = torch.full((1, 1, 2, 2), mean / 2).log().requires_grad_()
    loss = losses.uncertain(error, best)
    assert loss.item() == pytest.approx(2 + 2 * best[0, 0, 0, 0].item())
    loss.backward()
    torch.testing.assert_close(best.grad, torch.zeros_like(best))


def test_sparsity_counts_all_levels_pixels_alike() -> None:
    kept = [torch.zeros(1, 1, 4, 4), torch.ones(1, 1, 2, 2), torch.ones(1, 1, 1, 1)]
    assert losses.sparsity(kept, 0.5).item() == pytest.approx(abs(5 / 21 - 0.5))


def test_guidance_is_the_distance_from_the_most_uncertain_part() -> None:
    log_scale = torch.arange(64.0).view(1, 1, 8, 8)  # the lower half is the most uncertain
    label = losses.most_uncertain(log_scale, 0.5)
    assert torch.equal(label[0, 0].mean(1), torch.tensor([0.0] * 4 + [1.0] * 4))
    kept = [functional.avg_pool2d(label, 2**level) for level in (1, 2, 3)]
    assert losses.guidance(kept, log_scale, 0.5).item() == 0
    flipped = [1 - kept[0], kept[1], torch.ones(1, 1, 1, 1)]
    assert losses.guidance(flipped, log_scale, 0.5).item() == pytest.approx(1 + 0.5)
    assert losses.most_uncertain(log_scale, 1.0).all() and not losses.most_uncertain(log_scale, 0.0).any()


def test_phase_one_teaches_both_networks() -> None:
    torch.manual_seed(2)
    network, batch = Ugsp("small"), make_batch()
    ENGINE.objective("dense")(network, batch).backward()
    taught = {name for name, one in network.named_parameters() if one.grad is not None and one.grad.any()}
    everything = {name for name, _ in network.named_parameters()}
    assert taught == everything


def test_phase_two_teaches_masks_and_keeps_uncertainty_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(3)
    network, batch = Ugsp("small"), make_batch()
    loss = ENGINE.objective("base")(network, batch)
    loss.backward()
    assert loss.ndim == 0 and loss.isfinite()
    logits = network.decoder4.convblock[2].weight.grad[:, -2:]
    assert logits.abs().sum() > 0
    # without the uncertainty's own loss, nothing reaches it
    network.zero_grad()
    monkeypatch.setattr(losses, "uncertain", lambda error, log_scale: error.sum() * 0)
    ENGINE.objective("base")(network, batch).backward()
    grads = [one.grad for one in network.uncertainty.parameters()]
    assert all(one is None or not one.any() for one in grads)


def test_contrast_is_nothing_where_nothing_is_pruned(network: Ugsp) -> None:
    earlier, later = make_pair(48, 48)
    with torch.no_grad():
        _, dense = network(earlier, later, torch.full((1, 1, 1, 1), 0.5))
        _, pruned = network(earlier, later, torch.full((1, 1, 1, 1), 0.5), losses.by_chance)
    assert losses.contrast(dense, dense).item() == 0
    assert losses.contrast(pruned, dense).item() > 0
