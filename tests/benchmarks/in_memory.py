"""What does an in-between cost beyond moving its memory, and what do seven cost beyond one?

``inbetween_over_memcpy``: one further in-between at 1920x1080, RGBA float32, two candidates on straight paths, Gaussian
footprint, by ``Prepared.render``, over a copy that moves as much memory: 20 floats a pixel, that is 10 read and
10 written, by all cores. (Counted for the synthesis: two times flow 2 + metrics 2 and colour 4 in, colour 4
out.) ``cost_8x_over_2x``, with all defaults, inverses among them: flow both ways, metrics and seven in-betweens of one
pair, over the same with one in-between.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from clips import frames_of
from retempo.flow.dis import DisFlow
from retempo.render.options import synthesis_options
from retempo.render.settings import RetimeSettings
from retempo.synthesis.options import SynthesisOptions
from retempo.synthesis.paths import look_past
from retempo.synthesis.pipeline import FlowPair, Prepared, prepare
from timing import cores, medians

FLOATS_A_PIXEL = 20
DEFAULTS = RetimeSettings()
GAP = 2
"""Frames between the two of the pair: at 24 fps, slow motion from 12."""


def parallel_copy(pixels: int, traffic: int = FLOATS_A_PIXEL) -> Callable[[], None]:
    """An action that reads ``traffic / 2`` and writes ``traffic / 2`` float32 a pixel, with all cores."""
    source = np.ones(pixels * traffic // 2, np.float32)
    target = np.zeros_like(source)
    count = cores()
    parts = list(zip(np.array_split(source, count), np.array_split(target, count), strict=True))
    pool = ThreadPoolExecutor(count)

    def copy() -> None:
        for _ in pool.map(lambda part: np.copyto(part[1], part[0]), parts):
            pass

    return copy


class Pair:
    """Two frames in memory, and every step of making frames between them."""

    def __init__(self, width: int, height: int, channels: int = 4) -> None:
        frames, self.origin = frames_of(3 * GAP + 1, width, height)
        before, *self.guides, after = (frame.astype(np.float32) / np.float32(255) for frame in frames[::GAP])
        self.pixels = [with_channels(guide, channels) for guide in self.guides]
        self.estimator = DisFlow()
        self.options = synthesis_options(DEFAULTS, [self.estimator])
        self.flows = self.estimator.estimate(*self.guides)
        self.beside = (
            self.estimator.estimate(before, self.guides[0]),
            self.estimator.estimate(self.guides[1], after),
        )
        self.prepared = self.prepare(self.flows)
        self.out = np.empty_like(self.pixels[0])

    def prepare(
        self, flows: tuple[np.ndarray, np.ndarray], options: SynthesisOptions | None = None
    ) -> Prepared:
        """Metrics of both frames and, by default, the bend of paths; its neighbours know the motion beside the pair."""
        pair = FlowPair(0, 1, *flows)
        if options is None:
            (into, back), (onward, home) = self.beside
            pair = replace(pair, past_i=look_past(back, into), past_j=look_past(onward, home))
        return prepare(self.guides, [Fraction(0), Fraction(1)], [pair], options or self.options)

    def render(self, time: Fraction = Fraction(1, 2), prepared: Prepared | None = None) -> None:
        """One further in-between."""
        (prepared or self.prepared).render(self.pixels, time, out=self.out)

    def slow_down(self, factor: int) -> None:
        """Everything that one source pair costs at ``factor`` times slow motion; the originals pass through."""
        prepared = self.prepare(self.estimator.estimate(*self.guides))
        for step in range(1, factor):
            self.render(Fraction(step, factor), prepared)


def with_channels(guide: np.ndarray, channels: int) -> np.ndarray:
    """Linear-light RGB of ``guide`` and as many further channels as asked for, [H, W, channels]."""
    pixels = np.ones((*guide.shape[:2], channels), np.float32)
    pixels[..., :3] = guide**2.2
    return pixels


def measure_inbetween(repeats: int) -> dict[str, Any]:
    """Ratio of one further in-between to the copy, and where its time goes."""
    pair = Pair(1920, 1080)
    two = pair.prepare(pair.flows, SynthesisOptions())
    bilinear = pair.prepare(pair.flows, SynthesisOptions(footprint="bilinear"))
    lanczos = pair.prepare(pair.flows, SynthesisOptions(filter="lanczos4"))
    narrow = [np.ascontiguousarray(one[..., :1]) for one in pair.pixels]
    narrow_out = np.empty_like(narrow[0])
    taken = medians(
        {
            "copy": parallel_copy(1920 * 1080),
            "inbetween": lambda: pair.render(prepared=two),
            "inbetween, bent paths and inverses too (the default)": pair.render,
            "inbetween, 1 channel instead of 4": lambda: two.render(narrow, Fraction(1, 2), out=narrow_out),
            "inbetween, bilinear footprint": lambda: pair.render(prepared=bilinear),
            "inbetween, lanczos4 filter": lambda: pair.render(prepared=lanczos),
        },
        repeats,
    )
    copy = taken.pop("copy")
    return {
        "inbetween_over_memcpy": taken["inbetween"] / copy,
        "memcpy_ms": 1e3 * copy,
        "memcpy_gigabytes_a_second": 1920 * 1080 * FLOATS_A_PIXEL * 4 / copy / 1e9,
        "inbetween_ms": 1e3 * taken["inbetween"],
        "variants_over_memcpy": {name: time / copy for name, time in taken.items() if name != "inbetween"},
        "inbetween_on": pair.origin,
    }


def measure_slow_motion(repeats: int, width: int = 1920, height: int = 1080) -> dict[str, Any]:
    """Ratio of 8x to 2x slow motion of one pair, and the share of each stage."""
    pair = Pair(width, height)
    taken = medians(
        {
            "2x": lambda: pair.slow_down(2),
            "8x": lambda: pair.slow_down(8),
            "flow": lambda: pair.estimator.estimate(*pair.guides),
            "metrics": lambda: pair.prepare(pair.flows),
            "synthesis": pair.render,
        },
        repeats,
    )
    return {
        "cost_8x_over_2x": taken["8x"] / taken["2x"],
        "pair_2x_ms": 1e3 * taken["2x"],
        "pair_8x_ms": 1e3 * taken["8x"],
        "stages_ms": {name: 1e3 * taken[name] for name in ("flow", "metrics", "synthesis")},
        "slow_motion_on": pair.origin,
    }
