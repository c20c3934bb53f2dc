"""What is splatting-based synthesis, as an engine among others? Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from retempo.errors import UsageError
from retempo.models.base import Capabilities, Interpolator
from retempo.models.engine import Engine, Objective, Option, Recipe, Variant

if TYPE_CHECKING:
    from torch import Tensor, nn


def build(variant: str) -> nn.Module:
    """Nothing: it has no network."""
    from torch import nn

    return nn.Identity()


def adapt(network: nn.Module, name: str, **options: Any) -> Interpolator:
    """The engine at work."""
    from retempo.models.splatsyn.adapter import SplatsynEngine

    return SplatsynEngine(name, ENGINE.capabilities, **options)


def convert(state: Mapping[str, Tensor], variant: str) -> dict[str, Tensor]:
    """Refuse: there are no weights."""
    raise UsageError("splatsyn has no weights", "its flow may: see retempo weights list")


def objective(variant: str) -> Objective:
    """Refuse: there is nothing to train."""
    raise UsageError("splatsyn has nothing to train", "train its flow: retempo train flow")


ENGINE: Final = Engine(
    name="splatsyn",
    title="SplatSyn",
    paper="Niklaus, Hu, Chen: splatting-based synthesis for video frame interpolation, WACV 2023",
    capabilities=Capabilities(any_time=True, fields=True, index_map=True),
    variants=(Variant("plain", "", 0),),
    build=build,
    adapt=adapt,
    convert=convert,
    objective=objective,
    recipe=Recipe(),
    options={"flow": Option("flow", str, "a flow estimator, as --flow takes it; default dis")},
)
