"""What has one client sent so far, and what is still to be sent to it? Bytes to messages, descriptors included.

Used by one thread only. Never blocks: what the client does not take yet waits here, up to a limit.
"""

from __future__ import annotations

import array
import os
import socket
import time
from collections import deque
from collections.abc import Iterator
from typing import Final

from retempo.server.limits import DEFAULTS, Limits
from retempo.server.mapping import MappingPool
from retempo.server.messages import Hello
from retempo.server.protocol import (
    HEADER,
    VERSION,
    ProtocolError,
    Type,
    VersionError,
    pack_message,
    parse_header,
)
from retempo.server.request import Request
from retempo.server.runtime import peer_of

CHUNK: Final = 256 << 10
MOST_UNSENT: Final = 8 << 20
MOST_DESCRIPTORS: Final = 4
PATIENCE: Final = 10.0
"""Seconds for HELLO, and for the rest of a message that has begun."""


class Gone(Exception):
    """The client has closed the connection, or does not take what it is sent."""


class Connection:
    """One client.

    Args:
        sock: accepted, non-blocking; owned.
        number: for the log.
        limits: of what it may send.
    """

    def __init__(self, sock: socket.socket, number: int, limits: Limits = DEFAULTS) -> None:
        self.sock = sock
        self.limits = limits
        self.number = number
        self.pid, self.uid = peer_of(sock)
        self.hello: Hello | None = None
        self.requests: dict[int, Request] = {}
        self.mappings = MappingPool()
        self.since = time.monotonic()
        self.waits_since: float | None = self.since
        self.lost = False
        """It turned out, while something was sent, that the client is gone."""
        self.closing: float | None = None
        """When patience ends with a client that has been told to go."""
        self._inbox = bytearray()
        self._fds: deque[int] = deque()
        self._outbox = bytearray()

    @property
    def name(self) -> str:
        """For the log: one line, whatever the client calls itself."""
        said = self.hello.name[:80] if self.hello else "unnamed"
        shown = "".join(one if one.isprintable() else "?" for one in said)
        return f"client {self.number} ({shown}, pid {self.pid})"

    @property
    def unsent(self) -> bool:
        """Is there something that the client has not taken yet?"""
        return bool(self._outbox)

    def receive(self) -> Iterator[tuple[int, int, bytes, int | None]]:
        """Take what has arrived; yields (type, request, payload, descriptor or None) of each whole message.

        Whoever takes a descriptor owns it.

        Raises:
            Gone: the client is no longer there.
            ProtocolError: this is not the protocol.
        """
        space = socket.CMSG_SPACE(MOST_DESCRIPTORS * 4)
        try:
            data, ancillary, flags, _ = self.sock.recvmsg(CHUNK, space, socket.MSG_CMSG_CLOEXEC)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            raise Gone from error
        for level, kind, content in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                found = array.array("i")
                found.frombytes(content[: len(content) // 4 * 4])
                self._fds.extend(found)
        if not data:
            raise Gone
        if self.closing is not None:  # listen no more
            self._drop_descriptors()
            return
        if flags & socket.MSG_CTRUNC:
            raise ProtocolError("descriptors were lost on the way", "one at most rides with a message")
        self._inbox += data
        yield from self._messages()
        if len(self._fds) > (1 if self._inbox else 0):
            raise ProtocolError(
                "a descriptor came that no header announces", "one at most rides with a message"
            )
        if not self._inbox:
            self.waits_since = None if self.hello else self.since
        elif self.waits_since is None:
            self.waits_since = time.monotonic()

    def _messages(self) -> Iterator[tuple[int, int, bytes, int | None]]:
        while len(self._inbox) >= HEADER.size:
            header = parse_header(bytes(self._inbox[: HEADER.size]))
            if header.version != VERSION:
                raise VersionError(
                    f"the client speaks version {header.version} of the protocol, this server version {VERSION}",
                    "install the plugin and retempo of one release, and stop the old server with: retempo serve --stop",
                )
            if header.length > self.limits.message:
                raise ProtocolError(
                    f"a header announces {header.length} bytes", f"{self.limits.message} are the limit"
                )
            end = HEADER.size + header.length
            if len(self._inbox) < end:
                return
            fd = None
            if header.fds:
                if not self._fds:
                    raise ProtocolError(
                        "a header announces a descriptor and none came", "send it with the first byte"
                    )
                fd = self._fds.popleft()
            payload = bytes(self._inbox[HEADER.size : end])
            del self._inbox[:end]
            yield header.type, header.request, payload, fd

    def send(self, kind: Type, request: int, payload: bytes = b"") -> None:
        """Send a message, or as much of it as goes; ``flush`` sends the rest.

        Raises:
            Gone: the client is no longer there, or takes nothing.
        """
        if self.closing is not None:
            return
        self._outbox += pack_message(kind, request, payload)
        self.flush()
        if len(self._outbox) > MOST_UNSENT:
            raise Gone

    def flush(self) -> None:
        """Send what is left.

        Raises:
            Gone: the client is no longer there.
        """
        while self._outbox:
            try:
                sent = self.sock.send(self._outbox, socket.MSG_NOSIGNAL)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                raise Gone from error
            del self._outbox[:sent]

    def end(self) -> None:
        """Say that nothing more comes; what the client still sends is thrown away until it closes."""
        self.closing = time.monotonic() + 1.0
        self._inbox.clear()
        self._drop_descriptors()
        try:
            if not self._outbox:
                self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # gone already

    @property
    def overdue(self) -> bool:
        """Has a message, or the end, been waited for long enough?"""
        now = time.monotonic()
        if self.closing is not None:
            return now > self.closing
        return self.waits_since is not None and now > self.waits_since + PATIENCE

    def close(self) -> None:
        """Close everything that belongs to the client but its requests."""
        self._drop_descriptors()
        self.mappings.clear()
        self.sock.close()

    def _drop_descriptors(self) -> None:
        while self._fds:
            os.close(self._fds.popleft())
