"""Do pictures and movies come out in the right colours, and does flow see the right picture?"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import PyOpenColorIO as ocio
import pytest

from plates import Program, assert_same_pixels, make_shot, picture, planes, write_image
from retempo.color.chromaticities import KNOWN
from retempo.io.frame import make_layer
from retempo.io.metadata import chromaticities_of
from retempo.io.sequence import open_source

CONFIG = "ocio://cg-config-latest"
FAST = ("--flow", "dis:fast", "--config", CONFIG)
LINEAR, SRGB = "Linear Rec.709 (sRGB)", "sRGB Encoded Rec.709 (sRGB)"


def converted(pixels: np.ndarray, source: str, target: str) -> np.ndarray:
    """OCIO's own conversion, pixel by pixel, without any of our code."""
    processor = ocio.Config.CreateFromFile(CONFIG).getProcessor(source, target).getDefaultCPUProcessor()
    out = np.ascontiguousarray(pixels, np.float32).copy()
    processor.applyRGB(out.reshape(-1, 3))
    return out


@pytest.fixture
def linear(tmp_path: Path) -> Path:
    """Two linear EXRs whose values lie within [0.05, 1]."""
    return make_shot(tmp_path / "in", (1, 2))


def rendered(path: Path, number: int) -> np.ndarray:
    layer = open_source(path).read(number).main()
    return layer.pixels[..., list(layer.color_indices()[:3])]


@pytest.mark.parametrize(("extension", "tolerance"), [("png", 1 / 65535), ("tif", 1e-5), ("dpx", 1 / 1023)])
def test_exr_to_encoded_pictures(
    retempo: Program, linear: Path, tmp_path: Path, extension: str, tolerance: float
) -> None:
    flags = ("--input-space", LINEAR, "--output-space", SRGB, "--speed", "1/2", *FAST)
    retempo.done("retime", linear, "-o", tmp_path / f"o.####.{extension}", *flags)
    for output, number in ((1, 1), (3, 2)):
        wanted = np.clip(converted(picture(number), LINEAR, SRGB), 0, 1)
        assert np.abs(rendered(tmp_path / f"o.####.{extension}", output) - wanted).max() <= tolerance
    between = rendered(tmp_path / f"o.####.{extension}", 2)
    middle = (converted(picture(1), LINEAR, SRGB) + converted(picture(2), LINEAR, SRGB)) / 2
    assert np.abs(np.median(between) - np.median(middle)) < 0.05


def test_exr_to_png_is_encoded_by_itself(retempo: Program, linear: Path, tmp_path: Path) -> None:
    """Nobody wants linear light in a PNG: without --output-space it gets the config's encoding for such files."""
    flags = ("--input-space", LINEAR, "--speed", "1", *FAST)
    retempo.done("retime", linear, "-o", tmp_path / "o.####.png", *flags)
    wanted = np.clip(converted(picture(1), LINEAR, SRGB), 0, 1)
    assert np.abs(rendered(tmp_path / "o.####.png", 1) - wanted).max() < 1 / 255


def test_png_to_png_keeps_its_encoding(retempo: Program, tmp_path: Path) -> None:
    for number in (1, 2):
        codes = np.rint(picture(number) * 255) / np.float32(255)
        from retempo.io.frame import Frame
        from retempo.io.writer import write_frame

        layer = make_layer(codes.astype(np.float32), "RGB", formats="uint8")
        write_frame(
            tmp_path / f"a.{number:04d}.png", Frame([layer], layer.window, Path("made"), "png"), depth="uint8"
        )
    retempo.done("retime", tmp_path / "a.####.png", "-o", tmp_path / "out" / "o.####.png", *FAST)
    for output, number in ((1, 1), (3, 2)):
        np.testing.assert_array_equal(
            rendered(tmp_path / "out" / "o.####.png", output), rendered(tmp_path / "a.####.png", number)
        )
    between = rendered(tmp_path / "out" / "o.####.png", 2)
    assert abs(between.mean() - picture(1).mean()) < 0.02


def test_exr_to_exr_in_another_space(retempo: Program, linear: Path, tmp_path: Path) -> None:
    flags = ("--input-space", LINEAR, "--output-space", "ACEScg", "--data-type", "float", *FAST)
    retempo.done("retime", linear, "-o", tmp_path / "o.####.exr", *flags)
    wanted = converted(picture(2), LINEAR, "ACEScg")
    np.testing.assert_allclose(planes(tmp_path / "o.0003.exr", "RGB"), wanted, atol=2e-6)
    between = planes(tmp_path / "o.0002.exr", "RGB")
    assert np.abs(between.mean((0, 1)) - wanted.mean((0, 1))).max() < 0.02


