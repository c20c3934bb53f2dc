"""What is kept of a group of frames, and how does it become the picture at time t?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from retempo import ops
from retempo.conventions import WORST_FOOTPRINT_RADIUS
from retempo.errors import InputError, UsageError
from retempo.metrics.importance import TERMS
from retempo.synthesis.ablation import render_composed, speak
from retempo.synthesis.candidates import Candidate, Time, choose_voices
from retempo.synthesis.options import SynthesisOptions

FILTER_RADIUS = 4
"""Half-width in pixels of the widest resampling filter (Lanczos4)."""


@dataclass(frozen=True)
class Rendered:
    """One made picture.

    Attributes:
        pixels: [h, W, C] float32, same library and device as the given pixels.
        ids: [h, W, K] uint32 or None; each value is one that stood in a source frame.
        hole: [h, W] bool; no candidate is valid there, the pixel is a fallback.
        confidence: [h, W] float32 in [0, 1]: temporally weighted mean reliability of the candidates; 1 for
            a source frame that is passed through.
        matte: [h, W] float32 in [0, 1]: coverage of a layer, where one was asked for.
    """

    pixels: Any
    ids: Any
    hole: Any
    confidence: Any
    matte: Any = None


@dataclass(frozen=True)
class Prepared:
    """Everything about a group of frames that does not depend on the time to be rendered; immutable.

    Attributes:
        height, width: size of the frames.
        times: their times.
        candidates: what is splatted.
        options: how.
    """

    height: int
    width: int
    times: tuple[Time, ...]
    candidates: tuple[Candidate, ...]
    options: SynthesisOptions

    @cached_property
    def reach(self) -> float:
        """Largest vertical displacement, pixels.

        A frame at most moves by its whole flow, except where its motion is continued beyond the other frame.
        """
        exact = [Fraction(time) for time in self.times]
        return max(
            _reach_of(candidate, max(_phase(exact, candidate, end) for end in (min(exact), max(exact))))
            for candidate in self.candidates
        )

    @property
    def nbytes(self) -> int:
        """Memory that the flows and metrics take."""
        return sum(candidate.nbytes for candidate in self.candidates)

    @property
    def parts(self) -> tuple[Prepared, ...]:
        """What moves on its own: nothing but this."""
        return (self,)

    def with_options(self, options: SynthesisOptions) -> Prepared:
        """Return the same motion, rendered otherwise."""
        return replace(self, options=options)

    def to(self, device: str) -> Prepared:
        """Return the same with its arrays on a device: ``cpu`` (NumPy) or a torch device such as ``cuda:0``."""
        move = _mover(device)
        moved = [
            replace(
                entry,
                flow=move(entry.flow),
                splat=move(entry.splat),
                merge=move(entry.merge),
                bend=None if entry.bend is None else move(entry.bend),
            )
            for entry in self.candidates
        ]
        return replace(self, candidates=tuple(moved))

    def source_rows(self, first: int, last: int) -> tuple[int, int]:
        """Return the rows [a, b) of the sources that can influence the output rows [first, last)."""
        margin = int(np.ceil(self.reach)) + WORST_FOOTPRINT_RADIUS + FILTER_RADIUS
        return max(0, first - margin), min(self.height, last + margin)

    def render(
        self,
        pixels: Sequence[Any],
        t: Time,
        ids: Sequence[Any] | None = None,
        out: Any = None,
        rows: tuple[int, int] | None = None,
        *,
        first_row: int = 0,
        threads: int = 0,
        deterministic: bool = True,
    ) -> Rendered:
        """Make the picture at time t.

        Args:
            pixels: one [h, W, C] float32 array a frame, NumPy or torch (all on one device, that of ``to``); any C.
                Warped and blended linearly, so: scene-linear, premultiplied.
            t: a time between the first and the last of ``times``. Where it equals one of them exactly, that frame's
                values are returned bit for bit.
            ids: one [h, W, K] uint32 array a frame; nearest-sampled from the candidate of the largest weight.
            out: [rows, W, C] float32 to write into; allocated when None.
            rows: output rows [a, b) to make; default all.
            first_row: the frame row that ``pixels`` and ``ids`` begin with, where they hold a strip only; it must hold
                ``source_rows(*rows)``. The result has the same bits as those rows of a whole frame.
            threads: CPU threads, 0 for all; no effect on the bits.
            deterministic: same bits on every run on CUDA, too; False is faster there.

        Raises:
            InputError: the number or shapes of the arrays do not fit.
            TimingError: t lies outside.
            UsageError: rows out of range, or a strip that is too small.
        """
        a, b = (0, self.height) if rows is None else rows
        held = self._check(pixels, ids, a, b, first_row)
        for index, time in enumerate(self.times):
            if Fraction(time) == Fraction(t):
                return _pass_through(
                    pixels[index], None if ids is None else ids[index], out, a - first_row, b - first_row
                )
        voices = choose_voices(self.candidates, self.times, t)
        inner = self.options
        if not inner.fused:
            if (a, b) != (0, self.height):
                raise UsageError(
                    "ablations (stability none, payload color) render whole frames only", "leave rows out"
                )
            return render_composed(self, voices, pixels, ids, out, threads)
        spoken = speak(self, voices, slice(first_row, first_row + held))
        made = ops.synthesize(
            list(pixels),
            spoken,
            ids=None if ids is None else list(ids),
            out=out,
            footprint=inner.footprint,
            sigma=inner.sigma,
            merge_exponent=inner.merge_exponent,
            coverage_gate=inner.coverage_gate,
            metric_bound=inner.metric_bound,
            filter=inner.filter,
            merge=inner.merge,
            frame_height=self.height,
            source_row0=first_row,
            out_row0=a,
            out_rows=b - a,
            threads=threads,
            deterministic=deterministic,
            check_finite=False,  # prepare has looked
        )
        return Rendered(made.out, made.ids, made.hole != 0, self.confidence(made.weight_sum))

    def confidence(self, weight_sum: Any) -> Any:
        """Turn the sum of the candidates' weights into a reliability in [0, 1]."""
        if self.options.merge == "linear" or self.options.merge_exponent == 0:
            return weight_sum
        return weight_sum ** (1.0 / self.options.merge_exponent) / TERMS

    def _check(self, pixels: Sequence[Any], ids: Sequence[Any] | None, a: int, b: int, first_row: int) -> int:
        if not 0 <= a < b <= self.height:
            raise UsageError(
                f"rows {a}..{b} do not lie in a frame of {self.height}", "give [first, last) rows"
            )
        for name, arrays in (("pixels", pixels), ("ids", ids)):
            if arrays is None:
                continue
            if len(arrays) != len(self.times):
                raise InputError(
                    f"{len(arrays)} {name} were given for {len(self.times)} frames", "one a frame, please"
                )
            held = int(arrays[0].shape[0])
            for index, array in enumerate(arrays):
                if array.ndim != 3 or tuple(array.shape) != (held, self.width, array.shape[2]):
                    raise InputError(
                        f"{name} of frame {index} have shape {tuple(array.shape)}",
                        f"expected ({held}, {self.width}, channels) like the pictures that were prepared",
                    )
                if array.shape[2] != arrays[0].shape[2]:
                    raise InputError(
                        f"{name} of frame {index} have other channels than frame 0", "give all the same"
                    )
        held = int(pixels[0].shape[0])
        if ids is not None and int(ids[0].shape[0]) != held:
            raise InputError(f"ids hold {ids[0].shape[0]} rows, pixels {held}", "give both the same rows")
        if held == self.height:
            return held
        least, most = self.source_rows(a, b)
        if first_row > least or first_row + held < most or first_row + held > self.height:
            raise UsageError(
                f"rows {first_row}..{first_row + held} of the sources are not those that rows {a}..{b} need",
                f"give rows {least}..{most}",
            )
        return held


