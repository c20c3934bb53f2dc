"""How is one frame made from its neighbours? Colour in, flow, synthesis, colour out.

``FrameRenderer.prepare`` does what belongs to a set of source frames (flow and metrics, once);
``FrameRenderer.render`` makes any instant between them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import count, pairwise
from typing import Any

import numpy as np

from retempo.color.pipeline import ColorPipeline
from retempo.errors import UsageError
from retempo.flow.base import FlowEstimator, Hypothesis, Image, Known, hypothesize, wants_onward
from retempo.flow.catalog import VectorsMarker, parse_flow
from retempo.io.frame import Frame, Layer, Window, check_same_layout
from retempo.metrics.exposure import HEIGHT as SMALL_HEIGHT
from retempo.metrics.exposure import WIDTH as SMALL_WIDTH
from retempo.metrics.small import Small, shrink_parts
from retempo.models.weights import load_weights
from retempo.render.canvas import (
    Canvas,
    canvas_window,
    empty_of,
    gather,
    group_views,
    guide_of,
    scatter,
    select,
    union_windows,
)
from retempo.render.device import find_device
from retempo.render.exposure import Exposure, Pass, thin
from retempo.render.flow_memory import FlowMemory
from retempo.render.index import open_indices
from retempo.render.instant import render_view
from retempo.render.lighting import match_lighting
from retempo.render.mattes import matte_of, no_matte, own_mattes, show_alone, show_still
from retempo.render.network import NetworkGap, columns_of, look_around, open_network
from retempo.render.options import synthesis_options
from retempo.render.overlay import Overlay
from retempo.render.prepared_frames import PreparedFrames, PreparedView, host_arrays, place_view
from retempo.render.settings import RetimeSettings
from retempo.render.still import assemble
from retempo.render.surroundings import Surroundings, surround
from retempo.render.vectors import depth_of, vector_flow
from retempo.synthesis.layered import prepare_layers
from retempo.synthesis.pipeline import FlowPair, prepare


class FrameRenderer:
    """Makes frames; holds settings, colour processors and flow estimators, but no frames.

    Args:
        settings: see ``RetimeSettings``.
        color: colour processors for this source.
        overlay: what must not move.

    Raises:
        UsageError: a flow estimator is unknown.
        WeightsError: the weights of a trained one, or PyTorch, are not installed.
        DeviceError: the device is absent, or was not compiled in.
    """

    def __init__(
        self, settings: RetimeSettings, color: ColorPipeline, overlay: Overlay | None = None
    ) -> None:
        self.settings = settings
        self.color = color
        self.overlay = overlay
        self.device = find_device(settings.device)
        self.network = open_network(settings, self.device)
        self.indices = open_indices(settings)
        moves = self.network is not None and not self.network.engine.capabilities.fields
        self.estimators: list[FlowEstimator | VectorsMarker] = (
            parse_flow(
                settings.flow,
                working_scale=settings.flow_scale,
                threads=settings.threads,
                device=self.device,
                load_weights=load_weights,
            )
            if settings.engine == "splatsyn" or moves
            else []
        )
        self.options = synthesis_options(settings, self.estimators)

    def prepare(
        self,
        frames: Mapping[int, Frame],
        vectors: Mapping[int, Frame] | None = None,
        first: int | None = None,
        *,
        mattes: Mapping[int, Frame] | None = None,
        motion: bool = True,
        memory: FlowMemory | None = None,
        moments: Mapping[int, Fraction] | None = None,
    ) -> PreparedFrames:
        """Estimate the motion between ``frames``.

        Args:
            frames: two or more source frames by number; without motion one will do. With quadratic motion, those
                beyond the ``source_frames`` around the gap only tell how things move there.
            vectors: frames of a second sequence that hold the motion vectors, by the same numbers.
            first: the source frame that the instants to be rendered follow: they lie between it and the next of
                ``frames``. Default: the gap in the middle, the only one of two frames.
            mattes: frames of a second sequence that hold the foreground's matte, by the same numbers.
            motion: False for frames that stand, or are mixed as they are.
            memory: what the calls for the gaps before may be of use for; the result does not depend on it.
            moments: when the frames were taken, in source time, where that is not their number.

        Raises:
            InputError: the frames differ in size or layers, a needed channel is missing, a matte does not fit.
            UsageError: ``first`` is none of the frames, or the last; a layer alone is wanted and there is no matte.
        """
        times = tuple(sorted(frames))
        first = times[max(0, len(times) // 2 - 1)] if first is None else first
        if motion:
            around = surround(times, first, self.settings, moments)
        else:
            around = Surroundings(times, (), (), moments or {})
        ordered = tuple(frames[time] for time in times)
        for one, other in pairwise(ordered):
            check_same_layout(one, other)
        memory = memory or FlowMemory()
        memory.turn()
        views = tuple(
            self._with_network(
                self._prepare_view(
                    times, ordered, layers, vectors, around, memory, self._mattes(frames, mattes)
                ),
                frames,
                around,
            )
            for layers in group_views(ordered[0]).values()
        )
        return PreparedFrames(
            around.times,
            tuple(frames[time] for time in around.times),
            views,
            first,
            tuple(map(around.time_of, around.times)),
        )

    def _with_network(
        self, view: PreparedView, frames: Mapping[int, Frame], around: Surroundings
    ) -> PreparedView:
        """The view, its colour made by the network, if there is one."""
        if self.network is None or not around.pairs or isinstance(view.motion, NetworkGap):
            return view
        canvas, layer = view.canvases[0], self.settings.flow_layer
        start = around.pairs[0][0]
        here, columns = around.times.index(start), columns_of(frames[start], canvas, layer)
        seen = look_around(sorted(frames), start, self.network.engine.capabilities.frames)
        return replace(
            view,
            motion=NetworkGap(
                self.network,
                tuple(
                    guide_of(frames[time], canvas.layers, canvas.window, self.color, layer) for time in seen
                ),
                (around.time_of(around.pairs[0][0]), around.time_of(around.pairs[0][1])),
                here,
                columns,
                self.color.from_flow,
                max(float(one.pixels[..., columns].max()) for one in view.canvases[here : here + 2]),
                view.motion,
                self.settings.filter,
            ),
        )

    def _prepare_view(
        self,
        times: tuple[int, ...],
        frames: tuple[Frame, ...],
        layers: tuple[int, ...],
        vectors: Mapping[int, Frame] | None,
        around: Surroundings,
        memory: FlowMemory,
        mattes: Mapping[int, Frame] | None,
    ) -> PreparedView:
        window = canvas_window(frames, layers)
        held = dict(zip(times, frames, strict=True))
        canvases = tuple(gather(held[time], layers, window, self.color) for time in around.times)
        needed = self.network is None or self.network.needs_motion(canvases[0])
        if not (self.estimators and needed and around.pairs):
            if mattes is not None and self.settings.matte_output != "result":
                canvases = tuple(
                    show_still(
                        held[time],
                        canvas,
                        matte_of(self.settings, mattes[time], held[time], layers, window),
                        self.settings.matte_output,
                    )
                    for time, canvas in zip(around.times, canvases, strict=True)
                )
            return place_view(canvases, None, "cpu")
        settings = self.settings
        where = (layers, window)

        def guide(time: int) -> Image:
            frame = held[time]
            return memory.recall(
                ("guide", *where, time),
                (frame,),
                lambda: guide_of(frame, layers, window, self.color, settings.flow_layer),
            )

        def small(time: int) -> Small:
            return memory.recall(
                ("small", *where, time),
                (held[time],),
                lambda: shrink_parts([guides[time]], SMALL_WIDTH, SMALL_HEIGHT),
            )

        guides = {time: guide(time) for time in times}
        around, lighting = match_lighting(around, small, settings.normalise_exposure)
        matched = tuple(lighting.exposures)
        guides = {time: lighting.apply(time, picture) for time, picture in guides.items()}
        empty: dict[int, Any] = {}
        if any(isinstance(one, VectorsMarker) for one in self.estimators):
            empty = {
                time: empty_of(frame, layers, window, settings.flow_layer) for time, frame in held.items()
            }

        turn = count()
        parted = None if self.overlay is None else [self.overlay.of(time, window) for time in times]

        def find_flows(pictures: Sequence[np.ndarray]) -> list[FlowPair]:
            shown, layer = dict(zip(times, pictures, strict=True)), next(turn)
            if parted is not None and layer == 0:
                return around.stand(window.height, window.width)

            def ask(
                estimator: FlowEstimator | VectorsMarker, one: int, other: int, known: Known | None
            ) -> tuple[Hypothesis, ...]:
                if known and wants_onward(estimator):  # of this gap alone: nobody asks again
                    plane, next_plane = (estimator.encode(shown[time]) for time in (one, other))
                    return (Hypothesis(*estimator.estimate_onward(plane, next_plane, known)),)
                if not isinstance(estimator, VectorsMarker):
                    made_of = (held[one], held[other], *((mattes[one], mattes[other]) if mattes else ()))
                    return memory.recall(
                        (estimator.name, layer, *where, lighting.of(one), lighting.of(other), one, other),
                        made_of,
                        lambda: hypothesize(estimator, shown[one], shown[other]),
                    )
                of, nothing = vectors or held, (empty[one], empty[other])
                read = vector_flow(
                    settings, estimator, of[one], of[other], layers, window, other - one, nothing
                )
                return (Hypothesis(*read),)

            return around.ask(self.estimators, ask, self.settings.threads)

        depths = None
        if settings.depth != "off":
            depths = [depth_of(settings, held[time], layers, window) for time in around.times]
        exact = [around.time_of(time) for time in around.times]
        blank = [empty[time] for time in around.times] if empty else None
        pictures = list(guides.values())
        if mattes is None and parted is None:
            chosen = [guides[time] for time in around.times]
            flows = find_flows(pictures)
            motion = prepare(
                chosen, exact, flows, self.options, depths, empty=blank, threads=settings.threads
            )
            return replace(place_view(canvases, motion, self.device), matched=matched)
        if self.device != "cpu":
            what = "mattes" if parted is None else "overlays"
            raise UsageError(f"{what} are composited on the CPU, not on {self.device}", "give --device cpu")
        layered = prepare_layers(
            pictures,
            exact,
            parted or self._planes(mattes or {}, held, layers, window),
            find_flows,
            self.options,
            depths,
            chosen=[times.index(time) for time in around.times],
            empty=blank,
            threads=settings.threads,
        )
        return PreparedView(canvases, *host_arrays(canvases), layered, matched)

    def _planes(
        self, mattes: Mapping[int, Frame], held: Mapping[int, Frame], layers: tuple[int, ...], window: Window
    ) -> list[np.ndarray]:
        """The matte of every frame."""
        return [matte_of(self.settings, mattes[time], held[time], layers, window) for time in held]

    def _mattes(
        self, frames: Mapping[int, Frame], mattes: Mapping[int, Frame] | None
    ) -> Mapping[int, Frame] | None:
        """The frames that hold the mattes, if there are any and they are of use."""
        if self.settings.engine != "splatsyn":
            return None
        if mattes is None and own_mattes(self.settings):
            return frames
        if mattes is None and self.settings.matte_output != "result":
            raise no_matte(self.settings)
        return mattes

    def render(self, prepared: PreparedFrames, time: Fraction, output: int | None = None) -> Frame:
        """The frame at source time ``time``, between the first and the last of ``prepared.moments``.

        Args:
            output: its number, by which its index map is found.

        Returns:
            A frame in the output space, with the names, formats and metadata of the nearest source frame.
        """
        template, canvases = self._take(prepared, time, output)
        windows = union_windows(prepared.frames)
        made: dict[int, Layer] = {}
        for canvas in canvases:
            made.update(scatter(template, windows, canvas, canvas.pixels, canvas.ids, self.color))
        return assemble(template, made)

    def expose(self, exposure: Exposure, prepared: PreparedFrames, one: Pass) -> None:
        """Add the instants of a pass to a frame in the making.

        Args:
            exposure: of the output frame.
            prepared: the pass's source frames.
            one: whose times lie between the first and the last of ``prepared.moments``.
        """
        windows = union_windows(prepared.frames)
        one = thin(one, prepared.speed) if self.settings.shutter_samples == 0 else one
        for index, (time, weight) in enumerate(zip(one.times, one.weights, strict=True)):
            template, canvases = self._take(prepared, time)
            exposure.add(canvases, windows, template, weight, index == one.centre)

    def _take(
        self, prepared: PreparedFrames, time: Fraction, output: int | None = None
    ) -> tuple[Frame, list[Canvas]]:
        """The picture at a source time in the working space, and the source frame nearest to it."""
        nearest = min(range(len(prepared.moments)), key=lambda one: abs(prepared.moments[one] - time))
        canvases = []
        for view in prepared.views:
            canvas, coverage = render_view(self.settings, self.indices, prepared, view, time, nearest, output)
            if coverage is not None:
                canvas = show_alone(prepared.frames[nearest], canvas, coverage, self.settings.matte_output)
            canvases.append(canvas)
        return prepared.frames[nearest], canvases

    def pass_through(self, frame: Frame) -> Frame:
        """An untouched source frame in the output space: the same bits when that is its own space."""
        if self.color.passes_through:
            return frame
        layers = []
        for layer in frame.layers:
            pixels = layer.pixels.copy()
            for group in layer.color_groups():
                pixels[..., list(group)] = self.color.convert(select(pixels, group))
            layers.append(replace(layer, pixels=pixels))
        return replace(frame, layers=layers)
