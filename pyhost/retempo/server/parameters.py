"""Which parameters do the plugin's effects have? One table, from ``RetimeSettings`` and a few of the plugin's own.

``python -m retempo.server.parameters --cpp FILE`` writes it as a C++ header at build time; ``--json`` prints it. The
hash of the table goes into WELCOME, so that a plugin and a server of different releases notice.

Only what works through the plugin is here. Left out: ablations, what names files or channels, what belongs to
written files, and ``source_frames`` (two contribute).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final

from retempo.render.settings import RetimeSettings

RETIME: Final = 1
INBETWEEN: Final = 2
VECTORS: Final = 4
ALL: Final = RETIME | INBETWEEN | VECTORS
PICTURES: Final = RETIME | INBETWEEN
UNBOUNDED: Final = 1e9

Choices = tuple[tuple[str, str], ...]

FLOWS: Final[Choices] = (
    ("dis", "DIS"), ("dis:medium", "DIS medium"), ("dis:fast", "DIS fast"), ("dis:ultrafast", "DIS ultra fast"),
    ("dis+dis:coarse", "DIS and DIS coarse"), ("vectors", "Vectors input"), ("dis+vectors", "DIS and vectors input"),
)  # fmt: skip
ENGINES: Final[Choices] = (
    ("splatsyn", "Motion"), ("blend", "Blend"), ("nearest", "Nearest"), ("film", "FILM"), ("ifrnet", "IFRNet"),
    ("ifrnet:large", "IFRNet large"), ("cain", "CAIN"), ("dbvi", "DBVI"), ("cspa", "CSPA"), ("ugsp", "UGSP"),
    ("softsplat", "SoftSplat"),
)  # fmt: skip
PRESETS: Final[Choices] = (
    ("nuke", "Nuke"), ("revision", "RE:Vision"), ("cycles", "Cycles"), ("arnold", "Arnold"),
    ("arnold-normalized", "Arnold, normalised"), ("moonray", "MoonRay"), ("vray", "V-Ray"), ("retempo", "Retempo"),
)  # fmt: skip
MATTES: Final[Choices] = (("", "Alpha"), ("R", "Red"), ("G", "Green"), ("B", "Blue"))
GROUPS: Final[dict[str, str]] = {
    "timing": "Timing", "shutter": "Shutter", "cuts": "Cuts", "output": "Output", "flow": "Motion",
    "synthesis": "Synthesis", "colour": "Colour", "computing": "Computing",
}  # fmt: skip


@dataclass(frozen=True)
class Parameter:
    """One parameter of the plugin.

    Args:
        name: what scripts and saved projects call it; never changes.
        label, hint, group: what the user sees; ``group`` is a key of ``GROUPS``.
        type: double, int, boolean, choice, string or button.
        default: number, bool, text, or the value of a choice; 0 for a button.
        low, high: hard limits of a number; ``display``: those of its slider.
        choices: (value, label) of each.
        setting: name in RENDER's settings block; empty for what the plugin itself uses.
        effects: RETIME, INBETWEEN and VECTORS, joined.
        animates: may it change from frame to frame?
        mode: of a string: plain, file, or label (the plugin writes it, the user does not).
        always: is it sent even where it has its default? For requests that say nothing have another one.
    """

    name: str
    label: str
    hint: str
    group: str
    type: str
    default: Any
    low: float = -UNBOUNDED
    high: float = UNBOUNDED
    display: tuple[float, float] = (0.0, 1.0)
    choices: Choices = ()
    setting: str = ""
    effects: int = ALL
    animates: bool = False
    mode: str = "plain"
    always: bool = False


OWN: Final = (
    Parameter(
        "timing", "Timing", "Speed plays the source at a rate; Frame shows a source frame; Frame rate converts.",
        "timing", "choice", "speed", choices=(("speed", "Speed"), ("frame", "Frame"), ("fps", "Frame rate")),
        effects=RETIME,
    ),
    Parameter(
        "speed", "Speed", "Playback speed: 0.5 is half as fast, 2 twice, -1 reverses. Animated speed is integrated.",
        "timing", "double", 0.5, -100.0, 100.0, (-2.0, 4.0), effects=RETIME, animates=True,
    ),
    Parameter(
        "frame", "Frame", "The source frame to show, whole or between two frames. Meant to be animated.",
        "timing", "double", 1.0, -UNBOUNDED, UNBOUNDED, (0.0, 200.0), effects=RETIME, animates=True,
    ),
    Parameter(
        "fpsIn", "Input rate", "Frames per second of the source.",
        "timing", "double", 24.0, 0.01, 10000.0, (1.0, 120.0), effects=RETIME,
    ),
    Parameter(
        "fpsOut", "Output rate", "Frames per second of the result, at unchanged speed.",
        "timing", "double", 24.0, 0.01, 10000.0, (1.0, 120.0), effects=RETIME,
    ),
    Parameter(
        "amount", "Amount", "Where between the two pictures: 0 is the first, 1 the second. May be animated.",
        "timing", "double", 0.5, 0.0, 1.0, (0.0, 1.0), effects=INBETWEEN, animates=True,
    ),
    Parameter(
        "frameA", "Frame A", "First picture, a frame number of the source, when no second clip is connected.",
        "timing", "int", 1, -UNBOUNDED, UNBOUNDED, (0.0, 200.0), effects=INBETWEEN,
    ),
    Parameter(
        "frameB", "Frame B", "Second picture, a frame number of the source, when no second clip is connected.",
        "timing", "int", 2, -UNBOUNDED, UNBOUNDED, (0.0, 200.0), effects=INBETWEEN,
    ),
    Parameter(
        "findCuts", "Find cuts", "Looks at every frame of the source once, as the command line's --cuts auto does, "
        "and writes the list below. To be pressed again when the source has changed.",
        "cuts", "button", 0, effects=RETIME,
    ),
    Parameter(
        "output", "Output", "The picture; vectors from it to the next source frame (red, green) and to the previous "
        "one (blue, alpha), in pixels, y up, as Nuke has them (RGBA, half or float; a matte has no part in them); how "
        "far it can be trusted; what is hidden in it; or one layer alone (with a matte input).",
        "output", "choice", "picture",
        choices=(
            ("picture", "Result"), ("vectors", "Vectors"), ("confidence", "Confidence"), ("occlusion", "Occlusion"),
            ("foreground", "Foreground"), ("background", "Background"), ("matte", "Matte"),
        ), effects=PICTURES,
    ),
    Parameter(
        "motion", "Output", "Motion to the next and the previous frame, how far it can be trusted, or what is hidden.",
        "output", "choice", "vectors",
        choices=(("vectors", "Vectors"), ("confidence", "Confidence"), ("occlusion", "Occlusion")), effects=VECTORS,
    ),
    Parameter(
        "info", "Last picture", "Which source frames the last picture was made of, and how long it took; written when "
        "something is edited.",
        "output", "string", "", mode="label",
    ),
    Parameter(
        "openLog", "Open log", "Shows where the log of the process that makes the pictures is, and its end.",
        "output", "button", 0,
    ),
)  # fmt: skip

UNSAID: Final = {"motion": "linear"}
"""What requests mean that do not say it, whatever the settings' default: two frames move straight."""

