"""Are edit lists (CMX 3600) refused, or do they give cuts in order?"""

from __future__ import annotations

from fractions import Fraction

from target import file_of

from retempo.retime.cut_lists import load_cuts

WORDS = (b"FCM: DROP FRAME", b"  C  ", b"  D  024 ", b" V ", b"BL", b"01:00:00:00", b"01:00:04;12")


def parse(data: bytes) -> None:
    path = str(file_of(data[1:], ".edl"))
    rate = (Fraction(24), Fraction(30000, 1001), Fraction(60), Fraction(1, 3))[data[0] % 4 if data else 0]
    cuts, stretches = load_cuts(path, 1001, rate)
    assert list(cuts) == sorted(cuts) and all(first <= last for first, last in stretches)


def seeds() -> dict[str, bytes]:
    lines = (
        "TITLE: REEL", "FCM: NON-DROP FRAME",
        "001  A001 V     C        01:00:00:00 01:00:02:00 01:00:00:00 01:00:02:00",
        "002  A001 V     C        01:00:02:00 01:00:02:00 01:00:02:00 01:00:02:00",
        "002  A002 V     D    024 02:00:00:00 02:00:03:00 01:00:02:00 01:00:05:00",
        "003  BL   V     C        00:00:00:00 00:00:01:00 01:00:05:00 01:00:06:00",
    )  # fmt: skip
    text = "\n".join(lines).encode()
    return {
        "cuts.edl": b"\0" + text,
        "drop.edl": b"\1" + text.replace(b"NON-", b"").replace(b":00 ", b";00 "),
    }
