"""Do the codec's layers do what their formulas say, and does the network keep its promises?"""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch")

from retempo.codec.config import PUBLISHED, SMALL, CodecConfig  # noqa: E402
from retempo.codec.gdn import Gdn, LowerBound  # noqa: E402
from retempo.codec.losses import PEAK, rate_distortion, rate_motion  # noqa: E402
from retempo.codec.network import UNIT, FrameCodec  # noqa: E402
from retempo.codec.priors import LARGEST, LEVELS, SMALLEST, STEP, Factorised, Hyperprior, quantise  # noqa: E402
from retempo.errors import InputError, UsageError  # noqa: E402
from small_codec import network  # noqa: E402


@pytest.mark.parametrize("inverse", [False, True])
def test_gdn_is_its_formula(inverse: bool) -> None:
    torch.manual_seed(1)
    layer = Gdn(3, inverse=inverse).double()
    with torch.no_grad():
        layer.beta_root.uniform_(0.5, 2)
        layer.gamma_root.uniform_(0, 1)
    x = torch.randn(2, 3, 4, 5, dtype=torch.float64)
    beta = layer.beta_root.detach() ** 2 - 2.0**-36
    gamma = layer.gamma_root.detach() ** 2 - 2.0**-36
    found = layer(x)
    for n, i, row, column in ((0, 0, 0, 0), (1, 2, 3, 4), (0, 1, 2, 2)):
        energy = beta[i] + sum(gamma[i, j] * x[n, j, row, column] ** 2 for j in range(3))
        wanted = x[n, i, row, column] * (energy.sqrt() if inverse else 1 / energy.sqrt())
        assert found[n, i, row, column].item() == pytest.approx(wanted.item(), rel=1e-12)


def test_gdn_begins_with_a_tenth_of_the_own_energy() -> None:
    layer = Gdn(4)
    assert torch.allclose(layer.beta, torch.ones(4))
    assert torch.allclose(layer.gamma, 0.1 * torch.eye(4), atol=1e-7)


def test_gdn_stays_positive_whatever_is_learned() -> None:
    layer = Gdn(4)
    with torch.no_grad():
        layer.beta_root.fill_(-3)
        layer.gamma_root.fill_(-3)
    assert layer.beta.min().item() >= 0.99e-6
    assert layer.gamma.min().item() >= 0
    assert torch.isfinite(layer(torch.randn(1, 4, 3, 3))).all()


def test_what_a_bound_stops_can_come_back() -> None:
    x = torch.tensor([-1.0, 2.0], requires_grad=True)
    LowerBound.apply(x, 0.0).sum().backward()  # descent would lower both: the one below stays
    assert x.grad.tolist() == [0.0, 1.0]
    x.grad = None
    (-LowerBound.apply(x, 0.0)).sum().backward()  # descent would raise both: both may
    assert x.grad.tolist() == [-1.0, -1.0]


