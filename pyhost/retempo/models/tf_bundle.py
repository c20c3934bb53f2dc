"""Which tensors are in a TensorFlow checkpoint or SavedModel? Read without TensorFlow; nothing in it is executed.

A *bundle* is a table ``X.index`` (``sstable``: name -> type, shape, place, checksum) beside the files
``X.data-00000-of-0000N`` with the bytes. TensorFlow 2 names entries by the objects that own them; which variable that
is says the object graph, which is one of the entries. A SavedModel's program (``saved_model.pb``) is not looked at.

Formats: tensorflow/core/protobuf/tensor_bundle.proto and trackable_object_graph.proto.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from retempo.errors import InputError
from retempo.models.crc32c import checksum, masked
from retempo.models.sstable import MOST_BYTES, read_table, read_varint

if TYPE_CHECKING:
    from torch import Tensor

TYPES: Final = {
    1: "float32",
    2: "float64",
    3: "int32",
    4: "uint8",
    5: "int16",
    6: "int8",
    9: "int64",
    10: "bool",
    14: "bfloat16",
    19: "float16",
}
"""TensorFlow's numbers of the types that PyTorch has too."""

TEXT: Final = 7
GRAPH: Final = "_CHECKPOINTABLE_OBJECT_GRAPH"
SUFFIX: Final = "/.ATTRIBUTES/VARIABLE_VALUE"
MOST_SHARDS: Final = 1000
MOST_SIDES: Final = 16
_AGAIN: Final = "get the files again from where their authors publish them"


class _Place(NamedTuple):
    """Where a tensor is: shard, offset and size in bytes, and what it is."""

    kind: int
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int
    stored: int


def find_index(path: Path) -> Path | None:
    """The ``.index`` file that a user's path means: itself, or that of a SavedModel's folder; None for other files."""
    if path.suffix == ".index":
        return path
    if not path.is_dir():
        return None
    found = [*path.glob("variables/variables.index"), *path.glob("variables.index")] or [
        *path.glob("*.index")
    ]
    return found[0] if len(found) == 1 else None


def bundle_files(index: Path) -> list[Path]:
    """The files of a bundle: the index, then the shards in order.

    Raises:
        InputError: one is missing or cannot be read.
    """
    with _naming(index):
        return [index, *_shards(index, _header(_read_index(index)))]


def read_bundle(index: Path) -> dict[str, Tensor]:
    """Variable -> tensor of a checkpoint; entries of text are left out.

    Args:
        index: the ``.index`` file.

    Raises:
        InputError: a file is missing, damaged, or of a kind that is not read.
    """
    with _naming(index):
        return _read(index)


