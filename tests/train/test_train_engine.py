"""Does an engine that is trained get better, go on where it stopped, and end as weights that it is then found with?"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor, nn

from plates import Program, write_image
from retempo.errors import InputError, UsageError
from retempo.io.frame import make_layer
from retempo.models import manifest, registry, weights
from retempo.models.base import Capabilities, Made, as_time, check_window
from retempo.models.engine import Batch, Engine, Recipe, Variant
from retempo.models.manifest import Entry
from retempo.models.registry import ENGINES, find_engine, load_engine, parse_engine
from retempo.models.weights import add_weights, inspect
from retempo.train.engine_task import EngineTask
from retempo.train.scenes import Scenes
from retempo.train.trainer import OPTIMISERS, Plan, train

HERE = [name for name in ENGINES if importlib.util.find_spec(f"retempo.models.{name}")]
NETWORKS = [
    f"{engine.name}:{variant.name}"
    for engine in map(find_engine, HERE)
    for variant in engine.variants
    if variant.parameters
]

STEPS = 5
"""In which even large networks get better."""


class Mixer(nn.Module):
    """Mixes two pictures by the instant, and adds what it has learned; ``seen`` is the kind of what it computed."""

    def __init__(self) -> None:
        super().__init__()
        self.change = nn.Conv2d(6, 3, 3, padding=1)
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))
        self.seen: list[torch.dtype] = []

    def forward(self, one: Tensor, other: Tensor, time: Tensor) -> Tensor:
        change = self.change(torch.cat([one, other], 1))
        self.seen.append(change.dtype)
        return one * (1 - time) + other * time + change


class Mixing:
    """The mixer at work."""

    def __init__(self, network: nn.Module, name: str) -> None:
        self.name, self.capabilities = name, Capabilities(any_time=True, multiple=4, index_map=True)
        self._network = network.eval().requires_grad_(False)  # as careless adapters do

    def prepare(self, images: Sequence[Tensor]) -> Mixing:
        check_window(images, 2)
        self._images = tuple(images)
        return self

    @property
    def nbytes(self) -> int:
        return 0

    def render(self, time: float | Tensor) -> Made:
        return Made(self._network(*self._images, as_time(time, self._images[0])))


def measure(network: nn.Module, batch: Batch) -> Tensor:
    """Mean squared error."""
    assert network.training
    return (network(*batch.frames, batch.time) - batch.truth).square().mean()


MIXER = Engine(
    "mixer", "Mixer", "none", Capabilities(any_time=True, multiple=4, index_map=True),
    (Variant("plain", "mixer-plain", 165),),
    build=lambda variant: Mixer(),
    adapt=Mixing,
    convert=lambda state, variant: dict(state),
    objective=lambda variant: measure,
    recipe=Recipe(optimiser="adamax", rate=0.01, crop=32, batch=2, vary=("mirror", "jitter")),
)  # fmt: skip


@pytest.fixture
def mixer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Engine:
    """An engine that the registry and the manifest know, and an empty weights folder."""
    known = {**{name: find_engine(name) for name in HERE}, "mixer": MIXER}
    for module in (registry, weights):
        monkeypatch.setattr(module, "find_engine", lambda name: known[name])
    entry = Entry("mixer-plain", "a toy", "a toy", "none", 165, (), engine="mixer:plain")
    read = manifest.read_manifest
    monkeypatch.setattr(manifest, "read_manifest", lambda path=None: (*read(path), entry))
    monkeypatch.setenv("RETEMPO_WEIGHTS", str(tmp_path / "weights"))
    return MIXER


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Forty frames of noise that runs to the right."""
    chance = np.random.default_rng(0)
    coarse = np.kron(0.3 + 0.4 * chance.random((6, 10, 3)), np.ones((8, 8, 1))).astype(np.float32)
    for number in range(40):
        moved = make_layer(np.roll(coarse, 2 * number, axis=1), "RGB", formats="uint8")
        write_image(tmp_path / "clip" / f"a.{number:02d}.png", moved)
    return tmp_path / "clip"


