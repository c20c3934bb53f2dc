"""Which flow estimators are there, and what does ``--flow dis+dis:coarse+vectors`` mean?

Grammar: parts joined by ``+``; a part is ``name[:preset][,key=value...]``. Every part is one hypothesis: the
pipeline splats all of them and lets their merge metrics decide pixel by pixel.

    dis                         dense inverse search, preset balanced
    dis:medium,scale=0.5        preset medium, searched at half size
    dis:fine,stride=1           one setting of the preset replaced
    dis:fine,continued=1        begins with the motion of the gaps beside, continued
    neural                      DIS, corrected by our own trained network (needs torch)
    neural,file=RUN/best.safetensors    ... by weights of one's own (`retempo train`)
    dis,scale=0.5,grow=guided   searched at half size, grown by our guided upsampler; behind any estimator
    raft:small,iterations=8     a trained network, for those who have its weights (`retempo weights list`)
    neuflow                     another one
    vectors                     channels of the file itself, read by the caller
    vectors:cycles              the same, with a vector preset
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from retempo.errors import UsageError, WeightsError
from retempo.flow.base import FlowEstimator, wants_onward


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
        estimator = _make(name, preset, _read_pairs(pairs, part), dict(context))
        if any(estimator.name == other.name for other in result):
            raise UsageError(
                f"the flow {text!r} names {estimator.name} twice", "a second equal hypothesis adds nothing"
            )
        result.append(estimator)
    return result


def names_file(text: str) -> bool:
    """Does a part of a ``--flow`` string name a file (``neural,file=PATH``), as somebody else's must not?"""
    pairs = [pair for part in text.split("+") for pair in part.split(",")[1:]]
    return any(pair.partition("=")[0].strip() in _FILE_KEYS for pair in pairs)


def _make(
    name: str, preset: str, pairs: dict[str, str], context: dict[str, object]
) -> FlowEstimator | VectorsMarker:
    """One part; where its flow is to be grown, it works on small pictures and knows nothing of the large ones."""
    grow = pairs.pop("grow", "linear")
    if grow not in ("linear", "guided"):
        raise UsageError(f"{name}: grow={grow} is no way to grow a flow", "choose linear or guided")
    if grow == "linear" or name == "vectors":
        return _FACTORIES[name](preset, pairs, context)
    _need_torch(f"grow={grow}")
    from retempo.flow.upsampler.estimator import GuidedFlow

    pinned = pairs.pop("grown", "")
    own: dict[str, str] = {key: pairs.pop(key) for key in _GROW_KEYS if key in pairs}
    if not own.keys() & {"scale", "size"}:
        asked = {"scale": context.get("working_scale"), "size": context.get("working_size")}
        own |= {key: str(value) for key, value in asked.items() if value is not None}
    keywords = _keywords("grow=guided", _GROW_KEYS, own, {"device": context.get("device")}, ("device",))
    inner = _FACTORIES[name](preset, pairs, {**context, "working_scale": None, "working_size": None})
    assert not isinstance(inner, VectorsMarker)
    if wants_onward(inner):
        raise UsageError(f"{inner.name} begins with motion that grow=guided has not", "leave one of them out")
    guided = GuidedFlow(inner, **keywords)
    if not guided.digest.startswith(pinned):
        raise WeightsError(
            f"the flow asks for an upsampler of the weights {pinned}, and others are here",
            "name the right ones with grower=, or leave grown= out",
        )
    return guided


def weights_of(name: str, preset: str) -> str:
    """What the weights of a part are called in the manifest of weights; "" for what needs none.

    Args:
        name, preset: of the part: ``raft`` and ``small``.
    """
    if name == "raft":
        return f"raft-{preset or 'large'}"
    return NEUFLOW if name == "neuflow" else ""


def digest_of(pairs: Sequence[str], key: str = "file") -> str:
    """The SHA-256 of the weights that a part ``neural`` with these ``key=value`` pairs would use; or of its upsampler.

    Args:
        pairs: of the part. key: that names the file, ``file`` or, of the upsampler, ``grower``.

    Raises:
        WeightsError: they are not there.
    """
    named = [pair.removeprefix(f"{key}=") for pair in pairs if pair.startswith(f"{key}=")]
    path = Path(named[0]) if named else OWN_WEIGHTS if key == "file" else OWN_GROWER
    if not path.is_file():
        raise WeightsError(
            f"no weights of our own: {path} is not there", f"train (`retempo train`), or give {key}="
        )
    return hashlib.sha256(path.read_bytes()).hexdigest()


