"""What is SoftSplat, as an engine? Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from retempo.models.base import Capabilities, Interpolator
from retempo.models.engine import Engine, Objective, Option, Recipe, Variant, fit_published

if TYPE_CHECKING:
    from torch import Tensor, nn

PARAMETERS: Final = 7_668_852


def build(variant: str) -> nn.Module:
    """The network, weights by chance; both variants are one network."""
    from retempo.models.softsplat.network import SoftSplatNet

    return SoftSplatNet()


def adapt(network: nn.Module, name: str) -> Interpolator:
    """The engine at work."""
    from retempo.models.softsplat.adapter import SoftSplatEngine

    return SoftSplatEngine(network, name, ENGINE.capabilities)


def convert(state: Mapping[str, Tensor], variant: str) -> dict[str, Tensor]:
    """Give published tensors our names, ``net`` for ``module``, and see that they fit the network.

    Raises:
        InputError: a name is missing or unknown, a shape is another, a value is not finite.
    """
    plain = {key.replace("module", "net"): tensor for key, tensor in state.items()}
    return fit_published(plain, build, variant, "softsplat")


def objective(variant: str, vgg: str = "") -> Objective:
    """The published loss; see ``losses.objective``."""
    from retempo.models.softsplat.losses import objective as find

    return find(variant, vgg)


ENGINE: Final = Engine(
    name="softsplat",
    title="SoftSplat",
    paper="Niklaus, Liu: Softmax splatting for video frame interpolation, CVPR 2020",
    capabilities=Capabilities(any_time=True, multiple=2, fields=True),
    variants=tuple(Variant(name, f"softsplat-{name}", PARAMETERS) for name in ("l1", "lf")),
    build=build,
    adapt=adapt,
    convert=convert,
    objective=objective,
    objective_options={"vgg": Option("vgg", str, "file with the weights of VGG-19, for lf; no default")},
    recipe=Recipe(optimiser="adam", rate=1e-4, crop=256, batch=8, vary=("mirror", "flip", "reverse")),
)
