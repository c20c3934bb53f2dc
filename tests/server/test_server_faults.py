"""What does a server do with clients that lie, vanish, stall or talk nonsense? Everybody else notices nothing."""

from __future__ import annotations

import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from wire_client import (
    GROW,
    SHRINK,
    WRITE,
    Client,
    Picture,
    Refused,
    ask,
    fill_memory,
    header,
    make_memory,
    read_result,
)

from plates import picture
from retempo.flow.catalog import register_flow
from retempo.server import connection as connections
from retempo.server import messages
from retempo.server import protocol as wire
from retempo.server.loop import Server
from retempo.server.messages import Failed, FlowWork
from retempo.server.protocol import Type
from retempo.server.render_message import RenderMessage
from retempo.server.token import read_token

PAIR = [Picture(1, picture(1)), Picture(2, picture(2))]


class SlowFlow:
    """An estimator that waits until it is let go."""

    name = "slow"
    entered = threading.Semaphore(0)
    free = threading.Event()

    def estimate(self, image0: np.ndarray, image1: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self.entered.release()
        assert self.free.wait(20)
        still = np.zeros((*image0.shape[:2], 2), np.float32)
        return still, still.copy()


@pytest.fixture
def slow() -> Iterator[type[SlowFlow]]:
    """The flow ``slow``; let go at the end of the test at the latest."""
    SlowFlow.free.clear()
    SlowFlow.entered = threading.Semaphore(0)
    register_flow("slow", lambda preset, pairs, context: SlowFlow())
    yield SlowFlow
    SlowFlow.free.set()


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def until(true: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end, what
        time.sleep(0.01)


def test_a_slow_frame_blocks_nobody_else(client: Client, folder: Path, slow: type[SlowFlow]) -> None:
    """Three workers, one connection with three slow frames: another connection is served meanwhile."""
    for number in range(3):
        given = [Picture(1, picture(number)), Picture(2, picture(number + 10))]
        request, fd = client.begin(ask("3/2", given, {"flow": "slow"}), given)
        os.close(fd)
        kind = Type.PROGRESS
        while kind != Type.NEED:
            kind, _, payload = client.take()
        client.answer_need(request, payload, ask("3/2", given, {"flow": "slow"}), given)
    assert slow.entered.acquire(timeout=10)
    client.sock.settimeout(20)
    with Client(folder) as other:
        made, done = other.render("3/2", PAIR)
        assert done.flow == FlowWork.COMPUTED and made.any()
        other.ping()
        assert other.status()["pending"] == 3
    slow.free.set()
    ended = set()
    while len(ended) < 3:
        kind, request, payload = client.take()
        if kind == Type.DONE:
            ended.add(request)
        assert kind in (Type.DONE, Type.PROGRESS), Failed.parse(payload)


def test_the_same_pair_is_prepared_once(client: Client, folder: Path, slow: type[SlowFlow]) -> None:
    """Requests for a pair that is just being prepared wait without taking a worker each."""
    results: list[tuple[np.ndarray, FlowWork]] = []

    def render(time: str) -> None:
        with Client(folder) as one:
            made, done = one.render(time, PAIR, {"flow": "slow"})
            results.append((made, done.flow))

    threads = [threading.Thread(target=render, args=(f"{n}/5",)) for n in range(6, 10)]
    for thread in threads:
        thread.start()
    assert slow.entered.acquire(timeout=10)
    until(lambda: client.status()["pending"] == 4, "not all requests came")
    client.render("3/2", PAIR, {"flow": "dis:fast"})
    slow.free.set()
    for thread in threads:
        thread.join(20)
    assert sorted(flow for _, flow in results) == [FlowWork.COMPUTED] + [FlowWork.CACHED] * 3
    assert not slow.entered.acquire(blocking=False), "flow was estimated twice"


def test_cancel(client: Client, slow: type[SlowFlow]) -> None:
    message = ask("3/2", PAIR, {"flow": "slow"})
    waiting, fd = client.begin(message, PAIR)
    os.close(fd)
    assert client.take()[0] == Type.NEED
    client.send(Type.CANCEL, waiting)
    kind, request, payload = client.take()
    assert (kind, request, Failed.parse(payload).code) == (Type.FAILED, waiting, 130)
    running, fd = client.begin(message, PAIR)
    client.answer_need(running, client.take()[2], message, PAIR)
    assert slow.entered.acquire(timeout=10)
    client.send(Type.CANCEL, running)
    client.send(Type.CANCEL, 12345)
    slow.free.set()
    with pytest.raises(Refused, match="130"):
        client.finish(running, message, PAIR)
    assert not read_result(fd, message).any(), "the server wrote a result that nobody wants"
    os.close(fd)
    status = client.status()
    assert (status["pending"], status["cancelled"], status["renders"]) == (0, 2, 0)
    _, done = client.render("3/2", PAIR, {"flow": "slow"})
    assert done.flow == FlowWork.CACHED, "what was prepared for the cancelled request is lost"


def test_deadline(client: Client) -> None:
    request, fd = client.begin(ask("3/2", PAIR, deadline=30), PAIR)
    os.close(fd)
    assert client.take()[0] == Type.NEED
    kind, number, payload = client.take()
    assert (kind, number, Failed.parse(payload).code) == (Type.FAILED, request, 130)


def test_a_client_that_vanishes(client: Client, folder: Path, slow: type[SlowFlow]) -> None:
    client.render("3/2", PAIR)
    before = descriptors()
    message = ask("3/2", PAIR, {"flow": "slow"})
    for stage in range(8):
        with Client(folder) as other:
            _, fd = other.begin(message, PAIR)
            os.close(fd)
            if stage % 2:
                other.send_raw(header(length=100)[:20])
    with Client(folder) as other:
        _, fd = other.begin(ask("3/2", PAIR, {"flow": "slow", "temperature": "1"}), PAIR)
        os.close(fd)
        assert slow.entered.acquire(timeout=10)
    slow.free.set()
    until(
        lambda: client.status()["connections"] == 1 and client.status()["busy"] == 0,
        "the client is not forgotten",
    )
    until(lambda: descriptors() == before, "descriptors are left open")
    assert client.status()["pending"] == 0


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        bytes(64),
        header(length=wire.LARGEST_PAYLOAD + 1),
        header(fds=7),
        header(fds=1),
        header(flags=1),
        header(kind=99),
        header(kind=Type.DONE),
        header(kind=Type.PING, length=3) + b"abc",
        header(kind=Type.HELLO, length=3) + b"abc",
        header(kind=Type.RENDER),
        header(kind=Type.FRAMES, length=2) + b"\1\0",
    ],
    ids=repr,
)
def test_garbage_ends_that_connection_only(client: Client, folder: Path, data: bytes) -> None:
    before = descriptors()
    with Client(folder, greet=len(data) % 2 == 0) as bad:
        bad.send_raw(data)
        kind, _, payload = bad.take()
        failed = Failed.parse(payload)
        assert kind == Type.FAILED and failed.closing and failed.message
        with pytest.raises(ConnectionError):
            bad.take()
    client.ping()
    until(lambda: descriptors() == before, "descriptors are left open")


