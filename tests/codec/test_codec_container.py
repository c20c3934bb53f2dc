"""Does a file say so when a bit of it changed, or when it lies?"""

from __future__ import annotations

import json
import struct
import zlib
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch")

from retempo.codec.container import (
    KEY,
    MADE,
    MAGIC,
    VERSION,
    Header,
    Packet,
    read_container,
    write_container,
)
from retempo.codec.gop import LONGEST, choose_references, last_uses, plan_order
from retempo.errors import InputError, UsageError

HEADER = Header(77, 50, 4, 1001, "24000/1001", 3, 2, "jxl", 90, ("0123456789abcdef",), "0.1.0")
PACKETS = [
    Packet(0, KEY, 0, b"first key", 1), Packet(3, KEY, 0, b"second", 2),
    Packet(1, MADE, 0, b"latents", 3), Packet(2, MADE, 0, b"", 4),
]  # fmt: skip
WHOLE = write_container(HEADER, PACKETS)


def test_it_comes_back() -> None:
    assert read_container(WHOLE, "x.rtc") == (HEADER, PACKETS)


@settings(deadline=None)
@given(st.integers(0, len(WHOLE) - 1), st.integers(1, 255))
def test_no_changed_byte_goes_unnoticed(at: int, change: int) -> None:
    damaged = bytearray(WHOLE)
    damaged[at] ^= change
    with pytest.raises(InputError, match=r"x\.rtc"):
        read_container(bytes(damaged), "x.rtc")


def test_no_cut_goes_unnoticed() -> None:
    for length in range(len(WHOLE)):
        with pytest.raises(InputError, match=r"x\.rtc.*; "):
            read_container(WHOLE[:length], "x.rtc")
    with pytest.raises(InputError, match="bytes where its index says"):
        read_container(WHOLE + b"\0", "x.rtc")


@settings(deadline=None)
@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_are_refused(data: bytes, magic: bool) -> None:
    with pytest.raises(InputError):
        read_container((MAGIC if magic else b"") + data, "x.rtc")


def forge(header: dict[str, object] | bytes, entries: list[tuple[int, ...]], data: bytes = b"") -> bytes:
    """A file whose checksums are right, whatever it says."""
    said = header if isinstance(header, bytes) else json.dumps(header).encode()
    head = struct.pack("<8sHI", MAGIC, VERSION, len(said)) + said + struct.pack("<I", len(entries))
    head += b"".join(struct.pack("<IBBIII", *one) for one in entries)
    return head + struct.pack("<I", zlib.crc32(head)) + data


def fields(**changes: object) -> dict[str, object]:
    return {**json.loads(WHOLE[14 : 14 + struct.unpack_from("<I", WHOLE, 10)[0]]), **changes}


@pytest.mark.parametrize(
    "changes",
    [
        {"width": 0}, {"width": 1 << 40}, {"height": -1}, {"width": 16384, "height": 16384}, {"frames": 1 << 30},
        {"frames": 10**400}, {"gop": 11}, {"gop": 0}, {"references": 9}, {"still": "exe"}, {"quality": 0},
        {"networks": "abc"}, {"networks": ["short"]}, {"networks": [7]}, {"networks": ["0123456789abcdef"] * 251},
        {"rate": "1/0"}, {"rate": "0"}, {"rate": 24}, {"rate": "x" * 99}, {"width": "77"}, {"width": True},
        {"retempo": None}, {"more": 1},
    ],
)  # fmt: skip
def test_hostile_headers_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(InputError, match=r"x\.rtc: its header is not valid"):
        read_container(forge(fields(**changes), []), "x.rtc")


@pytest.mark.parametrize("header", [b"", b"null", b"[]", b"\xff", b"[" * 100000, b'{"width": 1}'])
def test_headers_that_are_none(header: bytes) -> None:
    with pytest.raises(InputError, match=r"x\.rtc: its header is not valid"):
        read_container(forge(header, []), "x.rtc")


