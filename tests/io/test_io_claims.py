"""Is a header that claims more pixels than its file can hold an error, and a black frame none?"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest

from retempo.errors import InputError
from retempo.io import claims
from retempo.io.reader import read_frame, read_header


def attribute(name: str, kind: str, value: bytes) -> bytes:
    return f"{name}\0{kind}\0".encode() + struct.pack("<i", len(value)) + value


def claim(width: int, height: int, compression: int) -> bytes:
    """An EXR of four float channels and one chunk of four bytes."""
    box = attribute("dataWindow", "box2i", struct.pack("<4i", 0, 0, width - 1, height - 1))
    channels = b"".join(name + struct.pack("<i4xii", 2, 1, 1) for name in (b"A\0", b"B\0", b"G\0", b"R\0"))
    head = b"\x76\x2f\x31\x01\2\0\0\0" + attribute("channels", "chlist", channels + b"\0") + box
    head += attribute("compression", "compression", bytes([compression])) + box.replace(
        b"dataWindow", b"displayWindow"
    )
    head += attribute("lineOrder", "lineOrder", b"\0") + attribute(
        "pixelAspectRatio", "float", struct.pack("<f", 1)
    )
    head += attribute("screenWindowCenter", "v2f", bytes(8))
    head += attribute("screenWindowWidth", "float", struct.pack("<f", 1)) + b"\0"
    return head + struct.pack("<Q", len(head) + 8) + struct.pack("<ii", 0, 4) + bytes(4)


@pytest.mark.parametrize(
    ("width", "height", "compression"), [(1 << 20, 16, 3), (1 << 20, 32, 4), (1 << 20, 40, 9)]
)
def test_a_kilobyte_holds_no_gigabyte(tmp_path: Path, width: int, height: int, compression: int) -> None:
    path = tmp_path / "lie.exr"
    path.write_bytes(claim(width, height, compression))
    read_header(path)  # costs nothing, and says what is claimed
    with pytest.raises(InputError, match=r"lie\.exr claims \d+ bytes of pixels and has \d{3}"):
        read_frame(path)


@pytest.mark.parametrize("side", [1 << 31, (1 << 31) - 1])
def test_the_largest_numbers_are_an_error(tmp_path: Path, side: int) -> None:
    path = tmp_path / "lie.exr"
    path.write_bytes(
        claim(16, 16, 3).replace(
            struct.pack("<4i", 0, 0, 15, 15), struct.pack("<4I", 0, 0, side - 1, side - 1)
        )
    )
    with pytest.raises(InputError, match=r"lie\.exr"):
        read_frame(path)


@pytest.mark.parametrize(
    "compression", ["rle", "zip", "zips", "piz", "pxr24", "b44a", "dwaa", "dwab", "htj2k256", "png", "tif"]
)
def test_a_black_frame_is_no_lie(tmp_path: Path, compression: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The densest that files come; what any file may claim is lowered, so that small ones tell."""
    monkeypatch.setattr(claims, "ALWAYS", 0)
    exr = compression not in ("png", "tif")
    path = tmp_path / f"black.{'exr' if exr else compression}"
    spec = oiio.ImageSpec(1024, 1024, 4, "half" if exr else "uint8")
    spec["compression"] = compression if exr else "zip"
    out = oiio.ImageOutput.create(str(path))
    assert (
        out.open(str(path), spec) and out.write_image(np.zeros((1024, 1024, 4), np.float32)) and out.close()
    )
    assert read_frame(path).layers[0].pixels.shape == (1024, 1024, 4)


def test_what_no_memory_holds_is_said(tmp_path: Path) -> None:
    path = tmp_path / "flat.jxl"
    path.write_bytes(bytes(600))
    with pytest.raises(InputError, match="more than this machine's memory"):
        claims.check_claim(path, 1 << 60, "jpegxl")
