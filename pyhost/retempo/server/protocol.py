"""How does a message travel between the plugin and the server? Its header, as ``plugin/PROTOCOL.md`` lays it out, and
the reading of its fields.

Little endian, fixed layout, no pointer and no pickle. ``pack`` gives a payload, ``parse`` takes one; ``parse`` trusts
nothing: what is short, long, out of range or not UTF-8 raises ``ProtocolError``.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import Final, NamedTuple

from retempo.errors import InputError

MAGIC: Final = 0x504D5452
VERSION: Final = 2
HEADER: Final = struct.Struct("<IHHQIHHQ")
LARGEST_PAYLOAD: Final = 1 << 20
LARGEST_SIDE: Final = 32768
MOST_FRAMES: Final = 64
MOST_PENDING: Final = 64


class ProtocolError(InputError):
    """What came over the socket is not this protocol; the connection cannot go on."""


class VersionError(ProtocolError):
    """Client and server are of different releases."""

    exit_code = 2


class StrangerError(ProtocolError):
    """The client does not know the token: it is not who should talk to this server."""

    exit_code = 4


class Type(IntEnum):
    """What a message is."""

    HELLO = 1
    WELCOME = 2
    RENDER = 3
    NEED = 4
    FRAMES = 5
    DONE = 6
    FAILED = 7
    PROGRESS = 8
    CANCEL = 9
    PING = 10
    PONG = 11
    STATUS = 12
    STATUS_REPLY = 13
    STOP = 14


class Header(NamedTuple):
    """The 32 bytes that every message begins with; magic and reserved are checked and dropped."""

    version: int
    type: int
    request: int
    length: int
    fds: int = 0
    flags: int = 0


def pack_message(
    kind: Type, request: int, payload: bytes = b"", fds: int = 0, version: int = VERSION
) -> bytes:
    """Header and payload of one message.

    Raises:
        ProtocolError: the payload is too long to be sent.
    """
    if len(payload) > LARGEST_PAYLOAD:
        raise ProtocolError(f"{kind.name} holds {len(payload)} bytes, more than {LARGEST_PAYLOAD}")
    return HEADER.pack(MAGIC, version, kind, request, len(payload), fds, 0, 0) + payload


def parse_header(data: bytes | memoryview) -> Header:
    """The header in the first 32 bytes. Another version is no error here: the caller answers it.

    Raises:
        ProtocolError: no header of any version of this protocol.
    """
    magic, version, kind, request, length, fds, flags, reserved = HEADER.unpack_from(data)
    if magic != MAGIC:
        raise ProtocolError(
            f"a message begins with {magic:#010x}, not with 'RTMP'", "this socket speaks Retempo's protocol"
        )
    if length > LARGEST_PAYLOAD or fds > 1:
        raise ProtocolError(
            f"a header announces {length} bytes and {fds} descriptors", "1 MiB and one are the limits"
        )
    if version == VERSION and (flags or reserved):
        raise ProtocolError("a header has flags or reserved bits set", f"version {VERSION} knows none")
    return Header(version, kind, request, length, fds, flags)


class Reader:
    """Takes fields off a payload from its front; every step is checked."""

    def __init__(self, payload: bytes | memoryview, what: str) -> None:
        self._left = memoryview(payload)
        self._what = what

    def take(self, count: int) -> memoryview:
        """The next ``count`` bytes."""
        if count > len(self._left):
            raise ProtocolError(
                f"{self._what} ends early", f"{count} more bytes were announced, {len(self._left)} are there"
            )
        part, self._left = self._left[:count], self._left[count:]
        return part

    def fields(self, layout: str) -> tuple[int, ...]:
        """The next fields of a struct layout, little endian, unpadded."""
        return struct.unpack("<" + layout, self.take(struct.calcsize("<" + layout)))

    def text(self, size: str = "H") -> str:
        """A string: its length in bytes, then UTF-8."""
        (length,) = self.fields(size)
        try:
            return str(self.take(length), "utf-8")
        except UnicodeDecodeError as error:
            raise ProtocolError(f"{self._what} holds a text that is not UTF-8") from error

    def rest(self) -> bytes:
        """All that is left."""
        return bytes(self.take(len(self._left)))

    def end(self) -> None:
        """Refuse leftovers."""
        if self._left:
            raise ProtocolError(f"{self._what} has {len(self._left)} bytes too many")


def pack_text(text: str) -> bytes:
    """A string as it travels: u16 length in bytes, then UTF-8; what does not fit is cut at a character."""
    data = text.encode("utf-8", "replace")[:0xFFFF].decode("utf-8", "ignore").encode()
    return struct.pack("<H", len(data)) + data
