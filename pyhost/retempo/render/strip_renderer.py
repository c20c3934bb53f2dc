"""How are frames made between a few source frames that are never held whole? Flow is; pixels pass by in strips.

Every strip reads as many further rows as motion can reach, so it has the bits of the same rows of a frame made whole
with the same flow: there is no seam.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from retempo.conventions import WORST_FOOTPRINT_RADIUS
from retempo.errors import UsageError
from retempo.flow.base import EncodedFlowEstimator, Hypothesis, Known, wants_onward
from retempo.flow.catalog import VectorsMarker
from retempo.io.frame import Frame, Layer, Window
from retempo.io.source import Source
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
from retempo.render.still import mix
from retempo.render.strip_plan import StripPlan
from retempo.render.strip_reader import StripReader
from retempo.render.surroundings import Estimator, surround
from retempo.render.vectors import depth_of, vector_flow
from retempo.retime.cadence import STEADY, Cadence
from retempo.synthesis.pipeline import FlowPair, measure_depths, prepare
from retempo.synthesis.prepared import FILTER_RADIUS


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
        self._reader = StripReader(renderer, source, cut.rows)
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
            thin = {
                number: self._reader.thin(self.vectors or self.source, number) for number in self._numbers
            }
            empty = {number: self._reader.empty(number, layers, window) for number in self._numbers}
        smalls: dict[int, Small] = {}

        def small(number: int) -> Small:
            if number not in smalls:
                guides = (guide for _, guide in self._reader.guides(number, layers, window))
                smalls[number] = shrink_parts(guides, SMALL_WIDTH, SMALL_HEIGHT)
            return smalls[number]

        around, lighting = match_lighting(around, small, settings.normalise_exposure)
        encoded: dict[tuple[str, int], np.ndarray] = {}

        def plane(estimator: EncodedFlowEstimator, number: int) -> np.ndarray:
            if (estimator.name, number) not in encoded:
                encoded[estimator.name, number] = self._reader.encode(
                    estimator, number, layers, window, lighting
                )
            return encoded[estimator.name, number]

        def ask(estimator: Estimator, one: int, other: int, known: Known | None) -> tuple[Hypothesis, ...]:
            if isinstance(estimator, VectorsMarker):
                read = vector_flow(
                    settings, estimator, thin[one], thin[other], layers, window, other - one,
                    (empty[one], empty[other]),
                )  # fmt: skip
                return (Hypothesis(*read),)
            if not isinstance(estimator, EncodedFlowEstimator):
                raise UsageError(f"the flow {estimator.name} needs whole frames", "give a larger --memory")
            if known and wants_onward(estimator):
                here, there = (plane(estimator.plain, number) for number in (one, other))
                return (Hypothesis(*estimator.estimate_onward(here, there, known)),)
            key = (estimator.name, layers, window, lighting.of(one), lighting.of(other), one, other)
            if key not in self._flows:
                self._flows[key] = estimator.estimate_encoded(plane(estimator, one), plane(estimator, other))
            return (Hypothesis(*self._flows[key]),)

        self._flows = {key: flows for key, flows in self._flows.items() if key[-2:] in around.questions}
        flows = around.ask(self.renderer.estimators, ask, settings.threads)
        nearness = None
        if settings.depth != "off":
            depths = [
                depth_of(settings, self._reader.thin(self.source, number), layers, window)
                for number in around.times
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
