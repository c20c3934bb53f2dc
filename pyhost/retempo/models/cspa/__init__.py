"""CSPA: can features be aligned across scales without estimating motion? Deformable alignment, midpoint only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from retempo.models.base import Capabilities, Interpolator
from retempo.models.engine import Engine, Objective, Recipe, Variant, fit_published

if TYPE_CHECKING:
    from torch import Tensor, nn

HALO = 256
"""Pixels that can matter to a pixel; ``network.reach`` counts them, a test measures it."""


def build(variant: str) -> nn.Module:
    """The network, weights by chance."""
    from retempo.models.cspa.network import Cspa

    return Cspa()


def adapt(network: nn.Module, name: str) -> Interpolator:
    """The network at work."""
    from retempo.models.cspa.adapter import CspaInterpolator

    return CspaInterpolator(network, name)


def convert(state: Mapping[str, Tensor], variant: str) -> dict[str, Tensor]:
    """Tensors of our own training; nothing was published."""
    return fit_published(state, build, variant, "cspa")


def objective(variant: str) -> Objective:
    """Absolute error and texture consistency."""
    from retempo.models.cspa.losses import measure

    return measure


ENGINE = Engine(
    name="cspa",
    title="Cross-scale pyramid alignment with texture consistency",
    paper="Zhou, Li, Han, Jiang, Lu: Exploring motion ambiguity and alignment for high-quality video frame "
    "interpolation, arXiv 2203.10291",
    capabilities=Capabilities(any_time=False, multiple=4, halo=HALO),
    variants=(Variant("base", weights="cspa", parameters=28_874_635),),
    build=build,
    adapt=adapt,
    convert=convert,
    objective=objective,
    recipe=Recipe(optimiser="adam", rate=1e-4, crop=256, batch=8),
)
