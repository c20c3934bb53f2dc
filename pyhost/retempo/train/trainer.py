"""How does training go on over many short slices of time, each of which may be the last?

A *slice* trains for some minutes and leaves everything in a folder: the next one, here or elsewhere, begins where it
ended.

    state.safetensors   weights, their running mean, the optimiser's moments
    state.json          how far it is, with which settings
    log.jsonl           a line a report: iteration, minutes, loss, learning rate, validation
    curve.png           loss and validation drawn
    best.safetensors    the running mean that validated best
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from retempo.errors import InputError, OutputError, UsageError
from retempo.train.curve import draw_curve

_CLIP: Final = 0.1
_MEAN: Final = 0.995


class Task(Protocol):
    """What is trained.

    Attributes:
        module: with the weights.
    """

    module: nn.Module

    def loss(self, generator: torch.Generator) -> Tensor:
        """The loss of a fresh batch, a scalar with gradient."""
        ...

    def validate(self) -> float:
        """How good the module is, larger is better (dB of PSNR)."""
        ...

    def save(self, path: Path, facts: Mapping[str, str]) -> None:
        """Write the weights in the form in which they are used."""
        ...


@dataclass(frozen=True)
class Plan:
    """One slice of training.

    Attributes:
        minutes: how long this slice may take, validation included.
        horizon: minutes of all slices together, over which the learning rate falls to a fiftieth (half a cosine).
        rate: learning rate at the beginning, > 0.
        report: seconds between validations.
        seed: of all chance; goes on from slice to slice.
    """

    minutes: float = 10.0
    horizon: float = 60.0
    rate: float = 5e-4
    report: float = 180.0
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.minutes, self.horizon, self.rate, self.report) <= 0:
            raise UsageError(
                "minutes, horizon, rate and report of a training must be above 0", "choose larger ones"
            )


@dataclass
class Progress:
    """How far a training is.

    Attributes:
        iteration: batches seen. minutes: spent. best: validation of the best weights so far. first: of the untrained.
    """

    iteration: int = 0
    minutes: float = 0.0
    best: float = -math.inf
    first: float = -math.inf


def train(task: Task, folder: Path, plan: Plan, tell: Callable[[dict[str, Any]], None]) -> Progress:
    """Train for one slice, from where the folder left off.

    Args:
        task: what is trained; its module is changed.
        folder: of the state, made if need be.
        plan: how long and how fast.
        tell: hears every line of the log.

    Raises:
        InputError: the folder's state is of other weights. OutputError: it cannot be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder} cannot be made: {error}", "choose another folder") from error
    optimiser = torch.optim.AdamW(task.module.parameters(), lr=plan.rate, weight_decay=1e-5)
    mean = {name: tensor.detach().clone() for name, tensor in task.module.state_dict().items()}
    progress = _restore(folder, task.module, mean, optimiser)
    if progress.iteration == 0:
        progress.first = progress.best = task.validate()
        tell({"iteration": 0, "validation": progress.first})
    generator = torch.Generator().manual_seed(plan.seed * 1_000_003 + progress.iteration)
    begun = told = time.monotonic()
    spent, losses = progress.minutes, []
    while (now := time.monotonic()) - begun < plan.minutes * 60:
        progress.minutes = spent + (now - begun) / 60
        rate = _rate(plan, progress)
        for group in optimiser.param_groups:
            group["lr"] = rate
        loss = task.loss(generator)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(task.module.parameters(), _CLIP)
        optimiser.step()
        progress.iteration += 1
        losses.append(float(loss.detach()))
        keep = min(_MEAN, progress.iteration / (progress.iteration + 20))
        for name, tensor in task.module.state_dict().items():
            mean[name].lerp_(tensor, 1 - keep)
        if time.monotonic() - told > plan.report:
            _report(task, folder, plan, progress, mean, optimiser, losses, rate, tell)
            told, losses = time.monotonic(), []
    if losses:
        _report(task, folder, plan, progress, mean, optimiser, losses, _rate(plan, progress), tell)
    return progress


def _rate(plan: Plan, progress: Progress) -> float:
    done = min(1.0, progress.minutes / plan.horizon)
    warm = min(1.0, (progress.iteration + 1) / 100)
    return plan.rate * warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done)))


def _report(
    task: Task,
    folder: Path,
    plan: Plan,
    progress: Progress,
    mean: dict[str, Tensor],
    optimiser: torch.optim.Optimizer,
    losses: list[float],
    rate: float,
    tell: Callable[[dict[str, Any]], None],
) -> None:
    """Validate the mean weights, keep them if they are the best, and leave everything in the folder."""
    current = {name: tensor.clone() for name, tensor in task.module.state_dict().items()}
    task.module.load_state_dict(mean)
    validation = task.validate()
    better = validation > progress.best
    progress.best = max(progress.best, validation)
    facts = {
        "iterations": str(progress.iteration),
        "minutes": f"{progress.minutes:.1f}",
        "validation": f"{validation:.3f}",
    }
    if better:
        task.save(folder / "best.safetensors", facts)
    task.module.load_state_dict(current)
    line = {
        "iteration": progress.iteration,
        "minutes": round(progress.minutes, 3),
        "loss": sum(losses) / len(losses),
        "rate": rate,
        "validation": validation,
    }
    try:
        with (folder / "log.jsonl").open("a") as log:
            log.write(json.dumps(line) + "\n")
        _store(folder, task.module, mean, optimiser, progress, plan)
    except OSError as error:
        raise OutputError(f"{folder} cannot be written to: {error}", "make room and train on") from error
    draw_curve(folder / "log.jsonl", folder / "curve.png", progress.first)
    tell(line)


def _store(
    folder: Path,
    module: nn.Module,
    mean: dict[str, Tensor],
    optimiser: torch.optim.Optimizer,
    progress: Progress,
    plan: Plan,
) -> None:
    tensors = {f"weights.{name}": tensor for name, tensor in module.state_dict().items()}
    tensors |= {f"mean.{name}": tensor for name, tensor in mean.items()}
    for index, moments in optimiser.state_dict()["state"].items():
        tensors |= {f"moments.{index}.{name}": torch.as_tensor(value) for name, value in moments.items()}
    beside = folder / ".state.part"
    save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, beside)
    beside.replace(folder / "state.safetensors")
    facts = json.dumps({"progress": asdict(progress), "plan": asdict(plan)}, indent=1)
    beside.write_text(facts + "\n")
    beside.replace(folder / "state.json")


def _restore(
    folder: Path, module: nn.Module, mean: dict[str, Tensor], optimiser: torch.optim.Optimizer
) -> Progress:
    """Load what the last slice left, if any."""
    path = folder / "state.safetensors"
    if not path.is_file():
        return Progress()
    try:
        tensors = load_file(path)
        progress = Progress(**json.loads((folder / "state.json").read_text())["progress"])
        module.load_state_dict(_part(tensors, "weights."))
        for name, tensor in _part(tensors, "mean.").items():
            mean[name].copy_(tensor)
        moments: dict[int, dict[str, Tensor]] = {}
        for name, tensor in _part(tensors, "moments.").items():
            index, key = name.split(".")
            moments.setdefault(int(index), {})[key] = tensor
        groups = optimiser.state_dict()["param_groups"]
        optimiser.load_state_dict({"state": moments, "param_groups": groups})
    except (SafetensorError, OSError, KeyError, ValueError, RuntimeError) as error:
        raise InputError(
            f"{folder} holds the state of another training: {error}", "choose an empty folder"
        ) from error
    return progress


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
