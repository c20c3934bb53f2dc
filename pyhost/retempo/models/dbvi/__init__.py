"""DBVI: which frame is most likely, given the frames around it and motion that may be wrong? Unrolled inference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from retempo.models.base import Capabilities, Interpolator
from retempo.models.engine import Engine, Objective, Option, Recipe, Variant, fit_published

if TYPE_CHECKING:
    from torch import Tensor, nn

STAGES = {"8x": 4, "2x": 6}
"""How many stages each of the published networks has."""

FLOW = "dis:fine"
"""Whose motion is taken where nothing is said."""


def build(variant: str) -> nn.Module:
    """The network of a variant, weights by chance."""
    from retempo.models.dbvi.network import Dbvi

    return Dbvi(STAGES[variant])


def adapt(network: nn.Module, name: str, *, flow: str = FLOW) -> Interpolator:
    """The network at work; ``flow`` is what ``--flow`` takes, with ``;`` for ``,``."""
    from retempo.models.dbvi.adapter import DbviInterpolator

    return DbviInterpolator(network, name, flow)


def convert(state: Mapping[str, Tensor], variant: str) -> dict[str, Tensor]:
    """The authors' tensors (what ``gNet`` holds in their files), without ``module.``."""
    return fit_published(state, build, variant, "dbvi")


def objective(variant: str) -> Objective:
    """The published loss of a variant."""
    from retempo.models.dbvi.losses import make_objective

    return make_objective(variant)


def read_flow(text: str) -> str:
    """Check what the user says of the flow, as far as that goes without making an estimator."""
    from retempo.flow.catalog import names

    known: list[Any] = [one for one in names() if not one.startswith("vectors")]
    if "+" in text:
        raise ValueError("one estimator only")
    head = text.partition(";")[0]
    if head not in known:
        raise ValueError(f"choose from {', '.join(known)}")
    return text


ENGINE = Engine(
    name="dbvi",
    title="Deep Bayesian Video Frame Interpolation",
    paper="Yu, Zhang, Xiang, Zou, Chen, Ren: Deep Bayesian video frame interpolation, ECCV 2022",
    capabilities=Capabilities(any_time=True, frames=4, multiple=8, fields=True),
    variants=(
        Variant("8x", weights="dbvi-8x", parameters=15_186_048),
        Variant("2x", weights="dbvi-2x", parameters=22_779_072),
    ),
    options={
        "flow": Option(
            "flow",
            read_flow,
            f"whose motion it starts from, one estimator as --flow takes it, ';' for ',': raft;iterations=20 "
            f"(default {FLOW}; the authors used raft)",
        )
    },
    build=build,
    adapt=adapt,
    convert=convert,
    objective=objective,
    recipe=Recipe(
        optimiser="adam",
        rate=5e-4,
        betas=(0.9, 0.999),
        crop=512,
        batch=16,
        vary=("mirror", "flip", "jitter"),
    ),
)
