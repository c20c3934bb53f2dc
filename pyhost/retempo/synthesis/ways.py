"""Where do the pixels of a picture between two frames lie in those two? The motion that made the picture, at its time.

A pixel of a candidate that is at s of its path d(s) (``paths``) is at the frame of phase p when it has gone
d(p) - d(s) further. That is known where the pixel stands in its own frame, and is moved to the picture as a colour
would be: the same splat, the same weights.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from retempo import ops
from retempo.errors import TimingError
from retempo.synthesis.ablation import speak
from retempo.synthesis.candidates import Candidate, Time, choose_voices
from retempo.synthesis.paths import path_to
from retempo.synthesis.prepared import Prepared


def render_ways(
    prepared: Prepared, t: Time, *, threads: int = 0, deterministic: bool = True
) -> NDArray[np.float32]:
    """Displacements from the picture at time t to the frames after and before it.

    Args:
        prepared: as for a picture; ablations of it are not looked at, and its filter is not used: motion is sampled
            bilinearly, so that it stays within what its neighbours have.
        t: between the first and the last of its times, and none of them.
        threads, deterministic: see ``Prepared.render``.

    Returns:
        [H, W, 4] float32 pixels, y down: x and y to the nearest later frame, x and y to the nearest earlier one.

    Raises:
        TimingError: t is not between two frames.
    """
    exact, now = [Fraction(time) for time in prepared.times], Fraction(t)
    later, earlier = (
        [time for time in exact if time > now],
        [time for time in exact if time < now],
    )
    if now in exact or not later or not earlier:
        raise TimingError(f"time {float(now):g} is not between two frames", "ask for the motion of the frame")
    here = prepared.to("cpu")
    voices = choose_voices(here.candidates, here.times, now)
    spoken, ways = [], []
    for index, (voice, words) in enumerate(zip(voices, speak(here, voices, slice(here.height)), strict=True)):
        candidate = here.candidates[voice.candidate]
        start = exact[candidate.frame]
        span = exact[candidate.other] - start
        gone = _displacement(candidate, voice.scale)
        ends = [
            _displacement(candidate, float((end - start) / span)) - gone for end in (min(later), max(earlier))
        ]
        ways.append(np.ascontiguousarray(np.concatenate(ends, axis=2), dtype=np.float32))
        spoken.append((index, *words[1:]))
    options = here.options
    made = ops.synthesize(
        ways,
        spoken,
        footprint=options.footprint,
        sigma=options.sigma,
        merge_exponent=options.merge_exponent,
        coverage_gate=options.coverage_gate,
        metric_bound=options.metric_bound,
        merge=options.merge,
        frame_height=here.height,
        threads=threads,
        deterministic=deterministic,
        check_finite=False,  # prepare has looked
    )
    result: NDArray[np.float32] = made.out
    return result


def _displacement(candidate: Candidate, phase: float) -> NDArray[np.float32]:
    """How far a candidate's pixels have gone at a phase of their path, [H, W, 2] pixels."""
    moved: NDArray[np.float32] = np.float32(phase) * path_to(candidate.flow, candidate.bend, phase)
    return moved
