"""Where do animated speeds and frames come from? Keys, and their JSON and CSV files.

JSON: an object, or the bare list of keys. Numbers may be numbers or exact texts such as "1/3"::

    {"curve": "speed",
     "keys": [{"time": 1001, "value": 1,     "interpolation": "smooth"},
              {"time": 1025, "value": "1/4", "interpolation": "linear"},
              [1049, 1]]}

``curve`` ("speed" or "frame") is optional; where given, it must be the kind that is asked for. CSV: one key
a line, ``time,value[,interpolation]``; a first line of words, blank lines and lines that begin with # are
skipped.
``time`` is an output frame (fractions allowed), in rising order. ``value`` is a speed (source frames per
output frame) or a source frame. ``interpolation`` rules from its key to the next: linear (the default),
smooth (eases in and out, never overshoots) or hold. Beyond the outer keys the value stays constant.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

from retempo.errors import InputError, TimingError, UsageError
from retempo.retime.piecewise import Piecewise
from retempo.retime.rational import format_number, parse_number

INTERPOLATIONS = ("linear", "smooth", "hold")
_FIELDS = ("time", "value", "interpolation")


@dataclass(frozen=True, slots=True)
class Key:
    """A value at an output time; ``interpolation`` rules from here to the next key."""

    time: Fraction
    value: Fraction
    interpolation: str = "linear"


@dataclass(frozen=True)
class Curve:
    """Keys in rising order of time, with exact values and exact integrals in between.

    Raises:
        TimingError: no key at all, or keys that do not rise in time.
        UsageError: an unknown interpolation.
    """

    keys: tuple[Key, ...]

    def __post_init__(self) -> None:
        if not self.keys:
            raise TimingError("the curve has no keys", "give at least one key: a time and a value")
        for i, key in enumerate(self.keys):
            if key.interpolation not in INTERPOLATIONS:
                raise UsageError(
                    f"key {i + 1}: interpolation is {key.interpolation!r}",
                    f"use one of {', '.join(INTERPOLATIONS)}",
                )
            if i and key.time <= self.keys[i - 1].time:
                raise TimingError(
                    f"key {i + 1} is at time {format_number(key.time)}, not after key {i} at "
                    f"{format_number(self.keys[i - 1].time)}",
                    "list the keys in rising order of time, one for each time",
                )

    @classmethod
    def through(cls, keys: Iterable[Sequence[Any] | Key], interpolation: str = "linear") -> Curve:
        """From (time, value) or (time, value, interpolation) tuples, numbers or texts."""
        rows = enumerate(keys, start=1)
        return cls(
            tuple(k if isinstance(k, Key) else _key(list(k), f"key {i}", interpolation) for i, k in rows)
        )

    @cached_property
    def _function(self) -> Piecewise:
        return Piecewise(
            [key.time for key in self.keys],
            [key.value for key in self.keys],
            [key.interpolation for key in self.keys],
        )

    def value(self, time: int | Fraction) -> Fraction:
        """The exact value at an output time."""
        return self._function.value(Fraction(time))

    def integral(self, start: int | Fraction, end: int | Fraction) -> Fraction:
        """The exact integral between two output times."""
        return self._function.integral(Fraction(start), Fraction(end))


def load_curve(path: str | Path, kind: str | None = None) -> Curve:
    """Read a curve from a ``.json`` or ``.csv`` file (format above).

    Args:
        path: the file; any other extension than .json is read as CSV.
        kind: 'speed' or 'frame', to refuse a file that says it is the other one.

    Raises:
        InputError: unreadable, malformed, or of the other kind; the message names file, line or key, and field.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise InputError(
            f"cannot read the curve {path}: {reason}", "give a .json or .csv file with keys"
        ) from error
    return parse_json(text, str(path), kind) if path.suffix.lower() == ".json" else parse_csv(text, str(path))


def parse_json(text: str, name: str = "curve", kind: str | None = None) -> Curve:
    """A curve from JSON text; ``name`` is the file name used in messages."""
    try:
        document = json.loads(text, parse_float=Decimal)
    except (json.JSONDecodeError, RecursionError, ValueError, ArithmeticError) as error:
        where = (
            f"{name}:{error.lineno}: {error.msg}"
            if isinstance(error, json.JSONDecodeError)
            else f"{name}: {str(error)[:80]}"
        )
        raise InputError(where, 'write it as JSON, e.g. {"keys": [[1001, 1], [1025, 0.25]]}') from error
    return curve_from_document(document, name, kind)


