"""Does everything that a file says of itself survive a retime, and are timecode and rate worked out anew?"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from plates import Program, assert_same_pixels, copy_plate, picture, raw, write_image
from retempo.conventions import SETTINGS_KEY
from retempo.io.frame import make_layer
from retempo.io.metadata import FPS, TIMECODE, attributes_of, fps_of, timecode_of
from retempo.io.reader import read_header
from retempo.io.timecode import Timecode

FAST = ("--flow", "dis:ultrafast")
ANEW = {FPS, TIMECODE, SETTINGS_KEY, "retempo:sourceTime", "retempo:check", "DateTime", "Software"}
ANEW |= {"openexr:chunkCount"}
"""Attributes that may differ between a source frame and what is made of it."""


def kept(path: Path, part: int = 0) -> dict[str, Any]:
    return {key: value for key, value in attributes_of(read_header(path), part).items() if key not in ANEW}


def codes(folder: Path, numbers: range) -> list[str]:
    return [str(timecode_of(read_header(folder / f"o.{number:04d}.exr"))) for number in numbers]


def test_timecode_counts_output_frames(retempo: Program, plate: Path, tmp_path: Path) -> None:
    """The plate begins at 01:00:00:01 and 24 frames per second; slow motion runs on frame by frame."""
    retempo.done("retime", plate / "plate.####.exr", "-o", tmp_path / "o.####.exr", *FAST)
    wanted = [f"01:00:00:{frame:02d}" for frame in range(1, 10)]
    assert codes(tmp_path, range(1001, 1010)) == wanted
    assert all(fps_of(read_header(path)) == 24 for path in tmp_path.iterdir())


def test_timecode_of_a_chunk_is_that_of_the_whole(retempo: Program, plate: Path, tmp_path: Path) -> None:
    flags = ("--output-range", "1005-1007", *FAST)
    retempo.done("retime", plate / "plate.####.exr", "-o", tmp_path / "o.####.exr", *flags)
    assert codes(tmp_path, range(1005, 1008)) == ["01:00:00:05", "01:00:00:06", "01:00:00:07"]


@pytest.mark.parametrize(
    ("flags", "rate", "numbers", "wanted"),
    [
        (["--output-start", "1"], "24", range(1, 3), ["01:00:00:01", "01:00:00:02"]),
        (["--speed", "-1"], "24", range(1001, 1003), ["01:00:00:01", "01:00:00:02"]),
        (["--to-fps", "25"], "25", range(1001, 1003), ["01:00:00:01", "01:00:00:02"]),
        (["--to-fps", "23.976"], "24000/1001", range(1001, 1002), ["01:00:00:01"]),
        (["--fps", "30", "--speed", "1"], "30", range(1001, 1003), ["01:00:00:01", "01:00:00:02"]),
    ],
)
def test_rates_and_starts(
    retempo: Program,
    plate: Path,
    tmp_path: Path,
    flags: list[str],
    rate: str,
    numbers: range,
    wanted: list[str],
) -> None:
    retempo.done("retime", plate / "plate.####.exr", "-o", tmp_path / "o.####.exr", *FAST, *flags)
    assert codes(tmp_path, numbers) == wanted
    assert fps_of(read_header(tmp_path / f"o.{numbers[0]:04d}.exr")) == Fraction(rate)


@pytest.mark.parametrize(
    ("code", "source", "flags", "wanted"),
    [
        (Timecode(10, 0, 0, 12), Fraction(24), ["--to-fps", "30"], ["10:00:00:15", "10:00:00:16", "10:00:00:17"]),
        (Timecode(10, 0, 59, 29, drop=True), Fraction(30000, 1001), ["--to-fps", "60000/1001"],
         ["10:00:59;58", "10:00:59;59", "10:01:00;04"]),
        (Timecode(10, 0, 59, 29, drop=True), Fraction(30000, 1001), ["--to-fps", "25"], ["10:00:59:24", "10:01:00:00"]),
        (Timecode(10, 0, 0, 12), Fraction(24), ["--fps", "30"], ["10:00:00:12", "10:00:00:13", "10:00:00:14"]),
        (Timecode(10, 0, 0, 12), Fraction(24), ["--fps", "24", "--to-fps", "12"], ["10:00:00:06"]),
    ],
)  # fmt: skip
def test_another_rate_begins_at_the_same_moment(
    retempo: Program, tmp_path: Path, code: Timecode, source: Fraction, flags: list[str], wanted: list[str]
) -> None:
    """--to-fps counts the same second in other frames; --fps says what the digits meant all along."""
    for number in (1, 2):
        given = {
            FPS: source,
            TIMECODE: Timecode.from_count(code.count(source) + number - 1, source, code.drop),
        }
        write_image(tmp_path / f"a.{number:04d}.exr", make_layer(picture(number), "RGB"), attributes=given)
    made = ("--output-range", f"1-{len(wanted)}", "--outside", "hold", *FAST)
    retempo.done("retime", tmp_path / "a.####.exr", "-o", tmp_path / "o.####.exr", *flags, *made)
    assert codes(tmp_path, range(1, 1 + len(wanted))) == wanted


def test_nothing_is_invented(retempo: Program, tmp_path: Path) -> None:
    """A source without timecode and rate gives results without; --fps gives a rate but no timecode."""
    for number in (1, 2):
        write_image(tmp_path / f"a.{number:04d}.exr", make_layer(picture(number), "RGB"))
    for name, flags in (("plain", []), ("rated", ["--fps", "25"])):
        retempo.done("retime", tmp_path / "a.####.exr", "-o", tmp_path / name / "o.####.exr", *FAST, *flags)
    for number in (1, 2, 3):
        plain, rated = (read_header(tmp_path / name / f"o.{number:04d}.exr") for name in ("plain", "rated"))
        assert timecode_of(plain) is None and fps_of(plain) is None
        assert timecode_of(rated) is None and fps_of(rated) == 25


def test_attributes_travel_with_copies_and_in_betweens(retempo: Program, tmp_path: Path) -> None:
    chromaticities = (0.64, 0.33, 0.3, 0.6, 0.15, 0.06, 0.3127, 0.329)
    for number in (1, 2):
        given = {
            "chromaticities": chromaticities, "show": "retempo", "take": 3, "camera:tilt": 1.5, "compression": "piz",
            "PixelAspectRatio": 2.0, FPS: Fraction(24), TIMECODE: Timecode(10, 0, 0, 22 + number),
        }  # fmt: skip
        layer = make_layer(picture(number), "RGB")
        layer.spec.attribute("worldToCamera", "matrix", tuple(float(one) for one in range(16)))
        write_image(tmp_path / f"a.{number:04d}.exr", layer, attributes=given)
    retempo.done("retime", tmp_path / "a.####.exr", "-o", tmp_path / "out" / "o.####.exr", *FAST)
    before = kept(tmp_path / "a.0001.exr")
    assert before["show"] == "retempo" and before["worldToCamera"][5] == 5.0
    for number in (1, 2, 3):
        assert kept(tmp_path / "out" / f"o.{number:04d}.exr") == before
    assert codes(tmp_path / "out", range(1, 4)) == ["10:00:00:23", "10:00:01:00", "10:00:01:01"]


def test_each_frame_says_what_it_was_made_of(retempo: Program, plate: Path, tmp_path: Path) -> None:
    flags = ("--speed", "2/3", *FAST)
    retempo.done("retime", plate / "plate.####.exr", "-o", tmp_path / "o.####.exr", *flags)
    stamps = set()
    for number, time in ((1001, "1001"), (1002, "3005/3"), (1003, "3007/3"), (1004, "1003")):
        found = attributes_of(read_header(tmp_path / f"o.{number}.exr"))
        assert found["retempo:sourceTime"] == time and len(found[SETTINGS_KEY]) == 40
        stamps.add(found[SETTINGS_KEY])
    assert len(stamps) == 4


def test_a_retime_of_a_retime_counts_on(retempo: Program, plate: Path, tmp_path: Path) -> None:
    """Nothing of the first run stays in the second but the pixels."""
    retempo.done("retime", plate / "plate.####.exr", "-o", tmp_path / "a" / "o.####.exr", *FAST)
    retempo.done(
        "retime", tmp_path / "a" / "o.####.exr", "-o", tmp_path / "b" / "o.####.exr", "--speed", "2", *FAST
    )
    for at in range(5):
        assert_same_pixels(plate / f"plate.{1001 + at}.exr", tmp_path / "b" / f"o.{1001 + at}.exr")
    first, second = (attributes_of(read_header(tmp_path / name / "o.1002.exr")) for name in "ab")
    assert first[SETTINGS_KEY] != second[SETTINGS_KEY]
    assert codes(tmp_path / "b", range(1001, 1003)) == ["01:00:00:01", "01:00:00:02"]


def test_timecode_wraps_at_midnight(retempo: Program, tmp_path: Path) -> None:
    for number in (1, 2):
        given = {FPS: Fraction(24), TIMECODE: Timecode(23, 59, 59, 21 + number)}
        write_image(tmp_path / f"a.{number:04d}.exr", make_layer(picture(number), "RGB"), attributes=given)
    retempo.done("retime", tmp_path / "a.####.exr", "-o", tmp_path / "out" / "o.####.exr", *FAST)
    assert codes(tmp_path / "out", range(1, 4)) == ["23:59:59:22", "23:59:59:23", "00:00:00:00"]


def test_movies_carry_timecode_and_rate(retempo: Program, plate: Path, tmp_path: Path) -> None:
    from retempo.io.sequence import open_source

    retempo.done("retime", plate / "plate.####.exr", "-o", tmp_path / "o.mov", *FAST)
    source = open_source(tmp_path / "o.mov")
    assert source.fps == 24 and str(timecode_of(source.header(0))) == "01:00:00:01"


# ------------------------------------------------------------------------------------------------- real material


@pytest.fixture(scope="module")
def beachball(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Folders of the ten-part stereo sequence and of its frames 2 and 3 at half speed: o.0002 to o.0004."""
    from retempo.cli.main import main

    folder, source = tmp_path_factory.mktemp("beachball"), data_dir / "exr" / "beachball"
    flags = ("--frames", "2-3", "--json", *FAST)
    assert main(["retime", str(source / "multipart.####.exr"), "-o", str(folder / "o.####.exr"), *flags]) == 0
    return source, folder


