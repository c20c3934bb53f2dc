"""How does a clip on disk become an encoded file, and such a file pictures or a movie again?

The codec keeps 8-bit codes as they are: no colour management. What has more bits or is floating point is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np

from retempo.codec.clip import Report, decode_clip, encode_clip
from retempo.codec.coding import constriction
from retempo.codec.container import (
    Header,
    Packet,
    read_container,
    write_container,
)
from retempo.codec.frames import Codes
from retempo.codec.weights import Codec, load_codecs
from retempo.errors import InputError, OutputError, UsageError, WeightsError
from retempo.flow.base import FlowEstimator
from retempo.flow.catalog import parse_flow
from retempo.io import temporary
from retempo.io.frame import Frame, make_layer
from retempo.io.sequence import open_source
from retempo.io.source import Source
from retempo.io.stills import decode_still, encode_still
from retempo.io.target import open_target
from retempo.models.weights import load_weights

Progress = Callable[[int, int, str], None]
_RATE: Final = Fraction(24)


@dataclass(frozen=True)
class Stills:
    """Keys of a clip; see ``io.stills``."""

    header: Header

    def encode(self, codes: Codes) -> bytes:
        """Bytes of a picture."""
        return encode_still(codes, self.header.still, self.header.quality)

    def decode(self, data: bytes, name: str) -> Codes:
        """The picture of bytes."""
        return decode_still(data, self.header.still, self.header.width, self.header.height, name)


@dataclass(frozen=True)
class Wanted:
    """How to encode.

    Attributes:
        gop: frames from key to key, 1 to 10. still: ``jxl`` or ``png``. key_quality: of JPEG XL, 1 to 100.
        quality: dB that the frames between should reach with the fewest bytes; None for that of the keys.
        flow: estimator, as ``--flow`` says it.
    """

    gop: int = 8
    still: str = "jxl"
    key_quality: int = 90
    quality: float | None = None
    flow: str = "dis:balanced"


def encode_file(
    clip: str,
    output: Path,
    weights: Path,
    wanted: Wanted,
    *,
    frames: str | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> tuple[Header, list[Report]]:
    """Encode a clip into one file, which appears when it is whole.

    Args:
        clip: sequence or movie of 8 bits a component; alpha and other layers are left out.
        output: the file. weights: a network, or a folder of networks. wanted: how.
        frames: of the clip, without gaps. overwrite: replace the output. progress: hears (done, all, what).

    Raises:
        InputError: not 8 bits, sizes differ, frames are missing. UsageError: settings that do not go together.
        OutputError: the output is there, or cannot be written. WeightsError: weights or the range coder are
            missing.
    """
    constriction()
    if output.exists() and not overwrite:
        raise OutputError(f"{output} exists", "pass --overwrite or choose another name")
    if not 1 <= wanted.key_quality <= 100:
        raise UsageError(f"--key-quality {wanted.key_quality}", "it is 1 to 100")
    codecs = load_codecs(weights)
    source = open_source(clip, frames)
    try:
        header = _header(source, codecs, wanted)
        packets, reports = [], []
        read = _reader(source, header)
        made = encode_clip(header, read, codecs, find_estimator(wanted.flow), Stills(header), wanted.quality)
        for packet, report in made:
            packets.append(packet)
            reports.append(report)
            if progress is not None:
                progress(len(packets), header.frames, "encoding")
    finally:
        source.close()
    write_file(output, write_container(header, packets))
    return header, reports


def decode_file(
    path: Path,
    output: str,
    weights: Path | None,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> tuple[Header, list[int]]:
    """Decode a file into pictures or a movie.

    Args:
        path: what ``encode_file`` wrote. output: pattern or movie. weights: the networks that encoded it.

    Returns:
        The header, and the numbers of frames whose pixels are not exactly the encoder's (another kind of
        processor).

    Raises:
        InputError: the file is damaged. WeightsError: a network of its is not among the weights.
        OutputError: the output is there, or cannot be written.
    """
    header, packets = read_file(path)
    codecs = find_networks(header, packets, load_codecs(weights) if weights is not None else [], str(path))
    numbers = range(header.first, header.first + header.frames)
    rate = Fraction(header.rate)
    target = open_target(output, overwrite=overwrite, fps=rate, frames=numbers, depth=_depth(output))
    other = []
    try:
        for decoded in decode_clip(header, packets, codecs, Stills(header), str(path)):
            number = header.first + decoded.frame
            target.write(number, _frame(decoded.codes, path), {"FramesPerSecond": rate})
            if not decoded.exact:
                other.append(number)
            if progress is not None:
                progress(decoded.frame + 1, header.frames, "decoding")
        target.close()
    except BaseException:
        target.abort()
        raise
    return header, other


def read_file(path: Path) -> tuple[Header, list[Packet]]:
    """Read and check an encoded clip.

    Raises:
        InputError: it is missing or damaged.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}", "name an encoded clip") from error
    return read_container(data, str(path))


