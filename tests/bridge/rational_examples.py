"""Which fraction does Python find for a time? Run me to write ``tests/fixtures/rationals.json``."""

from __future__ import annotations

import json
import random
from fractions import Fraction
from pathlib import Path

FILE = Path(__file__).resolve().parents[1] / "fixtures" / "rationals.json"
LIMIT = 100000
PLAIN = (
    0.0, -0.0, 1.0, -1.0, 0.5, 1001.25, 1 / 3, -1 / 3, 0.1, 24000 / 1001, 30000 / 1001, 1001 / 24000, 1001.0 + 1 / 7,
    5e-324, 1e-300, 1e-9, -1e-9, 4.9e-6, 5e-6, 5.1e-6, 1e-5, 2**-16, 2**-17, 2**-18, 3 * 2**-18, 1 - 2**-53, 1 + 2**-52,
    99999 / 100000, 1 / 99999, 1 / 100001, 3.141592653589793, 2.718281828459045, 1e6 + 1 / 3, 2**31 + 0.3, 2**39 + 0.7,
    -(2**39) - 0.7, 2.0**40, 86400.041666666664, 1e-5 + 2**-60, 0.99999, 0.999995, 0.9999949, 0.9999951,
)  # fmt: skip


def examples() -> list[float]:
    """Plain ones, times that hosts make (sums of steps, speeds), and any."""
    random.seed(3)
    values = list(PLAIN)
    values += [
        1001 + n * speed for speed in (0.1, 0.25, 1 / 3, 0.7, -1.3, 23.976 / 24) for n in (1, 7, 100, 12345)
    ]
    values += [random.uniform(-1e4, 1e4) for _ in range(200)]
    values += [random.uniform(-1, 1) * 10.0 ** random.uniform(-8, 11) for _ in range(200)]
    values += [random.randrange(10**6) / random.randrange(1, LIMIT) for _ in range(200)]
    values += [(2 * random.randrange(10**6) + 1) / (2 * random.randrange(1, LIMIT)) for _ in range(100)]
    return [value for value in values if abs(value) <= 2.0**40]


def document() -> dict[str, object]:
    """The whole fixture."""
    rows = []
    for value in examples():
        found = Fraction(value).limit_denominator(LIMIT)
        rows.append([value.hex(), found.numerator, found.denominator])
    return {
        "about": "written by tests/bridge/rational_examples.py: Fraction(time).limit_denominator(100000)",
        "times": rows,
    }


if __name__ == "__main__":
    lines = json.dumps(document()).replace("], [", "],\n[")
    FILE.write_text(lines + "\n")
