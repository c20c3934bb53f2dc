"""Is everything automatic settled at submission, once, and is refused what a retime would refuse?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from farm_jobs import FAST, assert_same_files, contents
from plates import Program, make_shot, write_image
from retempo.farm.command import task_command
from retempo.farm.job import load_job
from retempo.farm.report import REVIEW
from retempo.farm.standing import look, verify
from retempo.io.frame import make_layer
from retempo.render.flags import settings_from, spell_flags
from retempo.render.settings import RetimeSettings


def submit(retempo: Program, folder: Path, *arguments: object) -> dict[str, Any]:
    return retempo.done("submit", *arguments, "--backend", "export", "--job-dir", folder)


def run_tasks(retempo: Program, folder: Path) -> None:
    """Every chunk of a job in this process, as its command line says."""
    job = load_job(folder)
    for chunk in job.chunks:
        assert retempo(*task_command(job, chunk)[1:]).code == 0


@pytest.fixture
def shot(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    return make_shot(tmp_path / "in", range(1, 7))


def test_what_is_looked_for_is_found_once(retempo: Program, tmp_path: Path) -> None:
    """Repeats, cuts and the overlay are lists and a picture in the job; tasks make what a retime by itself makes."""
    folder = tmp_path / "in"
    y, x = np.mgrid[0:108, 0:192].astype(np.float32)
    for number in range(1, 9):
        at = x + 6 * (number if number != 5 else 4)  # 5 repeats 4
        waves = [np.sin(at / 5 + np.sin(y / 9)), np.cos(at / 11 - y / 7), np.sin(at / 17) * np.cos(y / 6)]
        picture = (np.stack(waves, 2) * 0.25 + 0.45).astype(np.float32)
        picture[:12] = picture[-12:] = 0.0
        write_image(folder / f"s.{number:04d}.exr", make_layer(picture, "RGB", formats="float"))
    flags = ("--speed", "1/2", "--cuts", "auto", "--duplicates", "drop", "--overlay", "auto", *FAST)
    source = folder / "s.####.exr"
    submit(retempo, tmp_path / "job", source, "-o", tmp_path / "out" / "o.####.exr", "--chunk", 5, *flags)
    job = load_job(tmp_path / "job")
    assert job.settings["duplicate_frames"] == "5" and job.settings.get("cuts", "") != "auto"
    assert job.settings["found_overlay"] == str(tmp_path / "job" / "overlay.exr")
    assert Path(job.settings["found_overlay"]).is_file()
    run_tasks(retempo, tmp_path / "job")
    retempo.done("retime", source, "-o", tmp_path / "alone" / "o.####.exr", *flags)
    assert_same_files(tmp_path / "out", tmp_path / "alone")
    again = retempo.done("retime", source, "-o", tmp_path / "out" / "o.####.exr", *flags, "--resume")
    assert again["written"] == [], "the flags that were given make the same stamps as the job's"


def test_a_lost_job_is_completed_by_a_retime(retempo: Program, shot: Path, tmp_path: Path) -> None:
    flags = ("--speed", "1/4", *FAST)
    submit(retempo, tmp_path / "job", shot, "-o", tmp_path / "out" / "o.####.exr", "--chunk", 8, *flags)
    job = load_job(tmp_path / "job")
    assert retempo(*task_command(job, job.chunks[1])[1:]).code == 0
    made = set(contents(tmp_path / "out"))
    rest = retempo.done("retime", shot, "-o", tmp_path / "out" / "o.####.exr", *flags, "--resume")
    assert len(made) == len(job.chunk(1)) == len(rest["skipped"])
    assert len(contents(tmp_path / "out")) == len(job.numbers)


def test_the_report_makes_a_page_where_one_is_wanted(retempo: Program, shot: Path, tmp_path: Path) -> None:
    flags = ("--speed", "1/2", "--review", *FAST)
    submit(retempo, tmp_path / "job", shot, "-o", tmp_path / "out" / "o.####.exr", *flags)
    run_tasks(retempo, tmp_path / "job")
    retempo.done("status", tmp_path / "job", "--report")
    page = tmp_path / "job" / REVIEW / "index.html"
    first = page.read_text(encoding="utf-8")
    assert first.count('"state":"made"') == len(load_job(tmp_path / "job").numbers)
    retempo.done("review", tmp_path / "job", "--overwrite", "--width", 64)
    assert page.read_text(encoding="utf-8") != first, "by hand the same page, of another width"


def test_a_page_too_long_is_refused_at_submission(retempo: Program, shot: Path, tmp_path: Path) -> None:
    flags = ("--speed", "1/500", "--review", "--backend", "export", "--job-dir", tmp_path / "job", *FAST)
    said = retempo("submit", shot, "-o", tmp_path / "out" / "o.####.exr", *flags)
    assert said.code == 2 and "2000 of a review" in said.err
    assert not (tmp_path / "job").exists()


def test_paths_count_in_full_however_they_are_spelled(
    retempo: Program, shot: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "curve.json").write_text(json.dumps([[1, 1], [12, 6]]))
    write_image(tmp_path / "logo.exr", make_layer(np.eye(36, 64, dtype=np.float32)[..., None], "Y"))
    flags = ("--frame-curve", "curve.json", "--overlay", "logo.exr", *FAST)
    submit(retempo, Path("job"), "in/shot.####.exr", "-o", "out/o.####.exr", "--chunk", 4, *flags)
    job = load_job(tmp_path / "job")
    assert job.source == str(shot) and job.output == str(tmp_path / "out" / "o.####.exr")
    assert job.settings["frame_curve"] == str(tmp_path / "job" / "frame_curve.json")
    assert job.settings["overlay"] == str(tmp_path / "logo.exr")
    (tmp_path / "curve.json").rename(tmp_path / "edited.json")  # tasks have the curve as it was
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    run_tasks(retempo, tmp_path / "job")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "edited.json").rename(tmp_path / "curve.json")
    again = retempo.done("retime", "in/shot.####.exr", "-o", "out/o.####.exr", *flags, "--resume")
    assert again["written"] == []


def test_the_colour_config_of_the_environment_travels(
    retempo: Program, shot: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import PyOpenColorIO as ocio

    config = ocio.Config.CreateFromBuiltinConfig("cg-config-latest")
    (tmp_path / "own.ocio").write_text(config.serialize())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OCIO", "own.ocio")
    submit(retempo, tmp_path / "job", shot, "-o", tmp_path / "o.####.exr", "--flow", "dis:fast")
    assert load_job(tmp_path / "job").environment == {"OCIO": str(tmp_path / "own.ocio")}
    monkeypatch.delenv("OCIO")
    submit(retempo, tmp_path / "plain", shot, "-o", tmp_path / "p.####.exr", "--flow", "dis:fast")
    assert load_job(tmp_path / "plain").environment == {"OCIO": ""}, "a task's machine may have another one"


def test_flags_of_settings_give_the_settings_again() -> None:
    import argparse

    from retempo.render.flags import add_setting_arguments

    settings = RetimeSettings(
        speed="-1/2", output_start=-5, shutter_samples=0, avoid_originals=True, duplicates="drop",
        duplicate_frames="", object_curve=('7=[["0","0"],["1","1"]]', '9=[["0","0"],["1","1"]]'),
        matte_invert=True, sigma=0.75, vector_scale=-2.0, cuts="3,5",
    )  # fmt: skip
    parser = argparse.ArgumentParser()
    add_setting_arguments(parser)
    assert settings_from(vars(parser.parse_args(spell_flags(settings)))) == settings
    assert spell_flags(RetimeSettings()) == []


@pytest.mark.parametrize(
    ("flags", "code", "said"),
    [
        (["--speed", "0"], 6, "speed"),
        (["--flow", "vectors"], 3, "no vectors"),
        (["--sigma", "9"], 2, "--sigma"),
        (["--frames", "90-99"], 3, "none of the frames"),
        (["--memory", "1K"], 2, "--memory"),
        (["--chunk", "-1"], 2, "--chunk"),
        (["--cores", "-1"], 2, "--cores"),
        (["--retries", "-1"], 2, "--retries"),
        (["--memory-per-task", "much"], 2, "--memory"),
        (["--name", "a/b"], 2, "--name"),
        (["--resume", "--overwrite"], 2, "--overwrite"),
        (["--cuts", "gone.edl", "--fps", "24"], 3, "gone.edl"),
        (["--config", "gone.ocio"], 5, "gone.ocio"),
        (["--outside", "error", "--output-range", "1-99"], 6, "outside"),
    ],
)
def test_what_a_retime_refuses_is_refused_and_nothing_is_written(
    retempo: Program, shot: Path, tmp_path: Path, flags: list[str], code: int, said: str
) -> None:
    outcome = retempo("submit", shot, "-o", tmp_path / "out" / "o.####.exr", "--backend", "export",
                      "--job-dir", tmp_path / "job", *flags)  # fmt: skip
    assert (outcome.code, said in outcome.err) == (code, True), outcome.err
    assert not (tmp_path / "job").exists()
    assert not list(tmp_path.glob("out/*"))


def test_existing_results_and_jobs_are_not_run_over(retempo: Program, shot: Path, tmp_path: Path) -> None:
    arguments = (
        shot,
        "-o",
        tmp_path / "o.####.exr",
        "--backend",
        "export",
        "--job-dir",
        tmp_path / "job",
        *FAST,
    )
    (tmp_path / "o.0003.exr").write_text("something else")
    refused = retempo("submit", *arguments)
    assert refused.code == 4 and "o.0003.exr exists" in refused.err and not (tmp_path / "job").exists()
    assert retempo("submit", *arguments, "--resume").code == 0
    second = retempo("submit", *arguments, "--resume")
    assert second.code == 4 and "holds a job already" in second.err
    assert retempo("submit", *arguments, "--overwrite").code == 0
    source = retempo(
        "submit", shot, "-o", shot, "--speed", "1", "--job-dir", tmp_path / "other", "--overwrite"
    )
    assert source.code == 4 and "destroy its own source" in source.err


def test_a_dry_run_writes_nothing(retempo: Program, shot: Path, tmp_path: Path) -> None:
    shown = retempo.done("submit", shot, "-o", tmp_path / "out" / "o.####.exr", "--dry-run", "--speed", "1/4",
                         "--chunk", 5, "--backend", "export", "--job-dir", tmp_path / "job")  # fmt: skip
    assert shown["outputs"] == "1-21" and shown["chunks"][0] == "1-5"
    assert not (tmp_path / "job").exists()


@pytest.mark.parametrize("arguments", [[], ["--resume"], ["shot.####.exr", "--resume"]])
def test_going_on_needs_a_job(retempo: Program, tmp_path: Path, arguments: list[str]) -> None:
    outcome = retempo("submit", *arguments, "--job-dir", tmp_path / "job")
    assert outcome.code in (2, 3) and ("--resume" in outcome.err or "no job" in outcome.err)


def test_status_reads_the_frames_alone(retempo: Program, shot: Path, tmp_path: Path) -> None:
    """What is cut off, has changed or was made otherwise is not done; nothing else in the folder counts."""
    out = tmp_path / "out"
    submit(retempo, tmp_path / "job", shot, "-o", out / "o.####.exr", "--speed", "1/2", "--chunk", 4, *FAST)
    job = load_job(tmp_path / "job")
    run_tasks(retempo, tmp_path / "job")
    assert look(job).is_complete
    (out / "o.0004.exr").write_bytes((out / "o.0004.exr").read_bytes()[:-200])
    (out / "o.0006.exr").write_bytes((out / "o.0005.exr").read_bytes())
    (out / "o.0001.exr").unlink()
    flipped = bytearray((out / "o.0008.exr").read_bytes())
    flipped[-300:-200] = bytes(one ^ 0xFF for one in flipped[-300:-200])
    (out / "o.0008.exr").write_bytes(flipped)
    (tmp_path / "job" / "backend.json").unlink()
    standing = look(job)
    assert standing.missing == (1,) and standing.otherwise == (4, 6) and 8 in standing.done
    after, broken = verify(job)
    assert list(broken) == [8] and after.missing == (1, 8)
    outcome = retempo("status", tmp_path / "job", "--json")
    assert outcome.code == 10 and outcome.data["state"] == "incomplete"
    assert (outcome.data["missing"], outcome.data["otherwise"]) == ("1,8", "4,6")
    run_tasks(retempo, tmp_path / "job")
    assert retempo("status", tmp_path / "job").code == 0


def test_a_job_without_its_source_says_so(retempo: Program, shot: Path, tmp_path: Path) -> None:
    submit(retempo, tmp_path / "job", shot, "-o", tmp_path / "o.####.exr", *FAST)
    for path in (tmp_path / "in").iterdir():
        path.unlink()
    outcome = retempo("status", tmp_path / "job")
    assert outcome.code == 3 and "shot.####.exr" in outcome.err


def test_cancel_is_harmless_where_nothing_runs(retempo: Program, shot: Path, tmp_path: Path) -> None:
    submit(retempo, tmp_path / "job", shot, "-o", tmp_path / "o.####.exr", *FAST)
    assert retempo("cancel", tmp_path / "job").code == 0
    assert retempo("cancel", tmp_path / "job").code == 0
    assert retempo("cancel", tmp_path / "nothing").code == 3
