"""Which properties does each type of parameter have?

Of ofxParam.h's notes and the parameter sets of ``ofx-props.yml``. A parameter's descriptor and its instance
have the same properties; on the instance most are read-only.
"""

from __future__ import annotations

from host import constants as k
from host.properties import Spec
from host.property_tables import DOUBLE_LIMITS, INT_LIMITS, read_specs

_COMMON = """
kOfxPropType s 1 h kOfxTypeParameter
kOfxPropName s 1 h
kOfxPropLabel s 1 p
kOfxPropShortLabel s 1 p
kOfxPropLongLabel s 1 p
kOfxPropIcon s 2 p
kOfxParamPropType s 1 h
kOfxParamPropSecret i 1 p
kOfxParamPropHint s 1 p
kOfxParamPropScriptName s 1 p
kOfxParamPropParent s 1 p
kOfxParamPropEnabled i 1 p 1
kOfxParamPropDataPtr p 1 p
"""
_INTERACT = """
kOfxParamPropInteractV1 p 1 p
kOfxParamPropInteractSize d 2 h
kOfxParamPropInteractSizeAspect d 1 p 1
kOfxParamPropInteractMinimumSize d 2 p 10 10
kOfxParamPropInteractPreferedSize i 2 p 10 10
kOfxParamPropHasHostOverlayHandle i 1 h
kOfxParamPropUseHostOverlayHandle i 1 p
"""
_VALUE = """
kOfxParamPropAnimates i 1 p 1
kOfxParamPropIsAnimating i 1 h
kOfxParamPropIsAutoKeying i 1 h
kOfxParamPropPersistant i 1 p 1
kOfxParamPropEvaluateOnChange i 1 p 1
kOfxParamPropPluginMayWrite i 1 p
kOfxParamPropCacheInvalidation s 1 p kOfxParamInvalidateValueChange
kOfxParamPropCanUndo i 1 p 1
"""
_DOUBLE = """
kOfxParamPropIncrement d 1 p 1
kOfxParamPropDigits i 1 p 2
kOfxParamPropDoubleType s 1 p kOfxParamDoubleTypePlain
kOfxParamPropDefaultCoordinateSystem s 1 p kOfxParamCoordinatesCanonical
"""

# type of a parameter -> (C type of a value, number of values); None: it has no value
SHAPES: dict[str, tuple[str, int] | None] = {
    k.kOfxParamTypeInteger: ("int", 1),
    k.kOfxParamTypeInteger2D: ("int", 2),
    k.kOfxParamTypeInteger3D: ("int", 3),
    k.kOfxParamTypeDouble: ("double", 1),
    k.kOfxParamTypeDouble2D: ("double", 2),
    k.kOfxParamTypeDouble3D: ("double", 3),
    k.kOfxParamTypeRGB: ("double", 3),
    k.kOfxParamTypeRGBA: ("double", 4),
    k.kOfxParamTypeBoolean: ("int", 1),
    k.kOfxParamTypeChoice: ("int", 1),
    k.kOfxParamTypeString: ("string", 1),
    k.kOfxParamTypeCustom: ("string", 1),
    k.kOfxParamTypeGroup: None,
    k.kOfxParamTypePage: None,
    k.kOfxParamTypePushButton: None,
}
UNSUPPORTED = (k.kOfxParamTypeStrChoice, k.kOfxParamTypeParametric)
COLOURS = (k.kOfxParamTypeRGB, k.kOfxParamTypeRGBA)
# what an instance may still change, beside its value (the headers' "instance (read/write)")
WRITABLE_ON_INSTANCE = {
    k.kOfxParamPropSecret, k.kOfxParamPropEnabled, k.kOfxParamPropHint, k.kOfxParamPropDataPtr,
    k.kOfxParamPropDefault, k.kOfxParamPropEvaluateOnChange, k.kOfxParamPropChoiceOption, k.kOfxParamPropMin,
    k.kOfxParamPropMax, k.kOfxParamPropDisplayMin, k.kOfxParamPropDisplayMax, k.kOfxParamPropIncrement,
    k.kOfxParamPropDigits, k.kOfxParamPropShowTimeMarker, k.kOfxPropLabel, k.kOfxPropShortLabel,
    k.kOfxPropLongLabel,
}  # fmt: skip


def list_specs(type_: str) -> list[Spec]:
    """Properties of a parameter of type ``type_`` (a value of ``SHAPES``)."""
    text = _COMMON
    if type_ == k.kOfxParamTypeGroup:
        return read_specs(text + "kOfxParamPropGroupOpen i 1 p 1")
    if type_ == k.kOfxParamTypePage:
        return read_specs(text + "kOfxParamPropPageChild s n p")
    text += _INTERACT
    shape = SHAPES[type_]
    if shape is None:
        return read_specs(text)
    text += _VALUE
    kind, count = shape
    if kind == "double":
        text += _DOUBLE
    if type_ == k.kOfxParamTypeDouble:
        text += "kOfxParamPropShowTimeMarker i 1 p\n"
    if count in (2, 3) and type_ not in COLOURS:
        text += f"kOfxParamPropDimensionLabel s {count} p {' '.join('xyz'[:count])}\n"
    if type_ == k.kOfxParamTypeChoice:
        text += "kOfxParamPropChoiceOption s n p\n"
    if type_ == k.kOfxParamTypeString:
        text += "kOfxParamPropStringMode s 1 p kOfxParamStringIsSingleLine\n"
        text += "kOfxParamPropStringFilePathExists i 1 p 1\n"
    if type_ == k.kOfxParamTypeCustom:
        text += "kOfxParamPropCustomInterpCallbackV1 p 1 p\n"
    specs = [*read_specs(text), Spec(k.kOfxParamPropDefault, kind, count, "plugin")]
    if kind != "string" and type_ not in (k.kOfxParamTypeBoolean, k.kOfxParamTypeChoice):
        low, high = DOUBLE_LIMITS if kind == "double" else INT_LIMITS
        for name, value in (
            (k.kOfxParamPropMin, low), (k.kOfxParamPropMax, high),
            (k.kOfxParamPropDisplayMin, low), (k.kOfxParamPropDisplayMax, high),
        ):  # fmt: skip
            specs.append(Spec(name, kind, count, "plugin", (value,) * count))
    return specs
