"""Are neighbours mixed in a dissolve that is listed or found, whole, in strips, resumed, and nowhere else?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from plates import LINEAR, Program, make_shot, names, picture, planes, write_image
from retempo.io.frame import make_layer

FAST = ("--flow", "dis:fast", "--quiet", *LINEAR)
MIXED = "6-8"


def dissolved(folder: Path, pace: float = 1.0) -> Path:
    """A shot of 13 frames that goes over into another one, the same upside down: 6, 7 and 8 show both."""
    for number in range(1, 14):
        share = np.float32(np.clip((number - 5) / 4, 0, 1))
        there = np.ascontiguousarray(picture(-pace * number)[::-1] * np.float32(0.8))
        pixels = picture(pace * number) * (1 - share) + there * share
        write_image(folder / f"s.{number:04d}.exr", make_layer(pixels, "RGB", formats="float"))
    return folder / "s.####.exr"


def run(retempo: Program, shot: Path, out: Path, *flags: str) -> dict[int, np.ndarray]:
    report = retempo.done("retime", shot, "-o", out / "o.####.exr", *flags, *FAST)
    return {number: planes(out / f"o.{number:04d}.exr", "RGB") for number in report["written"]}


def test_neighbours_are_mixed_inside_and_shots_are_as_by_themselves(retempo: Program, tmp_path: Path) -> None:
    """Source frames 5 and 9 are the last and the first pure ones; output 9 is 5, 17 is 9."""
    shot = dissolved(tmp_path / "in")
    for count in ("2", "4"):
        flags = ("--speed", "1/2", "--source-frames", count)
        made = run(retempo, shot, tmp_path / f"o{count}", *flags, "--dissolves", MIXED)
        for output in (10, 12, 14, 16):
            before, after = (planes(tmp_path / "in" / f"s.{output // 2 + k:04d}.exr", "RGB") for k in (0, 1))
            half = np.float32(0.5)
            np.testing.assert_array_equal(made[output], before * half + after * half)
        for part, start in (("1-5", "1"), ("9-13", "17")):
            flags_of_part = (*flags, "--frames", part, "--output-start", start)
            for number, pixels in run(retempo, shot, tmp_path / f"a{count}{part}", *flags_of_part).items():
                np.testing.assert_array_equal(made[number], pixels, err_msg=f"frame {number}")


def test_in_strips(retempo: Program, tmp_path: Path) -> None:
    shot = dissolved(tmp_path / "in")
    flags = ("--speed", "1/2", "--dissolves", MIXED)
    whole = run(retempo, shot, tmp_path / "whole", *flags)
    arguments = ("retime", shot, "-o", tmp_path / "cut" / "o.####.exr", *flags, *FAST, "--memory", "900K")
    assert retempo.done(*arguments)["strips"] > 0
    for number in (10, 12, 14, 16):  # of the others, flow may be found at another resolution
        np.testing.assert_array_equal(planes(tmp_path / "cut" / f"o.{number:04d}.exr", "RGB"), whole[number])


def test_resume_makes_only_what_a_dissolve_changes(retempo: Program, tmp_path: Path) -> None:
    """Its own gaps, and those beside it, whose paths were bent by what it shows."""
    shot, out = dissolved(tmp_path / "in"), tmp_path / "o" / "o.####.exr"
    flags = ("retime", shot, "-o", out, "--speed", "1/2", "--resume", *FAST)
    assert len(retempo.done(*flags)["written"]) == 25
    assert retempo.done(*flags, "--dissolves", MIXED)["written"] == [8, 10, 12, 14, 16, 18]
    assert retempo.done(*flags, "--dissolves", "6-7,7-8,90-99")["written"] == []
    assert retempo.done(*flags, "--dissolves", "off")["written"] == [8, 10, 12, 14, 16, 18]


def test_the_plan_tells_dissolves(retempo: Program, tmp_path: Path) -> None:
    shot = dissolved(tmp_path / "in")
    dry = ("retime", shot, "-o", tmp_path / "o.####.exr", "--dry-run", "--speed", "1/2")
    told = retempo(*dry, "--dissolves", MIXED).out
    assert told.count("dissolve 6-8") == 5, "four frames and the line below the table"
    assert retempo.done(*dry, "--dissolves", MIXED)["plan"]["dissolves"] == [[6, 8]]
    assert retempo.done(*dry)["plan"]["dissolves"] == []
    assert names(tmp_path) == ["in"]


def test_they_are_found_on_request(retempo: Program, tmp_path: Path) -> None:
    shot = dissolved(tmp_path / "in", pace=0.125)
    flags = ("--speed", "1/2", "--dissolves", "auto")
    plan = retempo.done("retime", shot, "-o", tmp_path / "o.####.exr", "--dry-run", *flags, *FAST)["plan"]
    ((first, last),) = plan["dissolves"]
    assert abs(first - 6) <= 1 and abs(last - 8) <= 1 and plan["cuts"] == []
    alone = make_shot(tmp_path / "alone", tuple(range(1, 9)))
    plan = retempo.done("retime", alone, "-o", tmp_path / "o.####.exr", "--dry-run", *flags, *FAST)["plan"]
    assert plan["dissolves"] == []


def test_those_of_an_edit_list_are_no_cuts_and_count_on_request(retempo: Program, tmp_path: Path) -> None:
    shot, edl = dissolved(tmp_path / "in"), tmp_path / "reel.edl"
    edl.write_text(
        "001  AX V C     00:00:00:00 00:00:00:05 01:00:00:00 01:00:00:05\n"
        "002  AX V C     00:00:00:05 00:00:00:05 01:00:00:05 01:00:00:05\n"
        "002  BX V D 003 00:00:07:00 00:00:07:08 01:00:00:05 01:00:00:13\n"
    )
    dry = ("retime", shot, "-o", tmp_path / "o.####.exr", "--dry-run", "--cuts", edl, "--fps", "24")
    plan = retempo.done(*dry)["plan"]
    assert (plan["cuts"], plan["dissolves"]) == ([], [])
    assert retempo.done(*dry, "--dissolves", "auto")["plan"]["dissolves"] == [[6, 8]]


def test_vectors_and_blur(retempo: Program, tmp_path: Path) -> None:
    shot = dissolved(tmp_path / "in")
    retempo.done("vectors", shot, "-o", tmp_path / "v.####.exr", "--dissolves", MIXED, *FAST)
    for number, moves in ((4, True), (5, False), (8, False), (9, True)):
        assert planes(tmp_path / f"v.{number:04d}.exr", ("forward.u",)).any() == moves
    flags = ("--shutter-samples", "4", "--dissolves", MIXED, *FAST)
    retempo.done("blur", shot, "-o", tmp_path / "b" / "o.####.exr", *flags)
    around = [planes(tmp_path / "in" / f"s.{number:04d}.exr", "RGB") for number in (6, 7, 8)]
    mean = (around[0] + 14 * around[1] + around[2]) / 16
    np.testing.assert_allclose(planes(tmp_path / "b" / "o.0007.exr", "RGB"), mean, atol=1e-5)


@pytest.mark.parametrize("text", ["six", "8-6", "6-", "6-8,", "6..8", "6-8x2"])
def test_bad_lists_are_refused(retempo: Program, tmp_path: Path, text: str) -> None:
    shot = make_shot(tmp_path / "in", (1, 2))
    outcome = retempo("retime", shot, "-o", tmp_path / "o.####.exr", "--dissolves", text)
    assert outcome.code == 2 and "--dissolves" in outcome.err and "1010-1022" in outcome.err
