"""Do pixels follow the parabola through three frames, and go straight where that is not known?"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retempo.errors import InputError
from retempo.synthesis.candidates import FlowPair
from retempo.synthesis.options import SynthesisOptions
from retempo.synthesis.paths import Past, bend_of, look_past, path_to
from retempo.synthesis.pipeline import prepare

SIZE = (48, 64)


def constant(dx: float, dy: float = 0.0) -> np.ndarray:
    flow = np.empty((*SIZE, 2), np.float32)
    flow[...] = dx, dy
    return flow


def sure(flow: np.ndarray, phase: float = -1.0) -> Past:
    return Past(flow, np.ones(SIZE, np.float32), phase)


pixels = st.floats(-50, 50, allow_nan=False, width=32)


@given(there=pixels, past=pixels, phase=st.floats(-4, -0.25), s=st.floats(0.01, 0.99))
def test_path_is_the_parabola_through_three_frames(there: float, past: float, phase: float, s: float) -> None:
    bend = bend_of(constant(there), sure(constant(past), phase))
    coefficients = np.linalg.solve(np.array([[1, 1], [phase, phase * phase]]), [there, past])
    expected = coefficients @ [s, s * s]
    found = path_to(constant(there), bend, s)[0, 0, 0] * s
    assert found == pytest.approx(expected, abs=2e-3)
    for at, end in ((1.0, there), (phase, past)):
        assert path_to(constant(there), bend, at)[0, 0, 0] * at == pytest.approx(end, abs=2e-3)


def test_an_even_pace_has_no_bend() -> None:
    assert np.abs(bend_of(constant(6, -2), sure(constant(-6, 2)))).max() == 0.0
    assert np.abs(bend_of(constant(6), sure(constant(-12), -2.0))).max() == 0.0


def test_trust_falls_with_the_forward_backward_error() -> None:
    assert look_past(constant(-4), constant(4)).trust.max() == pytest.approx(1.0)
    assert look_past(constant(-4), constant(14)).trust.max() == pytest.approx(1 / (1 + 0.3 * 10))
    assert look_past(constant(-4), constant(4), valid=np.zeros(SIZE, bool)).trust.max() == 0.0


def texture(shift: float) -> np.ndarray:
    y, x = np.mgrid[: SIZE[0], : SIZE[1]].astype(np.float32)
    wave = 0.5 + 0.25 * np.sin((x - shift) * 0.7) + 0.2 * np.cos(y * 0.9 + (x - shift) * 0.23)
    return np.repeat(wave[..., None], 3, axis=2).astype(np.float32)


@pytest.mark.parametrize("inverses", [False, True])
def test_what_accelerates_is_shown_where_it_was(inverses: bool) -> None:
    # Position t^2 * 2: at times -1, 0, 1, 2 it stands at 2, 0, 2, 8; at 1/2 at 0.5, and not halfway, at 1.
    place = {time: 2.0 * time * time for time in (-1.0, 0.0, 0.5, 1.0, 2.0)}
    move = {(a, b): constant(place[b] - place[a]) for a in place for b in place}
    pictures = [texture(place[0.0]), texture(place[1.0])]
    straight = FlowPair(0, 1, move[0.0, 1.0], move[1.0, 0.0])
    bent = FlowPair(
        0, 1, move[0.0, 1.0], move[1.0, 0.0],
        past_i=look_past(move[0.0, -1.0], move[-1.0, 0.0]), past_j=look_past(move[1.0, 2.0], move[2.0, 1.0]),
    )  # fmt: skip
    options = SynthesisOptions(inverses=inverses)
    truth = texture(place[0.5])[8:-8, 8:-8]
    errors = []
    for pair in (straight, bent):
        made = prepare(pictures, (0, 1), [pair], options).render(pictures, Fraction(1, 2)).pixels[8:-8, 8:-8]
        errors.append(float(np.abs(made - truth).max()))
    assert errors[0] > 0.1 and errors[1] < 0.03, errors


def test_strips_hold_all_rows_that_a_bent_path_reaches() -> None:
    up = constant(0, 4)
    pair = FlowPair(0, 1, up, -up, past_i=sure(constant(0, 12)), past_j=sure(constant(0, -12)))
    ready = prepare([texture(0), texture(1)], (0, 1), [pair])
    assert ready.reach >= 4 + 0.25 * 8
    whole = ready.render([texture(0), texture(1)], Fraction(1, 3)).pixels
    a, b = ready.source_rows(20, 24)
    part = ready.render([texture(0)[a:b], texture(1)[a:b]], Fraction(1, 3), rows=(20, 24), first_row=a).pixels
    assert np.array_equal(part.view(np.uint32), whole[20:24].view(np.uint32))


@pytest.mark.parametrize(
    ("past", "says"),
    [
        (Past(np.zeros((3, 3, 2), np.float32), np.ones((3, 3), np.float32)), r"\(3, 3\)"),
        (Past(constant(1), np.full(SIZE, 2.0, np.float32)), "outside of"),
        (Past(constant(1), np.ones(SIZE, np.float32), 0.5), "phase"),
        (Past(constant(np.nan), np.ones(SIZE, np.float32)), "NaN"),
    ],
)
def test_a_past_that_cannot_be_is_refused(past: Past, says: str) -> None:
    pair = FlowPair(0, 1, constant(1), constant(-1), name="dis", past_i=past)
    with pytest.raises(InputError, match=says):
        prepare([texture(0), texture(1)], (0, 1), [pair])
