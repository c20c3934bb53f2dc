"""How is a frame made that does not fit in memory? Its flow is held whole, its pixels pass by strip by strip.

Every strip reads as many further rows as motion can reach, so it has the bits of the same rows of a frame
made whole with the same flow: there is no seam. Where even the search for flow would not fit, it is done at
a smaller working resolution (``plan_strips`` says which); that is the only thing that can differ.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import groupby
from typing import Any

import numpy as np

from retempo.conventions import WORST_FOOTPRINT_RADIUS
from retempo.errors import UsageError
from retempo.flow.base import EncodedFlowEstimator, Hypothesis
from retempo.flow.catalog import VectorsMarker
from retempo.flow.vectors import find_preset
from retempo.io.formats import is_movie
from retempo.io.frame import Frame, Layer, Window
from retempo.io.source import Source
from retempo.io.target import Target
from retempo.metrics.exposure import HEIGHT as SMALL_HEIGHT
from retempo.metrics.exposure import WIDTH as SMALL_WIDTH
from retempo.metrics.small import Small, shrink_parts
from retempo.render.canvas import (
    Canvas,
    canvas_window,
    count_bad,
    empty_of,
    fill_strip,
    gather,
    group_views,
    guide_of,
    scatter,
    union_windows,
)
from retempo.render.exposure import Exposure, Pass, longest_motion, thin
from retempo.render.frame import FrameRenderer
from retempo.render.lighting import AS_SHOT, Lighting, match_lighting
from retempo.render.mattes import own_mattes
from retempo.render.steps import Step
from retempo.render.still import blacken, mix
from retempo.render.strip_blur import Units, prepare_units, write_blurred
from retempo.render.surroundings import Estimator, surround
from retempo.render.vectors import depth_of, vector_flow
from retempo.retime.cadence import STEADY, Cadence
from retempo.synthesis.pipeline import FlowPair, measure_depths, prepare
from retempo.synthesis.prepared import FILTER_RADIUS

FLOW_BYTES = 40
"""Held per pixel and pair: two flows, two encoded pictures, and what rescaling them takes in passing."""
SEARCH_BYTES = 400
"""Taken per pixel of the working resolution while both directions of flow are searched (measured, DIS fine)."""
METRIC_BYTES = 120
"""Taken per pixel and pair while metrics are measured: guides, warped guides, two metrics each way."""
FRAMES_IN_FLIGHT = 3
"""Beyond the contributing frames: one read ahead, two results being written."""
LEAST_ROWS = 16
SIDE_BY_SIDE = 16


@dataclass(frozen=True)
class StripPlan:
    """How a frame is cut: ``rows`` at a time, flow searched at ``flow_scale`` of its resolution."""

    rows: int
    flow_scale: float


def whole_bytes(header: Frame, settings_frames: int, hypotheses: int, flow_scale: float) -> int:
    """Memory that making frames whole takes at its peak, in bytes (an estimate; see the constants)."""
    pixels = sum(layer.nbytes for layer in header.layers)
    area = _area(header)
    frames = pixels * (2 * settings_frames + FRAMES_IN_FLIGHT)
    searching = area * (FLOW_BYTES * hypotheses + int(SEARCH_BYTES * flow_scale**2))
    return frames + max(searching, area * (FLOW_BYTES * hypotheses + METRIC_BYTES))


def plan_strips(
    header: Frame, budget: int, settings_frames: int, hypotheses: int, flow_scale: float
) -> StripPlan | None:
    """How to stay within ``budget`` bytes; None when whole frames do.

    Raises:
        UsageError: not even strips of a few rows fit.
    """
    if whole_bytes(header, settings_frames, hypotheses, flow_scale) <= budget:
        return None
    area = _area(header)
    held = area * FLOW_BYTES * hypotheses
    scale = flow_scale
    while held + area * SEARCH_BYTES * scale**2 > budget and scale > 0.1:
        scale /= 2
    height = max(layer.window.height for layer in header.layers)
    row = sum(layer.nbytes for layer in header.layers) / height * (2 * settings_frames + 1)
    row += METRIC_BYTES * max(layer.window.width for layer in header.layers)
    rows = int((budget - held) / row / 2)
    if rows < LEAST_ROWS or scale <= 0.1:
        least = int(held + area * SEARCH_BYTES * 0.04 + 2 * LEAST_ROWS * row) >> 20
        raise UsageError(
            f"a frame of {header.display.width}x{header.display.height} with these channels cannot be made "
            f"within {budget >> 20} MiB",
            f"give --memory at least about {least}M, or fewer flow hypotheses",
        )
    return StripPlan(min(rows, height), scale)


def _area(header: Frame) -> int:
    return max(layer.window.width * layer.window.height for layer in header.layers)


@dataclass(frozen=True)
class _View:
    layers: tuple[int, ...]
    window: Window
    numbers: tuple[int, ...]
    flows: tuple[FlowPair, ...]
    nearness: tuple[np.ndarray, ...] | None
    reach: int
    lighting: Lighting = AS_SHOT


class StripRenderer:
    """Makes the frames between a few source frames, without ever holding one of them.

    Args:
        renderer: settings, colour and estimators.
        source, vectors: as for ``render_shot``.
        cut: from ``plan_strips``.
        cadence: when the source frames were taken.
    """

    def __init__(
        self,
        renderer: FrameRenderer,
        source: Source,
        vectors: Source | None,
        cut: StripPlan,
        cadence: Cadence = STEADY,
    ) -> None:
        self.renderer = renderer
        self.source = source
        self.vectors = vectors
        self.rows = cut.rows
        self.cadence = cadence
        self._numbers: tuple[int, ...] = ()
        self._first: int | None = None
        self._headers: dict[int, Frame] = {}
        self._windows: dict[int, Window] = {}
        self._views: list[_View] = []
        self._bad: dict[tuple[int, int, int], int] = {}
        self._flows: dict[
            tuple[Any, ...], tuple[np.ndarray, np.ndarray]
        ] = {}  # those that the next gap may ask for

    def twin(self) -> StripRenderer:
        """Another one for other source frames."""
        return StripRenderer(
            self.renderer, self.source, self.vectors, StripPlan(self.rows, 1.0), self.cadence
        )

    @property
    def repaired(self) -> dict[int, int]:
        """Of the present source frames those with NaN or infinite colour, and how many pixels were replaced so far."""
        counts = dict.fromkeys(self._numbers, 0)
        for (number, _, _), count in self._bad.items():
            counts[number] += count
        return {number: count for number, count in counts.items() if count}

    def prepare(self, numbers: tuple[int, ...], first: int | None) -> None:
        """Find the motion between these source frames, for instants between ``first`` and the next of them.

        None: there is none to be found, they stand or are mixed.
        """
        if (numbers, first) == (self._numbers, self._first):
            return
        self._views = []
        self._bad = {}
        self._numbers = numbers
        self._first = first
        self._headers = {number: self.source.header(number) for number in numbers}
        shown = numbers if first is None else surround(numbers, first, self.renderer.settings).times
        self._windows = union_windows([self._headers[number] for number in shown])
        views = group_views(self._headers[numbers[0]])
        self._views = [self._view(layers) for layers in views.values()]

    def header(self, time: Fraction) -> Frame:
        """The frame at ``time`` without pixels: every layer's new data window."""
        template = self._template(time)
        layers = [replace(layer, window=self._windows[index]) for index, layer in enumerate(template.layers)]
        return replace(template, layers=layers)

    def strips(self, times: Sequence[Fraction]) -> Iterator[tuple[int, list[list[Layer]]]]:
        """For each strip from the top: its first row (display coordinates), and the layers of each time's frame."""
        for row in range(*self.extent, self.rows):
            made: list[dict[int, Layer]] = [{} for _ in times]
            windows = self.windows(row)
            for view in self._views:
                for into, (template, canvas) in zip(made, self._take(view, row, times), strict=False):
                    into.update(
                        scatter(template, windows, canvas, canvas.pixels, canvas.ids, self.renderer.color)
                    )
            template = self._headers[self._numbers[0]]
            yield row, [fill_strip(template, layers, row) for layers in made]

    def expose(self, exposure: Exposure, one: Pass, row: int) -> None:
        """Add a strip of the instants of a pass to one in the making; see ``FrameRenderer.expose``."""
        one = thin(one, self.speed) if self.renderer.settings.shutter_samples == 0 else one
        windows = self.windows(row)
        for view in self._views:
            for index, (template, canvas) in enumerate(self._take(view, row, one.times)):
                exposure.add([canvas], windows, template, one.weights[index], index == one.centre)

    @property
    def extent(self) -> tuple[int, int]:
        """First row and one past the last, display coordinates."""
        return min(view.window.y for view in self._views), max(view.window.y1 for view in self._views)

    @property
    def matched(self) -> set[int]:
        """As ``PreparedFrames.matched``."""
        return {number for view in self._views for number in view.lighting.exposures}

    @property
    def speed(self) -> float | None:
        """As ``PreparedFrames.speed``."""
        time_of = self.cadence.time_of
        found = [
            longest_motion(
                (view.flows[0].flow_ij, view.flows[0].flow_ji),
                time_of(view.numbers[view.flows[0].j]) - time_of(view.numbers[view.flows[0].i]),
            )
            for view in self._views
            if view.flows
        ]
        return max(found, default=None)

    def windows(self, row: int) -> dict[int, Window]:
        """The part of each layer's data window that lies in the strip at ``row``."""
        return {index: window.rows(row, row + self.rows) for index, window in self._windows.items()}

    def _template(self, time: Fraction) -> Frame:
        return self._headers[min(self._numbers, key=lambda number: abs(self.cadence.time_of(number) - time))]

    def _view(self, layers: tuple[int, ...]) -> _View:
        settings = self.renderer.settings
        headers = [self._headers[number] for number in self._numbers]
        window = canvas_window(headers, layers)
        if self._first is None:
            return _View(layers, window, self._numbers, (), None, 0)
        around = surround(self._numbers, self._first, settings, self.cadence.times)
        thin: dict[int, Frame] = {}
        empty: dict[int, np.ndarray] = {}
        if any(isinstance(one, VectorsMarker) for one in self.renderer.estimators):
            thin = {number: self._thin(self.vectors or self.source, number) for number in self._numbers}
            empty = {number: self._empty(number, layers, window) for number in self._numbers}
        smalls: dict[int, Small] = {}

        def small(number: int) -> Small:
            if number not in smalls:
                guides = (guide for _, guide in self._guides(number, layers, window))
                smalls[number] = shrink_parts(guides, SMALL_WIDTH, SMALL_HEIGHT)
            return smalls[number]

        around, lighting = match_lighting(around, small, settings.normalise_exposure)
        encoded: dict[tuple[str, int], np.ndarray] = {}

        def ask(estimator: Estimator, one: int, other: int) -> tuple[Hypothesis, ...]:
            if isinstance(estimator, VectorsMarker):
                read = vector_flow(
                    settings, estimator, thin[one], thin[other], layers, window, other - one,
                    (empty[one], empty[other]),
                )  # fmt: skip
                return (Hypothesis(*read),)
            if not isinstance(estimator, EncodedFlowEstimator):
                raise UsageError(f"the flow {estimator.name} needs whole frames", "give a larger --memory")
            key = (estimator.name, layers, window, lighting.of(one), lighting.of(other), one, other)
            if key not in self._flows:
                for number in (one, other):
                    if (estimator.name, number) not in encoded:
                        encoded[estimator.name, number] = self._encode(
                            estimator, number, layers, window, lighting
                        )
                self._flows[key] = estimator.estimate_encoded(
                    encoded[estimator.name, one], encoded[estimator.name, other]
                )
            return (Hypothesis(*self._flows[key]),)

        self._flows = {key: flows for key, flows in self._flows.items() if key[-2:] in around.questions}
        flows = around.ask(self.renderer.estimators, ask, settings.threads)
        nearness = None
        if settings.depth != "off":
            depths = [
                depth_of(settings, self._thin(self.source, number), layers, window) for number in around.times
            ]
            nearness = tuple(measure_depths(depths, self.renderer.options))
        furthest = max(
            float(np.abs(flow[..., 1]).max())
            for pair in flows
            for flow in (
                pair.flow_ij,
                pair.flow_ji,
                *(past.flow for past in (pair.past_i, pair.past_j) if past),
            )
        )
        straight = len(self._numbers) == 2
        reach = int(np.ceil(furthest * (1 if straight else 2))) + WORST_FOOTPRINT_RADIUS + FILTER_RADIUS
        return _View(layers, window, around.times, tuple(flows), nearness, reach, lighting)

    def _encode(
        self,
        estimator: EncodedFlowEstimator,
        number: int,
        layers: tuple[int, ...],
        window: Window,
        lighting: Lighting,
    ) -> np.ndarray:
        encoded = np.empty((window.height, window.width), np.float32)
        for part, guide in self._guides(number, layers, window):
            shown = estimator.encode(lighting.apply(number, guide))
            encoded[part.y - window.y : part.y1 - window.y] = shown
        return encoded

    def _guides(
        self, number: int, layers: tuple[int, ...], window: Window
    ) -> Iterator[tuple[Window, np.ndarray]]:
        """A frame's picture in flow space, strip by strip."""
        color, name = self.renderer.color, self.renderer.settings.flow_layer
        for row in range(window.y, window.y1, self.rows):
            part = window.rows(row, row + self.rows)
            frame = self.source.read(number, (part.y, part.y1))
            yield part, guide_of(frame, layers, part, color, name)

    def _empty(self, number: int, layers: tuple[int, ...], window: Window) -> np.ndarray:
        """``empty_of`` a whole frame."""
        empty = np.empty((window.height, window.width), bool)
        for row in range(window.y, window.y1, self.rows):
            part = window.rows(row, row + self.rows)
            frame = self.source.read(number, (part.y, part.y1))
            empty[part.y - window.y : part.y1 - window.y] = empty_of(
                frame, layers, part, self.renderer.settings.flow_layer
            )
        return empty

    def _thin(self, source: Source, number: int) -> Frame:
        """A whole frame that keeps only vector, depth and alpha channels and those that the settings name."""
        header = source.header(number)
        named = named_channels(self.renderer)
        kept = [
            [
                index
                for index, name in enumerate(layer.channels)
                if layer.role(name) in ("vector", "depth", "alpha") or {name, f"{layer.name}.{name}"} & named
            ]
            for layer in header.layers
        ]
        layers = [
            replace(
                layer,
                channels=tuple(layer.channels[index] for index in indices),
                pixels=np.zeros((layer.window.height, layer.window.width, len(indices)), np.float32),
            )
            for layer, indices in zip(header.layers, kept, strict=True)
        ]
        top = min(layer.window.y for layer in layers)
        bottom = max(layer.window.y1 for layer in layers)
        for row in range(top, bottom, self.rows):
            strip = source.read(number, (row, min(row + self.rows, bottom)))
            for whole, part, indices in zip(layers, strip.layers, kept, strict=True):
                start = part.window.y - whole.window.y
                whole.pixels[start : start + part.window.height] = part.pixels[..., indices]
        return replace(header, layers=layers)

    def _take(self, view: _View, row: int, times: Sequence[Fraction]) -> Iterator[tuple[Frame, Canvas]]:
        """A strip of a view at each time, in the working space, and the header of the nearest source frame.

        Nothing where no row of the view lies in the strip.
        """
        part = view.window.rows(row, row + self.rows)
        if not part.height:
            return
        renderer = self.renderer
        around = view.window.rows(part.y - 2 * view.reach, part.y1 + 2 * view.reach)
        inside = slice(around.y - view.window.y, around.y1 - view.window.y)
        frames = [self.source.read(number, (around.y, around.y1)) for number in view.numbers]
        canvases = [gather(frame, view.layers, around, renderer.color) for frame in frames]
        for number, frame in zip(view.numbers, frames, strict=True):
            self._bad[number, view.layers[0], part.y] = count_bad(frame, view.layers, part)
        flows = [
            replace(
                pair,
                flow_ij=pair.flow_ij[inside],
                flow_ji=pair.flow_ji[inside],
                valid_ij=None if pair.valid_ij is None else pair.valid_ij[inside],
                valid_ji=None if pair.valid_ji is None else pair.valid_ji[inside],
                past_i=pair.past_i and pair.past_i.rows(inside),
                past_j=pair.past_j and pair.past_j.rows(inside),
            )
            for pair in view.flows
        ]
        nearness = None if view.nearness is None else [plane[inside] for plane in view.nearness]
        exact = [self.cadence.time_of(number) for number in view.numbers]
        motion = None
        if flows:
            guides = [
                view.lighting.apply(
                    number,
                    guide_of(frame, view.layers, around, renderer.color, renderer.settings.flow_layer),
                )
                for number, frame in zip(view.numbers, frames, strict=True)
            ]
            empty = None
            if any(isinstance(one, VectorsMarker) for one in renderer.estimators):
                empty = [
                    empty_of(frame, view.layers, around, renderer.settings.flow_layer) for frame in frames
                ]
            motion = prepare(
                guides, exact, flows, renderer.options,
                nearness=nearness, empty=empty, threads=renderer.settings.threads,
            )  # fmt: skip
            del guides
        rows = (part.y - around.y, part.y1 - around.y)
        ids = [canvas.ids for canvas in canvases]
        light = [canvas.pixels for canvas in canvases]
        for time in times:
            nearest = min(range(len(exact)), key=lambda one: abs(exact[one] - time))
            made_ids = ids[nearest][rows[0] : rows[1]]
            if motion is None:
                pixels = mix(exact, light, time)[rows[0] : rows[1]]
            else:
                made = motion.render(
                    light,
                    time,
                    ids=ids if ids[0].shape[-1] else None,
                    rows=rows,
                    threads=renderer.settings.threads,
                )
                pixels = made.pixels
                made_ids = made.ids if made.ids is not None else made_ids
            header = self._headers[view.numbers[nearest]]
            yield header, replace(canvases[nearest], window=part, pixels=pixels, ids=made_ids)


