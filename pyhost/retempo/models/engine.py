"""How does an engine introduce itself: name, variants, options, network, weights?

One ``ENGINE`` a folder, in its ``__init__.py``, which imports no torch: what needs it is imported when called.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from retempo.models.base import Capabilities, Interpolator

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True)
class Variant:
    """One of an engine's networks or sets of weights.

    Attributes:
        name: after the colon: ``large`` of ``ifrnet:large``.
        weights: what the manifest calls its weights; "" where none are needed.
        parameters: trainable numbers of the network.
        reference: its network was made to go in steps: ``adapt`` takes ``steps``.
    """

    name: str
    weights: str
    parameters: int
    reference: bool = False


@dataclass(frozen=True)
class Option:
    """What may be said after the variant: ``ifrnet:base,scale=0.5``.

    Attributes:
        keyword: what ``Engine.adapt`` calls it.
        kind: how it is read from text; raises ValueError.
        help: what it does, its default and range.
    """

    keyword: str
    kind: Callable[[str], Any]
    help: str


class Batch(NamedTuple):
    """What an engine is trained on.

    Attributes:
        frames: the window, ``Capabilities.frames`` tensors [N, 3, H, W] in [0, 1].
        truth: [N, 3, H, W], the picture at ``time``.
        time: [N, 1, 1, 1] in (0, 1); 0.5 for engines without ``any_time``. Engines with the capability ``index_map``
            may be given a map [N, 1, H, W] in [0, 1]: how far along its way each pixel of the earlier frame is.
        flows: [N, 2, H, W] pixels each, from the truth to the earlier and the later frame, where a teacher or a painted
            scene tells.
    """

    frames: tuple[Tensor, ...]
    truth: Tensor
    time: Tensor
    flows: tuple[Tensor, Tensor] | None = None


Objective = Callable[["nn.Module", Batch], "Tensor"]
"""(network in training mode, batch) -> loss, a scalar with gradient."""


@dataclass(frozen=True)
class Recipe:
    """How the authors trained: the defaults of ``retempo train --engine``.

    Attributes:
        optimiser: ``adam`` or ``adamw``.
        rate: learning rate at first. betas, decay: of the optimiser.
        clip: largest norm of the gradient; 0 for any.
        crop: side of a sample, pixels. batch: samples a step.
        vary: which changes are made by chance, of: mirror, flip, transpose, rotate, reverse, colours, jitter.
    """

    optimiser: str = "adam"
    rate: float = 1e-4
    betas: tuple[float, float] = (0.9, 0.999)
    decay: float = 0.0
    clip: float = 0.0
    crop: int = 256
    batch: int = 8
    vary: tuple[str, ...] = ("mirror", "flip", "reverse")


@dataclass(frozen=True)
class Engine:
    """An interpolation system of the literature, as the registry knows it.

    Attributes:
        name: as --engine takes it.
        title, paper: for people.
        capabilities: what it can do.
        variants: the first is the default.
        options, objective_options: of ``adapt`` and of ``objective``, by the name that the user writes.
        build: variant -> its network, weights by chance, in training mode. The names of its parameters are those that
            the authors published (or, where nothing was published, the README's).
        adapt: (network, name, **options) -> the engine at work; puts the network into evaluation mode.
        convert: (published tensors, variant) -> tensors under the network's names, one to one; raises InputError.
        objective: variant, **objective options -> its loss as published.
        recipe: how it was trained.
    """

    name: str
    title: str
    paper: str
    capabilities: Capabilities
    variants: tuple[Variant, ...]
    build: Callable[[str], nn.Module]
    adapt: Callable[..., Interpolator]
    convert: Callable[[Mapping[str, Tensor], str], dict[str, Tensor]]
    objective: Callable[..., Objective]
    recipe: Recipe
    options: Mapping[str, Option] = field(default_factory=dict)
    objective_options: Mapping[str, Option] = field(default_factory=dict)


def fit_published(
    state: Mapping[str, Tensor], build: Callable[[str], nn.Module], variant: str, name: str
) -> dict[str, Tensor]:
    """See that published tensors fit a network one to one; they have its names, but for a wrapper's ``module.``.

    Raises:
        InputError: a name is missing or unknown, a shape is another, a value is not finite.
    """
    import torch

    from retempo.flow.trained import fit_state

    with torch.device("meta"):  # names and shapes alone
        wanted = build(variant).state_dict()
    plain = {key.removeprefix("module."): tensor for key, tensor in state.items()}
    return fit_state(plain, wanted, f"{name}:{variant}")
