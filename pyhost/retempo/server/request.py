"""Where does one request stand? Its frames and memory, whether it is still wanted, and how long each stage took."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum

import numpy as np

from retempo.errors import InputError
from retempo.render.settings import RetimeSettings
from retempo.server.memory import SharedMemory
from retempo.server.messages import FlowWork
from retempo.server.render_message import RenderMessage


class Cancelled(Exception):
    """The result is no longer wanted."""


class State(Enum):
    """What happens to a request."""

    NEEDS = "frames are awaited"
    QUEUED = "waits for a worker"
    RUNNING = "is computed"
    OVER = "has been answered"


@dataclass(frozen=True)
class Arrival:
    """Where the pixels of a frame lie that a client has sent; ``memory`` is shared by frames of one object."""

    memory: SharedMemory
    offset: int
    alone: bool


class Request:
    """One RENDER on its way.

    Args:
        number: chosen by the client.
        message, settings: what is wanted.
        memory: RENDER's shared memory; owned.
    """

    def __init__(
        self, number: int, message: RenderMessage, settings: RetimeSettings, memory: SharedMemory
    ) -> None:
        self.number = number
        self.message = message
        self.settings = settings
        self.memory = memory
        self.pixels: dict[int, np.ndarray] = {}
        """By index into the frame table: found in the cache, or made of an arrival; held until the end."""
        self.arrivals: dict[int, Arrival] = {}
        self.missing: set[int] = set()
        self.flow = FlowWork.NONE
        self.seconds = dict.fromkeys(("receive", "queued", "prepare", "render", "deliver"), 0.0)
        self.began = time.monotonic()
        self.waits_since = self.began
        self.deadline = self.began + message.deadline / 1000 if message.deadline else None
        self._state = State.NEEDS
        self._cancelled = False
        self._lock = threading.Lock()

    @property
    def state(self) -> State:
        return self._state

    @property
    def cancelled(self) -> bool:
        """Is the result no longer wanted?"""
        return self._cancelled or (self.deadline is not None and time.monotonic() > self.deadline)

    def accept(self, places: list[tuple[int, int]], memory: SharedMemory) -> None:
        """Note frames that have come; what is not missing is ignored.

        Raises:
            InputError: they do not lie inside of the memory.
        """
        alone = len(places) == 1 and memory is not self.memory
        for index, offset in places:
            if index >= len(self.message.frames):
                raise InputError(
                    f"frame {index} of a table of {len(self.message.frames)} was sent", "see NEED"
                )
            frame = self.message.frames[index]
            memory.check(offset, offset + frame.nbytes, f"frame {frame.number}")
            if index in self.missing:
                self.missing.discard(index)
                self.arrivals[index] = Arrival(memory, offset, alone)

    def wait(self) -> None:
        """From now on it waits for a worker."""
        with self._lock:
            if self._state is not State.OVER:
                self._state = State.QUEUED
                self.waits_since = time.monotonic()

    def begin(self) -> bool:
        """A worker takes it; False when it has been cancelled meanwhile."""
        with self._lock:
            if self._state is not State.QUEUED:
                return False
            self._state = State.RUNNING
            self.seconds["queued"] += time.monotonic() - self.waits_since
            return True

    def cancel(self) -> bool:
        """No longer wanted. True when it is over by that; False when a worker has it and will see."""
        with self._lock:
            self._cancelled = True
            if self._state in (State.NEEDS, State.QUEUED):
                self._state = State.OVER
                return True
            return False

    def finish(self) -> None:
        """It is answered: let go of all memory."""
        with self._lock:
            self._state = State.OVER
        self.release()

    def check(self) -> None:
        """Stop here if nobody wants the result.

        Raises:
            Cancelled: so it is.
        """
        if self.cancelled:
            raise Cancelled

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Add the time of the ``with`` block to a stage."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.seconds[stage] += time.monotonic() - began

    def release(self) -> None:
        """Close the descriptors and forget the pixels."""
        for arrival in self.arrivals.values():
            arrival.memory.close()
        self.arrivals.clear()
        self.pixels.clear()
        self.memory.close()