def named_channels(renderer: FrameRenderer) -> set[str]:
    """Channels that motion or depth come from because a preset or a flag names them, whatever they look like."""
    settings = renderer.settings
    named = {settings.depth_channel} - {""}
    for estimator in renderer.estimators:
        if isinstance(estimator, VectorsMarker):
            preset = find_preset(estimator.preset or settings.vector_preset)
            named |= {*preset.forward, *preset.backward}
    return named


def render_in_strips(
    renderer: FrameRenderer,
    source: Source,
    target: Target,
    vectors: Source | None,
    cut: StripPlan,
    steps: Sequence[Step],
    repaired: dict[int, int] | None = None,
    matched: set[int] | None = None,
    cadence: Cadence = STEADY,
) -> Iterator[Step]:
    """Make and write the frames of ``steps``; yields each when it is done.

    Outputs between the same source frames are made side by side (at most ``SIDE_BY_SIDE``), so that each strip
    is read once for all of them.

    Args:
        repaired: gets the number of pixels with NaN or infinite colour of each source frame.
        matched: gets the numbers of the frames that flow saw at another exposure than their own.
        cadence: when the source frames were taken.

    Raises:
        UsageError: the target is a movie, the engine is not splatsyn, or an estimator needs whole frames.
    """
    if source.kind == "movie" or is_movie(target.path(0)):
        raise UsageError("movies are not made in strips", "give a larger --memory, or use image sequences")
    if renderer.settings.engine != "splatsyn":
        raise UsageError(
            f"the engine {renderer.settings.engine} needs whole frames", "give a larger --memory"
        )
    if renderer.settings.device != "cpu":
        raise UsageError(
            f"strips are made on the CPU, not on {renderer.settings.device}",
            "give a larger --memory, or --device cpu",
        )
    if renderer.settings.matte or own_mattes(renderer.settings):
        raise UsageError("frames with a matte are made whole", "give a larger --memory, or fewer channels")
    if renderer.overlay is not None:
        raise UsageError("frames with an overlay are made whole", "give a larger --memory, or --overlay off")
    strips = StripRenderer(renderer, source, vectors, cut, cadence)
    units: Units = {}
    for (kind, first, needed), group in groupby(steps, key=_sources):
        if kind == "blur":
            for step in group:
                prepare_units(units, step, strips)
                if matched is not None:
                    matched.update(*(unit.matched for unit in units.values()))
                write_blurred(units, target, step, strips.rows)
                if repaired is not None:
                    for unit in units.values():
                        repaired.update(unit.repaired)
                yield step
            continue
        if kind not in ("between", "fade"):
            for step in group:
                _pass_in_strips(renderer, source, target, strips.rows, step)
                yield step
            continue
        strips.prepare(needed, first)
        if matched is not None:
            matched.update(strips.matched)
        for batch in _batches(list(group), SIDE_BY_SIDE):
            times = [step.entry.source_time for step in batch]
            writers = []
            try:
                for step in batch:
                    writers.append(
                        target.begin(
                            step.entry.output, strips.header(step.entry.source_time), step.attributes
                        )
                    )
                for row, frames in strips.strips(times):
                    for writer, layers in zip(writers, frames, strict=True):
                        writer.write_rows(row, layers)
                for writer in writers:
                    writer.commit()
            except BaseException:
                for writer in writers:
                    writer.abort()
                raise
            if repaired is not None:
                repaired.update(strips.repaired)
            yield from batch


def _sources(step: Step) -> tuple[str, int | None, tuple[int, ...]]:
    """What steps must share to be made side by side: how, the frame that they follow (None: no motion), and all."""
    return step.entry.kind, step.passes[0].first, step.needed


def _batches(steps: list[Step], size: int) -> Iterator[list[Step]]:
    for start in range(0, len(steps), size):
        yield steps[start : start + size]


def _pass_in_strips(renderer: FrameRenderer, source: Source, target: Target, rows: int, step: Step) -> None:
    number = step.needed[0]
    header = source.header(number)
    writer = target.begin(step.entry.output, header, step.attributes)
    try:
        top = min(layer.window.y for layer in header.layers)
        bottom = max(layer.window.y1 for layer in header.layers)
        for row in range(top, bottom, rows):
            strip = renderer.pass_through(source.read(number, (row, min(row + rows, bottom))))
            writer.write_rows(row, (blacken(strip) if step.entry.kind == "black" else strip).layers)
        writer.commit()
    except BaseException:
        writer.abort()
        raise
