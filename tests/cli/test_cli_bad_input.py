"""Does bad input end with its exit code, a message that says what, where and what to do, and no partial file?"""

from __future__ import annotations

import os
import struct
import subprocess
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest

from bits import digest_of
from plates import Outcome, Program, copy_plate, make_shot, names, numbers, picture, planes, raw, write_image
from retempo.io.frame import Window, make_layer


def refused(outcome: Outcome, code: int, *says: str) -> None:
    """The run ended with ``code``, one line on standard error (but warnings) holds all of ``says`` and a hint."""
    assert outcome.code == code, outcome.err
    lines = [line for line in outcome.err.splitlines() if ": warning: " not in line]
    assert len(lines) == 1 and lines[0].startswith("retempo "), outcome.err
    for word in says:
        assert word in lines[0], outcome.err
    assert "; " in lines[0], f"no hint: {outcome.err}"
    assert "unexpected" not in outcome.err
    assert outcome.out == ""


# ------------------------------------------------------------------------------------------- broken sources


@pytest.mark.parametrize("keep", [0, 100, 0.5, -30])
def test_truncated_exr(retempo: Program, plate: Path, tmp_path: Path, keep: float) -> None:
    source = copy_plate(plate, tmp_path / "in")
    broken = tmp_path / "in" / "plate.1003.exr"
    data = broken.read_bytes()
    size = int(len(data) * keep) if isinstance(keep, float) else keep if keep >= 0 else len(data) + keep
    broken.write_bytes(data[:size])
    outcome = retempo("retime", source, "-o", tmp_path / "out" / "o.####.exr", "--quiet")
    refused(outcome, 3, "plate.1003.exr", "again")
    assert set(numbers(tmp_path / "out")) <= {1001, 1002, 1003}, "what needs the broken frame is not there"
    for path in (tmp_path / "out").iterdir():
        raw(path)


def test_truncated_first_frame(retempo: Program, plate: Path, tmp_path: Path) -> None:
    source = copy_plate(plate, tmp_path / "in")
    (tmp_path / "in" / "plate.1001.exr").write_bytes(b"")
    refused(
        retempo("retime", source, "-o", tmp_path / "out" / "o.####.exr"),
        3,
        "plate.1001.exr",
        "empty",
        "again",
    )
    assert not (tmp_path / "out").exists()


def test_no_image_at_all(retempo: Program, tmp_path: Path) -> None:
    (tmp_path / "shot.0001.exr").write_text("these are no pixels")
    refused(retempo("retime", tmp_path / "shot.####.exr", "-o", tmp_path / "o.####.exr"), 3, "shot.0001.exr")


def test_movie_that_is_no_movie(retempo: Program, tmp_path: Path) -> None:
    (tmp_path / "shot.mov").write_bytes(bytes(range(256)) * 20)
    refused(retempo("retime", tmp_path / "shot.mov", "-o", tmp_path / "o.####.exr"), 3, "shot.mov")
    assert names(tmp_path) == ["shot.mov"]


def test_missing_frame_is_an_error_at_first(retempo: Program, plate: Path, tmp_path: Path) -> None:
    source = copy_plate(plate, tmp_path / "in", (1001, 1002, 1004, 1005))
    outcome = retempo("retime", source, "-o", tmp_path / "out" / "o.####.exr", "--quiet")
    refused(outcome, 3, "plate.1003.exr is missing", "needed for output 1004", "--on-missing")
    assert not names(tmp_path / "out"), "found out before anything is made"


def test_missing_frame_held(retempo: Program, plate: Path, tmp_path: Path) -> None:
    source = copy_plate(plate, tmp_path / "in", (1001, 1002, 1004, 1005))
    arguments = ("-o", tmp_path / "out" / "o.####.exr", "--flow", "dis:fast")
    report = retempo.done("retime", source, *arguments, "--on-missing", "hold")
    assert report["written"] == list(range(1001, 1010)) and report["pairs"] == 2
    held = raw(tmp_path / "in" / "plate.1002.exr")
    for output in (1004, 1005, 1006):  # source times 1002.5, 1003 and 1003.5
        made = raw(tmp_path / "out" / f"o.{output}.exr")
        assert all(np.array_equal(made[key], held[key]) for key in held)


