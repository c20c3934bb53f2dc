"""How do a foreground and a background move on their own? Each is a synthesis of its own; the two are composited.

Every source frame is taken apart by its matte into foreground, premultiplied by its coverage, and background,
premultiplied by what is left. Both are rendered with their own flow and metrics, coverage as one more channel. The
foreground is what has arrived; the background is divided by its coverage, so that whatever any source frame shows of it
counts and what it hides does not. In a pixel that both cover, the background's part of the colour is that of the
nearest pixel without foreground; the rest is the foreground's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from retempo.errors import InputError, UsageError
from retempo.flow.base import Image
from retempo.synthesis.candidates import Candidate, FlowPair, Time
from retempo.synthesis.coverage import (
    LEAST_COVERAGE,
    Layer,
    LayerFrame,
    find_nearest,
    isolate_flow,
    split_layers,
)
from retempo.synthesis.options import SynthesisOptions
from retempo.synthesis.pipeline import prepare
from retempo.synthesis.prepared import Prepared, Rendered

OUTPUTS: Final = ("result", "foreground", "background", "matte")
FindFlows = Callable[[list[Image]], list[FlowPair]]


@dataclass(frozen=True)
class LayeredPrepared:
    """What is kept of a group of frames with mattes; the counterpart of ``Prepared``, on the CPU.

    Attributes:
        front, back: the motion of the foreground and of the background.
        layers: the two layers, foreground first, in each frame.
    """

    front: Prepared
    back: Prepared
    layers: tuple[Layer, Layer]

    @property
    def times(self) -> tuple[Time, ...]:
        """Times of the frames."""
        return self.front.times

    @property
    def options(self) -> SynthesisOptions:
        """How both layers are made."""
        return self.front.options

    @property
    def parts(self) -> tuple[Prepared, ...]:
        """What moves on its own."""
        return self.front, self.back

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """Those of both layers, the foreground's first."""
        return self.front.candidates + self.back.candidates

    @property
    def nbytes(self) -> int:
        """Memory that flows, metrics, mattes and indices take."""
        return self.front.nbytes + self.back.nbytes + sum(array.nbytes for array in self.planes)

    @property
    def planes(self) -> list[NDArray[Any]]:
        """Coverage and indices of all frames."""
        found = [plane for layer in self.layers for one in layer for plane in (one.coverage, one.own)]
        return [plane for plane in found if plane is not None]

    def with_options(self, options: SynthesisOptions) -> LayeredPrepared:
        """Return the same motion, rendered otherwise."""
        return replace(self, front=self.front.with_options(options), back=self.back.with_options(options))

    def render(
        self,
        pixels: Sequence[NDArray[np.float32]],
        t: Time,
        ids: Sequence[NDArray[np.uint32]] | None = None,
        *,
        output: str = "result",
        threads: int = 0,
        deterministic: bool = True,
    ) -> Rendered:
        """Make the picture at time t; see ``Prepared.render``.

        Args:
            output: ``result``; ``foreground`` or ``background`` alone, not premultiplied by their coverage, which is in
                ``matte``; ``matte``: the result, with the foreground's coverage in ``matte``.

        Raises:
            UsageError: there is no such output. InputError, TimingError: as ``Prepared.render``.
        """
        if output not in OUTPUTS:
            raise UsageError(f"there is no output {output!r} of a matte", f"choose from {', '.join(OUTPUTS)}")
        parts = []
        for layer, own in ((0, self.front), (1, self.back)):
            shares = [
                _share(self.layers[0][index], self.layers[1][index], frame, layer)
                for index, frame in enumerate(pixels)
            ]
            named = (
                None
                if ids is None
                else [one.isolate(plane) for one, plane in zip(self.layers[layer], ids, strict=True)]
            )
            parts.append(own.render(shares, t, named, threads=threads, deterministic=deterministic))
        return _composite(parts[0], parts[1], output)


def show_layer(
    pixels: NDArray[np.float32], matte: NDArray[Any], ids: NDArray[np.uint32] | None, output: str
) -> Rendered:
    """What ``LayeredPrepared.render`` makes at the time of a source frame, from that frame [H, W, C] alone."""
    height, width = pixels.shape[:2]
    front, back = (layer[0] for layer in split_layers([matte], height, width))
    nothing, sure = np.zeros((height, width), np.bool_), np.ones((height, width), np.float32)
    parts = [
        Rendered(_share(front, back, pixels, layer), None if ids is None else own.isolate(ids), nothing, sure)
        for layer, own in ((0, front), (1, back))
    ]
    return _composite(parts[0], parts[1], output)


def _share(
    front: LayerFrame, back: LayerFrame, pixels: NDArray[np.float32], layer: int
) -> NDArray[np.float32]:
    """[H, W, C + 1]: what of a frame belongs to layer 0 or 1, premultiplied by its coverage, and the coverage."""
    coverage = (front, back)[layer].coverage
    height, width, channels = pixels.shape
    share = np.zeros((height, width, channels + 1), np.float32)
    share[..., channels] = coverage
    np.copyto(share[..., :channels], pixels, where=(coverage == 1.0)[..., None])
    soft = np.flatnonzero((coverage > 0.0) & (coverage < 1.0))
    if soft.size:
        share.reshape(-1, channels + 1)[soft, :channels] = _unmix(front, back, pixels, soft)[layer]
    return share


