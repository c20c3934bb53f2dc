"""How is shared memory mapped, and for how long? Whole objects, kept for their connection, unmapped with the last view.

A mapping needs no descriptor once it exists (Python's own ``mmap`` keeps one each, which a cache of thousands of
frames cannot afford), so it is made by libc directly. Touching fresh pages costs ten times a copy: clients use their
objects again and again, and the server keeps what it has mapped of a connection (``MappingPool``).
"""

from __future__ import annotations

import ctypes
import mmap
import os
import threading
import weakref
from collections import OrderedDict
from typing import Final

import numpy as np

from retempo.errors import OutputError

PAGE: Final = mmap.PAGESIZE
MADV_POPULATE_WRITE: Final = 23
MOST_MAPPED: Final = 16
MOST_MAPPED_BYTES: Final = 2 << 30
FAILED: Final = (None, ctypes.c_void_p(-1).value)

libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = (
    ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_int64,
)  # fmt: skip
libc.munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
libc.madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)


class Mapping:
    """A whole object, mapped; unmapped with the last array that looks at ``bytes``.

    Raises:
        OutputError: the system refuses.
    """

    def __init__(self, fd: int, size: int, *, writable: bool) -> None:
        protection = mmap.PROT_READ | (mmap.PROT_WRITE if writable else 0)
        address = libc.mmap(None, size, protection, mmap.MAP_SHARED, fd, 0)
        if address in FAILED:
            number = ctypes.get_errno()
            raise OutputError(
                f"the shared memory cannot be mapped: {os.strerror(number)}", "free some memory"
            )
        block = (ctypes.c_char * size).from_address(address)
        weakref.finalize(block, libc.munmap, address, size).atexit = False
        self.size = size
        self.bytes = np.frombuffer(memoryview(block), np.uint8)
        self.bytes.flags.writeable = writable
        self._address = address
        self._ready: set[tuple[int, int]] = set()

    def provide(self, fd: int, first: int, end: int) -> None:
        """See that the pages of a region are there: lack of memory is an error now, not a signal later.

        Raises:
            OutputError: they cannot be had.
        """
        if (first, end) in self._ready:
            return
        try:
            os.posix_fallocate(fd, first, end - first)
        except OSError as error:
            raise OutputError(
                f"no memory for a result of {end - first} bytes: {error.strerror}", "free some"
            ) from error
        start = (
            first // PAGE * PAGE
        )  # before Linux 5.14 this does nothing, and pages come when they are touched
        libc.madvise(self._address + start, end - start, MADV_POPULATE_WRITE)
        self._ready.add((first, end))


class MappingPool:
    """What is mapped of one connection's objects, for the next request that uses the same ones; thread-safe."""

    def __init__(self) -> None:
        self._held: OrderedDict[tuple[int, int], Mapping] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, fd: int, size: int, *, writable: bool) -> Mapping:
        """The object behind ``fd``, mapped. While a mapping is held its inode stands for no other object."""
        status = os.fstat(fd)
        key = (status.st_dev, status.st_ino)
        with self._lock:
            held = self._held.pop(key, None)
            if held is None or held.size != size or held.bytes.flags.writeable != writable:
                held = Mapping(fd, size, writable=writable)
            self._held[key] = held
            total = sum(one.size for one in self._held.values())
            while len(self._held) > MOST_MAPPED or (total > MOST_MAPPED_BYTES and len(self._held) > 1):
                total -= self._held.popitem(last=False)[1].size
            return held

    def clear(self) -> None:
        """Let go of all of them."""
        with self._lock:
            self._held.clear()
