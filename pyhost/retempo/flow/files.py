"""How do flows travel as files between programs? The Middlebury ``.flo`` format.

Format: the float 202021.25 ("PIEH"), int32 width, int32 height, then (dx, dy) float32 row by row, all little
endian (Baker et al., "A database and evaluation methodology for optical flow", IJCV 2011). Values beyond 1e9
mean "unknown". Flows as EXR layers belong to the rooms that know EXR (io, render).
"""

from __future__ import annotations

import os
import struct
import threading
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from retempo.errors import InputError, OutputError
from retempo.flow.base import Flow

MAGIC: Final = struct.pack("<f", 202021.25)
UNKNOWN: Final = 1e9
_UNKNOWN_MARK: Final = np.float32(1.666666752e9)
_HEADER: Final = 12
_MAX_SIDE: Final = 99_999


def read_flo(path: str | os.PathLike[str]) -> tuple[Flow, NDArray[np.bool_]]:
    """Read a ``.flo`` file.

    Returns:
        ``(flow, valid)``: [H, W, 2] float32 in pixels (unknown vectors are 0) and [H, W] bool.

    Raises:
        InputError: the file is missing, truncated, or not a .flo file.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"cannot read the flow {path}: {error.strerror}") from error
    if len(data) < _HEADER or data[:4] != MAGIC:
        raise InputError(f"{path} is not a .flo file", "it must begin with PIEH")
    width, height = struct.unpack_from("<ii", data, 4)
    if not (0 < width <= _MAX_SIDE and 0 < height <= _MAX_SIDE):
        raise InputError(f"{path} says it is {width}x{height} pixels", "the file is broken; write it again")
    expected = _HEADER + 8 * width * height
    if len(data) != expected:
        raise InputError(
            f"{path} holds {len(data)} bytes, {expected} are needed for {width}x{height}",
            "the file is truncated or broken; write it again",
        )
    flow = np.frombuffer(data, dtype="<f4", offset=_HEADER).reshape(height, width, 2).astype(np.float32)
    valid = np.all(np.abs(flow) < UNKNOWN, axis=2)  # NaN compares false: unknown, too
    flow[~valid] = 0.0
    return flow, valid


def write_flo(path: str | os.PathLike[str], flow: Flow, valid: NDArray[np.bool_] | None = None) -> None:
    """Write a flow as ``.flo``; pixels that are not ``valid`` get the format's mark for "unknown".

    The file appears under its name only when it is whole.

    Raises:
        InputError: the flow is not [H, W, 2].
        OutputError: the file cannot be written.
    """
    if flow.ndim != 3 or flow.shape[2] != 2 or 0 in flow.shape:
        raise InputError(
            f"a flow of shape {flow.shape} cannot be written to {path}", "expected [height, width, 2]"
        )
    values = flow.astype("<f4", copy=valid is not None)
    if valid is not None:
        values[~valid] = _UNKNOWN_MARK
    target = Path(path)
    temporary = target.with_name(f".{target.name}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        with temporary.open("wb") as stream:
            stream.write(MAGIC + struct.pack("<ii", flow.shape[1], flow.shape[0]))
            stream.write(np.ascontiguousarray(values).tobytes())
        temporary.replace(target)
    except OSError as error:
        if temporary.exists():
            temporary.unlink()
        hint = "choose another path or make room"
        raise OutputError(f"cannot write the flow {path}: {error.strerror}", hint) from error
