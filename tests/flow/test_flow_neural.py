"""Does the network correct what was estimated, at any size, and are its weights read without running anything?"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from retempo.errors import InputError, UsageError, WeightsError  # noqa: E402
from retempo.flow.base import HypothesesEstimator, hypothesize  # noqa: E402
from retempo.flow.catalog import parse_flow  # noqa: E402
from retempo.flow.dis import DisFlow  # noqa: E402
from retempo.flow.neural.estimator import NeuralFlow  # noqa: E402
from retempo.flow.neural.files import load_refiner, save_refiner  # noqa: E402
from retempo.flow.neural.network import FlowRefiner  # noqa: E402
from retempo.render.quality import pin_weights  # noqa: E402


def pictures(height: int = 90, width: int = 121) -> tuple[np.ndarray, np.ndarray]:
    """A smooth texture, and the same 3 pixels to the right."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)

    def at(shift: float) -> np.ndarray:
        moved = x - shift
        waves = [np.sin(moved / 5 + y / 7), np.cos(moved / 8 - y / 6), np.sin(moved / 4) * np.cos(y / 5)]
        return (np.stack(waves, 2) * 0.3 + 0.5).astype(np.float32)

    return at(0), at(3)


@pytest.fixture(scope="module")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "untrained.safetensors"
    save_refiner(FlowRefiner(), path)
    return path


@pytest.fixture(scope="module")
def random(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "random.safetensors"
    torch.manual_seed(1)
    network = FlowRefiner()
    torch.nn.init.normal_(network.head.weight, std=0.05)
    save_refiner(network, path, {"made": "by chance"})
    return path


def test_untrained_weights_change_nothing(untrained: Path) -> None:
    one, other = pictures()
    neural = NeuralFlow(weights=untrained)
    assert isinstance(neural, HypothesesEstimator) and neural.hypotheses == 2
    found = hypothesize(neural, one, other)
    flow01, flow10 = DisFlow().estimate(one, other)
    assert np.array_equal(found[0].flow01, flow01) and np.array_equal(found[0].flow10, flow10)
    assert np.median(found[1].flow01[20:-20, 20:-20, 0]) == pytest.approx(3, abs=0.3)
    trust = found[0].trust01
    assert trust is not None and trust.shape == (90, 121) and np.allclose(trust, 0.8808, atol=1e-4)
    assert hypothesize(DisFlow(), one, other)[0].trust01 is None


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (17, 64), (90, 121)])
def test_any_size(random: Path, size: tuple[int, int]) -> None:
    one, other = pictures(*size)
    for said in NeuralFlow(weights=random).hypothesize(one, other):
        for flow, trust in ((said.flow01, said.trust01), (said.flow10, said.trust10)):
            assert flow.shape == (*size, 2) and flow.dtype == np.float32 and np.isfinite(flow).all()
            assert trust is not None and trust.shape == size and 0 < trust.min() <= trust.max() <= 1
            assert flow.flags.c_contiguous and trust.flags.c_contiguous


def test_directions_share_the_work_and_the_weights(random: Path) -> None:
    one, other = pictures()
    neural = NeuralFlow(weights=random)
    there, back = neural.hypothesize(one, other)[0], neural.hypothesize(other, one)[0]
    np.testing.assert_allclose(there.flow01, back.flow10, atol=1e-4)
    np.testing.assert_allclose(there.trust10, back.trust01, atol=1e-5)
    assert not np.array_equal(there.flow01, DisFlow().estimate(one, other)[0]), "these weights do something"


def test_same_bits_whatever_the_threads(random: Path) -> None:
    before = torch.get_num_threads()
    try:
        found = []
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            found.append(NeuralFlow(weights=random, threads=threads).hypothesize(*pictures()))
    finally:
        torch.set_num_threads(before)
    for other in found[1:]:
        for said, expected in zip(other, found[0], strict=True):
            assert all(np.array_equal(a, b) for a, b in zip(said, expected, strict=True))


