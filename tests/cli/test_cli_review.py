"""Does a review tell what is so of a retime: its plan, states, errors? ``retempo review``, ``retime --review``."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import pytest

from plates import LINEAR, Program, make_shot, names
from retempo.cli.main import main

SPEED = ("--speed", "1/4")


def told(folder: Path) -> dict[str, Any]:
    """What the page knows."""
    text = (folder / "index.html").read_text(encoding="utf-8")
    found = re.search(r'id="data">(.*?)</script>', text, re.S)
    assert found
    data: dict[str, Any] = json.loads(found[1])
    return data


@pytest.fixture(scope="module")
def slow(plate: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``slow.####.exr``, the plate at a quarter of its speed, and ``page``, its review."""
    folder = tmp_path_factory.mktemp("slow")
    words = [str(plate / "plate.####.exr"), "-o", str(folder / "slow.####.exr"), *SPEED, *LINEAR, "--quiet"]
    assert main(["retime", *words, "--review", str(folder / "page")]) == 0
    return folder


def review(retempo: Program, plate: Path, result: object, page: Path, *more: object) -> dict[str, Any]:
    return retempo.done("review", plate / "plate.####.exr", result, "-o", page, *SPEED, *LINEAR, *more)


def test_the_table_is_the_plan(retempo: Program, plate: Path, slow: Path) -> None:
    plan = retempo.done(
        "retime", plate / "plate.####.exr", "-o", "no.####.exr", "--dry-run", *SPEED, *LINEAR
    )["plan"]
    page = told(slow / "page")
    assert len(page["frames"]) == len(plan["entries"]) == 17
    for frame, entry in zip(page["frames"], plan["entries"], strict=True):
        assert (frame["output"], frame["kind"]) == (entry["output"], entry["kind"])
        assert frame["cells"][0] == str(entry["output"])
        if entry["kind"] == "copy":
            assert frame["cells"][2] == f"copy of {entry['first']}"
            assert frame["error"] == 0.0
            assert frame["nearest"] == entry["first"]
        else:
            assert frame["cells"][2] == f"{entry['first']} and {entry['second']}"
            gap = page["gaps"][frame["gap"]]
            assert (gap["first"], gap["second"]) == (entry["first"], entry["second"])
            phase = float(frame["cells"][3])
            expected = phase * (1 - phase) * (gap["forward"] + gap["backward"])
            assert frame["error"] == pytest.approx(expected)
            assert frame["nearest"] == (entry["first"] if phase <= 0.5 else entry["second"])
        assert frame["state"] == "made"
    assert page["settings"][0] == ["--speed", "1/4", False]


def test_the_worst_are_measured_and_in_order(slow: Path) -> None:
    page = told(slow / "page")
    errors = [page["frames"][one]["error"] for one in page["worst"]]
    assert len(errors) == 4  # of each gap one
    assert errors == sorted(errors, reverse=True)
    assert errors[0] == max(frame["error"] for frame in page["frames"])
    assert all(frame["error"] is not None for frame in page["frames"])


def test_every_picture_is_there_and_none_is_left_over(slow: Path) -> None:
    page = told(slow / "page")
    wanted = {frame[kind] for frame in page["frames"] for kind in ("before", "after", "difference")}
    wanted |= {gap[kind] for gap in page["gaps"] for kind in ("flow", "arrows", "trust")}
    wanted |= set(page["legends"].values())
    assert None not in wanted
    assert {f"media/{name}" for name in names(slow / "page" / "media")} == wanted
    assert names(slow / "page") == ["index.html", "media"]
    for name in wanted - set(page["legends"].values()):
        spec = oiio.ImageBuf(str(slow / "page" / name)).spec()
        assert (spec.width, spec.height) == (page["width"], page["height"]) == (160, 90)


def test_a_copy_looks_like_its_source_and_differs_nowhere(slow: Path) -> None:
    page, folder = told(slow / "page"), slow / "page"

    def pixels(name: str) -> np.ndarray:
        return oiio.ImageBuf(str(folder / name)).get_pixels("uint8").astype(int)

    copy, made = page["frames"][4], page["frames"][6]
    assert np.array_equal(pixels(copy["before"]), pixels(copy["after"]))
    dark = pixels(copy["difference"])
    assert np.ptp(dark.reshape(-1, 3), axis=0).max() <= 3  # all of one colour, zero
    assert np.ptp(pixels(made["difference"])[..., 0]) > 60
    assert made["before"] == page["frames"][5]["before"]


def test_times_are_the_renders_own_where_they_are_known(
    retempo: Program, plate: Path, slow: Path, tmp_path: Path
) -> None:
    assert set(told(slow / "page")["times"]) == {"Render", "This review"}
    assert "17 frames" in told(slow / "page")["timed"]
    review(retempo, plate, slow / "slow.####.exr", tmp_path / "page")
    page = told(tmp_path / "page")
    assert set(page["times"]) == {"This review"}
    assert "not written" in page["timed"]


