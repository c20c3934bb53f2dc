"""Which messages do the tests of both languages agree on? Run me to write ``tests/fixtures/wire_messages.json``."""

from __future__ import annotations

import json
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from retempo.io.frame import Window
from retempo.server import messages
from retempo.server import protocol as wire
from retempo.server.digest import digest_pixels
from retempo.server.protocol import Type
from retempo.server.render_message import FrameEntry, How, Instant, Kind, Output, RenderMessage, Role

FILE = Path(__file__).resolve().parents[1] / "fixtures" / "wire_messages.json"

HELLO = messages.Hello("melt", 4242, bytes(range(32)))
WELCOME = messages.Welcome("0.1.0", 4243, bytes(range(16)), 4 << 30, bytes(range(32, 64)))
RENDER = RenderMessage(
    Kind.RETIME, Output.PICTURE, Fraction(4005, 4), Window(0, 0, 1920, 1080), Window(0, 0, 1920, 1080), 4,
    0, 30720, {"flow": "dis", "temperature": "5.0"},
    (
        FrameEntry(Role.SOURCE, 1001, bytes(range(16)), 4, Window(0, 0, 1920, 1080)),
        FrameEntry(Role.SOURCE, 1002, bytes(range(16, 32)), 4, Window(-8, 12, 1936, 1056), 33177600),
    ),
    120000,
)  # fmt: skip
VECTORS = RenderMessage(
    Kind.VECTORS, Output.VECTORS, Fraction(-3), Window(-4, 2, 12, 10), Window(0, 0, 16, 16), 4,
    4096 + 9 * 192, -192, {},
    (FrameEntry(Role.DEPTH, -3, bytes(16), 1, Window(0, 0, 16, 16), 0),),
)  # fmt: skip
SHUTTER = RenderMessage(
    Kind.RETIME, Output.PICTURE, Fraction(1002), Window(0, 0, 64, 36), Window(0, 0, 64, 36), 3,
    0, 768, {"shutter_samples": "3"},
    (
        FrameEntry(Role.SOURCE, 1001, bytes(range(16)), 3, Window(0, 0, 64, 36)),
        FrameEntry(Role.SOURCE, 1002, bytes(range(16, 32)), 3, Window(0, 0, 64, 36)),
    ),
    0, (Instant(Fraction(6011, 6)), Instant(Fraction(2003, 2), How.FADE), Instant(Fraction(6013, 6), How.BLACK)),
)  # fmt: skip
LAYER = RenderMessage(
    Kind.RETIME, Output.FOREGROUND, Fraction(7, 2), Window(0, 0, 16, 9), Window(0, 0, 16, 9), 4,
    0, 256, {"matte_channel": "R"},
    tuple(
        FrameEntry(role, number, bytes([16 * role + number]) * 16, 4, Window(0, 0, 16, 9))
        for number in (3, 4) for role in (Role.SOURCE, Role.MATTE)
    ),
)  # fmt: skip
THUMBNAIL = RenderMessage(
    Kind.SHOTS, Output.THUMBNAIL, Fraction(1001), Window(0, 0, 2304, 1), Window(0, 0, 1280, 720), 1,
    0, 9216, {"input_space": "integer pixels"},
    (FrameEntry(Role.SOURCE, 1001, bytes(range(16)), 3, Window(0, 0, 1280, 720)),),
)  # fmt: skip
CUTS = RenderMessage(
    Kind.SHOTS, Output.CUTS, Fraction(0), Window(0, 0, 1, 240), Window(0, 0, 2304, 240), 1,
    0, 4, {}, (FrameEntry(Role.SOURCE, 0, bytes(range(16, 32)), 1, Window(0, 0, 2304, 240), 4096),),
)  # fmt: skip
DONE = messages.Done(
    messages.FlowWork.COMPUTED, 8300, 15, 412000, 96000, 4100, 0, 1 << 31, "frame 1001.25 of 1001, 1002"
)
FAILED = messages.Failed(5, "there is no colour space 'lin'", "did you mean lin_rec709_scene?")
PROGRESS = messages.Progress(250, "estimating motion")
NEED = [0, 1]
FRAMES = [(0, 0), (1, 33177600)]
STATUS = b'{"version": "0.1.0", "renders": 7}'