def _phase(times: Sequence[Fraction], candidate: Candidate, time: Fraction) -> float:
    """How far along a candidate's flow a time lies, or before it."""
    here = times[candidate.frame]
    return float(abs(time - here) / abs(times[candidate.other] - here))


def _reach_of(candidate: Candidate, phase: float) -> float:
    """Largest vertical displacement of a candidate at phases up to ``phase`` on either side of its frame, pixels."""
    straight = float(abs(candidate.flow[..., 1]).max()) * max(1.0, phase)
    if candidate.bend is None:
        return straight
    bowing = max(0.25, phase * (phase + 1.0) if phase > 1 else 0.0)  # of |s (s - 1)|
    return straight + bowing * float(abs(candidate.bend[..., 1]).max())


def _pass_through(pixels: Any, ids: Any, out: Any, a: int, b: int) -> Rendered:
    part = pixels[a:b]
    if isinstance(part, np.ndarray):
        plane: Any = np.zeros(part.shape[:2], dtype=np.bool_)
        sure: Any = np.ones(part.shape[:2], dtype=np.float32)
        copy: Any = part.copy() if out is None else out
        own = None if ids is None else ids[a:b].copy()
    else:
        plane = part.new_zeros(part.shape[:2]).bool()
        sure = part.new_ones(part.shape[:2])
        copy = part.clone() if out is None else out
        own = None if ids is None else ids[a:b].clone()
    if out is not None:
        out[...] = part
    return Rendered(copy, own, plane, sure)


def _mover(device: str) -> Callable[[Any], Any]:
    if device == "cpu":
        return lambda array: array if isinstance(array, np.ndarray) else array.cpu().numpy()
    import torch

    return lambda array: torch.as_tensor(array, device=device)
