"""What can each file format hold, and how is a channel stored in it when the source does not say?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from retempo.errors import UsageError

MOVIES = (".mov", ".mp4", ".m4v", ".mkv", ".avi", ".webm", ".mxf")
"""Extensions that are read and written through PyAV."""


@dataclass(frozen=True)
class ImageFormat:
    """One image format as a target.

    Attributes:
        name: OpenImageIO's name.
        depths: channel formats it can store; the first is taken when the source's is not among them and
            ``for_float`` does not apply.
        for_float: what float sources become.
        layered: holds several parts and any channels; otherwise the main colour alone is written.
        straight: alpha is stored unassociated.
        alpha: can hold alpha at all.
        compressions: names of what it can be compressed with, where there is a choice.
    """

    name: str
    depths: tuple[str, ...]
    for_float: str
    layered: bool = False
    straight: bool = False
    alpha: bool = True
    compressions: tuple[str, ...] = ()


_EXR_COMPRESSIONS = (
    "none", "rle", "zips", "zip", "piz", "pxr24", "b44", "b44a", "dwaa", "dwab", "htj2k32", "htj2k256",
)  # fmt: skip
_TIFF_COMPRESSIONS = ("none", "lzw", "zip", "packbits")
_FORMATS = {
    ".exr": ImageFormat(
        "openexr", ("half", "float", "uint"), "half", layered=True, compressions=_EXR_COMPRESSIONS
    ),
    ".dpx": ImageFormat("dpx", ("uint10", "uint8", "uint12", "uint16"), "uint10"),
    ".tif": ImageFormat(
        "tiff", ("uint16", "uint8", "float", "half"), "float", compressions=_TIFF_COMPRESSIONS
    ),
    ".png": ImageFormat("png", ("uint16", "uint8"), "uint16", straight=True),
    ".jpg": ImageFormat("jpeg", ("uint8",), "uint8", alpha=False),
}
_FORMATS[".tiff"], _FORMATS[".jpeg"] = _FORMATS[".tif"], _FORMATS[".jpg"]


def is_movie(path: str | Path) -> bool:
    """Tell by the extension whether a path is a movie."""
    return Path(path).suffix.lower() in MOVIES


def format_for(path: str | Path) -> ImageFormat:
    """Return the format that an extension stands for.

    Raises:
        UsageError: an extension that is not written.
    """
    found = _FORMATS.get(Path(path).suffix.lower())
    if found is None:
        known = ", ".join(sorted({*_FORMATS} | {*MOVIES}))
        raise UsageError(f"{path}: cannot write files of this kind", f"use one of {known}")
    return found


def check_compression(path: str | Path, text: str) -> None:
    """See that files of this kind can be compressed so; ``dwaa:45`` gives dwaa a level.

    Raises:
        UsageError: an unknown name, or a format that leaves no choice.
    """
    name, colon, level = text.partition(":")
    known = () if is_movie(path) else format_for(path).compressions
    if not known:
        raise UsageError(
            f"{path}: files of this kind leave no choice of compression", "leave --compression out"
        )
    if name not in known or (colon and not level.replace(".", "", 1).isdigit()):
        raise UsageError(
            f"--compression is {text!r}", f"{Path(path).suffix} takes {', '.join(known)}, e.g. zip or dwaa:45"
        )


def store_as(form: ImageFormat, source: str, asked: str | None) -> str:
    """Choose the storage of one channel: what was asked for, else the source's own, else the nearest."""
    if asked is not None:
        if asked not in form.depths:
            raise UsageError(f"{form.name} cannot store '{asked}'", f"use one of {', '.join(form.depths)}")
        return asked
    if source in form.depths:
        return source
    if source in ("half", "float", "double"):
        return form.for_float
    if form.layered:
        return "half" if source in ("uint8", "uint10") else "float"
    return (
        form.depths[0]
        if source not in ("uint10", "uint12", "uint16") or "uint16" not in form.depths
        else "uint16"
    )
