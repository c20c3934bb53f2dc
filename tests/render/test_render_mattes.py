"""Does a matte make the edges of what it covers better, from a file as from a channel, and is a bad one refused?"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from plates import LINEAR, Program, make_shot, picture, planes, write_image
from retempo.cli import main
from retempo.io.frame import Window, make_layer
from retempo.io.sequence import open_source
from retempo.metrics.quality import psnr
from retempo.render.fitting import fit_memory
from retempo.render.job import open_renderer
from retempo.render.settings import RetimeSettings
from retempo.scene.layers import LAYERS
from retempo.scene.sample_scene import tone_map

KITE = next(layer.id for layer in LAYERS if layer.name == "kite")
"""Nothing passes in front of it at the time of these frames; it moves 28 pixels a frame at 960 x 540."""
RGBA = ("R", "G", "B", "A")
REFINED = "dis:balanced,refinement=5"
"""Where a layer fades out, little is left to be matched: smoother flow gains 0.9 dB there, the default's 0.3."""


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Frames 3 and 4 of the sample scene and the moment between; their mattes from ids, as files and as a channel."""
    folder = tmp_path_factory.mktemp("scene")
    sample = ["--frames", "3-4", "--times", "3.5", "--size", "480x270", "--quiet", "--json"]
    assert main(["sample", str(folder), *sample]) == 0
    for number in (3, 4):
        layer = open_source(folder / "plate.####.exr").read(number).layers[0]
        matte = (layer.ids[..., :1] == KITE).astype(np.float32)
        write_image(folder / f"matte.{number:04d}.exr", make_layer(matte, ("A",), formats="half"))
        both = make_layer(
            np.concatenate([layer.pixels, matte], 2), (*layer.channels, "mask.kite"),
            ids=layer.ids, id_names=layer.id_channels, formats={**layer.formats, "mask.kite": "half"},
        )  # fmt: skip
        write_image(folder / f"both.{number:04d}.exr", both)
    return folder


def between(retempo: Program, scene: Path, folder: Path, *flags: object, plate: str = "plate") -> Path:
    """The frame between the two, number 4 of the result."""
    out = folder / "out.####.exr"
    arguments = ("--speed", "1/2", "--output-range", "4", "--overwrite", "--quiet", *LINEAR)
    retempo.done("retime", scene / f"{plate}.####.exr", "-o", out, *arguments, *flags)
    return folder / "out.0004.exr"


def edge_score(scene: Path, made: Path) -> float:
    """PSNR of the tone-mapped picture within 8 pixels of the kite's outline."""
    path = next(scene.glob("moment.*.exr"))
    truth = open_source(path).read(open_source(path).frames[0]).layers[0]
    kite = (truth.ids[..., 0] == KITE).astype(np.uint8)
    near = cv2.dilate(kite, np.ones((17, 17), np.uint8)) != cv2.erode(kite, np.ones((17, 17), np.uint8))
    shown = tone_map(planes(made, RGBA)[..., :3])[near]
    return psnr(tone_map(truth.pixels[..., list(truth.color_indices()[:3])])[near], shown)


@pytest.mark.parametrize(
    ("flags", "least"),
    [
        (("--flow", REFINED), 0.7),
        (("--flow", f"{REFINED}+dis:coarse"), 1.5),
        (("--flow", "vectors"), 2.5),
        (("--flow", REFINED, "--depth", "add"), 0.6),
    ],
    ids=["dis", "two flows", "vectors", "depth"],
)
def test_a_matte_gains_at_the_edge(
    retempo: Program, scene: Path, tmp_path: Path, flags: tuple[str, ...], least: float
) -> None:
    """Measured in dB, without and with: dis 31.3 32.4, two flows 31.1 33.2, vectors 28.8 32.2, depth 31.4 32.4."""
    flags = (*flags, "--motion", "linear", "--inverses", "off")
    plain = edge_score(scene, between(retempo, scene, tmp_path / "plain", *flags))
    matte = ("--matte", scene / "matte.####.exr")
    made = edge_score(scene, between(retempo, scene, tmp_path / "matte", *flags, *matte))
    assert made > plain + least, (plain, made)


