"""What is IFRNet, as an engine? Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from retempo.models.base import Capabilities, Interpolator
from retempo.models.engine import Engine, Objective, Option, Recipe, Variant, fit_published
from retempo.models.ifrnet.sizes import SIZES

if TYPE_CHECKING:
    from torch import Tensor, nn

SCALES: Final = (Fraction(1, 8), Fraction(4))
FINEST: Final = 16
"""Largest denominator of a scale: sides are padded to multiples of up to 16 times this."""


def read_scale(text: str) -> Fraction:
    """``0.8`` or ``4/5``, exactly.

    Raises:
        ValueError: no number, or out of range.
    """
    try:
        scale = Fraction(text)
    except ZeroDivisionError as error:
        raise ValueError("no number") from error
    if not SCALES[0] <= scale <= SCALES[1] or scale.denominator > FINEST:
        raise ValueError(f"expected {SCALES[0]} to {SCALES[1]}, in whole 16ths or coarser parts")
    return scale


def build(variant: str) -> nn.Module:
    """The network, weights by chance."""
    from retempo.models.ifrnet.network import IfrNet

    return IfrNet(variant)


def adapt(network: nn.Module, name: str, **options: Any) -> Interpolator:
    """The engine at work."""
    from retempo.models.ifrnet.adapter import IfrnetEngine

    return IfrnetEngine(network, name, ENGINE.capabilities, **options)


def convert(state: Mapping[str, Tensor], variant: str) -> dict[str, Tensor]:
    """See that published tensors fit the network; they have our names but for ``module.``.

    Raises:
        InputError: a name is missing or unknown, a shape is another, a value is not finite.
    """
    return fit_published(state, build, variant, "ifrnet")


def objective(variant: str) -> Objective:
    """The published loss."""
    from retempo.models.ifrnet.losses import objective as find

    return find(variant)


ENGINE: Final = Engine(
    name="ifrnet",
    title="IFRNet",
    paper="Kong et al.: IFRNet, intermediate feature refine network for efficient frame interpolation, CVPR 2022",
    capabilities=Capabilities(any_time=True, multiple=16, fields=True, index_map=True),
    variants=tuple(
        Variant(name, f"ifrnet-{name}", size.parameters, size.reference) for name, size in SIZES.items()
    ),
    build=build,
    adapt=adapt,
    convert=convert,
    objective=objective,
    recipe=Recipe(
        optimiser="adamw", crop=224, batch=24, vary=("mirror", "flip", "transpose", "reverse", "colours")
    ),
    options={
        "scale": Option(
            "scale", read_scale, "look for motion in pictures resized by this: 0.125 to 4, default 1"
        ),
    },
)
