"""How does a network make the colour of a frame, and how do alpha and the other channels come along?

The network sees and makes one colour of a view, in flow space, and what it made is decoded to the working space. All
other channels and the ids are moved: by the engine's own fields where it has some, else by the splatting.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from retempo.errors import DeviceError, InputError
from retempo.io.frame import Frame
from retempo.models.base import Interpolator, PreparedWindow
from retempo.models.bisection import Halving, nearest_instant, schedule
from retempo.models.indexing import soften
from retempo.models.registry import Choice, load_engine
from retempo.render.canvas import Canvas, find_guide
from retempo.render.carry import carry
from retempo.render.device import to_host
from retempo.render.settings import RetimeSettings
from retempo.synthesis.candidates import Candidate
from retempo.synthesis.index_maps import Map, render_indexed
from retempo.synthesis.layered import LayeredPrepared
from retempo.synthesis.options import SynthesisOptions
from retempo.synthesis.pipeline import Prepared
from retempo.synthesis.prepared import Rendered

Decode = Callable[[np.ndarray], np.ndarray]
"""Flow space [H, W, 3] -> the working space."""


@dataclass(frozen=True)
class Network:
    """An engine with its weights, and how it was asked for."""

    engine: Interpolator
    choice: Choice
    device: str

    def needs_motion(self, canvas: Canvas) -> bool:
        """Must the splatting move channels, beside the three that the network makes?"""
        others = canvas.pixels.shape[-1] + canvas.ids.shape[-1] - 3
        return others > 0 and not self.engine.capabilities.fields


def open_network(settings: RetimeSettings, device: str) -> Network | None:
    """The network that the settings name, on a device; None where they name none.

    Raises:
        WeightsError: its weights are not here.
    """
    choice = settings.network
    if choice is None:
        return None
    engine = load_engine(settings.engine, device=device, allow_untrained=settings.allow_untrained)
    return Network(engine, choice, device)


def look_around(times: Sequence[int], first: int, count: int) -> tuple[int, ...]:
    """The frames of a network's window around the gap after ``first``; the ends of the shot stand for what is missing.

    Args:
        times: of all frames at hand, ascending. count: 2, or 4.
    """
    here, beyond = times.index(first), count // 2 - 1
    return tuple(
        times[min(max(index, 0), len(times) - 1)] for index in range(here - beyond, here + 2 + beyond)
    )


def find_colour(frame: Frame, layers: Sequence[int], layer_name: str = "") -> tuple[int, tuple[int, ...]]:
    """Which layer a network sees and makes, and which of its channels are red, green and blue; see ``find_guide``.

    Raises:
        InputError: there is no colour.
    """
    index, group = find_guide(frame, layers, layer_name)
    if len(set(group[:3])) < 3:
        raise InputError(
            f"{frame.path} has no colour, and a network makes nothing else", "choose the engine splatsyn"
        )
    return index, group[:3]


def columns_of(frame: Frame, canvas: Canvas, layer_name: str = "") -> tuple[int, ...]:
    """Where ``find_colour`` lies on a canvas."""
    index, group = find_colour(frame, canvas.layers, layer_name)
    start = canvas.names.index((index, frame.layers[index].channels[0]))
    return tuple(start + one for one in group)


@dataclass(frozen=True)
class _Picture:
    """What is known at one instant of a gap: the network's picture [1, 3, H, W], and all channels and ids."""

    image: Any
    pixels: np.ndarray | None
    ids: np.ndarray | None


