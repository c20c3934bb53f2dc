"""Which properties does each kind of object have?

One line a property: its name, type, dimension (``n``: any), who writes it (``h`` the host alone, ``p`` the
plugin too), then the default. From the "Property Set" notes of the headers and ``ofx-props.yml``; where the
two differ (the yml calls several plugin-written properties host-written) the headers' notes hold.
"""

from __future__ import annotations

import sys
from typing import Any

from host import constants as k
from host.properties import Spec

_TYPES = {"i": "int", "d": "double", "s": "string", "p": "pointer"}
_DEPTHS = (
    k.kOfxBitDepthNone,
    k.kOfxBitDepthByte,
    k.kOfxBitDepthShort,
    k.kOfxBitDepthHalf,
    k.kOfxBitDepthFloat,
)
_COMPONENTS = (
    k.kOfxImageComponentNone, k.kOfxImageComponentRGBA, k.kOfxImageComponentRGB, k.kOfxImageComponentAlpha,
)  # fmt: skip
_FLAG = (0, 1)
VALUES: dict[str, tuple[Any, ...]] = {
    k.kOfxImageEffectPropPixelDepth: _DEPTHS,
    k.kOfxImageEffectPropSupportedPixelDepths: _DEPTHS,
    k.kOfxImageEffectPropComponents: _COMPONENTS,
    k.kOfxImageEffectPropSupportedComponents: _COMPONENTS,
    k.kOfxImageEffectPropPreMultiplication: (
        k.kOfxImageOpaque, k.kOfxImagePreMultiplied, k.kOfxImageUnPreMultiplied,
    ),
    k.kOfxImageEffectPluginRenderThreadSafety: (
        k.kOfxImageEffectRenderUnsafe, k.kOfxImageEffectRenderInstanceSafe, k.kOfxImageEffectRenderFullySafe,
    ),
    k.kOfxImageClipPropFieldExtraction: (
        k.kOfxImageFieldBoth, k.kOfxImageFieldSingle, k.kOfxImageFieldDoubled,
    ),
    k.kOfxImageClipPropFieldOrder: (k.kOfxImageFieldNone, k.kOfxImageFieldLower, k.kOfxImageFieldUpper),
    k.kOfxImageEffectPropSupportedContexts: tuple(
        v for n, v in vars(k).items() if n.startswith("kOfxImageEffectContext")
    ),
    k.kOfxImageEffectPropColourManagementStyle: tuple(
        v for n, v in vars(k).items() if n.startswith("kOfxImageEffectColourManagement")
    ),
    k.kOfxParamPropCacheInvalidation: (
        k.kOfxParamInvalidateValueChange, k.kOfxParamInvalidateValueChangeToEnd, k.kOfxParamInvalidateAll,
    ),
    k.kOfxParamPropDoubleType: tuple(v for n, v in vars(k).items() if n.startswith("kOfxParamDoubleType")),
    k.kOfxParamPropStringMode: tuple(v for n, v in vars(k).items() if n.startswith("kOfxParamStringIs")),
    k.kOfxParamPropDefaultCoordinateSystem: (k.kOfxParamCoordinatesCanonical, k.kOfxParamCoordinatesNormalised),
    k.kOfxImageEffectInstancePropSequentialRender: (0, 1, 2),
    k.kOfxImageEffectPropSupportsTiles: _FLAG,
    k.kOfxImageEffectPropTemporalClipAccess: _FLAG,
    k.kOfxImageEffectPluginPropHostFrameThreading: _FLAG,
    k.kOfxImageEffectPropSupportsMultiResolution: _FLAG,
    k.kOfxImageClipPropOptional: _FLAG,
    k.kOfxImageClipPropIsMask: _FLAG,
    k.kOfxImageEffectFrameVarying: _FLAG,
    k.kOfxImageClipPropContinuousSamples: _FLAG,
    k.kOfxParamPropSecret: _FLAG,
    k.kOfxParamPropEnabled: _FLAG,
    k.kOfxParamPropAnimates: _FLAG,
}  # fmt: skip


def read_specs(text: str) -> list[Spec]:
    """Specs of a table as this file writes them; names are those of ``constants`` or plain property names."""
    specs = []
    for line in filter(str.strip, text.splitlines()):
        name, type_, dimension, writer, *default = line.split()
        value = getattr(k, name, name)
        convert = {"i": int, "d": float, "s": lambda word: getattr(k, word, word), "p": int}[type_]
        specs.append(
            Spec(
                value,
                _TYPES[type_],
                0 if dimension == "n" else int(dimension),
                "plugin" if writer == "p" else "host",
                tuple(convert(word) for word in default),
                VALUES.get(value, ()),
            )
        )
    return specs


