"""What is a property set, and what may be done with one?

Properties are typed (int, double, string, pointer), have a fixed number of values or any (dimension 0),
and each is writable by the plugin or only by the host. ``PropertySet`` enforces all three when the plugin
calls, and none of it for the host's own code (``get``, ``put``).
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from host import constants as k
from host.journal import Journal

ZERO: dict[str, Any] = {"int": 0, "double": 0.0, "string": "", "pointer": None}


@dataclass(frozen=True)
class Spec:
    """One property as a kind of object has it; ``dimension`` 0 is any number of values."""

    name: str
    type: str
    dimension: int = 1
    writer: str = "host"  # "host", or "plugin" where both may write
    default: tuple[Any, ...] = ()
    values: tuple[str, ...] = ()

    def start(self) -> list[Any]:
        """Values that the property begins with."""
        if self.default or self.dimension == 0:
            return list(self.default)
        return [ZERO[self.type]] * self.dimension


class PropertyError(Exception):
    """A call of the property suite failed with ``status``."""

    def __init__(self, status: int) -> None:
        super().__init__(k.name_status(status))
        self.status = status


class PropertySet:
    """The properties of one object.

    Args:
        kind: the table's name, e.g. ``ClipInstance``; used in complaints.
        where: which object this is, for complaints.
        specs: its properties.
        journal: where broken rules go.
        absent: standard properties that this host withholds on purpose: asked for, they are unknown, and
            that is noted and not held against the plugin.
    """

    def __init__(
        self, kind: str, where: str, specs: Iterable[Spec], journal: Journal, absent: Iterable[str] = ()
    ) -> None:
        self.kind, self.where, self._journal = kind, where, journal
        self.specs = {spec.name: spec for spec in specs}
        self.absent = set(absent)
        self._values = {spec.name: spec.start() for spec in self.specs.values()}
        self.frozen = ""  # a reason for which the plugin may not write any more
        self.written: set[str] = set()  # names that the plugin has set
        self.handle = 0
        self.on_write: Any = None  # called with the name after a plugin's write
        self._lock = threading.RLock()

    # ---- the host's side

    def add(self, spec: Spec) -> None:
        self.specs[spec.name] = spec
        self._values[spec.name] = spec.start()

    def remove(self, name: str) -> None:
        self.specs.pop(name, None)
        self._values.pop(name, None)

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def get(self, name: str, index: int = 0, default: Any = None) -> Any:
        """One value; ``default`` where the property or the index is not there."""
        values = self._values.get(name, ())
        return values[index] if index < len(values) else default

    def all(self, name: str) -> tuple[Any, ...]:
        """Every value of a property; empty where it is not there."""
        return tuple(self._values.get(name, ()))

    def put(self, name: str, *values: Any) -> None:
        """Set all values, as the host."""
        with self._lock:
            self._values[name] = list(values)

    def change(self, name: str, **fields: Any) -> None:
        """Replace fields of a property's spec, keeping its values."""
        self.specs[name] = replace(self.specs[name], **fields)

    def as_dict(self) -> dict[str, tuple[Any, ...]]:
        return {name: tuple(values) for name, values in self._values.items()}

    # ---- the plugin's side

    def _complain(self, rule: str, text: str, status: int) -> PropertyError:
        self._journal.violate(rule, self.where, text)
        return PropertyError(status)

    def _spec(self, name: str, type_: str | None, doing: str) -> Spec:
        spec = self.specs.get(name)
        if spec is None:
            if name in self.absent or not name.startswith(("Ofx", "kOfx")) or self._withheld_for_clips(name):
                self._journal.note("property not offered", self.where, name)
            elif name in k.KNOWN_STRINGS or name.startswith(k.CLIP_PREFIXES):
                known = k.KNOWN_STRINGS.get(name, name)
                raise self._complain(
                    "misplaced property", f"{doing} {known} of a {self.kind}", k.kOfxStatErrUnknown
                )
            else:
                raise self._complain("unknown property", f"{doing} {name!r}", k.kOfxStatErrUnknown)
            raise PropertyError(k.kOfxStatErrUnknown)
        if type_ is not None and spec.type != type_:
            raise self._complain(
                "property type", f"{doing} {name} as {type_}, it is {spec.type}", k.kOfxStatErrValue
            )
        return spec

    def _withheld_for_clips(self, name: str) -> bool:
        """A clip's preferred colour spaces, on a host that has them for no clip."""
        prefix = k.CLIP_COLOURSPACES
        return name.startswith(prefix) and not any(other.startswith(prefix) for other in self.specs)

    def _may_write(self, spec: Spec) -> None:
        if self.frozen:
            raise self._complain("late write", f"{spec.name} set {self.frozen}", k.kOfxStatErrValue)
        if spec.writer != "plugin":
            raise self._complain("read-only property", f"{spec.name} set by the plugin", k.kOfxStatErrValue)

    def write(self, name: str, type_: str, start: int, values: list[Any]) -> None:
        """Set values from index ``start`` on, as the plugin."""
        spec = self._spec(name, type_, "sets")
        self._may_write(spec)
        with self._lock:
            held = self._values[name]
            end = start + len(values)
            if start < 0 or (spec.dimension and end > spec.dimension):
                text = f"{name} has {spec.dimension} values, index {end - 1} was set"
                raise self._complain("property index", text, k.kOfxStatErrBadIndex)
            for value in values:
                if value is None and type_ == "string":
                    raise self._complain("null string", f"{name} set to a null pointer", k.kOfxStatErrValue)
                if spec.values and value not in spec.values:
                    raise self._complain("property value", f"{name} set to {value!r}", k.kOfxStatErrValue)
            held.extend([ZERO[spec.type]] * (end - len(held)))
            held[start:end] = values
            self.written.add(name)
        if self.on_write:
            self.on_write(name)

    def read(self, name: str, type_: str, start: int, count: int) -> list[Any]:
        """``count`` values from index ``start`` on, as the plugin."""
        spec = self._spec(name, type_, "gets")
        with self._lock:
            held = self._values[name]
            if start < 0 or start + count > len(held):
                text = f"{name} has {len(held)} values, index {start + count - 1} was read"
                if spec.dimension:
                    raise self._complain("property index", text, k.kOfxStatErrBadIndex)
                self._journal.note("property index", self.where, text)
                raise PropertyError(k.kOfxStatErrBadIndex)
            return held[start : start + count]

    def reset(self, name: str) -> None:
        spec = self._spec(name, None, "resets")
        self._may_write(spec)
        with self._lock:
            self._values[name] = spec.start()
        if self.on_write:
            self.on_write(name)

    def dimension(self, name: str) -> int:
        self._spec(name, None, "asks the dimension of")
        return len(self._values[name])
