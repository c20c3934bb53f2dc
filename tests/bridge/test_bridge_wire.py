"""Does the bridge read and write what PROTOCOL.md says, and refuse everything else?"""

from __future__ import annotations

import json
import random
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
WIRE = json.loads((FIXTURES / "wire_messages.json").read_text())
MESSAGES = {one["name"]: one for one in WIRE["messages"]}


def ask(driver: Path, command: str, lines: list[str], *arguments: str) -> list[str]:
    done = subprocess.run(
        [driver, command, *arguments],
        input="\n".join(lines) + "\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0 and not done.stderr, done.stderr
    return done.stdout.splitlines()


def decode(driver: Path, messages: list[str]) -> list[dict[str, Any]]:
    answers = [json.loads(line) for line in ask(driver, "codec", messages)]
    assert len(answers) == len(messages)
    return answers


@pytest.mark.parametrize("name", MESSAGES)
def test_message_is_read_and_written_as_in_the_fixture(driver: Path, name: str) -> None:
    expected = MESSAGES[name]
    (found,) = decode(driver, [expected["hex"]])
    assert found == {key: expected[key] for key in ("type", "request", "fds", "values", "hex")}


def test_messages_that_end_early_or_late_are_refused(driver: Path) -> None:
    wrong = []
    for one in MESSAGES.values():
        if one["name"] == "STATUS_REPLY":
            continue  # any bytes are one
        head, payload = bytes.fromhex(one["hex"])[:32], bytes.fromhex(one["hex"])[32:]
        for other in [payload[:cut] for cut in range(len(payload))] + [payload + b"\0"]:
            length = len(other).to_bytes(4, "little")
            wrong.append((head[:16] + length + head[20:] + other).hex())
    assert all("error" in answer for answer in decode(driver, wrong))


@pytest.mark.parametrize(
    ("at", "value"), [(0, 0), (4, 3), (6, 0), (6, 15), (19, 1), (20, 2), (22, 1), (24, 1), (31, 128)]
)
def test_header_out_of_range_is_refused(driver: Path, at: int, value: int) -> None:
    data = bytearray.fromhex(MESSAGES["PING"]["hex"])
    data[at] = value
    (found,) = decode(driver, [data.hex()])
    assert "error" in found


def test_any_change_is_refused_or_understood_exactly(driver: Path) -> None:
    """What is accepted packs to the same bytes again: nothing was overlooked."""
    random.seed(11)
    changed = []
    for one in MESSAGES.values():
        for _ in range(300):
            data = bytearray.fromhex(one["hex"])
            for _ in range(random.choice((1, 1, 2, 5))):
                data[random.randrange(4, len(data))] = random.choice(
                    (0, 1, 127, 128, 255, random.randrange(256))
                )
            changed.append(data.hex())
    understood = 0
    for given_hex, answer in zip(changed, decode(driver, changed), strict=True):
        if "error" not in answer:
            understood += 1
            assert answer["hex"] == given_hex or answer["type"] == 7  # FAILED keeps one flag of sixteen
    assert understood > 100


def test_both_languages_accept_the_same_renders(driver: Path) -> None:
    render_message = pytest.importorskip("retempo.server.render_message")
    protocol = pytest.importorskip("retempo.server.protocol")
    random.seed(12)
    changed = []
    for name in (name for name in MESSAGES if name.startswith("RENDER")):
        for _ in range(600):
            data = bytearray.fromhex(MESSAGES[name]["hex"])
            data[random.randrange(32, len(data))] = random.choice((0, 1, 2, 3, 4, 127, 128, 255))
            changed.append(bytes(data))
    accepted = 0
    for data, answer in zip(changed, decode(driver, [one.hex() for one in changed]), strict=True):
        try:
            render_message.RenderMessage.parse(data[32:])
        except protocol.ProtocolError:
            assert "error" in answer, data.hex()
        else:
            accepted += 1
            assert "error" not in answer, (answer, data.hex())
    assert 0.08 < accepted / len(changed) < 0.92


@pytest.mark.parametrize(
    "one", WIRE["digests"], ids=lambda one: f"{one['width']}x{one['height']}x{one['channels']}"
)
def test_digest_is_that_of_the_fixture(driver: Path, one: dict[str, Any]) -> None:
    arguments = [f"{key}={one[key]}" for key in ("width", "height", "channels", "x", "y")]
    assert ask(driver, "digest", [], *arguments) == [one["digest"]] * 3  # looked at, copied, without vectors


def test_fractions_are_those_that_python_finds(driver: Path) -> None:
    rows = json.loads((FIXTURES / "rationals.json").read_text())["times"]
    found = ask(driver, "rational", [row[0] for row in rows])
    assert found == [f"{row[1]} {row[2]}" for row in rows]


@given(st.lists(st.floats(min_value=-(2.0**40), max_value=2.0**40), min_size=1, max_size=200))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_time_has_the_fraction_that_python_finds(driver: Path, times: list[float]) -> None:
    from fractions import Fraction

    expected = [Fraction(time).limit_denominator(100000) for time in times]
    found = ask(driver, "rational", [time.hex() for time in times])
    assert found == [f"{one.numerator} {one.denominator}" for one in expected]


def test_times_that_no_frame_has_are_refused(driver: Path) -> None:
    assert ask(driver, "rational", ["nan", "inf", "-inf", "0x1.1p40"]) == ["refused"] * 4