@dataclass(frozen=True)
class NetworkGap:
    """The motion of a view whose colour a network makes; takes the place of ``Prepared``.

    Args:
        network: that makes it.
        guides: what the network sees, [H, W, 3] in flow space: the gap's frames and, of engines that take four, one on
            either side.
        times: when the gap's two frames were taken.
        here: which of the view's frames the earlier one is.
        columns: of the canvas, that the network makes.
        decode: what it made -> working space.
        brightest: value of the gap's frames, in the working space: nothing that is made is brighter (near its top, flow
            space is steep: a little too much there would be light without end).
        motion: moves what the engine's fields do not; None where there is nothing else.
        filter: for moving along the engine's fields.
    """

    network: Network
    guides: tuple[np.ndarray, ...]
    times: tuple[Fraction, Fraction]
    here: int
    columns: tuple[int, ...]
    decode: Decode
    brightest: float
    motion: Prepared | LayeredPrepared | None
    filter: str
    _halves: dict[Fraction, _Picture] = field(default_factory=dict, repr=False)

    @property
    def parts(self) -> tuple[Prepared, ...]:
        """What the splatting moves on its own."""
        return self.motion.parts if self.motion else ()

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """What the splatting moves, if anything."""
        return self.motion.candidates if self.motion else ()

    def with_options(self, options: SynthesisOptions) -> NetworkGap:
        """Return the same, other channels moved otherwise; what was computed of the pictures stays."""
        moved = None if self.motion is None else self.motion.with_options(options)
        halves = self._halves if options.filter == self.filter else {}
        made = replace(self, motion=moved, filter=options.filter, _halves=halves)
        if "_window" in self.__dict__:
            made.__dict__["_window"] = self._window
        return made

    def hold(self) -> list[Any]:
        """Prepare the gap, and return all that it keeps beside the splatting's motion, each with its ``nbytes``."""
        return [*self.guides, *([self._window] if self.network.engine.capabilities.any_time else [])]

    @property
    def nbytes(self) -> int:
        """Memory that motion, pictures and what was computed from them take."""
        held = sum(guide.nbytes for guide in self.guides) + (self.motion.nbytes if self.motion else 0)
        held += int(self._window.nbytes) if "_window" in self.__dict__ else 0
        for one in self._halves.values():
            held += one.image.nbytes + sum(
                array.nbytes for array in (one.pixels, one.ids) if array is not None
            )
        return held

    def render(
        self,
        pixels: Sequence[Any],
        t: Fraction,
        ids: Sequence[Any] | None = None,
        *,
        maps: tuple[Map, Map] | None = None,
        threads: int = 0,
        deterministic: bool = True,
    ) -> Rendered:
        """Make the picture at source time ``t`` in the gap; arguments as those of ``Prepared.render``.

        ``maps``: how far along each pixel of both frames is, in place of ``t``, of engines that take that.

        Raises:
            DeviceError: the device ran out of memory.
        """
        phase = (Fraction(t) - self.times[0]) / (self.times[1] - self.times[0])
        if not self.network.engine.capabilities.any_time:
            phase = nearest_instant(phase, self.network.choice.depth)
            t = self.times[0] + phase * (self.times[1] - self.times[0])
        if phase in (0, 1) and maps is None:
            index = self.here + int(phase)
            return _whole(to_host(pixels[index]).copy(), None if ids is None else to_host(ids[index]).copy())
        others = ids is not None or pixels[0].shape[-1] > len(self.columns)
        carried = others and self.network.engine.capabilities.fields
        try:
            made = self._make(phase, pixels if carried else None, ids if carried else None, maps)
        except RuntimeError as error:
            if "out of memory" not in str(error).lower():
                raise
            raise DeviceError(
                f"{self.network.choice.name} ran out of memory on {self.network.device}",
                "make smaller frames, or choose --device cpu",
            ) from error
        if self.motion is not None:
            moved = self._move(pixels, t, ids, maps, threads, deterministic)
            result = Rendered(
                to_host(moved.pixels),
                None if moved.ids is None else to_host(moved.ids),
                to_host(moved.hole),
                to_host(moved.confidence),
            )
        elif made.pixels is not None:
            result = _whole(made.pixels, made.ids)
        else:
            result = _whole(np.zeros(tuple(pixels[0].shape), np.float32), None)
        colour = self.decode(np.ascontiguousarray(made.image[0].permute(1, 2, 0).cpu().numpy()))
        result.pixels[..., list(self.columns)] = np.minimum(colour, self.brightest)
        return result

    def _move(
        self,
        pixels: Sequence[Any],
        t: Fraction,
        ids: Sequence[Any] | None,
        maps: tuple[Map, Map] | None,
        threads: int,
        deterministic: bool,
    ) -> Rendered:
        """The channels that the network does not make, by the splatting."""
        if maps is None:
            assert self.motion is not None
            return self.motion.render(pixels, t, ids=ids, threads=threads, deterministic=deterministic)
        (motion,) = self.parts
        return render_indexed(motion, pixels, maps, ids, threads=threads, deterministic=deterministic)

    def _make(
        self,
        phase: Fraction,
        pixels: Sequence[Any] | None,
        ids: Sequence[Any] | None,
        maps: tuple[Map, Map] | None,
    ) -> _Picture:
        if self.network.engine.capabilities.any_time:
            time: Any = float(phase)
            if maps is not None:
                time = soften(_tensors([maps[0][..., None]], self.network.device)[0])
            return self._show(self._window, time, pixels, ids, self.here)
        for run in schedule(phase, self.network.choice.depth):
            if run.middle not in self._halves:
                self._halves[run.middle] = self._halve(run, pixels, ids)
        return self._halves[phase]

    def _halve(self, run: Halving, pixels: Sequence[Any] | None, ids: Sequence[Any] | None) -> _Picture:
        ends = [self._end(time, pixels, ids) for time in (run.left, run.right)]
        carried = None if pixels is None else [one.pixels for one in ends]
        marked = None if ids is None or pixels is None else [one.ids for one in ends]
        window = self._prepare([one.image for one in ends])
        return self._show(window, 0.5, carried, marked, 0)

    def _end(self, time: Fraction, pixels: Sequence[Any] | None, ids: Sequence[Any] | None) -> _Picture:
        """A source frame, or a half that was made before."""
        if time not in (0, 1):
            return self._halves[time]
        index = int(time)
        image = _tensors(self.guides[index : index + 1], self.network.device)[0]
        held = [None if some is None else to_host(some[self.here + index]) for some in (pixels, ids)]
        return _Picture(image, *held)

    @cached_property
    def _window(self) -> PreparedWindow:
        """What all instants of the gap come from, of an engine that makes any."""
        return self._prepare(_tensors(self.guides, self.network.device))

    def _prepare(self, images: Sequence[Any]) -> PreparedWindow:
        import torch

        with torch.inference_mode():
            return self.network.engine.prepare(images)

    def _show(
        self,
        window: PreparedWindow,
        time: Any,
        pixels: Sequence[Any] | None,
        ids: Sequence[Any] | None,
        here: int,
    ) -> _Picture:
        """One picture of the network, and the channels that its fields carry from ``here`` and the next."""
        import torch

        with torch.inference_mode():
            made = window.render(time)
        if pixels is None:
            return _Picture(made.image, None, None)
        if made.fields is None:
            raise InputError(f"{self.network.engine.name} says nothing of where its pixels come from")
        ends = [to_host(pixels[here + index]) for index in (0, 1)]
        marks = None if ids is None else [to_host(ids[here + index]) for index in (0, 1)]
        return _Picture(made.image, *carry(made.fields, ends, marks, self.filter))


def _tensors(guides: Sequence[np.ndarray], device: str) -> list[Any]:
    """[H, W, C] pictures as [1, C, H, W] tensors on a device."""
    import torch

    return [
        torch.from_numpy(np.ascontiguousarray(guide.transpose(2, 0, 1))[None]).to(device) for guide in guides
    ]


def _whole(pixels: np.ndarray, ids: np.ndarray | None) -> Rendered:
    """A picture without holes that is sure of itself: a network does not say how sure it is."""
    size = pixels.shape[:2]
    return Rendered(pixels, ids, np.zeros(size, bool), np.ones(size, np.float32))
