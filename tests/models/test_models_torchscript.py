"""Do the tensors of a TorchScript archive come out under their names, and does nothing that is in it run?"""

from __future__ import annotations

import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from random import Random
from typing import Any

import pytest

from retempo.errors import InputError
from retempo.models import torchscript
from retempo.models.torchscript import is_torchscript, read_torchscript
from retempo.models.weights import read_tensors

torch = pytest.importorskip("torch")

MARK = "code-of-a-stranger-has-run"


def network() -> Any:
    from torch import nn

    class Block(nn.Module):
        """A bit of everything that modules hold."""

        def __init__(self) -> None:
            super().__init__()
            self._convs = nn.ModuleList(
                [nn.Conv2d(2, 3, 1), nn.Sequential(nn.Conv2d(3, 3, 3, bias=False), nn.ReLU())]
            )
            self.norm = nn.BatchNorm2d(3)
            self.register_buffer("turned", torch.arange(6.0).reshape(2, 3).t())
            self.sizes, self.factor, self.word = [1, 2], 0.5, "on"

        def forward(self, picture: torch.Tensor) -> torch.Tensor:
            for conv in self._convs:
                picture = conv(picture)
            return self.norm(picture) * self.factor

    return Block()


@pytest.fixture
def saved(tmp_path: Path) -> tuple[Path, Any]:
    torch.manual_seed(0)
    made = network()
    torch.jit.script(made).save(str(tmp_path / "net.pt"))
    return tmp_path / "net.pt", made.state_dict()


def test_tensors_are_those_of_the_module(saved: tuple[Path, Any]) -> None:
    path, state = saved
    assert is_torchscript(path)
    for found in (read_torchscript(path), read_tensors(path)):
        assert set(found) == set(state)
        for name, tensor in state.items():
            assert found[name].dtype == tensor.dtype and torch.equal(found[name], tensor), name


def test_halves_come_as_halves(tmp_path: Path) -> None:
    made = torch.nn.Linear(3, 2).half()
    torch.jit.script(made).save(str(tmp_path / "half.pt"))
    found = read_torchscript(tmp_path / "half.pt")
    assert found["weight"].dtype == torch.float16 and torch.equal(found["weight"], made.weight)


def test_other_files_are_not_taken_for_it(tmp_path: Path) -> None:
    torch.save({"a": torch.ones(2)}, tmp_path / "a.pth")
    (tmp_path / "b.pt").write_bytes(b"no zip")
    assert not is_torchscript(tmp_path / "a.pth")
    assert not is_torchscript(tmp_path / "b.pt") and not is_torchscript(tmp_path / "c.pt")
    assert torch.equal(read_tensors(tmp_path / "a.pth")["a"], torch.ones(2))


