"""Where do frames live that the server copies? In pages that have been touched before they are needed.

The first touch of a page costs ten times the copy into it. So buffers that the cache lets go are used again, and while
one is filled, a thread makes the next of its size ready.
"""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import queue
import threading
import weakref
from collections import deque
from typing import Final

import numpy as np

from retempo.server.mapping import FAILED, MADV_POPULATE_WRITE, PAGE, libc

SMALLEST: Final = 1 << 20
SPARES: Final = 3
MOST_SPARE: Final = 1 << 30


class FrameBuffers:
    """Makes, prepares and recycles large buffers; thread-safe.

    At most ``SPARES`` of the size that was last asked for wait, and never more than ``MOST_SPARE`` bytes.
    """

    def __init__(self) -> None:
        self._spare: deque[int] = deque()
        self._size = 0
        self._lock = threading.RLock()  # a buffer may be given back by the collector at any moment
        self._wanted: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def copy(self, data: np.ndarray) -> np.ndarray:
        """A copy of flat uint8 ``data``."""
        if data.nbytes < SMALLEST:
            return data.copy()
        made = self._take(data.nbytes)
        np.copyto(made, data)
        return made

    def clear(self) -> None:
        """Unmap what waits."""
        with self._lock:
            while self._spare:
                libc.munmap(self._spare.popleft(), self._size)

    def _take(self, nbytes: int) -> np.ndarray:
        size = -(-nbytes // PAGE) * PAGE
        with self._lock:
            if size != self._size:
                self.clear()
                self._size = size
            address = self._spare.popleft() if self._spare else 0
            if self._thread is None:
                self._thread = threading.Thread(target=self._prepare, name="buffers", daemon=True)
                self._thread.start()
        if not address:
            address = _allocate(size)
        self._wanted.put(size)
        block = (ctypes.c_char * size).from_address(address)
        weakref.finalize(block, self._give_back, address, size).atexit = False
        return np.frombuffer(memoryview(block), np.uint8, nbytes)

    def _give_back(self, address: int, size: int) -> None:
        with self._lock:
            if (
                size == self._size
                and len(self._spare) < SPARES
                and (len(self._spare) + 1) * size <= MOST_SPARE
            ):
                self._spare.append(address)
                return
        libc.munmap(address, size)

    def _prepare(self) -> None:
        while True:
            size = self._wanted.get()
            while size == self._size and len(self._spare) < SPARES - 1:
                with contextlib.suppress(MemoryError):
                    address = _allocate(size)
                    libc.madvise(address, size, MADV_POPULATE_WRITE)
                    self._give_back(address, size)
                    continue
                break


def _allocate(size: int) -> int:
    """Private pages, small ones: where huge ones have to be found first they cost more than they save here."""
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    address = libc.mmap(None, size, mmap.PROT_READ | mmap.PROT_WRITE, flags, -1, 0)
    if address in FAILED:
        raise MemoryError(f"{size} bytes for a frame")
    return int(address)