# setting -> label, effects, and what differs from the settings' own declaration
DERIVED: Final[dict[str, tuple[str, int, dict[str, Any]]]] = {
    "outside": ("Outside range", RETIME, {"drop": ("error",), "setting": ""}),
    "shutter_samples": ("Shutter samples", RETIME, {
        "display": (1.0, 32.0),
        "hint": "Instants that are averaged to a frame: 1 is no motion blur, 0 as many as the motion is long.",
    }),
    "shutter_angle": ("Shutter angle", RETIME, {"setting": "", "display": (0.0, 360.0)}),
    "shutter_offset": ("Shutter offset", RETIME, {
        "setting": "",
        "hint": "When the shutter is open: around the frame's time, from it on, until it, or as the phase says.",
    }),
    "shutter_phase": ("Shutter phase", RETIME, {
        "setting": "", "display": (-360.0, 360.0),
        "hint": "With the custom offset: how many degrees after the frame's time the shutter opens.",
    }),
    "cuts": ("Cuts", RETIME, {
        "setting": "",
        "hint": "First source frames of new shots, with commas: 1010,1050, as Find cuts writes them. There is no "
        "motion across a cut.",
    }),
    "at_cut": ("At cut", RETIME, {
        "setting": "", "labels": {"hold": "Hold", "cross-fade": "Cross-fade"},
        "hint": "Between two shots: the nearer frame (the later from half way on), or the two mixed.",
    }),
    "engine": ("Method", PICTURES, {
        "choices": ENGINES,
        "hint": "Motion moves pixels; blend and nearest do not. The others are trained networks that make the pixels "
        "anew: their weights have to be installed (retempo weights list).",
    }),
    "flow": ("Motion estimation", ALL, {
        "choices": FLOWS, "hint": "How motion is found. The choices with vectors need the vectors input.",
    }),
    "flow_scale": ("Motion resolution", ALL, {}),
    "vector_preset": ("Vector convention", ALL, {"choices": PRESETS}),
    "vector_max": ("Largest displacement", ALL, {"display": (0.0, 500.0)}),
    "vector_scale": ("Vector scale", ALL, {"display": (-2.0, 2.0)}),
    "vector_flip_y": ("Vector y points", ALL, {}),
    "inverses": ("Inverse motion", PICTURES, {}),
    "depth": ("Depth", PICTURES, {}),
    "depth_convention": ("Depth holds", PICTURES, {}),
    "matte_channel": ("Matte channel", PICTURES, {
        "choices": MATTES, "hint": "Which channel of the matte input separates foreground and background.",
    }),
    "matte_invert": ("Invert matte", PICTURES, {}),
    "motion": ("Motion path", RETIME, {
        "name": "motionPath", "labels": {"linear": "Linear", "quadratic": "Quadratic"},
        "hint": "How things move between two frames: straight at an even pace, or along curves that also follow the "
        "motion before and after, for which a frame more on either side is read.",
    }),
    "filter": ("Filter", PICTURES, {}),
    "footprint": ("Footprint", PICTURES, {}),
    "sigma": ("Footprint width", PICTURES, {}),
    "temperature": ("Temperature", PICTURES, {}),
    "merge": ("Merge", PICTURES, {}),
    "merge_exponent": ("Merge exponent", PICTURES, {}),
    "coverage_gate": ("Coverage gate", PICTURES, {}),
    "config": ("OCIO config", ALL, {
        "mode": "file", "hint": "A .ocio file or ocio://...; empty: the host's $OCIO, else the built-in one.",
    }),
    "input_space": ("Input colour space", ALL, {
        "hint": "Colour space of the pixels that the host hands over. Empty: what the host says; if it says nothing, "
        "scene linear for half and float, and for 8 and 16 bit integers what such files are taken for, mostly sRGB.",
    }),
    "flow_space": ("Motion colour space", ALL, {}),
    "device": ("Device", ALL, {
        "choices": (("cpu", "CPU"), ("cuda", "CUDA")), "hint": "Where frames are made; CUDA needs a build that has it.",
    }),
}  # fmt: skip