def test_working_size_and_rounds(random: Path) -> None:
    one, other = pictures(180, 240)
    half = NeuralFlow(weights=random, working_scale=0.5)
    assert half.name.endswith(",scale=0.5") and half.name != NeuralFlow(weights=random).name
    said = half.hypothesize(one, other)[0]
    assert (
        said.flow01.shape == (180, 240, 2) and said.trust01 is not None and said.trust01.shape == (180, 240)
    )
    twice = NeuralFlow(weights=random, rounds=2)
    assert twice.name.endswith(",rounds=2")
    assert not np.array_equal(
        twice.estimate(one, other)[0], NeuralFlow(weights=random).estimate(one, other)[0]
    )
    with pytest.raises(UsageError, match="at least once"):
        NeuralFlow(weights=random, rounds=0)


def test_half_precision_is_for_cuda(random: Path) -> None:
    with pytest.raises(UsageError, match="half is for CUDA"):
        NeuralFlow(weights=random, half=True)
    with pytest.raises(UsageError, match="half is for CUDA"):
        parse_flow(f"neural,half=1,file={random}", device="cpu")
    (whole,) = parse_flow(f"neural,half=0,file={random}", device="cpu")
    assert whole.name == NeuralFlow(weights=random).name


def test_half_precision_stays_near(random: Path) -> None:
    """The convolutions in 16 bits, the flows in 32; the same arithmetic on either device."""
    network, _ = load_refiner(random, torch.device("cpu"))
    seen = [torch.from_numpy(one.transpose(2, 0, 1).copy())[None] for one in pictures(96, 128)]
    flow = torch.zeros(2, 2, 96, 128)
    flow[0, 0], flow[1, 0] = 3, -3
    whole, half = (network.correct(torch.cat(seen), (flow, flow), half=yes) for yes in (False, True))
    assert half.flows[0].dtype == torch.float32
    assert 0 < float((half.flows[0] - whole.flows[0]).abs().max()) < 0.02
    assert float((half.trusts[1] - whole.trusts[1]).abs().max()) < 0.01


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_half_precision_on_cuda(random: Path) -> None:
    one, other = pictures()
    whole = NeuralFlow(weights=random, device="cuda").hypothesize(one, other)[0]
    half = NeuralFlow(weights=random, device="cuda", half=True).hypothesize(one, other)[0]
    assert np.abs(half.flow01 - whole.flow01).max() < 0.05


def test_weights_are_named_and_checked(random: Path, untrained: Path, tmp_path: Path) -> None:
    assert NeuralFlow(weights=random).name != NeuralFlow(weights=untrained).name, (
        "other weights, other frames"
    )
    network, digest = load_refiner(random, torch.device("cpu"))
    assert len(digest) == 64 and sum(p.numel() for p in network.parameters()) < 5_000_000
    with pytest.raises(InputError, match="is not there"):
        NeuralFlow(weights=tmp_path / "none.safetensors")
    pickled = tmp_path / "pickled.safetensors"
    torch.save(network.state_dict(), pickled)
    with pytest.raises(InputError, match="cannot be read"):
        NeuralFlow(weights=pickled)
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(random.read_bytes()[:5000])
    with pytest.raises(InputError, match="cannot be read"):
        NeuralFlow(weights=cut)
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(InputError, match="other weights"):
        NeuralFlow(weights=tmp_path / "other.safetensors")


def test_other_weights_of_the_same_name_are_noticed(random: Path, untrained: Path, tmp_path: Path) -> None:
    """What a frame was made with names the weights, so that --resume makes it again with others."""
    path = tmp_path / "mine.safetensors"
    path.write_bytes(random.read_bytes())
    pinned = pin_weights(f"dis+neural,file={path}")
    assert pinned.startswith(f"dis+neural,file={path},weights=")
    assert len(parse_flow(pinned)) == 2
    path.write_bytes(untrained.read_bytes())
    assert pin_weights(f"dis+neural,file={path}") != pinned
    with pytest.raises(WeightsError, match="others are here"):
        parse_flow(pinned)
    with pytest.raises(WeightsError, match="is not there"):
        pin_weights(f"neural,file={tmp_path / 'none'}")


def test_the_classical_path_never_imports_torch() -> None:
    code = (
        "import sys; from retempo.flow.catalog import parse_flow, names; parse_flow('dis+dis:coarse'); names();"
        "import retempo.render.frame; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
