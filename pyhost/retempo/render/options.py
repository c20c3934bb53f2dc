"""What do the settings mean to the synthesis room?"""

from __future__ import annotations

from collections.abc import Sequence

from retempo.flow.base import FlowEstimator, count_hypotheses
from retempo.flow.catalog import VectorsMarker
from retempo.metrics.importance import ImportanceSettings
from retempo.render.settings import RetimeSettings, parse_coefficients
from retempo.synthesis.options import SynthesisOptions


def synthesis_options(
    settings: RetimeSettings, estimators: Sequence[FlowEstimator | VectorsMarker]
) -> SynthesisOptions:
    """The part of the settings that the synthesis room understands.

    A renderer's own vectors are exact: there the narrow footprint and the coverage gate gain 4 dB on the sample
    scene, while with estimated flow they cost a little (tests/benchmarks/RESULTS.md).
    """
    several = bool(estimators) and all(count_hypotheses(one) > 1 for one in estimators)
    exact = bool(estimators) and all(isinstance(one, VectorsMarker) for one in estimators)
    footprint = settings.footprint if settings.footprint != "auto" else "bilinear" if exact else "gaussian"
    gate = settings.coverage_gate == "on" or (settings.coverage_gate == "auto" and exact)
    splat_photo, splat_flow, splat_variance, merge_photo, merge_flow, merge_variance = parse_coefficients(
        settings.coefficients
    )
    return SynthesisOptions(
        footprint=footprint,
        sigma=settings.sigma,
        merge=settings.merge,
        merge_exponent=settings.merge_exponent,
        coverage_gate=gate,
        inverses=settings.inverses == "on" or (settings.inverses == "auto" and not exact and not several),
        filter=settings.filter,
        stability=settings.stability,
        payload=settings.payload,
        depth=settings.depth,
        depth_convention=settings.depth_convention,  # type: ignore[arg-type]
        importance=ImportanceSettings(
            splat_photo=splat_photo,
            splat_flow=splat_flow,
            splat_variance=splat_variance,
            merge_photo=merge_photo,
            merge_flow=merge_flow,
            merge_variance=merge_variance,
            temperature=settings.temperature,
        ),
    )