def test_every_part_of_copies_survives(beachball: tuple[Path, Path]) -> None:
    source, made = beachball
    for output, number in ((2, 2), (4, 3)):
        one, other = source / f"multipart.{number:04d}.exr", made / f"o.{output:04d}.exr"
        assert_same_pixels(one, other)
        before, after = read_header(one), read_header(other)
        assert before.display == after.display and len(before.layers) == len(after.layers) == 10
        for part, (mine, theirs) in enumerate(zip(before.layers, after.layers, strict=True)):
            assert (mine.name, mine.view, mine.order) == (theirs.name, theirs.view, theirs.order)
            assert (mine.window, mine.formats) == (theirs.window, theirs.formats)
            assert kept(one, part) == kept(other, part)


def test_every_part_of_in_betweens_survives(beachball: tuple[Path, Path]) -> None:
    source, made = beachball
    between = read_header(made / "o.0003.exr")
    shot = [read_header(source / f"multipart.{number:04d}.exr") for number in (2, 3)]
    assert between.display == shot[0].display
    found = raw(made / "o.0003.exr")
    for part, layer in enumerate(between.layers):
        before, after = (one.layers[part] for one in shot)
        assert (layer.name, layer.view, layer.order) == (before.name, before.view, before.order)
        assert layer.formats == before.formats and layer.window == before.window.union(after.window)
        mine, theirs = kept(made / "o.0003.exr", part), kept(source / "multipart.0002.exr", part)
        assert mine == theirs
        for name in layer.order:
            values = found[part, name].view(np.float16)
            assert not np.isnan(values).any(), f"{layer.name} {name}"
            if layer.role(name) in ("color", "alpha"):
                assert np.isfinite(values).all() and values.max() > 0.1