def test_missing_frame_interpolated(retempo: Program, plate: Path, tmp_path: Path) -> None:
    source = copy_plate(plate, tmp_path / "in", (1001, 1002, 1004, 1005))
    arguments = ("-o", tmp_path / "out" / "o.####.exr", "--flow", "vectors")
    report = retempo.done("retime", source, *arguments, "--on-missing", "interpolate", "--speed", "1")
    assert report["written"] == list(range(1001, 1006)) and report["pairs"] == 1
    assert report["copied"] == [1001, 1002, 1004, 1005]
    paths = (
        tmp_path / "out" / "o.1003.exr",
        *(plate / f"plate.{number}.exr" for number in (1003, 1002, 1004)),
    )
    made, truth, before, after = (planes(path, "RGB") for path in paths)
    error = np.abs(np.minimum(made, 1) - np.minimum(truth, 1)).mean()
    mixed = np.abs(np.minimum((before + after) / 2, 1) - np.minimum(truth, 1)).mean()
    assert error < 0.5 * mixed, "moved, not mixed"


def test_mismatched_sizes(retempo: Program, tmp_path: Path) -> None:
    make_shot(tmp_path / "in", (1, 2))
    write_image(tmp_path / "in" / "shot.0003.exr", make_layer(picture(3, 60, 36), "RGB"))
    outcome = retempo(
        "retime", tmp_path / "in" / "shot.####.exr", "-o", tmp_path / "out" / "o.####.exr", "--quiet"
    )
    refused(outcome, 3, "shot.0002.exr", "shot.0003.exr", "64x36", "60x36")
    assert set(numbers(tmp_path / "out")) <= {1, 2, 3}


def test_mismatched_channels(retempo: Program, tmp_path: Path) -> None:
    make_shot(tmp_path / "in", (1, 2))
    wide = np.concatenate([picture(3), picture(3)[..., :1]], 2)
    write_image(tmp_path / "in" / "shot.0003.exr", make_layer(wide, "RGBA"))
    outcome = retempo(
        "retime", tmp_path / "in" / "shot.####.exr", "-o", tmp_path / "out" / "o.####.exr", "--quiet"
    )
    refused(outcome, 3, "shot.0002.exr", "shot.0003.exr", "'A'", "alike")
    assert set(numbers(tmp_path / "out")) <= {1, 2, 3}


def test_stills_that_do_not_fit_together(retempo: Program, tmp_path: Path) -> None:
    one = write_image(tmp_path / "a.exr", make_layer(picture(1), "RGB"))
    two = write_image(tmp_path / "b.exr", make_layer(picture(2, 32, 36), "RGB"))
    refused(retempo("inbetween", one, two, "-o", tmp_path / "out" / "o.exr"), 3, "a.exr", "b.exr", "32x36")
    assert not names(tmp_path / "out")


def test_zero_size_crop(retempo: Program, tmp_path: Path) -> None:
    """A data window without pixels, as some renderers write it for an empty crop."""
    source = make_shot(tmp_path / "in", (1, 2, 3))
    path = tmp_path / "in" / "shot.0002.exr"
    data = bytearray(path.read_bytes())
    at = data.index(b"dataWindow\0box2i\0") + len(b"dataWindow\0box2i\0") + 4
    data[at : at + 16] = struct.pack("<4i", 0, 0, -1, -1)
    path.write_bytes(data)
    outcome = retempo("retime", source, "-o", tmp_path / "out" / "o.####.exr", "--quiet")
    refused(outcome, 3, "shot.0002.exr")
    assert set(numbers(tmp_path / "out")) <= {1}


def test_deep_image(retempo: Program, tmp_path: Path) -> None:
    spec = oiio.ImageSpec(4, 4, 2, "float")
    spec.channelnames, spec.deep = ("A", "Z"), True
    spec.channelformats = ("float", "float")
    deep = oiio.DeepData()
    deep.init(16, 2, (oiio.TypeFloat, oiio.TypeFloat), ("A", "Z"))
    out = oiio.ImageOutput.create("openexr")
    assert out.open(str(tmp_path / "d.0001.exr"), spec) and out.write_deep_image(deep) and out.close()
    outcome = retempo("retime", tmp_path / "d.####.exr", "-o", tmp_path / "out" / "o.####.exr")
    refused(outcome, 3, "d.0001.exr", "deep", "flatten")
    assert not (tmp_path / "out").exists()


