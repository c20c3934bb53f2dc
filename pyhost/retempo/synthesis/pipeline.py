"""How do frames and flows become the picture at any time between them? Prepare once, render many.

``prepare`` computes what does not depend on time: the splat and merge metrics of every (frame, flow) candidate.
``Prepared.render`` costs one splat of three channels and one warp a candidate, and one merge (specification of
splatting-based synthesis, sections 5-8 and 13). Preparing looks at bounded flow-space pictures; rendering moves any
channels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retempo.errors import InputError, UsageError
from retempo.flow.base import Image, check_image
from retempo.metrics.depth import depth_metric
from retempo.metrics.importance import importance
from retempo.synthesis.candidates import Candidate, FlowPair, Time, list_pairs
from retempo.synthesis.coverage import weigh_coverage
from retempo.synthesis.hypotheses import invert_pairs
from retempo.synthesis.options import SynthesisOptions
from retempo.synthesis.paths import bend_of
from retempo.synthesis.prepared import Prepared, Rendered
from retempo.synthesis.trust import check_trust, guard_edges

__all__ = ["FlowPair", "Prepared", "Rendered", "measure_depths", "prepare"]


def prepare(
    images: Sequence[Image],
    times: Sequence[Time],
    flows: Sequence[FlowPair] | Mapping[tuple[int, int], Any],
    options: SynthesisOptions | None = None,
    depths: Sequence[NDArray[np.float32] | None] | None = None,
    mask: Sequence[NDArray[Any] | None] | None = None,
    *,
    nearness: Sequence[NDArray[np.float32]] | None = None,
    empty: Sequence[NDArray[np.bool_]] | None = None,
    coverage: Sequence[NDArray[np.float32]] | None = None,
    threads: int = 0,
) -> Prepared:
    """Measure how far every pixel of every candidate is to be trusted.

    Args:
        images: two or more [H, W, 3] float32 pictures in flow space, [0, 1].
        times: their times, strictly increasing.
        flows: hypotheses of the motion between pairs of them (``FlowPair``, or {(i, j): flow or flows}).
        options: the defaults when None.
        depths: one [H, W] plane a frame, for the options ``depth`` add and only.
        mask: one [H, W] plane of trust in [0, 1] a frame, or None for a frame; where it is 0 (outside of a data window,
            under a garbage matte) a pixel is not used and hides nothing.
        nearness: instead of ``depths``, parts of planes that ``measure_depths`` made of whole frames (it looks at a
            frame's nearest and farthest pixels, so a strip measured by itself would come out otherwise).
        empty: one [H, W] bool plane a frame: where it is True, a frame shows nothing, and anything that lands there is
            in front of it.
        coverage: one [H, W] plane a frame: how far each pixel belongs to the layer that is moved, in [0, 1]. It
            multiplies the pixel's weight in the splat; one of no coverage hides nothing (``layered``).
        threads: CPU threads, 0 for all; no effect on the bits.

    Raises:
        InputError: sizes differ, a value is not finite, flows are missing, depth is asked for and missing.
        UsageError: times do not increase, or there are not two frames.
    """
    options = options or SynthesisOptions()
    pictures = [check_image(image, f"image {index}") for index, image in enumerate(images)]
    if len(pictures) < 2 or len(times) != len(pictures):
        raise UsageError(f"{len(pictures)} images with {len(times)} times", "two or more of each are needed")
    if any(not Fraction(a) < Fraction(b) for a, b in pairwise(times)):
        raise UsageError(f"the times {', '.join(map(str, times))} do not increase", "sort the frames by time")
    height, width = pictures[0].shape[:2]
    for index, picture in enumerate(pictures):
        if picture.shape != pictures[0].shape:
            raise InputError(
                f"image {index} is {picture.shape[1]}x{picture.shape[0]}, image 0 {width}x{height}",
                "one size",
            )
    pairs = list_pairs(flows, len(pictures), height, width)
    if options.inverses:
        pairs += invert_pairs(pairs, threads)
    trusts = [
        check_trust(plane, f"the mask of image {i}", height, width) for i, plane in enumerate(mask or [])
    ]
    trusts = trusts or [None] * len(pictures)
    near: Sequence[NDArray[np.float32] | None] = (
        nearness if nearness is not None else _check_depths(depths, options, pictures)
    )
    if not len(trusts) == len(near) == len(pictures):
        raise InputError(
            f"{len(trusts)} masks or {len(near)} depths for {len(pictures)} frames", "one a frame, please"
        )

    def measure(job: tuple[int, int, Any, Any, Any, Any]) -> Candidate:
        frame, other, there, back, valid, trust = job
        splat, merge = importance(pictures[frame], pictures[other], there, back, options.importance, threads)
        depth = near[frame]
        if depth is not None:
            splat = depth if options.depth == "only" else splat + depth
        if empty is not None:
            splat = np.where(empty[frame], np.float32(0), splat)
        for plane in (valid, trust):
            if plane is not None:
                splat = splat * plane
                merge = merge * guard_edges(plane)
        if coverage is not None:
            splat = splat + weigh_coverage(coverage[frame])
        return Candidate(frame, other, there, np.ascontiguousarray(splat), np.ascontiguousarray(merge))

    jobs = []
    for pair in pairs:
        jobs.append((pair.i, pair.j, pair.flow_ij, pair.flow_ji, pair.valid_ij, trusts[pair.i]))
        jobs.append((pair.j, pair.i, pair.flow_ji, pair.flow_ij, pair.valid_ji, trusts[pair.j]))
    with ThreadPoolExecutor(
        1 if threads == 1 else 2
    ) as pool:  # beside the metrics, which have threads of their own
        pasts = [past for pair in pairs for past in (pair.past_i, pair.past_j)]
        bends = pool.map(lambda flow, past: past and bend_of(flow, past), [job[2] for job in jobs], pasts)
        candidates = [replace(measure(job), bend=bend) for job, bend in zip(jobs, bends, strict=True)]
    return Prepared(height, width, tuple(times), tuple(candidates), options)


def measure_depths(
    depths: Sequence[NDArray[np.float32]], options: SynthesisOptions
) -> list[NDArray[np.float32]]:
    """The splat metric [H, W] of each whole frame's depth [H, W]; see ``metrics.depth``."""
    return [
        depth_metric(depth, convention=options.depth_convention, strength=options.depth_strength)
        for depth in depths
    ]


def _check_depths(
    depths: Sequence[NDArray[np.float32] | None] | None, options: SynthesisOptions, pictures: Sequence[Image]
) -> list[NDArray[np.float32] | None]:
    if options.depth == "off":
        return [None] * len(pictures)
    if depths is None or any(depth is None for depth in depths):
        raise InputError(
            f"depth is to be used ({options.depth}) and a frame has none", "give a depth, or depth off"
        )
    planes = [np.asarray(depth) for depth in depths]
    for index, plane in enumerate(planes):
        if plane.shape[:2] != pictures[0].shape[:2]:
            raise InputError(
                f"the depth of frame {index} has shape {plane.shape}", f"expected {pictures[0].shape[:2]}"
            )
    return list(measure_depths(planes, options))
