"""What keeps the server going? One thread that waits for sockets, workers, signals and the time to go."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import logging
import os
import resource
import selectors
import signal
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Final

from retempo.errors import RetempoError
from retempo.server.cache import ContentCache
from retempo.server.connection import Connection, Gone
from retempo.server.limits import DEFAULTS, Limits
from retempo.server.messages import Failed
from retempo.server.protocol import ProtocolError, Type
from retempo.server.runtime import Home
from retempo.server.scheduler import Scheduler
from retempo.server.session import Sessions
from retempo.server.worker import Worker

TICK: Final = 0.25
PATIENCE: Final = 3.0
"""Seconds that running requests get when the server is told to stop."""

log = logging.getLogger(__name__)


class Server:
    """A server on its socket; made and run on the main thread.

    Args:
        home: directory, lock and socket; closed at the end.
        version: of the program.
        cache_bytes: limit of what is kept between requests.
        idle_exit: seconds without a client after which the server ends; 0 never. With clients that have asked
            for nothing as long, only its cache is emptied.
        workers: threads that render; 0 chooses.
        limits: of what clients may ask for.
    """

    def __init__(
        self,
        home: Home,
        version: str,
        cache_bytes: int,
        idle_exit: float = 0.0,
        workers: int = 0,
        limits: Limits = DEFAULTS,
    ) -> None:
        self.limits = limits
        self.home = home
        self.idle_exit = idle_exit
        self.cache = ContentCache(cache_bytes)
        self.scheduler = Scheduler(workers)
        worker = Worker(self.cache, self.scheduler)
        self.sessions = Sessions(worker, version, self.post, self.stop, home.token, limits)
        self._posted: deque[Callable[[], None]] = deque()
        self._wake, self._woken = socket.socketpair()
        self._wake.setblocking(False)
        self._woken.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(home.listener, selectors.EVENT_READ, self._accept)
        self._selector.register(self._woken, selectors.EVENT_READ, self._drain)
        self._stopping = False
        self._number = 0
        self._active = time.monotonic()

    def post(self, work: Callable[[], None]) -> None:
        """Run ``work`` on the loop's thread, soon; from any thread."""
        self._posted.append(work)
        with contextlib.suppress(OSError):  # full: it will wake anyway
            self._wake.send(b"\0")

    def stop(self) -> None:
        """End, soon; from any thread or a signal handler."""
        self._stopping = True
        with contextlib.suppress(OSError):
            self._wake.send(b"\0")

    def run(self) -> bool:
        """Serve until told to stop or idle; True when no worker is still busy at the end."""
        threading.Thread(target=_load, name="load", daemon=True).start()
        log.info(
            "listening on %s, cache %d bytes, %d workers",
            self.home.path,
            self.cache.limit,
            self.scheduler.workers,
        )
        try:
            with _signals(self.stop):
                while not self._stopping:
                    for key, events in self._selector.select(TICK if self.sessions.connections else 1.0):
                        key.data(key.fileobj, events)
                    self._run_posted()
                    self._tick()
        finally:
            clean = self._close()
        return clean

    def _accept(self, listener: Any, events: int) -> None:
        try:
            sock, _ = listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return
        except OSError as error:  # no descriptors left: clients wait in the listening queue
            log.error("cannot accept: %s", error)
            time.sleep(0.05)
            return
        sock.setblocking(False)
        self._number += 1
        try:
            connection = Connection(sock, self._number, self.limits)
        except OSError:  # gone again
            sock.close()
            return
        if connection.uid != os.getuid() or len(self.sessions.connections) >= self.limits.connections:
            log.warning("%s of user %d refused", connection.name, connection.uid)
            connection.close()
            return
        self.sessions.connections.add(connection)
        self._selector.register(sock, selectors.EVENT_READ, lambda _, events: self._serve(connection, events))

    def _serve(self, connection: Connection, events: int) -> None:
        try:
            if events & selectors.EVENT_WRITE:
                connection.flush()
                if connection.closing is not None and not connection.unsent:
                    connection.end()
            if events & selectors.EVENT_READ:
                self._active = time.monotonic()
                self.sessions.handle(connection)
        except Gone:
            self._remove(connection)
        except Exception:
            log.exception("%s: unexpected", connection.name)
            self._remove(connection)

    def _remove(self, connection: Connection) -> None:
        if connection in self.sessions.connections:
            self._selector.unregister(connection.sock)
            self.sessions.leave(connection)
            self._active = time.monotonic()

    def _run_posted(self) -> None:
        while self._posted:
            try:
                self._posted.popleft()()
            except Exception:
                log.exception("unexpected")
        for connection in list(self.sessions.connections):
            if connection.lost:
                self._remove(connection)
                continue
            wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if connection.unsent else 0)
            key = self._selector.get_key(connection.sock)
            if key.events != wanted:
                self._selector.modify(connection.sock, wanted, key.data)

    def _tick(self) -> None:
        for connection in list(self.sessions.connections):
            if connection.overdue:
                if connection.closing is None:
                    log.warning("%s was silent too long", connection.name)
                self._remove(connection)
            elif connection.requests:
                self.sessions.expire(connection)
        if self.sessions.pending or self.scheduler.busy:
            self._active = time.monotonic()
        if self.idle_exit and time.monotonic() - self._active > self.idle_exit:
            if not self.sessions.connections:
                log.info("idle for %g s", self.idle_exit)
                self._stopping = True
            elif self.cache.used:
                log.info("idle for %g s: %d bytes let go", self.idle_exit, self.cache.clear())
                self.sessions.worker.buffers.clear()
                for connection in self.sessions.connections:
                    connection.mappings.clear()
                release_memory()
            self._active = time.monotonic()

    def _drain(self, woken: Any, events: int) -> None:
        with contextlib.suppress(BlockingIOError):
            while woken.recv(4096):
                pass

    def _close(self) -> bool:
        """Take the socket away, tell clients, let workers finish."""
        log.info("stopping")
        self._selector.unregister(self.home.listener)
        self.home.unlink()
        for connection in list(self.sessions.connections):
            with contextlib.suppress(Gone):
                for number in connection.requests:
                    connection.send(
                        Type.FAILED, number, Failed(1, "the server was stopped", "render again", True).pack()
                    )
            self._remove(connection)
        clean = self.scheduler.stop(PATIENCE)
        self._selector.close()
        self._wake.close()
        self._woken.close()
        self.home.close()
        log.info("stopped" if clean else "stopped, with a frame still being computed")
        return clean


def release_memory() -> None:
    """Give freed memory back to the system, as far as libc can."""
    gc.collect()
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)


def allow_descriptors() -> None:
    """As many open files as the system allows: requests hold one each."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536) if hard > 0 else 65536, hard))


@contextlib.contextmanager
def _signals(stop: Callable[[], None]) -> Iterator[None]:
    """SIGTERM and SIGINT end the loop, SIGHUP is ignored: the server outlives the terminal it was started from."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {
        signal.SIGTERM: signal.signal(signal.SIGTERM, lambda *_: stop()),
        signal.SIGINT: signal.signal(signal.SIGINT, lambda *_: stop()),
        signal.SIGHUP: signal.signal(signal.SIGHUP, signal.SIG_IGN),
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _load() -> None:
    """Import what rendering needs while nobody waits for it yet."""
    try:
        import retempo.server.engine
        import retempo.server.render_request
        import retempo.server.request_settings  # noqa: F401
    except (ImportError, RetempoError, ProtocolError):
        log.exception("rendering will not work")
