"""Do bytes mean what plugin/PROTOCOL.md says, and is everything else refused?"""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import numpy as np
import pytest
import wire_examples as examples
from hypothesis import given, settings
from hypothesis import strategies as st

from retempo.io.frame import Window
from retempo.server import messages
from retempo.server import protocol as wire
from retempo.server.digest import digest_pixels
from retempo.server.protocol import HEADER, Header, ProtocolError, Type, pack_message, parse_header
from retempo.server.render_message import RenderMessage

REPO = Path(__file__).resolve().parents[2]
FIXTURE = json.loads(examples.FILE.read_text())
PARSERS = {
    "HELLO": messages.Hello.parse, "WELCOME": messages.Welcome.parse,
    **{name: RenderMessage.parse for name in examples.EXAMPLES if name.startswith("RENDER")},
    "NEED": messages.parse_need, "FRAMES": messages.parse_frames,
    "PROGRESS": messages.Progress.parse, "DONE": messages.Done.parse, "FAILED": messages.Failed.parse,
    "STATUS_REPLY": bytes,
}  # fmt: skip


def test_fixture_is_what_the_code_makes() -> None:
    assert examples.document() == FIXTURE, "run tests/server/wire_examples.py, and tell the plugin's side"


@pytest.mark.parametrize("message", FIXTURE["messages"], ids=lambda one: one["name"])
def test_messages_decode_to_their_values(message: dict[str, object]) -> None:
    data = bytes.fromhex(str(message["hex"]))
    header = parse_header(data)
    assert header == Header(
        wire.VERSION, message["type"], message["request"], len(data) - HEADER.size, message["fds"]
    )
    name = str(message["name"])
    if name in PARSERS:
        assert PARSERS[name](data[HEADER.size :]) == examples.VALUES[name]


def test_document_shows_the_same_bytes() -> None:
    text = (REPO / "plugin" / "PROTOCOL.md").read_text()
    blocks = dict(re.findall(r"```hex ([A-Za-z_ ]+)\n(.*?)```", text, re.DOTALL))
    assert set(blocks) == {one["name"] for one in FIXTURE["messages"]}
    for one in FIXTURE["messages"]:
        shown = "".join(line[5:] for line in blocks[one["name"]].splitlines())
        assert bytes.fromhex(shown).hex() == one["hex"], one["name"]


@pytest.mark.parametrize("name", [name for name in PARSERS if name != "STATUS_REPLY"])
def test_cut_or_lengthened_payloads_are_refused(name: str) -> None:
    payload = examples.EXAMPLES[name][2]
    for length in range(len(payload)):
        with pytest.raises(ProtocolError):
            PARSERS[name](payload[:length])
    with pytest.raises(ProtocolError):
        PARSERS[name](payload + b"\0")


@settings(max_examples=300, deadline=None)
@given(data=st.binary(max_size=300), name=st.sampled_from(sorted(PARSERS)))
def test_noise_is_refused_or_parsed_but_never_breaks(data: bytes, name: str) -> None:
    try:
        PARSERS[name](data)
    except ProtocolError as error:
        assert error.message


@settings(max_examples=300, deadline=None)
@given(at=st.integers(0, 218), bits=st.integers(1, 255))
def test_render_with_a_wrong_byte(at: int, bits: int) -> None:
    payload = bytearray(examples.RENDER.pack())
    payload[at] ^= bits
    try:
        parsed = RenderMessage.parse(bytes(payload))
    except ProtocolError:
        return
    assert parsed != examples.RENDER, "a byte without meaning"
    assert (
        parsed.window.width <= wire.LARGEST_SIDE
        and abs(parsed.stride) >= 4 * parsed.channels * parsed.window.width
    )


def test_nothing_that_comes_in_can_become_code() -> None:
    """No module of the server knows how to unpickle, and none evaluates text."""
    modules = sorted((REPO / "pyhost" / "retempo" / "server").glob("*.py"))
    assert len(modules) > 10
    for module in modules:
        for node in ast.walk(ast.parse(module.read_text())):
            names = [one.name for one in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [node.func.id] if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else []
            found = {"pickle", "marshal", "shelve", "dill", "eval", "exec", "__import__"} & set(names)
            assert not found, f"{module.name}:{getattr(node, 'lineno', 0)} uses {found}"


def test_headers() -> None:
    assert HEADER.size == 32
    good = bytearray(pack_message(Type.PING, 7))
    assert parse_header(good).request == 7
    for at in (0, 1, 2, 3, 18, 19, 20, 22, 24, 31):
        bad = bytearray(good)
        bad[at] ^= 0x20
        with pytest.raises(ProtocolError):
            parse_header(bad)


def test_long_texts_are_cut_at_a_character() -> None:
    failed = messages.Failed.parse(messages.Failed(1, "é" * 40000).pack())
    assert set(failed.message) == {"é"} and len(failed.message) == 32767


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_digests_tell_frames_apart(data: st.DataObject) -> None:
    height, width, channels = data.draw(
        st.tuples(st.integers(1, 6), st.integers(1, 9), st.sampled_from((1, 3, 4)))
    )
    pixels = np.random.default_rng(1).random((height, width, channels), np.float32)
    window = Window(0, 0, width, height)
    own = digest_pixels(pixels, window)
    seen = {
        own,
        digest_pixels(pixels, Window(1, 0, width, height)),
        digest_pixels(pixels, Window(0, 1, width, height)),
    }
    at = tuple(data.draw(st.integers(0, size - 1)) for size in pixels.shape)
    changed = pixels.copy()
    changed.view(np.uint32)[at] ^= np.uint32(1 << data.draw(st.integers(0, 31)))
    seen.add(digest_pixels(changed, window))
    assert len(seen) == 4
    if height > 1:
        assert digest_pixels(pixels[::-1], window) != own
    assert digest_pixels(pixels.copy(), window) == own
