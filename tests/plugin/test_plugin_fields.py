"""Is a field made of fields of its own parity, at the moment that it is shown, and are the other rows left alone?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from host import FrameSequenceClip
from host.plugin import ActionFailed
from retempo_bundle import (
    VECTORS,
    choose,
    moving_frames,
    open_node,
)  # fmt: skip

MOMENTS = moving_frames(10, (48, 80), first=0)
"""The scene twice a frame: fields of frame n are taken at moments 2n - 2 and 2n - 1."""
FIRST_ROW = {"upper": 0, "lower": 1}
"""Of a field, from the top, where a frame has an even number of rows."""
OTHER = {"lower": "upper", "upper": "lower"}


def rows(picture: np.ndarray, field: str) -> np.ndarray:
    return picture[FIRST_ROW[field] :: 2]


def untouched(part: np.ndarray) -> bool:
    """Whether the bytes are still those that the host fills a picture with."""
    return bool((np.ascontiguousarray(part).view(np.uint8) == 0xFB).all())


def interlaced(order: str) -> dict[int, np.ndarray]:
    """Frames 1 to 5; the field ``order`` comes first in time."""
    frames = {}
    for number in range(1, 6):
        early, late = MOMENTS[2 * number - 2], MOMENTS[2 * number - 1]
        frames[number] = early.copy()
        rows(frames[number], OTHER[order])[:] = rows(late, OTHER[order])
    return frames


def fielded(order: str, **options: object) -> dict[str, FrameSequenceClip | None]:
    return {"Source": FrameSequenceClip(interlaced(order), field_order=order, **options)}  # type: ignore[arg-type]


def progressive(field: str, order: str) -> dict[str, FrameSequenceClip | None]:
    """One parity's fields as a clip of half the height."""
    fields = {number: np.ascontiguousarray(rows(one, field)) for number, one in interlaced(order).items()}
    return {"Source": FrameSequenceClip(fields)}


def test_at_normal_speed_fields_pass_through(bundle: Path) -> None:
    frames = interlaced("lower")
    with open_node(bundle, fielded("lower"), params={"speed": 1.0}) as node:
        for number in frames:
            for time, field in ((number, "lower"), (number + 0.5, "upper")):
                if time > 5:
                    continue
                made = node.render(time, field=field)
                np.testing.assert_array_equal(rows(made, field), rows(frames[number], field))
                assert untouched(rows(made, OTHER[field]))
            assert node.is_identity(number) is None


@pytest.mark.parametrize("order", ["lower", "upper"])
@pytest.mark.parametrize("speed", [0.5, -0.5])
def test_fields_are_made_of_fields_of_their_parity(bundle: Path, order: str, speed: float) -> None:
    start = 1.0 if speed > 0 else 5.0
    with open_node(bundle, fielded(order), params={"speed": speed}) as node:
        made = {
            (time + late, field): rows(node.render(time + late, field=field), field)
            for time in (2, 3, 4, 5)
            for late, field in ((0.0, order), (0.5, OTHER[order]))
        }
    for field in (order, OTHER[order]):
        late = 0.0 if field == order else 0.5
        with open_node(bundle, progressive(field, order)) as node:
            choose(node, "timing", "Frame")
            node.params["frame"].animate(lambda time, late=late: start + speed * (time - 1) - late)
            for (time, of), picture in made.items():
                if of == field:
                    np.testing.assert_array_equal(picture, node.render(time), err_msg=f"{field} at {time}")


def test_both_fields_in_one_render(bundle: Path) -> None:
    with open_node(bundle, fielded("upper", negative_rows=True, padding=12), params={"speed": 0.25}) as node:
        both = node.render(4, field="both")
        assert np.abs(both).max() < 2.0  # nothing is left as the host had it
        np.testing.assert_array_equal(rows(both, "upper"), rows(node.render(4, field="upper"), "upper"))
        np.testing.assert_array_equal(rows(both, "lower"), rows(node.render(4.5, field="lower"), "lower"))


@pytest.mark.parametrize("origin", [(0, 0), (-7, 5), (3, -4)])
def test_fields_keep_their_rows_wherever_a_picture_lies(bundle: Path, origin: tuple[int, int]) -> None:
    """The lower field has the even rows of the plane, not of the picture."""
    frames = interlaced("lower")
    first = (origin[1] + 48 - 1) % 2  # of the lower field from the top: the topmost row is origin + 47
    with open_node(bundle, fielded("lower", origin=origin), params={"speed": 1.0}) as node:
        made = node.render(3, field="lower")
        np.testing.assert_array_equal(made[first::2], frames[3][first::2])
        assert untouched(made[1 - first :: 2])


def test_a_field_of_progressive_frames_is_that_part_of_the_frame(bundle: Path) -> None:
    with open_node(bundle, {"Source": FrameSequenceClip(MOMENTS)}) as node:
        whole = node.render(3)
        for field in ("lower", "upper"):
            made = node.render(3, field=field)
            np.testing.assert_array_equal(rows(made, field), rows(whole, field))
            assert untouched(rows(made, OTHER[field]))
        np.testing.assert_array_equal(node.render(3, field="both"), whole)


def test_hosts_say_both_of_progressive_images(bundle: Path) -> None:
    with open_node(bundle, {"Source": FrameSequenceClip(MOMENTS, image_field="both")}) as node:
        np.testing.assert_array_equal(node.render(2, field="both"), MOMENTS[1])


def test_what_cannot_be_right_is_refused(bundle: Path) -> None:
    with open_node(bundle, fielded("lower", image_field="lower")) as node:
        with pytest.raises(ActionFailed):
            node.render(2, field="lower")
        assert "whole frames were asked for" in node.persistent_message.text
    with open_node(bundle, fielded("lower"), effect=VECTORS) as node:
        with pytest.raises(ActionFailed):
            node.render(2, field="lower")
        assert "deinterlace" in node.persistent_message.text
