"""Does a picture on the Matte input separate foreground and background as ``--matte`` does on the command line?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from host import FrameSequenceClip
from host.plugin import ActionFailed
from retempo_bundle import (
    INBETWEEN,
    VECTORS,
    choose,
    moving_frames,
    open_node,
    retime_files,
    write_files,
)  # fmt: skip

FRAMES = moving_frames(3)
HEIGHT, WIDTH, _ = FRAMES[1].shape


def matte_frame(number: int) -> np.ndarray:
    """A soft disc that moves to the left, in alpha and green; red is its inverse, blue nothing."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    plane = np.clip((14 - np.hypot(x - 48 + 2 * number, y - 24)) / 3 + 0.5, 0, 1).astype(np.float32)
    return np.stack([1 - plane, plane, np.zeros_like(plane), plane], 2)


MATTES = {number: matte_frame(number) for number in FRAMES}
OUTPUTS = ("Result", "Foreground", "Background", "Matte")


def clips(mattes: dict[int, np.ndarray] = MATTES, **options: object) -> dict[str, FrameSequenceClip | None]:
    return {"Source": FrameSequenceClip(FRAMES), "Matte": FrameSequenceClip(mattes, **options)}  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The frames and their mattes as float EXR files."""
    folder = tmp_path_factory.mktemp("files")
    write_files(FRAMES, folder)
    write_files(MATTES, folder, name="matte")
    return folder


def command_line(files: Path, out: Path, output: str, *flags: str) -> dict[int, np.ndarray]:
    layers = [f"--matte={files / 'matte.####.exr'}", f"--matte-output={output.lower()}"]
    return retime_files(str(files / "in.####.exr"), out, "--speed=1/2", *layers, *flags)


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("context", ["general", "retimer"])
def test_equals_the_command_line_bit_by_bit(
    bundle: Path, files: Path, tmp_path: Path, output: str, context: str
) -> None:
    expected = command_line(files, tmp_path, output)
    with open_node(bundle, clips(), context, params={"output": output}) as node:
        if context == "retimer":
            node.params["SourceTime"].animate(lambda time: 1 + (time - 1) / 2)
        else:
            node.params["speed"].set(0.5)
        for number, pixels in expected.items():
            np.testing.assert_array_equal(node.render(number), pixels, err_msg=f"frame {number}")
        assert node.persistent_message is None


@pytest.mark.parametrize(
    ("params", "flags"),
    [
        ({"matteChannel": "Green"}, []),
        ({"matteChannel": "Red", "matteInvert": True}, ["--matte-channel=R", "--matte-invert"]),
        ({"flow": "DIS and DIS coarse"}, ["--flow=dis+dis:coarse"]),
        ({"motionPath": "Quadratic"}, ["--motion=quadratic"]),
        ({"motionPath": "Linear"}, ["--motion=linear"]),
    ],
    ids=["green", "red, inverted", "two flows", "curved", "straight"],
)
def test_parameters_mean_what_flags_mean(
    bundle: Path, files: Path, tmp_path: Path, params: dict[str, object], flags: list[str]
) -> None:
    expected = command_line(files, tmp_path, "result", *flags)
    with open_node(bundle, clips(), params={"speed": 0.5, **params}) as node:
        np.testing.assert_array_equal(node.render(2), expected[2])


def test_asks_for_the_mattes_of_the_frames_it_is_made_of(bundle: Path) -> None:
    with open_node(bundle, clips(), params={"speed": 0.5, "motionPath": "Linear"}) as node:
        assert {name: node.frames_needed(2)[name] for name in ("Source", "Matte")} == {
            "Source": [(1.0, 2.0)], "Matte": [(1.0, 2.0)],
        }  # fmt: skip
        choose(node, "motionPath", "Quadratic")
        assert node.frames_needed(2)["Matte"] == [(1.0, 3.0)]
        assert node.is_identity(3) == ("Source", 2.0)
        choose(node, "output", "Foreground")
        assert node.frames_needed(3)["Matte"] == [(2.0, 2.0)]
        assert node.is_identity(3) is None
        foreground = node.render(3)
        np.testing.assert_allclose(foreground[..., 3], MATTES[2][..., 3], atol=1e-6)


def test_inbetween_takes_a_matte_of_each_picture(bundle: Path, files: Path, tmp_path: Path) -> None:
    expected = command_line(files, tmp_path, "result", "--motion=linear")[2]
    numbers = {"amount": 0.5, "frameA": 1, "frameB": 2}
    with open_node(bundle, clips(), effect=INBETWEEN, params=numbers) as node:
        assert node.frames_needed(1)["Matte"] == [(1.0, 2.0)]
        np.testing.assert_array_equal(node.render(1), expected)
        choose(node, "output", "Matte")
        node.params["amount"].set(1.0)
        np.testing.assert_array_equal(node.render(1), np.repeat(MATTES[2][..., 3:], 4, 2))


def test_layers_without_a_matte_are_refused(bundle: Path) -> None:
    with open_node(bundle, {"Source": FrameSequenceClip(FRAMES)}, params={"speed": 0.5}) as node:
        plain = node.render(2)
        node.params["matteInvert"].set(True)
        choose(node, "matteChannel", "Blue")
        np.testing.assert_array_equal(node.render(2), plain)  # means nothing without the input
        for output in OUTPUTS[1:]:
            choose(node, "output", output)
            for time in (2, 3):
                with pytest.raises(ActionFailed):
                    node.render(time)
                assert "Matte input" in node.persistent_message.text
    with open_node(bundle, {"Source": FrameSequenceClip(FRAMES)}, "filter") as node:
        offered = node.params["output"].properties.all("OfxParamPropChoiceOption")
        assert list(offered) == ["Result", "Vectors", "Confidence", "Occlusion"]
        assert "matteChannel" not in node.params


def test_a_matte_that_is_missing_is_background(bundle: Path) -> None:
    """As hosts have it: no picture is black. Of other depths and channels it may be."""
    dark = {number: np.zeros_like(matte) if number == 2 else matte for number, matte in MATTES.items()}
    gap = {number: matte for number, matte in MATTES.items() if number != 2}
    made = []
    for mattes in (dark, gap):
        with open_node(bundle, clips(mattes), params={"speed": 0.5}) as node:
            made.append(node.render(2))
    np.testing.assert_array_equal(*made)
    alone = {number: np.ascontiguousarray(matte[..., 3:]) for number, matte in MATTES.items()}
    with open_node(bundle, clips(alone, depth="byte"), params={"speed": 0.5}) as node:
        of_bytes = node.render(2)
    with open_node(bundle, clips(), params={"speed": 0.5}) as node:
        assert np.abs(of_bytes - node.render(2)).max() < 0.1


def test_matte_channels_that_are_not_there(bundle: Path) -> None:
    alone = {number: np.ascontiguousarray(matte[..., 3:]) for number, matte in MATTES.items()}
    with open_node(bundle, clips(alone), params={"speed": 0.5, "matteChannel": "Red"}) as node:
        with pytest.raises(ActionFailed):
            node.render(2)
        assert "'R'" in node.persistent_message.text


def test_vectors_have_no_matte(bundle: Path) -> None:
    with open_node(bundle, {"Source": FrameSequenceClip(FRAMES)}, effect=VECTORS) as node:
        assert "matteChannel" not in node.params and "Matte" not in node.clips


def test_a_matte_is_data_and_layers_have_the_colours_of_the_source(bundle: Path) -> None:
    managed = {
        "Source": FrameSequenceClip(FRAMES, colourspace="ACEScg"),
        "Matte": FrameSequenceClip(MATTES, colourspace="raw"),
    }
    with open_node(bundle, managed, colour_style="ocio", ocio_config="ocio://default") as node:
        assert node.preferred_colourspaces["Matte"] == ("ofx_raw",)
        for output in OUTPUTS:
            choose(node, "output", output)
            assert node.output_colourspace() == ("ofx_raw" if output == "Matte" else "ACEScg")


def test_a_shutter_averages_the_layers(bundle: Path, files: Path, tmp_path: Path) -> None:
    flags = ["--shutter-samples=4", "--shutter-angle=360"]
    for output in ("Result", "Foreground", "Matte"):
        expected = command_line(files, tmp_path / output, output, *flags)
        params = {"speed": 0.5, "output": output, "shutterSamples": 4, "shutterAngle": 360.0}
        with open_node(bundle, clips(), params=params) as node:
            for number in (2, 3, 4):
                np.testing.assert_array_equal(node.render(number), expected[number], f"{output} {number}")