def table() -> tuple[Parameter, ...]:
    """All parameters in the order in which a user sees them."""
    declared = {one.name: one for one in fields(RetimeSettings)}
    derived = [_derive(declared[name], *how) for name, how in DERIVED.items()]
    order = list(GROUPS)
    return tuple(sorted([*OWN, *derived], key=lambda one: order.index(one.group)))


def _derive(one: Any, label: str, effects: int, extra: dict[str, Any]) -> Parameter:
    meta = one.metadata
    choices: Choices = extra.get("choices") or tuple(
        (value, extra.get("labels", {}).get(value, value.replace("_", " ").capitalize()))
        for value in meta["choices"] or ()
        if value not in extra.get("drop", ())
    )
    types = {float: "double", int: "int", bool: "boolean", str: "string"}
    low = -UNBOUNDED if meta["low"] is None else float(meta["low"])
    high = UNBOUNDED if meta["high"] is None else float(meta["high"])
    head, *words = one.name.split("_")
    hint = (
        meta["help"][:1].upper() + meta["help"][1:] + (f", in {meta['unit']}" if meta["unit"] else "") + "."
    )
    hint = extra.get("hint", hint)
    return Parameter(
        extra.get("name", head + "".join(word.capitalize() for word in words)), label, hint, meta["group"],
        "choice" if choices else types[meta["kind"]], one.default, low, high,
        extra.get("display", (low, high)), choices,
        extra.get("setting", one.name), effects, False, extra.get("mode", "plain"), one.name in UNSAID,
    )  # fmt: skip


