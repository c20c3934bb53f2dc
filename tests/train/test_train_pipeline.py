"""Does training see the pictures that rendering makes, and do gradients reach the network?"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch

from retempo.flow.neural.network import FlowRefiner
from retempo.models.losses import charbonnier
from retempo.synthesis.candidates import FlowPair
from retempo.synthesis.options import SynthesisOptions
from retempo.synthesis.paths import Past
from retempo.synthesis.pipeline import prepare
from retempo.train.differentiable import synthesize
from retempo.train.losses import census, photometric, psnr
from retempo.train.samples import Samples, vary


def rows(tensor: torch.Tensor) -> np.ndarray:
    """[C, H, W] -> [H, W, C]."""
    return np.ascontiguousarray(tensor.detach().permute(1, 2, 0).numpy())


def rendered(samples: Samples, at: int, trusts: list[torch.Tensor], flows: list[torch.Tensor]) -> np.ndarray:
    """The engine's own picture of one sample, from opinions [2 N, ...]: N of the first frames, N of the second."""
    count = samples.truth.shape[0]
    past_i, past_j = (
        Past(rows(samples.pasts[k][at]), rows(samples.trusts[k][at])[..., 0], -1.0) for k in (0, 1)
    )
    pairs = [
        FlowPair(
            0, 1, rows(flow[at]), rows(flow[count + at]),
            rows(trust[at])[..., 0], rows(trust[count + at])[..., 0], "", past_i, past_j,
        )
        for flow, trust in zip(flows, trusts, strict=True)
    ]  # fmt: skip
    pictures = [rows(frame[at]) for frame in samples.frames]
    ready = prepare(pictures, [0, 1], pairs, SynthesisOptions())
    return ready.render(pictures, Fraction(float(samples.phase[at]))).pixels


def test_equals_the_engine(samples: Samples) -> None:
    made = synthesize(samples, None)
    flows = [torch.cat(samples.flows), torch.cat(samples.inverses)]
    trusts = [torch.ones_like(flow[:, :1]) for flow in flows]
    for at in range(4):
        expected, known = rendered(samples, at, trusts, flows), rows(made.hole[at])[..., 0] == 0
        difference = np.abs(rows(made.picture[at]) - expected)[known]
        assert np.quantile(difference, 0.995) < 1e-4, "but for a pixel whose nearest neighbour is undecided"
        assert known.mean() > 0.95


def test_equals_the_engine_with_trust(samples: Samples) -> None:
    torch.manual_seed(0)
    network = FlowRefiner()
    torch.nn.init.normal_(network.head.weight, std=0.03)
    made = synthesize(samples, network)
    assert made.refined is not None
    expected = rendered(samples, 1, list(made.refined.trusts), list(made.refined.flows))
    known = rows(made.hole[1])[..., 0] == 0
    assert np.quantile(np.abs(rows(made.picture[1]) - expected)[known], 0.99) < 1e-3
    plain = rows(synthesize(samples, None).picture[1])
    assert np.abs(plain - expected).max() > 1e-2, "the network did change something"


def test_an_untrained_network_changes_nothing(samples: Samples) -> None:
    plain, made = synthesize(samples, None).picture, synthesize(samples, FlowRefiner())
    assert made.refined is not None and torch.equal(made.refined.flows[0], torch.cat(samples.flows))
    # trust is the same everywhere: it scales all metrics, which moves pictures a little where splats collide
    assert (plain - made.picture).abs().mean() < 2e-3


def test_steps_against_the_gradient_make_better_pictures(samples: Samples) -> None:
    torch.manual_seed(0)
    network = FlowRefiner()
    optimiser = torch.optim.Adam(network.parameters(), lr=2e-3)
    losses = []
    for _ in range(15):
        loss = photometric(synthesize(samples, network).picture, samples.truth)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.99 * losses[0]


@pytest.mark.parametrize("seed", range(6))
def test_varied_samples_are_as_good(samples: Samples, seed: int) -> None:
    """Mirrored, turned or backwards: the pipeline makes the same picture, mirrored, turned or backwards."""
    varied = vary(samples, torch.Generator().manual_seed(seed))
    one = psnr(synthesize(samples, None).picture, samples.truth)
    other = psnr(synthesize(varied, None).picture, varied.truth)
    torch.testing.assert_close(one, other, atol=0.05, rtol=0)


def test_losses() -> None:
    truth = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    assert float(photometric(truth, truth)) == pytest.approx(2e-3)  # (1 + 2 / 2) sqrt(1e-6)
    assert float(charbonnier(torch.full((4,), 0.3))) == pytest.approx(0.3, rel=1e-4)
    assert float(census(truth, truth)) == 0.0
    assert float(census(truth + 0.1, truth)) < 1e-4 < float(census(truth.flip(-1), truth)), (
        "blind to brightness"
    )
    off = psnr(torch.full((1, 3, 4, 4), 0.5), torch.full((1, 3, 4, 4), 0.6))
    assert float(off) == pytest.approx(20 * np.log10(255 / 25), abs=1e-3)  # 128 and 153
    assert float(psnr(truth[:1], truth[:1])) == pytest.approx(60, abs=1e-3)
