"""Which choices does the synthesis offer, and what are their defaults?"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from retempo.errors import UsageError
from retempo.metrics.depth import CONVENTIONS, Convention, depth_bound
from retempo.metrics.importance import ImportanceSettings

CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "footprint": ("gaussian", "bilinear"),
    "merge": ("metric", "linear"),
    "filter": ("bilinear", "bicubic", "lanczos4"),
    "stability": ("per_target", "none"),
    "payload": ("flow", "color"),
    "depth": ("off", "add", "only"),
    "depth_convention": CONVENTIONS,
}


@dataclass(frozen=True)
class SynthesisOptions:
    """How candidates are splatted and merged. What the defaults rest on stands in the room's README.

    Attributes:
        footprint: kernel that flow is splatted with: ``gaussian`` (4x4, closes holes up to 4x expansion) or
            ``bilinear`` (2x2).
        sigma: width of the Gaussian in pixels, > 0.
        merge: ``metric`` weights candidates by reliability and time, ``linear`` by time alone (ablation).
        merge_exponent: power of the merge metric, >= 0.
        coverage_gate: multiply reliability by the clipped bilinear coverage of the target pixel.
        filter: resampling of the source pixels.
        stability: ``per_target`` maximum in the softmax, or ``none`` (ablation: overflows for a large metric).
        payload: what is splatted: ``flow`` (then pixels are fetched by it) or ``color`` itself (ablation).
        importance: coefficients of the splat and merge metrics.
        inverses: also use every flow inverted as a hypothesis (``hypotheses.invert_pairs``): twice the candidates
            without another estimate, 0.1-0.2 dB better on real footage, twice the cost of rendering.
        depth: ``off``; ``add`` adds the depth metric to the splat metric; ``only`` replaces it.
        depth_strength: depth metric between near and far.
        depth_convention: what the depth channel holds, see ``retempo.metrics.depth``.

    Raises:
        UsageError: a value is not among its choices or out of range.
    """

    footprint: str = "gaussian"
    sigma: float = 0.5
    merge: str = "metric"
    merge_exponent: float = 1.0
    coverage_gate: bool = False
    filter: str = "bilinear"
    stability: str = "per_target"
    payload: str = "flow"
    importance: ImportanceSettings = field(default_factory=ImportanceSettings)
    inverses: bool = False
    depth: str = "off"
    depth_strength: float = 50.0
    depth_convention: Convention = "distance"

    def __post_init__(self) -> None:
        for name, choices in CHOICES.items():
            value = getattr(self, name)
            if value not in choices:
                raise UsageError(f"synthesis: {name} is {value!r}", f"choose from {', '.join(choices)}")
        for name, low in (("sigma", 0.05), ("merge_exponent", 0.0), ("depth_strength", 1e-6)):
            value = getattr(self, name)
            if not (np.isfinite(value) and value >= low):
                raise UsageError(f"synthesis: {name} is {value}", f"it must be a finite number >= {low:g}")

    @property
    def metric_bound(self) -> float:
        """The splat metric Z of every pixel lies in [0, metric_bound]."""
        bound = 0.0 if self.depth == "only" else self.importance.splat_bound
        return bound if self.depth == "off" else bound + depth_bound(self.depth_strength)

    @property
    def fused(self) -> bool:
        """True where the one-pass native path covers these options; the ablations are composed from ``ops``."""
        return self.stability == "per_target" and self.payload == "flow"
