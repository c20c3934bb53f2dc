"""How does one object of a picture move at another pace than the rest?

``--object-curve KEY=CURVE``: a curve (``curves``; a file, or the JSON itself) from the place in a gap between two
source frames, 0 to 1, to how far the object has gone by then, 0 to 1. ``7=slow.json`` is for the pixels whose id is 7,
``matte.kite=slow.json`` for what the channel of that name covers. A curve that begins at 0 and ends at 1 joins on to
the next gap; any other one makes the object jump there, so it is for a pair of stills.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from retempo.errors import UsageError
from retempo.retime.curves import Curve, Key, load_curve, parse_json
from retempo.retime.rational import format_number


@dataclass(frozen=True)
class ObjectCurve:
    """One object and its pace.

    Args:
        key: a whole number, the id of its pixels; or the name of the channel that covers it.
        curve: place in the gap -> how far the object has gone, both in [0, 1].
    """

    key: str
    curve: Curve

    @property
    def id(self) -> int | None:
        """The id of the object's pixels; None where a channel covers it."""
        return int(self.key) if self.key.isdigit() else None

    @property
    def joins(self) -> bool:
        """Does the object go on without a jump in the next gap?"""
        return self.at(Fraction(0)) == 0 and self.at(Fraction(1)) == 1

    def at(self, phase: Fraction) -> Fraction:
        """How far the object has gone at a place in the gap."""
        return self.curve.value(phase)

    def spelled(self) -> str:
        """The same as a text that needs no file."""
        keys = [
            [format_number(key.time), format_number(key.value), key.interpolation] for key in self.curve.keys
        ]
        return f"{self.key}={json.dumps(keys, separators=(',', ':'))}"


def parse_object_curve(text: str) -> ObjectCurve:
    """Read ``KEY=FILE`` or ``KEY=JSON``.

    Raises:
        UsageError: there is no key, or a value lies outside 0 to 1.
        InputError: the curve cannot be read.
    """
    key, equals, rest = (part.strip() for part in text.partition("="))
    if not key or not equals or not rest:
        raise UsageError(f"--object-curve is {text!r}", "write for example 7=slow.json, an id and its curve")
    if key.isdigit() and int(key) >= 1 << 32:
        raise UsageError(f"--object-curve: {key} is no id", "ids have 32 bits")
    inline = rest[0] in "[{"
    curve = parse_json(rest, f"--object-curve {key}") if inline else load_curve(Path(rest))
    for one in curve.keys:
        _check(one, key)
    return ObjectCurve(key, curve)


def _check(one: Key, key: str) -> None:
    for what, value in (("time", one.time), ("value", one.value)):
        if not 0 <= value <= 1:
            raise UsageError(
                f"--object-curve {key}: a {what} is {format_number(value)}",
                "times go from 0 to 1 over the gap between two source frames, and so do values",
            )


def parse_object_curves(texts: tuple[str, ...]) -> tuple[ObjectCurve, ...]:
    """All of them, in order: where two cover a pixel, the later one counts.

    Raises:
        UsageError: one of them is wrong, or two have the same key. InputError: one cannot be read.
    """
    found = tuple(parse_object_curve(text) for text in texts)
    keys = [one.key for one in found]
    twice = next((key for key in keys if keys.count(key) > 1), None)
    if twice is not None:
        raise UsageError(f"--object-curve names {twice} twice", "give each object one curve")
    return found