def test_one_frame(retempo: Program, plate: Path, tmp_path: Path) -> None:
    source = copy_plate(plate, tmp_path / "in", (1003,))
    report = retempo.done("retime", source, "-o", tmp_path / "out" / "o.####.exr", "--speed", "1/4")
    assert report["written"] == report["copied"] == [1003]
    report = retempo.done(
        "retime",
        source,
        "-o",
        tmp_path / "hold" / "o.####.exr",
        "--speed",
        "1/4",
        "--output-range",
        "1001-1006",
    )
    assert report["copied"] == list(range(1001, 1007)), "the one frame is held"
    outcome = retempo(
        "retime",
        source,
        "-o",
        tmp_path / "err" / "o.####.exr",
        "--output-range",
        "1001-1006",
        "--outside",
        "error",
    )
    refused(outcome, 6, "output 1001", "--outside")
    outcome = retempo("retime", source, "-o", tmp_path / "err" / "o.####.exr", "--speed", "-1", "--quiet")
    assert outcome.code == 0 and numbers(tmp_path / "err") == [1003]


def test_single_file_as_source(retempo: Program, plate: Path, tmp_path: Path) -> None:
    report = retempo.done("retime", plate / "plate.1002.exr", "-o", tmp_path / "o.####.exr")
    assert report["copied"] == [1002]


def test_pattern_that_matches_nothing(retempo: Program, plate: Path, tmp_path: Path) -> None:
    out = ("-o", tmp_path / "out" / "o.####.exr")
    refused(retempo("retime", plate / "plate.#####.exr", *out), 3, "plate.#####.exr", "plate.1001.exr")
    refused(retempo("retime", plate / "plates.####.exr", *out), 3, "plates.####.exr", str(plate))
    refused(retempo("retime", tmp_path / "nowhere" / "a.####.exr", *out), 3, "no folder", "check the path")
    refused(retempo("retime", plate / "plate.####.exr", *out, "--frames", "1-10"), 3, "1-10", "1001-1005")
    refused(retempo("retime", plate / "plate.####.exr", *out, "--frames", "10-"), 2, "10-", "1-10x2")
    refused(retempo("inbetween", plate / "plate.1001.exr", plate / "plate.9.exr", *out), 3, "plate.9.exr")
    assert not (tmp_path / "out").exists()


# --------------------------------------------------------------------------------------- broken pixel values


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("channels", ["RGB", "RGBA"])
def test_bad_pixels_are_repaired_and_told(
    retempo: Program, tmp_path: Path, value: float, channels: str
) -> None:
    def shot(folder: str, harm: bool) -> Path:
        for number in (1, 2):
            pixels = picture(number)
            if channels == "RGBA":
                pixels = np.concatenate([pixels, np.ones_like(pixels[..., :1])], 2)
            if harm and number == 1:
                pixels[10:12, 20:23, :] = value
                pixels[30, 50, 1] = value
            write_image(tmp_path / folder / f"shot.{number:04d}.exr", make_layer(pixels, channels))
        return tmp_path / folder / "shot.####.exr"

    clean = retempo.done("retime", shot("clean", False), "-o", tmp_path / "a.####.exr")
    report = retempo.done("retime", shot("harmed", True), "-o", tmp_path / "b.####.exr")
    assert clean["repaired"] == {} and report["repaired"] == {"1": 7}
    good, made = (
        oiio.ImageBuf(str(tmp_path / name)).get_pixels("float") for name in ("a.0002.exr", "b.0002.exr")
    )
    assert np.isfinite(made).all()
    spoilt = np.abs(made - good).max(axis=2) > 0.1
    y, x = np.nonzero(spoilt)
    near = (np.hypot(y - 10.5, x - 22) < 12) | (np.hypot(y - 30, x - 51) < 12)
    assert near.all(), "what is wrong stays near the harmed pixels"
    assert np.median(np.abs(made - good)) < 1e-3
    for number in (1, 3):  # frames that are only copied keep even these bits
        source = raw(tmp_path / "harmed" / f"shot.{(number + 1) // 2:04d}.exr")
        copied = raw(tmp_path / f"b.{number:04d}.exr")
        assert all(np.array_equal(source[key], copied[key]) for key in source)


