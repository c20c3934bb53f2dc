"""How is a picture made in which not every pixel is shown at the same instant?

An *index map* says of every pixel of a source frame which part of its way to the other frame it has gone: 0 at the
earlier frame, 1 at the later (distance indexing; Zhong et al., "Clearer Frames, Anytime", ECCV 2024). Splatting takes
it as it is: a source pixel is displaced by its own part of its flow, and a candidate weighs at each of its pixels what
it would weigh at that instant. A map that is the same everywhere gives what ``Prepared.render`` gives.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retempo import ops
from retempo.errors import InputError, UsageError
from retempo.flow.base import Flow
from retempo.synthesis.candidates import choose_voices
from retempo.synthesis.prepared import Prepared, Rendered

Map = NDArray[np.float32]
"""[H, W] in [0, 1], on the grid of one of the two frames."""


def render_indexed(
    prepared: Prepared,
    pixels: Sequence[Any],
    maps: tuple[Map, Map],
    ids: Sequence[Any] | None = None,
    *,
    threads: int = 0,
    deterministic: bool = True,
) -> Rendered:
    """Make the picture whose pixels are where ``maps`` say.

    Args:
        prepared: of two frames.
        pixels, ids, threads, deterministic: as for ``Prepared.render``.
        maps: on the grid of the earlier and of the later frame; see ``carry_map``.

    Raises:
        UsageError: other than two frames, or an ablation.
        InputError: a map of another size, or with values outside [0, 1].
    """
    spoken = _speak(prepared, maps)
    made = _merge(prepared, list(pixels), spoken, ids, threads, deterministic)
    return Rendered(made.out, made.ids, made.hole != 0, prepared.confidence(made.weight_sum))


def indexed_ways(
    prepared: Prepared, maps: tuple[Map, Map], *, threads: int = 0, deterministic: bool = True
) -> NDArray[np.float32]:
    """Displacements from an indexed picture to both frames; see ``retempo.synthesis.ways``.

    Args:
        prepared, maps, threads, deterministic: as for ``render_indexed``.

    Returns:
        [H, W, 4] float32 pixels: x and y to the later frame, x and y to the earlier one.

    Raises:
        UsageError, InputError: as ``render_indexed``.
    """
    here = prepared.to("cpu")
    ways, spoken = [], []
    for index, (frame, gone, *rest) in enumerate(_speak(here, maps)):
        candidate = here.candidates[rest[-1]]
        ends = [candidate.flow - gone, -gone]
        ways.append(np.concatenate(ends if frame == 0 else ends[::-1], axis=2, dtype=np.float32))
        spoken.append((index, gone, *rest))
    made: NDArray[np.float32] = _merge(here, ways, spoken, None, threads, deterministic, "bilinear").out
    return made


def _speak(prepared: Prepared, maps: tuple[Map, Map]) -> list[tuple[Any, ...]]:
    """Who says what: frame, displacement, splat metric, merge metric and number of each candidate."""
    options = prepared.options
    if len(prepared.times) != 2:
        raise UsageError(
            f"index maps lead from one frame to the next, and {len(prepared.times)} contribute",
            "choose 2 source frames",
        )
    if not options.fused:
        raise UsageError("index maps know no ablations", "choose stability per_target and payload flow")
    checked = [check_map(one, prepared.height, prepared.width) for one in maps]
    start, end = prepared.times
    voices = choose_voices(prepared.candidates, prepared.times, (Fraction(start) + Fraction(end)) / 2)
    spoken = []
    for voice in voices:
        one = prepared.candidates[voice.candidate]
        gone = _like(checked[0] if one.frame == 0 else 1 - checked[1], one.flow)
        weight = (1 - gone) * (2 * voice.weight)  # what its frame weighs, shared by its opinions
        if _measured(prepared):
            weight = one.merge * weight ** (1 / options.merge_exponent)
        way = one.flow if one.bend is None else one.flow + (gone - 1)[..., None] * one.bend
        spoken.append((one.frame, way * gone[..., None], one.splat, weight, voice.candidate))
    return spoken


def _measured(prepared: Prepared) -> bool:
    """Does the merge metric count?"""
    return prepared.options.merge == "metric" and prepared.options.merge_exponent > 0


def _merge(
    prepared: Prepared,
    frames: list[Any],
    spoken: Sequence[tuple[Any, ...]],
    ids: Sequence[Any] | None,
    threads: int,
    deterministic: bool,
    filter: str = "",
) -> ops.Synthesis:
    options = prepared.options
    return ops.synthesize(
        frames,
        [(*words[:4], 1.0, 1.0, None) for words in spoken],
        ids=None if ids is None else list(ids),
        footprint=options.footprint,
        sigma=options.sigma,
        merge_exponent=options.merge_exponent if _measured(prepared) else 1.0,
        coverage_gate=options.coverage_gate,
        metric_bound=options.metric_bound,
        filter=filter or options.filter,
        merge="metric",
        threads=threads,
        deterministic=deterministic,
        check_finite=False,  # prepare has looked
    )


def carry_map(first: Map, back: Flow) -> Map:
    """The map on the grid of the later frame, where it is known on that of the earlier one.

    Args:
        first: [H, W], on the earlier frame. back: [H, W, 2] pixels, later frame -> earlier frame.
    """
    moved: Map = ops.warp_image(np.ascontiguousarray(first[..., None]), back, filter="bilinear")[..., 0]
    return np.clip(moved, 0.0, 1.0)


def back_flow(prepared: Prepared) -> Flow:
    """The first opinion about the motion from the later of two frames to the earlier, [H, W, 2] NumPy."""
    flow = next(one.flow for one in prepared.candidates if one.frame == 1)
    return flow if isinstance(flow, np.ndarray) else flow.cpu().numpy()


def check_map(plane: Any, height: int, width: int) -> Map:
    """Return a map as contiguous float32.

    Raises:
        InputError: another shape, or a value outside [0, 1].
    """
    array = np.ascontiguousarray(plane, np.float32)
    if array.shape != (height, width):
        raise InputError(
            f"an index map has the shape {array.shape}", f"expected {(height, width)}, as the frames"
        )
    if not bool(((array >= 0) & (array <= 1)).all()):
        raise InputError("an index map holds values outside 0 to 1", "0 is the earlier frame, 1 the later")
    return array


def _like(plane: Map, array: Any) -> Any:
    """A plane of NumPy in the library and on the device of another array."""
    if isinstance(array, np.ndarray):
        return plane
    import torch

    return torch.as_tensor(plane, device=array.device)
