"""Has a byte of this file changed since Retempo wrote it? A checksum in its own metadata answers.

Headers come before pixels, so a file is written with a blank in the place of its checksum; the checksum of the whole
file (blank included) is put there before the file gets its name. PNG has checksums of its own, for every chunk.
"""

from __future__ import annotations

import hashlib
import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

KEY: Final = "retempo:check"
"""Metadata key of formats with free attributes; others carry the same text in their Software field."""
DIGITS: Final = 16
_NAME: Final = "retempo-check="
BLANK: Final = _NAME + "-" * DIGITS
_FILLED = re.compile(re.escape(_NAME.encode()) + rb"([0-9a-f]{%d})" % DIGITS)
_BLOCK: Final = 1 << 20
_PNG: Final = b"\x89PNG\r\n\x1a\n"


def seal(path: Path) -> bool:
    """Put the checksum of a finished file into its blanks; False where it has none.

    Raises:
        OSError: it cannot be read or written.
    """
    with path.open("r+b") as stream:
        if stream.read(len(_PNG)) == _PNG:
            return False
        digest, places = _hash(stream, BLANK.encode())
        for place in places:
            stream.seek(place)
            stream.write((_NAME + digest).encode())
    return bool(places)


def changed_reason(path: Path) -> str | None:
    """Why a file is not as it was written; None when it is, or when it carries no checksum.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as stream:
        if stream.read(len(_PNG)) == _PNG:
            return _broken_chunk(stream)
        stated = _stated(
            stream
        )  # metadata may have brought along the checksum of a file that it was made from
        kept = any(_hash(stream, _NAME.encode() + one)[0].encode() == one for one in stated)
    return None if kept or not stated else "its bytes are not those that were written"


def is_sealed(path: Path) -> bool:
    """Does a file say what its bytes were?"""
    with path.open("rb") as stream:
        return stream.read(len(_PNG)) == _PNG or bool(_stated(stream))


def _pieces(stream: BinaryIO, overlap: int) -> Iterator[tuple[int, bytes]]:
    """Blocks and where they begin; each repeats the last ``overlap`` bytes of the one before."""
    stream.seek(0)
    start, held = 0, b""
    while block := stream.read(_BLOCK):
        held += block
        yield start, held
        kept = held[-overlap:] if overlap else b""
        start += len(held) - len(kept)
        held = kept


def _stated(stream: BinaryIO) -> set[bytes]:
    return {found for _, block in _pieces(stream, len(BLANK) - 1) for found in _FILLED.findall(block)}


def _hash(stream: BinaryIO, text: bytes) -> tuple[str, list[int]]:
    """Checksum of a file in which ``text`` counts as blank, and where it stands."""
    places = []
    for start, block in _pieces(stream, len(text) - 1):
        at = block.find(text)
        while at >= 0:
            places.append(start + at)
            at = block.find(text, at + len(text))
    made = hashlib.sha256()
    stream.seek(0)
    for place in places:
        _feed(made, stream, place - stream.tell())
        made.update(BLANK.encode())
        stream.seek(len(text), 1)
    _feed(made, stream, -1)
    return made.hexdigest()[:DIGITS], places


def _feed(made: hashlib._Hash, stream: BinaryIO, count: int) -> None:
    """The next ``count`` bytes, or all that are left."""
    while count and (block := stream.read(_BLOCK if count < 0 else min(_BLOCK, count))):
        made.update(block)
        count -= len(block) if count > 0 else 0


def _broken_chunk(stream: BinaryIO) -> str | None:
    """Go through the chunks of a PNG; the stream is behind the signature."""
    while len(head := stream.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        sum_, left = zlib.crc32(kind), length
        while left and (block := stream.read(min(_BLOCK, left))):
            sum_, left = zlib.crc32(block, sum_), left - len(block)
        if left or stream.read(4) != struct.pack(">I", sum_):
            return f"PNG chunk {kind!r} is broken"
        if kind == b"IEND":
            return None
    return "it is cut off: the PNG end chunk is missing"
