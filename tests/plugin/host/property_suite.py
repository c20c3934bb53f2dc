"""What happens when the plugin calls the property suite?

Each function finds the property set behind the handle, checks (``properties.py``) and copies values across.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from host import constants as k
from host.callbacks import Refusal, fill_suite, need, read_text
from host.properties import PropertySet
from host.suites import PropertySuiteV1

if TYPE_CHECKING:
    from host.core import Core

_TYPES = {"Pointer": "pointer", "String": "string", "Double": "double", "Int": "int"}


def build_property_suite(core: Core) -> Any:
    """The suite over ``core``'s handles."""
    journal = core.journal

    def find(handle: int | None, name: bytes | None, doing: str) -> tuple[PropertySet, str]:
        properties = core.handles.find(handle, PropertySet)
        text = read_text(need(name, journal, doing, "the property's name"), journal, doing)
        if properties is None:
            journal.violate(
                "bad handle", core.describe_action(), f"{doing} {text} on {core.handles.explain(handle)}"
            )
            raise Refusal(k.kOfxStatErrBadHandle)
        return properties, text

    def incoming(value: Any, type_: str, where: str) -> Any:
        if type_ == "string":
            return None if value is None else read_text(value, journal, where)
        return value

    def outgoing(value: Any, type_: str) -> Any:
        return core.strings.address(value) if type_ == "string" else value

    def set_one(type_: str, handle: int | None, name: bytes | None, index: int, value: Any) -> None:
        properties, text = find(handle, name, "propSet")
        properties.write(text, type_, index, [incoming(value, type_, properties.where)])

    def set_many(type_: str, handle: int | None, name: bytes | None, count: int, values: Any) -> None:
        properties, text = find(handle, name, "propSetN")
        if count:
            need(values, journal, properties.where, f"the array for {text}")
        found = [incoming(values[i], type_, properties.where) for i in range(count)]
        properties.write(text, type_, 0, found)

    def get_one(type_: str, handle: int | None, name: bytes | None, index: int, out: Any) -> None:
        properties, text = find(handle, name, "propGet")
        need(out, journal, properties.where, f"the place for {text}")[0] = outgoing(
            properties.read(text, type_, index, 1)[0], type_
        )

    def get_many(type_: str, handle: int | None, name: bytes | None, count: int, out: Any) -> None:
        properties, text = find(handle, name, "propGetN")
        for i, value in enumerate(properties.read(text, type_, 0, count)):
            need(out, journal, properties.where, f"the place for {text}")[i] = outgoing(value, type_)

    def reset(handle: int | None, name: bytes | None) -> None:
        properties, text = find(handle, name, "propReset")
        properties.reset(text)

    def dimension(handle: int | None, name: bytes | None, out: Any) -> None:
        properties, text = find(handle, name, "propGetDimension")
        need(out, journal, properties.where, "the place for the dimension")[0] = properties.dimension(text)

    functions: dict[str, Any] = {"propReset": reset, "propGetDimension": dimension}
    for suffix, type_ in _TYPES.items():
        functions[f"propSet{suffix}"] = functools.partial(set_one, type_)
        functions[f"propSet{suffix}N"] = functools.partial(set_many, type_)
        functions[f"propGet{suffix}"] = functools.partial(get_one, type_)
        functions[f"propGet{suffix}N"] = functools.partial(get_many, type_)
    return fill_suite(PropertySuiteV1, functions, journal)