def test_another_version_is_told_both(client: Client, folder: Path) -> None:
    with Client(folder, greet=False) as newer:
        newer.send_raw(header(version=3, kind=1, length=8))
        kind, _, payload = newer.take()
        failed = Failed.parse(payload)
        assert (kind, failed.code, failed.closing) == (Type.FAILED, 2, True)
        assert "version 3" in failed.message and "version 2" in failed.message and "release" in failed.hint
    with Client(folder, greet=False) as newer:
        newer.send(Type.HELLO, 1, messages.Hello("new", 1, bytes(32), 3, 4).pack())
        failed = Failed.parse(newer.take()[2])
        assert "versions 3 to 4" in failed.message and failed.closing
    with Client(folder, greet=False) as wide:
        token = read_token(folder)
        assert token is not None
        wide.send(Type.HELLO, 1, messages.Hello("wide", 1, token.client, 1, 4).pack())
        assert messages.Welcome.parse(wide.take()[2]).version == wire.VERSION


def test_memory_is_checked_before_it_is_touched(client: Client) -> None:
    message = ask("3/2", PAIR)
    size = message.stride * message.window.height
    before = descriptors()

    def refused(fd: int, sent: RenderMessage = message) -> str:
        number = client.number()
        client.send(Type.RENDER, number, sent.pack(), fd)
        os.close(fd)
        kind, request, payload = client.take()
        assert (kind, request) == (Type.FAILED, number)
        return Failed.parse(payload).message

    assert "of a shared memory of" in refused(make_memory(size - 1))
    assert "of a shared memory of" in refused(make_memory(size), replace(message, offset=4))
    assert "of a shared memory of" in refused(make_memory(size), replace(message, offset=(1 << 64) - 4))
    assert "of a shared memory of" in refused(make_memory(size), replace(message, stride=-message.stride))
    assert "of a shared memory of" in refused(make_memory(size), replace(message, stride=1 << 60))
    assert "may shrink" in refused(make_memory(size, 0))
    assert "no sealed" in refused(os.open("/etc/hostname", os.O_RDONLY))
    assert "no sealed" in refused(socket.socket().detach())
    eager = replace(message, frames=(replace(message.frames[0], offset=size), message.frames[1]))
    assert "frame 1" in refused(make_memory(size + 8), eager)
    client.ping()
    until(lambda: descriptors() == before, "descriptors are left open")


