"""Is an encoded clip's container refused or exact? Also with checksums made right, which chance never would."""

from __future__ import annotations

import struct
import zlib

from retempo.codec import container as codec
from retempo.codec.container import Header, Packet, read_container, write_container
from retempo.errors import RetempoError

WORDS = (b"RTMPOCDC", b'"frames":', b'"rate":"24000/1001"', b"1e99999999", b'"networks":[]', b'"gop":')


def parse(data: bytes) -> None:
    for one in (data, _sealed(data)):
        try:
            header, packets = read_container(one, "input")
        except RetempoError as error:
            str(error)
            continue
        assert read_container(write_container(header, packets), "again") == (header, packets)


def _sealed(data: bytes) -> bytes:
    """With the checksum of header and index that belongs there, and those of the frames."""
    made = bytearray(data)
    if len(made) < codec._START.size:
        return data
    at = codec._START.size + struct.unpack_from("<I", made, codec._START.size - 4)[0]
    if at + 4 > len(made):
        return data
    (count,) = struct.unpack_from("<I", made, at)
    end = at + 4 + count * codec._ENTRY.size
    if end + 4 > len(made):
        return data
    start = end + 4
    for place in range(at + 4, end, codec._ENTRY.size):
        size = struct.unpack_from("<I", made, place + 6)[0]
        struct.pack_into("<I", made, place + 10, zlib.crc32(made[start : start + size]))
        start += size
    struct.pack_into("<I", made, end, zlib.crc32(made[:end]))
    return bytes(made)


def seeds() -> dict[str, bytes]:
    header = Header(77, 50, 4, 1001, "24000/1001", 3, 2, "jxl", 90, ("0123456789abcdef",), "0.1.0")
    packets = [
        Packet(0, 0, 0, b"key", 1),
        Packet(3, 0, 0, b"second", 2),
        Packet(1, 1, 0, b"made", 3),
        Packet(2, 2, 0, b"", 4),
    ]
    one = Header(8, 8, 1, 0, "25", 2, 2, "png", 100, (), "0")
    return {
        "clip": write_container(header, packets),
        "still": write_container(one, [Packet(0, 0, 0, b"k", 9)]),
    }
