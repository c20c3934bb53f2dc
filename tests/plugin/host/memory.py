"""Which memory has the plugin taken from the host and not given back?"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any

from host import constants as k
from host.callbacks import Refusal, fill_suite, need
from host.core import Core
from host.effect import Instance
from host.suites import MemorySuiteV1

_ALIGNMENT = 64


def _allocate(size: int) -> tuple[ctypes.Array, int]:
    store = (ctypes.c_char * (size + _ALIGNMENT))()
    address = ctypes.addressof(store)
    return store, address + -address % _ALIGNMENT


@dataclass
class ImageMemory:
    """One block of imageMemoryAlloc."""

    owner: Instance | None
    store: ctypes.Array
    address: int
    size: int
    where: str
    locks: int = 0


@dataclass
class _Block:
    owner: Instance | None
    store: ctypes.Array
    size: int
    where: str


class Memory:
    """Blocks that are out, and the memory suite."""

    def __init__(self, core: Core, limit: int = 1 << 32) -> None:
        self.core, self.limit = core, limit
        self._blocks: dict[int, _Block] = {}
        self._image_memory: dict[int, ImageMemory] = {}

    @property
    def bytes_out(self) -> int:
        """Bytes that the plugin holds."""
        return sum(b.size for b in self._blocks.values()) + sum(m.size for m in self._image_memory.values())

    def open_image_memory(self, owner: Instance | None, size: int, where: str) -> int:
        self._check(size)
        store, address = _allocate(size)
        handle = self.core.handles.open(memory := ImageMemory(owner, store, address, size, where))
        self._image_memory[handle] = memory
        return handle

    def close_image_memory(self, handle: int) -> None:
        self._image_memory.pop(handle)
        self.core.handles.close(handle, "image memory, freed")

    def _check(self, size: int) -> None:
        if self.bytes_out + size > self.limit:
            raise Refusal(k.kOfxStatErrMemory)

    def allocate(self, owner: int | None, size: int, out: Any) -> None:
        instance = self.core.find(owner, Instance, "memoryAlloc") if owner else None
        self._check(size)
        store, address = _allocate(size)
        self._blocks[address] = _Block(instance, store, size, self.core.describe_action())
        need(out, self.core.journal, "memoryAlloc", "the place for the pointer")[0] = address

    def free(self, address: int | None) -> None:
        if self._blocks.pop(address or 0, None) is None:
            where = self.core.describe_action()
            self.core.journal.violate("bad free", where, f"memoryFree({address or 0:#x}), which is not out")
            raise Refusal(k.kOfxStatErrBadHandle)

    def report_leaks(self, owner: Instance | None, where: str) -> None:
        """Record what is still out for an instance (or, with None, at all), and forget it."""
        for address, block in list(self._blocks.items()):
            if owner is None or block.owner is owner:
                self.core.journal.violate(
                    "leaked memory", where, f"{block.size} bytes taken in {block.where}"
                )
                del self._blocks[address]
        for handle, memory in list(self._image_memory.items()):
            if owner is None or memory.owner is owner:
                text = f"image memory of {memory.size} bytes taken in {memory.where}"
                self.core.journal.violate("leaked memory", where, text)
                self.close_image_memory(handle)

    def build_suite(self) -> Any:
        return fill_suite(
            MemorySuiteV1, {"memoryAlloc": self.allocate, "memoryFree": self.free}, self.core.journal
        )
