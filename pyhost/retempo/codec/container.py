"""How is an encoded clip one file? A header, an index with checksums, the frames' bytes.

    b"RTMPOCDC"  u16 version  u32 length of the header
    header       JSON, UTF-8: size, rate, keys, networks
    u32          frames, then for each: u32 frame, u8 kind, u8 network, u32 bytes, u32 CRC-32 of them,
                 u32 CRC-32 of the decoded picture's codes
    u32          CRC-32 of everything so far
    bytes        of the frames, in the order of the index

All numbers are little-endian. Every byte is under a checksum, and no number is believed before it was held against
what the file is long: a hostile file can make nobody allocate much.
"""

from __future__ import annotations

import json
import re
import struct
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from fractions import Fraction
from typing import Any, Final

from retempo.codec.gop import LONGEST, Step, plan_order
from retempo.errors import InputError, UsageError

MAGIC: Final = b"RTMPOCDC"
VERSION: Final = 1
_START: Final = struct.Struct("<8sHI")
_COUNT: Final = struct.Struct("<I")
_ENTRY: Final = struct.Struct("<IBBIII")
_HEADER_LIMIT: Final = 1 << 20
SIDE_LIMIT: Final = 1 << 14
"""Pixels of a side."""
AREA_LIMIT: Final = 1 << 26
"""Pixels of a picture, 64 Mi."""
FRAME_LIMIT: Final = 1 << 24
"""Frames of a clip."""
NETWORKS_LIMIT: Final = 250
_RATE: Final = r"\d{1,9}([./]\d{1,9})?"
"""No exponent: 1e99999999 would be a number of a hundred million digits."""

KEY, MADE, MENDED = 0, 1, 2
"""Kinds of frames: a still picture; latents; latents and the latents of a residual."""


@dataclass(frozen=True)
class Header:
    """What holds for the whole clip.

    Attributes:
        width, height: pixels. frames: of the clip. first: number of its first frame.
        rate: frames a second, "30000/1001".
        gop: frames from key to key. references: of each frame between.
        still: file type of keys (``jxl``, ``png``). quality: of the keys, 1 to 100; 100 is lossless.
        networks: digests of the weights, 16 hexadecimal digits each.
        retempo: version that wrote it.
    """

    width: int
    height: int
    frames: int
    first: int
    rate: str
    gop: int
    references: int
    still: str
    quality: int
    networks: tuple[str, ...]
    retempo: str

    def check(self) -> None:
        """See that every field is of its type and in its range.

        Raises:
            ValueError: one is not.
        """
        whole = (self.width, self.height, self.frames, self.first, self.gop, self.references, self.quality)
        text = (self.rate, self.retempo, self.still, *self.networks)
        if any(type(one) is not int for one in whole) or any(type(one) is not str for one in text):
            raise ValueError("a number is not whole, or a text is none")
        if not (min(self.width, self.height) >= 1 and max(self.width, self.height) <= SIDE_LIMIT):
            raise ValueError(f"pictures of {self.width}x{self.height}")
        if self.width * self.height > AREA_LIMIT:
            raise ValueError(f"pictures of {self.width}x{self.height}")
        if not (1 <= self.frames <= FRAME_LIMIT and 1 <= self.gop <= LONGEST and 2 <= self.references <= 4):
            raise ValueError(f"{self.frames} frames, keys every {self.gop}, {self.references} references")
        if not 1 <= self.quality <= 100 or self.still not in ("jxl", "png"):
            raise ValueError(f"keys as {self.still!r} of quality {self.quality}")
        if len(self.networks) > NETWORKS_LIMIT or any(len(one) != 16 for one in self.networks):
            raise ValueError("digests of networks")
        if not re.fullmatch(_RATE, self.rate, re.ASCII) or Fraction(self.rate) <= 0:
            raise ValueError(f"a rate of {self.rate!r}")


@dataclass(frozen=True)
class Packet:
    """One frame as it travels.

    Attributes:
        frame: position in the clip. kind: KEY, MADE or MENDED. network: which of the header's; 0 for a key.
        data: bytes. picture: CRC-32 of the 8-bit codes that the encoder decoded of it.
    """

    frame: int
    kind: int
    network: int
    data: bytes
    picture: int


