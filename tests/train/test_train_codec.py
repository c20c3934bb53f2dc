"""Does the codec's training see what was gathered, get better, and go on where it was stopped?"""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from retempo.codec.config import CodecConfig  # noqa: E402
from retempo.codec.network import fetch  # noqa: E402
from retempo.codec.weights import load_codec  # noqa: E402
from retempo.errors import InputError, UsageError  # noqa: E402
from retempo.train.codec import SIZE, Batch, CodecSamples, CodecTask, _steps, _turn, record_type  # noqa: E402
from retempo.train.trainer import Plan, train  # noqa: E402
from small_codec import paint  # noqa: E402

SMALL = CodecConfig(width=8, latent=6)


def write(path: Path, count: int = 6, references: int = 2) -> Path:
    """Samples of a texture that moves 2 pixels a frame to the left."""
    entries = np.zeros(count, record_type(references))
    for index in range(count):
        clip = paint(3, SIZE, SIZE, index)
        entries[index]["target"] = clip[1]
        entries[index]["references"] = [clip[0], clip[2], clip[0], clip[2]][:references]
        entries[index]["flows"][..., 0] = np.array([2, -2, 2, -2][:references])[:, None, None]
        entries[index]["distances"] = 1
    np.save(path, entries)
    return path


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> CodecSamples:
    return CodecSamples(write(tmp_path_factory.mktemp("codec") / "some.npy"))


def error(batch: Batch) -> float:
    """Of references along their motion, away from the borders."""
    warped = fetch(batch.references, batch.flows)
    return float((warped - batch.target.unsqueeze(1))[..., 8:-8, 8:-8].abs().mean())


def test_motion_still_fits_after_mirrors_and_turns(samples: CodecSamples) -> None:
    batch = samples.draw(3, 64, torch.Generator().manual_seed(0))
    assert error(batch) < 2e-3
    for seed in range(8):
        turned = _turn(batch, torch.Generator().manual_seed(seed))
        assert error(turned) < 2e-3
    other = Batch(batch.target, batch.references, batch.flows.flip(-3), batch.distances)
    assert error(other) > 2e-2


def test_steps_are_near_on_both_sides_and_differ() -> None:
    chance = random.Random(1)
    for references in (2, 3, 4):
        for _ in range(50):
            steps = _steps(references, chance)
            assert len(set(steps)) == len(steps) == references
            assert steps[0] < 0 < steps[1]
            assert max(map(abs, steps)) <= 4


def test_samples_of_something_else_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="gather"):
        CodecSamples(tmp_path / "none.npy")
    np.save(tmp_path / "other.npy", np.zeros(3))
    with pytest.raises(InputError, match="no samples with 2 references"):
        CodecSamples(tmp_path / "other.npy")
    with pytest.raises(InputError, match="no samples with 3 references"):
        CodecSamples(write(tmp_path / "two.npy", 1), 3)


def test_it_learns_and_goes_on_where_it_was(tmp_path: Path, samples: CodecSamples) -> None:
    """Two slices; the second begins with the weights, moments and count of the first."""
    plan = Plan(minutes=0.03, horizon=1.0, rate=2e-3, report=60.0)
    options = {"batch": 2, "size": 64, "limit": 4}
    first = train(CodecTask(SMALL, 0.01, samples, samples, **options), tmp_path, plan, lambda line: None)
    assert first.iteration >= 2
    task = CodecTask(SMALL, 0.01, samples, samples, seed=9, **options)  # other weights, which are replaced
    second = train(task, tmp_path, plan, lambda line: None)
    assert second.iteration > first.iteration
    assert second.minutes > first.minutes
    assert second.first == first.first
    assert second.best > first.first
    codec = load_codec(tmp_path / "best.safetensors")
    assert codec.weight == 0.01
    assert int(codec.facts["iterations"]) <= second.iteration
    with pytest.raises(InputError, match="another"):
        train(
            CodecTask(CodecConfig(width=7, latent=6), 0.01, samples, samples, **options),
            tmp_path,
            plan,
            print,
        )


def test_steps_lower_the_loss_of_either_kind(samples: CodecSamples) -> None:
    for kind in ("joint", "sequential"):
        task = CodecTask(CodecConfig(width=8, latent=6, kind=kind), 0.01, samples, samples, batch=2, size=64)
        before = task.validate()["validation"]
        optimiser = torch.optim.Adam(task.module.parameters(), 3e-3)
        generator = torch.Generator().manual_seed(0)
        for _ in range(25):
            optimiser.zero_grad()
            task.loss(generator).backward()
            optimiser.step()
        after = task.validate()
        assert after["validation"] > before + 0.1
        assert after["bits_per_pixel"] > 0


@torch.no_grad()
def test_a_joint_network_begins_with_the_motion_of_a_sequential_one(samples: CodecSamples) -> None:
    first = CodecTask(CodecConfig(width=8, latent=6, kind="sequential"), 0.01, samples, samples, size=64)
    first.module.encoder[-1].weight.mul_(30)
    second = CodecTask(SMALL, 0.01, samples, samples, size=64, seed=3)
    second.begin_with(first.module)
    batch = next(samples.each(64, 1))
    latent = first.module.analyse(*batch[:3])
    assert latent.std() > 0.3
    assert torch.allclose(second.module.analyse(*batch[:3]), latent, atol=1e-5)
    one, other = (task.module.eval().make(latent.round(), batch.references) for task in (first, second))
    assert torch.allclose(one.flows, other.flows, atol=1e-5)
    assert torch.allclose(other.shares, torch.full_like(other.shares, 0.5))
    with pytest.raises(UsageError, match="to begin with"):
        CodecTask(CodecConfig(width=9, latent=6), 0.01, samples, samples, size=64).begin_with(first.module)


@pytest.mark.parametrize("wrong", [{"size": 100}, {"size": 224}, {"batch": 0}, {"limit": 0}, {"weight": 0.0}])
def test_settings_that_cannot_be(samples: CodecSamples, wrong: dict[str, float]) -> None:
    options = {"weight": 0.01, "batch": 2, "size": 64, **wrong}
    with pytest.raises(UsageError):
        CodecTask(SMALL, options.pop("weight"), samples, samples, **options)
