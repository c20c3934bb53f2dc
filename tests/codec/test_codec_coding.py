"""Do whole numbers survive as bytes, at the cost that was estimated, with the same tables everywhere?"""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

torch = pytest.importorskip("torch")
pytest.importorskip("constriction")

from retempo.codec.coding import LIMIT, PriorCoder  # noqa: E402
from retempo.codec.exact import SECOND_LIMIT, ExactScales  # noqa: E402
from retempo.codec.priors import LEVELS, SMALLEST, STEP, Factorised, Hyperprior  # noqa: E402
from retempo.codec.tables import TOTAL, Tables, count, tabulate_factorised, tabulate_gaussians  # noqa: E402
from retempo.codec.weights import load_codec, load_codecs, ready, save_codec  # noqa: E402
from retempo.errors import InputError, UsageError, WeightsError  # noqa: E402
from small_codec import network  # noqa: E402

HAND = Tables((np.array([40000, 20000, 5536]), np.array([1, 65534, 1])), (-1, 3))


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=600).filter(lambda one: sum(one) > 0))
def test_counts_are_whole_positive_and_sum_up(masses: list[float]) -> None:
    found = count(masses)
    assert found.sum() == TOTAL
    assert found.min() >= 1


def test_counts_follow_the_masses() -> None:
    assert count([0.5, 0.25, 0.25]).tolist() == [TOTAL // 2, TOTAL // 4, TOTAL // 4]
    assert count([1.0, 0.0, 0.0]).tolist() == [TOTAL - 2, 1, 1]
    assert count([1.0, 1.0, 1.0]).tolist() == [21846, 21845, 21845]


def test_gaussian_tables_are_gaussian() -> None:
    tables = tabulate_gaussians()
    assert len(tables) == LEVELS
    for level in (20, 40, LEVELS - 1):
        counts, offset = tables.counts[level], tables.offsets[level]
        values = np.arange(len(counts) - 1) + offset
        mass = counts[:-1] / TOTAL
        scale = SMALLEST * np.exp(STEP * level)
        assert abs((values * mass).sum()) < 0.05 * scale + 1e-3
        assert (values**2 * mass).sum() == pytest.approx(scale**2 + 1 / 12, rel=0.02)


def test_factorised_tables_hold_the_density() -> None:
    torch.manual_seed(4)
    density = Factorised(4)
    with torch.no_grad():
        for one in density.biases:
            one.uniform_(-3, 3)
    tables = tabulate_factorised(density)
    for channel in range(4):
        values = np.arange(len(tables.counts[channel]) - 1) + tables.offsets[channel]
        given_values = torch.from_numpy(values).float().expand(1, 4, 1, -1)
        with torch.no_grad():
            mass = density.likelihood(given_values)[0, channel, 0].numpy()
        assert np.abs(tables.counts[channel][:-1] / TOTAL - mass).max() < 3e-5


@settings(deadline=None, max_examples=60)
@given(hnp.arrays(np.int64, (2, 3, 4), elements=st.integers(-LIMIT, LIMIT - 1)))
def test_any_numbers_survive(values: np.ndarray) -> None:
    coder = PriorCoder(HAND)
    assert np.array_equal(coder.decode(coder.encode(values), (2, 3, 4)), values)


def test_the_words_are_these() -> None:
    """Another version, or another machine, must make the same bytes: these were written down once."""
    values = np.array([[[-1, 0, -1, -1]], [[3, 4, 4, 1000]]], np.int64)
    assert PriorCoder(HAND).encode(values).hex() == WORDS
    assert np.array_equal(PriorCoder(HAND).decode(bytes.fromhex(WORDS), (2, 1, 4)), values)


@pytest.mark.parametrize("prior", ["factorised", "hyperprior"])
def test_estimate_and_bytes_agree_within_2_percent(prior: str) -> None:
    """From 400 bytes on, of latents that are about as likely as they are said to be (an outlier costs 31 bits)."""
    codec = ready(network(prior=prior, seed=5), 0.01)
    chance = np.random.default_rng(6)
    latent, second = np.round(chance.laplace(0, 1.5, (6, 64, 32))).astype(np.int64), None
    if prior == "hyperprior":
        second = np.round(chance.laplace(0, 1.0, (8, 32, 16))).astype(np.int64)
        scale = SMALLEST * np.exp(STEP * codec.coder.scales.levels(second))
        latent = np.round(chance.normal(0, scale)).astype(np.int64)
    data = codec.coder.encode(latent, second)
    assert len(data) > 400
    assert 8 * len(data) == pytest.approx(codec.coder.estimate(latent, second), rel=0.02)
    assert np.array_equal(codec.coder.decode(data, (6, 64, 32)), latent)
    floats = torch.from_numpy(latent).float()[None]
    with torch.no_grad():
        if second is None:
            likelihood = codec.network.prior.factorised.likelihood(floats)
            bits = -float(likelihood.log2().sum())
        else:
            hyper = codec.network.prior.hyper
            sent = torch.from_numpy(second).float()[None]
            bits = -float(hyper.likelihood(floats, hyper.levels(sent).round()).log2().sum())
            bits -= float(hyper.second.likelihood(sent).log2().sum())
    assert 8 * len(data) == pytest.approx(bits, rel=0.02)


def test_what_is_no_code_of_this_network_is_said() -> None:
    coder = PriorCoder(HAND)
    with pytest.raises(InputError, match="whole words"):
        coder.decode(b"12345", (2, 1, 4))
    for data in (b"", b"\xff" * 4, b"\xff" * 64):
        try:
            coder.decode(data, (2, 30, 40))  # some bytes are numbers, if not those that were meant
        except InputError as error:
            assert "cannot be decoded" in str(error)


@pytest.fixture(scope="module")
def hyper() -> Hyperprior:
    torch.manual_seed(7)
    made = Hyperprior(5, 4)
    with torch.no_grad():
        for one in made.up.parameters():
            one.mul_(3)
    return made


def test_scales_are_whole_number_arithmetic(hyper: Hyperprior) -> None:
    """Against Python's integers, one product at a time."""
    exact = ExactScales.of(hyper)
    second = np.random.default_rng(8).integers(-9, 10, (4, 3, 2))
    inside = np.zeros((4, 6, 4), object)
    for o, i, y, x in itertools.product(range(4), range(4), range(3), range(2)):
        for ky, kx in itertools.product(range(5), range(5)):
            row, column = 2 * y + ky - 2, 2 * x + kx - 2
            if 0 <= row < 6 and 0 <= column < 4:
                inside[o, row, column] += int(second[i, y, x]) * int(exact.weight0[i, o, ky, kx])
    for o in range(4):
        inside[o] += int(exact.bias0[o])
    inside = np.vectorize(lambda one: min(max(one, 0) // 16, 1 << 20), otypes=[object])(inside)
    wanted = np.zeros((5, 6, 4), np.int64)
    for o, y, x in itertools.product(range(5), range(6), range(4)):
        total = int(exact.bias1[o])
        for i, ky, kx in itertools.product(range(4), range(3), range(3)):
            row, column = y + ky - 1, x + kx - 1
            if 0 <= row < 6 and 0 <= column < 4:
                total += inside[i, row, column] * int(exact.weight1[o, i, ky, kx])
        wanted[o, y, x] = min(max((total + (1 << 19)) >> 20, 0), LEVELS - 1)
    found = exact.levels(second)
    assert np.array_equal(found, wanted)
    assert len(np.unique(found)) > 5
    with torch.no_grad():
        floats = hyper.levels(torch.from_numpy(second).float()[None])[0].clamp(0, LEVELS - 1).numpy()
    assert np.abs(found - floats).max() < 1


def test_scales_do_not_depend_on_threads(hyper: Hyperprior) -> None:
    exact = ExactScales.of(hyper)
    second = np.random.default_rng(9).integers(-SECOND_LIMIT, SECOND_LIMIT, (4, 40, 30))
    found = []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        found.append(exact.levels(second))
    assert all(np.array_equal(found[0], one) for one in found[1:])


def test_sums_of_the_largest_weights_stay_exact() -> None:
    """Everything at its limit, as wide as the widest network: below 2^53."""
    first = 25 * 512 * SECOND_LIMIT * (1 << 16) + (1 << 24)
    second = 9 * 512 * (1 << 20) * (1 << 16) + (1 << 30)
    assert max(first, second) < 1 << 53


@pytest.mark.parametrize("config", [{}, {"prior": "hyperprior", "residual": True, "references": 3}])
def test_weights_come_back_as_they_went(tmp_path, config: dict[str, object]) -> None:
    net = network(**config)
    path = tmp_path / "one.safetensors"
    save_codec(net, path, {"lambda": "0.02", "minutes": "3"})
    codec, fresh = load_codec(path), ready(net, 0.02)
    assert codec.config == net.config and codec.weight == 0.02 and codec.facts == {"minutes": "3"}
    for name, tensor in net.state_dict().items():
        assert torch.equal(codec.network.state_dict()[name], tensor)
    values = np.random.default_rng(1).integers(-4, 5, (6, 2, 2))
    second = np.ones((8, 1, 1), np.int64) if "prior" in config else None
    assert codec.coder.encode(values, second) == fresh.coder.encode(values, second)
    assert (codec.residual_coder is None) == (net.residual is None)


def test_weights_that_are_none(tmp_path) -> None:
    from safetensors.torch import load_file, save_file

    with pytest.raises(WeightsError, match="missing"):
        load_codec(tmp_path / "no.safetensors")
    with pytest.raises(WeightsError, match="holds no weights"):
        load_codecs(tmp_path)
    path = tmp_path / "one.safetensors"
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(InputError, match="cannot be read"):
        load_codec(path)
    save_codec(network(), path, {"lambda": "0.02"})
    whole = load_file(path)
    save_file(whole, path)
    with pytest.raises(InputError, match="no codec of this version"):
        load_codec(path)


@pytest.mark.parametrize("what", ["sum", "short", "zero"])
def test_tables_that_do_not_fit_are_refused(what: str) -> None:
    arrays = HAND.pack("main")
    assert Tables.unpack(arrays, "main", 2).offsets == (-1, 3)
    if what == "sum":
        arrays["main.counts"][0] += 1
    elif what == "short":
        arrays["main.lengths"] = arrays["main.lengths"][:1]
    else:
        arrays["main.counts"][3:5] = (0, 65535)
    with pytest.raises(InputError, match="main"):
        Tables.unpack(arrays, "main", 2)


def test_a_folder_is_by_lambda_and_of_one_kind(tmp_path) -> None:
    save_codec(network(1), tmp_path / "a.safetensors", {"lambda": "0.1"})
    save_codec(network(2), tmp_path / "b.safetensors", {"lambda": "0.01"})
    assert [one.weight for one in load_codecs(tmp_path)] == [0.01, 0.1]
    save_codec(network(references=3), tmp_path / "c.safetensors", {"lambda": "1"})
    with pytest.raises(UsageError, match="go together"):
        load_codecs(tmp_path)


WORDS = "8a205e5f3fba46ca"
