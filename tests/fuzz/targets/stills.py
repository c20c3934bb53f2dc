"""Do damaged PNG, DPX, TIFF and JPEG files, and stills of an encoded clip, give an error of ours?"""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
from target import file_of

from retempo.errors import RetempoError
from retempo.io.reader import read_frame, read_header, set_threads
from retempo.io.stills import decode_still, encode_still
from retempo.io.whole import broken_reason

SUFFIXES = (".png", ".dpx", ".tif", ".jpg", ".exr")
WORDS = (
    b"IHDR",
    b"IDAT",
    b"IEND",
    b"SDPX",
    b"XPDS",
    b"II*\0",
    b"\xff\xd8\xff",
    b"\x7f\xff\xff\xff",
    b"iCCP",
    b"eXIf",
)
LONGEST = 9000
set_threads(1)


def parse(data: bytes) -> None:
    """The first byte is the suffix."""
    path = file_of(data[1:], SUFFIXES[data[0] % len(SUFFIXES) if data else 0])
    broken_reason(path)
    for read in (read_header, read_frame):
        try:
            read(path)
        except RetempoError as error:
            str(error)
    decode_still(data[1:], "png", 6, 4, "still")


@functools.cache
def seeds() -> dict[str, bytes]:
    codes = (np.arange(72, dtype=np.uint8) * 3).reshape(4, 6, 3)
    found = {"still.png": b"\0" + encode_still(codes, "png")}
    with tempfile.TemporaryDirectory() as folder:
        for index, suffix in enumerate(SUFFIXES[1:4], start=1):
            path = Path(folder) / f"still{suffix}"
            spec = oiio.ImageSpec(6, 4, 3, "uint8")
            spec["DateTime"], spec["Software"] = "2026:01:01 00:00:00", "x"
            out = oiio.ImageOutput.create(str(path))
            assert out.open(str(path), spec) and out.write_image(codes) and out.close(), out.geterror()
            found[path.name] = bytes([index]) + path.read_bytes()
    return found
