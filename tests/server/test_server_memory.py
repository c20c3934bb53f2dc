"""Is shared memory mapped once, seen as it grows, and let go; are buffers used again only when nobody looks at them?"""

from __future__ import annotations

import gc
import os
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from wire_client import SHRINK, Client, Picture, ask, fill_memory, make_memory, read_result

from plates import picture
from retempo.errors import InputError
from retempo.io.frame import Window
from retempo.server.buffers import SMALLEST, FrameBuffers
from retempo.server.mapping import MOST_MAPPED, MappingPool
from retempo.server.memory import SharedMemory
from retempo.server.protocol import Type


def mapped() -> int:
    return Path("/proc/self/maps").read_text().count("memfd:retempo-test")


def test_objects_are_mapped_once_and_let_go() -> None:
    pool = MappingPool()
    own = [make_memory(8192) for _ in range(MOST_MAPPED + 4)]
    for fd in own:
        first = pool.find(fd, 8192, writable=True)
        again = os.dup(fd)
        assert pool.find(again, 8192, writable=True) is first
        os.close(again)
    del first
    gc.collect()
    assert mapped() == MOST_MAPPED
    os.ftruncate(own[-1], 16384)
    os.pwrite(own[-1], b"\7", 16000)
    assert pool.find(own[-1], 16384, writable=True).bytes[16000] == 7
    view = pool.find(own[-2], 8192, writable=True).bytes[:10]
    pool.clear()
    gc.collect()
    assert mapped() == 1, "a mapping stays as long as somebody looks at it"
    view[:] = 3
    del view
    gc.collect()
    assert mapped() == 0
    for fd in own:
        os.close(fd)


def test_sealed_frames_are_kept_without_a_copy_and_others_are_copied() -> None:
    pixels = np.random.default_rng(0).random((200, 200, 4), np.float32)
    window = Window(0, 0, 200, 200)
    buffers, pool = FrameBuffers(), MappingPool()
    sealed = SharedMemory(fill_memory(pixels), pool)
    kept = sealed.read_frame(0, window, 4, "frame", buffers, alone=True)
    copied = sealed.read_frame(0, window, 4, "frame", buffers)
    sealed.close()
    np.testing.assert_array_equal(kept, pixels)
    np.testing.assert_array_equal(copied, pixels)
    assert not kept.flags.writeable and not copied.flags.writeable
    pool.clear()
    gc.collect()
    assert mapped() == 1
    del kept
    gc.collect()
    assert mapped() == 0
    loose = SharedMemory(make_memory(pixels.nbytes), pool)
    with pytest.raises(InputError, match="multiple of 4"):
        loose.read_frame(2, window, 4, "frame", buffers)
    with pytest.raises(InputError, match="shared memory of"):
        loose.read_frame(4, window, 4, "frame", buffers)
    loose.close()


def test_buffers_are_used_again_but_never_while_in_use() -> None:
    buffers = FrameBuffers()
    data = np.arange(SMALLEST + 100, dtype=np.uint32).view(np.uint8)
    held = [buffers.copy(data + np.uint8(n)) for n in range(6)]
    for n, one in enumerate(held):
        np.testing.assert_array_equal(one, data + np.uint8(n))
    view = held[0][10:20]
    addresses = {one.ctypes.data for one in held}
    assert len(addresses) == 6
    del held, one
    gc.collect()
    again = [buffers.copy(data) for _ in range(2)]
    assert all(one.ctypes.data != view.ctypes.data - 10 for one in again)
    np.testing.assert_array_equal(view, data[10:20])
    buffers.clear()
    time.sleep(0.05)
    np.testing.assert_array_equal(again[1], data)


def test_one_object_for_many_requests(client: Client) -> None:
    """The recommended way: one object, frames behind the output, new content each time, enlarged on the way."""
    fd, size = make_memory(4096, SHRINK), 4096
    for step in range(12):
        scale = 1 + step // 4
        pixels = np.repeat(np.repeat(picture(step), scale, 0), scale, 1)
        one = Picture(step, pixels)
        message = ask(step, [one])
        nbytes = pixels.nbytes
        if size < 2 * nbytes:
            size = 2 * nbytes
            os.ftruncate(fd, size)
        os.pwrite(fd, pixels.tobytes(), nbytes)
        message = replace(message, frames=(replace(message.frames[0], offset=nbytes),))
        number = client.number()
        client.send(Type.RENDER, number, message.pack(), fd)
        client.finish(number, message, [one])
        np.testing.assert_array_equal(read_result(fd, message), pixels)
    first, _ = client.render(0, [Picture(0, picture(0))])
    np.testing.assert_array_equal(first, picture(0), "the cache saw later contents")
    assert client.sent == []
    os.close(fd)
