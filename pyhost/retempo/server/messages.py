"""What do the messages say? The payload of every one but RENDER (see ``render_message``); ``plugin/PROTOCOL.md`` shows
each byte.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from enum import IntEnum

from retempo.server.protocol import (
    LARGEST_PAYLOAD,
    LARGEST_SIDE,
    MOST_FRAMES,
    MOST_PENDING,
    VERSION,
    ProtocolError,
    Reader,
    pack_text,
)
from retempo.server.token import HALF


@dataclass(frozen=True)
class Hello:
    """HELLO: who calls, which versions of the protocol it speaks, and the client's half of the token."""

    name: str
    pid: int
    token: bytes = field(default=bytes(HALF), repr=False)
    oldest: int = VERSION
    newest: int = VERSION

    def pack(self) -> bytes:
        head = struct.pack("<HHI", self.oldest, self.newest, self.pid)
        return head + struct.pack(f"<{HALF}s", self.token) + pack_text(self.name)

    @classmethod
    def parse(cls, payload: bytes) -> Hello:
        reader = Reader(payload, "HELLO")
        oldest, newest, pid = reader.fields("HHI")
        token = bytes(reader.take(HALF))
        name = reader.text()
        reader.end()
        return cls(name, pid, token, oldest, newest)


@dataclass(frozen=True)
class Welcome:
    """WELCOME: the version both speak, the server's own, its settings table, its limits, its half of the token."""

    server: str
    pid: int
    table: bytes
    cache_bytes: int
    token: bytes = field(default=bytes(HALF), repr=False)
    version: int = VERSION
    most_payload: int = LARGEST_PAYLOAD
    most_side: int = LARGEST_SIDE
    most_frames: int = MOST_FRAMES
    most_pending: int = MOST_PENDING

    def pack(self) -> bytes:
        limits = (self.most_payload, self.most_side, self.most_frames, self.most_pending, self.cache_bytes)
        head = struct.pack("<HHI16sIIHHIQ", self.version, 0, self.pid, self.table, *limits[:4], 0, limits[4])
        return head + struct.pack(f"<{HALF}s", self.token) + pack_text(self.server)

    @classmethod
    def parse(cls, payload: bytes) -> Welcome:
        reader = Reader(payload, "WELCOME")
        version, _, pid = reader.fields("HHI")
        table = bytes(reader.take(16))
        most_payload, most_side, most_frames, most_pending, _, cache_bytes = reader.fields("IIHHIQ")
        token = bytes(reader.take(HALF))
        server = reader.text()
        reader.end()
        limits = (most_payload, most_side, most_frames, most_pending)
        return cls(server, pid, table, cache_bytes, token, version, *limits)


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
    return struct.pack("<HHI", len(places), 0, 0) + b"".join(
        struct.pack("<HHIQ", i, 0, 0, at) for i, at in places
    )


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
        raise ProtocolError("FRAMES has reserved bits set", "they are for versions to come")
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
        times = [
            min(one, 0xFFFFFFFF)
            for one in (self.receive, self.queued, self.prepare, self.render, self.deliver)
        ]
        repaired = min(self.repaired, 0xFFFFFFFF)
        return struct.pack("<HHIIIIIIIQ", self.flow, 0, *times, repaired, 0, self.cache_used) + pack_text(
            self.info
        )

    @classmethod
    def parse(cls, payload: bytes) -> Done:
        reader = Reader(payload, "DONE")
        flow, _, receive, queued, prepare, render, deliver, repaired, _, cache_used = reader.fields(
            "HHIIIIIIIQ"
        )
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
        return (
            struct.pack("<HH", self.code, int(self.closing)) + pack_text(self.message) + pack_text(self.hint)
        )

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
