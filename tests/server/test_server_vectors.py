"""Are a retimed picture's vectors those of ``retempo vectors`` at source frames, and of its own paths between?"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from wire_client import Client, Picture, Refused

from plates import LINEAR, Program, picture, planes, write_image
from retempo.io.frame import make_layer
from retempo.server.messages import FlowWork
from retempo.server.render_message import Output, Role

SETTINGS = {"config": "ocio://cg-config-latest", "input_space": "lin_rec709_scene"}
CHANNELS = ("forward.u", "forward.v", "backward.u", "backward.v")
WANTED = {"output": Output.VECTORS, "channels": 4}


def given(*numbers: int) -> list[Picture]:
    """A scene that moves to the right by two pixels a frame."""
    return [Picture(number, picture(number) * np.float32(1.37)) for number in numbers]


def with_motion(*numbers: int, x: float = 2.0, y: float = 1.0) -> list[Picture]:
    """The same with a vectors input, y up."""
    stored = np.zeros((36, 64, 4), np.float32) + np.array([x, y, -x, -y], np.float32)
    return given(*numbers) + [Picture(number, stored, Role.VECTORS) for number in numbers]


def test_at_a_source_frame_it_is_what_the_vectors_command_writes(
    client: Client, retempo: Program, tmp_path: Path
) -> None:
    for one in given(4, 5, 6):
        write_image(tmp_path / f"in.{one.number}.exr", make_layer(one.pixels, "RGB", formats="float"))
    retempo.done("vectors", tmp_path / "in.@.exr", "-o", tmp_path / "v.@.exr", "--quiet", *LINEAR)
    for number in (4, 5, 6):
        near = given(*(one for one in (4, 5, 6) if abs(one - number) <= 1))
        for settings in (SETTINGS, {**SETTINGS, "motion": "quadratic", "vector_preset": "cycles"}):
            made, _ = client.render(number, near, settings, **WANTED)
            np.testing.assert_array_equal(made, planes(tmp_path / f"v.{number}.exr", CHANNELS))


def test_between_frames_it_leads_to_both(client: Client) -> None:
    made, done = client.render("21/4", given(5, 6), SETTINGS, **WANTED)
    assert done.flow == FlowWork.COMPUTED
    middle = np.median(made[6:-6, 8:-8].reshape(-1, 4), axis=0)
    np.testing.assert_allclose(middle, [1.5, 0, -0.5, 0], atol=0.1)
    _, done = client.render("21/4", given(5, 6), SETTINGS)
    assert done.flow == FlowWork.CACHED, "the picture's own motion"
    four, _ = client.render("21/4", given(4, 5, 6, 7), {**SETTINGS, "motion": "quadratic"}, **WANTED)
    assert np.abs(four - made).max() > 0, "along curves where the picture is"


def test_the_vectors_of_the_input_are_taken_apart_by_time(client: Client) -> None:
    """In pixels, y up, whatever convention the input has."""
    flow = {**SETTINGS, "flow": "vectors"}
    between, _ = client.render("7/4", with_motion(1, 2), flow, **WANTED)
    np.testing.assert_allclose(
        between[4:-4, 4:-4], np.broadcast_to([0.5, 0.25, -1.5, -0.75], (28, 56, 4)), atol=1e-5
    )
    whole, _ = client.render(2, with_motion(1, 2, 3), flow, **WANTED)
    np.testing.assert_allclose(whole, np.broadcast_to([2, 1, -2, -1], (36, 64, 4)), atol=1e-6)
    down, _ = client.render(
        2, with_motion(1, 2, 3), {**flow, "vector_preset": "retempo"} | {"vector_flip_y": "up"}, **WANTED
    )
    np.testing.assert_array_equal(down, whole)


def test_a_lone_frame_does_not_move(client: Client) -> None:
    made, done = client.render(4, given(4), SETTINGS, **WANTED)
    assert not made.any() and done.flow == FlowWork.NONE


@pytest.mark.parametrize(
    ("time", "settings", "changes", "text"),
    [
        ("3/2", {"engine": "blend"}, {}, "splatsyn"),
        ("1", {"engine": "nearest"}, {}, "splatsyn"),
        ("3/2", {"flow": "dis+dis:coarse"}, {}, "several estimators"),
        ("1", {"flow": "dis+dis:coarse"}, {}, "several estimators"),
        ("3/2", {}, {"channels": 3}, "ask for four"),
        ("1", {}, {"channels": 3}, "ask for four"),
        ("7", {}, {}, "send it"),
        ("7/2", {}, {}, "send the two frames"),
    ],
)
def test_what_cannot_be_shown_is_said(
    client: Client, time: str, settings: dict[str, str], changes: dict[str, int], text: str
) -> None:
    with pytest.raises(Refused, match=text):
        client.render(Fraction(time), given(1, 2), {**SETTINGS, **settings}, **{**WANTED, **changes})


def test_a_matte_has_no_part_in_it(client: Client) -> None:
    mattes = [Picture(number, np.ones((36, 64, 1), np.float32), Role.MATTE) for number in (1, 2)]
    for time in ("3/2", "1"):
        with pytest.raises(Refused, match="whole picture"):
            client.render(time, given(1, 2) + mattes, SETTINGS, **WANTED)
