"""Is this image file whole? A cheap look at its end, without decoding the picture.

Files that Retempo writes appear under their name only when whole; this is for files that something else cut:
a full disk, a copy that was stopped, a power cut.
"""

from __future__ import annotations

import struct
from pathlib import Path

from retempo.errors import InputError
from retempo.io import checksum, exr_structure
from retempo.io.problems import last_problem


def broken_reason(path: Path) -> str | None:
    """Return why a file is not whole (missing, empty, cut off, unknown), or None when it looks whole.

    EXR: header and chunk table. PNG, JPEG: the end marker. DPX: the size in the header. Others: the last
    scanline is read.
    """
    try:
        size = path.stat().st_size
        if not path.is_file():
            return "it is not a file"
        if size == 0:
            return "it is empty"
        with path.open("rb") as stream:
            head = stream.read(32)
            stream.seek(max(0, size - 32))
            tail = stream.read(32)
        if head.startswith(exr_structure.MAGIC):
            return exr_structure.broken_reason(path)
    except FileNotFoundError:
        return "it does not exist"
    except OSError as error:
        return f"it cannot be read: {error.strerror}"
    if head.startswith(b"\x89PNG"):
        return None if b"IEND" in tail else "it is cut off: the PNG end chunk is missing"
    if head.startswith(b"\xff\xd8\xff"):
        return None if b"\xff\xd9" in tail else "it is cut off: the JPEG end marker is missing"
    if head[:4] in (b"SDPX", b"XPDS"):
        if len(head) < 32:
            return "it is cut off in its header"
        stated = struct.unpack((">" if head[:4] == b"SDPX" else "<") + "I", head[16:20])[0]
        return (
            None
            if stated in (0, 0xFFFFFFFF) or stated <= size
            else f"it is cut off: {size} of {stated} bytes"
        )
    return _last_scanline(path)


def changed_reason(path: Path) -> str | None:
    """Return why a file is not whole or not as it was written, or None. Reads all of it.

    By its checksum (see ``checksum``); a file without one is decoded, which finds what the format notices.
    """
    reason = broken_reason(path)
    if reason:
        return reason
    try:
        if checksum.is_sealed(path):
            return checksum.changed_reason(path)
        from retempo.io import reader

        reader.read_frame(path)
    except OSError as error:
        return f"it cannot be read: {error.strerror}"
    except InputError as error:
        return error.message
    return None


def _last_scanline(path: Path) -> str | None:
    import OpenImageIO as oiio

    file = oiio.ImageInput.open(str(path))
    if file is None:
        return last_problem(oiio) or "it is no image"
    try:
        spec = file.spec()
        if spec.tile_width:
            return None if file.read_image(0, 0, 0, 1, "float") is not None else last_problem(file)
        end = spec.y + spec.height
        row = file.read_scanlines(0, 0, end - 1, end, 0, 0, spec.nchannels, "float")
        return None if row is not None else last_problem(file)
    finally:
        file.close()