def test_missing_broken_and_other_frames_are_told(
    retempo: Program, plate: Path, slow: Path, tmp_path: Path
) -> None:
    for path in slow.glob("slow.*.exr"):
        shutil.copy(path, tmp_path)
    (tmp_path / "slow.1003.exr").unlink()
    cut = tmp_path / "slow.1004.exr"
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    shutil.copy(plate / "plate.1002.exr", tmp_path / "slow.1005.exr")  # no stamp at all
    shutil.copy(slow / "slow.1002.exr", tmp_path / "slow.1006.exr")  # another frame's
    shutil.copy(slow / "slow.1002.exr", tmp_path / "slow.1099.exr")  # one too many
    data = review(retempo, plate, tmp_path / "slow.####.exr", tmp_path / "page")
    assert {state: found for state, found in data["states"].items() if state != "made"} == {
        "missing": [1003], "broken": [1004], "unstamped": [1005], "other": [1006],
    }  # fmt: skip
    frames = {frame["output"]: frame for frame in told(tmp_path / "page")["frames"]}
    for number in (1003, 1004):
        assert frames[number]["after"] is None
        assert frames[number]["difference"] is None
        assert frames[number]["before"]
    assert "beyond the end of the file" in frames[1004]["fault"]
    notes = " ".join(data["notes"])
    for words in ("missing from the result: 1003", "broken: 1004", "1099", "other settings"):
        assert words in notes


def test_other_settings_than_the_renders_are_noticed(
    retempo: Program, plate: Path, slow: Path, tmp_path: Path
) -> None:
    data = review(retempo, plate, slow / "slow.####.exr", tmp_path / "page", "--filter", "bicubic")
    assert set(data["states"]) == {"other"}


def test_without_any_result_there_is_no_page(
    retempo: Program, plate: Path, slow: Path, tmp_path: Path
) -> None:
    given = ("-o", tmp_path / "page", *SPEED, *LINEAR)
    outcome = retempo("review", plate / "plate.####.exr", tmp_path / "none.####.exr", *given)
    assert outcome.code == 3
    assert "holds none of the output frames 1001-1017" in outcome.err
    assert "retime first" in outcome.err
    outcome = retempo(
        "review", plate / "plate.####.exr", slow / "slow.####.exr", *given, "--output-start", "1"
    )
    assert outcome.code == 3
    assert "there are 1001-1017" in outcome.err
    assert names(tmp_path) == []


def test_a_page_is_replaced_only_when_asked_to(retempo: Program, plate: Path, slow: Path) -> None:
    page = slow / "again"
    review(retempo, plate, slow / "slow.####.exr", page)
    words = ("review", plate / "plate.####.exr", slow / "slow.####.exr", "-o", page, *SPEED, *LINEAR)
    outcome = retempo(*words)
    assert outcome.code == 4
    assert "--overwrite" in outcome.err
    (page / "index.html").write_text("old")
    assert retempo(*words, "--overwrite").code == 0
    assert told(page)["frames"]
    (page / "mine.txt").write_text("keep")
    outcome = retempo(*words, "--overwrite")
    assert outcome.code == 4
    assert "mine.txt" in outcome.err
    assert (page / "mine.txt").read_text() == "keep"
    assert [name for name in names(slow) if name.startswith(".")] == []


def test_too_many_frames_and_odd_widths_are_refused(
    retempo: Program, plate: Path, slow: Path, tmp_path: Path
) -> None:
    words = ("review", plate / "plate.####.exr", slow / "slow.####.exr", "-o", tmp_path / "page", *SPEED)
    outcome = retempo(*words, "--limit", "10")
    assert outcome.code == 2
    assert "17 output frames are more than the 10" in outcome.err
    assert "--output-range 1001-1010" in outcome.err
    assert retempo(*words, "--width", "9").code == 2
    part = retempo("review", *words[1:], *LINEAR, "--output-range", "1001-1003", "--width", "80", "--json")
    assert part.data["frames"] == 3
    assert told(tmp_path / "page")["width"] == 80


def test_cuts_and_repeats_that_nobody_named_are_found(retempo: Program, tmp_path: Path) -> None:
    pattern = make_shot(tmp_path, range(1, 13))
    shutil.copy(tmp_path / "shot.0004.exr", tmp_path / "shot.0005.exr")
    retempo.done(
        "retime", pattern, "-o", tmp_path / "half.####.exr", "--speed", "1/2", "--review", tmp_path / "page"
    )
    page = told(tmp_path / "page")
    assert page["repeats"] == [5]
    assert "--duplicates" in " ".join(page["notes"])
    marked = {frame["output"] for frame in page["frames"] if "repeat" in frame["marks"]}
    assert marked == {8, 9}  # between 4 and 5, and 5 itself


