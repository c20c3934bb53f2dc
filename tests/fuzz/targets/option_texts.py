"""Is every text of a flag refused or understood? Devices, memory, coefficients, cuts, dissolves, presets of vectors."""

from __future__ import annotations

from retempo.errors import RetempoError
from retempo.flow.vectors import find_preset
from retempo.render.device import parse_device
from retempo.render.settings import parse_coefficients, parse_memory
from retempo.retime.cuts import name_stretch, parse_cuts, parse_dissolves

WORDS = (b"1010-1022", b"nuke", b"cycles", b"cuda:0", b"1.5GiB", b"inf", b"nan", b"-", b",")


def parse(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    stretches = _try(parse_dissolves, text)
    if stretches:
        assert parse_dissolves(",".join(map(name_stretch, stretches))) == stretches
    for one in (parse_device, parse_coefficients, parse_memory, parse_cuts, find_preset):
        _try(one, text)


def _try(read, text):  # type: ignore[no-untyped-def]
    try:
        return read(text)
    except RetempoError as error:
        return str(error) and None


def seeds() -> dict[str, bytes]:
    texts = (
        "cuda:1",
        "1.5GiB",
        "10,1,1,10,1,1",
        "1010,1050,-3",
        "1010-1022,1100-1112",
        "arnold-normalized",
        "off",
    )
    return {f"text{index}": text.encode() for index, text in enumerate(texts)}
