"""Which bytes pass between the plugin and the server? Every message but RENDER, as ``plugin/PROTOCOL.md`` lays it out.

Little endian, fixed layout, no pointer and no pickle. ``pack`` gives a payload, ``parse`` takes one; ``parse`` trusts
nothing: what is short, long, out of range or not UTF-8 raises ``ProtocolError``.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, NamedTuple

from retempo.errors import InputError

MAGIC: Final = 0x504D5452
VERSION: Final = 1
HEADER: Final = struct.Struct("<IHHQIHHQ")
LARGEST_PAYLOAD: Final = 1 << 20
LARGEST_SIDE: Final = 32768
MOST_FRAMES: Final = 64
MOST_PENDING: Final = 64


class ProtocolError(InputError):
    """What came over the socket is not this protocol; the connection cannot go on."""


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


def pack_message(kind: Type, request: int, payload: bytes = b"", fds: int = 0, version: int = VERSION) -> bytes:
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
        raise ProtocolError(f"a message begins with {magic:#010x}, not with 'RTMP'", "this socket speaks Retempo's protocol")
    if length > LARGEST_PAYLOAD or fds > 1:
        raise ProtocolError(f"a header announces {length} bytes and {fds} descriptors", "1 MiB and one are the limits")
    if version == VERSION and (flags or reserved):
        raise ProtocolError("a header has flags or reserved bits set", "version 1 knows none")
    return Header(version, kind, request, length, fds, flags)


class Reader:
    """Takes fields off a payload from its front; every step is checked."""

    def __init__(self, payload: bytes | memoryview, what: str) -> None:
        self._left = memoryview(payload)
        self._what = what

    def take(self, count: int) -> memoryview:
        """The next ``count`` bytes."""
        if count > len(self._left):
            raise ProtocolError(f"{self._what} ends early", f"{count} more bytes were announced, {len(self._left)} are there")
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


@dataclass(frozen=True)
class Hello:
    """HELLO: who calls, and which versions of the protocol it speaks."""

    name: str
    pid: int
    oldest: int = VERSION
    newest: int = VERSION

    def pack(self) -> bytes:
        return struct.pack("<HHI", self.oldest, self.newest, self.pid) + pack_text(self.name)

    @classmethod
    def parse(cls, payload: bytes) -> Hello:
        reader = Reader(payload, "HELLO")
        oldest, newest, pid = reader.fields("HHI")
        name = reader.text()
        reader.end()
        return cls(name, pid, oldest, newest)


@dataclass(frozen=True)
class Welcome:
    """WELCOME: the version both speak, the server's own, its settings table, its limits."""

    server: str
    pid: int
    table: bytes
    cache_bytes: int
    version: int = VERSION
    most_payload: int = LARGEST_PAYLOAD
    most_side: int = LARGEST_SIDE
    most_frames: int = MOST_FRAMES
    most_pending: int = MOST_PENDING

    def pack(self) -> bytes:
        limits = (self.most_payload, self.most_side, self.most_frames, self.most_pending, self.cache_bytes)
        head = struct.pack("<HHI16sIIHHIQ", self.version, 0, self.pid, self.table, *limits[:4], 0, limits[4])
        return head + pack_text(self.server)

    @classmethod
    def parse(cls, payload: bytes) -> Welcome:
        reader = Reader(payload, "WELCOME")
        version, _, pid = reader.fields("HHI")
        table = bytes(reader.take(16))
        most_payload, most_side, most_frames, most_pending, _, cache_bytes = reader.fields("IIHHIQ")
        server = reader.text()
        reader.end()
        return cls(server, pid, table, cache_bytes, version, most_payload, most_side, most_frames, most_pending)


def pack_need(indices: list[int]) -> bytes:
    """NEED: indices into the frame table whose pixels the server lacks."""
    return struct.pack(f"<H{len(indices)}H", len(indices), *indices)


def parse_need(payload: bytes) -> list[int]:
    """The indices in a NEED."""
    reader = Reader(payload, "NEED")
    (count,) = reader.fields("H")
    indices = list(reader.fields(f"{count}H"))
    reader.end()
    return indices


def pack_frames(places: list[tuple[int, int]]) -> bytes:
    """FRAMES: (index into the frame table, offset into the shared memory) of each frame sent."""
    return struct.pack("<HHI", len(places), 0, 0) + b"".join(struct.pack("<HHIQ", i, 0, 0, at) for i, at in places)


def parse_frames(payload: bytes) -> list[tuple[int, int]]:
    """The places in a FRAMES."""
    reader = Reader(payload, "FRAMES")
    count, *zero = reader.fields("HHI")
    places = []
    for _ in range(count):
        index, *more, offset = reader.fields("HHIQ")
        zero += more
        places.append((index, offset))
    reader.end()
    if any(zero):
        raise ProtocolError("FRAMES has reserved bits set", "version 1 knows none")
    return places


class FlowWork(IntEnum):
    """How the motion of a result was come by."""

    NONE = 0
    COMPUTED = 1
    CACHED = 2


@dataclass(frozen=True)
class Done:
    """DONE: the result is in the output memory. Times in microseconds, memory in bytes."""

    flow: FlowWork
    receive: int
    queued: int
    prepare: int
    render: int
    deliver: int
    repaired: int = 0
    cache_used: int = 0
    info: str = ""

    def pack(self) -> bytes:
        times = [min(one, 0xFFFFFFFF) for one in (self.receive, self.queued, self.prepare, self.render, self.deliver)]
        repaired = min(self.repaired, 0xFFFFFFFF)
        return struct.pack("<HHIIIIIIIQ", self.flow, 0, *times, repaired, 0, self.cache_used) + pack_text(self.info)

    @classmethod
    def parse(cls, payload: bytes) -> Done:
        reader = Reader(payload, "DONE")
        flow, _, receive, queued, prepare, render, deliver, repaired, _, cache_used = reader.fields("HHIIIIIIIQ")
        info = reader.text()
        reader.end()
        if flow not in list(FlowWork):
            raise ProtocolError(f"DONE has the flow {flow}", "0, 1 or 2 are possible")
        return cls(FlowWork(flow), receive, queued, prepare, render, deliver, repaired, cache_used, info)


@dataclass(frozen=True)
class Failed:
    """FAILED: no result. ``code`` is the exit code class of ``retempo.errors``; 130 is a cancelled request."""

    code: int
    message: str
    hint: str = ""
    closing: bool = False

    def pack(self) -> bytes:
        return struct.pack("<HH", self.code, int(self.closing)) + pack_text(self.message) + pack_text(self.hint)

    @classmethod
    def parse(cls, payload: bytes) -> Failed:
        reader = Reader(payload, "FAILED")
        code, flags = reader.fields("HH")
        message, hint = reader.text(), reader.text()
        reader.end()
        return cls(code, message, hint, bool(flags & 1))


@dataclass(frozen=True)
class Progress:
    """PROGRESS: how far a request is, in thousandths, and what is being done."""

    permille: int
    text: str

    def pack(self) -> bytes:
        return struct.pack("<HH", self.permille, 0) + pack_text(self.text)

    @classmethod
    def parse(cls, payload: bytes) -> Progress:
        reader = Reader(payload, "PROGRESS")
        permille, _ = reader.fields("HH")
        text = reader.text()
        reader.end()
        return cls(permille, text)
