"""How does a clip become packets, and packets a clip? Frame by frame, in hierarchical order."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from retempo.codec.container import KEY, Header, Packet, order_of
from retempo.codec.frames import Codes, Encoded, compress, decompress, psnr
from retempo.codec.gop import Step, last_uses
from retempo.codec.weights import Codec
from retempo.errors import InputError, UsageError
from retempo.flow.base import FlowEstimator


class Stills(Protocol):
    """What keys travel as."""

    def encode(self, codes: Codes) -> bytes:
        """Bytes of a picture."""
        ...

    def decode(self, data: bytes, name: str) -> Codes:
        """The picture of bytes; ``name`` is for messages."""
        ...


@dataclass(frozen=True)
class Report:
    """How one frame was encoded.

    Attributes:
        frame: position in the clip. key: is it a still. network: index, -1 for a key. bytes: of its packet.
        psnr: dB. bits: estimated by the tables, 0 for a key.
    """

    frame: int
    key: bool
    network: int
    bytes: int
    psnr: float
    bits: float


class Decoded(NamedTuple):
    """A frame of a decoded clip.

    Attributes:
        frame: position in the clip. codes: [H, W, 3] uint8. exact: are they what the encoder had.
    """

    frame: int
    codes: Codes
    exact: bool


def encode_clip(
    header: Header,
    read: Callable[[int], Codes],
    codecs: Sequence[Codec],
    estimator: FlowEstimator,
    stills: Stills,
    quality: float | None = None,
) -> Iterator[tuple[Packet, Report]]:
    """Encode frame by frame, in the order in which they travel.

    Args:
        header: of the clip. read: the 8-bit codes of a frame, by its position.
        codecs: networks to choose from, one a lambda, at least one unless keys are all there is.
        estimator: of motion. stills: for the keys.
        quality: wanted PSNR in dB; None for that of the keys around a frame.

    Raises:
        UsageError: no networks, or some for another number of references.
    """
    steps = order_of(header)
    if any(not step.is_key for step in steps) and not codecs:
        raise UsageError(
            "frames between keys need a network", "name its weights, or encode keys alone (--gop 1)"
        )
    if any(codec.config.references != header.references for codec in codecs):
        raise UsageError("the networks take another number of references", "see `retempo codec info`")
    known: dict[int, Codes] = {}
    keys: dict[int, float] = {}
    uses = last_uses(steps)
    for index, step in enumerate(steps):
        target = read(step.frame)
        if step.is_key:
            data = stills.encode(target)
            codes = stills.decode(data, f"frame {step.frame}")
            keys = {frame: value for frame, value in keys.items() if step.frame - frame <= header.gop}
            keys[step.frame] = psnr(target, codes)
            packet = Packet(step.frame, KEY, 0, data, _checksum(codes))
            report = Report(step.frame, True, -1, len(data), keys[step.frame], 0.0)
        else:
            wanted = min(keys.values()) if quality is None else quality
            chosen, found = _choose(step, target, known, codecs, estimator, wanted)
            codes = found.codes
            packet = Packet(step.frame, found.kind, chosen, found.data, _checksum(codes))
            report = Report(step.frame, False, chosen, len(found.data), found.psnr, found.bits)
        known[step.frame] = codes
        known = {frame: picture for frame, picture in known.items() if uses[frame] > index}
        yield packet, report


def _choose(
    step: Step,
    target: Codes,
    known: dict[int, Codes],
    codecs: Sequence[Codec],
    estimator: FlowEstimator,
    wanted: float,
) -> tuple[int, Encoded]:
    """The fewest bytes among the networks that are good enough; the best where none is."""
    references = [known[one] for one in step.references]
    picture = target.astype(np.float32) / np.float32(255)
    flows = {
        one: estimator.estimate(picture, known[one].astype(np.float32) / np.float32(255))[0]
        for one in dict.fromkeys(step.references)
    }
    motion = [flows[one] for one in step.references]
    distances = [abs(one - step.frame) for one in step.references]
    tried = [(at, compress(codec, target, references, motion, distances)) for at, codec in enumerate(codecs)]
    enough = [one for one in tried if one[1].psnr >= wanted]
    if enough:
        return min(enough, key=lambda one: (len(one[1].data), one[0]))
    return max(tried, key=lambda one: (one[1].psnr, -one[0]))


def decode_clip(
    header: Header, packets: Sequence[Packet], codecs: Sequence[Codec], stills: Stills, name: str
) -> Iterator[Decoded]:
    """Decode a clip, frame by frame in the order of time; at most some ten pictures are held.

    Args:
        header, packets: from the container. codecs: the header's networks, in its order.
        stills: for the keys. name: of the file, for messages.

    Raises:
        InputError: a packet holds something else.
    """
    steps = order_of(header)
    uses = last_uses(steps)
    known: dict[int, Codes] = {}
    ready: dict[int, Decoded] = {}
    due = 0
    for index, (step, packet) in enumerate(zip(steps, packets, strict=True)):
        try:
            codes = _decode(step, packet, known, codecs, stills)
        except InputError as error:
            raise InputError(f"{name}: frame {step.frame}: {error.message}", error.hint) from error
        if codes.shape != (header.height, header.width, 3):
            raise InputError(
                f"{name}: frame {step.frame} is {codes.shape[1]}x{codes.shape[0]}", "encode it again"
            )
        known[step.frame] = codes
        known = {frame: picture for frame, picture in known.items() if uses[frame] > index}
        ready[step.frame] = Decoded(step.frame, codes, _checksum(codes) == packet.picture)
        while due in ready:
            yield ready.pop(due)
            due += 1


def _decode(
    step: Step, packet: Packet, known: dict[int, Codes], codecs: Sequence[Codec], stills: Stills
) -> Codes:
    if step.is_key:
        return stills.decode(packet.data, f"frame {step.frame}")
    references = [known[one] for one in step.references]
    distances = [abs(one - step.frame) for one in step.references]
    return decompress(codecs[packet.network], packet.kind, packet.data, references, distances)


def _checksum(codes: Codes) -> int:
    return zlib.crc32(np.ascontiguousarray(codes).tobytes())


def mean_psnr(reports: Sequence[Report]) -> float:
    """PSNR in dB of the mean squared error of several frames."""
    errors = [0.0 if math.isinf(one.psnr) else 10 ** (-one.psnr / 10) for one in reports]
    mean = sum(errors) / len(errors)
    return -10 * math.log10(mean) if mean else math.inf