def write_file(path: Path, data: bytes) -> None:
    """Write a file that appears under its name when it is whole.

    Raises:
        OutputError: it cannot be written.
    """
    temporary.prepare_folder(path.parent)
    hidden = temporary.temporary_for(path)
    try:
        hidden.write_bytes(data)
    except OSError as error:
        temporary.discard(hidden)
        raise OutputError(
            f"{path} cannot be written: {error.strerror}", temporary.hint_for(path.parent)
        ) from error
    temporary.publish(hidden, path)


def find_estimator(text: str) -> FlowEstimator:
    """One estimator that looks at pictures.

    Raises:
        UsageError: it is none, or several.
    """
    found = parse_flow(text, load_weights=load_weights)
    if len(found) != 1 or not isinstance(found[0], FlowEstimator):
        raise UsageError(
            f"--flow {text}", "the codec takes one estimator that looks at pictures, e.g. dis:balanced"
        )
    return found[0]


def find_networks(
    header: Header, packets: Sequence[Packet], codecs: Sequence[Codec], name: str
) -> list[Codec]:
    """The networks of a header among those at hand, in its order.

    Raises:
        WeightsError: one that a frame needs is not there.
    """
    known = {one.digest: one for one in codecs}
    used = {header.networks[one.network] for one in packets if one.kind}
    if missing := sorted(used - set(known)):
        raise WeightsError(
            f"{name} was encoded with networks {', '.join(missing)}, which are not among the weights",
            "name their file or folder with --weights; `retempo codec info WEIGHTS` shows which they are",
        )
    # networks that no frame uses may be missing: any stands in for them
    return [known[one] if one in known else codecs[0] for one in header.networks] if used else []


def _header(source: Source, codecs: Sequence[Codec], wanted: Wanted) -> Header:
    numbers = source.frames
    if source.missing or list(numbers) != list(range(numbers[0], numbers[0] + len(numbers))):
        raise InputError(f"{source.pattern} has gaps", "encode ranges without gaps one by one (--frames)")
    size = source.header(numbers[0]).display
    header = Header(
        size.width, size.height, len(numbers), numbers[0], str(source.fps or _RATE), wanted.gop,
        codecs[0].config.references, wanted.still, wanted.key_quality if wanted.still == "jxl" else 100,
        tuple(one.digest for one in codecs), version("retempo"),
    )  # fmt: skip
    try:
        header.check()
    except ValueError as error:
        raise UsageError(
            f"this clip cannot be encoded so: {error}", "see `retempo codec encode --help`"
        ) from error
    return header


def _reader(source: Source, header: Header) -> Callable[[int], Codes]:
    """What gives the codes of a frame by its position."""

    def read(position: int) -> Codes:
        number = header.first + position
        return codes_of(
            source.read(number), f"frame {number} of {source.pattern}", header.width, header.height
        )

    return read


def codes_of(frame: Frame, name: str, width: int, height: int) -> Codes:
    """The 8-bit codes of a frame's colour, [height, width, 3].

    Raises:
        InputError: it has more bits, no colour, or another size.
    """
    layer = frame.main()
    color = layer.color_indices()[:3]
    if not color:
        raise InputError(f"{name} has no colour", "choose a clip with R, G and B")
    deep = sorted({kind for channel in color if (kind := layer.formats[layer.channels[channel]]) != "uint8"})
    if deep:
        raise InputError(
            f"{name} is stored as {', '.join(deep)}, the codec keeps 8-bit codes",
            "write it with 8 bits first (an h264 movie, or TIFF with --data-type uint8)",
        )
    if layer.pixels.shape[:2] != (height, width):
        found = layer.pixels.shape
        raise InputError(
            f"{name} is {found[1]}x{found[0]}, the first {width}x{height}", "encode them as two clips"
        )
    scaled: Any = np.rint(layer.pixels[..., list(color)].clip(0, 1) * np.float32(255))
    return np.ascontiguousarray(scaled.astype(np.uint8))


def _frame(codes: Codes, path: Path) -> Frame:
    layer = make_layer(codes.astype(np.float32) / np.float32(255), ("R", "G", "B"), formats="uint8")
    return Frame([layer], layer.window, path)


def _depth(output: str) -> str | None:
    """8 bits where the format has them."""
    return "uint8" if Path(output).suffix.lower() in (".png", ".tif", ".tiff", ".dpx") else None
