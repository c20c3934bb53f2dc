"""CAIN: channel attention instead of motion. What is it called, what can it do, and where are its weights?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from retempo.models.base import Capabilities, Interpolator
from retempo.models.engine import Engine, Objective, Recipe, Variant

if TYPE_CHECKING:
    from torch import Tensor, nn

CAPABILITIES = Capabilities(any_time=False, multiple=128)


def _build(variant: str) -> nn.Module:
    from retempo.models.cain.network import Cain

    return Cain()


def _adapt(network: nn.Module, name: str) -> Interpolator:
    from retempo.models.cain.adapter import CainEngine

    return CainEngine(network, name, CAPABILITIES)


def _convert(state: Mapping[str, Tensor], variant: str) -> dict[str, Tensor]:
    from retempo.models.cain.adapter import convert

    return convert(state)


def _objective(variant: str) -> Objective:
    from retempo.models.cain.losses import loss

    return loss


ENGINE = Engine(
    name="cain",
    title="CAIN",
    paper="Choi, Kim, Han, Xu, Lee: Channel attention is all you need for video frame interpolation, AAAI 2020",
    capabilities=CAPABILITIES,
    variants=(Variant("base", "cain-base", 42_780_432),),
    build=_build,
    adapt=_adapt,
    convert=_convert,
    objective=_objective,
    recipe=Recipe(
        rate=2e-4,
        betas=(0.9, 0.99),
        clip=0.1,
        crop=256,
        batch=16,
        vary=("mirror", "flip", "reverse", "jitter"),
    ),
)
