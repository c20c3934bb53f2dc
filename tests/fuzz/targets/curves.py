"""Are curves of speed and of frames, as JSON, CSV or in a flag, refused or exact?"""

from __future__ import annotations

from fractions import Fraction

from retempo.errors import RetempoError
from retempo.retime.curves import Curve, parse_csv, parse_json
from retempo.retime.objects import parse_object_curve

WORDS = (
    b'"keys"',
    b'"curve"',
    b'"time"',
    b'"value"',
    b'"interpolation"',
    b'"smooth"',
    b"hold",
    b"1/3",
    b"1e9",
    b"25%",
)


def parse(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    for read in (parse_json, parse_csv):
        try:
            _look(read(text))
        except RetempoError as error:
            str(error)
    if text.lstrip()[:1] in ("[", "{"):
        one = parse_object_curve(f"7={text}")
        assert parse_object_curve(one.spelled()) == one


def _look(curve: Curve) -> None:
    first, last = curve.keys[0].time, curve.keys[-1].time
    assert curve.value(first) == curve.keys[0].value and curve.value(last + 1) == curve.keys[-1].value
    middle = (first + last) / 2
    values = [key.value for key in curve.keys]
    if all(key.interpolation != "hold" for key in curve.keys):
        assert min(values) <= curve.value(middle) <= max(values)
    whole = curve.integral(first, last)
    assert whole == curve.integral(first, middle) + curve.integral(middle, last)
    assert isinstance(whole, Fraction)


def seeds() -> dict[str, bytes]:
    return {
        "object.json": b'{"curve": "speed", "keys": [{"time": 1001, "value": 1, "interpolation": "smooth"},'
        b' {"time": 1025, "value": "1/4"}, [1049, 1]]}',
        "list.json": b'[[0, 0, "smooth"], [0.5, 0.25], [1, 1, "hold"]]',
        "keys.csv": b"time,value,interpolation\n1001,1,smooth\n# a comment\n1025,25%\n\n1049,24000/1001,hold\n",
    }
