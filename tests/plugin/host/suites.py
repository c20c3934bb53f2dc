"""How are the structs of the OpenFX C API laid out in memory?

Member order is the contract here. Functions with C varargs are declared with the registers that a caller
could have filled: in the calling conventions of Linux on x86-64 and on AArch64 variadic arguments travel
like named ones (integers and pointers in one row of registers, doubles in another), so a callback that
names enough of both rows sees every argument whatever their order. ``VARARGS_WORK`` is False elsewhere
(Windows and Apple's AArch64 put them on the stack).
"""

from __future__ import annotations

import platform
import sys
from ctypes import (
    CFUNCTYPE,
    POINTER,
    Structure,
    c_char_p,
    c_double,
    c_int,
    c_int64,
    c_size_t,
    c_uint,
    c_void_p,
)

VARARGS_WORK = sys.platform.startswith("linux") and platform.machine() in ("x86_64", "aarch64")

_status = c_int
_handle = c_void_p
_out = POINTER(c_void_p)
_ints = POINTER(c_int)
_doubles = POINTER(c_double)
_uint_out = POINTER(c_uint)

FETCH_SUITE = CFUNCTYPE(c_void_p, _handle, c_char_p, c_int)
MAIN_ENTRY = CFUNCTYPE(_status, c_char_p, _handle, _handle, _handle)
THREAD_FUNCTION = CFUNCTYPE(None, c_uint, c_uint, c_void_p)
CUSTOM_INTERPOLATION = CFUNCTYPE(_status, _handle, _handle, _handle)

_POINTER_ARGUMENTS = (c_void_p,) * 4
_VALUE_ARGUMENTS = (c_int64,) * 4 + (c_double,) * 4
# two integer registers are left behind the four named arguments of a message, then the stack
MESSAGE_INTEGERS, MESSAGE_DOUBLES = 14, 8
_FORMAT_ARGUMENTS = (c_int64,) * MESSAGE_INTEGERS + (c_double,) * MESSAGE_DOUBLES
_MESSAGE = CFUNCTYPE(_status, _handle, c_char_p, c_char_p, c_char_p, *_FORMAT_ARGUMENTS)


class OfxHostStruct(Structure):
    """``OfxHost``: the host's property set and the way to its suites."""

    _fields_ = (("host", _handle), ("fetchSuite", FETCH_SUITE))


SET_HOST = CFUNCTYPE(None, POINTER(OfxHostStruct))


class OfxPluginStruct(Structure):
    """``OfxPlugin``: what ``OfxGetPlugin`` points at."""

    _fields_ = (
        ("pluginApi", c_char_p),
        ("apiVersion", c_int),
        ("pluginIdentifier", c_char_p),
        ("pluginVersionMajor", c_uint),
        ("pluginVersionMinor", c_uint),
        ("setHost", SET_HOST),
        ("mainEntry", MAIN_ENTRY),
    )


class OfxRectD(Structure):
    """A rectangle in canonical coordinates, x1 <= x < x2."""

    _fields_ = (("x1", c_double), ("y1", c_double), ("x2", c_double), ("y2", c_double))


class OfxRangeD(Structure):
    """A range of times."""

    _fields_ = (("min", c_double), ("max", c_double))


def _function(*arguments: object) -> type:
    return CFUNCTYPE(_status, *arguments)  # type: ignore[arg-type]


class PropertySuiteV1(Structure):
    """``OfxPropertySuiteV1`` of ofxProperty.h."""

    _fields_ = (
        ("propSetPointer", _function(_handle, c_char_p, c_int, c_void_p)),
        ("propSetString", _function(_handle, c_char_p, c_int, c_char_p)),
        ("propSetDouble", _function(_handle, c_char_p, c_int, c_double)),
        ("propSetInt", _function(_handle, c_char_p, c_int, c_int)),
        ("propSetPointerN", _function(_handle, c_char_p, c_int, _out)),
        ("propSetStringN", _function(_handle, c_char_p, c_int, POINTER(c_char_p))),
        ("propSetDoubleN", _function(_handle, c_char_p, c_int, _doubles)),
        ("propSetIntN", _function(_handle, c_char_p, c_int, _ints)),
        ("propGetPointer", _function(_handle, c_char_p, c_int, _out)),
        ("propGetString", _function(_handle, c_char_p, c_int, _out)),
        ("propGetDouble", _function(_handle, c_char_p, c_int, _doubles)),
        ("propGetInt", _function(_handle, c_char_p, c_int, _ints)),
        ("propGetPointerN", _function(_handle, c_char_p, c_int, _out)),
        ("propGetStringN", _function(_handle, c_char_p, c_int, _out)),
        ("propGetDoubleN", _function(_handle, c_char_p, c_int, _doubles)),
        ("propGetIntN", _function(_handle, c_char_p, c_int, _ints)),
        ("propReset", _function(_handle, c_char_p)),
        ("propGetDimension", _function(_handle, c_char_p, _ints)),
    )