def test_bad_pixels_in_strips(retempo: Program, tmp_path: Path) -> None:
    for number in (1, 2):
        pixels = picture(number, 400, 300)
        if number == 2:
            pixels[10:12, 20] = np.nan
            pixels[290, 399] = np.inf
        write_image(tmp_path / "in" / f"a.{number}.exr", make_layer(pixels, "RGB"))
    flags = ("--memory", "20M", "--speed", "1/4")
    report = retempo.done("retime", tmp_path / "in" / "a.@.exr", "-o", tmp_path / "out" / "o.@.exr", *flags)
    assert report["strips"] > 0 and report["repaired"] == {"2": 3}
    for output in (2, 3, 4):
        assert np.isfinite(planes(tmp_path / "out" / f"o.{output}.exr", "RGB")).all()


def test_people_are_told_of_bad_pixels(retempo: Program, tmp_path: Path) -> None:
    source = make_shot(tmp_path / "in", (1,))
    pixels = picture(2)
    pixels[3, 4] = np.nan
    write_image(tmp_path / "in" / "shot.0002.exr", make_layer(pixels, "RGB"))
    outcome = retempo("retime", source, "-o", tmp_path / "out" / "o.####.exr", "--quiet")
    assert outcome.code == 0 and "NaN" in outcome.out and "source frame 2 (1 pixel)" in outcome.out, (
        outcome.out
    )


def test_infinite_depth_spoils_nothing_else(retempo: Program, tmp_path: Path) -> None:
    """Renderers write an infinite depth where there is no surface; beside it stand finite values and colours."""
    for number in (1, 2):
        depth = np.full((36, 64, 1), np.inf, np.float32)
        depth[8:28, 16 + 2 * number : 40 + 2 * number] = 5
        pixels = np.concatenate([picture(number), depth], 2)
        layer = make_layer(
            pixels, ("R", "G", "B", "Z"), formats={**dict.fromkeys("RGB", "half"), "Z": "float"}
        )
        write_image(tmp_path / "in" / f"shot.{number:04d}.exr", layer)
    for depth in ("off", "add"):
        out = tmp_path / depth / "o.####.exr"
        retempo.done("retime", tmp_path / "in" / "shot.####.exr", "-o", out, "--depth", depth)
        made = raw(tmp_path / depth / "o.0002.exr")
        z = made[0, "Z"].view(np.float32)
        assert all(np.isfinite(made[0, name].view(np.float16)).all() for name in "RGB")
        assert (z[12:24, 26:36] == 5).all() and np.isposinf(z[:, 58:]).all()
        assert not np.isnan(z).any(), "infinite times no weight is nothing, not NaN"


def test_huge_values_stay_finite(retempo: Program, tmp_path: Path) -> None:
    for number in (1, 2):
        pixels = picture(number)
        pixels[4:8, 4:8] = 65504
        pixels[20:24, 4:8] = -65504
        write_image(tmp_path / "in" / f"shot.{number:04d}.exr", make_layer(pixels, "RGB"))
    retempo.done("retime", tmp_path / "in" / "shot.####.exr", "-o", tmp_path / "out" / "o.####.exr")
    made = oiio.ImageBuf(str(tmp_path / "out" / "o.0002.exr")).get_pixels("float")
    assert np.isfinite(made).all() and made.max() > 60000


def test_disjoint_and_displaced_data_windows(retempo: Program, tmp_path: Path) -> None:
    """Crops that do not even meet, and lie partly outside of the picture, give their union."""
    display = Window(0, 0, 64, 36)
    for number, window in ((1, Window(-6, -4, 20, 16)), (2, Window(40, 20, 30, 20))):
        layer = make_layer(
            picture(number, window.width, window.height), "RGB", window=window, display=display
        )
        write_image(tmp_path / "in" / f"shot.{number:04d}.exr", layer)
    retempo.done("retime", tmp_path / "in" / "shot.####.exr", "-o", tmp_path / "out" / "o.####.exr")
    spec = oiio.ImageBuf(str(tmp_path / "out" / "o.0002.exr")).spec()
    assert (spec.x, spec.y, spec.width, spec.height) == (-6, -4, 76, 44)
    assert (spec.full_x, spec.full_y, spec.full_width, spec.full_height) == (0, 0, 64, 36)


# ------------------------------------------------------------------------------------------------- bad targets


