"""Is the host's own name for a picture believed, as far as it can be and no further?

A pixel that no sample of a picture holds tells: where it changes under an unchanged name, the old picture is shown.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from host import FrameSequenceClip
from retempo_bundle import choose, moving_frames, open_node

PIXEL = (0, -1)
"""Top right: samples of the topmost row begin at its left end."""


def clip() -> FrameSequenceClip:
    return FrameSequenceClip({number: one.copy() for number, one in moving_frames(2, (110, 128)).items()})


def corner(node, time: float = 1.0, **options: object) -> float:  # type: ignore[no-untyped-def]
    choose(node, "engine", "Nearest")  # the first frame, by way of the worker
    choose(node, "timing", "Frame")
    node.params["frame"].set(1.25)
    return float(node.render(time, **options)[PIXEL][0])


def change(source: FrameSequenceClip, value: float) -> None:
    source.frames[1][PIXEL][0] = value  # type: ignore[index]


def test_a_name_that_was_seen_is_believed(bundle: Path) -> None:
    source = clip()
    with open_node(bundle, {"Source": source}) as node:
        change(source, 0.25)
        assert corner(node) == 0.25
        change(source, 0.75)
        assert corner(node) == 0.25  # neither hashed nor copied: nobody has looked
        node.change_clip("Source", source)  # the host says that the input was edited
        assert corner(node) == 0.75


def test_another_node_scale_or_field_is_another_picture(bundle: Path) -> None:
    source = clip()
    with open_node(bundle, {"Source": source}) as node:
        change(source, 0.25)
        assert corner(node) == 0.25
        change(source, 0.5)
        assert corner(node, draft=True) == 0.5
    change(source, 0.75)
    with open_node(bundle, {"Source": source}) as node:
        assert corner(node) == 0.75


def test_a_sample_of_the_pixels_has_to_agree(bundle: Path) -> None:
    source = clip()
    with open_node(bundle, {"Source": source}) as node:
        corner(node)
        source.frames[1][:] = 0.125  # type: ignore[index]
        assert corner(node) == 0.125


def test_hosts_whose_names_cannot_be_trusted(bundle: Path) -> None:
    source = clip()
    with open_node(bundle, {"Source": source}, name="tactview") as node:
        for value in (0.25, 0.75):
            change(source, value)
            assert corner(node) == value


def test_pictures_are_the_same_with_and_without_names(bundle: Path) -> None:
    made = []
    for name in ("org.retempo.testhost", "tactview"):
        with open_node(bundle, {"Source": clip()}, name=name) as node:
            made += [node.render(2), node.render(2)]
    for other in made[1:]:
        np.testing.assert_array_equal(made[0], other)
