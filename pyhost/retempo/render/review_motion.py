"""What does motion look like between two source frames, and how far can it be trusted? For a review."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from retempo.flow.consistency import confidence, forward_backward_error, occlusion
from retempo.io.frame import Frame
from retempo.io.source import Source
from retempo.render.device import to_host
from retempo.render.flow_memory import FlowMemory
from retempo.render.frame import FrameRenderer
from retempo.render.prepared_frames import PreparedFrames
from retempo.render.queues import FrameReader
from retempo.render.review_pictures import on_display
from retempo.render.steps import contributors
from retempo.report.arrows import draw_arrows
from retempo.report.flow_picture import paint_flow, typical_length
from retempo.report.picture import fit_picture, fit_plane
from retempo.report.review import Gap
from retempo.report.trust_map import paint_trust
from retempo.retime.plan import Plan
from retempo.synthesis.layered import LayeredPrepared

ARROWS = 40
"""Arrows across a picture."""


@dataclass(frozen=True)
class Motion:
    """The motion between two source frames over their display window.

    Args:
        ahead, back: flows, [H, W, 2] pixels.
        known: [H, W] bool; where there are pixels at all.
    """

    ahead: np.ndarray
    back: np.ndarray
    known: np.ndarray


@dataclass(frozen=True)
class GapPictures:
    """``[h, w, 3]`` uint8 each, see ``report.review.Gap``."""

    flow: np.ndarray
    arrows: np.ndarray
    trust: np.ndarray


def list_gaps(
    plan: Plan, renderer: FrameRenderer, frames: Sequence[int]
) -> dict[tuple[int, int], tuple[int, ...]]:
    """The pairs of source frames that outputs lie between, in the order of use, with all frames that matter to each."""
    kept = plan.cadence.keep(frames)
    gaps: dict[tuple[int, int], tuple[int, ...]] = {}
    for entry in plan.entries:
        for one in entry.moments:
            if one.kind == "between" and one.first is not None and one.second is not None:
                numbers = contributors(one, kept, renderer.settings.window, plan.cuts)
                gaps.setdefault((one.first, one.second), numbers)
    return gaps


def measure_gaps(
    source: Source,
    renderer: FrameRenderer,
    plan: Plan,
    companions: tuple[Source | None, Source | None] = (None, None),
) -> Iterator[tuple[tuple[int, int], Frame, Motion | None]]:
    """Every gap in turn with its earlier frame and its motion, estimated as it was for the render; None without any.

    Args:
        companions: sequences of vectors and of mattes.

    Raises:
        InputError: a frame cannot be read.
    """
    gaps = list_gaps(plan, renderer, source.frames)
    if not renderer.estimators:
        return
    reader = FrameReader(source.read, list(gaps.values()))
    memory = FlowMemory()
    vectors, mattes = companions
    try:
        for step, ((first, second), numbers) in enumerate(gaps.items()):
            taken = reader.take(step)
            prepared = renderer.prepare(
                taken,
                {number: vectors.read(number) for number in numbers} if vectors else None,
                first,
                mattes={number: mattes.read(number) for number in numbers} if mattes else None,
                memory=memory,
                moments=plan.cadence.times,
            )
            yield (first, second), taken[first], motion_of(prepared, first, second)
    finally:
        reader.close()


def motion_of(prepared: PreparedFrames, first: int, second: int) -> Motion | None:
    """The flows between two of the prepared frames, of the first view; None where there are none.

    Of a foreground with a matte and its background each pixel takes that of the layer which covers most of it.
    """
    view = prepared.views[0]
    parts = view.motion.parts if view.motion else ()
    if not parts:
        return None
    here, there = prepared.times.index(first), prepared.times.index(second)
    flows = [(_flow(part, here, there), _flow(part, there, here)) for part in parts]
    ahead, back = flows[-1]
    if isinstance(view.motion, LayeredPrepared):
        in_front = [view.motion.layers[0][index].coverage[..., None] > 0.5 for index in (here, there)]
        ahead, back = np.where(in_front[0], flows[0][0], ahead), np.where(in_front[1], flows[0][1], back)
    window, display = view.canvases[here].window, prepared.frames[here].display
    known = on_display(np.ones(ahead.shape[:2], bool), window, display)
    return Motion(on_display(ahead, window, display), on_display(back, window, display), known)


def _flow(part: Any, frame: int, other: int) -> np.ndarray:
    found = next(one for one in part.candidates if (one.frame, one.other) == (frame, other))
    return to_host(found.flow)


def tell_gap(
    pair: tuple[int, int], motion: Motion, picture: np.ndarray, names: tuple[str, str, str]
) -> tuple[Gap, GapPictures]:
    """Numbers and pictures of a gap.

    Args:
        pair: its source frames. motion: between them.
        picture: the earlier of them, [h, w, 3] uint8. names: under which flow, arrows and trust are written.
    """
    height, width = picture.shape[:2]
    there, back_again = (
        forward_backward_error(motion.ahead, motion.back),
        forward_backward_error(motion.back, motion.ahead),
    )
    longest = typical_length(motion.ahead, motion.known)
    scale = nice_length(longest)
    flow = paint_flow(motion.ahead, longest=scale, valid=motion.known)
    trust = confidence(motion.ahead, motion.back)
    trust[~motion.known] = 1.0
    shrunk = fit_plane(motion.ahead, width, height)
    shrunk *= np.array([width / motion.ahead.shape[1], height / motion.ahead.shape[0]], np.float32)
    seen = motion.known if motion.known.any() else np.ones_like(motion.known)
    gap = Gap(
        *pair,
        *names,
        scale=scale,
        longest=longest,
        forward=float(there[seen].mean()),
        backward=float(back_again[seen].mean()),
        high=float(np.percentile(np.concatenate([there[seen], back_again[seen]]), 99.0)),
        doubtful=float(occlusion(motion.ahead, motion.back)[seen].mean()),
    )
    pictures = GapPictures(
        fit_picture(flow, width, height),
        draw_arrows(picture, shrunk, spacing=max(12, width // ARROWS)),
        paint_trust(picture, fit_plane(trust, width, height)),
    )
    return gap, pictures


def nice_length(length: float) -> float:
    """The next of 1, 2, 5, 10, 20, 50, ... pixels: a scale that mostly stays the same from gap to gap."""
    if length <= 1.0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(length))
    return float(next(step * power for step in (1.0, 2.0, 5.0, 10.0) if length <= step * power * (1 + 1e-6)))