@pytest.mark.parametrize("references", [2, 3, 4])
@pytest.mark.parametrize("size", [(50, 77), (64, 64), (33, 1)])
def test_shares_sum_to_1_at_any_size(references: int, size: tuple[int, int]) -> None:
    net = network(references=references)
    known = torch.rand(2, references, 3, *size)
    latent = torch.randn(2, 6, -(-size[0] // 32), -(-size[1] // 32)) * 5
    with torch.no_grad():
        made = net.make(latent, known)
    assert made.shares.shape == (2, references, *size)
    assert made.flows.shape == (2, references, 2, *size)
    assert made.picture.shape == (2, 3, *size)
    assert float((made.shares.sum(1) - 1).abs().max()) < 1e-6
    assert float(made.shares.min()) >= 0
    assert float(made.shares.std()) > 1e-3


def test_two_shares_are_a_sigmoid() -> None:
    net = network()
    latent = torch.randn(1, 6, 1, 1) * 5
    with torch.no_grad():
        logit = net.decoder(latent)[:, 4]
        shares = net.make(latent, torch.rand(1, 2, 3, 32, 32)).shares
    assert torch.allclose(shares[:, 0], torch.sigmoid(logit), atol=1e-6)


def test_a_picture_is_the_mixed_references() -> None:
    """Zero motion and even shares from a decoder of zeros: the mean."""
    net = network()
    with torch.no_grad():
        net.decoder[-1].weight.zero_()
        net.decoder[-1].bias.zero_()
        known = torch.rand(1, 2, 3, 40, 40)
        made = net.make(torch.randn(1, 6, 2, 2), known)
        assert torch.allclose(made.picture, known.mean(1), atol=1e-6)
        net.decoder[-1].bias.copy_(torch.tensor([3 / UNIT, 0, 0, 0, 50.0]))  # all of the first, 3 pixels on
        made = net.make(torch.randn(1, 6, 2, 2), known)
    assert torch.allclose(made.picture[..., :-3], known[:, 0, :, :, 3:], atol=1e-5)


@pytest.mark.parametrize(
    "config", [{}, {"prior": "hyperprior"}, {"residual": True}, {"prior": "hyperprior", "residual": True}]
)
def test_everything_learns(config: dict[str, object]) -> None:
    net = network(**config).train()
    size = (64, 64)
    target, known = torch.rand(2, 3, *size), torch.rand(2, 2, 3, *size)
    found = net(target, known, torch.randn(2, 2, 2, *size), noise=torch.Generator().manual_seed(0))
    rate_distortion(found, target, 0.01).backward()
    silent = [
        name for name, one in net.named_parameters() if one.grad is None or not one.grad.abs().sum() > 0
    ]
    assert silent == []
    assert found.bits.shape == (2,)
    assert float(found.bits.detach().min()) > 0


def test_a_sequential_network_sees_motion_alone_and_mixes_by_time() -> None:
    net = network(kind="sequential")
    known, flows = torch.rand(1, 2, 3, 32, 32), torch.randn(1, 2, 2, 32, 32)
    with torch.no_grad():
        one = net.analyse(torch.rand(1, 3, 32, 32), known, flows)
        other = net.analyse(torch.rand(1, 3, 32, 32), torch.rand(1, 2, 3, 32, 32), flows)
        shares = net.make(one.round(), known, torch.tensor([[1.0, 3.0]])).shares
    assert torch.equal(one, other)
    assert torch.allclose(shares[0, :, 0, 0], torch.tensor([0.75, 0.25]))


def test_the_loss_is_bits_a_pixel_and_lambda_of_8_bit_codes() -> None:
    net = network()
    target, known = torch.rand(1, 3, 64, 32), torch.rand(1, 2, 3, 64, 32)
    with torch.no_grad():
        found = net(target, known, torch.zeros(1, 2, 2, 64, 32))
    codes = ((found.picture - target) * 255).square().mean()
    wanted = float(found.bits[0]) / (64 * 32) + 0.02 * float(codes)
    assert float(rate_distortion(found, target, 0.02)) == pytest.approx(wanted, rel=1e-5)


def test_the_baselines_loss_is_of_motion() -> None:
    net = network(kind="sequential")
    known, flows = torch.rand(1, 2, 3, 32, 32), torch.randn(1, 2, 2, 32, 32)
    with torch.no_grad():
        found = net(torch.rand(1, 3, 32, 32), known, flows)
    wrong = float(((found.made.flows - flows) / UNIT).square().mean()) * PEAK
    wanted = float(found.bits[0]) / 1024 + 0.5 * wrong
    assert float(rate_motion(found.made, flows, found.bits, 0.5)) == pytest.approx(wanted, rel=1e-5)


def test_a_density_is_one() -> None:
    """Mass over all whole numbers is 1, and the logits increase."""
    torch.manual_seed(2)
    density = Factorised(5).double()
    with torch.no_grad():
        for one in (*density.biases, *density.factors):
            one.uniform_(-1, 1)
        values = torch.arange(-400, 401, dtype=torch.float64).expand(1, 5, 1, -1)
        mass = density.likelihood(values)
        edges = density.logits(values[0])
    assert torch.allclose(mass.sum(-1), torch.ones(1, 5, 1, dtype=torch.float64), atol=1e-5)
    assert float(edges.diff(dim=-1).min()) > 0


def test_a_gaussians_mass() -> None:
    level = 40
    scale = SMALLEST * math.exp(STEP * level)
    found = Hyperprior.likelihood(torch.tensor([[3.0]]).double(), torch.tensor([[float(level)]]).double())
    wanted = 0.5 * (math.erf(3.5 / scale / 2**0.5) - math.erf(2.5 / scale / 2**0.5))
    assert float(found) == pytest.approx(wanted, rel=1e-9)
    assert SMALLEST * math.exp(STEP * (LEVELS - 1)) == pytest.approx(LARGEST)


def test_quantising_is_noise_then_rounding() -> None:
    latent = torch.linspace(-3, 3, 1000).view(1, 1, 20, 50)
    noisy = quantise(latent, torch.Generator().manual_seed(3), training=True)
    assert float((noisy - latent).abs().max()) <= 0.5
    assert float((noisy - latent).std()) == pytest.approx(12**-0.5, rel=0.05)
    assert torch.equal(quantise(latent, None, training=False), latent.round())


def test_widths_are_those_of_the_papers_and_of_a_small_one() -> None:
    assert (PUBLISHED.width, PUBLISHED.latent, PUBLISHED.prior, PUBLISHED.multiple) == (
        128,
        192,
        "hyperprior",
        64,
    )
    assert CodecConfig() == SMALL and SMALL.multiple == 32
    with torch.device("meta"):
        net = FrameCodec(PUBLISHED)
    assert net.encoder[0].weight.shape == (128, 13, 5, 5)
    assert net.encoder[-1].weight.shape == (192, 128, 5, 5)
    assert net.decoder[-1].weight.shape == (128, 5, 5, 5)
    assert sum(isinstance(one, Gdn) for one in net.encoder) == 4
    assert sum(isinstance(one, Gdn) and one.inverse for one in net.decoder) == 4


@pytest.mark.parametrize(
    "wrong",
    [{"width": 0}, {"latent": 513}, {"references": 1}, {"prior": "none"}, {"kind": "x"}, {"width": 2.0}],
)
def test_configurations_that_cannot_be(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        CodecConfig(**wrong)
    with pytest.raises(InputError, match=r"file\.safetensors"):
        CodecConfig.parse({**SMALL.as_dict(), **wrong}, "file.safetensors")
