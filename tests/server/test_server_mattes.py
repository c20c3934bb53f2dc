"""Do mattes that come over the socket make what ``--matte`` makes, and is what is remembered another matte's?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from wire_client import Client, Picture, Refused

from plates import Program, picture, planes, write_image
from retempo.io.frame import make_layer
from retempo.server.messages import FlowWork
from retempo.server.render_message import Kind, Output, Role

SETTINGS = {"config": "ocio://cg-config-latest", "input_space": "lin_rec709_scene"}
RGBA = ("R", "G", "B", "A")
NAMES = {1: ("A",), 3: RGBA[:3], 4: RGBA}
OUTPUTS = {
    "result": Output.PICTURE, "foreground": Output.FOREGROUND, "background": Output.BACKGROUND, "matte": Output.MATTE,
}  # fmt: skip


def plate(number: int, channels: int = 4) -> np.ndarray:
    """RGBA float pixels that no half float holds exactly."""
    rgb = picture(number) * np.float32(1.37)
    alpha = np.clip(picture(number)[..., :1] * np.float32(1.2), 0, 1)
    return np.concatenate([rgb * alpha, alpha], 2)[..., :channels] if channels > 1 else alpha


def matte(number: int, channels: int = 4) -> np.ndarray:
    """A soft box that moves against the picture, in every channel but R, which holds its inverse."""
    x = np.arange(64, dtype=np.float32)[None, :, None]
    y = np.arange(36, dtype=np.float32)[:, None, None]
    inside = 12 - np.maximum(np.abs(x - 40 + 3 * number), np.abs(y - 18))
    plane = np.clip(inside / 3, 0, 1)
    made = np.repeat(plane, channels, 2)
    if channels > 1:
        made[..., :1] = 1 - plane
    return made


def shot(channels: int = 4, of_matte: int = 4) -> list[Picture]:
    given = []
    for number in (1, 2):
        given += [
            Picture(number, plate(number, channels)),
            Picture(number, matte(number, of_matte), Role.MATTE),
        ]
    return given


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize(
    ("channels", "of_matte", "settings"),
    [
        (4, 4, {}),
        (3, 1, {"flow": "dis:fast+dis:coarse"}),
        (3, 1, {"flow": "dis:fast+dis:fast,continued=1"}),
        (1, 3, {"matte_channel": "R", "matte_invert": "true"}),
    ],
)
def test_same_bits_as_the_program(
    client: Client,
    retempo: Program,
    tmp_path: Path,
    output: str,
    channels: int,
    of_matte: int,
    settings: dict[str, str],
) -> None:
    chosen = {**SETTINGS, **settings}
    flags = [f"--{name.replace('_', '-')}" for name in chosen]
    values = [
        flag if value == "true" else f"{flag}={value}"
        for flag, value in zip(flags, chosen.values(), strict=True)
    ]
    for number in (1, 2):
        write_image(
            tmp_path / f"in.{number}.exr",
            make_layer(plate(number, channels), NAMES[channels], formats="float"),
        )
        write_image(
            tmp_path / f"m.{number}.exr",
            make_layer(matte(number, of_matte), NAMES[of_matte], formats="float"),
        )
    out = tmp_path / "out.@.exr"
    given = ("--matte", tmp_path / "m.@.exr", "--matte-output", output)
    retempo.done("retime", tmp_path / "in.@.exr", "-o", out, "--speed", "1/2", "--quiet", *given, *values)
    for number, time in ((1, "1"), (2, "3/2"), (3, "2")):
        made, _ = client.render(time, shot(channels, of_matte), chosen, output=OUTPUTS[output])
        expected = planes(tmp_path / f"out.{number}.exr", NAMES[channels])
        np.testing.assert_array_equal(made.view(np.uint32), expected.view(np.uint32), f"frame {number}")


def test_a_matte_is_part_of_every_key(client: Client) -> None:
    """Another matte, channel or none: another motion. Another layer of the same: the one that is known."""
    given = shot()
    bare = [one for one in given if one.role == Role.SOURCE]
    plain, done = client.render("3/2", bare, SETTINGS)
    assert done.flow == FlowWork.COMPUTED
    layered, done = client.render("3/2", given, SETTINGS)
    assert done.flow == FlowWork.COMPUTED and not np.array_equal(layered, plain)
    for output in (Output.FOREGROUND, Output.MATTE, Output.CONFIDENCE, Output.OCCLUSION):
        _, done = client.render("5/4", given, SETTINGS, output=output)
        assert done.flow == FlowWork.CACHED
    for changes in ({"matte_channel": "R"}, {"matte_invert": "true"}):
        other, done = client.render("3/2", given, {**SETTINGS, **changes})
        assert done.flow == FlowWork.COMPUTED and not np.array_equal(other, layered)
    warm, done = client.render("3/2", given, {**SETTINGS, "temperature": "9"})
    assert done.flow == FlowWork.CACHED
    moved = [
        Picture(one.number, matte(one.number + 1), Role.MATTE) if one.role == Role.MATTE else one
        for one in given
    ]
    other, done = client.render("3/2", moved, SETTINGS)
    assert done.flow == FlowWork.COMPUTED and not np.array_equal(other, layered)
    again, done = client.render("3/2", given, SETTINGS)
    assert done.flow == FlowWork.CACHED
    np.testing.assert_array_equal(again, layered)
    again, done = client.render("3/2", bare, {**SETTINGS, "matte_channel": "R"})  # of no matte: means nothing
    np.testing.assert_array_equal(again, plain)
    assert np.isfinite(warm).all()


def test_what_does_not_fit_is_refused(client: Client) -> None:
    given = shot()
    bare = [one for one in given if one.role == Role.SOURCE]
    with pytest.raises(Refused, match="no matte for frame 2"):
        client.render("3/2", given[:3], SETTINGS)
    for time in ("3/2", "1"):
        with pytest.raises(Refused, match="no matte for frame 1"):
            client.render(time, bare, SETTINGS, output=Output.FOREGROUND)
    with pytest.raises(Refused, match="no channel called 'B'"):
        client.render("3/2", shot(of_matte=1), {**SETTINGS, "matte_channel": "B"})
    with pytest.raises(Refused, match="whole picture"):
        client.render(1, given, SETTINGS, kind=Kind.VECTORS, output=Output.VECTORS)
    with pytest.raises(Refused, match="blend knows no matte"):
        client.render("3/2", given, {**SETTINGS, "engine": "blend"}, output=Output.MATTE)
    with pytest.raises(Refused, match="channels"):
        client.render("3/2", given, SETTINGS, output=Output.MATTE, channels=1)
    for name in ("matte", "matte_output"):
        with pytest.raises(Refused, match="cannot be chosen"):
            client.render("3/2", given, {**SETTINGS, name: "matte"})
    client.ping()
