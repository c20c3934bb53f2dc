"""Who speaks at time t, and how loudly; and does a third frame help?"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retempo.errors import TimingError, UsageError
from retempo.synthesis.candidates import Candidate, FlowPair, choose_voices
from retempo.synthesis.hypotheses import pairs_around
from retempo.synthesis.pipeline import prepare

NOTHING = np.zeros((1, 1, 2), np.float32)


def candidates(*pairs: tuple[int, int]) -> list[Candidate]:
    return [
        Candidate(i, j, NOTHING, NOTHING[..., 0], NOTHING[..., 0])
        for pair in pairs
        for i, j in (pair, pair[::-1])
    ]


@given(t=st.fractions(0, 1), hypotheses=st.integers(1, 3))
def test_two_frames_are_weighted_linearly(t: Fraction, hypotheses: int) -> None:
    voices = choose_voices(candidates(*[(0, 1)] * hypotheses), [0, 1], t)
    for frame, share in ((0, 1 - t), (1, t)):
        spoken = [voice for voice in voices if voice.candidate % 2 == frame]
        assert sum(voice.weight for voice in spoken) == pytest.approx(float(share))
        for voice in spoken:
            assert voice.scale == pytest.approx(float(t if frame == 0 else 1 - t))


def test_four_frames_by_distance() -> None:
    pairs = pairs_around(4, 1)
    assert pairs == [(1, 2), (0, 2), (1, 3)]
    entries = candidates(*pairs)
    times = [-1, 0, 1, 2]
    voices = choose_voices(entries, times, Fraction(1, 4))
    by_frame = {entries[voice.candidate].frame: voice for voice in voices}
    assert len(voices) == 4  # each frame once: frames 1 and 2 through the nearest frame beyond t
    distance = {0: 1.25, 1: 0.25, 2: 0.75, 3: 1.75}
    total = sum(1 / value for value in distance.values())
    for frame, away in distance.items():
        assert by_frame[frame].weight == pytest.approx(1 / away / total)
    assert by_frame[0].scale == pytest.approx(1.25 / 2) and by_frame[3].scale == pytest.approx(1.75 / 2)
    assert by_frame[1].scale == pytest.approx(0.25) and by_frame[2].scale == pytest.approx(0.75)
    with pytest.raises(UsageError):
        pairs_around(4, 3)


def test_motion_is_continued_where_nothing_lies_beyond() -> None:
    entries = candidates((0, 1), (1, 2))
    voices = choose_voices(entries, [0, 1, 2], Fraction(3, 2))
    scales = {
        (entries[voice.candidate].frame, entries[voice.candidate].other): voice.scale for voice in voices
    }
    assert scales == {(0, 1): 1.5, (1, 2): 0.5, (2, 1): 0.5}


def test_a_frame_that_is_hit_speaks_alone() -> None:
    voices = choose_voices(candidates((0, 1), (0, 1)), [0, 1], Fraction(1))
    assert [(voice.candidate, voice.weight, voice.scale) for voice in voices] == [
        (1, 0.5, 0.0),
        (3, 0.5, 0.0),
    ]
    with pytest.raises(TimingError, match="outside"):
        choose_voices(candidates((0, 1)), [0, 1], Fraction(-1, 100))


def test_a_third_frame_averages_noise() -> None:
    random = np.random.default_rng(1)
    clean = np.tile(np.linspace(0.2, 0.8, 60, dtype=np.float32)[None, :, None], (50, 1, 3))
    frames = [np.clip(clean + random.normal(0, 0.05, clean.shape), 0, 1).astype(np.float32) for _ in range(4)]
    still = np.zeros((50, 60, 2), np.float32)

    def error(count: int, first: int) -> float:
        pairs = [FlowPair(i, j, still, still) for i, j in pairs_around(count, first)]
        chosen = frames[1 - first :][:count]
        times = list(range(-first, count - first))
        made = prepare(chosen, times, pairs).render(chosen, Fraction(1, 2)).pixels
        return float(np.mean((made - clean) ** 2))

    # weights 1/6 + 1/2 + 1/2 + 1/6 of 4/3: variance (2 * 9 + 2) / 64 = 0.3125 instead of 0.5
    assert error(4, 1) == pytest.approx(0.625 * error(2, 0), rel=0.08)


def test_extrapolating_voices_reach_further() -> None:
    frames = [np.full((40, 8, 3), 0.5, np.float32)] * 3
    flow = np.zeros((40, 8, 2), np.float32)
    flow[..., 1] = 3
    ready = prepare(frames, [0, 1, 2], [FlowPair(0, 1, flow, -flow), FlowPair(1, 2, flow, -flow)])
    assert ready.reach >= 6