_LABELS = """
kOfxPropLabel s 1 p
kOfxPropShortLabel s 1 p
kOfxPropLongLabel s 1 p
"""

TABLES: dict[str, str] = {
    "Host": """
kOfxPropAPIVersion i n h 1 5
kOfxPropType s 1 h kOfxTypeImageEffectHost
kOfxPropName s 1 h
kOfxPropLabel s 1 h
kOfxPropVersion i n h 1 0 0
kOfxPropVersionLabel s 1 h 1.0.0
kOfxImageEffectHostPropIsBackground i 1 h
kOfxImageEffectPropSupportsOverlays i 1 h
kOfxImageEffectPropSupportsMultiResolution i 1 h 1
kOfxImageEffectPropSupportsTiles i 1 h 1
kOfxImageEffectPropTemporalClipAccess i 1 h 1
kOfxImageEffectPropSupportedComponents s n h
kOfxImageEffectPropSupportedContexts s n h
kOfxImageEffectPropSupportedPixelDepths s n h
kOfxImageEffectPropSupportsMultipleClipDepths i 1 h
kOfxImageEffectPropSupportsMultipleClipPARs i 1 h
kOfxImageEffectPropSetableFrameRate i 1 h
kOfxImageEffectPropSetableFielding i 1 h
kOfxParamHostPropSupportsCustomInteract i 1 h
kOfxParamHostPropSupportsStringAnimation i 1 h 1
kOfxParamHostPropSupportsChoiceAnimation i 1 h 1
kOfxParamHostPropSupportsBooleanAnimation i 1 h 1
kOfxParamHostPropSupportsCustomAnimation i 1 h 1
kOfxParamHostPropMaxParameters i 1 h -1
kOfxParamHostPropMaxPages i 1 h
kOfxParamHostPropPageRowColumnCount i 2 h
kOfxPropHostOSHandle p 1 h
kOfxImageEffectInstancePropSequentialRender i 1 h 2
kOfxImageEffectPropRenderQualityDraft i 1 h 1
kOfxImageEffectHostPropNativeOrigin s 1 h kOfxHostNativeOriginBottomLeft
""",
    "EffectDescriptor": _LABELS
    + """
kOfxPropType s 1 h kOfxTypeImageEffect
kOfxPropVersion i n p 0
kOfxPropVersionLabel s 1 p
kOfxPropPluginDescription s 1 p
kOfxPropIcon s 2 p
kOfxImageEffectPropSupportedContexts s n p
kOfxImageEffectPluginPropGrouping s 1 p
kOfxImageEffectPluginPropSingleInstance i 1 p
kOfxImageEffectPluginRenderThreadSafety s 1 p kOfxImageEffectRenderInstanceSafe
kOfxImageEffectPluginPropHostFrameThreading i 1 p 1
kOfxImageEffectPluginPropOverlayInteractV1 p 1 p
kOfxImageEffectPropSupportsMultiResolution i 1 p 1
kOfxImageEffectPropSupportsTiles i 1 p 1
kOfxImageEffectPropTemporalClipAccess i 1 p
kOfxImageEffectPropSupportedPixelDepths s n p
kOfxImageEffectPluginPropFieldRenderTwiceAlways i 1 p 1
kOfxImageEffectPropSupportsMultipleClipDepths i 1 p
kOfxImageEffectPropSupportsMultipleClipPARs i 1 p
kOfxImageEffectPropClipPreferencesSlaveParam s n p
kOfxImageEffectInstancePropSequentialRender i 1 p
kOfxPluginPropFilePath s 1 h
""",
    "EffectInstance": """
kOfxPropType s 1 h kOfxTypeImageEffectInstance
kOfxPropPluginDescription s 1 h
kOfxImageEffectPropContext s 1 h
kOfxPropInstanceData p 1 p
kOfxImageEffectPropPluginHandle p 1 h
kOfxImageEffectPropProjectSize d 2 h
kOfxImageEffectPropProjectOffset d 2 h
kOfxImageEffectPropProjectExtent d 2 h
kOfxImageEffectPropProjectPixelAspectRatio d 1 h 1
kOfxImageEffectInstancePropEffectDuration d 1 h
kOfxImageEffectInstancePropSequentialRender i 1 p
kOfxImageEffectPropSupportsTiles i 1 p 1
kOfxImageEffectPropFrameRate d 1 h 24
kOfxPropIsInteractive i 1 h
""",
    "ClipDescriptor": _LABELS
    + """
kOfxPropType s 1 h kOfxTypeClip
kOfxPropName s 1 h
kOfxImageEffectPropSupportedComponents s n p
kOfxImageEffectPropTemporalClipAccess i 1 p
kOfxImageClipPropOptional i 1 p
kOfxImageClipPropFieldExtraction s 1 p kOfxImageFieldDoubled
kOfxImageClipPropIsMask i 1 p
kOfxImageEffectPropSupportsTiles i 1 p 1
""",
    "ClipInstance": """
kOfxPropLabel s 1 h
kOfxPropShortLabel s 1 h
kOfxPropLongLabel s 1 h
kOfxPropType s 1 h kOfxTypeClip
kOfxPropName s 1 h
kOfxImageEffectPropSupportedComponents s n h
kOfxImageEffectPropTemporalClipAccess i 1 h
kOfxImageClipPropOptional i 1 h
kOfxImageClipPropFieldExtraction s 1 h
kOfxImageClipPropIsMask i 1 h
kOfxImageEffectPropSupportsTiles i 1 h
kOfxImageEffectPropPixelDepth s 1 h
kOfxImageEffectPropComponents s 1 h
kOfxImageClipPropUnmappedPixelDepth s 1 h
kOfxImageClipPropUnmappedComponents s 1 h
kOfxImageEffectPropPreMultiplication s 1 h
kOfxImagePropPixelAspectRatio d 1 h 1
kOfxImageEffectPropFrameRate d 1 h
kOfxImageEffectPropFrameRange d 2 h
kOfxImageClipPropFieldOrder s 1 h kOfxImageFieldNone
kOfxImageClipPropConnected i 1 h
kOfxImageEffectPropUnmappedFrameRange d 2 h
kOfxImageEffectPropUnmappedFrameRate d 1 h
kOfxImageClipPropContinuousSamples i 1 h
""",
    "Image": """
kOfxPropType s 1 h kOfxTypeImage
kOfxImageEffectPropPixelDepth s 1 h
kOfxImageEffectPropComponents s 1 h
kOfxImageEffectPropPreMultiplication s 1 h
kOfxImageEffectPropRenderScale d 2 h 1 1
kOfxImagePropPixelAspectRatio d 1 h 1
kOfxImagePropData p 1 h
kOfxImagePropBounds i 4 h
kOfxImagePropRegionOfDefinition i 4 h
kOfxImagePropRowBytes i 1 h
kOfxImagePropField s 1 h kOfxImageFieldNone
kOfxImagePropUniqueIdentifier s 1 h
""",
    "ParameterSet": """
kOfxPropParamSetNeedsSyncing i 1 p
kOfxPluginPropParamPageOrder s n p
""",
}

