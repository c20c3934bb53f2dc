"""Is there no motion across the cuts of a list, in pictures, windows of four frames, vectors and stamps?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from plates import LINEAR, Program, assert_same_pixels, make_shot, names, picture, planes, write_image
from retempo.io.frame import make_layer

FAST = ("--flow", "dis:fast", "--quiet", *LINEAR)


def two_shots(folder: Path, first: int = 1, lengths: tuple[int, int] = (4, 4)) -> Path:
    """A shot, and behind it another one: the same texture upside down, moving the other way."""
    for at in range(sum(lengths)):
        pixels = picture(at) if at < lengths[0] else np.ascontiguousarray(picture(-3 * at)[::-1] * 0.8)
        write_image(folder / f"s.{first + at:04d}.exr", make_layer(pixels, "RGB", formats="float"))
    return folder / "s.####.exr"


def run(retempo: Program, shot: Path, out: Path, *flags: str) -> dict[int, np.ndarray]:
    report = retempo.done("retime", shot, "-o", out / "o.####.exr", *flags, *FAST)
    return {number: planes(out / f"o.{number:04d}.exr", "RGB") for number in report["written"]}


def test_the_shots_around_a_cut_are_as_by_themselves(retempo: Program, tmp_path: Path) -> None:
    """Also with four source frames, which would reach over it."""
    shot = two_shots(tmp_path / "in")
    for count in ("2", "4"):
        flags = ("--speed", "1/4", "--source-frames", count)
        made = run(retempo, shot, tmp_path / f"o{count}", *flags, "--cuts", "5")
        for part, start in (("1-4", "1"), ("5-8", "17")):
            alone = run(
                retempo, shot, tmp_path / f"a{count}{part}", *flags, "--frames", part, "--output-start", start
            )
            for number, pixels in alone.items():
                np.testing.assert_array_equal(made[number], pixels, err_msg=f"frame {number}")
        held = {14: 4, 15: 5, 16: 5}
        for number, frame in held.items():
            assert_same_pixels(
                tmp_path / f"o{count}" / f"o.{number:04d}.exr", tmp_path / "in" / f"s.{frame:04d}.exr"
            )


def test_a_cross_fade_mixes_light(retempo: Program, tmp_path: Path) -> None:
    shot = two_shots(tmp_path / "in")
    made = run(retempo, shot, tmp_path / "o", "--speed", "1/4", "--cuts", "5", "--at-cut", "cross-fade")
    before, after = (planes(tmp_path / "in" / f"s.{number:04d}.exr", "RGB") for number in (4, 5))
    for number, phase in ((14, 0.25), (15, 0.5), (16, 0.75)):
        np.testing.assert_array_equal(
            made[number], before * np.float32(1 - phase) + after * np.float32(phase)
        )


def test_cross_fades_in_strips(retempo: Program, tmp_path: Path) -> None:
    shot = two_shots(tmp_path / "in")
    flags = ("--speed", "1/4", "--cuts", "5", "--at-cut", "cross-fade")
    whole = run(retempo, shot, tmp_path / "whole", *flags)
    report = retempo.done(
        "retime", shot, "-o", tmp_path / "cut" / "o.####.exr", *flags, *FAST, "--memory", "900K"
    )
    assert report["strips"] > 0
    np.testing.assert_array_equal(planes(tmp_path / "cut" / "o.0015.exr", "RGB"), whole[15])


def test_the_plan_shows_cuts(retempo: Program, tmp_path: Path) -> None:
    shot = two_shots(tmp_path / "in", 1001)
    told = retempo("retime", shot, "-o", tmp_path / "o.####.exr", "--dry-run", "--cuts", "1005").out
    assert "held at the cut 1005" in told
    plan = retempo.done("retime", shot, "-o", tmp_path / "o.####.exr", "--dry-run", "--cuts", "1005")["plan"]
    assert plan["cuts"] == [1005] and names(tmp_path) == ["in"]


def test_vectors_do_not_cross_a_cut(retempo: Program, tmp_path: Path) -> None:
    shot = two_shots(tmp_path / "in")
    retempo.done("vectors", shot, "-o", tmp_path / "v.####.exr", "--cuts", "5", *FAST)
    for number, way in ((4, "forward"), (5, "backward")):
        flow = planes(tmp_path / f"v.{number:04d}.exr", (f"{way}.u", f"{way}.v"))
        trust = planes(tmp_path / f"v.{number:04d}.exr", (f"occlusion.{way}", f"confidence.{way}"))
        assert not flow.any() and (trust[..., 0] == 1).all() and not trust[..., 1].any()
    assert planes(tmp_path / "v.0004.exr", ("backward.u",)).any()
    assert planes(tmp_path / "v.0005.exr", ("forward.u",)).any()


@pytest.mark.parametrize(("motion", "changed"), [("linear", [8]), ("quadratic", [6, 8, 10])])
def test_resume_makes_only_what_a_cut_changes(
    retempo: Program, tmp_path: Path, motion: str, changed: list[int]
) -> None:
    """A bent path looks at the frames past its gap, so a cut straightens those beside it."""
    shot, out = two_shots(tmp_path / "in"), tmp_path / "o" / "o.####.exr"
    flags = ("--speed", "1/2", "--motion", motion, "--resume", *FAST)
    assert len(retempo.done("retime", shot, "-o", out, *flags)["written"]) == 15
    assert retempo.done("retime", shot, "-o", out, *flags, "--cuts", "5")["written"] == changed
    assert retempo.done("retime", shot, "-o", out, *flags, "--cuts", "5,5,99")["written"] == []
    assert retempo.done("retime", shot, "-o", out, *flags, "--cuts", "5", "--at-cut", "cross-fade")[
        "written"
    ] == [8]


def test_blur_stays_within_its_shot(retempo: Program, tmp_path: Path) -> None:
    shot = two_shots(tmp_path / "in")
    flags = ("--shutter-samples", "6", "--shutter-angle", "720", "--overwrite", *FAST)
    retempo.done("blur", shot, "-o", tmp_path / "o" / "o.####.exr", "--cuts", "5", *flags)
    retempo.done("blur", shot, "-o", tmp_path / "a" / "o.####.exr", "--frames", "1-4", *flags)
    inner = [planes(tmp_path / one / "o.0003.exr", "RGB") for one in "oa"]
    np.testing.assert_array_equal(*inner)
    for number in range(5, 9):  # whatever the next shot is
        layer = make_layer(np.zeros((36, 64, 3), np.float32), "RGB", formats="float")
        write_image(tmp_path / "in" / f"s.{number:04d}.exr", layer)
    retempo.done("blur", shot, "-o", tmp_path / "n" / "o.####.exr", "--cuts", "5", *flags)
    for number in (3, 4):
        kept, other = (planes(tmp_path / one / f"o.{number:04d}.exr", "RGB") for one in "on")
        np.testing.assert_array_equal(kept, other)


def test_cuts_are_found_on_request(retempo: Program, tmp_path: Path) -> None:
    """The sample scene, and after four frames the same upside down."""
    retempo.done("sample", tmp_path / "in", "--frames", "1-8", "--size", "160x90")
    for number in range(5, 9):
        path = tmp_path / "in" / f"plate.{number:04d}.exr"
        pixels = np.ascontiguousarray(planes(path, "RGBA")[::-1])
        write_image(path, make_layer(pixels, "RGBA", formats="half"))
    for number in range(1, 5):
        path = tmp_path / "in" / f"plate.{number:04d}.exr"
        write_image(path, make_layer(planes(path, "RGBA"), "RGBA", formats="half"))
    shot = tmp_path / "in" / "plate.####.exr"
    dry = ("--dry-run", "--speed", "1/2")
    plan = retempo.done("retime", shot, "-o", tmp_path / "o.####.exr", *dry, "--cuts", "auto", *FAST)["plan"]
    assert plan["cuts"] == [5]
    plan = retempo.done("retime", shot, "-o", tmp_path / "o.####.exr", *dry, *FAST)["plan"]
    assert plan["cuts"] == [], "nothing is looked for unasked"
    flags = ("--speed", "1/2", *FAST)
    retempo.done(
        "retime", shot, "-o", tmp_path / "a" / "o.####.exr", *flags, "--cuts", "auto", "--memory", "4M"
    )
    assert_same_pixels(tmp_path / "a" / "o.0008.exr", tmp_path / "in" / "plate.0005.exr")
    retempo.done("vectors", shot, "-o", tmp_path / "v.####.exr", "--cuts", "auto", *FAST)
    assert not planes(tmp_path / "v.0004.exr", ("forward.u",)).any()


@pytest.mark.parametrize("command", ["retime", "blur", "vectors"])
@pytest.mark.parametrize("cuts", ["five", "1-5", "5,", "5 6"])
def test_bad_lists_are_refused(retempo: Program, tmp_path: Path, command: str, cuts: str) -> None:
    shot = make_shot(tmp_path / "in", (1, 2))
    outcome = retempo(command, shot, "-o", tmp_path / "o.####.exr", "--cuts", cuts)
    assert outcome.code == 2 and "--cuts" in outcome.err and "e.g. 1010,1050" in outcome.err
    assert names(tmp_path) == ["in"]


def test_cuts_of_an_edit_list(retempo: Program, tmp_path: Path) -> None:
    shot, edl = two_shots(tmp_path / "in", 1001), tmp_path / "reel.edl"
    edl.write_text(
        "001  AX  V  C  00:00:00:00 00:00:00:04 01:00:00:00 01:00:00:04\n"
        "002  AX  V  C  00:00:07:00 00:00:07:04 01:00:00:04 01:00:00:08\n"
    )
    flags = ("-o", tmp_path / "o.####.exr", "--dry-run", "--cuts", edl)
    assert retempo.done("retime", shot, *flags, "--fps", "24")["plan"]["cuts"] == [1005]
    outcome = retempo("retime", shot, *flags)
    assert outcome.code == 2 and "--fps" in outcome.err
