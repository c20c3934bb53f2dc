"""What of the gap before is of use for the next one? Guides and flows of the frames that both look at.

With quadratic motion three gaps ask about the motion between the same two frames; it is estimated once.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from retempo.io.frame import Frame

Value = TypeVar("Value")


class FlowMemory:
    """Remembers what was made for the present gap and for the one before it; keeps no frame alive."""

    def __init__(self) -> None:
        self._before: dict[Hashable, tuple[tuple[weakref.ref[Frame], ...], Any]] = {}
        self._now: dict[Hashable, tuple[tuple[weakref.ref[Frame], ...], Any]] = {}

    def turn(self) -> None:
        """Go on to the next gap: what the last one did not ask for is forgotten."""
        self._before, self._now = self._now, {}

    def recall(self, key: Hashable, frames: tuple[Frame, ...], make: Callable[[], Value]) -> Value:
        """Return what ``make`` returned for the same key and the very same frames, or call it."""
        for held in (self._now, self._before):
            if key in held:
                seen, value = held[key]
                if len(seen) == len(frames) and all(
                    ref() is frame for ref, frame in zip(seen, frames, strict=True)
                ):
                    self._now[key] = held[key]
                    return value
        made = make()
        self._now[key] = tuple(weakref.ref(frame) for frame in frames), made
        return made
