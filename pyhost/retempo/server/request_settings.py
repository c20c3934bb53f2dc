"""Which settings may a client choose, and what do its texts mean? Field names of ``RetimeSettings``, nothing else."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import Field, fields
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from retempo.color.config import DEFAULT_CONFIG
from retempo.errors import ColorError, UsageError
from retempo.flow.catalog import names_file
from retempo.render.settings import RetimeSettings
from retempo.retime.cuts import parse_cuts
from retempo.server.parameters import UNSAID

GROUPS: Final = ("flow", "synthesis", "colour")
OTHERS: Final = ("device", "deterministic", "shutter_samples", "cuts")
REFUSED: Final = (
    "vectors", "flow_layer", "depth_channel", "matte", "matte_output", "index_map", "object_curve", "allow_untrained",
)  # fmt: skip
"""Of those groups: paths, names of channels that no host's picture has, what the request's output says, and tests."""

LONGEST_VALUE: Final = 4096
CONFIG_SUFFIXES: Final = (".ocio", ".ocioz")
LARGEST_CONFIG: Final = 1 << 30
"""Bytes; a .ocioz brings its tables along."""
KERNEL: Final = (("proc",), ("sys",), ("dev",))
"""Where files are no files."""


@lru_cache(1)
def allowed() -> dict[str, Field[Any]]:
    """The settings that a client may give, by name."""
    return {
        one.name: one
        for one in fields(RetimeSettings)
        if (one.metadata["group"] in GROUPS or one.name in OTHERS) and one.name not in REFUSED
    }


def read_settings(texts: Mapping[str, str]) -> RetimeSettings:
    """Settings from a client's texts; what it does not name has its default.

    Raises:
        UsageError: a name that is unknown or not for clients, a value out of range, a config that is no absolute path,
            any other setting that names a file.
    """
    values: dict[str, Any] = dict(UNSAID)
    for name, text in texts.items():
        one = allowed().get(name)
        if one is None:
            raise UsageError(
                f"the setting {name[:80]!r} cannot be chosen by a client",
                f"possible are {', '.join(allowed())}",
            )
        values[name] = _read(one, text)
    for name in ("flow", "engine"):
        if names_file(str(values.get(name, "")).replace(";", ",")):  # an engine's own flow has ; for ,
            raise UsageError(
                f"the {name} {str(values[name])[:80]!r} names a file",
                "clients choose among the weights that are installed; see retempo weights list",
            )
    parse_cuts(str(values.get("cuts", "")))  # frames: neither a file nor auto
    values["config"] = check_config(values.get("config") or DEFAULT_CONFIG)
    return RetimeSettings(**values)


def check_config(text: str) -> str:
    """A built-in config's name, or the absolute path of a config file: the server's folder is nobody's business.

    Raises:
        UsageError: neither.
    """
    if not text.startswith("ocio://"):
        path = Path(os.path.expanduser(text))
        if not path.is_absolute() or path.suffix.lower() not in CONFIG_SUFFIXES:
            raise UsageError(
                f"config is {text!r}", "give ocio://... or the absolute path of a .ocio or .ocioz file"
            )
    return text


def locate_config(text: str) -> str:
    """The file that a config's path leads to, links followed; a built-in config's name as it is.

    May wait for a slow disk: not for the loop's thread. What hangs (a FIFO), never ends (a device) or is made by the
    kernel (``/proc``) is refused, whatever link leads there.

    Raises:
        ColorError: it is missing, no file, too large, or a link to something else than a config.
    """
    if text.startswith("ocio://"):
        return text
    hint = "give the absolute path of a .ocio or .ocioz file"
    try:
        path = Path(os.path.expanduser(text)).resolve(strict=True)
        status = path.stat()
    except FileNotFoundError as error:
        raise ColorError(f"the OCIO config {text} does not exist", hint) from error
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
        reason = getattr(error, "strerror", None) or "its links go in a circle"
        raise ColorError(f"the OCIO config {text} cannot be read: {reason}", hint) from error
    if path.suffix.lower() not in CONFIG_SUFFIXES:
        raise ColorError(f"the OCIO config {text} leads to {path}, which is no config", hint)
    if not stat.S_ISREG(status.st_mode) or path.parts[1:2] in KERNEL:
        raise ColorError(f"the OCIO config {path} is no plain file", hint)
    if status.st_size > LARGEST_CONFIG:
        raise ColorError(
            f"the OCIO config {path} has {status.st_size} bytes", f"{LARGEST_CONFIG} are the limit"
        )
    return str(path)


def _read(one: Field[Any], text: str) -> Any:
    if len(text) > LONGEST_VALUE or not text.isprintable():
        raise UsageError(
            f"the value of {one.name} is not a plain text", "no line breaks, at most 4096 characters"
        )
    kind = one.metadata["kind"]
    if kind is bool:
        if text not in ("true", "false"):
            raise UsageError(f"{one.name} is {text!r}", "give true or false")
        return text == "true"
    if kind not in (int, float):
        return text
    try:
        return kind(text)
    except ValueError as error:
        raise UsageError(f"{one.name} is {text!r}", f"give a {kind.__name__}") from error
