"""Which metadata travels with a retimed frame, and which is worked out anew?

All attributes of a part are carried in its ImageSpec. What OpenImageIO put there to describe the file itself
(chunk counts, line order) is dropped before writing; timecode and frame rate are set anew with
:func:`retimed`, or with any attribute dictionary whose values :func:`apply` understands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from retempo.conventions import SETTINGS_KEY
from retempo.errors import InputError
from retempo.io import checksum
from retempo.io.frame import Frame
from retempo.io.timecode import MAX_PACKED_RATE, Timecode, nominal, timecode_at

TIMECODE = "smpte:TimeCode"
"""OpenImageIO's name of EXR ``timeCode`` and of DPX timecode."""
FPS = "FramesPerSecond"
"""OpenImageIO's name of EXR ``framesPerSecond``."""

_OF_THE_FILE = (
    "oiio:subimages", "oiio:subimagename", "oiio:RowsPerChunk", "openexr:chunkCount", "openexr:lineOrder",
    "openexr:levelmode", "openexr:roundingmode", "textureformat", "thumbnail_width", "thumbnail_height",
    "thumbnail_nchannels", "thumbnail_image", "name", checksum.KEY,
)  # fmt: skip
_OF_THE_FORMAT = (
    "compression", "Compression", "CompressionQuality", "oiio:BitsPerSample", "oiio:ColorSpace",
    "oiio:UnassociatedAlpha", "planarconfig", "ResolutionUnit", "XResolution", "YResolution",
    "openexr:dwaCompressionLevel", "ICCProfile",
)  # fmt: skip


def apply(spec: Any, attributes: Mapping[str, Any]) -> None:
    """Set attributes on an ImageSpec by the type of each value.

    ``str``, ``int``, ``float``, ``bool`` and tuples of numbers as they are; ``Fraction`` as a rational;
    ``Timecode`` as packed SMPTE timecode (it needs the rate: set :data:`FPS` in the same dictionary, or 24 is
    assumed); ``None`` removes the attribute.
    """
    import OpenImageIO as oiio

    fps = attributes.get(FPS)
    for key, value in attributes.items():
        if value is None:
            spec.erase_attribute(key)
        elif isinstance(value, Timecode):
            rate = Fraction(fps) if fps else Fraction(24)
            spec.erase_attribute(key)
            if nominal(rate) <= MAX_PACKED_RATE:
                spec.attribute(key, oiio.TypeTimeCode, value.packed(rate))
        elif isinstance(value, Fraction):
            spec.attribute(key, oiio.TypeRational, (value.numerator, value.denominator))
        elif isinstance(value, tuple) and value:
            base = "int" if all(isinstance(item, int) for item in value) else "float"
            spec.attribute(key, oiio.TypeDesc(f"{base}[{len(value)}]"), value)
        elif isinstance(value, bool):
            spec.attribute(key, int(value))
        else:
            spec.attribute(key, value)


def clean(spec: Any, same_format: bool) -> None:
    """Drop what described the source file; without ``same_format`` also what belongs to its format."""
    level = spec.getattribute("openexr:dwaCompressionLevel")
    compression = str(spec.getattribute("compression") or "")
    for key in _OF_THE_FILE + (() if same_format else _OF_THE_FORMAT):
        spec.erase_attribute(key)
    if same_format and level is not None and compression in ("dwaa", "dwab"):
        spec.attribute("compression", f"{compression}:{level:g}")


def attributes_of(frame: Frame, layer: int = 0) -> dict[str, Any]:
    """Return all metadata of one part as a dictionary (values as OpenImageIO gives them)."""
    return dict(named_values(frame.layers[layer].spec))


def named_values(spec: Any) -> Iterator[tuple[str, Any]]:
    """Each attribute's name and value; those that are not UTF-8 text are left out (and are still carried)."""
    for item in spec.extra_attribs:
        try:
            yield item.name, item.value
        except UnicodeDecodeError:
            continue


def _value(spec: Any, name: str) -> Any:
    """An attribute's value; None where there is none, or where it is not UTF-8 text."""
    try:
        return spec.getattribute(name)
    except UnicodeDecodeError:
        return None


