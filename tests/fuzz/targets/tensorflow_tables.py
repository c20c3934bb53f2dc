"""Are a checkpoint's tables, and the messages in them, refused or read? Checksums count as right, whatever they are."""

from __future__ import annotations

import struct

from target import file_of

from retempo.models import sstable, tf_bundle

sstable.masked = tf_bundle.masked = lambda crc: 0  # type: ignore[assignment]
WORDS = (
    struct.pack("<Q", sstable.MAGIC),
    tf_bundle.GRAPH.encode(),
    tf_bundle.SUFFIX.encode(),
    b"\x08\x01",
    b"\x12",
)


def parse(data: bytes) -> None:
    """The first byte says how many behind it are tensors; the rest is the table."""
    size = 1 + (data[0] if data else 0)
    index = file_of(data[size:], ".index")
    index.with_suffix(".data-00000-of-00001").write_bytes(data[1:size])
    for name, tensor in tf_bundle.read_bundle(index).items():
        assert isinstance(name, str) and tensor.numel() >= 0


def _varint(value: int) -> bytes:
    made = b""
    while value > 0x7F:
        made += bytes([value & 0x7F | 0x80])
        value >>= 7
    return made + bytes([value])


def _block(entries: list[tuple[bytes, bytes]]) -> bytes:
    made = b"".join(b"\0" + _varint(len(key)) + _varint(len(value)) + key + value for key, value in entries)
    return made + struct.pack("<II", 0, 1) + bytes(5)


def _table(entries: list[tuple[bytes, bytes]]) -> bytes:
    made = _block(entries)
    handle = _varint(0) + _varint(len(made) - 5)
    index = _block([(entries[-1][0], handle)])
    handles = _varint(0) + _varint(0) + _varint(len(made)) + _varint(len(index) - 5)
    return made + index + handles.ljust(40, b"\0") + struct.pack("<Q", sstable.MAGIC)


def seeds() -> dict[str, bytes]:
    shape = b"\x12\x08\x12\x02\x08\x02\x12\x02\x08\x04"
    entries = [(b"", b"\x08\x01"), (b"w" + tf_bundle.SUFFIX.encode(), b"\x08\x01" + shape + b"\x28\x20")]
    key = b"w" + tf_bundle.SUFFIX.encode()
    said = b"\x12\x03abc\x1a" + _varint(len(key)) + key
    node = b"\x12" + _varint(len(said)) + said
    graph = b"\x0a" + _varint(len(node)) + node
    text = _varint(len(graph)) + bytes(4) + graph
    placed = (tf_bundle.GRAPH.encode(), b"\x08\x07\x20\x20\x28" + _varint(len(text)))
    return {
        "bundle": b"\x20" + bytes(32) + _table(entries),
        "graph": bytes([32 + len(text)]) + bytes(32) + text + _table([entries[0], placed, entries[1]]),
    }
