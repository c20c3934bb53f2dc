"""What is remembered between requests? Renderers by settings; frames, flows and prepared pairs by content.

Equal content is equal wherever it comes from: another instance, another host, the same shot at other frame
numbers. What only rendering looks at (filter, footprint, output space...) is no part of a pair's key, and
what only the metrics look at (temperature, coefficients, depth) is no part of a flow's.
"""

from __future__ import annotations

import copy
import os
import threading
from collections import OrderedDict
from collections.abc import Hashable, Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache, reduce
from itertools import product
from typing import Any, Final

import numpy as np

from retempo.color.pipeline import ColorPipeline
from retempo.flow.base import (
    Flow,
    FlowEstimator,
    Hypothesis,
    Image,
    Known,
    OnwardFlowEstimator,
    Plane,
    count_hypotheses,
    hypothesize,
    wants_onward,
)
from retempo.flow.catalog import VectorsMarker
from retempo.io.frame import Window
from retempo.render.frame import FrameRenderer
from retempo.render.network import NetworkGap
from retempo.render.prepared_frames import PreparedFrames
from retempo.render.settings import RetimeSettings
from retempo.render.surroundings import surround
from retempo.server.cache import ContentCache
from retempo.server.render_message import Role
from retempo.server.render_request import prepare_frames
from retempo.server.request_frames import Given, Pair, has_mattes
from retempo.server.request_settings import allowed, locate_config
from retempo.synthesis.layered import LayeredPrepared

MOST_RENDERERS: Final = 16
INTEGER_PIXELS: Final = "integer pixels"
"""An ``input_space`` for pixels that were whole numbers and have no known space: chosen as for files of that kind."""

DESCRIBES_FRAMES: Final = ("config_id", "ocio", "input_space", "working_space")
DESCRIBES_FLOW: Final = (
    "config_id",
    "ocio",
    "input_space",
    "flow_kind",
    "flow_space",
    "flow_black",
    "flow_white",
)
FLOW_SETTINGS: Final = ("flow_scale", "device", "matte_channel", "matte_invert")
RENDER_SETTINGS: Final = frozenset(
    {
        "filter",
        "footprint",
        "sigma",
        "merge",
        "merge_exponent",
        "coverage_gate",
        "stability",
        "payload",
        "shutter_samples",
    }
)
"""What only rendering looks at; whatever is not named here or in the next line is part of a pair's key."""

OTHER_SETTINGS: Final = frozenset(
    {"config", "input_space", "working_space", "output_space", "flow_space", "cuts", "deterministic"}
)
"""Colour and cuts, which are in the key as what they resolve to, and what cannot change a pixel."""


class Engine:
    """Makes renderers and prepared pairs, or finds them; thread-safe.

    Args:
        cache: holds what belongs to frames.
    """

    def __init__(self, cache: ContentCache) -> None:
        self.cache = cache
        self._renderers: OrderedDict[Hashable, FrameRenderer] = OrderedDict()
        self._turns: dict[Hashable, tuple[threading.Lock, int]] = {}
        self._lock = threading.Lock()

    @contextmanager
    def turn(self, key: Hashable) -> Iterator[None]:
        """Only one thread at a time is in here with the same key: what one computes the next one finds in the cache."""
        with self._lock:
            alone, count = self._turns.get(key, (threading.Lock(), 0))
            self._turns[key] = alone, count + 1
        try:
            with alone:
                yield
        finally:
            with self._lock:
                _, count = self._turns.pop(key)
                if count > 1:
                    self._turns[key] = alone, count - 1

    def renderer(self, settings: RetimeSettings) -> FrameRenderer:
        """The renderer for these settings, with its colour processors.

        Raises:
            ColorError, UsageError, DeviceError: see ``ColorPipeline`` and ``FrameRenderer``.
        """
        key = (settings, _stamp(settings.config))
        with self._lock:
            found = self._renderers.get(key)
            if found is not None:
                self._renderers.move_to_end(key)
                return found
        whole_numbers = settings.input_space == INTEGER_PIXELS
        color = ColorPipeline(
            locate_config(settings.config),
            None if whole_numbers else settings.input_space or None,
            settings.working_space or None,
            settings.output_space or None,
            settings.flow_space,
            kind="integer" if whole_numbers else "float",
            threads=settings.threads,
        )
        made = FrameRenderer(settings, color)
        with self._lock:
            self._renderers[key] = made
            while len(self._renderers) > MOST_RENDERERS:
                self._renderers.popitem(last=False)
        return made

    def pair_key(self, renderer: FrameRenderer, given: Given, pair: Pair) -> Hashable:
        """Identity of what ``prepare`` makes: content, settings and colour that enter it."""
        numbers, first = pair
        content = tuple(
            (one.role, one.number - numbers[0], one.digest)
            for one in sorted(given.message.frames, key=lambda one: (one.role, one.number))
            if one.number in numbers
        )
        chosen = tuple(getattr(renderer.settings, name) for name in pair_settings())
        return (
            "pair",
            content,
            first - numbers[0],
            given.message.display,
            chosen,
            _facts(renderer, DESCRIBES_FRAMES + DESCRIBES_FLOW),
        )

    def prepare(self, renderer: FrameRenderer, given: Given, pair: Pair) -> tuple[PreparedFrames, bool]:
        """Prepare source frames and remember the result; also whether any flow had to be estimated."""
        asked: list[_Remembered] = []

        def remembered(one: FlowEstimator) -> FlowEstimator:
            asked.append(_Remembered(self, renderer, one.plain if wants_onward(one) else one, given, pair))
            return _Onward(one, asked[-1]) if wants_onward(one) else asked[-1]

        bound = copy.copy(renderer)
        bound.estimators = [
            one if isinstance(one, VectorsMarker) else remembered(one) for one in renderer.estimators
        ]
        made = prepare_frames(bound, given, pair)
        computed = any(one.computed for one in asked)
        kept = self.cache.put(self.pair_key(renderer, given, pair), made, parts_of(made))
        for number in pair.numbers:  # as recent as the pair: it is of no use without them
            self.cache.get(frame_key(_digest(given, number)))
        return kept, computed