def fps_of(frame: Frame) -> Fraction | None:
    """Return the frame rate that the file states, exactly; None without one."""
    for layer in frame.layers:
        for key in (FPS, "framesPerSecond", "dpx:FrameRate", "dpx:TemporalFrameRate"):
            value = _value(layer.spec, key)
            if isinstance(value, (tuple, list)) and len(value) == 2 and value[1]:
                return Fraction(int(value[0]), int(value[1]))
            if isinstance(value, (int, float)) and 0 < value < 1e5:
                return exact_rate(float(value))
    return None


def exact_rate(fps: float | str | Fraction) -> Fraction:
    """Turn a rate into the fraction that was meant: 23.976 -> 24000/1001, 29.97 -> 30000/1001, 25 -> 25.

    Raises:
        InputError: not a positive number.
    """
    try:
        if isinstance(fps, str) and not re.fullmatch(r"\d{1,9}([./]\d{1,9})?", fps.strip(), re.ASCII):
            raise ValueError(fps)  # with an exponent it could have a hundred million digits
        value = Fraction(fps) if not isinstance(fps, float) else Fraction(fps).limit_denominator(1001)
    except (ValueError, ZeroDivisionError, OverflowError) as error:
        raise InputError(f"'{fps}' is no frame rate", "write it as 24, 23.976 or 24000/1001") from error
    if value <= 0:
        raise InputError(f"a frame rate must be above zero, got {fps}")
    ntsc = Fraction(round(value * 1001 / 1000) * 1000, 1001)
    return ntsc if value.denominator != 1 and abs(float(value - ntsc)) < 6e-3 and ntsc else value


def timecode_of(frame: Frame) -> Timecode | None:
    """Return the timecode that the file states; None without one."""
    for layer in frame.layers:
        value = _value(layer.spec, TIMECODE)
        if isinstance(value, (tuple, list)) and len(value) == 2:
            return Timecode.unpack(int(value[0]), int(value[1]), fps_of(frame))
        if isinstance(value, str) and value:
            return Timecode.parse(value)
    return None


def chromaticities_of(frame: Frame) -> tuple[float, ...] | None:
    """Return x, y of red, green, blue and white as the file states them; None without."""
    for layer in frame.layers:
        value = _value(layer.spec, "chromaticities")
        if isinstance(value, (tuple, list)) and len(value) == 8:
            return tuple(float(one) for one in value)
    return None


def retimed(
    base: Timecode | None, offset: int, fps: Fraction | None, base_fps: Fraction | None = None
) -> dict[str, Any]:
    """Return the attributes of the output frame ``offset`` frames after the one that carries ``base``.

    The output counts its own frames at its own rate: a 24 fps plate slowed down to 24 fps again gets
    timecode that runs on frame by frame; one converted to 30 fps begins at the same moment, 12 of 24 being 15 of 30.
    Without a base or a rate, stale values are removed, not kept.

    Args:
        base_fps: the rate that ``base`` was counted at; default: ``fps``.
    """
    if base is None or fps is None:
        return {FPS: fps, TIMECODE: None}
    start = base if base_fps is None else base.rescaled(base_fps, fps)
    return {FPS: fps, TIMECODE: timecode_at(start, offset, fps)}


def stamp_text(stamp: str) -> str:
    """Return the stamp for the Software field of formats without free attributes, with a checksum to come."""
    return f"Retempo {SETTINGS_KEY}={stamp} {checksum.BLANK}"


def find_stamp(spec: Any) -> str | None:
    """Return the stamp that a written frame carries, from its own attribute or the Software field."""
    own = str(_value(spec, SETTINGS_KEY) or "")
    if own:
        return str(own)
    _, found, rest = str(_value(spec, "Software") or "").partition(f"{SETTINGS_KEY}=")
    return rest.split()[0] if found and rest.split() else None


__all__ = [
    "FPS", "TIMECODE", "Timecode", "apply", "attributes_of", "chromaticities_of", "clean", "exact_rate", "find_stamp",
    "fps_of", "retimed", "stamp_text", "timecode_at", "timecode_of",
]  # fmt: skip