def test_a_channel_of_the_source_is_as_good_as_a_file(retempo: Program, scene: Path, tmp_path: Path) -> None:
    one = between(retempo, scene, tmp_path / "a", "--matte", scene / "matte.####.exr")
    other = between(retempo, scene, tmp_path / "b", "--matte-channel", "mask.kite", plate="both")
    np.testing.assert_array_equal(planes(one, RGBA), planes(other, RGBA))
    turned = between(
        retempo, scene, tmp_path / "c", "--matte-channel", "mask.kite", "--matte-invert", plate="both"
    )
    assert not np.array_equal(planes(one, RGBA), planes(turned, RGBA))


@pytest.mark.parametrize("number", [3, 4])
def test_the_layers_put_together_are_the_result(
    retempo: Program, scene: Path, tmp_path: Path, number: int
) -> None:
    """Foreground over background, at a source frame (3) and between two (4)."""
    flags = ("--matte", scene / "matte.####.exr", "--output-range", "3-4", "--data-type", "float")
    shown = {
        output: planes(
            between(retempo, scene, tmp_path / output, *flags, "--matte-output", output).with_name(
                f"out.{number:04d}.exr"
            ),
            RGBA,
        )
        for output in ("result", "foreground", "background", "matte")
    }
    matte = shown["matte"][..., :1]
    assert (shown["matte"] == matte).all() and matte.min() >= 0 and matte.max() == 1
    over = shown["foreground"] + (1 - matte) * shown["background"]
    opaque = shown["background"][..., 3:] > 0  # else nobody has seen what is behind
    np.testing.assert_allclose(np.where(opaque, over, 0), np.where(opaque, shown["result"], 0), atol=3e-5)
    assert not shown["foreground"][matte[..., 0] == 0].any()
    if number == 3:
        source = planes(scene / "plate.0003.exr", RGBA)
        np.testing.assert_array_equal(shown["result"], source)
        np.testing.assert_array_equal(shown["foreground"], source * planes(scene / "matte.0003.exr", ("A",)))


def test_movies_and_grey_mattes_do(retempo: Program, tmp_path: Path) -> None:
    """Any format that can be read: eight bits, one channel, named otherwise."""
    source = make_shot(tmp_path, (1, 2))
    for number in (1, 2):
        grey = np.zeros((36, 64, 1), np.float32)
        grey[8:24, 20 + 2 * number : 40 + 2 * number] = 1
        write_image(tmp_path / f"grey.{number}.exr", make_layer(grey, ("Y",), formats="half"))
        cv2.imwrite(str(tmp_path / f"grey.{number}.png"), (grey * 255).astype(np.uint8))
    made = []
    for suffix in ("exr", "png"):
        out = tmp_path / suffix / "o.@.exr"
        retempo.done("retime", source, "-o", out, "--matte", tmp_path / f"grey.@.{suffix}", *LINEAR)
        made.append(planes(tmp_path / suffix / "o.2.exr", RGBA[:3]))
    np.testing.assert_array_equal(*made)


def test_a_matte_is_part_of_what_resume_compares(retempo: Program, tmp_path: Path) -> None:
    source = make_shot(tmp_path, (1, 2, 3))
    matte = tmp_path / "m.@.exr"

    def write(number: int, left: int) -> None:
        plane = np.zeros((36, 64, 1), np.float32)
        plane[8:24, left : left + 16] = 1
        write_image(tmp_path / f"m.{number}.exr", make_layer(plane, ("A",), formats="half"))

    for number in (1, 2, 3):
        write(number, 20)
    command = (
        "retime",
        source,
        "-o",
        tmp_path / "o.@.exr",
        "--matte",
        matte,
        "--resume",
        "--motion",
        "linear",
        *LINEAR,
    )
    assert retempo.done(*command)["written"] == [1, 2, 3, 4, 5]
    assert retempo.done(*command)["written"] == []
    write(3, 31)
    assert retempo.done(*command)["written"] == [4]
    alone = (*command, "--matte-output", "foreground")
    assert retempo.done(*alone)["written"] == [1, 2, 3, 4, 5]
    write(3, 33)
    assert retempo.done(*alone)["written"] == [4, 5]