def test_alpha_stays_premultiplied(retempo: Program, tmp_path: Path) -> None:
    """A curve is applied to the colour that alpha uncovers; alpha itself is no colour."""
    for number in (1, 2):
        alpha = np.full((36, 64, 1), 0.25, np.float32)
        layer = make_layer(np.concatenate([picture(number) * alpha, alpha], 2), "RGBA", formats="float")
        write_image(tmp_path / f"a.{number:04d}.exr", layer)
    flags = ("--input-space", LINEAR, "--output-space", SRGB, *FAST)
    retempo.done("retime", tmp_path / "a.####.exr", "-o", tmp_path / "out" / "o.####.exr", *flags)
    for output in (1, 2, 3):
        assert np.abs(planes(tmp_path / "out" / f"o.{output:04d}.exr", "A") - 0.25).max() < 1e-6
    made = planes(tmp_path / "out" / "o.0003.exr", "RGB")
    np.testing.assert_allclose(made, converted(picture(2), LINEAR, SRGB) * 0.25, atol=2e-5)


@pytest.mark.parametrize(
    ("movie", "flags", "most", "mean"),
    [("o.mkv", [], 1 / 255, 1 / 255), ("o.mkv", ["--bit-depth", "10"], 1 / 1023, 1 / 1023),
     ("o.mov", [], 0.12, 0.006), ("o.mp4", ["--crf", "4"], 0.2, 0.015)],
)  # fmt: skip
def test_exr_to_movies(
    retempo: Program, tmp_path: Path, movie: str, flags: list[str], most: float, mean: float
) -> None:
    """ffv1 is exact but for its rounding; the others lose chroma resolution: compare a smooth picture."""
    y, x = np.mgrid[0:36, 0:64].astype(np.float32)
    smooth = np.stack([x / 80 + 0.1, y / 60 + 0.2, (x + y) / 140], 2).astype(np.float16).astype(np.float32)
    for number in (1, 2):
        write_image(tmp_path / "in" / f"a.{number:04d}.exr", make_layer(smooth, "RGB"))
    arguments = (
        "--input-space",
        LINEAR,
        "--output-space",
        SRGB,
        "--fps",
        "25",
        "--speed",
        "1/2",
        *FAST,
        *flags,
    )
    retempo.done("retime", tmp_path / "in" / "a.####.exr", "-o", tmp_path / movie, *arguments)
    source = open_source(tmp_path / movie)
    assert source.frames == (0, 1, 2) and source.fps == Fraction(25)
    for number in source.frames:
        error = np.abs(rendered(tmp_path / movie, number) - converted(smooth, LINEAR, SRGB))
        assert error.max() <= most + 1e-6 and error.mean() <= mean


def test_movie_to_movie(retempo: Program, linear: Path, tmp_path: Path) -> None:
    """A lossless movie's own frames come out of a retime as they went in."""
    flags = ("--input-space", LINEAR, "--fps", "24", *FAST)
    assert retempo("retime", linear, "-o", tmp_path / "a.mkv", "--speed", "1", *flags).code == 0
    report = retempo.done("retime", tmp_path / "a.mkv", "-o", tmp_path / "b.mkv", "--speed", "1/2", *FAST)
    assert report["written"] == [0, 1, 2] and report["copied"] == [0, 2]
    for output, number in ((0, 0), (2, 1)):
        np.testing.assert_array_equal(
            rendered(tmp_path / "b.mkv", output), rendered(tmp_path / "a.mkv", number)
        )
    assert not np.array_equal(rendered(tmp_path / "b.mkv", 1), rendered(tmp_path / "b.mkv", 0))


def test_movie_to_exr_and_rate_conversion(retempo: Program, linear: Path, tmp_path: Path) -> None:
    flags = ("--input-space", LINEAR, "--fps", "24", *FAST)
    assert retempo("retime", linear, "-o", tmp_path / "a.mkv", "--speed", "1", *flags).code == 0
    retempo.done("retime", tmp_path / "a.mkv", "-o", tmp_path / "out" / "o.####.exr", "--to-fps", "48", *FAST)
    from retempo.io.metadata import fps_of

    source = open_source(tmp_path / "out" / "o.####.exr")
    assert source.frames == (0, 1, 2) and fps_of(source.header(1)) == 48
    assert np.isfinite(rendered(tmp_path / "out" / "o.####.exr", 1)).all()