def test_file_where_the_folder_should_be(retempo: Program, plate: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("in the way")
    outcome = retempo("retime", plate / "plate.####.exr", "-o", tmp_path / "out" / "o.####.exr", "--quiet")
    refused(outcome, 4, str(tmp_path / "out"))
    assert (tmp_path / "out").read_text() == "in the way"


def test_read_only_folder(retempo: Program, plate: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir(mode=0o500)
    mounted = False
    if os.geteuid() == 0:
        command = ["mount", "-t", "tmpfs", "-o", "ro,size=64k", "none", str(folder)]
        mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
        if not mounted:
            pytest.skip("permissions do not bind root, and mounting a read-only tmpfs is not permitted here")
    try:
        outcome = retempo("retime", plate / "plate.####.exr", "-o", folder / "o.####.exr", "--quiet")
        refused(outcome, 4, str(folder))
        assert names(folder) == []
    finally:
        if mounted:
            subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("output", ["o.####.exr", "o.####.png", "o.mkv"])
def test_disk_full(retempo: Program, plate: Path, tmp_path: Path, output: str) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    size = 4 * (plate / "plate.1001.exr").stat().st_size if output.endswith("exr") else 12 << 10
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small tmpfs is not permitted here")
    try:
        arguments = (plate / "plate.####.exr", "-o", folder / output, "--speed", "1/4", "--flow", "dis:fast")
        outcome = retempo("retime", *arguments, "--quiet")
        refused(outcome, 4, output.split(".")[0], "disk is full", "free some space")
        left = list(folder.iterdir())
        assert not any(path.name.startswith(".") or path.suffix == ".mkv" for path in left), names(folder)
        for path in left:
            raw(path)
        if output.endswith("exr"):
            assert 1 <= len(left) < 17
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("command", ["retime", "retime --overwrite", "retime --resume"])
@pytest.mark.parametrize(
    "pattern", ["plate.####.exr", "plate.%04d.exr", "./plate.$F4.exr", "../in/plate.####.exr"]
)
def test_source_is_never_destroyed(
    retempo: Program, plate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, pattern: str
) -> None:
    copy_plate(plate, tmp_path / "in", (1001, 1002))
    monkeypatch.chdir(tmp_path / "in")
    before = digest_of(*sorted((tmp_path / "in").iterdir()))
    outcome = retempo(*command.split(), "plate.####.exr", "-o", pattern, "--quiet")
    refused(outcome, 4, "plate.1001.exr", "source")
    assert digest_of(*sorted((tmp_path / "in").iterdir())) == before


def test_movie_source_is_never_destroyed(retempo: Program, tmp_path: Path) -> None:
    source = make_shot(tmp_path / "in", (1, 2))
    movie = tmp_path / "shot.mkv"
    assert retempo("retime", source, "-o", movie, "--speed", "1", "--quiet").code == 0
    before = digest_of(movie)
    refused(retempo("retime", movie, "-o", movie, "--overwrite", "--quiet"), 4, "shot.mkv", "source")
    assert digest_of(movie) == before


def test_stills_are_never_destroyed(retempo: Program, tmp_path: Path) -> None:
    one = write_image(tmp_path / "a.1.exr", make_layer(picture(1), "RGB"))
    two = write_image(tmp_path / "a.2.exr", make_layer(picture(2), "RGB"))
    refused(retempo("inbetween", one, two, "-o", tmp_path / "a.@.exr", "--overwrite"), 4, "a.1.exr", "source")
    refused(retempo("inbetween", one, two, "-o", two, "--overwrite"), 4, "a.2.exr", "source")
    assert names(tmp_path) == ["a.1.exr", "a.2.exr"]


def test_vectors_are_never_destroyed(retempo: Program, plate: Path, tmp_path: Path) -> None:
    source = copy_plate(plate, tmp_path / "in", (1001, 1002))
    vectors = copy_plate(plate, tmp_path / "v", (1001, 1002))
    before = digest_of(tmp_path / "v" / "plate.1001.exr")
    outcome = retempo(
        "retime", source, "-o", vectors, "--flow", "vectors", "--vectors", vectors, "--overwrite"
    )
    refused(outcome, 4, "plate.1001.exr")
    assert digest_of(tmp_path / "v" / "plate.1001.exr") == before


def test_output_without_a_frame_token(retempo: Program, plate: Path, tmp_path: Path) -> None:
    outcome = retempo("retime", plate / "plate.####.exr", "-o", tmp_path / "out" / "o.exr")
    refused(outcome, 2, "o.exr", "o.####.exr")
    assert not names(tmp_path / "out")
    outcome = retempo("retime", plate / "plate.####.exr", "-o", tmp_path / "o.exr", "--output-range", "1002")
    assert outcome.code == 0 and names(tmp_path) == ["o.exr"], "one frame needs no token"


def test_output_of_an_unknown_kind(retempo: Program, plate: Path, tmp_path: Path) -> None:
    refused(
        retempo("retime", plate / "plate.####.exr", "-o", tmp_path / "o.####.xyz"), 2, "o.####.xyz", ".exr"
    )
    refused(retempo("retime", plate / "plate.####.exr", "-o", tmp_path / "o.##.####.exr"), 2, "token")
    outcome = retempo(
        "retime", plate / "plate.####.exr", "-o", tmp_path / "o.####.png", "--data-type", "half"
    )
    refused(outcome, 2, "half", "uint16")
    outcome = retempo("retime", plate / "plate.####.exr", "-o", tmp_path / "o.mkv", "--codec", "divx")
    refused(outcome, 2, "divx", "ffv1")
    outcome = retempo(
        "retime", plate / "plate.####.exr", "-o", tmp_path / "o.####.png", "--compression", "zip"
    )
    refused(outcome, 2, "o.####.png", "--compression")
    assert names(tmp_path) == []


@pytest.mark.parametrize("output", ["o.####.exr", "o.mkv"])
def test_existing_output_is_kept(retempo: Program, plate: Path, tmp_path: Path, output: str) -> None:
    (tmp_path / ("o.1003.exr" if "#" in output else output)).write_text("precious")
    found = names(tmp_path)
    outcome = retempo("retime", plate / "plate.####.exr", "-o", tmp_path / output)
    refused(outcome, 4, found[0], "exists", "--overwrite", "--resume")
    assert names(tmp_path) == found and (tmp_path / found[0]).read_text() == "precious"
    arguments = ("-o", tmp_path / output, "--overwrite", "--speed", "1", "--quiet")
    assert retempo("retime", plate / "plate.####.exr", *arguments).code == 0
    assert (tmp_path / found[0]).read_bytes()[:8] != b"precious"


# ------------------------------------------------------------------------------------------------ bad parameters


@pytest.mark.parametrize(
    ("flags", "code", "says"),
    [
        (["--speed", "0"], 6, ["speed", "freeze"]),
        (["--speed", "nonsense"], 2, ["'nonsense'", "1/4"]),
        (["--speed", "1/0"], 2, ["1/0"]),
        (["--speed", "inf"], 2, ["inf"]),
        (["--speed", ""], 2, ["speed", "1/4"]),
        (["--speed", "1e-99"], 6, ["output"]),
        (["--to-fps", "0"], 6, ["--to-fps", "greater than 0"]),
        (["--to-fps", "fast"], 2, ["--to-fps", "fast"]),
        (["--duration", "-3"], 2, ["--duration"]),
        (["--freeze", "1002"], 6, ["--duration"]),
        (["--to-fps", "48", "--duration", "9"], 2, ["--to-fps", "--duration"]),
        (["--speed-curve", "no.json"], 3, ["no.json"]),
        (["--output-range", "1:5"], 2, ["1:5", "1-10x2"]),
        (["--output-range", "5000-5001", "--outside", "error"], 6, ["5000", "--outside"]),
        (["--flow", "magic"], 2, ["'magic'", "dis"]),
        (["--flow", "dis+"], 2, ["empty part"]),
        (["--flow", "dis:best"], 2, ["best", "fine"]),
        (["--flow-layer", "diffuse"], 3, ["'diffuse'", "retempo info", "plate.1001.exr"]),
        (["--depth", "add", "--depth-channel", "deep.Z"], 3, ["'deep.Z'", "retempo info"]),
        (["--flow", "vectors", "--vector-preset", "cycles"], 3, ["cycles", "Vector.X", "--vector-preset"]),
        (["--flow", "vectors", "--vector-preset", "maya"], 2, ["'maya'", "nuke"]),
        (["--flow", "vectors:vray"], 3, ["vray", "velocity.R"]),
        (["--flow", "vectors", "--vectors", "gone.####.exr"], 3, ["gone.####.exr"]),
        (["--config", "no.ocio"], 5, ["no.ocio", "ocio://"]),
        (["--config", "ocio://nonsense"], 5, ["ocio://nonsense", "ocio://default"]),
        (["--input-space", "ACEScgg"], 5, ["ACEScgg", "ACEScg"]),
        (["--working-space", "Kodachrome"], 5, ["Kodachrome"]),
        (["--output-space", "sRGBish"], 5, ["sRGBish"]),
        (["--flow-space", "nowhere"], 5, ["nowhere"]),
        (["--device", "cuda:x"], 2, ["cuda:x", "cuda:N"]),
        (["--device", "tpu"], 2, ["tpu", "cpu"]),
        (["--memory", "lots"], 2, ["--memory", "2G"]),
        (["--sigma", "7"], 2, ["--sigma", "0.1"]),
        (["--coefficients", "1,2"], 2, ["--coefficients"]),
        (["--source-frames", "3"], 2, ["--source-frames", "even"]),
        (["--compression", "zap"], 2, ["'zap'", "dwaa"]),
        (["--compression", "dwaa:much"], 2, ["dwaa:much"]),
        (["--crf", "99"], 2, ["--crf", "51"]),
        (["--memory", "1M"], 2, ["--memory", "MiB"]),
        (["--resume", "--overwrite"], 2, ["--resume", "--overwrite"]),
    ],
)  # fmt: skip
def test_bad_parameters(
    retempo: Program, plate: Path, tmp_path: Path, flags: list[str], code: int, says: list[str]
) -> None:
    out = tmp_path / "out" / "o.####.exr"
    refused(retempo("retime", plate / "plate.####.exr", "-o", out, "--quiet", *flags), code, *says)
    assert set(names(tmp_path / "out")) <= {"o.1001.exr"}, "nothing but a frame that was copied before"


def test_refusals_before_any_work_leave_no_folder(retempo: Program, plate: Path, tmp_path: Path) -> None:
    """What needs no pixels to be refused is refused before the target is touched."""
    for flags in (["--flow", "magic"], ["--input-space", "ACEScgg"], ["--vector-preset", "maya", "--flow", "vectors"],
                  ["--flow-layer", "diffuse"], ["--depth", "add", "--depth-channel", "deep.Z"]):  # fmt: skip
        outcome = retempo("retime", plate / "plate.####.exr", "-o", tmp_path / "out" / "o.####.exr", *flags)
        assert outcome.code != 0 and not names(tmp_path / "out"), flags


def test_unusable_numbers_are_refused_by_the_parser(retempo: Program, plate: Path, tmp_path: Path) -> None:
    for flags in (["--sigma", "wide"], ["--threads", "two"], ["--filter", "cubic"], ["--nonsense"]):
        outcome = retempo("retime", plate / "plate.####.exr", "-o", tmp_path / "o.####.exr", *flags)
        assert outcome.code == 2 and flags[0] in outcome.err
    assert retempo("retime", plate / "plate.####.exr").code == 2
    assert retempo("retime").code == 2
    assert retempo("nonsense").code == 2


def test_negative_speed_is_reverse(retempo: Program, plate: Path, tmp_path: Path) -> None:
    report = retempo.done("retime", plate / "plate.####.exr", "-o", tmp_path / "o.####.exr", "--speed", "-1")
    assert report["copied"] == list(range(1001, 1006))
    for output in range(1001, 1006):
        made, source = raw(tmp_path / f"o.{output}.exr"), raw(plate / f"plate.{2006 - output}.exr")
        assert all(np.array_equal(made[key], source[key]) for key in source)


def test_inbetween_of_nothing(retempo: Program, plate: Path, tmp_path: Path) -> None:
    pair = (plate / "plate.1001.exr", plate / "plate.1002.exr")
    refused(retempo("inbetween", *pair, "-o", tmp_path / "o.####.exr", "-n", "0"), 2, "-n", "at least one")


def test_cuda_where_there_is_none(retempo: Program, plate: Path, tmp_path: Path) -> None:
    from retempo import _native

    if _native.cuda_available():
        pytest.skip("this machine has a CUDA device")
    for device in ("cuda", "cuda:0", "CUDA:1"):
        outcome = retempo(
            "retime", plate / "plate.####.exr", "-o", tmp_path / "out" / "o.####.exr", "--device", device
        )
        refused(outcome, 7, "CUDA", device, "--device cpu")
    assert not (tmp_path / "out").exists()


def test_debug_shows_where(plate: Path, tmp_path: Path) -> None:
    from retempo.cli.main import main
    from retempo.errors import TimingError

    with pytest.raises(TimingError):
        main(
            [
                "retime",
                str(plate / "plate.####.exr"),
                "-o",
                str(tmp_path / "o.####.exr"),
                "--speed",
                "0",
                "--debug",
            ]
        )