class ImageEffectSuiteV1(Structure):
    """``OfxImageEffectSuiteV1`` of ofxImageEffect.h."""

    _fields_ = (
        ("getPropertySet", _function(_handle, _out)),
        ("getParamSet", _function(_handle, _out)),
        ("clipDefine", _function(_handle, c_char_p, _out)),
        ("clipGetHandle", _function(_handle, c_char_p, _out, _out)),
        ("clipGetPropertySet", _function(_handle, _out)),
        ("clipGetImage", _function(_handle, c_double, POINTER(OfxRectD), _out)),
        ("clipReleaseImage", _function(_handle)),
        ("clipGetRegionOfDefinition", _function(_handle, c_double, POINTER(OfxRectD))),
        ("abort", _function(_handle)),
        ("imageMemoryAlloc", _function(_handle, c_size_t, _out)),
        ("imageMemoryFree", _function(_handle)),
        ("imageMemoryLock", _function(_handle, _out)),
        ("imageMemoryUnlock", _function(_handle)),
    )


class ParameterSuiteV1(Structure):
    """``OfxParameterSuiteV1`` of ofxParam.h."""

    _fields_ = (
        ("paramDefine", _function(_handle, c_char_p, c_char_p, _out)),
        ("paramGetHandle", _function(_handle, c_char_p, _out, _out)),
        ("paramSetGetPropertySet", _function(_handle, _out)),
        ("paramGetPropertySet", _function(_handle, _out)),
        ("paramGetValue", _function(_handle, *_POINTER_ARGUMENTS)),
        ("paramGetValueAtTime", _function(_handle, c_double, *_POINTER_ARGUMENTS)),
        ("paramGetDerivative", _function(_handle, c_double, *_POINTER_ARGUMENTS)),
        ("paramGetIntegral", _function(_handle, c_double, c_double, *_POINTER_ARGUMENTS)),
        ("paramSetValue", _function(_handle, *_VALUE_ARGUMENTS)),
        ("paramSetValueAtTime", _function(_handle, c_double, *_VALUE_ARGUMENTS)),
        ("paramGetNumKeys", _function(_handle, _uint_out)),
        ("paramGetKeyTime", _function(_handle, c_uint, _doubles)),
        ("paramGetKeyIndex", _function(_handle, c_double, c_int, _ints)),
        ("paramDeleteKey", _function(_handle, c_double)),
        ("paramDeleteAllKeys", _function(_handle)),
        ("paramCopy", _function(_handle, _handle, c_double, POINTER(OfxRangeD))),
        ("paramEditBegin", _function(_handle, c_char_p)),
        ("paramEditEnd", _function(_handle)),
    )


class MemorySuiteV1(Structure):
    """``OfxMemorySuiteV1`` of ofxMemory.h."""

    _fields_ = (
        ("memoryAlloc", _function(_handle, c_size_t, _out)),
        ("memoryFree", _function(c_void_p)),
    )


class MultiThreadSuiteV1(Structure):
    """``OfxMultiThreadSuiteV1`` of ofxMultiThread.h."""

    _fields_ = (
        ("multiThread", _function(c_void_p, c_uint, c_void_p)),
        ("multiThreadNumCPUs", _function(_uint_out)),
        ("multiThreadIndex", _function(_uint_out)),
        ("multiThreadIsSpawnedThread", _function()),
        ("mutexCreate", _function(_out, c_int)),
        ("mutexDestroy", _function(_handle)),
        ("mutexLock", _function(_handle)),
        ("mutexUnLock", _function(_handle)),
        ("mutexTryLock", _function(_handle)),
    )


class MessageSuiteV1(Structure):
    """``OfxMessageSuiteV1`` of ofxMessage.h."""

    _fields_ = (("message", _MESSAGE),)


class MessageSuiteV2(Structure):
    """``OfxMessageSuiteV2`` of ofxMessage.h: version 1 with persistent messages behind it."""

    _fields_ = (
        ("message", _MESSAGE),
        ("setPersistentMessage", _MESSAGE),
        ("clearPersistentMessage", _function(_handle)),
    )


class ProgressSuiteV1(Structure):
    """``OfxProgressSuiteV1`` of ofxProgress.h."""

    _fields_ = (
        ("progressStart", _function(_handle, c_char_p)),
        ("progressUpdate", _function(_handle, c_double)),
        ("progressEnd", _function(_handle)),
    )


class ProgressSuiteV2(Structure):
    """``OfxProgressSuiteV2`` of ofxProgress.h: the start also takes a message id."""

    _fields_ = (
        ("progressStart", _function(_handle, c_char_p, c_char_p)),
        ("progressUpdate", _function(_handle, c_double)),
        ("progressEnd", _function(_handle)),
    )


class TimeLineSuiteV1(Structure):
    """``OfxTimeLineSuiteV1`` of ofxTimeLine.h."""

    _fields_ = (
        ("getTime", _function(_handle, _doubles)),
        ("gotoTime", _function(_handle, c_double)),
        ("getTimeBounds", _function(_handle, _doubles, _doubles)),
    )
