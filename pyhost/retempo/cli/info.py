"""What does a sequence hold, and what can this installation do with it?"""

from __future__ import annotations

import argparse
import os
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from retempo.cli.result import Result
from retempo.errors import UsageError
from retempo.models.registry import ENGINES, describe_engines
from retempo.render.flags import add_setting_arguments, settings_from
from retempo.render.quality import choose_flow, describe_quality
from retempo.render.settings import METHODS, RetimeSettings

if TYPE_CHECKING:
    from retempo.io.sequence import Source

NAME = "info"
HELP = "say what a sequence holds, and which devices, configs, engines and flow estimators there are"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of this command."""
    parser.add_argument(
        "source", nargs="?", help="sequence, single file or movie; without it: the installation"
    )
    parser.add_argument(
        "--engines",
        action="store_true",
        help="the networks that can make frames, and which have their weights here",
    )
    parser.add_argument("--frames", help="look at these frames only, e.g. 1001-1050")
    add_setting_arguments(parser, groups=("colour",))


def run(args: argparse.Namespace) -> Result:
    """Look, but open no pixels.

    Raises:
        UsageError: --engines and a source.
        InputError: the source matches nothing, or its first file is broken.
        ColorError: a config or colour space does not exist.
    """
    if args.engines:
        if args.source is not None:
            raise UsageError("--engines is about the installation", "leave the source out")
        engines = describe_engines()
        return Result(engines, _engine_table(engines))
    if args.source is None:
        facts = describe_installation(args.config if "config" in args else "")
        return Result(facts, _installation_table(facts))
    from retempo.io.sequence import open_source

    facts = describe_source(open_source(args.source, args.frames), settings_from(vars(args)))
    return Result(facts, _source_tables(facts))


def describe_installation(config: str = "") -> dict[str, Any]:
    """JSON-ready facts: build, devices, engines, estimators, vector presets, OCIO."""
    from retempo import _native
    from retempo.color.config import find_config
    from retempo.flow import catalog
    from retempo.flow.vectors import PRESETS

    build: dict[str, Any] = dict(_native.build_info())
    found = find_config(config or None)
    choices = {one.name: one.metadata["choices"] for one in fields(RetimeSettings)}
    qualities = choices["quality"]
    return {
        "build": build,
        "devices": ["cpu", *(["cuda"] if _native.cuda_available() else [])],
        "engines": [*METHODS, *(name for name in ENGINES if name not in METHODS)],
        "flow": catalog.names(),
        "flow_auto": {device: _chosen(choose_flow(device)) for device in ("cpu", "cuda")},
        "quality": {name: _chosen(describe_quality(name)) for name in qualities},
        "vector_presets": list(PRESETS),
        "ocio": {
            "$OCIO": os.environ.get("OCIO", ""),
            "config": found.name,
            "from": found.source,
            "roles": found.roles(),
            "built_in": ["ocio://default", "ocio://cg-config-latest", "ocio://studio-config-latest"],
        },
    }


def _chosen(choice: tuple[Any, str]) -> dict[str, Any]:
    return {"chosen": choice[0], "why": choice[1]}


def _spelled(settings: dict[str, str]) -> str:
    return " ".join(f"--{name} {value}" for name, value in settings.items()) or "nothing else"


def describe_source(source: Source, settings: RetimeSettings) -> dict[str, Any]:
    """JSON-ready facts about a sequence: frames, gaps, size, rate, timecode, layers, colour."""
    from retempo.color.chromaticities import identify
    from retempo.color.pipeline import ColorPipeline
    from retempo.io.metadata import chromaticities_of, timecode_of
    from retempo.io.pattern import format_range
    from retempo.render.job import colour_warning

    first = source.frames[0]
    header = source.header(first)
    timecode = timecode_of(header)
    stated = chromaticities_of(header)
    color = ColorPipeline(
        settings.config or None,
        settings.input_space or None,
        settings.working_space or None,
        settings.output_space or None,
        settings.flow_space,
        path_for_rules=source.path(first),
        kind="movie" if source.kind == "movie" else None,
    )
    layers = [
        {
            "name": layer.name,
            "view": layer.view,
            "data_window": str(layer.window),
            "channels": [
                {"name": name, "role": layer.role(name), "format": layer.formats.get(name, "")}
                for name in layer.order
            ],
        }
        for layer in header.layers
    ]
    return {
        "source": str(source.path(first)),
        "kind": source.kind,
        "frames": len(source.frames),
        "ranges": format_range(source.frames),
        "missing": format_range(source.missing),
        "size": f"{header.display.width}x{header.display.height}",
        "fps": None if source.fps is None else str(source.fps),
        "timecode": None if timecode is None else str(timecode),
        "layers": layers,
        "colour": color.describe(),
        "chromaticities": None
        if stated is None
        else {"values": list(stated), **identify(color.config, stated)._asdict()},
        "warnings": [one for one in (colour_warning(settings, source, color),) if one],
    }


def _installation_table(facts: dict[str, Any]) -> Any:
    from rich.table import Table

    table = Table(title="this installation", title_justify="left", show_header=False)
    ocio = facts["ocio"]
    rows = {
        "build": ", ".join(f"{key} {value}" for key, value in facts["build"].items()),
        "devices": ", ".join(facts["devices"]),
        "engines": ", ".join(facts["engines"]),
        "flow": ", ".join(facts["flow"]),
        **{
            f"--flow auto --device {device}": f"{one['chosen']} ({one['why']})"
            for device, one in facts["flow_auto"].items()
        },
        **{
            f"--quality {name}": f"{_spelled(one['chosen'])} ({one['why']})"
            for name, one in facts["quality"].items()
        },
        "vector presets": ", ".join(facts["vector_presets"]),
        "OCIO config": f"{ocio['config']} from {ocio['from']}",
        "OCIO roles": ", ".join(f"{role} = {space}" for role, space in ocio["roles"].items()),
        "OCIO built in": ", ".join(ocio["built_in"]),
    }
    for name, value in rows.items():
        table.add_row(name, value)
    return table


def _engine_table(engines: list[dict[str, Any]]) -> Any:
    from rich.table import Table

    table = Table(
        "--engine", "parameters", "instants", "frames", "sides", "other channels", "maps", "weights",
        title="networks that make pixels (splatsyn, the default, moves them and needs none)", title_justify="left",
        caption="published weights: retempo weights list; to train: retempo train --engine NAME",
    )  # fmt: skip
    for one in engines:
        able, weights = one["capabilities"], one["weights"]
        licences = ", ".join(dict.fromkeys(entry["licence"] for entry in weights["published"]))
        missing = f"{weights['entry']} not here ({licences or 'never published'})"
        table.add_row(
            one["name"], f"{one['parameters'] / 1e6:.2f} M", "any" if able["any_time"] else "half, by bisection",
            str(able["frames"]), f"x{able['multiple']}", "its own flow" if able["fields"] else "splatting",
            "yes" if able["index_map"] else "no", "here" if weights["found"] else missing,
        )  # fmt: skip
    return table


def _primaries(stated: dict[str, Any] | None) -> str:
    """The file's primaries in a few words."""
    if stated is None:
        return "not stated"
    numbers = " ".join(f"{one:g}" for one in stated["values"])
    spaces = ", ".join(stated["spaces"]) or "no space of the config"
    return f"{stated['name'] or numbers}: {spaces}"


