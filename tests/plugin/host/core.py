"""What do all suites of one host share, and which action is the calling thread in?

The *context* of an action travels with its thread, and with the threads that the multi-thread suite spawns
for it. A plugin's own threads have none; an image effect then falls back on the only action that its
instance is in.
"""

from __future__ import annotations

import contextlib
import dataclasses
import threading
import time as clock
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from host import constants as k
from host.callbacks import Refusal, Strings
from host.handles import Handles
from host.journal import Journal
from host.personalities import STRICT, Personality
from host.properties import PropertySet, Spec
from host.property_tables import ABSENT


@dataclass
class Fetch:
    """One call of clipGetImage; ``frame`` is the source frame that was given out, None for black."""

    clip: str
    time: float
    frame: int | None
    status: int


@dataclass
class Context:
    """One action under way.

    Attributes:
        name: the action.
        effect: the descriptor or instance that it is about, or None (load, unload).
        time: its time where it has one.
        abort: says whether the host wants the render to end.
        ranges: clip name -> ranges of getFramesNeeded, or None where they are not to be checked.
        output: the picture to render into.
        host_seconds: time of the action that its thread spent inside suite functions.
        images: image handles that the plugin has not released.
        fetches, polls: images asked for; times at which the plugin polled abort, in seconds from the start.
    """

    name: str
    effect: Any = None
    time: float | None = None
    scale: tuple[float, float] = (1.0, 1.0)
    field: str = k.kOfxImageFieldNone
    abort: Callable[[], bool] | None = None
    ranges: dict[str, list[tuple[float, float]]] | None = None
    output: Any = None
    images: dict[int, str] = dataclasses.field(default_factory=dict)
    fetches: list[Fetch] = dataclasses.field(default_factory=list)
    polls: list[float] = dataclasses.field(default_factory=list)
    aborted_at: float | None = None
    host_seconds: float = 0.0
    started: float = dataclasses.field(default_factory=clock.perf_counter)

    def __str__(self) -> str:
        at = "" if self.time is None else f" at {self.time:g}"
        return f"{self.name.removeprefix('OfxImageEffectAction').removeprefix('OfxAction')}{at}"


class Core:
    """Journal, handles, strings and contexts of one host, and its manners."""

    def __init__(self, personality: Personality = STRICT) -> None:
        self.personality = personality
        self.journal = Journal()
        self.handles = Handles()
        self.strings = Strings()
        self.local = threading.local()

    @property
    def context(self) -> Context | None:
        """The innermost action of the calling thread."""
        stack = getattr(self.local, "stack", None)
        return stack[-1] if stack else None

    @contextlib.contextmanager
    def inside(self, context: Context | None) -> Iterator[None]:
        """Run the body as a part of ``context`` on this thread."""
        stack = self.local.__dict__.setdefault("stack", [])
        if context is not None:
            stack.append(context)
        try:
            yield
        finally:
            if context is not None:
                stack.pop()

    def describe_action(self) -> str:
        return str(self.context) if self.context else "outside of any action"

    def make_properties(self, kind: str, where: str, specs: Iterable[Spec]) -> PropertySet:
        """A property set of a kind, without what this host does not know in it; no handle yet."""
        unknown = self.personality.unknown.get(kind, ())
        known = [spec for spec in specs if spec.name not in unknown]
        return PropertySet(kind, where, known, self.journal, (*ABSENT, *unknown))

    def find(self, handle: int | None, kind: Any, doing: str) -> Any:
        """The object behind a handle; a bad one is recorded and refused with kOfxStatErrBadHandle."""
        thing = self.handles.find(handle, kind)
        if thing is None:
            self.journal.violate(
                "bad handle", self.describe_action(), f"{doing} was given {self.handles.explain(handle)}"
            )
            raise Refusal(k.kOfxStatErrBadHandle)
        return thing