def table_hash() -> bytes:
    """16 bytes that change with the table."""
    return hashlib.sha256(json.dumps([asdict(one) for one in table()], sort_keys=True).encode()).digest()[:16]


def write_cpp() -> str:
    """The table as a C++17 header without includes; everything in it is constexpr."""
    lines = [
        "// Parameters of the effects. Written by `python -m retempo.server.parameters --cpp`; do not edit.",
        "#pragma once", "", "namespace retempo {", "",
        "enum class ParameterType { Double, Int, Boolean, Choice, String, Button };",
        "enum Effect : unsigned { kRetime = 1, kInbetween = 2, kVectors = 4 };", "",
        "struct Choice {", "  const char* value;  // as the settings block wants it", "  const char* label;", "};", "",
        "struct ParameterGroup {", "  const char* name;", "  const char* label;", "};", "",
        "struct Parameter {", "  const char* name;", "  const char* label;", "  const char* hint;",
        "  const char* group;  // a ParameterGroup's name", "  ParameterType type;",
        "  double number;      // default of doubles, ints, booleans; index of a choice's default",
        "  const char* text;   // default of strings; value of a choice's default",
        "  double low, high, displayLow, displayHigh;", "  const Choice* choices;", "  int choiceCount;",
        "  const char* setting;  // key in RENDER's settings block; empty: the plugin's own",
        "  unsigned effects;", "  bool animates;", "  bool file;  // a string that names a file",
        "  bool line;  // a string that the plugin writes",
        "  bool always;  // sent even where it has its default", "};", "",
    ]  # fmt: skip
    lines += ["inline constexpr ParameterGroup kParameterGroups[] = {"]
    lines += [f"  {{{_quote(name)}, {_quote(label)}}}," for name, label in GROUPS.items()] + ["};", ""]
    rows = []
    for one in table():
        pointer, count = "nullptr", len(one.choices)
        if count:
            pointer = f"kChoices_{one.name}"
            lines += [f"inline constexpr Choice {pointer}[] = {{"]
            lines += [f"  {{{_quote(value)}, {_quote(label)}}}," for value, label in one.choices] + ["};"]
        values = [value for value, _ in one.choices]
        number = values.index(one.default) if count else 0 if one.type == "string" else one.default
        text = one.default if isinstance(one.default, str) else ""
        limits = ", ".join(repr(float(value)) for value in (one.low, one.high, *one.display))
        default = f"{float(number)!r}, {_quote(text)}"
        flags = ", ".join(
            str(flag).lower() for flag in (one.animates, one.mode == "file", one.mode == "label", one.always)
        )
        rows += [
            f"  {{{_quote(one.name)}, {_quote(one.label)},",
            f"   {_quote(one.hint)},",
            f"   {_quote(one.group)}, ParameterType::{one.type.capitalize()}, {default}, {limits},",
            f"   {pointer}, {count}, {_quote(one.setting)}, {one.effects}u, {flags}}},",
        ]
    digits = ", ".join(f"0x{byte:02x}" for byte in table_hash())
    lines += ["", "inline constexpr Parameter kParameters[] = {", *rows, "};", ""]
    lines += [
        f"inline constexpr unsigned char kParameterTableHash[16] = {{{digits}}};",
        "",
        "}  // namespace retempo",
        "",
    ]
    return "\n".join(lines)


def _quote(text: str) -> str:
    return json.dumps(text)


def main(argv: list[str] | None = None) -> int:
    """Write the table as C++ or JSON."""
    parser = argparse.ArgumentParser(description="write the plugin's parameter table")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--cpp", metavar="FILE", help="write a C++ header")
    what.add_argument("--json", action="store_true", help="print JSON")
    args = parser.parse_args(argv)
    if args.json:
        print(json.dumps([asdict(one) for one in table()], indent=1))
        return 0
    target, text = Path(args.cpp), write_cpp()
    if not target.exists() or target.read_text() != text:  # an untouched file rebuilds nothing
        target.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
