"""How are the network's weights kept? One safetensors file, its shape in the header; reading it runs no code."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from retempo.errors import InputError
from retempo.flow.neural.network import FlowRefiner

Network = TypeVar("Network", bound=nn.Module)

KIND = "retempo flow refiner 1"
"""Changes whenever older weights would mean something else."""
MOST_LEVELS, WIDEST = 8, 512
"""Of a network that a file describes; ours has 4 levels of up to 96 channels."""


def save_refiner(network: FlowRefiner, path: Path, facts: Mapping[str, str] | None = None) -> None:
    """Write the weights; ``facts`` go into the header."""
    save_network(network, path, KIND, {**(facts or {}), "widths": json.dumps(network.widths)})


def load_refiner(path: Path, device: torch.device) -> tuple[FlowRefiner, str]:
    """Read weights; returns the network, ready for use, and the SHA-256 of the file. See ``load_network``."""
    return load_network(path, KIND, lambda header: FlowRefiner(_widths(header["widths"])), device)


def _widths(text: str) -> tuple[int, ...]:
    """Channels of the levels: a header must not make anybody allocate a network of any size."""
    widths = json.loads(text)
    if not isinstance(widths, list) or not 1 <= len(widths) <= MOST_LEVELS:
        raise ValueError(f"widths are {text[:80]}")
    if not all(type(width) is int and 1 <= width <= WIDEST for width in widths):
        raise ValueError(f"widths are {text[:80]}")
    return tuple(widths)


def save_network(network: nn.Module, path: Path, kind: str, facts: Mapping[str, str]) -> None:
    """Write the weights of any network, beside their place and then renamed."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    beside = path.with_name(f".{path.name}.part")
    save_file(tensors, beside, {**facts, "kind": kind})
    beside.replace(path)


def load_network(
    path: Path, kind: str, make: Callable[[Mapping[str, str]], Network], device: torch.device
) -> tuple[Network, str]:
    """Read weights into the network that ``make`` builds from the file's header.

    Raises:
        InputError: the file is not there, is not safetensors, or holds other weights.
    """
    if not path.is_file():
        raise InputError(f"{path} is not there", "train (`retempo train`), or name the weights with file=")
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            if header.get("kind") != kind:
                raise InputError(
                    f"{path} holds {header.get('kind', 'other weights')!r}", f"expected {kind!r}"
                )
            network = make(header)
            network.load_state_dict({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
    except (SafetensorError, OSError, KeyError, ValueError, RuntimeError, RecursionError) as error:
        raise InputError(
            f"{path} cannot be read as weights: {error}", "give weights that `retempo train` wrote"
        ) from error
    network.requires_grad_(False)
    network.eval()
    sent = network.to(device=device, memory_format=torch.channels_last)
    return sent, hashlib.sha256(path.read_bytes()).hexdigest()
