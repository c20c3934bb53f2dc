"""How is a trained codec stored? One safetensors file: the network, and the integers with which it codes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from retempo.codec.coding import PriorCoder
from retempo.codec.config import CodecConfig
from retempo.codec.exact import ExactScales
from retempo.codec.network import FrameCodec
from retempo.codec.priors import LEVELS, Prior
from retempo.codec.tables import Tables, tabulate_factorised, tabulate_gaussians
from retempo.errors import InputError, OutputError, UsageError, WeightsError

KIND: Final = "retempo.codec.1"
"""What the file says it is; the number changes with what is in it."""
_CODING: Final = "coding."


@dataclass(frozen=True)
class Codec:
    """A network that can code.

    Attributes:
        network: in evaluation mode, on the CPU. coder: of its latents. residual_coder: of the residual's, if any.
        weight: lambda. digest: of the file, 16 hexadecimal digits. facts: how it was made.
    """

    network: FrameCodec
    coder: PriorCoder
    residual_coder: PriorCoder | None
    weight: float
    digest: str
    facts: Mapping[str, str]

    @property
    def config(self) -> CodecConfig:
        """Of the network."""
        return self.network.config


def save_codec(network: FrameCodec, path: Path, facts: Mapping[str, str]) -> None:
    """Write a network and its tables.

    Args:
        network: trained. path: of the file. facts: ``lambda`` among them.

    Raises:
        OutputError: it cannot be written.
    """
    tensors = {name: one.detach().cpu().contiguous() for name, one in network.state_dict().items()}
    for name, prior in _priors(network).items():
        tensors |= {f"{_CODING}{key}": torch.from_numpy(one) for key, one in _tabulate(prior, name).items()}
    said = {"kind": KIND, "config": json.dumps(network.config.as_dict()), **facts}
    beside = path.with_name(f".{path.name}.part")
    try:
        save_file(tensors, beside, metadata=said)
        beside.replace(path)
    except (OSError, SafetensorError) as error:
        raise OutputError(f"{path} cannot be written: {error}", "choose another place") from error


def load_codec(path: Path) -> Codec:
    """Read what ``save_codec`` wrote; nothing in the file is run.

    Raises:
        WeightsError: there is no such file. InputError: it holds something else.
    """
    if not path.is_file():
        raise WeightsError(f"{path} is missing", "`retempo codec train` makes weights")
    try:
        with safe_open(path, framework="pt") as file:
            facts = dict(file.metadata() or {})
            if facts.pop("kind", None) != KIND:
                raise InputError(f"{path} is no codec of this version", f"`retempo codec train` makes {KIND}")
            config = CodecConfig.parse(json.loads(facts.pop("config", "{}")), str(path))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        weight = float(facts.pop("lambda"))
        network = FrameCodec(config)
        network.load_state_dict({k: v for k, v in tensors.items() if not k.startswith(_CODING)})
    except (
        SafetensorError,
        OSError,
        ValueError,
        KeyError,
        RuntimeError,
        AttributeError,
        TypeError,
        RecursionError,
    ) as error:
        raise InputError(f"{path} cannot be read: {error}", "train it again") from error
    arrays = {k.removeprefix(_CODING): v.numpy() for k, v in tensors.items() if k.startswith(_CODING)}
    coders = {name: _coder(arrays, name, config) for name in _priors(network)}
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    return Codec(network.eval(), coders["main"], coders.get("residual"), weight, digest, facts)


def load_codecs(path: Path) -> list[Codec]:
    """A file, or all of a folder, by increasing lambda.

    Raises:
        WeightsError: there are none. InputError: one is none. UsageError: they are not of one kind, or over 250.
    """
    files = sorted(path.glob("*.safetensors")) if path.is_dir() else [path]
    if not files:
        raise WeightsError(f"{path} holds no weights of a codec", "`retempo codec train` makes some")
    codecs = sorted((load_codec(one) for one in files), key=lambda one: one.weight)
    if len({one.config.references for one in codecs}) > 1 or len(codecs) > 250:
        raise UsageError(
            f"{path} holds {len(codecs)} networks that do not go together",
            "keep at most 250 in a folder, all with the same number of references",
        )
    return codecs


def ready(network: FrameCodec, weight: float) -> Codec:
    """A network that codes without having been stored; for tests and training."""
    arrays: dict[str, np.ndarray] = {}
    for name, prior in _priors(network).items():
        arrays |= _tabulate(prior, name)
    coders = {name: _coder(arrays, name, network.config) for name in _priors(network)}
    digest = hashlib.sha256(b"".join(arrays[name].tobytes() for name in sorted(arrays))).hexdigest()[:16]
    return Codec(network.eval(), coders["main"], coders.get("residual"), weight, digest, {})


def _priors(network: FrameCodec) -> dict[str, Prior]:
    found = {"main": network.prior}
    if network.residual is not None:
        found["residual"] = network.residual.prior
    return found


def _tabulate(prior: Prior, name: str) -> dict[str, np.ndarray]:
    if prior.factorised is not None:
        return dict(tabulate_factorised(prior.factorised).pack(f"{name}.tables"))
    assert prior.hyper is not None
    return {
        **tabulate_gaussians().pack(f"{name}.tables"),
        **tabulate_factorised(prior.hyper.second).pack(f"{name}.second"),
        **ExactScales.of(prior.hyper).pack(f"{name}.scales"),
    }


def _coder(arrays: Mapping[str, np.ndarray], name: str, config: CodecConfig) -> PriorCoder:
    if config.prior == "factorised":
        return PriorCoder(Tables.unpack(arrays, f"{name}.tables", config.latent))
    return PriorCoder(
        Tables.unpack(arrays, f"{name}.tables", LEVELS),
        Tables.unpack(arrays, f"{name}.second", config.width),
        ExactScales.unpack(arrays, f"{name}.scales", config.width, config.latent),
    )
