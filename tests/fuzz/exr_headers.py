"""How is an EXR file written whose header says whatever one likes? OpenEXR file layout, version 2; by hand."""

from __future__ import annotations

import struct
from dataclasses import dataclass

MOST_DATA = 1 << 16


@dataclass(frozen=True)
class Part:
    """One part's header.

    Attributes:
        window, display: of data and display, inclusive corners; the same when None.
        compression: its code. channels: name and type (0 uint, 1 half, 2 float). name: of the part.
        attributes: name, type, bytes, and the size that is claimed for them (0: the true one).
        tiles: width, height, mode. chunk_count: as claimed. sampling: of every channel.
        claimed: the file ends behind the header, with a table of one chunk.
    """

    window: tuple[int, int, int, int]
    display: tuple[int, int, int, int] | None = None
    compression: int = 0
    channels: tuple[tuple[str, int], ...] = (("B", 1), ("G", 1), ("R", 1))
    name: str = ""
    attributes: tuple[tuple[str, str, bytes, int], ...] = ()
    tiles: tuple[int, int, int] | None = None
    chunk_count: int | None = None
    sampling: tuple[int, int] = (1, 1)
    claimed: bool = False


def write_exr(parts: list[Part], multipart: bool = False) -> bytes:
    """The file: uncompressed zeros where a part is small and says nothing else, else nothing behind the header."""
    many = multipart or len(parts) > 1
    flags = 2 | (0x1000 if many else 0) | (0x200 if not many and any(part.tiles for part in parts) else 0)
    head = b"\x76\x2f\x31\x01" + struct.pack("<I", flags)
    head += b"".join(_header(part, many) for part in parts) + (b"\0" if many else b"")
    chunks = [_chunks(part) for part in parts]
    at = len(head) + 8 * sum(map(len, chunks))
    tables, data = b"", b""
    for index, found in enumerate(chunks):
        for chunk in found:
            tables += struct.pack("<Q", at + len(data))
            data += (struct.pack("<i", index) if many else b"") + chunk
    return head + tables + data


def _attribute(name: str, kind: str, value: bytes, size: int = 0) -> bytes:
    head = name.encode("latin-1") + b"\0" + kind.encode() + b"\0"
    return head + struct.pack("<i", size or len(value)) + value


def _header(part: Part, many: bool) -> bytes:
    sampling = struct.pack("<ii", *part.sampling)
    listed = b"".join(
        name.encode("latin-1") + b"\0" + struct.pack("<i4x", kind) + sampling for name, kind in part.channels
    )
    found = [
        _attribute("channels", "chlist", listed + b"\0"),
        _attribute("compression", "compression", bytes([part.compression])),
        _attribute("dataWindow", "box2i", struct.pack("<4i", *part.window)),
        _attribute("displayWindow", "box2i", struct.pack("<4i", *(part.display or part.window))),
        _attribute("lineOrder", "lineOrder", b"\0"),
        _attribute("pixelAspectRatio", "float", struct.pack("<f", 1)),
        _attribute("screenWindowCenter", "v2f", bytes(8)),
        _attribute("screenWindowWidth", "float", struct.pack("<f", 1)),
        *(_attribute(*one) for one in part.attributes),
    ]
    if part.tiles:
        found.append(
            _attribute("tiles", "tiledesc", struct.pack("<IIB", *(side & 0xFFFFFFFF for side in part.tiles)))
        )
    if many:
        kind = b"tiledimage" if part.tiles else b"scanlineimage"
        count = len(_chunks(part)) if part.chunk_count is None else part.chunk_count
        found += [
            _attribute("name", "string", part.name.encode("latin-1")),
            _attribute("type", "string", kind),
        ]
        found.append(_attribute("chunkCount", "int", struct.pack("<I", count & 0xFFFFFFFF)))
    elif part.chunk_count is not None:
        found.append(_attribute("chunkCount", "int", struct.pack("<I", part.chunk_count & 0xFFFFFFFF)))
    return b"".join(found) + b"\0"


def _chunks(part: Part) -> list[bytes]:
    """Uncompressed chunks of zeros; one that is too short where the part is large or compressed."""
    x0, y0, x1, y1 = part.window
    width, height = x1 - x0 + 1, y1 - y0 + 1
    pixel = sum(2 if kind == 1 else 4 for _, kind in part.channels)
    if part.claimed or part.compression or width < 1 or height < 1 or width * height * pixel > MOST_DATA:
        return [struct.pack("<ii", y0, 4) + bytes(4)]
    if part.tiles:
        step, rows, _ = part.tiles
        if not (0 < step <= width and 0 < rows <= height):
            return []
        return [
            struct.pack("<4ii", x, y, 0, 0, size) + bytes(size)
            for y in range(-(-height // rows))
            for x in range(-(-width // step))
            for size in (pixel * min(step, width - x * step) * min(rows, height - y * rows),)
        ]
    return [struct.pack("<ii", y, width * pixel) + bytes(width * pixel) for y in range(y0, y1 + 1)]
