"""What does a sorted table of the LevelDB format hold? TensorFlow's checkpoints keep their table of contents in one.

The file ends with a footer that says where the index is; the index says where the blocks are; a block holds keys in
order, each without what it shares with the one before. Every block has a checksum. Compressed blocks are refused
(TensorFlow writes none).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

from retempo.errors import InputError
from retempo.models.crc32c import checksum, masked

MAGIC: Final = 0xDB4775248B80FB57
FOOTER: Final = 48
TRAILER: Final = 5

MOST_BYTES: Final = 1 << 24
MOST_ENTRIES: Final = 100_000
LONGEST_KEY: Final = 4096
"""What no table of a checkpoint of ours comes near; keys are prefix-compressed and could otherwise grow without end."""


def read_table(data: bytes) -> dict[bytes, bytes]:
    """Key -> value of a whole table.

    Raises:
        InputError: it is no such table, is damaged, compressed, or beyond all measure.
    """
    if len(data) > MOST_BYTES:
        raise InputError(f"the table has {len(data)} bytes", f"at most {MOST_BYTES} are read")
    if len(data) < FOOTER or struct.unpack_from("<Q", data, len(data) - 8)[0] != MAGIC:
        raise InputError("this is no sorted table: its last bytes are others", "name the .index file")
    at = len(data) - FOOTER
    _, at = _handle(data, at)  # of the index of extra blocks, which checkpoints do not have
    index, _ = _handle(data, at)
    found: dict[bytes, bytes] = {}
    left = len(data)
    for _, place in _entries(_block(data, index)):
        handle, _ = _handle(place, 0)
        left -= handle[1] + TRAILER  # blocks that are named again and again would be read for hours
        if left < 0:
            raise InputError("the table names more blocks than it has", "get the file again")
        for key, value in _entries(_block(data, handle)):
            found[key] = value
            if len(found) > MOST_ENTRIES:
                raise InputError(
                    f"the table has more than {MOST_ENTRIES} entries", "it is no checkpoint of ours"
                )
    return found


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """An unsigned number, seven bits a byte, least first: it, and where it ends.

    Raises:
        InputError: it does not end within ten bytes, or within the data.
    """
    value = 0
    for index in range(10):
        if at + index >= len(data):
            raise InputError("a number is cut off", "the file is damaged; get it again")
        byte = data[at + index]
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return value, at + index + 1
    raise InputError("a number does not end", "the file is damaged; get it again")


def _handle(data: bytes, at: int) -> tuple[tuple[int, int], int]:
    """Offset and size of a block, and where that ends."""
    offset, at = read_varint(data, at)
    size, at = read_varint(data, at)
    return (offset, size), at


def _block(data: bytes, handle: tuple[int, int]) -> bytes:
    offset, size = handle
    end = offset + size
    if end + TRAILER > len(data) - FOOTER:
        raise InputError(f"a block of the table ends at byte {end}, beyond the file", "get the file again")
    kind, stored = struct.unpack_from("<BI", data, end)
    if masked(checksum(data[offset : end + 1])) != stored:
        raise InputError(f"the block at byte {offset} of the table is damaged", "get the file again")
    if kind != 0:
        raise InputError("the table is compressed", "write the checkpoint with TensorFlow again")
    return data[offset:end]


def _entries(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of a block, in order."""
    restarts = struct.unpack_from("<I", block, len(block) - 4)[0] if len(block) >= 4 else 0
    end = len(block) - 4 * (restarts + 1)
    if not restarts or end < 0:
        raise InputError("a block of the table has no end", "get the file again")
    at, key = 0, b""
    while at < end:
        shared, at = read_varint(block, at)
        own, at = read_varint(block, at)
        size, at = read_varint(block, at)
        if shared > len(key) or at + own + size > end or shared + own > LONGEST_KEY:
            raise InputError("an entry of the table does not fit into it", "get the file again")
        key = key[:shared] + block[at : at + own]
        yield key, block[at + own : at + own + size]
        at += own + size
