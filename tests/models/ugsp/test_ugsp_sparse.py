"""Is what is computed in tiles what a mask would leave of everything, and is nothing else computed?"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from retempo.models.ifrnet.network import Decoder
from retempo.models.ugsp.choosing import by_chance, by_tiles
from retempo.models.ugsp.network import Ugsp
from retempo.models.ugsp.sparse import Masked, Tiles, run_decoder


@pytest.fixture(scope="module")
def network() -> Any:
    """Weights by chance, biases and slopes too, so that what is left out differs from what is not."""
    torch.manual_seed(1)
    made = Ugsp("small")
    with torch.no_grad():
        for one in made.parameters():
            if one.ndim == 1:
                one.add_(0.3 * torch.randn_like(one))
    return made.eval().requires_grad_(False)


@pytest.mark.parametrize(("tile", "height", "width"), [(4, 16, 24), (8, 19, 21), (8, 5, 40)])
def test_tiles_are_the_masked_whole(tile: int, height: int, width: int) -> None:
    torch.manual_seed(2)
    decoder = Decoder(12, 16, 7, 6)
    torch.nn.init.uniform_(decoder.convblock[0][1].weight, -0.5, 0.5)
    given = torch.randn(2, 12, height, width)
    wanted = torch.rand(2, -(-height // tile), -(-width // tile)) > 0.5
    wanted[0, 0, 0], wanted[1, -1, -1] = True, True
    tiles = Tiles(wanted, tile, height, width)
    with torch.no_grad():
        found = run_decoder(decoder, given, tiles)
        expected = run_decoder(decoder, given, Masked(tiles.kept))
        whole = run_decoder(decoder, given, None)
    assert found.shape == whole.shape == (2, 7, 2 * height, 2 * width)
    assert 0 < tiles.kept.mean() < 1
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    outside = torch.nn.functional.interpolate(tiles.kept, scale_factor=2) == 0
    assert not found[outside.expand_as(found)].any() and (found - whole).abs().max() > 1e-2


def test_all_tiles_are_the_whole() -> None:
    torch.manual_seed(3)
    decoder = Decoder(5, 8, 6, 3)
    given = torch.randn(1, 5, 13, 11)
    with torch.no_grad():
        found = run_decoder(decoder, given, Tiles(torch.ones(1, 2, 2, dtype=torch.bool), 8, 13, 11))
        torch.testing.assert_close(found, decoder(given), rtol=0, atol=1e-5)


def test_no_tiles_are_nothing() -> None:
    decoder = Decoder(5, 8, 6, 3)
    with torch.no_grad():
        found = run_decoder(
            decoder, torch.randn(1, 5, 8, 8), Tiles(torch.zeros(1, 1, 1, dtype=torch.bool), 8, 8, 8)
        )
    assert found.shape == (1, 6, 16, 16) and not found.any()


@pytest.mark.parametrize("keep", [0.25, 0.6])
def test_the_pruned_network_is_the_masked_one(network: Ugsp, keep: float) -> None:
    torch.manual_seed(4)
    earlier, later = torch.rand(2, 2, 3, 64, 96)
    time = torch.tensor([0.5, 0.25]).view(2, 1, 1, 1)
    choose = by_tiles(keep, 4)
    made, found = network(earlier, later, time, choose)

    def choose_masked(logits: Any) -> Any:
        where = choose(logits)
        return None if where is None else Masked(where.kept)

    expected, masked = network(earlier, later, time, choose_masked)
    torch.testing.assert_close(made, expected, rtol=0, atol=1e-5)
    for one, other in zip(found.kept, masked.kept, strict=True):
        assert torch.equal(one, other)
        assert one.mean() == pytest.approx(keep, abs=0.1)
    whole, _ = network(earlier, later, time)
    assert (whole - made).abs().max() > 1e-3


def test_only_what_is_kept_is_computed(network: Ugsp) -> None:
    """Counted by PyTorch: convolutions in the kept part exactly, growing ones with the pixels around the tiles."""
    decoder = network.decoder1
    given = torch.randn(1, 76, 32, 32)
    wanted = torch.zeros(1, 4, 4, dtype=torch.bool)
    wanted[0, 1, :3] = True
    counts = {}
    for name, where in (("whole", None), ("tiles", Tiles(wanted, 8, 32, 32))):
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            run_decoder(decoder, given, where)
        (operations,) = [one for key, one in counter.get_flop_counts().items() if key == "Global"]
        counts[name] = {str(key): one for key, one in operations.items()}
    last = 2 * 72 * 8 * 16 * 32 * 32  # input pixels times taps
    assert counts["whole"]["aten.convolution"] > 10 * last
    expected = (counts["whole"]["aten.convolution"] - last) * 3 / 16 + last * 3 / 16 * (10 / 8) ** 2
    assert counts["tiles"]["aten.convolution"] == pytest.approx(expected)


def test_the_best_tiles_are_kept() -> None:
    logits = torch.zeros(1, 2, 8, 12)
    logits[0, 1, 0:4, 4:8] = 2.0
    logits[0, 1, 4:8, 8:12] = 1.0
    logits[0, 0, 0:4, 0:4] = 1.0
    where = by_tiles(1 / 3, 4)(logits)
    assert isinstance(where, Tiles)
    assert where.wanted.tolist() == [[[False, True, False], [False, False, True]]]
    assert by_tiles(1.0, 4)(logits) is None


def test_one_pixel_wakes_its_tile() -> None:
    logits = torch.zeros(1, 2, 6, 9)
    logits[0, 1, 5, 8] = 0.1  # in the last, partly outside
    where = by_tiles(None, 4)(logits)
    assert isinstance(where, Tiles)
    assert where.wanted.tolist() == [[[False, False, False], [False, False, True]]]
    assert where.kept.shape == (1, 1, 6, 9) and where.kept.sum() == 2


def test_chance_follows_the_logits_and_teaches_them() -> None:
    torch.manual_seed(5)
    logits = torch.zeros(1, 2, 100, 100)
    logits[:, 1, :50] = 2.0
    logits.requires_grad_()
    kept = by_chance(logits).kept
    assert set(kept.unique().tolist()) <= {0.0, 1.0}
    share = torch.sigmoid(torch.tensor(2.0)).item()
    assert kept[:, :, :50].mean().item() == pytest.approx(share, abs=0.03)
    assert kept[:, :, 50:].mean().item() == pytest.approx(0.5, abs=0.03)
    kept.mean().backward()
    assert logits.grad is not None and (logits.grad[:, 1] > 0).all() and (logits.grad[:, 0] < 0).all()
