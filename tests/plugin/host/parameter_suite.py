"""What happens when the plugin calls the parameter suite?

Values come and go through C varargs; ``suites.py`` says how they are seen. When a parameter may be set is
the reference manual's: in the InstanceChanged actions and the editing ones, never while rendering. Reading
without a time while rendering is noted, and for an animated parameter it is a violation.
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

from host import constants as k
from host.callbacks import Refusal, fill_suite, need, read_text
from host.parameter_tables import COLOURS, SHAPES, UNSUPPORTED
from host.parameters import Param, ParamDefinition, ParamSet
from host.suites import ParameterSuiteV1

if TYPE_CHECKING:
    from host.core import Core

_C_TYPES: dict[str, Any] = {"int": ctypes.c_int, "double": ctypes.c_double, "string": ctypes.c_void_p}
_TIMED = (
    k.kOfxImageEffectActionRender, k.kOfxImageEffectActionIsIdentity, k.kOfxImageEffectActionGetFramesNeeded,
    k.kOfxImageEffectActionGetRegionOfDefinition, k.kOfxImageEffectActionGetRegionsOfInterest,
)  # fmt: skip
_MAY_SET = (
    k.kOfxActionInstanceChanged, k.kOfxActionBeginInstanceChanged, k.kOfxActionEndInstanceChanged,
    k.kOfxActionBeginInstanceEdit, k.kOfxActionEndInstanceEdit, k.kOfxActionSyncPrivateData,
    k.kOfxActionCreateInstance,
)  # fmt: skip


class _ParameterSuite:
    def __init__(self, core: Core) -> None:
        self.core, self.journal = core, core.journal

    # ---- definitions and handles

    def paramDefine(self, set_: int | None, type_: bytes | None, name: bytes | None, out: Any) -> None:
        params: ParamSet = self.core.find(set_, ParamSet, "paramDefine")
        owner, where = params.owner, self.core.describe_action()
        kind, text = read_text(type_, self.journal, where), read_text(name, self.journal, where)
        context = self.core.context
        if not owner.describing or context is None or context.effect is not owner:
            self.journal.violate(
                "late definition", where, f"parameter {text} defined outside of a describe action"
            )
            raise Refusal(k.kOfxStatErrBadHandle)
        if text in params:
            self.journal.violate("defined twice", where, f"parameter {text}")
            raise Refusal(k.kOfxStatErrExists)
        if kind in UNSUPPORTED:
            self.journal.note("parameter type not offered", where, kind)
            raise Refusal(k.kOfxStatErrUnsupported)
        if kind not in SHAPES:
            self.journal.violate("unknown parameter type", where, f"{text} of type {kind!r}")
            raise Refusal(k.kOfxStatErrUnknown)
        definition = ParamDefinition(self.core, text, kind, str(owner))
        params.members[text] = definition
        if out:
            out[0] = definition.properties.handle

    def paramGetHandle(self, set_: int | None, name: bytes | None, param: Any, properties: Any) -> None:
        params: ParamSet = self.core.find(set_, ParamSet, "paramGetHandle")
        text = read_text(name, self.journal, self.core.describe_action())
        if params.owner.describing is not None:
            self.journal.violate(
                "bad handle", self.core.describe_action(), f"paramGetHandle({text}) on a descriptor"
            )
            raise Refusal(k.kOfxStatErrBadHandle)
        if text not in params:
            self.journal.note("unknown parameter", str(params.owner), text)
            raise Refusal(k.kOfxStatErrUnknown)
        found: Param = params[text]
        if param:
            param[0] = found.handle
        if properties:
            properties[0] = found.properties.handle

    def paramSetGetPropertySet(self, set_: int | None, out: Any) -> None:
        params: ParamSet = self.core.find(set_, ParamSet, "paramSetGetPropertySet")
        need(out, self.journal, str(params.owner), "the place for the handle")[0] = (
            params.owner.properties.handle
        )

    def paramGetPropertySet(self, param: int | None, out: Any) -> None:
        found = self.core.find(param, Param, "paramGetPropertySet")
        need(out, self.journal, found.name, "the place for the handle")[0] = found.properties.handle

    # ---- values

    def _find(self, handle: int | None, doing: str) -> tuple[Param, str, int]:
        param: Param = self.core.find(handle, Param, doing)
        if param.definition.shape is None:
            self.journal.violate("parameter type", param.properties.where, f"{doing} on a {param.type}")
            raise Refusal(k.kOfxStatErrUnsupported)
        return param, *param.definition.shape

    def _stand_in(self, param: Param, change: bool = False) -> tuple[Any, ...] | None:
        """The value of a host that keeps none; refuses what it refuses."""
        values = self.core.personality.values
        if param.type not in values:
            return None
        if change or values[param.type] is None:
            self.journal.note("value not kept", param.properties.where, param.type)
            raise Refusal(k.kOfxStatErrMissingHostFeature)
        return (values[param.type],)

    def _give(self, param: Param, values: tuple[Any, ...], places: tuple[int | None, ...], kind: str) -> None:
        for value, place in zip(values, places, strict=False):
            need(place, self.journal, param.properties.where, "the place for a value")
            given = self.core.strings.address(value) if kind == "string" else value
            _C_TYPES[kind].from_address(place).value = given

    def paramGetValue(self, handle: int | None, *places: int | None) -> None:
        param, kind, _ = self._find(handle, "paramGetValue")
        context = self.core.context
        if context is not None and context.name in _TIMED:
            text = f"paramGetValue({param.name}) in {context}; there paramGetValueAtTime is to be used"
            assert param.curve is not None
            if param.curve.animated:
                self.journal.violate("value without a time", param.properties.where, text)
            else:
                self.journal.note("value without a time", param.properties.where, text)
        self._give(param, self._stand_in(param) or param.read(param.instance.timeline), places, kind)

    def paramGetValueAtTime(self, handle: int | None, time: float, *places: int | None) -> None:
        param, kind, _ = self._find(handle, "paramGetValueAtTime")
        self._give(param, self._stand_in(param) or param.read(time), places, kind)

    def _calculus(self, handle: int | None, doing: str) -> Param:
        param, _, _ = self._find(handle, doing)
        if param.type != k.kOfxParamTypeDouble and param.type not in (
            *COLOURS, k.kOfxParamTypeDouble2D, k.kOfxParamTypeDouble3D,
        ):  # fmt: skip
            self.journal.violate("parameter type", param.properties.where, f"{doing} on a {param.type}")
            raise Refusal(k.kOfxStatErrUnsupported)
        return param

    def paramGetDerivative(self, handle: int | None, time: float, *places: int | None) -> None:
        param = self._calculus(handle, "paramGetDerivative")
        assert param.curve is not None
        self._give(param, param.curve.derivative(time), places, "double")

    def paramGetIntegral(self, handle: int | None, time1: float, time2: float, *places: int | None) -> None:
        param = self._calculus(handle, "paramGetIntegral")
        assert param.curve is not None
        self._give(param, param.curve.integral(time1, time2), places, "double")

    def _take(
        self, handle: int | None, doing: str, registers: tuple[Any, ...]
    ) -> tuple[Param, tuple[Any, ...]]:
        param, kind, count = self._find(handle, doing)
        self._may_set(param, doing)
        self._stand_in(param, change=True)
        words, numbers = registers[:4], registers[4:]
        if kind == "double":
            return param, tuple(numbers[:count])
        if kind == "int":
            return param, tuple(ctypes.c_int(word).value for word in words[:count])
        need(words[0], self.journal, param.properties.where, "the string")
        return param, (read_text(ctypes.c_char_p(words[0]).value, self.journal, param.name),)

    def _may_set(self, param: Param, doing: str) -> None:
        context = self.core.context
        if context is None or context.name not in _MAY_SET:
            self.journal.violate("value set at a wrong time", param.properties.where, f"{doing} in {context}")
            raise Refusal(k.kOfxStatFailed)
        if param.name in param.instance.mandated_params:
            self.journal.violate("host's parameter", param.properties.where, f"{doing}: it can only be read")
            raise Refusal(k.kOfxStatFailed)

    def _edited(self, param: Param) -> None:
        assert param.curve is not None
        param.properties.put(k.kOfxParamPropIsAnimating, int(param.curve.animated))
        if self.core.personality.nests:
            param.instance.tell_changed(k.kOfxTypeParameter, param.name, k.kOfxChangePluginEdited)
        else:
            param.instance.plugin_edits.append(param.name)

    def paramSetValue(self, handle: int | None, *registers: Any) -> None:
        param, values = self._take(handle, "paramSetValue", registers)
        assert param.curve is not None
        if param.curve.keys:
            param.curve.set_key(param.instance.timeline, values)
        else:
            param.curve.constant = values
        self._edited(param)

    def paramSetValueAtTime(self, handle: int | None, time: float, *registers: Any) -> None:
        param, values = self._take(handle, "paramSetValueAtTime", registers)
        assert param.curve is not None
        if not param.properties.get(k.kOfxParamPropAnimates):
            self.journal.violate(
                "key on a constant", param.properties.where, "it says that it does not animate"
            )
        param.curve.set_key(time, values)
        self._edited(param)

    # ---- keys

    def paramGetNumKeys(self, handle: int | None, out: Any) -> None:
        param, _, _ = self._find(handle, "paramGetNumKeys")
        self._stand_in(param, change=True)
        assert param.curve is not None
        need(out, self.journal, param.name, "the place for the number")[0] = len(param.curve.keys)

    def paramGetKeyTime(self, handle: int | None, index: int, out: Any) -> None:
        param, _, _ = self._find(handle, "paramGetKeyTime")
        assert param.curve is not None
        if index >= len(param.curve.keys):
            raise Refusal(k.kOfxStatErrBadIndex)
        need(out, self.journal, param.name, "the place for the time")[0] = param.curve.keys[index][0]

    def paramGetKeyIndex(self, handle: int | None, time: float, direction: int, out: Any) -> None:
        param, _, _ = self._find(handle, "paramGetKeyIndex")
        assert param.curve is not None
        index = param.curve.find_key(time, direction)
        need(out, self.journal, param.name, "the place for the index")[0] = index
        if index < 0:
            raise Refusal(k.kOfxStatFailed)

    def paramDeleteKey(self, handle: int | None, time: float) -> None:
        param, _, _ = self._find(handle, "paramDeleteKey")
        self._may_set(param, "paramDeleteKey")
        assert param.curve is not None
        if not param.curve.delete_key(time):
            raise Refusal(k.kOfxStatErrBadIndex)
        self._edited(param)

    def paramDeleteAllKeys(self, handle: int | None) -> None:
        param, _, _ = self._find(handle, "paramDeleteAllKeys")
        self._may_set(param, "paramDeleteAllKeys")
        assert param.curve is not None
        if param.curve.keys:
            param.curve.constant = param.curve.value(param.instance.timeline)
            param.curve.keys = []
        self._edited(param)

    def paramCopy(self, to: int | None, from_: int | None, offset: float, range_: Any) -> None:
        target, _, _ = self._find(to, "paramCopy")
        source, _, _ = self._find(from_, "paramCopy")
        if target.type != source.type:
            self.journal.violate("parameter type", target.properties.where, f"copied from a {source.type}")
            raise Refusal(k.kOfxStatErrValue)
        self._may_set(target, "paramCopy")
        assert target.curve is not None and source.curve is not None
        low, high = (range_[0].min, range_[0].max) if range_ else (0.0, 0.0)
        whole = low == high == 0.0
        target.curve.constant, target.curve.function = source.curve.constant, source.curve.function
        target.curve.interpolation = source.curve.interpolation
        target.curve.keys = [(t + offset, v) for t, v in source.curve.keys if whole or low <= t <= high]
        self._edited(target)

    def paramEditBegin(self, set_: int | None, name: bytes | None) -> None:
        params: ParamSet = self.core.find(set_, ParamSet, "paramEditBegin")
        params.owner.edits_open += 1

    def paramEditEnd(self, set_: int | None) -> None:
        params: ParamSet = self.core.find(set_, ParamSet, "paramEditEnd")
        params.owner.edits_open -= 1
        if params.owner.edits_open < 0:
            self.journal.violate("edit block", str(params.owner), "paramEditEnd without paramEditBegin")


def build_parameter_suite(core: Core) -> Any:
    """The suite over ``core``'s handles."""
    functions = _ParameterSuite(core)
    members = {name: getattr(functions, name) for name, _ in ParameterSuiteV1._fields_}
    return fill_suite(ParameterSuiteV1, members, core.journal)
