"""What is answered to each message? Greets clients, takes requests and frames, cancels, reports.

Runs on the loop's thread only; nothing here waits. Workers answer through ``post``.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from retempo.errors import InputError, RetempoError
from retempo.server import messages
from retempo.server import protocol as wire
from retempo.server.connection import Connection, Gone
from retempo.server.limits import DEFAULTS, Limits
from retempo.server.memory import SharedMemory
from retempo.server.messages import Done, Failed, Hello, Progress, Welcome
from retempo.server.protocol import ProtocolError, StrangerError, Type, VersionError
from retempo.server.render_message import RenderMessage
from retempo.server.request import Request, State
from retempo.server.scheduler import Owner
from retempo.server.token import TOKEN, Token, same
from retempo.server.worker import CANCELLED, Worker, failure

log = logging.getLogger(__name__)
ANSWERS = {Done: Type.DONE, Failed: Type.FAILED, Progress: Type.PROGRESS}


class Sessions:
    """All connections' conversations.

    Args:
        worker: carries requests out.
        version: of the server, for WELCOME and STATUS_REPLY.
        post: runs a function on the loop's thread, soon; called from workers.
        stop: ends the server, soon.
        token: what a client has to know.
        limits: of what clients may ask for.
    """

    def __init__(
        self,
        worker: Worker,
        version: str,
        post: Callable[[Callable[[], None]], None],
        stop: Callable[[], None],
        token: Token,
        limits: Limits = DEFAULTS,
    ) -> None:
        self.token = token
        self.limits = limits
        self.worker = worker
        self.version = version
        self.connections: set[Connection] = set()
        self.started = time.monotonic()
        self._post = post
        self._stop = stop
        self._table: bytes | None = None

    def handle(self, connection: Connection) -> None:
        """Take what a client has sent and answer it.

        Raises:
            Gone: the client is gone; call ``leave``.
        """
        try:
            for kind, number, payload, fd in connection.receive():
                self._dispatch(connection, kind, number, payload, fd)
                if connection.closing is not None:
                    return
        except ProtocolError as error:
            self.refuse(connection, error)

    def refuse(self, connection: Connection, error: ProtocolError) -> None:
        """Tell a client that speaks something else why it has to go."""
        log.warning("%s: %s", connection.name, error)
        self._drop_requests(connection)
        connection.send(
            Type.FAILED, 0, Failed(error.exit_code, error.message, error.hint, closing=True).pack()
        )
        connection.end()

    def leave(self, connection: Connection) -> None:
        """A client is gone: nobody wants its results."""
        log.info("%s left", connection.name)
        self._drop_requests(connection)
        self.connections.discard(connection)
        connection.close()

    def expire(self, connection: Connection) -> None:
        """Answer requests whose deadline is over."""
        for request in list(connection.requests.values()):
            if request.cancelled and request.cancel():
                self._end(connection, request, CANCELLED)

    @property
    def pending(self) -> int:
        """Requests that have not been answered."""
        return sum(len(one.requests) for one in self.connections)

    def status(self) -> dict[str, Any]:
        """Facts for people and tests."""
        cache, scheduler = self.worker.cache, self.worker.scheduler
        with open("/proc/self/statm") as memory:
            resident = int(memory.read().split()[1]) * os.sysconf("SC_PAGESIZE")
        return {
            "version": self.version,
            "protocol": wire.VERSION,
            "pid": os.getpid(),
            "uptime": round(time.monotonic() - self.started, 1),
            "clients": sorted(one.name for one in self.connections if one.hello),
            "connections": len(self.connections),
            "pending": self.pending,
            "workers": scheduler.workers,
            "busy": scheduler.busy,
            **self.worker.counts,
            "cache_entries": len(cache),
            "cache_used": cache.used,
            "cache_limit": cache.limit,
            "resident": resident,
        }

    def _dispatch(
        self, connection: Connection, kind: int, number: int, payload: bytes, fd: int | None
    ) -> None:
        if connection.hello is None and kind != Type.HELLO:
            if fd is not None:
                os.close(fd)
            raise ProtocolError(f"a message of type {kind} came before HELLO", "say HELLO first")
        if kind == Type.RENDER and fd is not None:
            self._render(connection, number, payload, fd)
            return
        if kind == Type.FRAMES:
            self._frames(connection, number, payload, fd)
            return
        if fd is not None:
            os.close(fd)
            raise ProtocolError(
                "a descriptor came with a message that takes none", "RENDER and FRAMES take one"
            )
        if kind == Type.RENDER:
            raise ProtocolError(
                "RENDER came without its shared memory", "send the descriptor with the header"
            )
        if kind == Type.HELLO:
            self._hello(connection, number, Hello.parse(payload))
        elif payload:
            raise ProtocolError(f"a message of type {kind} has a payload", "see plugin/PROTOCOL.md")
        elif kind == Type.PING:
            connection.send(Type.PONG, number)
        elif kind == Type.CANCEL:
            self._cancel(connection, number)
        elif kind in (Type.STATUS, Type.STOP):
            facts = self.status() | {"stopping": kind == Type.STOP}
            connection.send(Type.STATUS_REPLY, number, json.dumps(facts).encode())
            if kind == Type.STOP:
                log.info("%s asks to stop", connection.name)
                self._stop()
        else:
            raise ProtocolError(f"a client sent a message of type {kind}", "see plugin/PROTOCOL.md")

    def _hello(self, connection: Connection, number: int, hello: Hello) -> None:
        if not hello.oldest <= wire.VERSION <= hello.newest:
            raise VersionError(
                f"the client speaks versions {hello.oldest} to {hello.newest} of the protocol, "
                f"this server version {wire.VERSION}",
                "install the plugin and retempo of one release, and stop the old server with: retempo serve --stop",
            )
        if not same(hello.token, self.token.client):
            raise StrangerError(
                "the client does not know this server's token",
                f"clients read it from {TOKEN} beside the socket; start the host application again",
            )
        connection.hello = hello
        connection.waits_since = None
        log.info("%s came", connection.name)
        if self._table is None:
            from retempo.server.parameters import table_hash

            self._table = table_hash()
        welcome = Welcome(
            self.version, os.getpid(), self._table, self.worker.cache.limit, self.token.server,
            most_payload=self.limits.message, most_side=self.limits.side, most_pending=self.limits.requests,
        )  # fmt: skip
        connection.send(Type.WELCOME, number, welcome.pack())

    def _render(self, connection: Connection, number: int, payload: bytes, fd: int) -> None:
        try:
            message = RenderMessage.parse(payload)
            if number in connection.requests:
                raise ProtocolError(f"request {number} is pending already", "number requests differently")
        except ProtocolError:
            os.close(fd)
            raise
        try:
            request = self._accept(connection, number, message, self._shared(connection, fd))
        except RetempoError as error:
            connection.send(Type.FAILED, number, failure(error).pack())
            return
        if request.missing:
            connection.send(Type.NEED, number, messages.pack_need(sorted(request.missing)))
        else:
            self._start(connection, request)

    def _accept(
        self, connection: Connection, number: int, message: RenderMessage, memory: SharedMemory
    ) -> Request:
        """Check a request and find what is known of its frames; owns ``memory``."""
        from retempo.server.engine import frame_key
        from retempo.server.request_frames import check_request
        from retempo.server.request_settings import read_settings
        from retempo.server.request_shots import check_shots

        try:
            if len(connection.requests) >= self.limits.requests:
                raise RetempoError(
                    f"{self.limits.requests} requests are pending already", "wait for some of them"
                )
            self._check_sides(message)
            settings = read_settings(message.settings)
            check_request(message, settings)
            check_shots(message)
            memory.check_output(message.offset, message.stride, message.window, message.channels)
            request = Request(number, message, settings, memory)
            eager = []
            for index, frame in enumerate(message.frames):
                pixels = self.worker.cache.get(frame_key(frame.digest))
                if pixels is not None and pixels.shape == (
                    frame.window.height,
                    frame.window.width,
                    frame.channels,
                ):
                    request.pixels[index] = pixels
                else:
                    request.missing.add(index)
                    if frame.offset is not None:
                        eager.append((index, frame.offset))
            request.accept(eager, memory)
        except BaseException:
            memory.close()
            raise
        connection.requests[number] = request
        return request

    def _shared(self, connection: Connection, fd: int) -> SharedMemory:
        return SharedMemory(fd, connection.mappings, self.limits.memory)

    def _check_sides(self, message: RenderMessage) -> None:
        windows = (message.window, *(frame.window for frame in message.frames))
        largest = max(max(window.width, window.height) for window in windows)
        if largest > self.limits.side:
            raise InputError(
                f"a picture of the request is {largest} pixels wide or high",
                f"this server takes up to {self.limits.side}; see retempo serve --max-side",
            )

    def _frames(self, connection: Connection, number: int, payload: bytes, fd: int | None) -> None:
        request = connection.requests.get(number)
        try:
            places = messages.parse_frames(payload)
        except ProtocolError:
            if fd is not None:
                os.close(fd)
            raise
        if request is None or request.state is not State.NEEDS:
            if fd is not None:
                os.close(fd)
            return
        memory = request.memory
        try:
            if fd is not None:
                memory = self._shared(connection, fd)
            memory.measure()
            request.accept(places, memory)
        except RetempoError as error:
            if memory is not request.memory:
                memory.close()
            if request.cancel():
                self._end(connection, request, failure(error))
            return
        if memory is not request.memory and all(
            one.memory is not memory for one in request.arrivals.values()
        ):
            memory.close()
        if not request.missing:
            self._start(connection, request)

    def _start(self, connection: Connection, request: Request) -> None:
        owner = Owner(connection.pid, connection.number)
        answer = partial(self._answer, connection, request)
        self.worker.start(owner, request, lambda what: self._post(partial(answer, what)))

    def _cancel(self, connection: Connection, number: int) -> None:
        request = connection.requests.get(number)
        if request is not None and request.cancel():
            self._end(connection, request, CANCELLED)

    def _end(self, connection: Connection, request: Request, answer: Failed) -> None:
        self.worker.count("cancelled" if answer is CANCELLED else "failures")
        request.finish()
        self._answer(connection, request, answer)

    def _answer(self, connection: Connection, request: Request, what: Done | Failed | Progress) -> None:
        if connection.requests.get(request.number) is not request:
            return  # the client is gone, or has been answered
        if not isinstance(what, Progress):
            del connection.requests[request.number]
            text = what.info if isinstance(what, Done) else f"failed ({what.code}): {what.message}"
            log.info("%s request %d: %s", connection.name, request.number, text)
        try:
            connection.send(ANSWERS[type(what)], request.number, what.pack())
        except Gone:
            connection.lost = True  # the loop will see

    def _drop_requests(self, connection: Connection) -> None:
        for request in connection.requests.values():
            if request.cancel():
                self.worker.count("cancelled")
                request.finish()
        connection.requests.clear()
