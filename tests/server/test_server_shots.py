"""Are cuts told by a client's frames, one after the other, those that ``--cuts auto`` finds in the files?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from wire_client import Client, Picture, Refused

from plates import write_image
from retempo.io.frame import Window, make_layer
from retempo.io.sequence import open_source
from retempo.metrics.shots import HEIGHT, WIDTH
from retempo.render.job import open_renderer
from retempo.render.settings import RetimeSettings
from retempo.render.survey import survey, thumbnail_of
from retempo.server.render_message import Kind, Output, Role

SETTINGS = {"config": "ocio://cg-config-latest", "input_space": "lin_rec709_scene"}
VALUES = WIDTH * HEIGHT
SHOTS = (4, 9)
"""First frames of the second and the third scene."""


def scene(number: int) -> np.ndarray:
    """Frame ``number`` of twelve: blots that move by two pixels, cut twice, with a flash in the first shot."""
    shot = sum(number >= first for first in SHOTS)
    coarse = np.random.default_rng(shot).uniform(0.0, 1.0, (6, 16, 3))
    wide = np.kron(coarse, np.ones((6, 6, 1)))[:, 2 * number : 2 * number + 64]
    return np.ascontiguousarray(wide * (6.0 if number == 2 else 1.0), np.float32)


def shrink(client: Client, one: Picture) -> np.ndarray:
    wanted = {
        "kind": Kind.SHOTS,
        "output": Output.THUMBNAIL,
        "window": Window(0, 0, VALUES, 1),
        "channels": 1,
    }
    return client.render(one.number, [one], SETTINGS, **wanted)[0]


def cuts_of(client: Client, rows: list[np.ndarray], **changes: Any) -> list[int]:
    """Indices of the frames that begin a shot."""
    stacked = np.ascontiguousarray(np.concatenate(rows))
    wanted = {"kind": Kind.SHOTS, "output": Output.CUTS, "window": Window(0, 0, 1, len(rows)), "channels": 1}
    made, _ = client.render(0, [Picture(0, stacked)], SETTINGS, **{**wanted, **changes})
    assert set(np.unique(made)) <= {0.0, 1.0}
    return [int(index) for index in np.flatnonzero(made)]


def test_they_are_those_of_the_files(client: Client, tmp_path: Path) -> None:
    for number in range(12):
        layer = make_layer(scene(number), "RGB", formats="float")
        write_image(tmp_path / f"in.{number:04d}.exr", layer)
    files = open_source(str(tmp_path / "in.####.exr"))
    settings = RetimeSettings(**SETTINGS, cuts="auto")  # type: ignore[arg-type]
    renderer = open_renderer(settings, files)
    rows = []
    for number in range(12):
        rows.append(shrink(client, Picture(number, scene(number))))
        expected = thumbnail_of(files.read(number), renderer)
        np.testing.assert_array_equal(rows[-1].reshape(HEIGHT, WIDTH), expected)
    assert cuts_of(client, rows) == list(SHOTS)
    assert survey(settings, files, open_renderer).settings.cuts == ",".join(map(str, SHOTS))
    assert cuts_of(client, rows[:1]) == []


@pytest.mark.parametrize(
    ("output", "size", "frame", "text"),
    [
        (Output.THUMBNAIL, (VALUES, 2), (36, 64, 3), f"ask for {VALUES}x1"),
        (Output.THUMBNAIL, (64, 36), (36, 64, 3), f"ask for {VALUES}x1"),
        (Output.CUTS, (1, 5), (4, VALUES, 1), "ask for 1x4"),
        (Output.CUTS, (1, 4), (4, VALUES, 3), f"rows of {VALUES}"),
        (Output.CUTS, (1, 36), (36, 64, 1), f"rows of {VALUES}"),
    ],
)
def test_other_sizes_are_refused(
    client: Client, output: Output, size: tuple[int, int], frame: tuple[int, int, int], text: str
) -> None:
    given = [Picture(1, np.zeros(frame, np.float32))]
    with pytest.raises(Refused, match=text):
        client.render(
            1, given, SETTINGS, kind=Kind.SHOTS, output=output, window=Window(0, 0, *size), channels=1
        )


def test_one_frame_a_request(client: Client) -> None:
    wanted = {
        "kind": Kind.SHOTS,
        "output": Output.THUMBNAIL,
        "window": Window(0, 0, VALUES, 1),
        "channels": 1,
    }
    for given in (
        [Picture(1, scene(1)), Picture(2, scene(2))],
        [Picture(1, scene(1), Role.DEPTH)],
    ):
        with pytest.raises(Refused, match="one source frame"):
            client.render(1, given, SETTINGS, **wanted)


def test_rows_that_are_no_pictures(client: Client) -> None:
    with pytest.raises(Refused, match="no numbers"):
        cuts_of(client, [np.full((1, VALUES, 1), np.nan, np.float32)] * 3)
