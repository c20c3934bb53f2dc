"""Are the instants that a client names averaged as the program averages them, and flows still computed once?"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from wire_client import Client, Picture, Refused

from plates import Program, picture, planes, write_image
from retempo.io.frame import make_layer
from retempo.server.messages import FlowWork
from retempo.server.protocol import ProtocolError
from retempo.server.render_message import How, Instant, Kind, Output, RenderMessage, Role

SETTINGS = {"config": "ocio://cg-config-latest", "input_space": "lin_rec709_scene"}
FLAGS = (
    "--config",
    "ocio://cg-config-latest",
    "--input-space",
    "lin_rec709_scene",
    "--quiet",
    "--motion",
    "linear",
)
FRAMES = {number: picture(number) * np.float32(1.37) for number in (1, 2, 3)}


def given(*numbers: int) -> list[Picture]:
    return [Picture(number, FRAMES[number]) for number in numbers]


def at(*times: str, how: How = How.MOTION) -> tuple[Instant, ...]:
    return tuple(Instant(Fraction(time), how) for time in times)


def by_program(retempo: Program, folder: Path, *flags: str) -> np.ndarray:
    """Output 2 of the three frames as float files, at speed 1."""
    for number, pixels in FRAMES.items():
        write_image(folder / f"in.{number:04d}.exr", make_layer(pixels, "RGB", formats="float"))
    out = folder / "out.####.exr"
    retempo.done(
        "retime", folder / "in.####.exr", "-o", out, "--speed", "1", "--output-range", "2", *flags, *FLAGS
    )
    return planes(folder / "out.0002.exr", "RGB")


def test_instants_over_two_pairs_and_a_frame(client: Client, retempo: Program, tmp_path: Path) -> None:
    expected = by_program(retempo, tmp_path, "--shutter-samples", "3", "--shutter-angle", "360")
    instants = at("5/3", "2", "7/3")
    made, done = client.render(2, given(1, 2, 3), SETTINGS, instants=instants)
    np.testing.assert_array_equal(made, expected)
    assert done.flow == FlowWork.COMPUTED
    _, done = client.render(2, given(1, 2, 3), SETTINGS, instants=at("3/2", "5/2"))
    assert done.flow == FlowWork.CACHED, "another angle, the same pairs"
    _, done = client.render("5/4", given(1, 2), SETTINGS)
    assert done.flow == FlowWork.CACHED, "and the same as without a shutter"


def test_as_many_as_the_motion_is_long(client: Client, retempo: Program, tmp_path: Path) -> None:
    expected = by_program(retempo, tmp_path, "--shutter-samples", "auto", "--shutter-angle", "360")
    times = [str(2 + Fraction(2 * k + 1, 128) - Fraction(1, 2)) for k in range(64)]
    chosen = {**SETTINGS, "shutter_samples": "0"}
    made, _ = client.render(2, given(1, 2, 3), chosen, instants=at(*times))
    np.testing.assert_array_equal(made, expected)
    every, _ = client.render(2, given(1, 2, 3), SETTINGS, instants=at(*times))
    assert not np.array_equal(every, made) and np.abs(every - made).max() < 0.05


def test_mixed_and_black_instants(client: Client) -> None:
    mixed, done = client.render("5/4", given(1, 2), SETTINGS, instants=at("5/4", how=How.FADE))
    np.testing.assert_array_equal(mixed, FRAMES[1] * np.float32(0.75) + FRAMES[2] * np.float32(0.25))
    assert done.flow == FlowWork.NONE
    half, _ = client.render(1, given(1), SETTINGS, instants=at("1") + at("9", how=How.BLACK))
    np.testing.assert_array_equal(half, FRAMES[1] / np.float32(2))


def test_depth_is_needed_only_where_something_moves(client: Client) -> None:
    chosen = {**SETTINGS, "depth": "add"}
    depths = [Picture(number, np.ones((36, 64, 1), np.float32), Role.DEPTH) for number in (1, 2)]
    with pytest.raises(Refused, match="depth"):
        client.render("3/2", given(1, 2), chosen, instants=at("5/4", "3/2"))
    with pytest.raises(Refused, match="no depth for frame 2"):
        client.render("3/2", [*given(1, 2), depths[0]], chosen, instants=at("5/4", "3/2"))
    made, _ = client.render("3/2", [*given(1, 2, 3), *depths], chosen, instants=at("5/4", "3/2", "3"))
    assert np.isfinite(made).all()
    client.render("3/2", given(1, 2), chosen, instants=at("5/4", "3/2", how=How.FADE))


@pytest.mark.parametrize(
    ("instants", "code", "text"),
    [
        (at("5/4", "7/2"), 6, "7/2 is not among the frames 1 to 2"),
        (at("1/2"), 6, "1/2 is not among"),
        (at("3/2", how=How.BLACK), 2, "all instants are black"),
    ],
)
def test_instants_that_cannot_be_made(
    client: Client, instants: tuple[Instant, ...], code: int, text: str
) -> None:
    with pytest.raises(Refused) as refused:
        client.render("3/2", given(1, 2), SETTINGS, instants=instants)
    assert refused.value.failed.code == code and text in str(refused.value)
    assert not refused.value.failed.closing
    client.ping()


@pytest.mark.parametrize(
    "changes",
    [
        {"instants": at("3/2") * 129},
        {"instants": at("3/2"), "output": Output.CONFIDENCE},
        {"instants": at("3/2"), "kind": Kind.VECTORS, "output": Output.VECTORS},
        {"instants": (Instant(Fraction(3, 100_001)),)},
    ],
)
def test_messages_that_are_none(changes: dict[str, Any]) -> None:
    from wire_client import ask

    with pytest.raises(ProtocolError):
        RenderMessage.parse(ask("3/2", given(1, 2), SETTINGS, **changes).pack())
