"""FILM: frame interpolation for large motion. What is it called, what can it do, and where are its weights?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from retempo.models.base import Capabilities, Interpolator
from retempo.models.engine import Engine, Objective, Option, Recipe, Variant

if TYPE_CHECKING:
    from torch import Tensor, nn

CAPABILITIES = Capabilities(any_time=False, multiple=64, fields=True)
PARAMETERS = 34_436_667


def _build(variant: str) -> nn.Module:
    from retempo.models.film.network import Film

    return Film()


def _adapt(network: nn.Module, name: str) -> Interpolator:
    from retempo.models.film.adapter import FilmEngine

    return FilmEngine(network, name, CAPABILITIES)


def _convert(state: Mapping[str, Tensor], variant: str) -> dict[str, Tensor]:
    from retempo.models.film.checkpoint import convert

    return convert(state)


def _objective(variant: str, vgg: str = "", stage: int = 2) -> Objective:
    from retempo.models.film.losses import objective

    return objective(variant, vgg, stage)


def _stage(text: str) -> int:
    if text not in ("1", "2"):
        raise ValueError("not 1 or 2")
    return int(text)


ENGINE = Engine(
    name="film",
    title="FILM",
    paper="Reda, Kontkanen, Tabellion, Sun, Pantofaru, Curless: FILM, frame interpolation for large motion, ECCV 2022",
    capabilities=CAPABILITIES,
    variants=tuple(Variant(name, f"film-{name}", PARAMETERS) for name in ("style", "l1", "vgg")),
    build=_build,
    adapt=_adapt,
    convert=_convert,
    objective=_objective,
    objective_options={
        "vgg": Option(
            "vgg", str, "file with the weights of VGG-19, for the variants style and vgg; no default"
        ),
        "stage": Option(
            "stage", _stage, "weights of the loss before (1) or after (2) the authors' change; default 2"
        ),
    },
    recipe=Recipe(rate=1e-4, crop=256, batch=8, vary=("mirror", "flip", "transpose", "rotate", "reverse")),
)
