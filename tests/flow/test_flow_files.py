"""Do .flo files hold what was put into them, byte for byte as Middlebury defines it?"""

from __future__ import annotations

import os
import struct
from pathlib import Path

import numpy as np
import pytest

from retempo.errors import InputError, OutputError
from retempo.flow.files import read_flo, write_flo


def test_known_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.flo"
    path.write_bytes(b"PIEH" + struct.pack("<ii4f", 2, 1, 1.5, -2.0, 2e9, 0.0))
    flow, valid = read_flo(path)
    assert flow.tolist() == [[[1.5, -2.0], [0.0, 0.0]]]
    assert valid.tolist() == [[True, False]]


def test_round_trip(tmp_path: Path) -> None:
    flow = np.random.default_rng(0).normal(0, 50, (7, 5, 2)).astype(np.float32)
    valid = np.random.default_rng(1).random((7, 5)) > 0.3
    write_flo(tmp_path / "a.flo", flow)
    back, seen = read_flo(tmp_path / "a.flo")
    assert seen.all() and np.array_equal(back, flow)
    before = flow.copy()
    write_flo(tmp_path / "a.flo", flow, valid)
    back, seen = read_flo(tmp_path / "a.flo")
    assert np.array_equal(flow, before)
    assert np.array_equal(seen, valid) and np.array_equal(back[valid], flow[valid]) and not back[~valid].any()
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.flo"]


def test_broken_files_are_refused(tmp_path: Path) -> None:
    write_flo(tmp_path / "a.flo", np.ones((4, 6, 2), np.float32))
    whole = (tmp_path / "a.flo").read_bytes()
    for name, data, text in (
        ("short.flo", whole[:-5], "truncated"),
        ("long.flo", whole + b"x", "truncated or broken"),
        ("magic.flo", b"HEIP" + whole[4:], "not a .flo"),
        ("empty.flo", b"", "not a .flo"),
        ("size.flo", whole[:4] + struct.pack("<ii", -3, 4) + whole[12:], "-3x4"),
    ):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(InputError, match=text):
            read_flo(tmp_path / name)
    with pytest.raises(InputError, match=r"none\.flo"):
        read_flo(tmp_path / "none.flo")


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    target = tmp_path / "taken"
    target.mkdir()
    with pytest.raises(OutputError, match="taken"):
        write_flo(target, np.zeros((2, 2, 2), np.float32))
    with pytest.raises(OutputError, match="missing"):
        write_flo(tmp_path / "missing" / "a.flo", np.zeros((2, 2, 2), np.float32))
    assert os.listdir(tmp_path) == ["taken"]
    with pytest.raises(InputError, match="shape"):
        write_flo(tmp_path / "b.flo", np.zeros((2, 2), np.float32))