def test_held_and_black_frames_are_told(retempo: Program, plate: Path, tmp_path: Path) -> None:
    made = tmp_path / "far.####.exr"
    for outside, mark in (("hold", ("held",)), ("black", ())):
        page = tmp_path / outside
        retempo.done(
            "retime", plate / "plate.####.exr", "-o", made, *LINEAR, "--speed", "1/2", "--outside", outside,
            "--output-range", "1008-1012", "--overwrite", "--review", page,
        )  # fmt: skip
        last = told(page)["frames"][-1]
        assert tuple(last["marks"]) == mark
        assert (last["before"] is None) == (outside == "black")
        assert last["after"]


def test_a_movie_is_shown_as_it_is_stored(retempo: Program, tmp_path: Path) -> None:
    pattern = make_shot(tmp_path, range(1, 6))
    movie, slow = tmp_path / "shot.mkv", tmp_path / "slow.mkv"
    retempo.done("retime", pattern, "-o", movie, "--speed", "1", "--output-space", "srgb_tx")
    retempo.done("retime", movie, "-o", slow, "--speed", "1/2", "--review", tmp_path / "page")
    page = told(tmp_path / "page")
    assert "as stored" in page["shown"]
    assert [frame["state"] for frame in page["frames"]] == ["made"] * 9
    first, other = (oiio.ImageBuf(str(tmp_path / "page" / page["frames"][at]["after"])) for at in (0, 3))
    assert np.abs(first.get_pixels("float") - other.get_pixels("float")).max() > 0.05


@pytest.mark.parametrize("engine", ["blend", "nearest"])
def test_engines_without_motion_say_so(retempo: Program, plate: Path, tmp_path: Path, engine: str) -> None:
    retempo.done(
        "retime", plate / "plate.####.exr", "-o", tmp_path / "made.####.exr", *LINEAR, "--speed", "1/2",
        "--engine", engine, "--review", tmp_path / "page",
    )  # fmt: skip
    page = told(tmp_path / "page")
    assert page["gaps"] == []
    assert engine in page["motion"]
    assert page["worst"] == []


def test_a_blur_has_the_mean_error_of_its_instants(retempo: Program, plate: Path, tmp_path: Path) -> None:
    retempo.done(
        "blur", plate / "plate.####.exr", "-o", tmp_path / "made.####.exr", *LINEAR, "--shutter-samples", "4",
        "--review", tmp_path / "page",
    )  # fmt: skip
    page = told(tmp_path / "page")
    middle = page["frames"][2]
    assert middle["kind"] == "blur"
    assert page["gaps"][middle["gap"]]["first"] in (1002, 1003)
    assert 0.0 < middle["error"] < max(gap["forward"] + gap["backward"] for gap in page["gaps"])


def test_two_stills_have_a_page_too(retempo: Program, plate: Path, tmp_path: Path) -> None:
    retempo.done(
        "inbetween", plate / "plate.1001.exr", plate / "plate.1002.exr", "-o", tmp_path / "one.exr", *LINEAR,
        "--review", tmp_path / "page",
    )  # fmt: skip
    page = told(tmp_path / "page")
    assert [frame["state"] for frame in page["frames"]] == ["made"]
    assert page["notes"] == []  # one.exr is no frame too many


def test_against_nothing_is_an_error(retempo: Program, plate: Path, slow: Path, tmp_path: Path) -> None:
    outcome = retempo(
        "review", plate / "plate.####.exr", slow / "slow.####.exr", "-o", tmp_path / "page", *SPEED, *LINEAR,
        "--against", tmp_path / "none.####.exr",
    )  # fmt: skip
    assert outcome.code == 3
    assert "none.####.exr holds none" in outcome.err
    assert names(tmp_path) == []


def test_against_another_version(retempo: Program, plate: Path, slow: Path, tmp_path: Path) -> None:
    data = review(
        retempo, plate, slow / "slow.####.exr", tmp_path / "page", "--against", slow / "slow.####.exr"
    )
    assert data["frames"] == 17
    page = told(tmp_path / "page")
    assert "slow.####.exr" in page["compared"]
    seen = oiio.ImageBuf(str(tmp_path / "page" / page["frames"][2]["difference"])).get_pixels("uint8")
    assert np.ptp(seen.reshape(-1, 3).astype(int), axis=0).max() <= 3


def test_a_farms_job_knows_its_settings(retempo: Program, plate: Path, slow: Path, tmp_path: Path) -> None:
    pytest.importorskip("pydantic")
    pytest.importorskip("openjd")
    job = tmp_path / "job"
    retempo.done(
        "submit", plate / "plate.####.exr", "-o", slow / "slow.####.exr", *SPEED, *LINEAR, "--resume",
        "--backend", "export", "--job-dir", job,
    )  # fmt: skip
    data = retempo.done("review", job)
    assert data["page"] == str(job / "report" / "review" / "index.html")
    assert data["states"] == {"made": list(range(1001, 1018))}
    refused = retempo("review", job, "--speed", "1/2")
    assert refused.code == 2
    assert "job's own" in refused.err
    assert retempo("review", tmp_path).code == 2
