"""How do tests talk to a server? A small client in Python: the same bytes as the plugin's, none of its speed."""

from __future__ import annotations

import array
import fcntl
import mmap
import os
import socket
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from retempo.io.frame import Window
from retempo.server import messages
from retempo.server import protocol as wire
from retempo.server.digest import digest_pixels
from retempo.server.messages import Done, Failed, Hello, Progress, Welcome
from retempo.server.protocol import HEADER, Type, pack_message, parse_header
from retempo.server.render_message import FrameEntry, Kind, Output, RenderMessage, Role
from retempo.server.runtime import SOCKET
from retempo.server.token import read_token

F_ADD_SEALS = 1033
SHRINK, GROW, WRITE = 0x2, 0x4, 0x8


def make_memory(size: int, seals: int = SHRINK) -> int:
    """A memfd of some size."""
    fd = os.memfd_create("retempo-test", os.MFD_ALLOW_SEALING | os.MFD_CLOEXEC)
    os.ftruncate(fd, size)
    fcntl.fcntl(fd, F_ADD_SEALS, seals)
    return fd


def fill_memory(pixels: np.ndarray) -> int:
    """A memfd that holds one frame and can no longer be changed."""
    fd = make_memory(pixels.nbytes, SHRINK | GROW)
    os.pwrite(fd, np.ascontiguousarray(pixels).data, 0)
    fcntl.fcntl(fd, F_ADD_SEALS, WRITE)
    return fd


@dataclass(frozen=True)
class Picture:
    """A frame that the client has."""

    number: int
    pixels: np.ndarray
    role: Role = Role.SOURCE
    x: int = 0
    y: int = 0

    @property
    def window(self) -> Window:
        return Window(self.x, self.y, self.pixels.shape[1], self.pixels.shape[0])

    def entry(self) -> FrameEntry:
        digest = digest_pixels(self.pixels, self.window)
        return FrameEntry(self.role, self.number, digest, self.pixels.shape[2], self.window)


class Refused(Exception):
    """The server has answered FAILED."""

    def __init__(self, failed: Failed) -> None:
        super().__init__(f"{failed.code}: {failed.message}; {failed.hint}")
        self.failed = failed


