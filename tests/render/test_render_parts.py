"""Are parts of a shot what the whole would have made of them, and is no pair of source frames prepared twice?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from plates import Program, assert_same_pixels, make_shot
from retempo.errors import UsageError
from retempo.io.sequence import open_source
from retempo.render.fitting import fit_schedule, peak_bytes
from retempo.render.job import open_renderer, render_job
from retempo.render.settings import RetimeSettings
from retempo.render.timing import Schedule, schedule

FAST = RetimeSettings(flow="dis:fast", inverses="off", motion="linear")


def plan(settings: RetimeSettings, source_frames: range, outputs: range) -> Schedule:
    return schedule(settings, list(source_frames), None, list(outputs))


def test_a_pair_to_which_time_returns_is_prepared_once(tmp_path: Path) -> None:
    """There, back and there again; the frames are those that are made one by one."""
    source = open_source(make_shot(tmp_path / "in", range(1, 5)))
    settings = replace(FAST, speed="1/2", outside="bounce")
    wanted = plan(settings, range(1, 5), range(1, 17))
    pairs = {(one.first, one.second) for one in wanted.plan.entries if one.kind == "between"}
    visits = [one.first for one in wanted.plan.entries if one.kind == "between"]
    assert len(visits) > len(pairs) == 3
    renderer = open_renderer(settings, source)
    report = render_job(source, str(tmp_path / "out" / "o.####.exr"), wanted, renderer)
    assert report.pairs == 3 and sorted(report.written) == list(range(1, 17))
    for output in (2, 8, 12):
        alone = wanted.take({output}, 1)
        render_job(source, str(tmp_path / "alone" / "o.####.exr"), alone, renderer)
        assert_same_pixels(
            tmp_path / "alone" / f"o.{output:04d}.exr", tmp_path / "out" / f"o.{output:04d}.exr"
        )


def test_where_time_goes_on_frames_are_made_in_order(tmp_path: Path) -> None:
    source = open_source(make_shot(tmp_path / "in", range(1, 5)))
    for speed in ("1/2", "-1/2"):
        settings = replace(FAST, speed=speed)
        wanted = plan(settings, range(1, 5), range(1, 8))
        out = tmp_path / speed.replace("/", "") / "o.####.exr"
        assert render_job(source, str(out), wanted, open_renderer(settings, source)).written == list(
            range(1, 8)
        )


def test_a_part_gets_the_memory_plan_of_the_whole(tmp_path: Path) -> None:
    """One frame is exposed over more pairs than the others; stamps hold the scale that flow is searched at."""
    source = open_source(make_shot(tmp_path / "in", range(1, 9)))
    (tmp_path / "ramp.csv").write_text("1,1\n7,4\n8,8\n")
    curve = replace(FAST, frame_curve=str(tmp_path / "ramp.csv"), shutter_samples=16, shutter_angle=720.0)
    wanted = plan(curve, range(1, 9), range(1, 9))
    renderer = open_renderer(curve, source)
    need = peak_bytes(renderer, source, wanted)
    quiet = plan(curve, range(1, 9), range(1, 3))
    assert peak_bytes(renderer, source, quiet) < need, "by itself the beginning needs less"
    part = wanted.take({1, 2}, 1)
    assert len(part.plan.entries) == 2 and peak_bytes(renderer, source, part) == need
    tight = open_renderer(replace(curve, memory=f"{need * 2 // 3}"), source)
    whole, cut = fit_schedule(tight, source, wanted)
    assert cut is not None
    assert fit_schedule(tight, source, part)[0].settings == whole.settings


def test_a_path_counts_however_it_is_spelled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    full = str(tmp_path / "a.####.exr")
    for name in ("vectors", "matte", "index_map", "config"):
        one, other = (RetimeSettings(**{name: path}).fingerprint() for path in ("a.####.exr", full))
        assert one == other != RetimeSettings().fingerprint(), name
    assert RetimeSettings(config="ocio://default").fingerprint() != RetimeSettings().fingerprint()


def test_parts_by_the_command_line_make_the_whole(retempo: Program, tmp_path: Path) -> None:
    shot = make_shot(tmp_path / "in", range(1, 5))
    flags = ("--speed", "1/4", "--flow", "dis:fast")
    out = tmp_path / "out" / "o.####.exr"
    made = [
        retempo.done("retime", shot, "-o", out, *flags, "--part", part)["written"]
        for part in ("1-3", "4-9:2", "5,7,9-30")
    ]
    assert made == [[1, 2, 3, 4], [6, 7, 8], [5, 9, 10, 11, 12, 13]]
    told = retempo("retime", shot, "-o", out, *flags, "--part", "1-4", "--overwrite", "--progress", "openjd")
    assert "openjd_progress: 100.0\nopenjd_status: frame 4, 4 of 4" in told.out
    assert retempo.done("retime", shot, "-o", out, *flags, "--part", "90-99")["written"] == []


@pytest.mark.parametrize("flags", [("--part", "x"), ("--part", "1-4", "--part-gap", "-1")])
def test_nonsense_parts_are_refused(retempo: Program, tmp_path: Path, flags: tuple[str, ...]) -> None:
    shot = make_shot(tmp_path / "in", range(1, 4))
    outcome = retempo("retime", shot, "-o", tmp_path / "o.####.exr", *flags)
    assert outcome.code == UsageError.exit_code and not list(tmp_path.glob("o.*"))