def test_frames_are_checked_too(client: Client) -> None:
    message = ask("3/2", PAIR)
    for places, make in (
        ([(0, 8)], lambda: fill_memory(PAIR[0].pixels)),
        ([(9, 0)], lambda: fill_memory(PAIR[0].pixels)),
        ([(0, 0)], lambda: make_memory(100)),
        ([(0, 0)], lambda: make_memory(1 << 20, 0)),
    ):
        number, output = client.begin(message, PAIR)
        assert client.take()[0] == Type.NEED
        fd = make()
        client.send(Type.FRAMES, number, messages.pack_frames(places), fd)
        os.close(fd)
        os.close(output)
        assert client.take()[0] == Type.FAILED
    sealed = make_memory(message.stride * message.window.height, SHRINK | GROW | WRITE)
    number = client.number()
    client.send(Type.RENDER, number, message.pack(), sealed)
    client.answer_need(number, client.take()[2], message, PAIR)
    with pytest.raises(Refused, match="sealed against writing"):
        client.finish(number, message, PAIR)
    os.close(sealed)


def test_frames_in_one_message_or_in_the_request_itself(client: Client) -> None:
    """Frames may lie behind the output, in one object for all, or in RENDER's own, enlarged."""
    expected, _ = client.render("3/2", PAIR)
    for stage in range(3):
        pair = [replace(one, pixels=one.pixels + np.float32(stage + 1)) for one in PAIR]
        message = ask("3/2", pair)
        size = message.stride * message.window.height
        nbytes = pair[0].pixels.nbytes
        places = [(0, size), (1, size + nbytes)]
        both = pair[0].pixels.tobytes() + pair[1].pixels.tobytes()
        if stage == 0:
            frames = tuple(
                replace(one, offset=at) for one, (_, at) in zip(message.frames, places, strict=True)
            )
            message = replace(message, frames=frames)
        fd = make_memory(size)
        if stage == 0:
            os.pwrite(fd, both, size)
        number = client.number()
        client.send(Type.RENDER, number, message.pack(), fd)
        if stage:
            assert messages.parse_need(client.take()[2]) == [0, 1]
        if stage == 1:
            os.pwrite(fd, both, size)
            client.send(Type.FRAMES, number, messages.pack_frames(places))
        if stage == 2:
            own = make_memory(2 * nbytes)
            os.pwrite(own, both, 0)
            client.send(Type.FRAMES, number, messages.pack_frames([(0, 0), (1, nbytes)]), own)
        client.finish(number, message, pair)
        made = read_result(fd, message)
        again, done = client.render("3/2", pair)
        np.testing.assert_array_equal(made, again)
        assert done.flow == FlowWork.CACHED and not np.array_equal(made, expected)
        os.close(fd)
        if stage == 2:
            os.close(own)
    assert client.sent == [1, 2]


