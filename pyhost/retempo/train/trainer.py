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
from torch import Tensor, nn

from retempo.errors import OutputError, UsageError
from retempo.train.curve import draw_curve
from retempo.train.state import Progress, State

_MEAN: Final = 0.995
OPTIMISERS: Final[dict[str, type[torch.optim.Optimizer]]] = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "adamax": torch.optim.Adamax,
}


class Task(Protocol):
    """What is trained.

    Attributes:
        module: with the weights.
    """

    module: nn.Module

    def loss(self, generator: torch.Generator) -> Tensor:
        """The loss of a fresh batch, a scalar with gradient."""
        ...

    def validate(self) -> Mapping[str, float]:
        """Figures of data that is never trained on, for the log.

        ``validation`` is how good the module is, larger is better (dB of PSNR).
        """
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
        steps: of this slice, at most; 0 for any.
        warm: steps over which the rate rises at first.
        optimiser: of ``OPTIMISERS``. betas, decay: its moments' and its weights'.
        clip: largest norm of the gradient; 0 for any.
        goal: validation at which the slice ends early.
        half: 16 bits where PyTorch deems them enough: bfloat16, on CUDA float16 with a scaled loss.
    """

    minutes: float = 10.0
    horizon: float = 60.0
    rate: float = 5e-4
    report: float = 180.0
    seed: int = 0
    steps: int = 0
    warm: int = 100
    optimiser: str = "adamw"
    betas: tuple[float, float] = (0.9, 0.999)
    decay: float = 1e-5
    clip: float = 0.1
    half: bool = False
    goal: float = math.inf

    def __post_init__(self) -> None:
        if min(self.minutes, self.horizon, self.rate, self.report) <= 0:
            raise UsageError(
                "minutes, horizon, rate and report of a training must be above 0", "choose larger ones"
            )
        if min(self.steps, self.warm, self.decay, self.clip) < 0 or not all(
            0 <= one < 1 for one in self.betas
        ):
            raise UsageError(
                "steps, warm, decay and clip of a training must not be negative, and betas lie in [0, 1)",
                "choose others",
            )
        if self.optimiser not in OPTIMISERS:
            raise UsageError(
                f"there is no optimiser {self.optimiser!r}", f"choose from {', '.join(OPTIMISERS)}"
            )

    def make_optimiser(self, module: nn.Module) -> torch.optim.Optimizer:
        """Of the module's parameters."""
        kind: Any = OPTIMISERS[self.optimiser]
        made: torch.optim.Optimizer = kind(
            module.parameters(), lr=self.rate, betas=self.betas, weight_decay=self.decay
        )
        return made


def train(task: Task, folder: Path, plan: Plan, tell: Callable[[dict[str, Any]], None]) -> Progress:
    """Train for one slice, from where the folder left off.

    Args:
        task: what is trained; its module is changed.
        folder: of the state, made if need be.
        plan: how long and how fast.
        tell: hears every line of the log.

    Raises:
        InputError: the folder's state is of other weights. OutputError: it cannot be written to.
        UsageError: the training runs away.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder} cannot be made: {error}", "choose another folder") from error
    device = next(task.module.parameters()).device.type
    kind = torch.float16 if device == "cuda" else torch.bfloat16
    scaler = torch.amp.GradScaler(device, enabled=plan.half and device == "cuda")
    state = State(task.module, plan.make_optimiser(task.module), scaler, plan.optimiser)
    progress = state.restore(folder)
    if progress.iteration == 0:
        figures = task.validate()
        progress.first = progress.best = figures["validation"]
        tell({"iteration": 0, **figures})
    generator = torch.Generator().manual_seed(plan.seed * 1_000_003 + progress.iteration)
    begun = told = time.monotonic()
    spent, first, losses = progress.minutes, progress.iteration, []
    while (now := time.monotonic()) - begun < plan.minutes * 60:
        if plan.steps and progress.iteration - first >= plan.steps:
            break
        progress.minutes = spent + (now - begun) / 60
        rate = _rate(plan, progress)
        with torch.autocast(device, kind, enabled=plan.half):
            loss = task.loss(generator)
        if not math.isfinite(value := float(loss.detach())):
            raise UsageError(
                f"the loss of step {progress.iteration + 1} is {value}",
                f"choose a smaller rate; what {folder} holds goes on from the last report",
            )
        state.step(loss, rate, plan.clip)
        progress.iteration += 1
        losses.append(value)
        state.follow(min(_MEAN, progress.iteration / (progress.iteration + 20)))
        if time.monotonic() - told > plan.report:
            _report(task, folder, plan, progress, state, losses, rate, tell)
            told, losses = time.monotonic(), []
            if progress.best >= plan.goal:
                break
    if losses:
        _report(task, folder, plan, progress, state, losses, _rate(plan, progress), tell)
    return progress


def _rate(plan: Plan, progress: Progress) -> float:
    done = min(1.0, progress.minutes / plan.horizon)
    warm = min(1.0, (progress.iteration + 1) / max(plan.warm, 1))
    return plan.rate * warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done)))


def _report(
    task: Task,
    folder: Path,
    plan: Plan,
    progress: Progress,
    state: State,
    losses: list[float],
    rate: float,
    tell: Callable[[dict[str, Any]], None],
) -> None:
    """Validate the mean weights, keep them if they are the best, and leave everything in the folder."""
    with state.mean_weights():
        figures = task.validate()
        better = figures["validation"] > progress.best
        progress.best = max(progress.best, figures["validation"])
        facts = {
            "iterations": str(progress.iteration),
            "minutes": f"{progress.minutes:.1f}",
            "validation": f"{figures['validation']:.3f}",
        }
        if better:
            task.save(folder / "best.safetensors", facts)
    line = {
        "iteration": progress.iteration,
        "minutes": round(progress.minutes, 3),
        "loss": sum(losses) / len(losses),
        "rate": rate,
        **figures,
    }
    try:
        with (folder / "log.jsonl").open("a") as log:
            log.write(json.dumps(line) + "\n")
        state.store(folder, progress, asdict(plan))
    except OSError as error:
        raise OutputError(f"{folder} cannot be written to: {error}", "make room and train on") from error
    draw_curve(folder / "log.jsonl", folder / "curve.png", progress.first)
    tell(line)
