"""Does --resume re-do exactly what has to be re-done, and does a run that is killed leave nothing half-written?"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from plates import LINEAR, Program, assert_same_pixels, copy_plate, names, numbers, raw, start

FAST = ("--flow", "dis:fast")
SLOW = ("--speed", "1/20", *LINEAR, *FAST)


@pytest.fixture(scope="module")
def finished(plate: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run at half speed: ``o.1001.exr`` to ``o.1009.exr``."""
    from retempo.cli.main import main

    folder = tmp_path_factory.mktemp("finished")
    flags = (str(plate / "plate.####.exr"), "-o", str(folder / "o.####.exr"), *FAST)
    assert main(["retime", *flags, "--json"]) == 0
    return folder


@pytest.fixture
def again(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished run, to be harmed."""
    shutil.copytree(finished, tmp_path / "out")
    return tmp_path / "out"


def test_nothing_to_do(retempo: Program, plate: Path, again: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in again.iterdir()}
    report = retempo.done("retime", plate / "plate.####.exr", "-o", again / "o.####.exr", *FAST, "--resume")
    assert report["written"] == [] and report["skipped"] == list(range(1001, 1010)) and report["pairs"] == 0
    assert {path: path.stat().st_mtime_ns for path in again.iterdir()} == before


def test_only_what_is_missing_broken_or_made_otherwise(
    retempo: Program, plate: Path, finished: Path, again: Path
) -> None:
    """One deleted, one cut off (a source frame that was copied), one of other settings, one without a stamp."""
    (again / "o.1002.exr").unlink()
    cut = again / "o.1003.exr"
    cut.write_bytes(cut.read_bytes()[:-200])
    flags = ("--output-range", "1006", "--filter", "lanczos4", "--overwrite", *FAST)
    retempo.done("retime", plate / "plate.####.exr", "-o", again / "o.####.exr", *flags)
    shutil.copy(plate / "plate.1004.exr", again / "o.1008.exr")
    report = retempo.done("retime", plate / "plate.####.exr", "-o", again / "o.####.exr", *FAST, "--resume")
    assert report["written"] == [1002, 1003, 1006, 1008]
    assert report["skipped"] == [1001, 1004, 1005, 1007, 1009]
    for output in range(1001, 1010):
        assert_same_pixels(finished / f"o.{output}.exr", again / f"o.{output}.exr")


@pytest.mark.parametrize("size", [0, 10, 400])
def test_short_stumps_are_made_again(
    retempo: Program, plate: Path, finished: Path, again: Path, size: int
) -> None:
    stump = again / "o.1004.exr"
    stump.write_bytes(stump.read_bytes()[:size])
    report = retempo.done("retime", plate / "plate.####.exr", "-o", again / "o.####.exr", *FAST, "--resume")
    assert report["written"] == [1004]
    assert_same_pixels(finished / "o.1004.exr", stump)


def test_changed_source_frames_are_made_again(retempo: Program, plate: Path, tmp_path: Path) -> None:
    source = copy_plate(plate, tmp_path / "in")
    arguments = ("retime", source, "-o", tmp_path / "out" / "o.####.exr", "--motion", "linear", *FAST)
    retempo.done(*arguments)
    shutil.copy(plate / "plate.1001.exr", tmp_path / "in" / "plate.1003.exr")
    report = retempo.done(*arguments, "--resume")
    assert report["written"] == [1004, 1005, 1006], "all that show frame 1003, and no other"
    assert_same_pixels(plate / "plate.1001.exr", tmp_path / "out" / "o.1005.exr")


@pytest.mark.parametrize(
    ("flags", "redone"),
    [
        (["--threads", "1", "--memory", "4G"], []),
        (["--output-range", "1003-1005"], []),
        (["--speed", "1/4"], list(range(1002, 1018))),
        (["--temperature", "3"], list(range(1001, 1010))),
        (["--data-type", "float"], list(range(1001, 1010))),
        (["--config", "ocio://studio-config-latest"], list(range(1001, 1010))),
    ],
)
def test_which_settings_matter(
    retempo: Program, plate: Path, again: Path, flags: list[str], redone: list[int]
) -> None:
    """At another speed only the first frame still shows the same source time."""
    report = retempo.done(
        "retime", plate / "plate.####.exr", "-o", again / "o.####.exr", *FAST, *flags, "--resume"
    )
    assert report["written"] == redone


def test_the_environment_chooses_the_config_too(
    retempo: Program, plate: Path, again: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another $OCIO can mean other pixels, though no flag has changed."""
    monkeypatch.setenv("OCIO", "ocio://studio-config-latest")
    report = retempo.done("retime", plate / "plate.####.exr", "-o", again / "o.####.exr", *FAST, "--resume")
    assert report["written"] == list(range(1001, 1010))


def test_other_vectors_are_other_pixels(retempo: Program, plate: Path, tmp_path: Path) -> None:
    vectors = copy_plate(plate, tmp_path / "v")
    flags = ("--flow", "vectors", "--vectors", vectors, "--motion", "linear")
    arguments = ("retime", plate / "plate.####.exr", "-o", tmp_path / "out" / "o.####.exr", *flags)
    retempo.done(*arguments)
    assert retempo.done(*arguments, "--resume")["written"] == []
    os.utime(tmp_path / "v" / "plate.1002.exr", ns=(1, 1))
    assert retempo.done(*arguments, "--resume")["written"] == [1002, 1004], "copies have no use for vectors"


def test_resume_in_pngs_and_dpx(retempo: Program, plate: Path, tmp_path: Path) -> None:
    for extension in ("png", "dpx", "jpg", "tif"):
        arguments = (
            "retime",
            plate / "plate.####.exr",
            "-o",
            tmp_path / extension / f"o.####.{extension}",
            *FAST,
        )
        retempo.done(*arguments)
        (tmp_path / extension / f"o.1003.{extension}").unlink()
        cut = tmp_path / extension / f"o.1006.{extension}"
        cut.write_bytes(cut.read_bytes()[:-300])
        report = retempo.done(*arguments, "--resume")
        assert report["written"] == [1003, 1006], extension


def test_resume_of_a_movie(retempo: Program, plate: Path, tmp_path: Path) -> None:
    arguments = ("retime", plate / "plate.####.exr", "-o", tmp_path / "o.mkv", *FAST)
    retempo.done(*arguments)
    before = (tmp_path / "o.mkv").stat().st_mtime_ns
    report = retempo.done(*arguments, "--resume")
    assert report["written"] == [] and (tmp_path / "o.mkv").stat().st_mtime_ns == before
    report = retempo.done(*arguments, "--filter", "lanczos4", "--resume")
    assert len(report["written"]) == 9 and (tmp_path / "o.mkv").stat().st_mtime_ns > before
    cut = (tmp_path / "o.mkv").read_bytes()
    (tmp_path / "o.mkv").write_bytes(cut[: len(cut) * 2 // 3])
    report = retempo.done(*arguments, "--filter", "lanczos4", "--resume")
    assert len(report["written"]) == 9


# ------------------------------------------------------------------------------------------------- interruptions


def wait_for(folder: Path, count: int, run: subprocess.Popen[str]) -> None:
    """Until ``count`` finished frames are there, or the run has ended."""
    while run.poll() is None:
        done = [name for name in names(folder) if not name.startswith(".")]
        if len(done) >= count:
            return
        time.sleep(0.002)


@pytest.fixture(scope="module")
def uninterrupted(plate: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plate at 1/20 speed, ``o.1001.exr`` to ``o.1081.exr``, in one go."""
    from retempo.cli.main import main

    folder = tmp_path_factory.mktemp("uninterrupted")
    flags = (str(plate / "plate.####.exr"), "-o", str(folder / "o.####.exr"), *SLOW)
    assert main(["retime", *flags, "--json"]) == 0
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_stopped_run_can_be_resumed(
    retempo: Program, plate: Path, uninterrupted: Path, tmp_path: Path, sent: signal.Signals
) -> None:
    arguments = ("retime", plate / "plate.####.exr", "-o", tmp_path / "out" / "o.####.exr", *SLOW)
    run = start(*arguments)
    wait_for(tmp_path / "out", 5, run)
    run.send_signal(sent)
    _, said = run.communicate(timeout=60)
    finished = [name for name in names(tmp_path / "out") if not name.startswith(".")]
    assert 5 <= len(finished) < 81, "it was stopped in the middle"
    if sent == signal.SIGKILL:
        assert run.returncode == -signal.SIGKILL
    else:
        assert run.returncode == 130 and "--resume" in said and "Traceback" not in said
        assert numbers(tmp_path / "out"), "no hidden files are left"
    for name in finished:
        assert_same_pixels(uninterrupted / name, tmp_path / "out" / name)
    report = retempo.done(*arguments, "--resume")
    assert len(report["skipped"]) == len(finished) and len(report["written"]) == 81 - len(finished)
    assert numbers(tmp_path / "out") == list(range(1001, 1082)), "and what the killed run began is gone"
    for output in range(1001, 1082):
        assert_same_pixels(uninterrupted / f"o.{output}.exr", tmp_path / "out" / f"o.{output}.exr")


@pytest.mark.slow
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
def test_a_stopped_movie_is_not_there(
    retempo: Program, plate: Path, tmp_path: Path, sent: signal.Signals
) -> None:
    arguments = (
        "retime",
        plate / "plate.####.exr",
        "-o",
        tmp_path / "out" / "o.mkv",
        "--speed",
        "1/100",
        *FAST,
    )
    run = start(*arguments)
    while run.poll() is None and not any(name.startswith(".") for name in names(tmp_path / "out")):
        time.sleep(0.002)
    time.sleep(0.05)
    run.send_signal(sent)
    run.communicate(timeout=60)
    assert run.returncode in (130, -signal.SIGKILL)
    left = names(tmp_path / "out")
    assert "o.mkv" not in left and (sent == signal.SIGKILL or left == [])
    assert retempo(*arguments, "--resume").code == 0
    assert names(tmp_path / "out") == ["o.mkv"]


def test_an_earlier_result_survives_a_failed_run(
    retempo: Program, plate: Path, again: Path, tmp_path: Path
) -> None:
    """Overwriting goes file by file: what is not reached keeps its old pixels, whole."""
    source = copy_plate(plate, tmp_path / "in")
    (tmp_path / "in" / "plate.1003.exr").write_bytes(b"broken")
    before = {name: raw(again / name) for name in names(again)}
    outcome = retempo(
        "retime", source, "-o", again / "o.####.exr", "--overwrite", "--filter", "lanczos4", *FAST
    )
    assert outcome.code == 3 and names(again) == sorted(before)
    assert all((raw(again / "o.1009.exr")[key] == bits).all() for key, bits in before["o.1009.exr"].items())
    for name in names(again):
        raw(again / name)
