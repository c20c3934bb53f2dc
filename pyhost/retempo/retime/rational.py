"""What exact number did the user type?

Speeds, frame rates and curve values are held as ``fractions.Fraction``: '1/4', '0.5' and '23.976' have
exact values, and a plan of a million frames drifts by nothing.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal
from fractions import Fraction

from retempo.errors import TimingError, UsageError

Number = int | float | str | Fraction | Decimal

_TEXT = re.compile(
    r"^[+-]?(\d{1,30}(\.\d{0,30})?|\.\d{1,30})(/\d{1,30}(\.\d{1,30})?|e[+-]?\d{1,2})?%?$", re.IGNORECASE
)

_NTSC = {
    Fraction(text): Fraction(nominal * 1000, 1001)
    for text, nominal in (
        ("23.976", 24), ("23.98", 24), ("29.97", 30), ("47.952", 48), ("47.95", 48),
        ("59.94", 60), ("71.928", 72), ("95.904", 96), ("119.88", 120),
    )
}  # fmt: skip


def parse_number(value: Number, what: str = "value") -> Fraction:
    """The exact value of a number or of its text: '1/4', '0.5', '-2', '25%', '1e-3', '24000/1001'.

    A Python float is read as the decimal that it prints as (0.1 becomes 1/10, not its binary neighbour).

    Raises:
        UsageError: the text is no number, or not finite; ``what`` names it in the message.
    """
    if isinstance(value, bool):
        raise UsageError(f"{what} is {value!r}, not a number", "write it as 1/4, 0.25 or 25%")
    if isinstance(value, (int, Fraction)):
        return Fraction(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise UsageError(f"{what} is {value}, not a finite number", "write it as 1/4, 0.25 or 25%")
        value = repr(value)
    text = re.sub(r"\s*/\s*", "/", str(value).strip())
    if not _TEXT.match(text) or ("/" in text and "e" in text.lower()):
        shown = text if len(text) <= 40 else text[:37] + "..."
        raise UsageError(f"{what} is {shown!r}, not a number", "write it as 1/4, 0.25 or 25%")
    percent = text.endswith("%")
    numerator, _, denominator = text.rstrip("%").partition("/")
    result = Fraction(numerator)
    if denominator:
        divisor = Fraction(denominator)
        if divisor == 0:
            raise UsageError(f"{what} is {text!r}, a division by zero", "write it as 1/4, 0.25 or 25%")
        result /= divisor
    return result / 100 if percent else result


def parse_speed(value: Number, what: str = "speed") -> Fraction:
    """An exact speed: source frames per output frame; negative plays backwards.

    Raises:
        UsageError: not a number.
        TimingError: zero, which would show one frame for ever.
    """
    speed = parse_number(value, what)
    if speed == 0:
        raise TimingError(
            f"{what} is 0, which never leaves its first frame", "use a freeze with a number of frames instead"
        )
    return speed


def parse_rate(value: Number, what: str = "frame rate") -> Fraction:
    """An exact frame rate in frames per second, greater than 0.

    The usual shorthands of NTSC rates mean what they stand for: '23.976' and '23.98' are 24000/1001,
    '29.97' is 30000/1001, '59.94' is 60000/1001 and so on. Every other number is taken as it is written.

    Raises:
        UsageError: not a number.
        TimingError: zero or negative.
    """
    rate = parse_number(value, what)
    if rate <= 0:
        raise TimingError(
            f"{what} is {rate}, but must be greater than 0",
            "give frames per second, such as 24 or 24000/1001",
        )
    if rate in _NTSC:
        return _NTSC[rate]
    nearest = round(rate * Fraction(1001, 1000))
    if (
        isinstance(value, float)
        and nearest > 0
        and abs(rate - Fraction(nearest * 1000, 1001)) < Fraction(1, 10**9)
    ):
        return Fraction(nearest * 1000, 1001)
    return rate


def format_number(value: Fraction) -> str:
    """The shortest exact text: '1033', '1033.5', and '1033+1/3' where decimals would not end soon."""
    if value.denominator == 1:
        return str(value.numerator)
    for digits in (1, 2, 3):
        if (value * 10**digits).denominator == 1:
            return f"{float(value):.{digits}f}" if abs(value) < 10**12 else str(value)
    whole = math.floor(value)
    return f"{whole}+{value - whole}" if whole else str(value)