def _source_tables(facts: dict[str, Any]) -> Any:
    from rich.console import Group
    from rich.table import Table

    colour = facts["colour"]
    head = Table(title=facts["source"], title_justify="left", show_header=False)
    rows = {
        "frames": f"{facts['frames']}: {facts['ranges']}"
        + (f", missing {facts['missing']}" if facts["missing"] else ""),
        "size": facts["size"],
        "rate": f"{facts['fps']} frames per second" if facts["fps"] else "not stated; give it with --fps",
        "timecode": facts["timecode"] or "none",
        "colour": f"{colour['input_space']} ({colour['input_reason']})",
        "chromaticities": _primaries(facts["chromaticities"]),
        "working space": str(colour["working_space"]),
        "flow space": f"{colour['flow_space']} ({colour['flow_reason']})",
        "OCIO config": f"{colour['config']} from {colour['config_source']}",
    }
    for name, value in rows.items():
        head.add_row(name, value)
    for one in facts["warnings"]:
        head.add_row("warning", one)
    layers = Table(
        "layer", "view", "data window", "channel", "role", "format", title="channels", title_justify="left"
    )
    for layer in facts["layers"]:
        for index, channel in enumerate(layer["channels"]):
            place = (layer["name"], layer["view"], layer["data_window"]) if index == 0 else ("", "", "")
            layers.add_row(*place, channel["name"], channel["role"], channel["format"])
    return Group(head, layers)
