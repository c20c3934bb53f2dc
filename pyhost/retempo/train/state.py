"""What must outlive a slice of training? Weights, their running mean, the optimiser's moments, how far it is."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from retempo.errors import InputError


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


class State:
    """Everything that changes while a network is trained.

    Args:
        module: the network. optimiser: of its parameters; ``kind`` names it. scaler: of its loss, for half floats.
    """

    def __init__(
        self, module: nn.Module, optimiser: torch.optim.Optimizer, scaler: torch.amp.GradScaler, kind: str
    ) -> None:
        self._module, self._optimiser, self._scaler, self._kind = module, optimiser, scaler, kind
        self._mean = {name: tensor.detach().clone() for name, tensor in module.state_dict().items()}

    def step(self, loss: Tensor, rate: float, clip: float) -> None:
        """Follow the gradient, of norm ``clip`` at most (0: of any)."""
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        self._optimiser.zero_grad(set_to_none=True)
        self._scaler.scale(loss).backward()
        if clip:
            self._scaler.unscale_(self._optimiser)
            torch.nn.utils.clip_grad_norm_(self._module.parameters(), clip)
        self._scaler.step(self._optimiser)
        self._scaler.update()

    def follow(self, keep: float) -> None:
        """Let the mean come nearer to the weights: it keeps this share of itself."""
        for name, tensor in self._module.state_dict().items():
            if tensor.is_floating_point():
                self._mean[name].lerp_(tensor, 1 - keep)
            else:
                self._mean[name].copy_(tensor)

    @contextmanager
    def mean_weights(self) -> Iterator[None]:
        """The module has its mean weights meanwhile."""
        current = {name: tensor.clone() for name, tensor in self._module.state_dict().items()}
        self._module.load_state_dict(self._mean)
        try:
            yield
        finally:
            self._module.load_state_dict(current)

    def store(self, folder: Path, progress: Progress, plan: Mapping[str, Any]) -> None:
        """Write ``state.safetensors`` and ``state.json``, each beside its place and renamed."""
        tensors = {f"weights.{name}": tensor for name, tensor in self._module.state_dict().items()}
        tensors |= {f"mean.{name}": tensor for name, tensor in self._mean.items()}
        for index, moments in self._optimiser.state_dict()["state"].items():
            tensors |= {f"moments.{index}.{name}": torch.as_tensor(one) for name, one in moments.items()}
        beside = folder / ".state.part"
        save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, beside)
        beside.replace(folder / "state.safetensors")
        facts = {"progress": asdict(progress), "plan": dict(plan), "scaler": self._scaler.state_dict()}
        beside.write_text(json.dumps(facts, indent=1) + "\n")
        beside.replace(folder / "state.json")

    def restore(self, folder: Path) -> Progress:
        """Load what the last slice left, if any.

        Raises:
            InputError: it is of other weights, or of another optimiser.
        """
        path = folder / "state.safetensors"
        if not path.is_file():
            return Progress()
        try:
            tensors = load_file(path)
            facts = json.loads((folder / "state.json").read_text())
            progress = Progress(**facts["progress"])
            kind = facts["plan"].get("optimiser", self._kind)
            if kind != self._kind:
                raise ValueError(f"it was begun with {kind}, not {self._kind}")
            self._load(tensors)
            if facts.get("scaler"):
                self._scaler.load_state_dict(facts["scaler"])
        except (
            SafetensorError,
            OSError,
            KeyError,
            ValueError,
            RuntimeError,
            TypeError,
            AttributeError,
        ) as error:
            raise InputError(
                f"{folder} holds the state of another training: {error}", "choose an empty folder"
            ) from error
        return progress

    def _load(self, tensors: Mapping[str, Tensor]) -> None:
        self._module.load_state_dict(_part(tensors, "weights."))
        for name, tensor in _part(tensors, "mean.").items():
            self._mean[name].copy_(tensor)
        moments: dict[int, dict[str, Tensor]] = {}
        for name, tensor in _part(tensors, "moments.").items():
            index, key = name.split(".")
            moments.setdefault(int(index), {})[key] = tensor
        groups = self._optimiser.state_dict()["param_groups"]
        self._optimiser.load_state_dict({"state": moments, "param_groups": groups})


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