class Stranger:
    """What runs code when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Path(MARK).write_text, ("",)


def archive(path: Path, description: bytes, compression: int = zipfile.ZIP_STORED, **files: bytes) -> Path:
    with zipfile.ZipFile(path, "w", compression) as made:
        made.writestr("net/data.pkl", description)
        made.writestr("net/constants.pkl", pickle.dumps((), 2))
        for key, content in files.items():
            made.writestr(f"net/data/{key.removeprefix('at')}", content)
    return path


MODULE = b"c__torch__.m\nNet\n)\x81}("
"""A module with a table of fields that is still open."""
TENSOR = (
    b"ctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nFloatStorage\n"
    b"X\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x04tQ"
)
"""A tensor of the values in data/0; offset, shape, strides are still to come."""
CLOSE = b"\x89ccollections\nOrderedDict\n)RtR"


def with_tensor(view: bytes) -> bytes:
    return b"\x80\x02" + MODULE + b"X\x01\x00\x00\x00w" + TENSOR + view + CLOSE + b"ub."


def test_a_description_by_hand(tmp_path: Path) -> None:
    """Offset 1, shape (2, 1), strides (2, 1), of the values 0 1 2 3."""
    values = torch.arange(4.0).numpy().tobytes()
    path = archive(tmp_path / "a.pt", with_tensor(b"K\x01K\x02K\x01\x86K\x02K\x01\x86"), at0=values)
    assert read_torchscript(path)["w"].tolist() == [[1.0], [3.0]]


@pytest.mark.parametrize(
    ("description", "message"),
    [
        (pickle.dumps(Stranger(), 2), "loading it would run code"),
        (pickle.dumps(OrderedDict(a=1), 2), "no tree of modules"),
        (b"\x80\x02cposix\nsystem\nX\x02\x00\x00\x00ls\x85R.", r"posix\.system"),
        (b"\x80\x02cposix\nsystem\n)\x81.", r"posix\.system"),
        (b"\x80\x02c__torch__.m\nNet\n)R.", "loading it would run code"),
        (b"\x80\x02c__torch__.m\nNet\n}b.", "loading it would run code"),
        (b"\x80\x02cposix\nsystem\n}b.", r"posix\.system"),
        (b"\x80\x02" + MODULE + b"ub", "damaged|does not end"),
        (b"\x80\x02}u.", "damaged|closes"),
        (b"\x80\x02(1]u.", "POP_MARK"),
        (b"\x80\x02" + MODULE + b")K\x01ub.", "keys are no names"),
        (b"\x80\x02}(X\x01\x00\x00\x00acos\nsystem\nu.", "no tree of modules"),
        (b"\x80\x02\x8c\x02hi\x94.", "MEMOIZE"),
        (
            b"\x80\x02" + MODULE + b"X\x01\x00\x00\x00wctorch._utils\n_rebuild_tensor_v2\n(K\x00K\x00))tRub.",
            "a int",
        ),
        (b"", "damaged|cannot be read"),
        (b".", "damaged"),
    ],
)
def test_strange_descriptions_are_refused_and_run_nothing(
    description: bytes, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=message):
        read_torchscript(archive(tmp_path / "a.pt", description))
    assert not Path(MARK).exists()


@pytest.mark.parametrize(
    "view",
    [
        b"K\x01K\x04\x85K\x01\x85",  # one value beyond
        b"K\x00K\x02\x85K\x04\x85",  # a stride beyond
        b"K\x00J\xff\xff\xff\x7f\x85K\x00\x85",  # one value two thousand million times
        b"J\xff\xff\xff\xffK\x01\x85K\x01\x85",  # before the first
        b"K\x00K\x02\x85K\x01K\x01\x86",  # two strides for one side
        b"K\x00\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x00\x01K\x00\x86K\x01K\x01\x86",  # empty, and endless
    ],
)
def test_views_beyond_the_values_are_refused(view: bytes, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"beyond its values|damaged"):
        read_torchscript(archive(tmp_path / "a.pt", with_tensor(view), at0=bytes(16)))


def test_changed_bytes_give_other_tensors_or_an_error(saved: tuple[Path, Any], tmp_path: Path) -> None:
    with zipfile.ZipFile(saved[0]) as opened:
        files = {name: opened.read(name) for name in opened.namelist() if "/code/" not in name}
    random, refused = Random(0), 0
    for _ in range(200):
        with zipfile.ZipFile(tmp_path / "changed.pt", "w") as made:
            for name, content in files.items():
                changed = bytearray(content)
                if name.endswith("/data.pkl"):
                    changed[random.randrange(len(changed))] = random.randrange(256)
                made.writestr(name, bytes(changed))
        try:
            read_torchscript(tmp_path / "changed.pt")
        except InputError:
            refused += 1
    assert refused > 100


def test_archives_that_grow_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = with_tensor(b"K\x00K\x04\x85K\x01\x85")
    with pytest.raises(InputError, match="compressed"):
        read_torchscript(archive(tmp_path / "a.pt", good, zipfile.ZIP_DEFLATED, at0=bytes(16)))
    with pytest.raises(InputError, match="damaged"):
        read_torchscript(archive(tmp_path / "b.pt", good))  # the values are missing
    many = b"".join(
        b"X\x04\x00\x00\x00"
        + f"w{n:03d}".encode()
        + TENSOR.replace(b"K\x04tQ", b"M\x00\x10tQ")
        + b"K\x00M\x00\x10\x85K\x01\x85"
        + CLOSE
        for n in range(50)
    )
    with pytest.raises(InputError, match="more tensors than it holds values for"):
        read_torchscript(archive(tmp_path / "c.pt", b"\x80\x02" + MODULE + many + b"ub.", at0=bytes(1 << 14)))
    monkeypatch.setattr(torchscript, "MOST_MODULES", 1000)
    start = b"\x80\x02" + MODULE + b"ub"
    nested = b""
    for n in range(40):  # every module holds the one before twice
        before = b"h" + bytes([n])
        fields = b"X\x01\x00\x00\x00a" + before + b"X\x01\x00\x00\x00b" + before
        nested += b"q" + bytes([n]) + MODULE + fields + b"ub"
    with pytest.raises(InputError, match="more than 1000 modules"):
        read_torchscript(archive(tmp_path / "d.pt", start + nested + b"."))
