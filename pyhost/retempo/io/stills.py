"""How does one 8-bit picture become a file, or bytes and a picture again? Through OpenImageIO."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

import numpy as np
import OpenImageIO as oiio

from retempo.errors import InputError, OutputError, UsageError
from retempo.io.problems import last_problem
from retempo.io.temporary import hint_for

KINDS: Final = ("jxl", "png")
"""JPEG XL (lossy below quality 100), PNG (always lossless)."""


def encode_still(codes: np.ndarray, kind: str = "jxl", quality: int = 90) -> bytes:
    """Bytes of a picture.

    Args:
        codes: [H, W, 3] uint8. kind: ``jxl`` or ``png``. quality: of JPEG XL, 1 to 100; 100 loses nothing.

    Raises:
        UsageError: another kind or quality. OutputError: this build of OpenImageIO does not write it.
    """
    if kind not in KINDS or not 1 <= quality <= 100:
        raise UsageError(f"a still picture as {kind!r} of quality {quality}", "use jxl (1 to 100) or png")
    with tempfile.TemporaryDirectory(prefix="retempo-still-") as folder:
        path = Path(folder) / f"still.{kind}"
        try:
            write_still(path, codes, quality)
        except OutputError as error:
            raise OutputError(f"a {kind} still cannot be made: {error.message}", "use --still png") from error
        return path.read_bytes()


def write_still(path: Path, codes: np.ndarray, quality: int = 90) -> None:
    """Write a picture, without any metadata; not beside its place and renamed: for folders that are in the making.

    Args:
        path: ``.jpg`` (no colour is subsampled), ``.png`` or ``.jxl``. codes: [H, W, 3] uint8.
        quality: of JPEG and JPEG XL, 1 to 100.

    Raises:
        OutputError: it cannot be written.
    """
    height, width, channels = codes.shape
    spec = oiio.ImageSpec(width, height, channels, "uint8")
    named = {".jxl": "jpegxl", ".jpg": "jpeg"}.get(path.suffix)
    if named:
        spec["Compression"] = f"{named}:{quality}"
    if named == "jpeg":
        spec["jpeg:subsampling"] = "4:4:4"
    out = oiio.ImageOutput.create(str(path))
    written = out is not None and (
        out.open(str(path), spec) and out.write_image(np.ascontiguousarray(codes)) and out.close()
    )
    if not written:
        said = last_problem(oiio if out is None else out)
        raise OutputError(f"{path} cannot be written: {said}", hint_for(path.parent))


def decode_still(data: bytes, kind: str, width: int, height: int, name: str) -> np.ndarray:
    """The picture of bytes, [height, width, 3] uint8.

    Args:
        data: what ``encode_still`` made. kind: ``jxl`` or ``png``. width, height: what it must be.
        name: what to call it in messages.

    Raises:
        InputError: it is no such picture, or of another size (looked at before any pixel is read).
    """
    with tempfile.TemporaryDirectory(prefix="retempo-still-") as folder:
        path = Path(folder) / f"still.{kind}"
        path.write_bytes(data)
        file = oiio.ImageInput.open(str(path))
        if file is None:
            raise InputError(f"{name} is no {kind} picture: {last_problem(oiio)}", "encode it again")
        spec = file.spec()
        if (spec.width, spec.height, spec.nchannels) != (width, height, 3):
            file.close()
            raise InputError(
                f"{name} is {spec.width}x{spec.height}, {spec.nchannels} channels, not {width}x{height}, 3",
                "encode it again",
            )
        codes = file.read_image("uint8")
        said = last_problem(file)
        file.close()
        if codes is None:
            raise InputError(f"{name} cannot be read: {said}", "encode it again")
        return np.asarray(codes, np.uint8).reshape(height, width, 3)