def names() -> list[str]:
    """Return every name with its presets, as a user may type it: ``dis``, ``dis:fast``, ..., ``vectors``, ..."""
    from retempo.flow.dis import PRESETS as DIS_PRESETS
    from retempo.flow.raft.sizes import SIZES as RAFT_SIZES
    from retempo.flow.vectors import PRESETS as VECTOR_PRESETS

    presets = {
        "dis": list(DIS_PRESETS),
        "neural": list(DIS_PRESETS),
        "raft": list(RAFT_SIZES),
        "vectors": list(VECTOR_PRESETS),
    }
    return [
        entry
        for name in _FACTORIES
        if name != "neural" or OWN_WEIGHTS.is_file()
        for entry in (name, *(f"{name}:{preset}" for preset in presets.get(name, [])))
    ]


def register_flow(name: str, factory: Factory) -> None:
    """Add an estimator under a name of its own, or replace one."""
    if not name or any(mark in name for mark in "+:,= "):
        raise UsageError(f"{name!r} cannot name a flow estimator", "use letters, digits, '-' and '_'")
    _FACTORIES[name] = factory


Keys = dict[str, tuple[str, Callable[[str], object]]]
"""What a part may say -> (the constructor's name for it, how it is read)."""

OWN_WEIGHTS: Final = Path(__file__).parent / "neural" / "weights.safetensors"
"""Of the flow ``neural``; what made them stands in packaging/weights."""

OWN_GROWER: Final = Path(__file__).parent / "upsampler" / "weights.safetensors"
"""Of ``grow=guided``, likewise."""

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
    "looks": ("looks", int),
    "continued": ("continued", lambda text: bool(int(text))),
    "scale": ("working_scale", float),
    "size": ("working_size", int),
}


def _make_dis(preset: str, pairs: dict[str, str], context: dict[str, object]) -> FlowEstimator:
    from retempo.flow.dis import DisFlow

    keywords = _keywords("dis", _DIS_KEYS, pairs, context, ("threads",))
    return DisFlow(preset or "balanced", **keywords)


_GROW_KEYS: Final[Keys] = {
    "scale": ("scale", float),
    "size": ("size", int),
    "grower": ("weights", Path),
}

_NEURAL_KEYS: Final[Keys] = {
    "rounds": ("rounds", int),
    "file": ("weights", Path),
    "scale": ("working_scale", float),
    "size": ("working_size", int),
    "half": ("half", lambda text: bool(int(text))),
}


def _make_neural(preset: str, pairs: dict[str, str], context: dict[str, object]) -> FlowEstimator:
    _need_torch("neural")
    from retempo.flow.neural.estimator import NeuralFlow

    pinned = pairs.pop("weights", "")
    if pinned and not (
        len(pinned) >= PINNED and digest_of([f"{k}={v}" for k, v in pairs.items()]).startswith(pinned)
    ):
        raise WeightsError(
            f"the flow asks for neural of the weights {pinned}, and others are here",
            "name the right ones with file=, or leave weights= out",
        )
    keywords = _keywords("neural", _NEURAL_KEYS, pairs, context, ("threads", "device"))
    return NeuralFlow(preset or "balanced", **keywords)


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
_FILE_KEYS: Final = frozenset(
    key
    for keys in (_DIS_KEYS, _GROW_KEYS, _NEURAL_KEYS, _RAFT_KEYS, _NEUFLOW_KEYS)
    for key, (_, kind) in keys.items()
    if kind is Path
)


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
    _need_torch(name)
    weights: Weights = load(name)
    if pinned and not (len(pinned) >= PINNED and weights.digest.startswith(pinned.lower())):
        raise WeightsError(
            f"the flow asks for {name} of the weights {pinned}, and those of {weights.digest[:PINNED]} are here",
            "add the right file with `retempo weights add`, or leave weights= out",
        )
    return weights


def _need_torch(name: str) -> None:
    if importlib.util.find_spec("torch") is None or importlib.util.find_spec("safetensors") is None:
        raise WeightsError(f"{name} needs PyTorch, which is not installed", "pip install 'retempo[torch]'")


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
    "neural": _make_neural,
    "raft": _make_raft,
    "neuflow": _make_neuflow,
    "vectors": _make_vectors,
}
