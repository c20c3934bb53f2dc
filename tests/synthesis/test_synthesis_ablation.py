"""Do the ablation switches change what they name, and nothing else?"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from retempo.errors import UsageError
from retempo.metrics.importance import ImportanceSettings
from retempo.synthesis import ablation
from retempo.synthesis.candidates import FlowPair, choose_voices
from retempo.synthesis.options import SynthesisOptions
from retempo.synthesis.pipeline import Prepared, prepare

HALF = Fraction(1, 2)


def make(options: SynthesisOptions) -> tuple[Prepared, list[np.ndarray]]:
    random = np.random.default_rng(5)
    pictures = [random.random((24, 31, 3)).astype(np.float32) for _ in range(2)]
    flows = [random.normal(0, 2, (24, 31, 2)).astype(np.float32) for _ in range(2)]
    return prepare(pictures, [0, 1], [FlowPair(0, 1, flows[0], flows[1])], options), pictures


@pytest.mark.parametrize(
    "options",
    [
        SynthesisOptions(),
        SynthesisOptions(footprint="bilinear", coverage_gate=True, merge_exponent=4),
        SynthesisOptions(sigma=0.9, merge="linear", filter="lanczos4"),
        SynthesisOptions(filter="bicubic"),
    ],
)
def test_composed_equals_fused(options: SynthesisOptions) -> None:
    prepared, pictures = make(options)
    fused = prepared.render(pictures, Fraction(1, 3))
    voices = choose_voices(prepared.candidates, prepared.times, Fraction(1, 3))
    composed = ablation.render_composed(prepared, voices, pictures, None, None, 0)
    covered = ~fused.hole
    assert np.array_equal(composed.hole, fused.hole) and covered.mean() > 0.5
    np.testing.assert_allclose(composed.pixels[covered], fused.pixels[covered], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(composed.confidence, fused.confidence, rtol=1e-3, atol=1e-5)


def test_naive_softmax_is_equal_until_it_overflows() -> None:
    stable, pictures = make(SynthesisOptions())
    naive, _ = make(SynthesisOptions(stability="none"))
    np.testing.assert_allclose(
        naive.render(pictures, HALF).pixels, stable.render(pictures, HALF).pixels, rtol=1e-3, atol=1e-4
    )
    hot = ImportanceSettings(temperature=200)
    stable, _ = make(SynthesisOptions(importance=hot))
    naive, _ = make(SynthesisOptions(importance=hot, stability="none"))
    broken = naive.render(pictures, HALF).hole.mean()
    assert broken > stable.render(pictures, HALF).hole.mean() + 0.3


def test_color_payload() -> None:
    prepared, pictures = make(SynthesisOptions(payload="color"))
    still = tuple(replace(entry, flow=np.zeros_like(entry.flow)) for entry in prepared.candidates)
    made = replace(prepared, candidates=still).render(pictures, HALF)
    merge = [entry.merge[..., None] for entry in prepared.candidates]
    expected = (merge[0] * pictures[0] + merge[1] * pictures[1]) / (merge[0] + merge[1])
    np.testing.assert_allclose(made.pixels, expected, rtol=1e-4, atol=1e-5)
    flow, _ = make(SynthesisOptions())
    assert np.abs(flow.render(pictures, HALF).pixels - prepared.render(pictures, HALF).pixels).max() > 0.01


def test_zero_coefficients_are_average_splatting() -> None:
    off = ImportanceSettings(0, 0, 0, 0, 0, 0)
    prepared, _ = make(SynthesisOptions(importance=off))
    for entry in prepared.candidates:
        assert np.ptp(entry.splat) == 0 and (entry.merge == 3).all()


def test_ids_come_with_ablations_and_strips_do_not() -> None:
    prepared, pictures = make(SynthesisOptions(payload="color"))
    ids = [np.full((24, 31, 2), value, np.uint32) for value in (4, 0xFFFFFFFF)]
    made = prepared.render(pictures, HALF, ids)
    assert set(np.unique(made.ids)) <= {4, 0xFFFFFFFF} and made.ids.shape == (24, 31, 2)
    with pytest.raises(UsageError, match="whole frames"):
        prepared.render(pictures, HALF, rows=(0, 12))