class _Remembered:
    """An estimator for one set of frames that looks into the cache first.

    ``FrameRenderer.prepare`` asks about the pairs of ``Surroundings.questions`` in that order, with mattes first for
    the foreground's motion and then for the background's; that is how a question is recognised.
    """

    def __init__(
        self,
        engine: Engine,
        renderer: FrameRenderer,
        inner: FlowEstimator,
        given: Given,
        pair: Pair,
    ) -> None:
        self.name = inner.name
        self.computed = False
        self._inner = inner
        self._engine = engine
        windows = [
            one.window
            for one in given.message.frames
            if one.number in pair.numbers and one.role not in (Role.VECTORS, Role.MATTE)
        ]
        chosen = tuple(getattr(renderer.settings, name) for name in FLOW_SETTINGS)
        place = (given.message.display, reduce(Window.union, windows))  # no more: three gaps ask for a motion
        self._base = ("flow", inner.name, chosen, place, _facts(renderer, DESCRIBES_FLOW))
        around = surround(pair.numbers, pair.first, renderer.settings)
        layers = ("foreground", "background") if has_mattes(given.message) else ("",)
        self._questions: Iterator[tuple[str, tuple[int, int]]] = iter(product(layers, around.questions))
        self._digests = {number: _digests(given, number) for number in pair.numbers}

    @property
    def hypotheses(self) -> int:
        return count_hypotheses(self._inner)

    def estimate(self, image0: Image, image1: Image) -> tuple[Flow, Flow]:
        best = self.hypothesize(image0, image1)[0]
        return best.flow01, best.flow10

    def hypothesize(self, image0: Image, image1: Image) -> tuple[Hypothesis, ...]:
        layer, (first, second) = next(self._questions)
        key = (*self._base, layer, self._digests[first], self._digests[second])
        cache = self._engine.cache
        with self._engine.turn(key):
            found = cache.get(key)
            if found is None:
                self.computed = True
                found = hypothesize(self._inner, image0, image1)
                cache.put(key, found, memory_of([one for said in found for one in said if one is not None]))
        return found

    def skip(self) -> None:
        """The next question is answered by somebody else, who has to compute."""
        next(self._questions)
        self.computed = True


class _Onward:
    """An estimator that begins with the motion that is expected; asks ``plain`` first, which remembers.

    Its own answers depend on four frames and are kept with the pair that they were made for, nowhere else.
    """

    def __init__(self, inner: OnwardFlowEstimator, plain: _Remembered) -> None:
        self.name = inner.name
        self.plain = plain
        self._inner = inner
        self.encode, self.estimate_encoded = inner.encode, inner.estimate_encoded
        self.estimate = plain.estimate

    def estimate_onward(self, plane0: Plane, plane1: Plane, known: Known) -> tuple[Flow, Flow]:
        self.plain.skip()
        return self._inner.estimate_onward(plane0, plane1, known)


@lru_cache(1)
def pair_settings() -> tuple[str, ...]:
    """Settings that preparing may look at: all that a client may choose but those known not to matter."""
    return tuple(sorted(set(allowed()) - RENDER_SETTINGS - OTHER_SETTINGS))


def frame_key(digest: bytes) -> Hashable:
    """Under which a frame's pixels are kept."""
    return ("frame", digest)


def parts_of(prepared: PreparedFrames) -> dict[Hashable, int]:
    """Every piece of memory that prepared frames hold, the pixels of the frames themselves among them."""
    arrays: list[Any] = [layer.pixels for frame in prepared.frames for layer in frame.layers]
    for view in prepared.views:
        arrays += [array for canvas in view.canvases for array in (canvas.pixels, canvas.ids)]
        arrays += [*view.pixels, *view.ids]
        if isinstance(view.motion, LayeredPrepared):
            arrays += view.motion.planes
        if isinstance(view.motion, NetworkGap):
            arrays += view.motion.hold()
        for candidate in view.motion.candidates if view.motion else ():
            arrays += [value for value in vars(candidate).values() if hasattr(value, "nbytes")]
    return memory_of(arrays)


def memory_of(arrays: Iterable[Any]) -> dict[Hashable, int]:
    """Identities, as long as they live, of the memory that arrays look at, and its bytes: a view holds all of it."""
    found: dict[Hashable, int] = {}
    for array in arrays:
        while isinstance(array, np.ndarray) and isinstance(array.base, np.ndarray):
            array = array.base
        if array.nbytes:
            found[id(array)] = array.nbytes
    return found


def _digest(given: Given, number: int, role: Role = Role.SOURCE) -> bytes:
    entry = given.entry(role, number)
    return b"" if entry is None else entry.digest


def _digests(given: Given, number: int) -> tuple[bytes, bytes]:
    """What the flow of a frame is found in: its picture and its matte."""
    return _digest(given, number), _digest(given, number, Role.MATTE)


def _facts(renderer: FrameRenderer, names: tuple[str, ...]) -> tuple[Any, ...]:
    facts = renderer.color.describe()
    return tuple(facts.get(name) for name in names)


def _stamp(config: str) -> tuple[int, int]:
    """Changes when a config file does."""
    if config.startswith("ocio://"):
        return (0, 0)
    try:
        status = os.stat(os.path.expanduser(config))
    except OSError:
        return (0, 0)
    return (status.st_mtime_ns, status.st_size)
