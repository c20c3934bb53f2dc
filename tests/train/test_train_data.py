"""Is painted motion exact, and do samples of footage hold what they say?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from plates import write_image
from retempo.errors import InputError
from retempo.flow.neural.measures import look_up, spread
from retempo.io.frame import make_layer
from retempo.train.footage import SIZE, Footage, gather
from retempo.train.procedural import Motion, Procedural
from retempo.train.samples import Samples


def test_layers_are_found_where_they_are_placed() -> None:
    chance = torch.Generator().manual_seed(2)
    (motion, _, _) = Procedural()._layer(3, 96, chance, 1)
    point = 40 * torch.rand(3, 2, 8, 8, generator=chance) - 20
    for time in (-1.0, 0.3, 2.0):
        times = torch.full((3,), time)
        assert (motion.find(motion.place(point, times), times) - point).abs().max() < 0.02
    assert isinstance(motion, Motion)


def test_painted_motion_is_exact(painted: tuple[Samples, tuple[torch.Tensor, torch.Tensor]]) -> None:
    """What is seen in both frames looks the same along the motion, to the frames' noise."""
    samples, exact = painted
    for own, other, flow in zip(samples.frames, samples.frames[::-1], exact, strict=True):
        error = (look_up(other, flow) - own).abs().mean(1)
        assert error.median() < 0.03
        still = (other - own).abs().mean(1)
        assert error.median() < 0.5 * still[still > 0.01].median()
    moved = exact[0].square().sum(1).sqrt()
    assert 1 < moved.mean() < 20 and moved.max() > 4


def test_painted_scenes_repeat_with_the_seed() -> None:
    one, other = (Procedural(layers=1).draw(1, 64, torch.Generator().manual_seed(9)) for _ in range(2))
    assert torch.equal(one.truth, other.truth) and torch.equal(one.flows[0], other.flows[0])


def test_spread_of_even_and_uneven_motion() -> None:
    even = torch.full((1, 2, 8, 8), 3.0)
    assert float(spread(even).max()) < 1e-3
    even[:, :, :, 4:] = 5.0
    assert float(spread(even)[0, 0, 4, 4]) > 0.5 and float(spread(even)[0, 0, 4, 7]) < 1e-3


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fourteen frames of noise that runs to the right, faster and faster: no straight path is right."""
    folder = tmp_path_factory.mktemp("clip")
    chance = np.random.default_rng(0)
    coarse = np.kron(0.3 + 0.3 * chance.random((40, 60, 3)), np.ones((8, 8, 1))).astype(np.float32)
    for number in range(14):
        run = np.roll(coarse, number * number // 3, axis=1)
        write_image(folder / f"walk.{number:04d}.exr", make_layer(run, "RGB"))
    return folder / "walk.####.exr"


@pytest.fixture(scope="module")
def folder(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("samples")
    assert gather(str(clip), made, gaps=4, seed=1) > 0
    return made


def test_gathered_samples(folder: Path) -> None:
    footage = Footage(folder)
    sample = next(footage.each())
    assert sample.truth.shape == (1, 3, SIZE, SIZE) and 0 < float(sample.phase) < 1
    middle = np.s_[..., 100:150, 100:150]
    along = sample.flows[0][middle]
    assert float(along[:, 0].median()) > 1 and float(along[:, 1].abs().median()) < 0.2
    apart = (sample.flows[0] - sample.inverses[0])[middle]
    assert float(apart.abs().median()) < 0.5, "two opinions, one motion"
    assert float(sample.pasts[0][middle][:, 0].median()) < -0.5, "the past lies the other way"
    drawn = footage.draw(3, 64, torch.Generator().manual_seed(0))
    assert drawn.truth.shape == (3, 3, 64, 64) and drawn.trusts[1].shape == (3, 1, 64, 64)


def test_gathering_says_what_is_wrong(clip: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has 3 frames"):
        gather(str(clip), tmp_path, gaps=1, frames="0-2")
    with pytest.raises(InputError, match="holds no samples"):
        Footage(tmp_path)
    np.save(tmp_path / "other.npy", np.zeros(3))
    with pytest.raises(InputError, match="of this version"):
        Footage(tmp_path)
    (tmp_path / "other.npy").write_bytes(b"pickle me")
    with pytest.raises(InputError, match="cannot be read"):
        Footage(tmp_path)