def test_a_frame_changed_by_its_client_does_not_change_the_cache(client: Client) -> None:
    big = [Picture(n, np.repeat(np.repeat(picture(n), 6, 0), 6, 1)) for n in (1, 2)]
    message = ask("1", big[:1])
    size = message.stride * message.window.height
    number, fd = client.begin(message, big[:1])
    client.take()
    writable = make_memory(size)
    os.pwrite(writable, big[0].pixels.tobytes(), 0)
    client.send(Type.FRAMES, number, messages.pack_frames([(0, 0)]), writable)
    client.finish(number, message, big)
    os.pwrite(writable, bytes(size), 0)
    os.close(writable)
    os.close(fd)
    made, _ = client.render("1", big[:1])
    np.testing.assert_array_equal(made, big[0].pixels)
    assert client.sent == []


def test_undeclared_descriptors(client: Client, folder: Path) -> None:
    before = descriptors()
    for count in (1, 2, 200):
        with Client(folder) as bad, open("/dev/null") as null:
            bad.send_raw(header(), [null.fileno()] * count)
            kinds = [bad.take()[0]]
            if kinds == [Type.PONG]:
                kinds.append(bad.take()[0])
            assert kinds[-1] == Type.FAILED
    until(lambda: descriptors() == before, "descriptors are left open")


def test_a_message_that_never_ends(client: Client, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "PATIENCE", 0.2)
    with Client(folder) as stalled, Client(folder, greet=False) as silent:
        stalled.send_raw(header(length=50) + b"abc")
        for one in (stalled, silent):
            with pytest.raises(ConnectionError):
                one.take()
    client.ping()


def test_a_client_that_does_not_listen(client: Client, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MOST_UNSENT", 64 << 10)
    with Client(folder) as deaf, pytest.raises(OSError):
        while True:
            deaf.send_raw(header(kind=Type.STATUS) * 100)
    client.ping()


def test_many_connections_and_too_many_requests(client: Client, folder: Path) -> None:
    client.render("3/2", PAIR)
    before = descriptors()
    crowd = [Client(folder) for _ in range(100)]
    for one in crowd:
        one.ping()
    for one in crowd:
        one.close()
    until(lambda: client.status()["connections"] == 1, "connections stay")
    until(lambda: descriptors() == before, "descriptors are left open")
    with Client(folder) as greedy:
        other = [Picture(5, picture(5)), Picture(6, picture(6))]
        for _ in range(wire.MOST_PENDING + 1):
            _, fd = greedy.begin(ask("11/2", other), other)
            os.close(fd)
        kinds = [greedy.take()[0] for _ in range(wire.MOST_PENDING + 1)]
        assert kinds == [Type.NEED] * wire.MOST_PENDING + [Type.FAILED]
    until(lambda: descriptors() == before, "descriptors are left open")


def test_no_leak_over_many_renders(client: Client) -> None:
    client.render("3/2", PAIR)
    before = descriptors()
    for number in range(20):
        client.render(
            "3/2", [Picture(1, picture(number)), Picture(2, picture(number + 1))], {"engine": "blend"}
        )
    assert descriptors() == before


def test_eight_threads(serve: Callable[..., Server], folder: Path) -> None:
    serve(workers=4)
    with Client(folder) as one:
        expected = {n: one.render(f"{n}/9", PAIR)[0] for n in range(9, 18)}
    failures: list[BaseException] = []

    def render(first: int) -> None:
        try:
            with Client(folder) as own:
                for step in range(9):
                    n = 9 + (first + step) % 9
                    np.testing.assert_array_equal(own.render(f"{n}/9", PAIR)[0], expected[n])
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=render, args=(first,)) for first in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not failures


def test_pid_and_user_come_from_the_kernel(
    serve: Callable[..., Server], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second user's connection is closed without an answer."""
    serve()
    with Client(folder) as own:
        own.ping()
    monkeypatch.setattr(connections, "peer_of", lambda sock: (1, os.getuid() + 1))
    with Client(folder, greet=False) as stranger, pytest.raises(ConnectionError):
        stranger.send(Type.PING, 1)
        stranger.take()
    assert struct.calcsize("3i") == 12
