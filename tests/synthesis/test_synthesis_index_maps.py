"""Is every pixel of an indexed picture as far along its way as its map says, and is an even map nothing new?"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from retempo.errors import InputError, UsageError
from retempo.synthesis.candidates import FlowPair
from retempo.synthesis.index_maps import back_flow, carry_map, indexed_ways, render_indexed
from retempo.synthesis.options import SynthesisOptions
from retempo.synthesis.paths import look_past
from retempo.synthesis.pipeline import prepare
from retempo.synthesis.prepared import Prepared
from retempo.synthesis.ways import render_ways

SIZE = (40, 64)
RNG = np.random.default_rng(4)
PICTURES = [RNG.random((*SIZE, 3), dtype=np.float32) for _ in range(2)]


def flow(dx: float, dy: float = 0.0) -> np.ndarray:
    made = np.empty((*SIZE, 2), np.float32)
    made[...] = dx, dy
    return made


def wild(**options: object) -> Prepared:
    """Two opinions of a motion that is nowhere the same, one of them bent."""
    waves = (2 * np.sin(np.mgrid[: SIZE[0], : SIZE[1]] / 5.0).transpose(1, 2, 0)).astype(np.float32)
    past = look_past(flow(-3) - waves, flow(3) + waves)
    pairs = [
        FlowPair(0, 1, flow(3) + waves, flow(-3) - waves, past_i=past, name="one"),
        FlowPair(0, 1, flow(2), flow(-2), name="other"),
    ]
    return prepare(PICTURES, (4, 5), pairs, SynthesisOptions(**options))  # type: ignore[arg-type]


@pytest.mark.parametrize("merge", ["metric", "linear"])
@pytest.mark.parametrize("exponent", [1.0, 2.5])
@pytest.mark.parametrize("phase", [Fraction(1, 5), Fraction(1, 2), Fraction(7, 8)])
def test_an_even_map_is_an_instant(phase: Fraction, exponent: float, merge: str) -> None:
    prepared = wild(merge=merge, merge_exponent=exponent)
    ids = [RNG.integers(0, 2**32, (*SIZE, 1), dtype=np.uint32) for _ in range(2)]
    even = np.full(SIZE, float(phase), np.float32)
    made = render_indexed(prepared, PICTURES, (even, even), ids)
    known = prepared.render(PICTURES, 4 + phase, ids)
    np.testing.assert_allclose(made.pixels, known.pixels, atol=2e-5)
    np.testing.assert_allclose(made.confidence, known.confidence, atol=2e-5)
    assert (made.hole == known.hole).all()
    assert (made.ids == known.ids).mean() > 0.98  # a tie may fall the other way


def test_every_half_moves_at_its_own_pace() -> None:
    """All moves 8 to the right; the upper half has gone 2 pixels, the lower 6."""
    scene = RNG.random((SIZE[0], SIZE[1] + 16, 3), dtype=np.float32)
    first, second = scene[:, 8 : 8 + SIZE[1]], scene[:, : SIZE[1]]
    pictures = [np.ascontiguousarray(one) for one in (first, second)]
    prepared = prepare(
        pictures, (0, 1), [FlowPair(0, 1, flow(8), flow(-8))], SynthesisOptions(footprint="bilinear")
    )
    plane = np.full(SIZE, 0.25, np.float32)
    plane[SIZE[0] // 2 :] = 0.75
    made = render_indexed(prepared, pictures, (plane, plane)).pixels
    for rows, moved in ((slice(1, 19), 2), (slice(21, 39), 6)):
        truth = scene[rows, 8 - moved : 8 - moved + SIZE[1]]
        np.testing.assert_allclose(made[rows, 9:-9], truth[:, 9:-9], atol=1e-4)


def test_what_has_not_left_and_what_has_arrived_are_the_frames() -> None:
    prepared = wild(merge="linear")
    for value in (0.0, 1.0):
        even = np.full(SIZE, value, np.float32)
        made = render_indexed(prepared, PICTURES, (even, even))
        inside = np.s_[4:-4, 8:-8]
        np.testing.assert_allclose(made.pixels[inside], PICTURES[int(value)][inside], atol=1e-4)


def test_a_map_travels_along_the_flow() -> None:
    plane = np.zeros(SIZE, np.float32)
    plane[:, 10:20] = 1.0
    moved = carry_map(plane, flow(-5))
    assert (moved[:, 15:25] == 1).all() and moved[:, :14].max() == 0 == moved[:, 26:].max()
    np.testing.assert_array_equal(back_flow(wild()), wild().candidates[1].flow)


@pytest.mark.parametrize(
    ("plane", "said"),
    [
        (np.zeros((3, 3)), r"shape \(3, 3\)"),
        (np.full(SIZE, 1.5), "outside 0 to 1"),
        (np.full(SIZE, np.nan), "outside 0 to 1"),
    ],
)
def test_bad_maps_are_refused(plane: np.ndarray, said: str) -> None:
    with pytest.raises(InputError, match=said):
        render_indexed(wild(), PICTURES, (plane, np.zeros(SIZE, np.float32)))


def test_only_two_frames_and_no_ablation() -> None:
    even = np.zeros(SIZE, np.float32)
    pairs = [FlowPair(0, 1, flow(1), flow(-1)), FlowPair(1, 2, flow(1), flow(-1))]
    three = prepare([*PICTURES, PICTURES[0]], (0, 1, 2), pairs, SynthesisOptions())
    with pytest.raises(UsageError, match="3 contribute"):
        render_indexed(three, [*PICTURES, PICTURES[0]], (even, even))
    with pytest.raises(UsageError, match="ablations"):
        render_indexed(wild(payload="color"), PICTURES, (even, even))


@pytest.mark.parametrize("phase", [Fraction(1, 4), Fraction(2, 3)])
def test_ways_of_an_even_map_are_those_of_the_instant(phase: Fraction) -> None:
    prepared = wild()
    even = np.full(SIZE, float(phase), np.float32)
    np.testing.assert_allclose(
        indexed_ways(prepared, (even, even)), render_ways(prepared, 4 + phase), atol=1e-3
    )