# withheld on purpose: a host without GPU rendering and (unless asked for) without colour management
GPU = tuple(
    v for n, v in vars(k).items()
    if n.startswith(("kOfxImageEffectPropOpenGL", "kOfxImageEffectPropCuda", "kOfxImageEffectPropMetal",
                     "kOfxImageEffectPropOpenCL", "kOfxOpenGLProp"))
)  # fmt: skip
COLOUR = tuple(
    v for n, v in vars(k).items()
    if n.startswith(("kOfxImageEffectPropColourManagement", "kOfxImageEffectPropOCIO",
                     "kOfxImageEffectPropDisplayColourspace", "kOfxImageClipPropColourspace",
                     "kOfxImageClipPropPreferredColourspaces"))
)  # fmt: skip
OPTIONAL = (
    k.kOfxImageEffectPluginPropOverlayInteractV2,
    k.kOfxImageEffectPropNoSpatialAwareness,
    k.kOfxParamHostPropSupportsParametricAnimation,
    k.kOfxParamHostPropSupportsStrChoice,
    k.kOfxParamHostPropSupportsStrChoiceAnimation,
    k.kOfxParamPropChoiceOrder,
    k.kOfxParamPropChoiceEnum,
    k.kOfxPropIcon,
)
ABSENT = GPU + COLOUR + OPTIONAL

COLOUR_TABLES = {
    "Host": """
kOfxImageEffectPropColourManagementStyle s 1 h
kOfxImageEffectPropColourManagementAvailableConfigs s n h
""",
    "EffectDescriptor": """
kOfxImageEffectPropColourManagementStyle s 1 p kOfxImageEffectColourManagementNone
kOfxImageEffectPropColourManagementAvailableConfigs s n p
""",
    "EffectInstance": """
kOfxImageEffectPropColourManagementStyle s 1 h kOfxImageEffectColourManagementNone
kOfxImageEffectPropColourManagementConfig s 1 h
""",
    "ClipInstance": """
kOfxImageClipPropPreferredColourspaces s n h
""",
}

INT_LIMITS, DOUBLE_LIMITS = (-(2**31), 2**31 - 1), (-sys.float_info.max, sys.float_info.max)
