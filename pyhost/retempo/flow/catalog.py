"""Which flow estimators are there, and what does ``--flow dis+dis:coarse+vectors`` mean?

Grammar: parts joined by ``+``; a part is ``name[:preset][,key=value...]``. Every part is one hypothesis: the
pipeline splats all of them and lets their merge metrics decide pixel by pixel.

    dis                         dense inverse search, preset balanced
    dis:medium,scale=0.5        preset medium, searched at half size
    dis:fine,stride=1           one setting of the preset replaced
    vectors                     channels of the file itself, read by the caller
    vectors:cycles              the same, with a vector preset
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from retempo.errors import UsageError
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


def parse_flow(text: str, **context: object) -> list[FlowEstimator | VectorsMarker]:
    """Turn a ``--flow`` string into its hypotheses, in order.

    Args:
        text: see the grammar above.
        context: defaults for all parts: ``working_scale``, ``working_size``, ``threads``. What a part says
            itself wins. Keys that are None count as absent.

    Raises:
        UsageError: an unknown name, preset, key or value; an empty part; the same part twice.
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


def names() -> list[str]:
    """Return every name with its presets, as a user may type it: ``dis``, ``dis:fast``, ..., ``vectors``, ..."""
    from retempo.flow.dis import PRESETS as DIS_PRESETS
    from retempo.flow.vectors import PRESETS as VECTOR_PRESETS

    presets = {"dis": list(DIS_PRESETS), "vectors": list(VECTOR_PRESETS)}
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


_DIS_KEYS: Final = {
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

    shared = ("working_scale", "working_size", "threads")
    keywords = {key: context[key] for key in shared if context.get(key) is not None}
    if "scale" in pairs or "size" in pairs:  # the part's own choice replaces either of the caller's
        keywords = {key: value for key, value in keywords.items() if key == "threads"}
    for key, value in pairs.items():
        if key not in _DIS_KEYS:
            raise UsageError(f"dis has no setting {key!r}", f"choose from {', '.join(_DIS_KEYS)}")
        target, kind = _DIS_KEYS[key]
        try:
            keywords[target] = kind(value)
        except ValueError as error:
            raise UsageError(f"dis: {key}={value} is not a number", f"write for example {key}=1") from error
    return DisFlow(preset or "balanced", **keywords)  # type: ignore[arg-type]


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


_FACTORIES: Final[dict[str, Factory]] = {"dis": _make_dis, "vectors": _make_vectors}
