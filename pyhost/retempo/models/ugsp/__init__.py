"""UGSP: must every pixel be refined? Uncertainty teaches masks, and what they leave out is not computed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from retempo.models.base import Capabilities, Interpolator
from retempo.models.engine import Engine, Objective, Option, Recipe, Variant, fit_published

if TYPE_CHECKING:
    from torch import Tensor, nn

PARAMETERS: Final = 5_068_915
"""Of the network, the 91,553 of the uncertainty network among them."""

TILES: Final = (4, 8, 16, 32)
"""Sides of a tile, pixels of the level that is refined."""


def build(variant: str) -> nn.Module:
    """The network, weights by chance; the same for both variants."""
    from retempo.models.ugsp.network import Ugsp

    return Ugsp()


def adapt(network: nn.Module, name: str, **options: Any) -> Interpolator:
    """The network at work; that of the variant ``dense`` prunes nothing unless it is told to."""
    from retempo.models.ugsp.adapter import UgspInterpolator

    if name.startswith("ugsp:dense") and "keep" not in options:
        options = {"dense": True, **options}
    return UgspInterpolator(network, name, **options)


def convert(state: Mapping[str, Tensor], variant: str) -> dict[str, Tensor]:
    """Tensors of our own training; nothing was published."""
    return fit_published(state, build, variant, "ugsp")


def objective(variant: str) -> Objective:
    """Phase 1 (``dense``): interpolation and uncertainty. Phase 2 (``base``): pruning."""
    from retempo.models.ugsp.losses import learn_pruning, learn_uncertainty

    return learn_uncertainty if variant == "dense" else learn_pruning


def read_share(text: str) -> float:
    """A part of a whole.

    Raises:
        ValueError: no number above 0 and up to 1.
    """
    share = float(text)
    if not 0 < share <= 1:
        raise ValueError("expected more than 0, up to 1")
    return share


def read_tile(text: str) -> int:
    """The side of a tile.

    Raises:
        ValueError: none of ``TILES``.
    """
    if text not in map(str, TILES):
        raise ValueError(f"choose from {', '.join(map(str, TILES))}")
    return int(text)


def read_switch(text: str) -> bool:
    """0 or 1.

    Raises:
        ValueError: something else.
    """
    if text not in ("0", "1"):
        raise ValueError("expected 0 or 1")
    return text == "1"


ENGINE: Final = Engine(
    name="ugsp",
    title="Uncertainty-guided spatial pruning",
    paper="Cheng et al.: Uncertainty-guided spatial pruning architecture for efficient frame interpolation, "
    "ACM Multimedia 2023",
    capabilities=Capabilities(any_time=True, multiple=16, fields=True, index_map=True),
    variants=(
        Variant("base", weights="ugsp-base", parameters=PARAMETERS),
        Variant("dense", weights="ugsp-dense", parameters=PARAMETERS),
    ),
    options={
        "keep": Option(
            "keep",
            read_share,
            "part of the tiles that is refined, the most uncertain first; default: as the masks say",
        ),
        "tile": Option("tile", read_tile, "side of a tile in pixels of its level: 4, 8, 16, 32; default 8"),
        "dense": Option("dense", read_switch, "1: refine everything, whatever the masks say; default 0"),
    },
    build=build,
    adapt=adapt,
    convert=convert,
    objective=objective,
    recipe=Recipe(
        optimiser="adamw", crop=224, batch=24, vary=("mirror", "flip", "transpose", "reverse", "colours")
    ),
)