def _unmix(
    front: LayerFrame, back: LayerFrame, pixels: NDArray[np.float32], soft: NDArray[np.intp]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Premultiplied foreground and background [N, C] of pixels that both cover; their sum is what stands there."""
    flat = pixels.reshape(-1, pixels.shape[2])
    mixed, behind = flat[soft], back.coverage.reshape(-1)[soft][:, None]
    background = behind * (mixed if back.own is None else flat[back.own.reshape(-1)[soft]])
    with np.errstate(invalid="ignore"):  # infinite depth
        foreground = mixed - background
    bad = ~np.isfinite(foreground)
    return np.where(bad, (1 - behind) * mixed, foreground), np.where(bad, behind * mixed, background)


def _composite(front: Rendered, back: Rendered, output: str) -> Rendered:
    """Put the foreground over the background."""
    shown, matte = front.pixels[..., :-1], front.pixels[..., -1]
    behind, seen = _fill(back.pixels, needed=matte < 1.0)
    ahead = matte >= 0.5
    ids = None if front.ids is None else np.where(ahead[..., None], front.ids, back.ids)
    hole = np.where(ahead, front.hole, back.hole | ~seen)
    share = np.clip(matte, 0.0, 1.0)
    sure = share * front.confidence + (1 - share) * np.where(seen, back.confidence, 0.0)
    if output == "foreground":
        covered = matte > 0.0
        straight = shown / np.where(covered, matte, 1.0)[..., None]
        return Rendered(
            np.where(covered[..., None], straight, 0.0), front.ids, front.hole, front.confidence, share
        )
    if output == "background":
        return Rendered(behind, back.ids, back.hole | ~seen, back.confidence, seen.astype(np.float32))
    with np.errstate(invalid="ignore"):  # what is infinite may stand behind the foreground
        mixed = shown + (1 - matte)[..., None] * behind
    pixels = np.where((matte == 1.0)[..., None], shown, mixed)
    return Rendered(pixels, ids, hole, sure.astype(np.float32), share if output == "matte" else None)


def _fill(
    pixels: NDArray[np.float32], needed: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Divide a background by its coverage, and fill what no frame shows of it from the nearest pixel seen.

    Returns:
        ``(background [H, W, C], seen [H, W])``.
    """
    coverage = pixels[..., -1]
    seen = coverage > LEAST_COVERAGE
    behind = (pixels[..., :-1] / np.where(seen, coverage, 1.0)[..., None]).astype(np.float32, copy=False)
    if (needed & ~seen).any():
        nearest = find_nearest(seen)
        if nearest is not None:
            behind = behind.reshape(-1, behind.shape[2])[nearest]
    return behind, seen


def prepare_layers(
    images: Sequence[Image],
    times: Sequence[Time],
    mattes: Sequence[NDArray[Any]],
    find_flows: FindFlows,
    options: SynthesisOptions | None = None,
    depths: Sequence[NDArray[np.float32] | None] | None = None,
    *,
    chosen: Sequence[int] | None = None,
    empty: Sequence[NDArray[np.bool_]] | None = None,
    threads: int = 0,
) -> LayeredPrepared:
    """Find how foreground and background move, and how far each may be trusted.

    Args:
        images, times, options, depths, empty, threads: as for ``prepare``.
        mattes: one [H, W] plane an image, the share of each pixel that is foreground, [0, 1].
        chosen: which of the images are the frames of ``times``, ascending; the others, whose motion only bends, are
            of use to ``find_flows`` alone. Default: all.
        find_flows: asked first for the foreground's flows, then for the background's, on pictures that show nothing
            else: see ``LayerFrame.isolate_picture``.

    Raises:
        InputError: sizes differ, a matte is missing or has values outside of [0, 1]; and as ``prepare``.
    """
    if len(mattes) != len(images):
        raise InputError(f"{len(mattes)} mattes for {len(images)} frames", "one a frame, please")
    height, width = images[0].shape[:2]
    frames = range(len(images)) if chosen is None else chosen
    made, layers = [], []
    for every in split_layers(mattes, height, width):
        shown = [one.isolate_picture(image) for one, image in zip(every, images, strict=True)]
        layer = tuple(every[index] for index in frames)
        layers.append(layer)
        pictures = [shown[index] for index in frames]
        flows = [isolate_flow(pair, layer) for pair in find_flows(shown)]
        coverage = [one.coverage for one in layer]
        made.append(
            prepare(pictures, times, flows, options, depths, empty=empty, coverage=coverage, threads=threads)
        )
    return LayeredPrepared(made[0], made[1], (layers[0], layers[1]))
