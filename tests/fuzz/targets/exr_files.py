"""Do damaged EXR files, bit by bit, give an error of ours? Structure, header and pixels."""

from __future__ import annotations

from exr_headers import Part, write_exr
from target import file_of

from retempo.io.exr_structure import broken_reason
from retempo.io.reader import read_frame, read_header, set_threads

WORDS = (
    b"channels\0chlist\0",
    b"compression\0compression\0",
    b"dataWindow\0box2i\0",
    b"tiles\0tiledesc\0",
    b"type\0string\0",
    b"chunkCount\0int\0",
    b"scanlineimage",
    b"deeptile",
    b"\xff\xff\xff\x7f",
    b"\x00\x00\x00\x80",
    b"multiView\0stringvector\0",
    b"timeCode\0timecode\0",
    b"preview\0preview\0",
)
set_threads(1)


def parse(data: bytes) -> None:
    path = file_of(data, ".exr")
    broken_reason(path)
    read_header(path)
    frame = read_frame(path)
    assert frame.layers


def seeds() -> dict[str, bytes]:
    plain = Part(window=(0, 0, 3, 1))
    return {
        "plain.exr": write_exr([plain]),
        "parts.exr": write_exr(
            [
                plain,
                Part(
                    window=(-2, -2, 0, 0), display=plain.window, channels=(("Z", 2), ("id", 0)), name="depth"
                ),
            ]
        ),
        "tiles.exr": write_exr([Part(window=(0, 0, 3, 3), tiles=(2, 2, 0))]),
        "huge.exr": write_exr([Part(window=(0, 0, 2**30, 2**30), claimed=True)]),
    }
