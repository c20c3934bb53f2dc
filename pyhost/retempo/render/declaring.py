"""How is a parameter declared, and when is a value of it none?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, field
from pathlib import Path
from typing import Any

from retempo.errors import UsageError

WORDS = ("auto", "off", "none")
"""What stands in place of a path."""


def setting(
    default: Any,
    help: str,
    *,
    group: str,
    kind: type = str,
    choices: tuple[str, ...] | None = None,
    low: float | None = None,
    high: float | None = None,
    unit: str = "",
    words: Mapping[str, int] | None = None,
    pixels: bool = True,
    many: bool = False,
    path: bool = False,
) -> Any:
    """Declare one parameter; ``pixels`` tells whether it can change what is in a written frame.

    ``words`` are names that a number may be given by on the command line. ``many``: a tuple; its flag may be repeated.
    ``path``: it names a file, or something else by a word or with a scheme; however a file is spelled, it is the same.
    """
    meta = {
        "help": help,
        "group": group,
        "kind": kind,
        "choices": choices,
        "low": low,
        "high": high,
        "unit": unit,
        "words": words,
        "pixels": pixels,
        "many": many,
        "path": path,
    }
    return field(default=default, metadata=meta)


def check_value(one: Field[Any], value: Any) -> None:
    """See that a value is one of the choices, of the kind and within the range that were declared.

    Raises:
        UsageError: naming the flag.
    """
    meta = one.metadata
    flag = "--" + one.name.replace("_", "-")
    if meta["choices"] and value not in meta["choices"]:
        raise UsageError(f"{flag} is {value!r}", f"choose one of {', '.join(meta['choices'])}")
    if meta["kind"] in (int, float) and value is not None:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:
            raise UsageError(f"{flag} is {value!r}", f"give a {meta['kind'].__name__}")
        low, high = meta["low"], meta["high"]
        if (low is not None and value < low) or (high is not None and value > high):
            bounds = f"from {low}" + (f" to {high}" if high is not None else " up")
            raise UsageError(f"{flag} is {value}", f"it goes {bounds} {meta['unit']}".rstrip())


def absolute(one: Field[Any], value: Any) -> Any:
    """A value with its path spelled in full, where it is one and names a file: ``off``, ``ocio://...`` stay."""
    if not one.metadata["path"] or not value or "://" in value or value in WORDS:
        return value
    return str(Path(value).expanduser().absolute())