def write_container(header: Header, packets: Sequence[Packet]) -> bytes:
    """The whole file.

    Raises:
        UsageError: the header is out of range.
    """
    try:
        header.check()
    except ValueError as error:
        raise UsageError(
            f"these settings do not go together: {error}", "see `retempo codec encode --help`"
        ) from error
    said = json.dumps(asdict(header), separators=(",", ":")).encode()
    head = _START.pack(MAGIC, VERSION, len(said)) + said + _COUNT.pack(len(packets))
    head += b"".join(
        _ENTRY.pack(one.frame, one.kind, one.network, len(one.data), zlib.crc32(one.data), one.picture)
        for one in packets
    )
    return b"".join([head, _COUNT.pack(zlib.crc32(head)), *(one.data for one in packets)])


def read_container(data: bytes, name: str) -> tuple[Header, list[Packet]]:
    """Read and check a whole file.

    Args:
        data: its bytes. name: of the file, for messages.

    Raises:
        InputError: it is none, of another version, cut off, or a byte of it changed.
    """
    found, at = _read_head(data, name)
    (count,) = _COUNT.unpack_from(data, at)
    end = at + _COUNT.size + count * _ENTRY.size
    if end + _COUNT.size > len(data):
        raise _cut_off(name, f"its index of {count} frames does not fit into {len(data)} bytes")
    (checksum,) = _COUNT.unpack_from(data, end)
    if zlib.crc32(memoryview(data)[:end]) != checksum:
        raise InputError(f"{name} is damaged: checksum of its header and index", "copy or encode it again")
    header = _parse_header(found, name)
    entries = [_ENTRY.unpack_from(data, at + _COUNT.size + index * _ENTRY.size) for index in range(count)]
    start = end + _COUNT.size
    if (length := start + sum(entry[3] for entry in entries)) != len(data):
        raise _cut_off(name, f"it has {len(data)} bytes where its index says {length}")
    _check_order(header, entries, name)
    packets = []
    for frame, kind, network, size, checksum, picture in entries:
        payload = data[start : start + size]
        if zlib.crc32(payload) != checksum:
            raise InputError(f"{name} is damaged: checksum of frame {frame}", "copy or encode it again")
        packets.append(Packet(frame, kind, network, payload, picture))
        start += size
    return header, packets


def _read_head(data: bytes, name: str) -> tuple[bytes, int]:
    """The header's bytes, and where the index begins."""
    if len(data) < _START.size or not data.startswith(MAGIC):
        raise InputError(f"{name} is no encoded clip", "`retempo codec encode` makes one")
    _, version, length = _START.unpack_from(data)
    if version != VERSION:
        raise InputError(
            f"{name} is of version {version}, this reads {VERSION}", "decode it with the Retempo that made it"
        )
    at = _START.size + length
    if length > _HEADER_LIMIT or at + _COUNT.size > len(data):
        raise _cut_off(name, f"its header of {length} bytes does not fit into {len(data)} bytes")
    return data[_START.size : at], at


def _parse_header(said: bytes, name: str) -> Header:
    try:
        found: Any = json.loads(said)
        if set(found) != {one.name for one in fields(Header)} or not isinstance(found["networks"], list):
            raise ValueError("its fields")
        header = Header(**{**found, "networks": tuple(found["networks"])})
        header.check()
        return header
    except (ValueError, TypeError, ZeroDivisionError, RecursionError) as error:
        raise InputError(f"{name}: its header is not valid: {error}", "encode it again") from error


def _check_order(header: Header, entries: Sequence[tuple[int, ...]], name: str) -> None:
    """Are the frames those that the header announces, in their order?"""
    if len(entries) != header.frames:
        raise InputError(
            f"{name} has {len(entries)} frames where {header.frames} are announced", "encode it again"
        )
    for entry, step in zip(entries, order_of(header), strict=True):
        frame, kind, network = entry[:3]
        fits = kind == KEY if step.is_key else kind in (MADE, MENDED) and network < len(header.networks)
        if frame != step.frame or not fits:
            raise InputError(
                f"{name}: frame {frame} stands where frame {step.frame} belongs", "encode it again"
            )


def order_of(header: Header) -> list[Step]:
    """The order in which the frames of a clip travel."""
    return plan_order(header.frames, header.gop, header.references)


def _cut_off(name: str, why: str) -> InputError:
    return InputError(f"{name} is cut off or damaged: {why}", "copy it again, whole, or encode it again")
