"""Are speeds, rates and timecodes refused or exact?"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from retempo.errors import RetempoError
from retempo.io.metadata import exact_rate
from retempo.io.timecode import Timecode, timecode_at
from retempo.retime.rational import format_number, parse_number, parse_rate, parse_speed

WORDS = (b"24000/1001", b"23.976", b"25%", b"1e-9", b"01:02:03;04", b"/", b"e9")


def parse(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    number = _try(parse_number, text)
    if number is not None:
        assert Fraction(format_number(number).rpartition("+")[2]).denominator <= number.denominator
        assert parse_number(str(number)) == number or len(str(number)) > 60
    for one in (parse_speed, parse_rate, exact_rate):
        _try(one, text)
    code = _try(Timecode.parse, text)
    for rate in (Fraction(24), Fraction(30000, 1001), Fraction(60)) if code else ():
        on = timecode_at(code, 1000, rate)
        assert timecode_at(on, -1000, rate).count(rate) == timecode_at(code, 0, rate).count(rate)
        assert Timecode.unpack(*on.packed(rate), rate) == on
        str(code.rescaled(Fraction(24), rate))
    if len(data) >= 8:
        str(Timecode.unpack(int.from_bytes(data[:4]), int.from_bytes(data[4:8]), Fraction(60)))


def _try(read: Callable[[str], Any], text: str) -> Any:
    try:
        return read(text)
    except RetempoError as error:
        return str(error) and None


def seeds() -> dict[str, bytes]:
    texts = ("1/4", "-0.5", "24000/1001", "23.976", "25%", "1e-3", "01:02:03:04", "10:59:59;28")
    return {f"text{index}": text.encode() for index, text in enumerate(texts)}