def test_in_betweens_of_stills_take_mattes(retempo: Program, scene: Path, tmp_path: Path) -> None:
    stills = (scene / "plate.0003.exr", scene / "plate.0004.exr")
    retempo.done(
        "inbetween", *stills, "-o", tmp_path / "i.@.exr", *LINEAR, "--matte", scene / "matte.####.exr"
    )
    expected = between(retempo, scene, tmp_path, "--matte", scene / "matte.####.exr")
    np.testing.assert_array_equal(planes(tmp_path / "i.1.exr", RGBA), planes(expected, RGBA))


@pytest.mark.parametrize(
    ("flags", "code", "texts"),
    [
        (["--matte", "small.@.exr"], 3, ["small.1.exr", "32x36", "64x36", "source's size"]),
        (["--matte", "gap.@.exr"], 3, ["gap.2.exr is missing", "source frame 2", "render it"]),
        (["--matte", "nowhere.@.exr"], 3, ["nowhere"]),
        (
            ["--matte", "ok.@.exr", "--matte-channel", "kite"],
            3,
            ["'kite'", "retempo info", "--matte-channel"],
        ),
        (["--matte-channel", "kite"], 3, ["shot.0001.exr", "'kite'", "--matte-channel"]),
        (["--matte", "nan.@.exr"], 3, ["nan.1.exr", "NaN"]),
        (["--matte", "ids.@.exr", "--matte-channel", "id"], 3, ["ids in 'id'"]),
        (["--matte-output", "foreground"], 2, ["there is no matte", "--matte"]),
        (["--matte", "ok.@.exr", "--matte-output", "fog"], 2, ["fog", "background"]),
        (["--matte", "ok.@.exr", "--matte-output", "matte", "--engine", "blend"], 2, ["blend", "splatsyn"]),
        (["--matte", "ok.@.exr", "-o", "ok.@.exr", "--overwrite"], 4, ["its own matte"]),
    ],
)
def test_bad_mattes_are_named(
    retempo: Program,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    flags: list[str],
    code: int,
    texts: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    make_shot(tmp_path, (1, 2))
    plane = np.zeros((36, 64, 1), np.float32)
    for number in (1, 2):
        write_image(tmp_path / f"ok.{number}.exr", make_layer(plane, ("A",), formats="half"))
        small = make_layer(plane[:, :32].copy(), ("A",), formats="half")
        write_image(tmp_path / f"small.{number}.exr", small)
        bad = plane.copy()
        bad[3, 4] = np.nan
        write_image(tmp_path / f"nan.{number}.exr", make_layer(bad, ("A",), formats="half"))
        ids = make_layer(
            plane, ("A",), ids=plane.astype(np.uint32), id_names=("id",), formats={"A": "half", "id": "uint"}
        )
        write_image(tmp_path / f"ids.{number}.exr", ids)
    write_image(tmp_path / "gap.1.exr", make_layer(plane, ("A",), formats="half"))
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    output = [] if "-o" in flags else ["-o", "o.@.exr"]
    outcome = retempo("retime", "shot.####.exr", *output, *flags)
    assert outcome.code == code, outcome.err
    for text in texts:
        assert text in outcome.err
    assert {path: path.read_bytes() for path in before} == before
    assert not (tmp_path / "o.2.exr").exists()


def test_too_little_memory_is_said(retempo: Program, scene: Path, tmp_path: Path) -> None:
    matte = ("--matte", scene / "matte.####.exr", "--memory", "24M")
    outcome = retempo("retime", scene / "plate.####.exr", "-o", tmp_path / "o.@.exr", *matte)
    assert outcome.code == 2 and "matte" in outcome.err and "--memory" in outcome.err
    source = open_source(scene / "plate.####.exr")
    header = source.header(3)
    plain, with_matte = (
        fit_memory(open_renderer(RetimeSettings(memory="91M", matte=matte, motion="linear"), source), header)[
            1
        ]
        for matte in ("", "x.@.exr")
    )
    assert plain is None and with_matte is not None


def test_mattes_over_windows_of_their_own(retempo: Program, tmp_path: Path) -> None:
    """A matte may be cropped, or reach beyond the source's data window; what it lacks is background."""
    display = Window(0, 0, 64, 36)
    for number in (1, 2):
        crop = Window(6, 4, 50, 28)
        pixels = picture(number)[crop.y : crop.y1, crop.x : crop.x1].copy()
        plate = make_layer(pixels, "RGB", window=crop, display=display, formats="float")
        write_image(tmp_path / f"a.{number}.exr", plate)
        plane = np.zeros((36, 64, 1), np.float32)
        plane[8:24, 20:40] = 1
        write_image(tmp_path / f"whole.{number}.exr", make_layer(plane, ("A",), formats="float"))
        held = Window(20, 8, 20, 16)
        tight = make_layer(
            np.ones((16, 20, 1), np.float32), ("A",), window=held, display=display, formats="float"
        )
        write_image(tmp_path / f"tight.{number}.exr", tight)
    made = []
    for name in ("whole", "tight"):
        out = tmp_path / name / "o.@.exr"
        retempo.done(
            "retime", tmp_path / "a.@.exr", "-o", out, "--matte", tmp_path / f"{name}.@.exr", *LINEAR
        )
        made.append(open_source(out).read(2).layers[0].pixels)
    np.testing.assert_array_equal(*made)


@pytest.mark.parametrize("output", ["result", "foreground", "matte"])
def test_a_shutter_averages_the_layers(retempo: Program, scene: Path, tmp_path: Path, output: str) -> None:
    """Four instants in one pass are the mean of the four frames, source frame 3 itself among them."""
    plate = (
        "retime",
        scene / "plate.####.exr",
        "--matte",
        scene / "matte.####.exr",
        "--matte-output",
        output,
        *LINEAR,
    )
    flags = ("--quiet", "--data-type", "float", "--output-start", "0")
    retempo.done(*plate, "-o", tmp_path / "one.@.exr", *flags, "--speed", "1/4", "--output-range", "0-3")
    instants = [planes(tmp_path / f"one.{number}.exr", RGBA) for number in range(4)]
    retempo.done(
        *plate, "-o", tmp_path / "blur.@.exr", *flags, "--speed", "1", "--output-range", "0",
        "--shutter-samples", "4", "--shutter-angle", "360", "--shutter-offset", "custom", "--shutter-phase", "-45",
    )  # fmt: skip
    blurred = planes(tmp_path / "blur.0.exr", RGBA)
    np.testing.assert_allclose(blurred, np.mean(instants, 0), atol=1e-5)


def test_a_bent_path_is_bent_for_each_layer(retempo: Program, tmp_path: Path) -> None:
    """Quadratic motion looks at a frame more on either side, with its matte; a missing one is named."""
    source = make_shot(tmp_path, (1, 2, 3, 4))
    for number in (1, 2, 3, 4):
        plane = np.zeros((36, 64, 1), np.float32)
        plane[8:24, 10 + number**2 : 30 + number**2] = 1
        write_image(tmp_path / f"m.{number}.exr", make_layer(plane, ("A",), formats="half"))
    command = (
        "retime",
        source,
        *LINEAR,
        "--matte",
        tmp_path / "m.@.exr",
        "--output-range",
        "4",
        "--overwrite",
    )
    made = []
    for motion in ("linear", "quadratic"):
        retempo.done(*command, "-o", tmp_path / f"{motion}.@.exr", "--motion", motion)
        made.append(planes(tmp_path / f"{motion}.4.exr", RGBA[:3]))
    assert not np.array_equal(*made) and np.isfinite(made[1]).all()
    (tmp_path / "m.4.exr").unlink()
    assert retempo(*command, "-o", tmp_path / "linear.@.exr", "--motion", "linear").code == 0
    outcome = retempo(*command, "-o", tmp_path / "o.@.exr", "--motion", "quadratic")
    assert outcome.code == 3 and "m.4.exr is missing" in outcome.err
