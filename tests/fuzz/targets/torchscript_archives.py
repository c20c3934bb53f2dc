"""Is the description of modules in a TorchScript archive refused or followed, without running anything?"""

from __future__ import annotations

import io
import zipfile

from target import file_of

from retempo.models.torchscript import is_torchscript, read_torchscript

WORDS = (
    b"c__torch__.m\nNet\n",
    b"ctorch._utils\n_rebuild_tensor_v2\n",
    b"ctorch\nFloatStorage\n",
    b"\x81",
    b"}(",
    b"u",
    b"b.",
    b"Q",
    b"storage",
    b"R",
    b"ccollections\nOrderedDict\n",
    b"\x85",
    b"\x86",
    b"\x87",
    b"q\x00",
    b"h\x00",
)


def parse(data: bytes) -> None:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        archive.writestr("net/data.pkl", data)
        archive.writestr("net/data/0", bytes(range(64)))
        archive.writestr("net/constants.pkl", b"")
    path = file_of(whole.getvalue(), ".pt")
    assert is_torchscript(path)
    for name, tensor in read_torchscript(path).items():
        assert isinstance(name, str) and tensor.sum() is not None


def seeds() -> dict[str, bytes]:
    text = b"X\x01\x00\x00\x00"
    storage = (
        b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\n" + text + b"0" + b"X\x03\x00\x00\x00cpuK\x10tQ"
    )
    tensor = (
        b"ctorch._utils\n_rebuild_tensor_v2\n("
        + storage
        + b"K\x00(K\x02K\x04t(K\x04K\x01t\x89ccollections\nOrderedDict\n)RtR"
    )
    inner = b"c__torch__\nInner\n)\x81}(" + text + b"b" + tensor + b"ub"
    return {
        "net": b"\x80\x02c__torch__\nNet\n)\x81}(" + text + b"w" + tensor + text + b"m" + inner + b"ub.",
        "memo": b"\x80\x02c__torch__\nNet\n)\x81q\x00}("
        + text
        + b"w"
        + tensor
        + b"q\x01"
        + text
        + b"vh\x01ub.",
    }
