"""Are TensorFlow checkpoints read as their format says? The bundles here are written byte by byte by the test."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path

import numpy as np
import pytest

from retempo.errors import InputError
from retempo.models import sstable
from retempo.models.crc32c import checksum, masked
from retempo.models.tf_bundle import bundle_files, find_index, read_bundle
from retempo.models.weights import hash_file, read_tensors

torch = pytest.importorskip("torch", reason="tensors are PyTorch's")

FLOAT, INT64, TEXT, HALF, BRAIN, COMPLEX = 1, 9, 7, 19, 14, 8


def slow_checksum(data: bytes) -> int:
    """CRC-32C, bit by bit."""
    state = 0xFFFFFFFF
    for byte in data:
        state ^= byte
        for _ in range(8):
            state = state >> 1 ^ (0x82F63B78 if state & 1 else 0)
    return state ^ 0xFFFFFFFF


def varint(value: int) -> bytes:
    made = b""
    while value > 0x7F:
        made += bytes([value & 0x7F | 0x80])
        value >>= 7
    return made + bytes([value])


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def message(field: int, content: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(content)) + content


def block(entries: list[tuple[bytes, bytes]], kind: int = 0) -> bytes:
    """Keys without what they share with the one before; one restart; a trailer with the checksum."""
    content, before = b"", b""
    for key, value in entries:
        shared = 0
        while shared < min(len(key), len(before)) and key[shared] == before[shared]:
            shared += 1
        content += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        before = key
    content += struct.pack("<II", 0, 1)
    return content + bytes([kind]) + struct.pack("<I", masked(slow_checksum(content + bytes([kind]))))


def table(entries: list[tuple[bytes, bytes]], kind: int = 0, every: int = 3) -> bytes:
    """A whole table, in blocks of ``every`` entries."""
    made, index = b"", []
    for start in range(0, len(entries), every):
        part = block(entries[start : start + every], kind)
        index.append((entries[start : start + every][-1][0], varint(len(made)) + varint(len(part) - 5)))
        made += part
    handles = b""
    for part in (block([]), block(index)):
        handles += varint(len(made)) + varint(len(part) - 5)
        made += part
    return made + handles.ljust(40, b"\0") + struct.pack("<Q", 0xDB4775248B80FB57)


def entry(kind: int, shape: tuple[int, ...], offset: int, data: bytes, stored: int | None = None) -> bytes:
    sides = b"".join(message(2, number(1, side)) for side in shape)
    crc = masked(slow_checksum(data)) if stored is None else stored
    return (
        number(1, kind)
        + message(2, sides)
        + number(4, offset)
        + number(5, len(data))
        + varint(6 << 3 | 5)
        + struct.pack("<I", crc)
    )


HEADER = number(1, 1) + message(3, number(1, 1))


def bundle(folder: Path, tensors: dict[str, tuple[int, np.ndarray]], names: dict[str, str]) -> Path:
    """A checkpoint as TensorFlow 2 writes it: entries by object, an object graph that names the variables."""
    data, entries = b"", []
    for key in sorted(tensors):
        kind, array = tensors[key]
        content = array.tobytes()
        entries.append((key.encode(), entry(kind, array.shape, len(data), content)))
        data += content
    nodes = b"".join(
        message(
            1,
            message(2, message(1, b"VARIABLE_VALUE") + message(2, said.encode()) + message(3, key.encode())),
        )
        for key, said in names.items()
    )
    if names:
        text = varint(len(nodes)) + bytes(4) + nodes
        entries.append((b"_CHECKPOINTABLE_OBJECT_GRAPH", entry(TEXT, (), len(data), text, stored=0)))
        data += text
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "variables.data-00000-of-00001").write_bytes(data)
    index = folder / "variables.index"
    index.write_bytes(table([(b"", HEADER), *sorted(entries)]))
    return index


VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"
KERNEL = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
TENSORS = {
    f"layers/0/kernel{VALUE}": (FLOAT, KERNEL),
    f"layers/0/bias{VALUE}": (HALF, np.array([0.5, -2], np.float16)),
    f"layers/1/kernel{VALUE}": (FLOAT, np.float32(7.25).reshape(())),
    f"step{VALUE}": (INT64, np.array([1 << 40])),
    f"empty{VALUE}": (FLOAT, np.zeros((0, 5), np.float32)),
    f"brain{VALUE}": (BRAIN, np.array([0x3FC0], np.uint16)),
}
NAMES = {f"layers/0/kernel{VALUE}": "net/conv/kernel", f"layers/0/bias{VALUE}": "net/conv/bias"}


@pytest.fixture
def index(tmp_path: Path) -> Path:
    return bundle(tmp_path / "saved_model" / "variables", TENSORS, NAMES)


@pytest.mark.parametrize("count", [0, 1, 9, 4095, 4096, 4097, 12345])
def test_checksum_equals_the_slow_one(count: int) -> None:
    data = np.random.default_rng(count).integers(0, 256, count, np.uint8).tobytes()
    assert checksum(data) == slow_checksum(data)


def test_checksums_of_the_standard() -> None:
    """RFC 3720, B.4."""
    assert checksum(bytes(32)) == 0x8A9136AA and checksum(b"\xff" * 32) == 0x62A8AB43
    assert checksum(bytes(range(32))) == 0x46DD794E and checksum(b"123456789") == 0xE3069283


def test_variables_come_with_their_names_shapes_and_types(index: Path) -> None:
    found = read_bundle(index)
    assert set(found) == {"net/conv/kernel", "net/conv/bias", "layers/1/kernel", "step", "empty", "brain"}
    assert torch.equal(found["net/conv/kernel"], torch.from_numpy(KERNEL))
    assert found["net/conv/bias"].dtype == torch.float16 and found["net/conv/bias"].tolist() == [0.5, -2.0]
    assert found["layers/1/kernel"].shape == () and float(found["layers/1/kernel"]) == 7.25
    assert found["step"].tolist() == [1 << 40] and found["empty"].shape == (0, 5)
    assert found["brain"].dtype == torch.bfloat16 and found["brain"].tolist() == [1.5]


def test_a_path_means_its_index(index: Path, tmp_path: Path) -> None:
    assert find_index(index) == index == find_index(tmp_path / "saved_model") == find_index(index.parent)
    assert find_index(tmp_path) is None and find_index(tmp_path / "weights.pth") is None
    assert set(read_tensors(tmp_path / "saved_model")) == set(read_bundle(index))


def test_the_hash_of_a_checkpoint_is_that_of_all_its_files(index: Path, tmp_path: Path) -> None:
    content = b"".join(file.read_bytes() for file in bundle_files(index))
    assert hash_file(tmp_path / "saved_model") == hashlib.sha256(content).hexdigest()
    assert content.endswith((index.parent / "variables.data-00000-of-00001").read_bytes())


def test_without_a_graph_entries_name_themselves(tmp_path: Path) -> None:
    """As checkpoints of TensorFlow 1 do."""
    index = bundle(tmp_path, {"net/conv/kernel": (FLOAT, KERNEL)}, {})
    assert torch.equal(read_bundle(index)["net/conv/kernel"], torch.from_numpy(KERNEL))


def test_every_flipped_byte_of_the_index_is_noticed_or_harmless(index: Path) -> None:
    """Blocks have checksums; padding of the footer and the unused index of extra blocks have no meaning."""
    whole, content = read_bundle(index), index.read_bytes()
    for at in range(0, len(content), 7):
        index.write_bytes(content[:at] + bytes([content[at] ^ 0x10]) + content[at + 1 :])
        try:
            found = read_bundle(index)
        except InputError:
            continue
        assert all(torch.equal(found[name], tensor) for name, tensor in whole.items()), at


def test_damaged_values_are_noticed(index: Path) -> None:
    shard = index.parent / "variables.data-00000-of-00001"
    content = bytearray(shard.read_bytes())
    content[content.index(KERNEL.tobytes()) + 5] ^= 1
    shard.write_bytes(content)
    with pytest.raises(InputError, match=r"net/conv/kernel .*damaged"):
        read_bundle(index)


def test_missing_and_cut_files_are_named(index: Path) -> None:
    shard = index.parent / "variables.data-00000-of-00001"
    content = shard.read_bytes()
    shard.write_bytes(content[:40])
    with pytest.raises(InputError, match=r"variables\.index: it tells of more bytes than its files hold"):
        read_bundle(index)
    shard.unlink()
    with pytest.raises(InputError, match=r"data-00000-of-00001 is missing"):
        read_bundle(index)
    with pytest.raises(InputError, match=r"other\.index cannot be read: No such file"):
        read_bundle(index.with_name("other.index"))


def broken(folder: Path, entries: list[tuple[bytes, bytes]], kind: int = 0) -> Path:
    (folder / "x.data-00000-of-00001").write_bytes(bytes(64))
    (folder / "x.index").write_bytes(table(entries, kind))
    return folder / "x.index"


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([(b"a", b"")], "no index of a TensorFlow"),
        ([(b"", number(1, 1) + number(2, 1))], "big-endian"),
        ([(b"", number(1, 10**6))], "tells of 1000000 files"),
        ([(b"", HEADER), (b"a", entry(FLOAT, (16,), 8, bytes(64)))], "beyond the end"),
        ([(b"", HEADER), (b"a", entry(FLOAT, (15,), 0, bytes(64)))], "does not fit"),
        ([(b"", HEADER), (b"a", entry(FLOAT, (1 << 60, 0), 0, b""))], "shape that cannot be read"),
        ([(b"", HEADER), (b"a", entry(COMPLEX, (8,), 0, bytes(64)))], "has the type 8"),
        ([(b"", HEADER), (b"a", entry(FLOAT, (8,), 0, bytes(32)) + message(7, b""))], "slices"),
        ([(b"", HEADER), (b"a", b"\x0b")], "field of kind 3"),
        ([(b"", HEADER), (b"a", b"\x0a\x7f")], "cut off"),
        (
            [(b"", HEADER), *((f"{n}".encode(), entry(FLOAT, (16,), 0, bytes(64))) for n in range(9))],
            "more bytes than its files hold",
        ),
    ],
)
def test_hostile_entries_are_refused(
    entries: list[tuple[bytes, bytes]], message: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message):
        read_bundle(broken(tmp_path, entries))


def test_tables_beyond_all_measure_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="compressed"):
        read_bundle(broken(tmp_path, [(b"", HEADER)], kind=1))
    long = [(b"", HEADER), (b"k" * 5000, b"")]
    with pytest.raises(InputError, match="does not fit into it"):
        read_bundle(broken(tmp_path, long))
    monkeypatch.setattr(sstable, "MOST_ENTRIES", 3)
    with pytest.raises(InputError, match="more than 3 entries"):
        read_bundle(broken(tmp_path, [(bytes([n]), b"") for n in range(5)]))
    with pytest.raises(InputError, match="no sorted table"):
        sstable.read_table(bytes(100))


def test_a_block_that_is_named_again_and_again_is_read_once() -> None:
    """A table of 16 MB whose index names one large block a million times would take days."""
    made = block([(b"k", bytes(2000))])
    handle = varint(0) + varint(len(made) - 5)
    index = block([(b"%04d" % one, handle) for one in range(50)])
    handles = varint(0) + varint(0) + varint(len(made)) + varint(len(index) - 5)
    data = made + index + handles.ljust(40, b"\0") + struct.pack("<Q", 0xDB4775248B80FB57)
    with pytest.raises(InputError, match="more blocks than it has"):
        sstable.read_table(data)
