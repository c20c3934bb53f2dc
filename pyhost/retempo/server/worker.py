"""How is one request worked through on a worker's thread? Receive, prepare, render, deliver, answer."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Hashable
from dataclasses import replace
from typing import TYPE_CHECKING

from retempo.errors import InterruptedByUser, RetempoError, is_out_of_memory
from retempo.render.settings import RetimeSettings
from retempo.server.buffers import FrameBuffers
from retempo.server.cache import ContentCache
from retempo.server.messages import Done, Failed, FlowWork, Progress
from retempo.server.render_message import LAYERS, Kind, RenderMessage, Role
from retempo.server.request import Cancelled, Request
from retempo.server.scheduler import Owner, Scheduler

if TYPE_CHECKING:
    from retempo.render.frame import FrameRenderer
    from retempo.render.prepared_frames import PreparedFrames
    from retempo.server.engine import Engine
    from retempo.server.request_frames import Given, Pair

log = logging.getLogger(__name__)
Answer = Callable[[Done | Failed | Progress], None]
CANCELLED = Failed(InterruptedByUser.exit_code, "cancelled")


class _Parked(Exception):
    """Another request is preparing the same frames; this one has been put aside until that is done."""


class Worker:
    """Carries out requests; one for all threads of a scheduler.

    Args:
        cache: frames, flows and pairs.
        scheduler: whose threads it runs on.
    """

    def __init__(self, cache: ContentCache, scheduler: Scheduler) -> None:
        self.cache = cache
        self.scheduler = scheduler
        self.buffers = FrameBuffers()
        self.counts = {"renders": 0, "flows_computed": 0, "flows_reused": 0, "failures": 0, "cancelled": 0}
        self._engine: Engine | None = None
        self._preparing: dict[Hashable, list[tuple[Owner, Callable[[], None]]]] = {}
        self._lock = threading.Lock()

    @property
    def engine(self) -> Engine:
        """Loaded when first needed: it takes most of a second, and clients are to be answered before."""
        if self._engine is None:
            from retempo.server.engine import Engine

            with self._lock:
                if self._engine is None:
                    self._engine = Engine(self.cache)
        return self._engine

    def start(self, owner: Owner, request: Request, answer: Answer) -> None:
        """Let a request whose frames are there wait for its turn; ``answer`` is called from a worker's thread."""
        request.wait()
        self.scheduler.submit(owner, lambda: self._run(owner, request, answer))

    def _run(self, owner: Owner, request: Request, answer: Answer) -> None:
        if not request.begin():
            return
        try:
            done = self._work(owner, request, answer)
        except _Parked:
            return
        except Cancelled:
            self.count("cancelled")
            request.finish()
            answer(CANCELLED)
            return
        except Exception as error:
            self.count("failures")
            request.finish()
            answer(failure(error))
            return
        self.count("renders")
        request.finish()
        answer(done)

    def _work(self, owner: Owner, request: Request, answer: Answer) -> Done:
        from retempo.server.render_request import deliver, make_result
        from retempo.server.request_frames import Given, pairs_of

        engine, message = self.engine, request.message
        request.check()
        with request.timed("receive"):
            self._receive(request)
        request.check()
        pixels = {(one.role, one.number): request.pixels[index] for index, one in enumerate(message.frames)}
        given = Given(message, request.settings, pixels)
        with request.timed("prepare"):
            renderer = engine.renderer(settings_for(message, request.settings))
            held = {
                pair: self._prepare(owner, request, answer, renderer, given, pair)
                for pair in pairs_of(message, request.settings)
            }
        request.check()
        answer(Progress(700, "rendering"))
        with request.timed("render"):
            made, around = make_result(renderer, given, held.__getitem__)
        request.check()
        with request.timed("deliver"):
            target = request.memory.output(message.offset, message.stride, message.window, message.channels)
            deliver(made, around, target, message.window)
            del target
        micro = {stage: int(seconds * 1e6) for stage, seconds in request.seconds.items()}
        repaired = sum(count for prepared in held.values() for count in prepared.repaired.values())
        return Done(
            request.flow, repaired=repaired, cache_used=self.cache.used, info=describe(request), **micro
        )

    def _receive(self, request: Request) -> None:
        """Turn what has arrived into pixels and keep them."""
        from retempo.server.engine import frame_key, memory_of

        for index, arrival in request.arrivals.items():
            frame = request.message.frames[index]
            what = f"{frame.role.name.lower()} frame {frame.number}"
            pixels = arrival.memory.read_frame(
                arrival.offset, frame.window, frame.channels, what, self.buffers, alone=arrival.alone
            )
            request.pixels[index] = self.cache.put(frame_key(frame.digest), pixels, memory_of([pixels]))
        for memory in {arrival.memory for arrival in request.arrivals.values()}:
            if memory is not request.memory:
                memory.close()
        request.arrivals.clear()

    def _prepare(
        self,
        owner: Owner,
        request: Request,
        answer: Answer,
        renderer: FrameRenderer,
        given: Given,
        pair: Pair,
    ) -> PreparedFrames:
        """The prepared frames; if another request is just making them, this one gives its thread back meanwhile."""
        key = self.engine.pair_key(renderer, given, pair)
        with self._lock:
            found = self.cache.get(key)
            if found is None and key in self._preparing:
                request.wait()
                self._preparing[key].append((owner, lambda: self._run(owner, request, answer)))
                raise _Parked
            if found is None:
                self._preparing[key] = []
        if found is not None:
            self._note(request, renderer, computed=False)
            return found
        answer(Progress(100, "estimating motion"))
        try:
            made, computed = self.engine.prepare(renderer, given, pair)
        finally:
            with self._lock:
                parked = self._preparing.pop(key)
            for waiting, job in parked:
                self.scheduler.submit(waiting, job, first=True)
        self._note(request, renderer, computed=computed)
        return made

    def _note(self, request: Request, renderer: FrameRenderer, *, computed: bool) -> None:
        """Say where a pair's motion came from, if its engine knows any."""
        if renderer.estimators:
            self.count("flows_computed" if computed else "flows_reused")
            if request.flow != FlowWork.COMPUTED:
                request.flow = FlowWork.COMPUTED if computed else FlowWork.CACHED

    def count(self, what: str) -> None:
        """One more of ``counts``."""
        with self._lock:
            self.counts[what] += 1


