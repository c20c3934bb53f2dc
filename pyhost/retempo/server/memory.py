"""How does the server touch memory that others made? Only a sealed memfd, only inside what fstat says it holds."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from typing import Final

import numpy as np

from retempo.errors import InputError, OutputError
from retempo.io.frame import Window
from retempo.server.buffers import FrameBuffers
from retempo.server.limits import LARGEST_OBJECT
from retempo.server.mapping import PAGE, Mapping, MappingPool

F_GET_SEALS: Final = 1034
F_SEAL_SHRINK: Final = 0x0002
F_SEAL_WRITE: Final = 0x0008
F_SEAL_FUTURE_WRITE: Final = 0x0010
SMALLEST_KEPT: Final = 256 << 10
"""Frames smaller than this are copied: a mapping each would run into the kernel's limit of 65530."""


class SharedMemory:
    """A descriptor that a client has sent; owns it.

    Args:
        fd: closed by ``close``, and at once when it is refused.
        pool: mappings of the client's objects.
        largest: bytes that it may have.

    Raises:
        InputError: it is no memfd, or one that may shrink under a mapping.
    """

    def __init__(self, fd: int, pool: MappingPool, largest: int = LARGEST_OBJECT) -> None:
        self.fd = fd
        self.largest = largest
        self._pool = pool
        try:
            self.seals = _seals(fd)
            if not self.seals & F_SEAL_SHRINK:
                raise InputError("the shared memory may shrink", "seal it with F_SEAL_SHRINK")
            self.size = self.measure()
        except BaseException:
            self.close()
            raise

    def measure(self) -> int:
        """Its present size in bytes; it may have grown."""
        status = os.fstat(self.fd)
        if not stat.S_ISREG(status.st_mode) or status.st_size > self.largest:
            raise InputError(
                f"the shared memory claims {status.st_size} bytes", f"{self.largest} are the limit"
            )
        self.size = status.st_size
        return self.size

    def check(self, first: int, end: int, what: str) -> None:
        """Refuse a region that is not inside."""
        if not 0 <= first < end <= self.size:
            raise InputError(
                f"{what} takes bytes {first} to {end} of a shared memory of {self.size}",
                "make it larger before it is sent",
            )

    def read_frame(
        self,
        offset: int,
        window: Window,
        channels: int,
        what: str,
        buffers: FrameBuffers,
        *,
        alone: bool = False,
    ) -> np.ndarray:
        """The pixels at ``offset``: ``[H, W, C]`` float32, read-only.

        Args:
            offset: first byte of the top row.
            window: its size counts.
            channels: per pixel.
            what: names the frame in errors.
            buffers: where a copy goes.
            alone: the frame is all that the object holds. If nobody can write to it any more the result is
                the memory itself, else a copy: another process might change it while it is used.

        Raises:
            InputError: it is not inside, or not aligned.
        """
        nbytes = 4 * channels * window.width * window.height
        if offset % 4:
            raise InputError(f"{what} begins at byte {offset}", "that must be a multiple of 4")
        self.check(offset, offset + nbytes, what)
        fixed = bool(self.seals & F_SEAL_WRITE)
        keep = (
            alone
            and fixed
            and offset == 0
            and nbytes >= SMALLEST_KEPT
            and self.size <= -(-nbytes // PAGE) * PAGE
        )
        if keep:
            pixels = Mapping(self.fd, self.size, writable=False).bytes[:nbytes]
        else:
            pixels = buffers.copy(self._map().bytes[offset : offset + nbytes])
        shaped = pixels.view(np.float32).reshape(window.height, window.width, channels)
        shaped.flags.writeable = False
        return shaped

    def output(self, offset: int, stride: int, window: Window, channels: int) -> np.ndarray:
        """The region that a result goes into: ``[H, W, C]`` float32, writable, the top row first.

        Its pages are there when this returns, so that lack of memory is an error here and no signal later.

        Raises:
            InputError: it is not inside.
            OutputError: it is sealed against writing, or there is no memory for it.
        """
        row = 4 * channels * window.width
        first, end = self.check_output(offset, stride, window, channels)
        if not self.writable:
            raise OutputError(
                "the shared memory for the result is sealed against writing", "seal it against shrinking only"
            )
        mapping = self._map()
        mapping.provide(self.fd, first, end)
        top = mapping.bytes[offset : offset + row].view(np.float32)
        return np.lib.stride_tricks.as_strided(
            top, (window.height, window.width, channels), (stride, 4 * channels, 4), writeable=True
        )

    def check_output(self, offset: int, stride: int, window: Window, channels: int) -> tuple[int, int]:
        """First byte of a result region, and one past its last.

        Raises:
            InputError: it is not inside.
        """
        row = 4 * channels * window.width
        last = offset + stride * (window.height - 1)
        first, end = min(offset, last), max(offset, last) + row
        self.check(first, end, "the result")
        return first, end

    @property
    def writable(self) -> bool:
        """May the server write to it?"""
        return not self.seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)

    def _map(self) -> Mapping:
        return self._pool.find(self.fd, self.size, writable=self.writable)

    def close(self) -> None:
        """Let go of the descriptor; mappings stay."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def _seals(fd: int) -> int:
    try:
        return fcntl.fcntl(fd, F_GET_SEALS)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        raise InputError("the descriptor is no sealed shared memory", "make it with memfd_create") from error
