"""Are file patterns and frame ranges refused or exact?"""

from __future__ import annotations

from pathlib import PurePath

from retempo.errors import RetempoError
from retempo.io import pattern

WORDS = (b"####", b"@@@", b"%04d", b"$F4", b"1-10x2", b"--", b".exr", b"_v02.")


def parse(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    try:
        numbers = pattern.parse_range(text)
        assert list(numbers) == sorted(set(numbers))
        assert pattern.parse_range(pattern.format_range(numbers)) == numbers
    except RetempoError as error:
        str(error)
    if "\0" in text:
        return  # no file name
    pattern.number_in(text)
    pattern.of_file(PurePath(text))  # type: ignore[arg-type]
    found = pattern.parse(f"/nonexistent/{text}")
    for number in (0, 7, 1001, -12) if found.has_token else ():
        assert found.number(found.name(number)) == number
    assert str(found)


def seeds() -> dict[str, bytes]:
    texts = (
        "shot.####.exr",
        "a_@@@.png",
        "b.%04d.dpx",
        "c.$F4.exr",
        "plate_v02.1001.exr",
        "1-10x2",
        "-5--1,8,20-30",
    )
    return {f"text{index}": text.encode() for index, text in enumerate(texts)}