@contextmanager
def _naming(index: Path) -> Iterator[None]:
    """Say of which file something is wrong."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{index}: {error.message}", error.hint) from error
    except OSError as error:
        raise InputError(
            f"{error.filename or index} cannot be read: {error.strerror}", "check the path"
        ) from error


def _read(index: Path) -> dict[str, Tensor]:
    import torch

    table = _read_index(index)
    shards = _shards(index, _header(table))
    places = {key.decode("utf-8", "replace"): _place(value) for key, value in table.items() if key}
    sizes = [shard.stat().st_size for shard in shards]
    if sum(place.size for place in places.values()) > sum(sizes):
        raise InputError("it tells of more bytes than its files hold", _AGAIN)
    graph = places.pop(GRAPH, None)
    named = _variables(_text(_bytes(graph, GRAPH, shards, sizes))) if graph else {}
    found: dict[str, Tensor] = {}
    for key, place in places.items():
        if place.kind == TEXT:
            continue
        name = named.get(key, key.removesuffix(SUFFIX))
        if place.kind not in TYPES:
            raise InputError(f"{name} has the type {place.kind}", f"read are {', '.join(TYPES.values())}")
        kind = getattr(torch, TYPES[place.kind])
        if place.size != math.prod(place.shape) * kind.itemsize:
            raise InputError(f"{name} has {place.size} bytes, which its shape does not fit", _AGAIN)
        data = _bytes(place, name, shards, sizes)
        if masked(checksum(data)) != place.stored:
            raise InputError(f"{name} is damaged: its checksum is another", _AGAIN)
        flat = torch.frombuffer(data, dtype=kind) if data else torch.empty(0, dtype=kind)
        try:
            found[key if name in found else name] = flat.reshape(place.shape)
        except RuntimeError as error:  # no values, but sides whose product has more than 64 bits
            raise InputError(f"{name} has a shape that no tensor has", _AGAIN) from error
    return found


def _read_index(index: Path) -> dict[bytes, bytes]:
    with index.open("rb") as opened:
        return read_table(opened.read(MOST_BYTES + 1))


def _header(table: dict[bytes, bytes]) -> int:
    """Number of shards."""
    if b"" not in table:
        raise InputError(
            "it is no index of a TensorFlow checkpoint", "name variables.index or the saved_model"
        )
    header = dict(_fields(table[b""]))
    count = header.get(1, 0)
    if header.get(2, 0) != 0:
        raise InputError("it was written on a big-endian machine", "write the checkpoint again on another")
    if not isinstance(count, int) or not 1 <= count <= MOST_SHARDS:
        raise InputError(f"it tells of {count!r} files", f"1 to {MOST_SHARDS} are read")
    return count


def _shards(index: Path, count: int) -> list[Path]:
    shards = [index.with_suffix(f".data-{shard:05d}-of-{count:05d}") for shard in range(count)]
    for shard in shards:
        if not shard.is_file():
            raise InputError(f"{shard.name} is missing beside it", "copy the whole folder")
    return shards


def _place(entry: bytes) -> _Place:
    """Read a BundleEntryProto."""
    values: dict[int, Any] = {}
    for field, value in _fields(entry):
        if field == 7:
            raise InputError("it holds tensors in slices", "write the checkpoint again, not partitioned")
        values[field] = value
    shape = tuple(_sides(_message(values.get(2, b""))))
    numbers = [values.get(field, 0) for field in (1, 3, 4, 5, 6)]
    if not all(isinstance(number, int) for number in numbers):
        raise InputError("it has an entry that cannot be read", _AGAIN)
    kind, shard, offset, size, stored = numbers
    return _Place(kind, shape, shard, offset, size, stored)


def _sides(shape: bytes) -> Iterator[int]:
    """Read a TensorShapeProto."""
    for count, (field, value) in enumerate(_fields(shape)):
        side = dict(_fields(_message(value))).get(1, 0) if field == 2 else None
        if not isinstance(side, int) or side >= 1 << 40 or count >= MOST_SIDES:
            raise InputError("a tensor has a shape that cannot be read", _AGAIN)
        yield side


def _bytes(place: _Place, name: str, shards: list[Path], sizes: list[int]) -> bytearray:
    """The bytes of a tensor."""
    if place.shard >= len(shards) or place.offset + place.size > sizes[place.shard]:
        raise InputError(f"{name} lies beyond the end of {shards[min(place.shard, len(shards) - 1)]}", _AGAIN)
    data = bytearray(place.size)
    with shards[place.shard].open("rb") as opened:
        opened.seek(place.offset)
        if opened.readinto(data) != place.size:
            raise InputError(f"{shards[place.shard]} ends within {name}", _AGAIN)
    return data


def _text(data: bytearray) -> bytes:
    """The one string of a tensor of text: its length, a checksum of that, the string."""
    length, at = read_varint(bytes(data[:10]), 0)
    if at + 4 + length != len(data):
        raise InputError("the checkpoint's object graph is damaged", _AGAIN)
    return bytes(data[at + 4 :])


def _variables(graph: bytes) -> dict[str, str]:
    """Entry -> variable's name, of a TrackableObjectGraph."""
    found: dict[str, str] = {}
    for node_field, node in _fields(graph):
        for field, value in _fields(_message(node)) if node_field == 1 else ():
            if field != 2:
                continue
            said = dict(_fields(_message(value)))
            name, key = _message(said.get(2, b"")).decode("utf-8", "replace"), _message(said.get(3, b""))
            if name:
                found[key.decode("utf-8", "replace")] = name
    return found


def _message(value: object) -> bytes:
    if not isinstance(value, bytes):
        raise InputError("the checkpoint has a number where a message belongs", _AGAIN)
    return value


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Field number and value of a protobuf message: a number, or bytes."""
    at = 0
    while at < len(message):
        tag, at = read_varint(message, at)
        kind = tag & 7
        value: int | bytes
        if kind == 0:
            value, at = read_varint(message, at)
        elif kind in (1, 5):
            size, form = (8, "<Q") if kind == 1 else (4, "<I")
            if at + size > len(message):
                raise InputError("a message of the checkpoint is cut off", _AGAIN)
            value, at = struct.unpack_from(form, message, at)[0], at + size
        elif kind == 2:
            size, at = read_varint(message, at)
            if at + size > len(message):
                raise InputError("a message of the checkpoint is cut off", _AGAIN)
            value, at = message[at : at + size], at + size
        else:
            raise InputError(f"a message of the checkpoint has a field of kind {kind}", _AGAIN)
        yield tag >> 3, value