def test_the_command_trains_and_the_weights_are_found(
    retempo: Program, tmp_path: Path, mixer: Engine, clip: Path
) -> None:
    """The literal spelling, a second slice, and the way to --engine."""
    run = tmp_path / "run"
    command = ("train", "--engine", "mixer", clip, "-o", run, "--warm", 1)
    first = retempo.done(*command, "--steps", 40)
    assert first["iterations"] == 40 and first["best"] > first["untrained"] + 1
    said = retempo(*command, "--steps", 10)
    assert said.code == 0 and "50 steps" in said.out and "weights add mixer-plain" in said.out
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert [line["iteration"] for line in lines] == [40, 50]
    assert lines[-1]["validation_loss"] < 1.05 * lines[0]["validation_loss"]
    assert (run / "curve.png").stat().st_size > 1000
    with safe_open(run / "best.safetensors", framework="numpy") as opened:
        assert opened.metadata()["retempo.engine"] == "mixer:plain"
    assert json.loads((run / "state.json").read_text())["plan"]["optimiser"] == "adamax"
    start = ("--from", run / "best.safetensors", "--steps", 1)
    more = retempo.done("train", "--engine", "mixer", clip, "-o", tmp_path / "more", *start)
    assert more["untrained"] > first["untrained"] + 1, "it begins where the other has come to"
    added = retempo("weights", "add", "mixer-plain", run / "best.safetensors")
    assert added.code == 0 and "none of the published files" in added.out + added.err
    kept = inspect("mixer-plain")
    assert kept is not None
    assert load_engine("mixer").name == f"mixer:plain,weights={kept.source_sha256[:8]}"


