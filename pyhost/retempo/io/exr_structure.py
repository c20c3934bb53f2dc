"""Is this EXR file whole, and which bytes of its header say how a channel is stored?

Reads headers and the chunk offset tables alone (OpenEXR file layout, version 2), a few kilobytes whatever the
size of the picture. A writer that died leaves zeros in the table; a copy that was cut leaves offsets past the
end of the file.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

MAGIC = b"\x76\x2f\x31\x01"
_TILED, _DEEP, _MULTIPART = 0x200, 0x800, 0x1000
_LINES = {0: 1, 1: 1, 2: 1, 3: 16, 4: 32, 5: 16, 6: 32, 7: 32, 8: 32, 9: 256, 10: 256, 11: 32}
_LONGEST_ATTRIBUTE = 1 << 28


class StructureError(ValueError):
    """The file does not follow the EXR layout; the message says where."""


@dataclass
class PartHeader:
    """What one part's header says that matters here; ``channels`` maps names to the offset of their type."""

    channels: dict[str, int] = field(default_factory=dict)
    compression: int = 0
    data_window: tuple[int, int, int, int] = (0, 0, 0, 0)
    tiles: tuple[int, int, int] | None = None
    chunk_count: int | None = None
    kind: str = ""

    def chunks(self) -> int | None:
        """Return the number of chunks; None when it cannot be told (mip-mapped single-part tiles)."""
        if self.chunk_count is not None:
            return self.chunk_count
        x0, y0, x1, y1 = self.data_window
        if self.tiles:
            width, height, mode = self.tiles
            if mode & 15 or not width or not height:
                return None
            return -(-(x1 - x0 + 1) // width) * -(-(y1 - y0 + 1) // height)
        lines = _LINES.get(self.compression)
        return None if lines is None else -(-(y1 - y0 + 1) // lines)


def _text(stream: BinaryIO) -> str:
    out = bytearray()
    while (byte := stream.read(1)) != b"\0":
        if not byte or len(out) > 255:
            raise StructureError("the header ends in the middle of a name")
        out += byte
    return out.decode("utf-8", "replace")


def _exactly(stream: BinaryIO, count: int) -> bytes:
    data = stream.read(count)
    if len(data) != count:
        raise StructureError("the file ends in its header")
    return data


def read_headers(stream: BinaryIO) -> tuple[list[PartHeader], int]:
    """Read all part headers; the stream is left at the first chunk offset table.

    Returns:
        the parts and the version flags.

    Raises:
        StructureError: not an EXR file, or cut inside the header.
    """
    end = stream.seek(0, os.SEEK_END)  # what is longer than the file is not even tried to be read
    stream.seek(0)
    start = stream.read(8)
    if len(start) < 8 or start[:4] != MAGIC:
        raise StructureError("the file does not start like an EXR file")
    flags = struct.unpack("<I", start[4:])[0]
    parts: list[PartHeader] = []
    while True:
        part = PartHeader()
        name = _text(stream)
        if not name:
            break
        while name:
            kind = _text(stream)
            size = struct.unpack("<i", _exactly(stream, 4))[0]
            if not 0 <= size <= _LONGEST_ATTRIBUTE:
                raise StructureError(f"header attribute '{name}' has an impossible size")
            at = stream.tell()
            if at + size > end:
                raise StructureError("the file ends in its header")
            _take(part, name, kind, _exactly(stream, size), at)
            name = _text(stream)
        parts.append(part)
        if not flags & _MULTIPART:
            break
    return parts, flags


def _take(part: PartHeader, name: str, kind: str, data: bytes, at: int) -> None:
    try:
        if kind == "chlist":
            position = 0
            while position < len(data) and data[position]:
                end = data.index(0, position)
                part.channels[data[position:end].decode("utf-8", "replace")] = at + end + 1
                position = end + 1 + 16
        elif name == "compression":
            part.compression = data[0]
        elif name == "dataWindow":
            part.data_window = struct.unpack("<4i", data)
        elif name == "tiles":
            part.tiles = struct.unpack("<IIB", data)
        elif name == "chunkCount":
            part.chunk_count = struct.unpack("<i", data)[0]
        elif name == "type":
            part.kind = data.decode("ascii", "replace")
    except (struct.error, ValueError, IndexError) as error:
        raise StructureError(f"header attribute '{name}' is broken") from error


def broken_reason(path: Path) -> str | None:
    """Return why an EXR file is not whole, or None when every chunk is where the table says.

    Reads the header, the offset table and the head of each part's last chunk.
    """
    size = path.stat().st_size
    with path.open("rb") as stream:
        try:
            parts, flags = read_headers(stream)
            if not parts:
                return "it has no parts"
            return _check_tables(stream, parts, flags, size)
        except StructureError as error:
            return str(error)


def _check_tables(stream: BinaryIO, parts: list[PartHeader], flags: int, size: int) -> str | None:
    tables = []
    for part in parts:
        count = part.chunks()
        if count is None:
            return None
        if count < 0 or stream.tell() + 8 * count > size:
            return "the file ends in its chunk table"
        tables.append(struct.unpack(f"<{count}Q", _exactly(stream, 8 * count)))
    first = stream.tell()
    for part, table in zip(parts, tables, strict=True):
        for index, offset in enumerate(table):
            if not first <= offset < size:
                what = "was never written" if offset < first else "lies beyond the end of the file"
                return f"chunk {index + 1} of {len(table)} {what}"
        tiled = part.kind == "tiledimage" or (not part.kind and bool(flags & _TILED))
        if not table or "deep" in part.kind or flags & _DEEP:
            continue
        skip = (4 if flags & _MULTIPART else 0) + (16 if tiled else 4)
        last = max(table)
        stream.seek(last + skip)
        head = stream.read(4)
        if len(head) < 4 or last + skip + 4 + struct.unpack("<i", head)[0] > size:
            return "the last chunk is cut off"
    return None


def store_as_uint(path: Path, wanted: Mapping[int, set[str]]) -> None:
    """Turn FLOAT channels of a finished file into UINT, in place: the bits stay, the header's type changes.

    OpenImageIO writes one buffer type a part and would scale integers beside floats; written as floats their
    bits arrive untouched. Only for compressions that treat both types alike (none, RLE, ZIP, ZIPS, PIZ).

    Args:
        path: a whole EXR file.
        wanted: channel names by part index.
    """
    with path.open("r+b") as stream:
        parts, _ = read_headers(stream)
        for index, names in wanted.items():
            for name in names:
                stream.seek(parts[index].channels[name])
                stream.write(struct.pack("<i", 0))
