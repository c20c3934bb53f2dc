"""What is a parameter, as the plugin described it and as an instance holds it?

``ParamDefinition`` belongs to a context's description. ``Param`` is one instance's parameter; tests set it
as a user would (``set``, ``key``, ``animate``, ``press``), which tells the plugin through the
InstanceChanged action.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from host import constants as k
from host.core import Core
from host.curves import Curve
from host.parameter_tables import SHAPES, WRITABLE_ON_INSTANCE, list_specs
from host.properties import PropertySet
from host.property_tables import ABSENT

if TYPE_CHECKING:
    from host.effect import Instance

_HELD = (
    k.kOfxParamTypeBoolean, k.kOfxParamTypeChoice, k.kOfxParamTypeString, k.kOfxParamTypeCustom,
)  # fmt: skip


class ParamDefinition:
    """A parameter as a describe action defined it."""

    def __init__(self, core: Core, name: str, type_: str, where: str) -> None:
        self.name, self.type = name, type_
        self.properties = PropertySet(
            f"parameter of type {type_}",
            f"parameter {name} of {where}",
            list_specs(type_),
            core.journal,
            ABSENT,
        )
        self.properties.handle = core.handles.open(self.properties)
        for prop in (k.kOfxPropName, k.kOfxPropLabel, k.kOfxPropShortLabel, k.kOfxPropLongLabel):
            self.properties.put(prop, name)
        self.properties.put(k.kOfxParamPropScriptName, name)
        self.properties.put(k.kOfxParamPropType, type_)
        self.properties.on_write = self._follow

    def _follow(self, name: str) -> None:
        """The label resets its two brothers; a limit resets the one of the user interface."""
        follow = {
            k.kOfxPropLabel: (k.kOfxPropShortLabel, k.kOfxPropLongLabel),
            k.kOfxParamPropMin: (k.kOfxParamPropDisplayMin,),
            k.kOfxParamPropMax: (k.kOfxParamPropDisplayMax,),
        }
        for other in follow.get(name, ()):
            if other not in self.properties.written:
                self.properties.put(other, *self.properties.all(name))

    @property
    def shape(self) -> tuple[str, int] | None:
        """C type and number of the values; None for groups, pages and push buttons."""
        return SHAPES[self.type]


class ParamSet:
    """The parameters of a descriptor (definitions) or of an instance."""

    def __init__(self, core: Core, owner: Any) -> None:
        self.owner = owner
        self.members: dict[str, Any] = {}
        self.handle = core.handles.open(self)

    def __getitem__(self, name: str) -> Any:
        if name not in self.members:
            raise KeyError(f"no parameter {name!r}; there are {', '.join(self.members)}")
        return self.members[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.members)

    def __contains__(self, name: str) -> bool:
        return name in self.members

    def __len__(self) -> int:
        return len(self.members)


class Param:
    """One parameter of an instance."""

    def __init__(self, core: Core, definition: ParamDefinition, instance: Instance) -> None:
        self.name, self.type, self.instance = definition.name, definition.type, instance
        self.definition = definition
        source = definition.properties
        self.properties = PropertySet(
            source.kind, f"parameter {self.name} of {instance}", source.specs.values(), core.journal, ABSENT
        )
        for name, values in source.as_dict().items():
            self.properties.put(name, *values)
            if name not in WRITABLE_ON_INSTANCE:
                self.properties.change(name, writer="host")
        self.properties.put(k.kOfxPropType, k.kOfxTypeParameterInstance)
        self.properties.handle = core.handles.open(self.properties)
        self.handle = core.handles.open(self)
        self.curve: Curve | None = None
        if definition.shape is not None:
            default = source.all(k.kOfxParamPropDefault)
            self.curve = Curve(default, "hold" if self.type in _HELD else "linear")

    # ---- what is known of it

    @property
    def label(self) -> str:
        return str(self.properties.get(k.kOfxPropLabel))

    @property
    def hint(self) -> str:
        return str(self.properties.get(k.kOfxParamPropHint))

    @property
    def options(self) -> tuple[str, ...]:
        """Labels of a choice."""
        return self.properties.all(k.kOfxParamPropChoiceOption)

    @property
    def enabled(self) -> bool:
        return bool(self.properties.get(k.kOfxParamPropEnabled))

    @property
    def secret(self) -> bool:
        return bool(self.properties.get(k.kOfxParamPropSecret))

    @property
    def default(self) -> Any:
        return self._scalar(self.properties.all(k.kOfxParamPropDefault))

    @property
    def value(self) -> Any:
        """The value at the time line's current time."""
        return self.value_at(self.instance.timeline)

    def value_at(self, time: float) -> Any:
        """The value: a number, a string, or a tuple of numbers."""
        return self._scalar(self.read(time))

    def read(self, time: float) -> tuple[Any, ...]:
        """The value's numbers or string, as a tuple of the parameter's dimension."""
        if self.curve is None:
            raise TypeError(f"a {self.type} has no value")
        if self.type == k.kOfxParamTypeCustom:
            return (self.instance.interpolate_custom(self, time),)
        value = self.curve.value(time)
        if self.definition.shape and self.definition.shape[0] == "int":
            return tuple(math.floor(v + 0.5) for v in value)
        return value

    @staticmethod
    def _scalar(values: tuple[Any, ...]) -> Any:
        return values[0] if len(values) == 1 else values

    # ---- what a user does to it

    def _convert(self, value: Any) -> tuple[Any, ...]:
        if self.definition.shape is None:
            raise TypeError(f"a {self.type} has no value")
        if self.type == k.kOfxParamTypeChoice and isinstance(value, str):
            if value not in self.options:
                raise ValueError(f"{self.name}: no option {value!r}; there are {', '.join(self.options)}")
            value = self.options.index(value)
        kind, count = self.definition.shape
        values = value if isinstance(value, tuple | list) else (value,)
        if len(values) != count:
            raise ValueError(f"{self.name} takes {count} values")
        convert: Callable[[Any], Any] = {"int": int, "double": float, "string": str}[kind]
        return tuple(convert(v) for v in values)

    def _changed(self, notify: bool) -> None:
        assert self.curve is not None
        self.properties.put(k.kOfxParamPropIsAnimating, int(self.curve.animated))
        if notify:
            self.instance.tell_changed(k.kOfxTypeParameter, self.name)

    def _own(self) -> Curve:
        if self.curve is None:
            raise TypeError(f"a {self.type} has no value")
        return self.curve

    def set(self, value: Any, notify: bool = True) -> None:
        """A constant value; a choice also takes its option's label. Keys and function go."""
        curve = self._own()
        curve.keys, curve.function, curve.constant = [], None, self._convert(value)
        self._changed(notify)

    def key(self, time: float, value: Any, notify: bool = True) -> None:
        """Add a key, or move the one at this time."""
        curve = self._own()
        curve.function = None
        curve.set_key(time, self._convert(value))
        self._changed(notify)

    def keys(self, pairs: dict[float, Any], interpolation: str = "linear", notify: bool = True) -> None:
        """Replace all keys; ``interpolation`` is linear, smooth or hold."""
        curve = self._own()
        curve.function, curve.interpolation, curve.keys = None, interpolation, []
        for time, value in pairs.items():
            curve.set_key(time, self._convert(value))
        self._changed(notify)

    def animate(self, function: Callable[[float], Any], notify: bool = True) -> None:
        """Value as a function of time, as a host's expression: animated, without keys."""
        self._own().function = lambda time: self._convert(function(time))
        self._changed(notify)

    def press(self) -> None:
        """A push button is pressed."""
        self.instance.tell_changed(k.kOfxTypeParameter, self.name)
