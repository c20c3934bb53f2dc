"""What do ``--quality`` and ``--flow auto`` stand for on this machine, and why?

Both are resolved once, before anything is planned: settings that a renderer sees, and the stamps of finished frames,
name estimators and weights, never the wish. What a user gives explicitly is left alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from retempo.models.registry import pin_engine
from retempo.render.flags import settings_from
from retempo.render.settings import METHODS, RetimeSettings
from retempo.retime.objects import parse_object_curves

AUTO: Final = "auto"
TRAINED: Final = "raft-large"
"""The weights that make trained flow possible."""

FAST: Final = {"flow": "dis:fast", "filter": "bilinear", "inverses": "off"}
CLASSICAL: Final = "dis:fine+dis:coarse+dis:fine,continued=1"
"""What two frames show, and what the frames beside them let expect."""
BOTH: Final = "dis:fine+raft"
"""Two estimators that fail in different places."""


@dataclass(frozen=True)
class Choice:
    """Settings without wishes.

    Attributes:
        settings: as they are rendered with.
        reasons: one sentence for each wish that was resolved; empty where everything was given or is the default.
    """

    settings: RetimeSettings
    reasons: tuple[str, ...] = ()


def choose_settings(values: Mapping[str, Any], *, several: bool = True) -> Choice:
    """Settings from a mapping that may hold other things too, its wishes resolved for this machine.

    Args:
        values: what was given explicitly; see ``settings_from``.
        several: may ``auto`` name several estimators?

    Raises:
        UsageError: a value is out of range.
        WeightsError: trained flow is asked for by name, and its weights or PyTorch are not here.
        InputError: the weights are broken.
    """
    values, reasons = dict(values), []
    quality = values.get("quality", "balanced")
    chosen, why = describe_quality(quality)
    taken = {name: value for name, value in chosen.items() if name not in values}
    if quality != "balanced":
        given = [f"--{name} {values[name]} as given" for name in chosen if name in values]
        told = [f"{name} {value}" for name, value in taken.items()]
        reasons.append(f"quality {quality}: {', '.join([*told, *given])} ({why})")
    values |= taken
    if values.get("flow") == AUTO:
        flow, why = choose_flow(str(values.get("device", "cpu")), several=several)
        values["flow"] = flow
        reasons.append(f"flow auto: {flow} ({why})")
    if "flow" in values:
        values["flow"] = pin_weights(str(values["flow"]))
    if values.get("object_curve"):
        curves = parse_object_curves(tuple(values["object_curve"]))
        values["object_curve"] = tuple(one.spelled() for one in curves)
    if values.get("engine", METHODS[0]) not in METHODS:
        values["engine"] = pin_engine(str(values["engine"]))
    return Choice(settings_from(values), tuple(reasons))


def describe_quality(name: str) -> tuple[dict[str, str], str]:
    """The settings that a quality stands for here, and the reason for its flow."""
    if name == "fast":
        return dict(FAST), "the least time"
    if name != "best":
        return {}, "the defaults"
    flow, why = _best_flow()
    return {"flow": flow, "filter": "bicubic", "inverses": "on"}, why


def choose_flow(device: str, *, several: bool = True) -> tuple[str, str]:
    """The best flow that can be afforded on ``device``, and why: trained networks take seconds a pair on a CPU."""
    if not device.strip().lower().startswith("cuda"):
        return "dis", "a trained network takes seconds a pair without --device cuda"
    flow, why = _best_flow()
    if flow != BOTH:
        return "dis", why
    return (BOTH if several else "raft"), f"{why}, and a GPU runs them"


def pin_weights(flow: str) -> str:
    """Name the weights in every part of ``flow`` that uses some: frames made with others are not to be taken for done.

    Raises:
        WeightsError, InputError: they are not here, or broken.
    """
    return "+".join(_pin(part) for part in flow.split("+"))


def _pin(part: str) -> str:
    from retempo.flow.catalog import PINNED, digest_of, weights_of
    from retempo.models.weights import inspect, no_weights

    head, *pairs = (_in_full(piece.strip()) for piece in part.split(","))
    part = ",".join([head, *pairs])
    name, _, size = head.partition(":")
    if "grow=guided" in pairs and not any(pair.startswith("grown=") for pair in pairs):
        return _pin(",".join([head, *pairs, f"grown={digest_of(pairs, 'grower')[:PINNED]}"]))
    if name == "neural" and not any(pair.startswith("weights=") for pair in pairs):
        return ",".join([head, *pairs, f"weights={digest_of(pairs)[:PINNED]}"])
    wanted = weights_of(name, size)
    if not wanted or any(pair.startswith("weights=") for pair in pairs):
        return part
    if wanted not in _known():
        return part  # whoever parses it says which there are
    found = inspect(wanted)
    if found is None:
        raise no_weights(wanted)
    return ",".join([head, *pairs, f"weights={found.source_sha256[:PINNED]}"])


def _in_full(piece: str) -> str:
    """``file=best.safetensors`` -> ``file=/work/best.safetensors``: the same wherever it is run from."""
    key, _, value = piece.partition("=")
    return f"{key}={Path(value).expanduser().absolute()}" if key in ("file", "grower") and value else piece


def _best_flow() -> tuple[str, str]:
    from retempo.models.weights import is_usable, missing_package

    if is_usable(TRAINED):
        return BOTH, f"the weights {TRAINED} are installed"
    missing = missing_package()
    if missing:
        return CLASSICAL, f"{missing} is not installed, which trained flow needs"
    return CLASSICAL, f"the weights {TRAINED} are not installed: see retempo weights list"


def _known() -> set[str]:
    from retempo.models.manifest import read_manifest

    return {entry.name for entry in read_manifest()}
