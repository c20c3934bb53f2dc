"""Does `retempo blur` add the blur of the motion that it finds, to shots and to two stills?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from plates import LINEAR, Program, make_shot, names, numbers, planes

FAST = ("--flow", "dis:fast", "--quiet", *LINEAR)


def across(path: Path) -> float:
    """How much neighbours in a row differ: less, the more a picture is blurred along the motion."""
    return float(np.abs(np.diff(planes(path, "RGB")[8:-8, 8:-8], axis=1)).mean())


def test_every_frame_of_a_shot_is_blurred(retempo: Program, tmp_path: Path) -> None:
    shot = make_shot(tmp_path / "in", range(1001, 1005), formats="float")
    report = retempo.done("blur", shot, "-o", tmp_path / "o" / "b.####.exr", "--shutter-angle", "360", *FAST)
    assert numbers(tmp_path / "o") == report["written"] == [1001, 1002, 1003, 1004]
    assert report["copied"] == [] and report["pairs"] == 3
    for number in report["written"]:
        before, after = (
            across(tmp_path / one / f"{name}.{number}.exr") for one, name in (("in", "shot"), ("o", "b"))
        )
        assert after < 0.985 * before, number
    retempo.done("blur", shot, "-o", tmp_path / "p" / "b.####.exr", "--shutter-angle", "720", *FAST)
    assert across(tmp_path / "p" / "b.1002.exr") < 0.95 * across(tmp_path / "o" / "b.1002.exr")


def test_two_stills_are_blurred_along_the_motion_between_them(retempo: Program, tmp_path: Path) -> None:
    shot = make_shot(tmp_path / "in", (7, 8), formats="float").parent
    report = retempo.done(
        "blur", shot / "shot.0007.exr", shot / "shot.0008.exr", "-o", tmp_path / "o.####.exr", *FAST,
        "--shutter-angle", "720", "--shutter-samples", "9",
    )  # fmt: skip
    assert report["written"] == [7, 8]
    for number in (7, 8):
        assert across(tmp_path / f"o.{number:04d}.exr") < 0.985 * across(shot / f"shot.{number:04d}.exr")


def test_retime_and_inbetween_have_the_same_shutter(retempo: Program, tmp_path: Path) -> None:
    shot = make_shot(tmp_path / "in", (1, 2), formats="float").parent
    shutter = ("--shutter-samples", "5", "--shutter-angle", "360")
    a, b = shot / "shot.0001.exr", shot / "shot.0002.exr"
    retempo.done("inbetween", a, b, "-o", tmp_path / "i.####.exr", *shutter, *FAST)
    retempo.done("retime", shot / "shot.####.exr", "-o", tmp_path / "r.####.exr", *shutter, *FAST)
    one, two = planes(tmp_path / "i.0001.exr", "RGB"), planes(tmp_path / "r.0002.exr", "RGB")
    np.testing.assert_array_equal(one, two)


def test_the_plan_shows_the_instants(retempo: Program, tmp_path: Path) -> None:
    shot = make_shot(tmp_path / "in", range(1, 4))
    plan = retempo.done("blur", shot, "-o", tmp_path / "o.####.exr", "--dry-run", "--shutter-samples", "3")[
        "plan"
    ]
    assert [one["kind"] for one in plan["entries"]] == ["blur"] * 3
    assert [one["source_time"] for one in plan["entries"][0]["instants"]] == ["7/6", "1", "7/6"], "back again"
    told = retempo("blur", shot, "-o", tmp_path / "o.####.exr", "--dry-run", "--shutter-samples", "3").out
    assert "3 instants of 1 to 2" in told and names(tmp_path) == ["in"]


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (["--shutter-samples", "1"], "no motion blur"),
        (["--shutter-angle", "0"], "no motion blur"),
        (["--shutter-samples", "129"], "0 to 128"),
        (["--shutter-samples", "-2"], "0 to 128"),
        (["--shutter-samples", "many"], "int or auto"),
        (["--shutter-samples", "2.5"], "int or auto"),
        (["--shutter-angle", "721"], "0.0 to 720.0 degrees"),
        (["--shutter-angle", "nan"], "--shutter-angle is nan"),
        (["--shutter-phase", "1e9"], "-720.0 to 720.0 degrees"),
        (["--shutter-offset", "middle"], "invalid choice"),
        (["--speed", "2"], "unrecognized"),
    ],
)
def test_bad_input_is_refused(retempo: Program, tmp_path: Path, flags: list[str], text: str) -> None:
    shot = make_shot(tmp_path / "in", (1, 2))
    outcome = retempo("blur", shot, "-o", tmp_path / "o.####.exr", *flags)
    assert outcome.code == 2 and text in outcome.err, outcome.err
    assert names(tmp_path) == ["in"]


def test_stills_that_are_not_there_and_frames_of_stills(retempo: Program, tmp_path: Path) -> None:
    shot = make_shot(tmp_path / "in", (1, 2)).parent
    outcome = retempo("blur", shot / "shot.0001.exr", shot / "gone.exr", "-o", tmp_path / "o.####.exr")
    assert outcome.code == 3 and "gone.exr does not exist" in outcome.err
    pair = (shot / "shot.0001.exr", shot / "shot.0002.exr")
    outcome = retempo("blur", *pair, "-o", tmp_path / "o.####.exr", "--frames", "1")
    assert outcome.code == 2 and "--frames is for sequences" in outcome.err
