"""What text does a C ``printf`` call mean, given the registers that its arguments arrived in?"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Sequence

_SPEC = re.compile(r"%([-+ #0]*)(\*|\d+)?(?:\.(\*|\d+)?)?(hh|h|ll|l|j|z|t|L)?([diouxXcspaAeEfFgGn%])")
_BITS = {"hh": 8, "h": 16, "l": 64, "ll": 64, "j": 64, "z": 64, "t": 64}


def leave_out_arguments(template: str) -> str:
    """The text of a host that loses the arguments."""
    return _SPEC.sub(lambda match: "%" if match.group(5) == "%" else "", template)


def format_message(template: str, integers: Sequence[int], doubles: Sequence[float]) -> str:
    """The formatted text.

    Args:
        template: the format string.
        integers: 64-bit words of the integer and pointer arguments, in order.
        doubles: the floating-point arguments, in order.

    Raises:
        ValueError: an unknown conversion, or more arguments than were captured.
    """
    words, numbers = iter(integers), iter(doubles)

    def convert(match: re.Match[str]) -> str:
        flags, width, precision, size, letter = match.groups()
        if letter == "%":
            return "%"
        dot = "." in match.group(0)
        try:
            if width == "*":
                width = str(ctypes.c_int(next(words)).value)
            if precision == "*":
                precision = str(ctypes.c_int(next(words)).value)
            spec = "%" + flags + (width or "") + (f".{precision or ''}" if dot else "")
            if letter == "s":
                data = ctypes.c_char_p(next(words) or None).value
                return (spec + "s") % ("(null)" if data is None else data.decode(errors="replace"))
            if letter == "c":
                return (spec + "c") % chr(next(words) & 0xFF)
            if letter == "p":
                return hex(next(words) & (2**64 - 1))
            if letter in "aAeEfFgG":
                value = next(numbers)
                return value.hex() if letter in "aA" else (spec + letter) % value
            bits = _BITS.get(size or "", 32)
            value = next(words) & (2**bits - 1)
            if letter in "di" and value >= 2 ** (bits - 1):
                value -= 2**bits
            if letter == "n":
                raise ValueError("%n in a message")
            return ((spec + ("d" if letter in "diu" else letter)) % value).replace("0o", "0")
        except StopIteration:
            raise ValueError(f"more arguments than this host captures: {template!r}") from None

    left = _SPEC.sub("", template)
    if "%" in left:
        raise ValueError(f"unknown conversion in {template!r}")
    return _SPEC.sub(convert, template)
