"""Is every payload of the plugin's protocol refused, or understood exactly? The first byte says which message."""

from __future__ import annotations

import json
from pathlib import Path

from retempo.server import messages
from retempo.server.messages import Done, Failed, Hello, Progress, Welcome
from retempo.server.protocol import HEADER, parse_header
from retempo.server.render_message import RenderMessage

FIXTURE = Path(__file__).resolve().parents[2] / "fixtures" / "wire_messages.json"
WHOLE = {1: Hello, 2: Welcome, 3: RenderMessage, 6: Done, 7: Failed, 8: Progress}
WORDS = (b"RTMP", b"\x04flow\x03\x00dis", b"\x01\x04\x00\x00")


def parse(data: bytes) -> None:
    kind, payload = (data[0] % 10 if data else 0), data[1:]
    if kind in WHOLE:
        parsed = WHOLE[kind].parse(payload)
        assert WHOLE[kind].parse(parsed.pack()) == parsed
    elif kind == 4:
        assert messages.pack_need(messages.parse_need(payload)) == payload
    elif kind == 5:
        assert messages.pack_frames(messages.parse_frames(payload)) == payload
    elif len(payload) >= HEADER.size:
        parse_header(payload)


def seeds() -> dict[str, bytes]:
    found = {"header": b"\0" + bytes.fromhex("52544d5001000a0005") + bytes(23)}
    for one in json.loads(FIXTURE.read_text())["messages"]:
        data = bytes.fromhex(one["hex"])
        if one["type"] < 9:
            found[one["name"].replace(" ", "-")] = bytes([one["type"]]) + data[HEADER.size :]
    return found