def curve_from_document(document: Any, name: str = "curve", kind: str | None = None) -> Curve:
    """A curve from parsed JSON (or OTIO metadata): an object with ``keys``, or the list itself."""
    keys = document
    if isinstance(document, Mapping):
        unknown = sorted(set(map(str, document)) - {"curve", "keys"})
        if unknown:
            raise InputError(f"{name}: unknown field {unknown[0]!r}", "only 'curve' and 'keys' are known")
        said = document.get("curve")
        if said not in (None, "speed", "frame"):
            raise InputError(f"{name}: curve is {said!r}", "write 'speed' or 'frame'")
        if kind and said and said != kind:
            raise InputError(
                f"{name}: holds a {said} curve, but a {kind} curve is wanted", f"use it as the {said} curve"
            )
        keys = document.get("keys")
    if isinstance(keys, (str, Mapping)) or not isinstance(keys, Sequence):
        raise InputError(f"{name}: there is no list of keys", 'write {"keys": [[1001, 1], [1025, 0.25]]}')
    return _curve_at(name, [(f"key {i + 1}", entry) for i, entry in enumerate(keys)])


def parse_csv(text: str, name: str = "curve") -> Curve:
    """A curve from CSV text; ``name`` is the file name used in messages."""
    rows: list[tuple[str, Any]] = []
    for line, row in enumerate(_rows(text, name), start=1):
        cells = [cell.strip() for cell in row]
        if not any(cells) or cells[0].startswith("#"):
            continue
        if not rows and _is_header(cells):
            continue
        while len(cells) > 2 and not cells[-1]:
            cells.pop()
        rows.append((f"line {line}", cells))
    return _curve_at(name, rows)


def _rows(text: str, name: str) -> Iterator[list[str]]:
    try:
        yield from csv.reader(text.splitlines())
    except csv.Error as error:
        raise InputError(f"{name} is no CSV: {error}", "write a key a line, e.g. 1001,0.5") from error


def _is_header(cells: Sequence[str]) -> bool:
    """Tell whether a first line names its columns: a word that is no number in each of the first two."""
    return len(cells) >= 2 and all(cell[:1].isalpha() for cell in cells[:2])


def _curve_at(name: str, rows: list[tuple[str, Any]]) -> Curve:
    keys: list[Key] = []
    for where, entry in rows:
        try:
            key = _key(entry, where)
        except UsageError as error:
            raise InputError(f"{name}, {error.message}", error.hint) from error
        if keys and key.time <= keys[-1].time:
            raise InputError(
                f"{name}, {where}: time is {format_number(key.time)}, not after {format_number(keys[-1].time)}",
                "list the keys in rising order of time, one for each time",
            )
        keys.append(key)
    if not keys:
        raise InputError(f"{name}: there are no keys", "give at least one key: a time and a value")
    return Curve(tuple(keys))


def _key(entry: Any, where: str, interpolation: str = "linear") -> Key:
    if isinstance(entry, Mapping):
        unknown = sorted(set(map(str, entry)) - set(_FIELDS))
        missing = [field for field in _FIELDS[:2] if field not in entry]
        if unknown or missing:
            problem = f"unknown field {unknown[0]!r}" if unknown else f"field {missing[0]!r} is missing"
            raise UsageError(f"{where}: {problem}", "a key has time, value and, if wanted, interpolation")
        cells: list[Any] = [entry["time"], entry["value"], entry.get("interpolation", interpolation)]
    elif isinstance(entry, Sequence) and not isinstance(entry, str) and 2 <= len(entry) <= 3:
        cells = [*entry, interpolation][:3]
    else:
        raise UsageError(
            f"{where}: {entry!r} is not a key", "a key is time, value and, if wanted, interpolation"
        )
    if cells[2] not in INTERPOLATIONS:
        raise UsageError(f"{where}: interpolation is {cells[2]!r}", f"use one of {', '.join(INTERPOLATIONS)}")
    return Key(_number(cells[0], f"{where}: time"), _number(cells[1], f"{where}: value"), cells[2])


def _number(value: Any, what: str) -> Fraction:
    if not isinstance(value, (int, float, str, Fraction, Decimal)):
        raise UsageError(f"{what} is {value!r}, not a number", "write it as 1/4, 0.25 or 25%")
    return parse_number(value, what)
