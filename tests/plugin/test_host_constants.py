"""Do the plugin and the test host, written apart, mean the same names, numbers and layouts?"""

from __future__ import annotations

import ctypes
import re
from pathlib import Path

import pytest
from host import constants as k
from host import suites

HEADER = Path(__file__).resolve().parents[2] / "plugin" / "src" / "ofx_api.h"
# name -> value, in the forms that C++ has for it: a macro, or a constant of some type
_FORMS = (
    re.compile(r"^\s*#\s*define\s+(kOfx\w+)\s+(.+?)\s*(?://.*)?$", re.M),
    re.compile(r"\b(kOfx\w+)\s*(?:\[\s*\])?\s*(?:=|\{)\s*(\"[^\"]*\"|\(?[-\w() ]*\d+\)?)", re.M),
)
_STRUCTS = {
    "OfxPropertySuiteV1": suites.PropertySuiteV1,
    "OfxImageEffectSuiteV1": suites.ImageEffectSuiteV1,
    "OfxParameterSuiteV1": suites.ParameterSuiteV1,
    "OfxMemorySuiteV1": suites.MemorySuiteV1,
    "OfxMultiThreadSuiteV1": suites.MultiThreadSuiteV1,
    "OfxMessageSuiteV1": suites.MessageSuiteV1,
    "OfxMessageSuiteV2": suites.MessageSuiteV2,
    "OfxProgressSuiteV1": suites.ProgressSuiteV1,
    "OfxProgressSuiteV2": suites.ProgressSuiteV2,
    "OfxTimeLineSuiteV1": suites.TimeLineSuiteV1,
}


def read_constants(text: str) -> dict[str, str | int]:
    """Constants of a C++ header: strings, and numbers with any cast around them."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    text = re.sub(r"(?<!:)//[^\n]*", "", text)
    found: dict[str, str | int] = {}
    for form in _FORMS:
        for name, value in form.findall(text):
            string = re.fullmatch(r"\"([^\"]*)\"", value.strip())
            number = re.search(r"(-?\d+)\)*\s*$", value)
            if string:
                found[name] = string.group(1)
            elif number:
                found[name] = int(number.group(1))
    return found


def read_members(text: str) -> dict[str, list[str]]:
    """Function members of each struct of a C++ header, in order."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    text = re.sub(r"(?<!:)//[^\n]*", "", text)
    return {
        name: re.findall(r"\(\s*\*\s*(\w+)\s*\)\s*\(", body)
        for name, body in re.findall(r"struct\s+(\w+)\s*\{(.*?)\n\s*\}", text, flags=re.S)
    }


@pytest.fixture(scope="module")
def header() -> str:
    if not HEADER.is_file():
        pytest.skip(f"{HEADER.relative_to(HEADER.parents[2])} is not there; nothing to compare with")
    return HEADER.read_text()


def test_constants_agree(header: str) -> None:
    theirs = read_constants(header)
    assert len(theirs) > 60, "the header's constants are written in a form that this test does not read"
    ours = {name: value for name, value in vars(k).items() if name.startswith("kOfx")}
    missing = sorted(set(theirs) - set(ours))
    assert not missing, f"not known to the test host: {missing}"
    assert {name: ours[name] for name in theirs} == theirs


def test_suites_agree(header: str) -> None:
    members = read_members(header)
    compared = set(_STRUCTS) & set(members)
    assert {"OfxPropertySuiteV1", "OfxImageEffectSuiteV1", "OfxParameterSuiteV1"} <= compared
    for name in compared:
        assert members[name] == [field for field, _ in _STRUCTS[name]._fields_], name


def test_the_reader_of_headers_sees_every_form() -> None:
    text = """
    #define kOfxStatOK 0  // fine
    #define kOfxStatFailed ((int)1)
    inline constexpr int kOfxStatErrFatal = 2;
    constexpr const char* kOfxPropTime = "OfxPropTime";
    constexpr char kOfxPropType[] = "OfxPropType"; /* kOfxNot = 3 */
    struct OfxMemorySuiteV1 {
        OfxStatus (*memoryAlloc)(void* handle, size_t bytes, void** out);
        OfxStatus (*memoryFree)(void* data);
    };
    """
    assert read_constants(text) == {
        "kOfxStatOK": 0, "kOfxStatFailed": 1, "kOfxStatErrFatal": 2,
        "kOfxPropTime": "OfxPropTime", "kOfxPropType": "OfxPropType",
    }  # fmt: skip
    assert read_members(text) == {"OfxMemorySuiteV1": ["memoryAlloc", "memoryFree"]}


def test_values_are_their_names_but_for_the_known_few() -> None:
    """A slip of the pen shows: only these values differ from their names, as the API's headers have it."""
    odd = {
        name for name, value in vars(k).items()
        if name.startswith("kOfx") and isinstance(value, str) and value != name[1:]
        and not name.startswith(("kOfxColourspace", "kOfxConfig"))
    }  # fmt: skip
    assert odd == {
        "kOfxImageEffectPluginApi", "kOfxOpenGLRenderSuite", "kOfxImageEffectOutputClipName",
        "kOfxImageEffectSimpleSourceClipName", "kOfxImageEffectTransitionSourceFromClipName",
        "kOfxImageEffectTransitionSourceToClipName", "kOfxImageEffectTransitionParamName",
        "kOfxImageEffectRetimerParamName", "kOfxImagePreMultiplied", "kOfxImageUnPreMultiplied",
        "kOfxImageFieldNone", "kOfxImageFieldLower", "kOfxImageFieldUpper", "kOfxImageFieldBoth",
        "kOfxImageFieldSingle", "kOfxImageFieldDoubled", "kOfxHostNativeOriginBottomLeft",
        "kOfxHostNativeOriginTopLeft", "kOfxHostNativeOriginCenter",
        "kOfxImageEffectPropSupportsMultipleClipDepths", "kOfxImageEffectPropProjectPixelAspectRatio",
        "kOfxParamPropUseHostOverlayHandle", "kOfxParamPropCustomInterpCallbackV1",
    }  # fmt: skip
    assert sorted(v for n, v in vars(k).items() if n.startswith("kOfxStat") and v < 100) == list(range(15))


def test_suites_are_rows_of_pointers() -> None:
    pointer = ctypes.sizeof(ctypes.c_void_p)
    for struct, members in (
        (suites.PropertySuiteV1, 18), (suites.ImageEffectSuiteV1, 13), (suites.ParameterSuiteV1, 18),
        (suites.MultiThreadSuiteV1, 9), (suites.MessageSuiteV2, 3), (suites.OfxHostStruct, 2),
    ):  # fmt: skip
        assert ctypes.sizeof(struct) == members * pointer