class Client:
    """One connection to a server.

    Args:
        folder: its runtime directory.
        greet: say HELLO.
    """

    def __init__(self, folder: Path, *, greet: bool = True, timeout: float = 20.0) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(timeout)
        self.sock.connect(str(folder / SOCKET))
        self.last = 0
        self.welcome: Welcome | None = None
        self.sent: list[int] = []
        """Frame numbers that the server has asked for, in all requests so far."""
        if greet:
            token = read_token(folder)
            assert token is not None, "the server has left no token"
            self.send(Type.HELLO, self.number(), Hello("test", os.getpid(), token.client).pack())
            kind, _, payload = self.take()
            assert kind == Type.WELCOME, Failed.parse(payload)
            self.welcome = Welcome.parse(payload)
            assert self.welcome.token == token.server

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.sock.close()

    def number(self) -> int:
        self.last += 1
        return self.last

    def send(self, kind: int, number: int, payload: bytes = b"", fd: int | None = None) -> None:
        self.send_raw(
            pack_message(Type(kind), number, payload, int(fd is not None)), [] if fd is None else [fd]
        )

    def send_raw(self, data: bytes, fds: Iterable[int] = ()) -> None:
        given = list(fds)
        if not given:
            self.sock.sendall(data)
            return
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", given))]
        sent = self.sock.sendmsg([data], ancillary)
        self.sock.sendall(data[sent:])

    def take(self) -> tuple[int, int, bytes]:
        """The next message: (type, request, payload).

        Raises:
            ConnectionError: the server has closed the connection.
        """
        header = parse_header(self._bytes(HEADER.size))
        return header.type, header.request, self._bytes(header.length)

    def _bytes(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            part = self.sock.recv(count - len(data))
            if not part:
                raise ConnectionError("closed")
            data += part
        return data

    def status(self) -> dict[str, Any]:
        import json

        self.send(Type.STATUS, self.number())
        kind, _, payload = self.take()
        assert kind == Type.STATUS_REPLY
        return dict(json.loads(payload))

    def ping(self) -> None:
        number = self.number()
        self.send(Type.PING, number)
        assert self.take()[:2] == (Type.PONG, number)

    def begin(self, message: RenderMessage, pictures: Iterable[Picture], size: int = 0) -> tuple[int, int]:
        """Send RENDER; returns the request's number and its memory, which the caller closes."""
        number = self.number()
        needed = message.offset + max(0, message.stride) * message.window.height
        fd = make_memory(size or needed or 4)
        self.send(Type.RENDER, number, message.pack(), fd)
        return number, fd

    def answer_need(
        self, number: int, payload: bytes, message: RenderMessage, pictures: Iterable[Picture]
    ) -> None:
        """Send what NEED asks for, one sealed object a frame."""
        known = {(one.role, one.number): one for one in pictures}
        for index in messages.parse_need(payload):
            entry = message.frames[index]
            fd = fill_memory(known[entry.role, entry.number].pixels)
            self.send(Type.FRAMES, number, messages.pack_frames([(index, 0)]), fd)
            os.close(fd)
            self.sent.append(entry.number)

    def finish(self, number: int, message: RenderMessage, pictures: Iterable[Picture]) -> Done:
        """Go through a request's conversation to its end.

        Raises:
            Refused: FAILED came.
        """
        while True:
            kind, request, payload = self.take()
            if kind == Type.FAILED:
                raise Refused(Failed.parse(payload))
            assert request == number
            if kind == Type.NEED:
                self.answer_need(number, payload, message, pictures)
            elif kind == Type.DONE:
                return Done.parse(payload)
            else:
                assert kind == Type.PROGRESS
                Progress.parse(payload)

    def render(
        self,
        time: Fraction | int | str,
        pictures: list[Picture],
        settings: Mapping[str, str] | None = None,
        **changes: Any,
    ) -> tuple[np.ndarray, Done]:
        """A whole request; returns the picture and DONE."""
        message = ask(time, pictures, settings, **changes)
        number, fd = self.begin(message, pictures, message.window.height * abs(message.stride))
        try:
            done = self.finish(number, message, pictures)
            return read_result(fd, message), done
        finally:
            os.close(fd)


def ask(
    time: Fraction | int | str,
    pictures: list[Picture],
    settings: Mapping[str, str] | None = None,
    **changes: Any,
) -> RenderMessage:
    """A RENDER for some pictures, the size of the first."""
    first = pictures[0]
    window = changes.get("window", first.window)
    channels = changes.get("channels", first.pixels.shape[2])
    message = RenderMessage(
        Kind.RETIME, Output.PICTURE, Fraction(time), window, first.window, channels,
        0, 4 * channels * window.width, settings or {}, tuple(one.entry() for one in pictures),
    )  # fmt: skip
    return replace(message, **changes)


def read_result(fd: int, message: RenderMessage) -> np.ndarray:
    """The output region, top row first."""
    window, channels = message.window, message.channels
    with mmap.mmap(fd, 0) as held:
        rows = [
            np.frombuffer(
                held, np.float32, window.width * channels, message.offset + row * message.stride
            ).copy()
            for row in range(window.height)
        ]
    return np.stack(rows).reshape(window.height, window.width, channels)


def header(
    magic: int = wire.MAGIC,
    version: int = wire.VERSION,
    kind: int = 10,
    length: int = 0,
    fds: int = 0,
    flags: int = 0,
) -> bytes:
    """A header with any fault in it."""
    return struct.pack("<IHHQIHHQ", magic, version, kind, 5, length, fds, flags, 0)
