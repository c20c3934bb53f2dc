"""Does a training that is cut into slices go on where it stopped, and does the command say what is wrong?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from plates import Program, write_image
from retempo.errors import InputError, UsageError
from retempo.flow.neural.files import load_refiner
from retempo.io.frame import make_layer
from retempo.train.trainer import Plan, train

SECOND = 1 / 60


class Line:
    """Learns y = 2 x + 1."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.module = nn.Linear(1, 1)
        self.drawn: list[tuple[float, ...]] = []

    def loss(self, generator: torch.Generator) -> Tensor:
        x = torch.rand(8, 1, generator=generator)
        self.drawn.append(tuple(x.flatten().tolist()))
        return (self.module(x) - 2 * x - 1).square().mean()

    def validate(self) -> dict[str, float]:
        with torch.no_grad():
            return {"validation": -float((self.module(torch.tensor([[0.5]])) - 2).abs())}

    def save(self, path: Path, facts: Mapping[str, str]) -> None:
        path.write_text(json.dumps(dict(facts)))


def test_slices_go_on(tmp_path: Path) -> None:
    told: list[dict[str, object]] = []
    plan = Plan(minutes=0.5 * SECOND, horizon=2 * SECOND, rate=0.05, report=0.2, warm=0)
    one = Line()
    first = train(one, tmp_path, plan, told.append)
    assert first.iteration == len(one.drawn) > 10 and first.best > first.first
    other = Line()
    second = train(other, tmp_path, plan, told.append)
    assert second.iteration == first.iteration + len(other.drawn) and second.first == first.first
    assert not set(one.drawn) & set(other.drawn), "fresh batches, not the first slice's again"
    assert first.minutes < second.minutes <= first.minutes + 0.51 * SECOND
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["iteration"] for line in lines] == sorted({line["iteration"] for line in lines})
    assert lines[-1]["rate"] < lines[0]["rate"] <= 0.05
    assert json.loads((tmp_path / "best.safetensors").read_text())["validation"]
    assert {path.name for path in tmp_path.iterdir()} == {
        "state.safetensors", "state.json", "log.jsonl", "curve.png", "best.safetensors"
    }  # fmt: skip


def test_another_training_is_not_overwritten(tmp_path: Path) -> None:
    plan = Plan(minutes=0.1 * SECOND, report=0.05)
    train(Line(), tmp_path, plan, lambda _: None)
    before = (tmp_path / "state.safetensors").read_bytes()
    other = Line()
    other.module = nn.Linear(2, 1)
    with pytest.raises(InputError, match="another training"):
        train(other, tmp_path, plan, lambda _: None)
    unchanged = (tmp_path / "state.safetensors").read_bytes() == before
    assert unchanged
    with pytest.raises(UsageError, match="above 0"):
        Plan(minutes=0)


@pytest.mark.slow
def test_the_command(retempo: Program, tmp_path: Path) -> None:
    """Gather, train on painted scenes, go on with footage, and use the weights."""
    chance = np.random.default_rng(0)
    coarse = np.kron(0.3 + 0.3 * chance.random((40, 40, 3)), np.ones((8, 8, 1))).astype(np.float32)
    for number in range(14):
        moved = np.roll(coarse, number * number // 3, axis=1)
        write_image(tmp_path / "in" / f"a.{number:02d}.exr", make_layer(moved, "RGB"))
    samples = tmp_path / "samples"
    made = retempo.done("train", "gather", tmp_path / "in" / "a.##.exr", "-o", samples, "--gaps", "4")
    assert sum(made["samples"].values()) > 0
    shared = (
        "--held-out",
        samples,
        "--size",
        "64",
        "--batch",
        "1",
        "--minutes",
        2 * SECOND,
        "--report",
        "30",
    )
    report = retempo.done("train", "flow", *shared, "-o", tmp_path / "flow")
    assert report["iterations"] > 0
    weights = tmp_path / "flow" / "best.safetensors"
    again = ("train", "synthesis", "--data", samples, *shared, "-o", tmp_path / "end")
    assert report["weights"] == (str(weights) if weights.is_file() else None)
    if weights.is_file():  # otherwise nothing was gained, and nothing is kept
        again = (*again, "--from", weights)
    report = retempo.done(*again)
    assert report["iterations"] > 0 and report["best"] >= report["untrained"]
    if (tmp_path / "end" / "best.safetensors").is_file():
        network, _ = load_refiner(tmp_path / "end" / "best.safetensors", torch.device("cpu"))
        assert not network.training
    outcome = retempo("train", "synthesis", "--data", tmp_path, "--held-out", samples, "-o", tmp_path / "x")
    assert outcome.code == 3 and "holds no samples" in outcome.err
    outcome = retempo("train", "flow", "--held-out", samples, "-o", tmp_path / "x", "--size", "63")
    assert outcome.code == 2 and "even" in outcome.err