@pytest.mark.parametrize(
    ("flags", "code", "said"),
    [
        (("-o", "run"), 2, "nothing to train on"),
        (("{clip}", "--procedural", "-o", "run"), 2, "both given"),
        (("{clip}", "-o", "run", "--vary", "mirror,blur"), 2, "'blur'"),
        (("{clip}", "-o", "run", "--crop", "30"), 2, "multiples of 4"),
        (("{clip}", "-o", "run", "--crop", "64"), 3, "80x48"),
        (("{clip}", "-o", "run", "--optimiser", "sgd"), 2, "choose from adam"),
        (("{clip}", "-o", "run", "--betas", "0.9", "1"), 2, "betas"),
        (("{clip}", "-o", "run", "--validate", "0"), 2, "--validate 0"),
        (("{clip}", "-o", "run", "--teacher", "dis+dis:coarse"), 2, "name one estimator"),
        (("{clip}", "-o", "run", "--rate", "1e30", "--clip", "0"), 2, "choose a smaller rate"),
        (("{clip}", "-o", "run", "--from", "{clip}/a.00.png"), 3, "a.00.png"),
        (("{clip}",), 2, "-o/--output"),
    ],
)
def test_what_cannot_be_trained_is_refused(
    retempo: Program, tmp_path: Path, mixer: Engine, clip: Path,
    monkeypatch: pytest.MonkeyPatch, flags: tuple[str, ...], code: int, said: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    given = [one.format(clip=clip) for one in flags]
    outcome = retempo("train", "--engine=mixer", *given, "--steps", 9, "--warm", 0)
    assert (outcome.code, said in outcome.err) == (code, True), outcome.err


def test_other_kinds_of_training_are_not_taken_for_an_engine(retempo: Program, tmp_path: Path) -> None:
    assert "invalid choice" in retempo("train", tmp_path, "-o", tmp_path).err
    assert "--procedural" in retempo("train", "engine", "--help").out
    outcome = retempo("train", "--engine", "splatsyn", "--procedural", "-o", tmp_path / "run")
    assert outcome.code == 2 and "no network" in outcome.err


def painted(text: str, **options: Any) -> EngineTask:
    """A task on painted scenes of 32 pixels, unless it says otherwise."""
    choice = parse_engine(text, training=True)
    source = Scenes(choice.engine.capabilities, layers=2, fastest=8)
    return EngineTask(choice, source, source, **{"batch": 2, "crop": 32, "limit": 4, **options})


def test_held_out_samples_are_never_drawn(mixer: Engine, tmp_path: Path) -> None:
    task, chance = painted("mixer"), torch.Generator().manual_seed(0)
    held_out = torch.cat([batch.truth for batch in task._held_out])
    drawn = torch.cat([task._send_for(chance).result().truth for _ in range(4)])
    assert held_out.shape == (4, 3, 32, 32) and not any(
        torch.equal(one, other) for one in held_out for other in drawn
    )
    assert torch.equal(painted("mixer")._held_out[0].truth, held_out[:2]), "the same in the next slice"


def test_validation_leaves_the_network_as_it_is(mixer: Engine) -> None:
    task = painted("mixer")
    before = {name: one.clone() for name, one in task.module.state_dict().items()}
    figures = task.validate()
    assert set(figures) == {"validation", "validation_loss"}
    assert all(torch.equal(before[name], one) for name, one in task.module.state_dict().items())
    assert task.module.training and all(one.requires_grad for one in task.module.parameters())
    task.loss(torch.Generator().manual_seed(1)).backward()


def test_a_slice_that_goes_on_is_the_training_that_was_not_cut(mixer: Engine, tmp_path: Path) -> None:
    """The optimiser's moments and the running mean survive; a batch buffer that is no float does, too."""
    plan = Plan(minutes=5, horizon=1e9, steps=3, rate=0.01, warm=0, optimiser="adamax", clip=0, report=1e9)

    def cut(steps: Sequence[int], folder: Path) -> dict[str, Tensor]:
        for count in steps:
            task = painted("mixer")
            task.module.steps += 7
            task.loss = lambda generator, task=task: measure(task.module, task._held_out[0])  # type: ignore[method-assign,misc]
            train(task, folder, Plan(**{**plan.__dict__, "steps": count}), lambda line: None)
        return load_file(folder / "state.safetensors")

    whole, parts = cut([6], tmp_path / "whole"), cut([2, 4], tmp_path / "parts")
    assert whole.keys() == parts.keys() and any("exp_inf" in name for name in whole)
    for name, one in whole.items():
        torch.testing.assert_close(parts[name], one, rtol=1e-5, atol=1e-7)
    assert int(whole["mean.steps"]) == 7
    with pytest.raises(InputError, match="begun with adamax, not adam"):
        train(painted("mixer"), tmp_path / "whole", Plan(optimiser="adam"), lambda line: None)


@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_half_floats_and_every_optimiser(mixer: Engine, tmp_path: Path, optimiser: str) -> None:
    task = painted("mixer")
    network = task.module
    assert isinstance(network, Mixer)
    told: list[dict[str, Any]] = []
    plan = Plan(minutes=5, steps=15, rate=0.01, warm=1, optimiser=optimiser, half=True)
    train(task, tmp_path, plan, told.append)
    assert torch.bfloat16 in network.seen and network.change.weight.dtype == torch.float32
    assert told[-1]["validation_loss"] < told[0]["validation_loss"]


def test_the_goal_ends_a_slice(mixer: Engine, tmp_path: Path) -> None:
    plan = Plan(minutes=5, steps=500, rate=0.01, warm=1, report=1e-6, goal=10.0)
    assert train(painted("mixer"), tmp_path, plan, lambda line: None).iteration == 1


def test_distances_are_told_where_they_are_asked_for(
    retempo: Program, tmp_path: Path, mixer: Engine, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Batch] = []

    def listen(network: nn.Module, batch: Batch) -> Tensor:
        told.append(batch)
        return measure(network, batch)

    monkeypatch.setattr(registry, "find_engine", lambda name: MIXER.__class__(
        **{**MIXER.__dict__, "objective": lambda variant: listen}
    ))  # fmt: skip
    shared = ("train", "--engine", "mixer", "--steps", 1, "--validate", 2, "-o")
    retempo.done(*shared, tmp_path / "a", clip, "--index", "distance", "--teacher", "dis")
    assert {tuple(batch.time.shape) for batch in told} == {(2, 1, 32, 32)}
    assert all(batch.flows is not None and batch.flows[0].shape == (2, 2, 32, 32) for batch in told)
    told.clear()
    retempo.done(*shared, tmp_path / "b", "--procedural", "--index", "distance")
    assert {tuple(batch.time.shape) for batch in told} == {(2, 1, 32, 32)} and told[0].flows is not None
    told.clear()
    retempo.done(*shared, tmp_path / "c", clip)
    assert {tuple(batch.time.shape) for batch in told} == {(2, 1, 1, 1)} and told[0].flows is None
    outcome = retempo("train", "--engine", "mixer", clip, "-o", tmp_path / "d", "--index", "speed")
    assert outcome.code == 2


@pytest.fixture(scope="module")
def vgg(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file as torchvision publishes VGG-19, its weights by chance."""
    from retempo.models.vgg import Vgg

    torch.manual_seed(1)
    path = tmp_path_factory.mktemp("vgg") / "vgg19.pth"
    torch.save(Vgg((1.0,) * 3, (0.0,) * 3).state_dict(), path)
    return path


@torch.no_grad()
def measure_twice(task: EngineTask, batch: Batch) -> list[float]:
    """The objective on a batch in full precision and in bfloat16, with the same chance."""
    found = []
    for half in (False, True):
        torch.manual_seed(3)
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            found.append(float(task._objective(task.module, batch)))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_each_network_learns_and_its_weights_are_found(
    name: str, vgg: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some steps on painted scenes: the objective on others is better, and what was saved is what is loaded."""
    monkeypatch.setenv("RETEMPO_WEIGHTS", str(tmp_path / "weights"))
    choice = parse_engine(name)
    recipe = choice.engine.recipe
    lesson = f",vgg={vgg}" if name in ("film:style", "film:vgg", "softsplat:lf") else ""
    crop = max(64 if choice.engine.name == "softsplat" else 32, choice.engine.capabilities.multiple)
    task = painted(name + lesson, batch=1, crop=crop, limit=2)
    steps = (
        3 * STEPS if choice.engine.name == "dbvi" else STEPS
    )  # its heads begin at 0, so nothing else learns at first
    plan = Plan(
        minutes=30, steps=steps, rate=recipe.rate, warm=1, report=1e9, optimiser=recipe.optimiser,
        betas=recipe.betas, decay=recipe.decay, clip=recipe.clip,
    )  # fmt: skip
    told: list[dict[str, Any]] = []
    train(task, tmp_path / "run", plan, told.append)
    assert told[-1]["validation_loss"] < told[0]["validation_loss"]
    (batch, *_) = task._held_out
    full, half = measure_twice(task, batch)
    assert half == pytest.approx(full, rel=0.1, abs=1e-6), "16 bits are enough"
    path = tmp_path / "mine.safetensors"
    task.save(path, {})
    add_weights(choice.variant.weights, path)
    engine = load_engine(name)
    assert engine.name.startswith(name) and "untrained" not in engine.name
    mine = choice.engine.adapt(task.module, name, **choice.options)
    one, other = (each.prepare(batch.frames).render(batch.time).image for each in (mine, engine))
    torch.testing.assert_close(one, other, rtol=0, atol=1e-5)


def test_options_of_an_objective_are_for_training_alone() -> None:
    choice = parse_engine("film:style,vgg=there.pth,stage=1", training=True)
    assert choice.taught == {"vgg": "there.pth", "stage": 1}
    assert (choice.name, choice.options) == ("film:style", {})
    with pytest.raises(UsageError, match="no option 'stage=1'"):
        parse_engine("film:style,stage=1")
