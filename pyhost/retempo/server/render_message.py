"""What does a client ask for? RENDER: which picture, from which frames and settings, into which memory."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from fractions import Fraction
from typing import Final

from retempo.io.frame import Window
from retempo.server.protocol import LARGEST_SIDE, MOST_FRAMES, ProtocolError, Reader

FIXED: Final = struct.Struct("<HHBB2siiIIiiIIqqQqIHH")
INSTANT: Final = struct.Struct("<qII")
FRAME: Final = struct.Struct("<BBHIq16sIIiiQ")
LARGEST_DENOMINATOR: Final = 100000
LARGEST_NUMBER: Final = 1 << 40
LARGEST_OFFSET: Final = 1 << 30
MOST_SETTINGS: Final = 128
MOST_INSTANTS: Final = 128


class Kind(IntEnum):
    """What is to be made."""

    RETIME = 1
    VECTORS = 2
    SHOTS = 3


class Output(IntEnum):
    """Which quantity goes into the output region; one bit a request."""

    PICTURE = 1
    VECTORS = 2
    CONFIDENCE = 4
    OCCLUSION = 8
    FOREGROUND = 16
    BACKGROUND = 32
    MATTE = 64
    THUMBNAIL = 128
    CUTS = 256


LAYERS: Final = (Output.FOREGROUND, Output.BACKGROUND, Output.MATTE)
"""What a matte separates."""

ALLOWED: Final[Mapping[Kind, tuple[Output, ...]]] = {
    Kind.RETIME: (Output.PICTURE, Output.VECTORS, Output.CONFIDENCE, Output.OCCLUSION, *LAYERS),
    Kind.VECTORS: (Output.VECTORS, Output.CONFIDENCE, Output.OCCLUSION),
    Kind.SHOTS: (Output.THUMBNAIL, Output.CUTS),
}


class Role(IntEnum):
    """What a frame is for."""

    SOURCE = 1
    VECTORS = 2
    MATTE = 3
    DEPTH = 4


@dataclass(frozen=True)
class FrameEntry:
    """One line of the frame table.

    Args:
        role: what it is for.
        number: the source frame that it is, or belongs to.
        digest: 16 bytes that stand for its pixels and layout; see ``server.digest``.
        channels: 1, 3 or 4.
        window: where its pixels lie, y down.
        offset: where they lie in the memory that comes with RENDER; None when they do not.
    """

    role: Role
    number: int
    digest: bytes
    channels: int
    window: Window
    offset: int | None = None

    @property
    def nbytes(self) -> int:
        """Bytes of the pixels: float32, rows without gaps."""
        return 4 * self.channels * self.window.width * self.window.height

    def pack(self) -> bytes:
        x, y, width, height = self.window
        eager = self.offset is not None
        head = (self.role, self.channels, int(eager), 0, self.number, self.digest)
        return FRAME.pack(*head, width, height, x, y, self.offset or 0)

    @classmethod
    def parse(cls, reader: Reader) -> FrameEntry:
        role, channels, flags, zero, number, digest, width, height, x, y, offset = FRAME.unpack(
            reader.take(FRAME.size)
        )
        if flags > 1 or zero or (offset and not flags):
            raise ProtocolError("a frame of RENDER has reserved bits set", "version 1 knows flag 1 only")
        if role not in list(Role):
            raise ProtocolError(
                f"a frame of RENDER has the role {role}", "1 source, 2 vectors, 3 matte, 4 depth"
            )
        if channels not in (1, 3, 4):
            raise ProtocolError(f"a frame of RENDER has {channels} channels", "1, 3 or 4 are possible")
        if abs(number) > LARGEST_NUMBER:
            raise ProtocolError(f"a frame of RENDER has the number {number}", "that is no frame number")
        window = check_window(Window(x, y, width, height), "a frame of RENDER")
        return cls(Role(role), number, digest, channels, window, offset if flags else None)


class How(IntEnum):
    """How an instant is made where no source frame is hit."""

    MOTION = 0
    FADE = 1
    BLACK = 2


@dataclass(frozen=True)
class Instant:
    """A source time, and how its picture is made."""

    time: Fraction
    how: How = How.MOTION

    def pack(self) -> bytes:
        return INSTANT.pack(self.time.numerator, self.time.denominator, self.how)

    @classmethod
    def parse(cls, reader: Reader) -> Instant:
        numerator, denominator, how = INSTANT.unpack(reader.take(INSTANT.size))
        if how not in list(How):
            raise ProtocolError(
                f"an instant of RENDER is to be made in the way {how}", "0 motion, 1 fade, 2 black"
            )
        return cls(check_time(numerator, denominator), How(how))


@dataclass(frozen=True)
class RenderMessage:
    """RENDER, decoded.

    Args:
        kind, output: what is wanted.
        time: the source time, exact.
        window: rectangle of the result, y down, in the coordinates of ``display``.
        display: the display window (the host's format or project window).
        channels: of the result: 1, 3 or 4.
        offset: byte in the shared memory where the first (top) row of the result begins.
        stride: bytes from one row to the next lower one; may be negative.
        settings: names and values of ``RetimeSettings``, as texts.
        frames: the frame table.
        deadline: milliseconds after which the client no longer wants the result; 0: no deadline.
        instants: what the picture is the mean of; none: the source time alone, by motion.
    """

    kind: Kind
    output: Output
    time: Fraction
    window: Window
    display: Window
    channels: int
    offset: int
    stride: int
    settings: Mapping[str, str] = field(default_factory=dict)
    frames: tuple[FrameEntry, ...] = ()
    deadline: int = 0
    instants: tuple[Instant, ...] = ()

    def pack(self) -> bytes:
        x, y, width, height = self.window
        display_x, display_y, display_width, display_height = self.display
        head = FIXED.pack(
            self.kind, self.output, self.channels, len(self.instants), b"",
            x, y, width, height, display_x, display_y, display_width, display_height,
            self.time.numerator, self.time.denominator, self.offset, self.stride,
            self.deadline, len(self.settings), len(self.frames),
        )  # fmt: skip
        tables = [one.pack() for one in self.frames] + [one.pack() for one in self.instants]
        return head + pack_settings(self.settings) + b"".join(tables)

    @classmethod
    def parse(cls, payload: bytes) -> RenderMessage:
        """Decode and check everything that can be checked without the shared memory.

        Raises:
            ProtocolError: naming the field.
        """
        reader = Reader(payload, "RENDER")
        (
            kind, output, channels, instants, zero,
            x, y, width, height, display_x, display_y, display_width, display_height,
            numerator, denominator, offset, stride, deadline, settings, frames,
        ) = FIXED.unpack(reader.take(FIXED.size))  # fmt: skip
        if any(zero):
            raise ProtocolError("RENDER has reserved bits set", "they are for versions to come")
        if kind not in list(Kind):
            raise ProtocolError(f"RENDER asks for the kind {kind}", "1 retime, 2 vectors, 3 shots")
        if output not in ALLOWED[Kind(kind)]:
            raise ProtocolError(
                f"RENDER asks for the output {output:#x} of kind {kind}", "see plugin/PROTOCOL.md"
            )
        if channels not in (1, 3, 4):
            raise ProtocolError(f"RENDER asks for {channels} channels", "1, 3 or 4 are possible")
        if instants > MOST_INSTANTS or (instants and output not in (Output.PICTURE, *LAYERS)):
            raise ProtocolError(
                f"RENDER has {instants} instants",
                f"a picture or a layer may have up to {MOST_INSTANTS}, nothing else any",
            )
        time = check_time(numerator, denominator)
        if settings > MOST_SETTINGS or not 1 <= frames <= MOST_FRAMES:
            raise ProtocolError(
                f"RENDER has {settings} settings and {frames} frames", "1 to 64 frames are possible"
            )
        window = check_window(Window(x, y, width, height), "RENDER's result")
        display = check_window(
            Window(display_x, display_y, display_width, display_height), "RENDER's display"
        )
        if abs(stride) < 4 * channels * width or stride % 4 or offset % 4:
            raise ProtocolError(
                f"RENDER's rows of {width} pixels, {channels} channels, lie {stride} bytes apart"
            )
        chosen = parse_settings(reader, settings)
        table = tuple(FrameEntry.parse(reader) for _ in range(frames))
        exposed = tuple(Instant.parse(reader) for _ in range(instants))
        reader.end()
        seen = {(one.role, one.number) for one in table}
        if len(seen) != len(table):
            raise ProtocolError("RENDER's frame table names a frame twice", "one entry a role and number")
        return cls(
            Kind(kind), Output(output), time, window, display, channels,
            offset, stride, chosen, table, deadline, exposed,
        )  # fmt: skip


def check_time(numerator: int, denominator: int) -> Fraction:
    """A source time of RENDER, or a refusal of one that is out of range."""
    if not 1 <= denominator <= LARGEST_DENOMINATOR or abs(numerator) > LARGEST_NUMBER * denominator:
        raise ProtocolError(f"the source time {numerator}/{denominator} of RENDER is out of range")
    return Fraction(numerator, denominator)


def check_window(window: Window, what: str) -> Window:
    """Refuse a rectangle that is empty, huge or far away."""
    if not (1 <= window.width <= LARGEST_SIDE and 1 <= window.height <= LARGEST_SIDE):
        raise ProtocolError(
            f"{what} is {window.width}x{window.height}", f"1 to {LARGEST_SIDE} pixels a side are possible"
        )
    if max(abs(window.x), abs(window.y)) > LARGEST_OFFSET:
        raise ProtocolError(f"{what} lies at {window.x}, {window.y}", "that is too far away")
    return window


def pack_settings(settings: Mapping[str, str]) -> bytes:
    """Each key (u8 length) and its value (u16 length), UTF-8."""
    parts = []
    for key, value in settings.items():
        name, text = key.encode(), value.encode()
        parts.append(struct.pack("<B", len(name)) + name + struct.pack("<H", len(text)) + text)
    return b"".join(parts)


def parse_settings(reader: Reader, count: int) -> dict[str, str]:
    """``count`` keys and values; a key may stand there once."""
    chosen: dict[str, str] = {}
    for _ in range(count):
        key = reader.text("B")
        if key in chosen:
            raise ProtocolError(f"RENDER gives the setting {key!r} twice")
        chosen[key] = reader.text()
    return chosen