def test_real_clip(retempo: Program, data_dir: Path, tmp_path: Path) -> None:
    clip = data_dir / "clips" / "car-detection.mp4"
    flags = ("--frames", "10-12", "--flow", "dis:ultrafast")
    report = retempo.done("retime", clip, "-o", tmp_path / "o.mp4", *flags)
    assert len(report["written"]) == 5 and report["pairs"] == 2
    made, source = open_source(tmp_path / "o.mp4"), open_source(clip)
    assert made.frames == (0, 1, 2, 3, 4) and made.fps == source.fps
    for number, shot in ((0, 10), (2, 11), (4, 12)):
        error = np.abs(made.read(number).main().pixels - source.read(shot).main().pixels)
        assert error.mean() < 0.01


# ---------------------------------------------------------------------------------------------------- chromaticities


REC709 = KNOWN["Rec.709 (sRGB)"]


def stated(folder: Path, chromaticities: tuple[float, ...] | None) -> Path:
    for number in (1, 2):
        given = {} if chromaticities is None else {"chromaticities": chromaticities}
        write_image(folder / f"a.{number:04d}.exr", make_layer(picture(number), "RGB"), attributes=given)
    return folder / "a.####.exr"


def test_chromaticities_against_the_file_rules_are_told(retempo: Program, tmp_path: Path) -> None:
    """Once, naming the flag; no pixel changes by it."""
    rec709 = stated(tmp_path / "rec709", REC709)
    silent = stated(tmp_path / "silent", None)
    run = retempo("retime", rec709, "-o", tmp_path / "a" / "o.####.exr", "--speed", "1/2", *FAST)
    assert run.code == 0 and run.err.count("warning") == 1
    assert "Rec.709 (sRGB)" in run.err and "taken as ACES2065-1" in run.err
    assert "--input-space lin_rec709_scene" in run.err and "--input-space ACES2065-1" in run.err
    other = retempo("retime", silent, "-o", tmp_path / "b" / "o.####.exr", "--speed", "1/2", *FAST)
    assert other.code == 0 and other.err == ""
    for number in (1, 2, 3):
        name = f"o.{number:04d}.exr"
        assert_same_pixels(tmp_path / "a" / name, tmp_path / "b" / name)
    data = retempo.done("retime", rec709, "-o", tmp_path / "c" / "o.####.exr", *FAST)
    assert len(data["warnings"]) == 1 and "lin_rec709_scene" in data["warnings"][0]


@pytest.mark.parametrize(
    ("chromaticities", "flags"),
    [
        (REC709, ("--input-space", "ACES2065-1")),
        (REC709, ("--input-space", "lin_rec709_scene")),
        (KNOWN["ACES AP0"], ()),
        ((0.9, 0.05, 0.05, 0.9, 0.05, 0.05, 0.3, 0.3), ()),
        ((0.0,) * 8, ()),
    ],
)
def test_no_warning_without_contradiction(
    retempo: Program, tmp_path: Path, chromaticities: tuple[float, ...], flags: tuple[str, ...]
) -> None:
    source = stated(tmp_path, chromaticities)
    run = retempo("retime", source, "-o", tmp_path / "o.####.exr", "--speed", "1/2", *FAST, *flags)
    assert run.code == 0 and run.err == ""


def test_info_shows_primaries(retempo: Program, tmp_path: Path) -> None:
    source = stated(tmp_path, REC709)
    data = retempo.done("info", source, "--config", CONFIG)
    assert data["chromaticities"]["name"] == "Rec.709 (sRGB)" and data["chromaticities"]["spaces"] == [LINEAR]
    assert data["chromaticities"]["values"] == pytest.approx(REC709)
    shown = retempo("info", source, "--config", CONFIG).out
    assert "Rec.709 (sRGB): Linear Rec.709 (sRGB)" in shown and "lin_rec709_scene" in shown
    named = retempo.done("info", source, "--config", CONFIG, "--input-space", LINEAR)
    assert named["warnings"] == [] and data["warnings"]


@pytest.mark.parametrize(
    ("space", "wanted"), [("ACEScg", "ACES AP1"), ("ACEScct", ""), (LINEAR, "Rec.709 (sRGB)")]
)
def test_results_state_the_primaries_of_their_own_space(
    retempo: Program, tmp_path: Path, space: str, wanted: str
) -> None:
    flags = ("--input-space", LINEAR, "--output-space", space, "--speed", "1/2", *FAST)
    retempo.done("retime", stated(tmp_path, REC709), "-o", tmp_path / "o.####.exr", *flags)
    for number in (1, 2, 3):
        found = chromaticities_of(open_source(tmp_path / "o.####.exr").header(number))
        assert found == (pytest.approx(KNOWN[wanted]) if wanted else None)