EXAMPLES: dict[str, tuple[Type, int, bytes, int]] = {
    "HELLO": (Type.HELLO, 1, HELLO.pack(), 0),
    "WELCOME": (Type.WELCOME, 1, WELCOME.pack(), 0),
    "RENDER": (Type.RENDER, 2, RENDER.pack(), 1),
    "RENDER vectors": (Type.RENDER, (1 << 63) + 3, VECTORS.pack(), 1),
    "RENDER shutter": (Type.RENDER, 4, SHUTTER.pack(), 1),
    "RENDER foreground": (Type.RENDER, 3, LAYER.pack(), 1),
    "RENDER thumbnail": (Type.RENDER, 5, THUMBNAIL.pack(), 1),
    "RENDER cuts": (Type.RENDER, 6, CUTS.pack(), 1),
    "NEED": (Type.NEED, 2, messages.pack_need(NEED), 0),
    "FRAMES": (Type.FRAMES, 2, messages.pack_frames(FRAMES), 1),
    "PROGRESS": (Type.PROGRESS, 2, PROGRESS.pack(), 0),
    "DONE": (Type.DONE, 2, DONE.pack(), 0),
    "FAILED": (Type.FAILED, 2, FAILED.pack(), 0),
    "CANCEL": (Type.CANCEL, 2, b"", 0),
    "PING": (Type.PING, 9, b"", 0),
    "PONG": (Type.PONG, 9, b"", 0),
    "STATUS": (Type.STATUS, 10, b"", 0),
    "STATUS_REPLY": (Type.STATUS_REPLY, 10, STATUS, 0),
    "STOP": (Type.STOP, 11, b"", 0),
}
VALUES: dict[str, Any] = {
    "HELLO": HELLO, "WELCOME": WELCOME, "RENDER": RENDER, "RENDER vectors": VECTORS, "RENDER shutter": SHUTTER,
    "RENDER foreground": LAYER, "RENDER thumbnail": THUMBNAIL, "RENDER cuts": CUTS, "NEED": NEED, "FRAMES": FRAMES,
    "PROGRESS": PROGRESS, "DONE": DONE, "FAILED": FAILED, "STATUS_REPLY": STATUS,
}  # fmt: skip


def picture(width: int, height: int, channels: int) -> np.ndarray:
    """Pixel (x, y), channel c is ((x * 7 + y * 13 + c * 29) % 256 - 64) / 32, exact in float32."""
    y, x, c = np.mgrid[0:height, 0:width, 0:channels]
    return (((x * 7 + y * 13 + c * 29) % 256 - 64) / 32).astype(np.float32)


def plain(value: Any) -> Any:
    """A message's values as JSON: bytes as hex, fractions as [numerator, denominator], enums as numbers."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Fraction):
        return [value.numerator, value.denominator]
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return int(value) if isinstance(value, int) and not isinstance(value, bool) else value


def document() -> dict[str, Any]:
    """The whole fixture."""
    listed = []
    for name, (kind, request, payload, fds) in EXAMPLES.items():
        value = VALUES.get(name, {})
        decoded = asdict(value) if hasattr(value, "pack") else value
        listed.append(
            {
                "name": name, "type": int(kind), "request": request, "fds": fds,
                "hex": wire.pack_message(kind, request, payload, fds).hex(), "values": plain(decoded),
            }
        )  # fmt: skip
    digests = []
    for width, height, channels, x, y in (
        (1, 1, 1, 0, 0),
        (5, 3, 4, 0, 0),
        (5, 3, 4, -2, 7),
        (16, 9, 3, 0, 0),
        (64, 36, 4, 0, 0),
    ):
        digest = digest_pixels(picture(width, height, channels), Window(x, y, width, height))
        digests.append(
            {"width": width, "height": height, "channels": channels, "x": x, "y": y, "digest": digest.hex()}
        )
    return {
        "about": "written by tests/server/wire_examples.py; plugin/PROTOCOL.md explains every byte",
        "picture": picture.__doc__,
        "messages": listed,
        "digests": digests,
    }


if __name__ == "__main__":
    FILE.write_text(json.dumps(document(), indent=1) + "\n")