def settings_for(message: RenderMessage, settings: RetimeSettings) -> RetimeSettings:
    """What the renderer is to be told of a request that its settings do not say.

    Vectors are those of the estimator, whatever engine, depth and paths are chosen for pictures. A matte's channel is
    of no use without mattes; the layer alone that is wanted stands in the output. Cuts have said which frames belong
    together.
    """
    settings = replace(settings, cuts="")
    if message.kind == Kind.VECTORS:
        return replace(settings, engine="splatsyn", depth="off", motion="linear", matte_channel="")
    if not any(one.role == Role.MATTE for one in message.frames):
        return replace(settings, matte_channel="")
    alone = message.output.name.lower() if message.output in LAYERS else "result"
    return replace(settings, matte_output=alone)


def describe(request: Request) -> str:
    """A line for the user."""
    sources = sorted(one.number for one in request.message.frames if one.role == Role.SOURCE)
    motion = {
        FlowWork.NONE: "",
        FlowWork.COMPUTED: "; motion estimated",
        FlowWork.CACHED: "; motion remembered",
    }
    frames = ", ".join(map(str, sources))
    time = float(request.message.time)
    return f"source time {time:g} of {frames}{motion[request.flow]}; {time_of(request):.2f} s"


def time_of(request: Request) -> float:
    """Seconds that were worked for a request."""
    return sum(seconds for stage, seconds in request.seconds.items() if stage != "queued")


def failure(error: Exception) -> Failed:
    """What the client is told of an error."""
    if isinstance(error, RetempoError):
        return Failed(error.exit_code, error.message, error.hint)
    if is_out_of_memory(error):
        return Failed(
            7,
            "there is not enough memory",
            "start the server with a smaller --cache, or render smaller frames",
        )
    log.exception("unexpected")
    return Failed(
        1, f"unexpected {type(error).__name__}: {error}", "the server's log shows where; please report it"
    )
