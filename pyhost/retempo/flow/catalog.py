"""Which flow estimators are there, and what does ``--flow dis+dis:coarse+vectors`` mean?

Grammar: parts joined by ``+``; a part is ``name[:preset][,key=value...]``. Every part is one hypothesis: the
pipeline splats all of them and lets their merge metrics decide pixel by pixel.

    dis                         dense inverse search, preset balanced
    dis:medium,scale=0.5        preset medium, searched at half size
    dis:fine,stride=1           one setting of the preset replaced
    raft:small,iterations=8     a trained network, for those who have its weights (`retempo weights list`)
    neuflow                     another one
    vectors                     channels of the file itself, read by the caller
    vectors:cycles              the same, with a vector preset
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from retempo.errors import UsageError, WeightsError
from retempo.flow.base import FlowEstimator


@dataclass(frozen=True)
class VectorsMarker:
    """Stands for flow that comes with the frames and has to be read, not estimated.

    Attributes:
        preset: a key of ``retempo.flow.vectors.PRESETS``, or "" for what the caller's settings say.
    """

    preset: str = ""

    @property
    def name(self) -> str:
        """The part as the user would write it."""
        return f"vectors:{self.preset}" if self.preset else "vectors"


Factory = Callable[[str, dict[str, str], dict[str, object]], "FlowEstimator | VectorsMarker"]
"""(preset or "", the part's key=value pairs, the caller's context) -> estimator."""


@dataclass(frozen=True)
class Weights:
    """Weights of a trained estimator.

    Attributes:
        state: name -> tensor, as the network names them.
        digest: begins of the SHA-256 of the file they were published in; eight characters or more.
    """

    state: dict[str, Any]
    digest: str


def parse_flow(text: str, **context: object) -> list[FlowEstimator | VectorsMarker]:
    """Turn a ``--flow`` string into its hypotheses, in order.

    Args:
        text: see the grammar above.
        context: defaults for all parts: ``working_scale``, ``working_size``, ``threads``, ``device``. What a part says
            itself wins. Keys that are None count as absent. ``load_weights`` (name -> ``Weights``) finds the weights
            of trained estimators, which this room has no files of.

    Raises:
        UsageError: an unknown name, preset, key or value; an empty part; the same part twice.
        WeightsError: weights, or PyTorch, are not installed, or the weights are others than the part says.
    """
    result: list[FlowEstimator | VectorsMarker] = []
    for part in text.split("+"):
        head, *pairs = (piece.strip() for piece in part.split(","))
        name, _, preset = head.partition(":")
        if not name:
            raise UsageError(
                f"the flow {text!r} has an empty part", f"write for example dis+dis:coarse ({_known()})"
            )
        if name not in _FACTORIES:
            raise UsageError(f"there is no flow estimator {name!r}", f"choose from {_known()}")
        estimator = _FACTORIES[name](preset, _read_pairs(pairs, part), dict(context))
        if any(estimator.name == other.name for other in result):
            raise UsageError(
                f"the flow {text!r} names {estimator.name} twice", "a second equal hypothesis adds nothing"
            )
        result.append(estimator)
    return result


def weights_of(name: str, preset: str) -> str:
    """What the weights of a part are called in the manifest of weights; "" for what needs none.

    Args:
        name, preset: of the part: ``raft`` and ``small``.
    """
    if name == "raft":
        return f"raft-{preset or 'large'}"
    return NEUFLOW if name == "neuflow" else ""


def names() -> list[str]:
    """Return every name with its presets, as a user may type it: ``dis``, ``dis:fast``, ..., ``vectors``, ..."""
    from retempo.flow.dis import PRESETS as DIS_PRESETS
    from retempo.flow.raft.sizes import SIZES as RAFT_SIZES
    from retempo.flow.vectors import PRESETS as VECTOR_PRESETS

    presets = {"dis": list(DIS_PRESETS), "raft": list(RAFT_SIZES), "vectors": list(VECTOR_PRESETS)}
    return [
        entry
        for name in _FACTORIES
        for entry in (name, *(f"{name}:{preset}" for preset in presets.get(name, [])))
    ]


def register_flow(name: str, factory: Factory) -> None:
    """Add an estimator under a name of its own, or replace one."""
    if not name or any(mark in name for mark in "+:,= "):
        raise UsageError(f"{name!r} cannot name a flow estimator", "use letters, digits, '-' and '_'")
    _FACTORIES[name] = factory


Keys = dict[str, tuple[str, Callable[[str], object]]]
"""What a part may say -> (the constructor's name for it, how it is read)."""

PINNED: Final = 8
"""Characters of a digest by which weights are named."""

NEUFLOW: Final = "neuflow-v2"

_DIS_KEYS: Final[Keys] = {
    "finest": ("finest_scale", int),
    "patch": ("patch_size", int),
    "stride": ("patch_stride", int),
    "iterations": ("iterations", int),
    "refinement": ("refinement", int),
    "smoothness": ("smoothness", float),
    "scale": ("working_scale", float),
    "size": ("working_size", int),
}


def _make_dis(preset: str, pairs: dict[str, str], context: dict[str, object]) -> FlowEstimator:
    from retempo.flow.dis import DisFlow

    keywords = _keywords("dis", _DIS_KEYS, pairs, context, ("threads",))
    return DisFlow(preset or "balanced", **keywords)


_RAFT_KEYS: Final[Keys] = {
    "iterations": ("iterations", int),
    "scale": ("working_scale", float),
    "size": ("working_size", int),
    "half": ("half", lambda text: bool(int(text))),
    "memory": ("memory", int),
}


def _make_raft(preset: str, pairs: dict[str, str], context: dict[str, object]) -> FlowEstimator:
    from retempo.flow.raft.sizes import SIZES

    size = preset or "large"
    if size not in SIZES:
        raise UsageError(f"raft has no preset {size!r}", f"choose from {', '.join(SIZES)}")
    pinned = pairs.pop("weights", "")
    keywords = _keywords("raft", _RAFT_KEYS, pairs, context, ("device",))
    weights = _load_weights(weights_of("raft", size), pinned, context)
    from retempo.flow.raft.estimator import RaftFlow

    return RaftFlow(size, weights.state, pinned or weights.digest[:PINNED], **keywords)


_NEUFLOW_KEYS: Final = _RAFT_KEYS


def _make_neuflow(preset: str, pairs: dict[str, str], context: dict[str, object]) -> FlowEstimator:
    if preset:
        raise UsageError(f"neuflow has no preset {preset!r}", "write neuflow alone")
    pinned = pairs.pop("weights", "")
    keywords = _keywords("neuflow", _NEUFLOW_KEYS, pairs, context, ("device",))
    weights = _load_weights(NEUFLOW, pinned, context)
    from retempo.flow.neuflow.estimator import NeuFlowFlow

    return NeuFlowFlow(weights.state, pinned or weights.digest[:PINNED], **keywords)


def _load_weights(name: str, pinned: str, context: dict[str, object]) -> Weights:
    """The weights ``name``, if they are those that the user wants.

    Raises:
        WeightsError: there are none, or others.
    """
    load = context.get("load_weights")
    if not callable(load):
        raise WeightsError(f"no weights for {name}", "this caller of parse_flow gives no load_weights")
    if importlib.util.find_spec("torch") is None:
        raise WeightsError(f"{name} needs PyTorch, which is not installed", "pip install 'retempo[torch]'")
    weights: Weights = load(name)
    if pinned and not (len(pinned) >= PINNED and weights.digest.startswith(pinned.lower())):
        raise WeightsError(
            f"the flow asks for {name} of the weights {pinned}, and those of {weights.digest[:PINNED]} are here",
            "add the right file with `retempo weights add`, or leave weights= out",
        )
    return weights


def _keywords(
    name: str, keys: Keys, pairs: dict[str, str], context: dict[str, object], also: tuple[str, ...]
) -> dict[str, Any]:
    """What an estimator's constructor is called with: the caller's resolution and ``also``, and what the part says."""
    shared = ("working_scale", "working_size", *also)
    if "scale" in pairs or "size" in pairs:  # the part's own choice replaces either of the caller's
        shared = also
    keywords: dict[str, Any] = {key: context[key] for key in shared if context.get(key) is not None}
    for key, value in pairs.items():
        if key not in keys:
            raise UsageError(f"{name} has no setting {key!r}", f"choose from {', '.join(keys)}")
        target, kind = keys[key]
        try:
            keywords[target] = kind(value)
        except ValueError as error:
            raise UsageError(
                f"{name}: {key}={value} is not a number", f"write for example {key}=1"
            ) from error
    return keywords


def _make_vectors(preset: str, pairs: dict[str, str], context: dict[str, object]) -> VectorsMarker:
    from retempo.flow.vectors import find_preset

    if pairs:
        raise UsageError(
            f"vectors has no setting {next(iter(pairs))!r}",
            "use --vector-scale, --vector-flip-y and --vector-max",
        )
    return VectorsMarker(find_preset(preset).name if preset else "")


def _read_pairs(pairs: list[str], part: str) -> dict[str, str]:
    result: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key or not value:
            raise UsageError(
                f"{pair!r} in the flow {part!r} is not key=value", "write for example dis:fine,stride=1"
            )
        result[key] = value
    return result


def _known() -> str:
    return ", ".join(names())


_FACTORIES: Final[dict[str, Factory]] = {
    "dis": _make_dis,
    "raft": _make_raft,
    "neuflow": _make_neuflow,
    "vectors": _make_vectors,
}