def test_sizes_are_checked_before_anything_is_made_of_them() -> None:
    lying = bytearray(forge(fields(), []))
    struct.pack_into("<I", lying, len(lying) - 8, 0xFFFFFFFF)  # four thousand million frames
    with pytest.raises(InputError, match="does not fit"):
        read_container(bytes(lying), "x.rtc")
    struct.pack_into("<I", lying, 10, 0xFFFFFFF0)
    with pytest.raises(InputError, match="does not fit"):
        read_container(bytes(lying), "x.rtc")
    huge = forge(fields(frames=1), [(0, KEY, 0, 0xFFFFFFFF, 0, 0)])
    with pytest.raises(InputError, match="index says"):
        read_container(huge, "x.rtc")


@pytest.mark.parametrize(
    "entries",
    [
        [(0, KEY, 0, 0, 0, 0)],
        [(0, KEY, 0, 0, 0, 0), (1, KEY, 0, 0, 0, 0), (3, MADE, 0, 0, 0, 0), (2, MADE, 0, 0, 0, 0)],
        [(0, KEY, 0, 0, 0, 0), (3, KEY, 0, 0, 0, 0), (1, MADE, 1, 0, 0, 0), (2, MADE, 0, 0, 0, 0)],
        [(0, KEY, 0, 0, 0, 0), (3, KEY, 0, 0, 0, 0), (1, 3, 0, 0, 0, 0), (2, MADE, 0, 0, 0, 0)],
        [(0, MADE, 0, 0, 0, 0), (3, KEY, 0, 0, 0, 0), (1, MADE, 0, 0, 0, 0), (2, MADE, 0, 0, 0, 0)],
    ],
)
def test_an_index_that_does_not_fit_the_header(entries: list[tuple[int, ...]]) -> None:
    with pytest.raises(InputError, match=r"announced|belongs"):
        read_container(forge(fields(), entries), "x.rtc")


def test_other_versions_are_named() -> None:
    other = WHOLE[:8] + struct.pack("<H", 7) + WHOLE[10:]
    with pytest.raises(InputError, match="version 7, this reads 1"):
        read_container(other, "x.rtc")


def test_nothing_is_written_that_could_not_be_read() -> None:
    with pytest.raises(UsageError):
        write_container(replace(HEADER, gop=12), PACKETS)


def test_the_order_is_keys_middle_quarters() -> None:
    steps = plan_order(9, 8, 2)
    assert [one.frame for one in steps] == [0, 8, 4, 2, 6, 1, 3, 5, 7]
    found = {one.frame: one.references for one in steps}
    assert found[0] == found[8] == ()
    assert found[4] == (0, 8)
    assert found[2] == (0, 4) and found[6] == (4, 8)
    assert found[1] == (0, 2) and found[7] == (6, 8)


@given(st.integers(1, 60), st.integers(1, LONGEST), st.integers(2, 4))
def test_every_frame_comes_once_after_what_it_is_made_of(count: int, gop: int, references: int) -> None:
    steps = plan_order(count, gop, references)
    assert sorted(one.frame for one in steps) == list(range(count))
    seen: set[int] = set()
    for step in steps:
        assert set(step.references) <= seen
        if not step.is_key:
            assert len(step.references) == references
            assert all(1 <= abs(one - step.frame) <= 5 for one in step.references)
            assert step.references[0] < step.frame < step.references[1]
        seen.add(step.frame)
    assert steps[0].is_key
    assert next(one for one in steps if one.frame == count - 1).is_key
    uses = last_uses(steps)
    assert all(uses[one] >= index for index, step in enumerate(steps) for one in step.references)


def test_more_references_are_the_next_nearest_of_each_side() -> None:
    assert choose_references(4, [0, 2, 6, 8], 4) == (2, 6, 0, 8)
    assert choose_references(4, [0, 8], 3) == (0, 8, 0)
    assert choose_references(6, [0, 8, 4], 3) == (4, 8, 4)
    with pytest.raises(UsageError, match="within 5"):
        choose_references(9, [0], 2)


@pytest.mark.parametrize("gop", [0, 11])
def test_keys_are_not_farther_than_references_may_be(gop: int) -> None:
    with pytest.raises(UsageError, match="1 to 10"):
        plan_order(30, gop, 2)