def test_windows_in_every_relation(retempo: Program, data_dir: Path, tmp_path: Path) -> None:
    """Data windows inside, outside and across the display window, retimed against themselves."""
    pictures = sorted((data_dir / "exr" / "display_window").glob("t*.exr"))
    assert len(pictures) == 16
    for path in pictures:
        out = tmp_path / f"{path.stem}.####.exr"
        report = retempo.done("inbetween", path, path, "-o", out, "-n", "1", "--with-originals", *FAST)
        assert report["written"] == [0, 1, 2]
        before, between = read_header(path), read_header(tmp_path / f"{path.stem}.0001.exr")
        assert before.display == between.display and before.layers[0].window == between.layers[0].window
        assert before.layers[0].order == between.layers[0].order
        assert_same_pixels(path, tmp_path / f"{path.stem}.0000.exr")
        a, b = raw(path), raw(tmp_path / f"{path.stem}.0001.exr")
        for key, bits in a.items():
            half = bits.dtype == np.uint16
            mine, theirs = (
                one.view(np.float16 if half else np.float32).astype(np.float32) for one in (bits, b[key])
            )
            np.testing.assert_allclose(theirs, mine, atol=2e-3 * max(1.0, float(np.abs(mine).max())))


def test_second_sequence_of_vectors_leaves_no_trace(retempo: Program, plate: Path, tmp_path: Path) -> None:
    """Channels of the vectors' files do not get into the result."""
    vectors = copy_plate(plate, tmp_path / "v", (1001, 1002))
    for number in (1001, 1002):
        write_image(tmp_path / "in" / f"a.{number}.exr", make_layer(picture(number - 1000, 160, 90), "RGB"))
    flags = ("--flow", "vectors", "--vectors", vectors)
    retempo.done("retime", tmp_path / "in" / "a.####.exr", "-o", tmp_path / "out" / "o.####.exr", *flags)
    assert sorted(raw(tmp_path / "out" / "o.1002.exr")) == [(0, "B"), (0, "G"), (0, "R")]
