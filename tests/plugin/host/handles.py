"""Which object hides behind the opaque pointer that a plugin handed back?

Handles are numbers that are never used twice, so that a handle kept past its life is told from a live one.
They do not point at memory: a plugin that looks inside crashes here, as it should.
"""

from __future__ import annotations

import itertools
from typing import Any

_FIRST, _STEP = 0x0F00_0000_1000, 16


class Handles:
    """A table from number to object."""

    def __init__(self) -> None:
        self._numbers = itertools.count(_FIRST, _STEP)
        self._living: dict[int, Any] = {}
        self._dead: dict[int, str] = {}

    def open(self, thing: Any) -> int:
        """A new handle for ``thing``."""
        number = next(self._numbers)
        self._living[number] = thing
        return number

    def close(self, number: int, name: str = "") -> None:
        """From now on the handle is dead; ``name`` is what it is called in complaints."""
        if self._living.pop(number, None) is not None:
            self._dead[number] = name

    def find(self, number: int | None, kind: type | tuple[type, ...]) -> Any:
        """The object, or None where the handle is null, unknown, dead or of another kind."""
        thing = self._living.get(number or 0)
        return thing if isinstance(thing, kind) else None

    def explain(self, number: int | None) -> str:
        """Why ``find`` said None."""
        if not number:
            return "a null handle"
        if number in self._living:
            return f"the handle of a {type(self._living[number]).__name__}"
        if number in self._dead:
            return f"a handle after its life ({self._dead[number]})"
        return f"{number:#x}, which was never a handle"
