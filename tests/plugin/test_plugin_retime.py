"""Does the plugin in a host make the same pictures as the command line?"""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from host import FrameSequenceClip
from host.plugin import ActionFailed
from retempo_bundle import (
    choose,
    moving_frames,
    open_node,
    retime_files,
    stop_worker,
    write_files,
)

from bits import assert_same_bits

FRAMES = moving_frames()


def source(**options: object) -> dict[str, FrameSequenceClip | None]:
    frames = options.pop("frames", FRAMES)
    return {"Source": FrameSequenceClip(frames, **options)}  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def plates(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The frames as float EXR files."""
    return write_files(FRAMES, tmp_path_factory.mktemp("plates"))


@pytest.mark.parametrize("speed", ["1/4", "2", "-1"])
@pytest.mark.parametrize("context", ["general", "filter", "retimer"])
def test_equals_the_command_line_bit_by_bit(
    bundle: Path, plates: str, tmp_path: Path, speed: str, context: str
) -> None:
    made = retime_files(plates, tmp_path, f"--speed={speed}")
    value = float(Fraction(speed))
    with open_node(bundle, source(), context) as node:
        if context == "retimer":
            start = 5.0 if value < 0 else 1.0
            node.params["SourceTime"].animate(lambda time: start + value * (time - 1))
        else:
            node.params["speed"].set(value)
        for number, expected in made.items():
            np.testing.assert_array_equal(node.render(number), expected, err_msg=f"frame {number}")
        if context == "general":
            assert node.time_domain() == (min(made), max(made))


@pytest.mark.parametrize(
    ("speed", "flags", "params"),
    [
        ("1", ("--shutter-samples=5", "--shutter-angle=360"), {"shutterSamples": 5, "shutterAngle": 360.0}),
        ("1/4", ("--shutter-samples=8",), {"shutterSamples": 8}),
        ("-1/2", ("--shutter-samples=4", "--shutter-offset=start", "--shutter-angle=500", "--outside=bounce"),
         {"shutterSamples": 4, "shutterOffset": "Start", "shutterAngle": 500.0, "outside": "Bounce"}),
        ("2", ("--shutter-samples=auto", "--outside=black"), {"shutterSamples": 0, "outside": "Black"}),
        ("1/2", ("--shutter-samples=3", "--shutter-offset=custom", "--shutter-phase=-200"),
         {"shutterSamples": 3, "shutterOffset": "Custom", "shutterPhase": -200.0}),
        ("1/4", ("--cuts=3",), {"cuts": "3"}),
        ("1/4", ("--cuts=2,4", "--at-cut=cross-fade"), {"cuts": "2, 4", "atCut": "Cross-fade"}),
        ("1", ("--cuts=3", "--shutter-samples=6", "--shutter-angle=720"),
         {"cuts": "3", "shutterSamples": 6, "shutterAngle": 720.0}),
        ("1/2", ("--cuts=3", "--at-cut=cross-fade", "--shutter-samples=4"),
         {"cuts": "3", "atCut": "Cross-fade", "shutterSamples": 4}),
    ],
)  # fmt: skip
def test_shutters_and_cuts_equal_the_command_line_bit_by_bit(
    bundle: Path, plates: str, tmp_path: Path, speed: str, flags: tuple[str, ...], params: dict[str, object]
) -> None:
    expected = retime_files(plates, tmp_path, f"--speed={speed}", *flags)
    with open_node(bundle, source(), params={"speed": float(Fraction(speed)), **params}) as node:
        for number, pixels in expected.items():
            np.testing.assert_array_equal(node.render(number), pixels, err_msg=f"frame {number}")


def test_a_ramp_with_a_shutter_equals_the_command_line(bundle: Path, plates: str, tmp_path: Path) -> None:
    curve = tmp_path / "ramp.csv"
    curve.write_text("1,0\n5,1\n")
    expected = retime_files(
        plates, tmp_path, f"--speed-curve={curve}", "--shutter-samples=4", "--output-range=1-7"
    )
    with open_node(bundle, source(), params={"shutterSamples": 4}) as node:
        node.params["speed"].keys({1: 0.0, 5: 1.0})
        for number, pixels in expected.items():
            np.testing.assert_array_equal(node.render(number), pixels, err_msg=f"frame {number}")


def test_a_shutter_asks_for_the_frames_of_every_instant(bundle: Path) -> None:
    values = {"speed": 1.0, "shutterSamples": 3, "shutterAngle": 720.0, "motionPath": "Linear"}
    with open_node(bundle, source(), params=values) as node:
        assert node.frames_needed(3)["Source"] == [(2.0, 4.0)]
        assert node.is_identity(3) is None, "source frames are blurred too"
        node.render(3)
        assert [frame for _, frame in node.last_render.frames] == [2.0, 3.0, 4.0]
        node.params["speed"].set(2.0)
        assert node.frames_needed(2)["Source"] == [(1.0, 5.0)], "two before, two after: 1.67, 3, 4.33"
        assert node.is_identity(9) == ("Source", 5.0), "held: nothing moves there"
        node.params["shutterSamples"].set(2)
        node.params["shutterAngle"].set(360.0)
        node.params["speed"].set(4.0)
        assert node.frames_needed(2)["Source"] == [(4.0, 5.0)] and node.frames_needed(1)["Source"] == [
            (1.0, 2.0)
        ]
        choose(node, "output", "Confidence")
        assert node.frames_needed(1)["Source"] == [(1.0, 1.0)], "one moment"


def test_nothing_is_morphed_over_a_cut(bundle: Path) -> None:
    with open_node(bundle, source(), params={"speed": 0.25, "cuts": "3"}) as node:
        assert node.is_identity(6) == ("Source", 2.0) and node.is_identity(7) == ("Source", 3.0)
        assert node.frames_needed(6)["Source"] == [(2.0, 2.0)]
        choose(node, "atCut", "Cross-fade")
        assert node.is_identity(7) is None and node.frames_needed(7)["Source"] == [(2.0, 3.0)]
        mixed = node.render(7)
        np.testing.assert_allclose(mixed, (FRAMES[2] + FRAMES[3]) / 2, atol=1e-6)
        choose(node, "output", "Confidence")
        assert node.render(7) is not None
        node.params["cuts"].set("three")
        with pytest.raises(ActionFailed):
            node.render(7)
        assert "first frames of new shots" in node.persistent_message.text


def test_vectors_are_not_needed_where_nothing_moves(bundle: Path) -> None:
    """With a cut on either side of frame 3 there is no pair to find motion between."""
    height, width, _ = FRAMES[1].shape
    motion = dict.fromkeys(FRAMES, np.zeros((height, width, 4), np.float32))
    clips = source() | {"Vectors": FrameSequenceClip(motion)}
    values = {
        "flow": "Vectors input",
        "cuts": "3,4",
        "atCut": "Cross-fade",
        "speed": 1.0,
        "shutterSamples": 4,
    }
    with open_node(bundle, clips, params=values) as node:
        assert node.frames_needed(3).get("Vectors") in (None, [(3.0, 3.0)]), "the host's default"
        assert node.render(3) is not None
        assert {name for name, _ in node.last_render.frames} == {"Source"}
        assert node.frames_needed(2)["Vectors"] == [(1.0, 2.0)]
        assert node.render(2) is not None


def test_a_shutter_over_too_many_frames_is_refused(bundle: Path) -> None:
    many = dict(enumerate(list(FRAMES.values()) * 40, 1))
    values = {"speed": 100.0, "shutterSamples": 64, "shutterAngle": 720.0}
    with open_node(bundle, source(frames=many), params=values) as node:
        with pytest.raises(ActionFailed):
            node.render(2)
        assert "smaller shutter angle" in node.persistent_message.text


@pytest.mark.parametrize("depth", ["byte", "short", "half", "float"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_depths_and_components(bundle: Path, depth: str, channels: int) -> None:
    frames = {number: np.ascontiguousarray(frame[..., :channels]) for number, frame in FRAMES.items()}
    layout = {"negative_rows": True, "padding": 20, "origin": (-7, 5)}
    with open_node(bundle, source(frames=frames, depth=depth, **layout)) as node:
        plain = node.render(2)
        assert plain is not None and plain.shape == (48, 80, channels) and np.isfinite(plain).all()
        np.testing.assert_array_equal(node.render(2, negative_rows=True, padding=12), plain)
        inside = plain[8:-8, 8:-8]
        tolerance = {"byte": 0.02, "short": 0.01, "half": 0.01, "float": 0.01}[depth]
        middle = (frames[1] + frames[2])[8:-8, 8:-8] / 2
        assert inside.min() >= 0.0 and inside.max() <= 1.0 + tolerance
        assert channels == 1 or abs(float(inside.mean()) - float(middle.mean())) < 0.02
        assert node.persistent_message is None


def test_asks_for_the_frames_around_the_source_time(bundle: Path) -> None:
    with open_node(bundle, source(), params={"motionPath": "Linear"}) as node:
        assert node.frames_needed(2)["Source"] == [(1.0, 2.0)]
        assert node.frames_needed(3)["Source"] == [(2.0, 2.0)]
        assert node.is_identity(2) is None
        assert node.is_identity(3) == ("Source", 2.0)
        assert node.time_domain() == (1.0, 9.0)
        node.render(4)
        assert node.last_render.frames == [("Source", 2.0), ("Source", 3.0)]
        node.params["outside"].set(0)  # hold
        assert node.is_identity(20) == ("Source", 5.0)
        node.params["outside"].set(3)  # black
        assert node.is_identity(20) is None
        picture = node.render(20)
        assert picture is not None and not picture.any()


def test_animated_speed_is_integrated_and_frames_are_shown(bundle: Path) -> None:
    with open_node(bundle, source(), params={"motionPath": "Linear"}) as node:
        node.params["speed"].keys({1: 0.0, 5: 1.0})  # 1 + (t - 1)^2 / 8
        assert node.is_identity(5) == ("Source", 3.0)
        assert node.frames_needed(4)["Source"] == [(2.0, 3.0)]
        assert node.time_domain() == (1.0, 7.0)
        choose(node, "timing", "Frame")
        node.params["frame"].keys({1: 1.0, 3: 4.0})
        assert node.is_identity(3) == ("Source", 4.0)
        assert node.frames_needed(2)["Source"] == [(2.0, 3.0)]
        choose(node, "timing", "Frame rate")
        node.params["fpsIn"].set(24.0)
        node.params["fpsOut"].set(48.0)
        assert node.is_identity(3) == ("Source", 2.0)


def test_a_host_without_temporal_access_is_told_why(bundle: Path) -> None:
    with open_node(bundle, source(), "filter", temporal_access=False) as node:
        assert node.is_identity(1) == ("Source", 1.0)
        np.testing.assert_array_equal(node.render(1), FRAMES[1])
        with pytest.raises(ActionFailed):
            node.render(2)
        assert "temporal access" in node.persistent_message.text
        node.params["speed"].set(1.0)
        np.testing.assert_array_equal(node.render(2), FRAMES[2])
        assert node.persistent_message is None


def test_whole_frames_need_no_worker(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETEMPO_WORKER_COMMAND", "/no/such/program")
    monkeypatch.setenv("RETEMPO_RUNTIME_DIR", "/no/such/folder")
    for depth in ("byte", "short", "half", "float"):
        with open_node(
            bundle, source(depth=depth, negative_rows=True, origin=(-3, 2)), params={"speed": 1.0}
        ) as node:
            plain = node.render(2, raw=True)
            expected = FRAMES[2] * {"byte": 255, "short": 65535}.get(depth, 1)
            assert np.abs(plain.astype(np.float64) - expected).max() <= (
                0.51 if depth in ("byte", "short") else 1e-3
            )
            assert_same_bits(node.render(2, raw=True, padding=8), plain)


def test_a_host_like_melt_passes_frames_through(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its clips have the range 0 to 0, its renders come at all times, it says Both of progressive frames."""
    monkeypatch.setenv("RETEMPO_WORKER_COMMAND", "/no/such/program")
    like = {"name": "MLT", "temporal_access": False, "contexts": ("filter",)}
    clip = FrameSequenceClip(
        FRAMES, frame_range=(0.0, 0.0), depth="byte", image_field="both", negative_rows=True
    )
    with open_node(bundle, {"Source": clip}, "filter", params={"speed": 1.0}, **like) as node:
        for number in FRAMES:
            made = node.render(number, field="both", raw=True)
            assert np.abs(made - FRAMES[number] * 255.0).max() <= 0.51
            assert node.persistent_message is None
        node.params["speed"].set(0.5)
        with pytest.raises(ActionFailed, match="temporal access"):
            node.render(3, field="both")


def test_a_line_about_the_last_picture_and_the_log(bundle: Path) -> None:
    with open_node(bundle, source()) as node:
        messages = node.plugin.host.messages
        assert not node.params["info"].value
        node.render(2)
        assert not node.params["info"].value  # nothing may be written while a picture is made
        node.params["sigma"].set(0.6)
        assert "source time 1.5 of 1, 2" in node.params["info"].value
        node.params["openLog"].press()
        assert messages[-1].kind == "message" and node.persistent_message is None
        path, *lines = messages[-1].text.splitlines()
        assert Path(path) == Path(os.environ["RETEMPO_RUNTIME_DIR"]) / "server.log"
        assert any("source time 1.5" in line for line in lines)


def test_errors_reach_the_user_and_are_cleared(bundle: Path) -> None:
    with open_node(bundle, source(), params={"inputSpace": "no such space"}) as node:
        with pytest.raises(ActionFailed):
            node.render(2)
        assert "no such space" in node.persistent_message.text
        node.params["inputSpace"].set("")
        assert node.render(2) is not None
        assert node.persistent_message is None
        choose(node, "flow", "Vectors input")
        with pytest.raises(ActionFailed):
            node.render(2)
        assert "Vectors" in node.persistent_message.text


def test_the_host_aborts(bundle: Path) -> None:
    large = moving_frames(2, (720, 1280))
    with open_node(bundle, source(frames=large), params={"flow": "DIS"}) as node:
        assert node.render(2, abort=0.0) is None
        log = node.last_render
        assert (
            log.seconds - log.host_seconds - log.aborted_after < 5.0
        )  # promised: 0.1; here the machine may be busy
        assert node.persistent_message is None
        assert node.render(2) is not None


def test_threads_share_one_worker(bundle: Path) -> None:
    with open_node(bundle, source(), threads=4) as node:
        alone = {time: node.render(time) for time in range(1, 10)}
        for time, picture in node.render_many(range(1, 10), threads=4).items():
            np.testing.assert_array_equal(picture, alone[time])


def test_confidence_and_occlusion(bundle: Path) -> None:
    with open_node(bundle, source(), params={"output": "Confidence"}) as node:
        assert node.is_identity(3) is None
        sure = node.render(2)
        assert sure is not None and sure.min() >= 0.0 and sure.max() <= 1.0 and sure[..., 3].min() == 1.0
        choose(node, "output", "Occlusion")
        hidden = node.render(2)
        assert hidden is not None and set(np.unique(hidden[..., :3])) <= {0.0, 1.0}


def test_vectors_and_depth_inputs(bundle: Path) -> None:
    height, width, _ = FRAMES[1].shape
    motion = np.zeros((height, width, 4), np.float32)
    motion[..., 0], motion[..., 1] = 3.0, 1.0  # forward in the convention "nuke": y up
    motion[..., 2:] = -motion[..., :2]
    clips = source() | {
        "Vectors": FrameSequenceClip(dict.fromkeys(FRAMES, motion)),
        "Depth": FrameSequenceClip(dict.fromkeys(FRAMES, np.ones((height, width, 4), np.float32))),
    }
    with open_node(bundle, clips, params={"flow": "Vectors input", "depth": "Add"}) as node:
        assert set(node.frames_needed(2)) == {"Source", "Vectors", "Depth", "Matte"}
        picture = node.render(2)
        assert picture is not None
        assert ("Vectors", 2.0) in node.last_render.frames and ("Depth", 1.0) in node.last_render.frames


def test_colour_of_a_host_that_manages_it(bundle: Path) -> None:
    clip = {"Source": FrameSequenceClip(FRAMES, colourspace="ACEScg")}
    with open_node(bundle, clip, colour_style="ocio", ocio_config="ocio://default") as node:
        assert node.output_colourspace() == "ACEScg"
        assert node.render(2) is not None
    with open_node(bundle, clip, colour_style="core") as node:
        assert node.preferred_colourspaces["Source"] == ("ofx_scene_linear",)
        assert node.render(2) is not None


def test_half_resolution(bundle: Path) -> None:
    with open_node(bundle, source()) as node:
        small = node.render(2, scale=(0.5, 0.5), draft=True)
        assert small is not None and small.shape == (24, 40, 4) and small.any()


def test_a_frame_that_is_missing_is_black(bundle: Path) -> None:
    gap = {number: frame for number, frame in FRAMES.items() if number != 3}
    dark = FRAMES | {3: np.zeros_like(FRAMES[3])}
    with open_node(bundle, source(frames=gap)) as node:
        picture = node.render(4)
    with open_node(bundle, source(frames=dark)) as node:
        np.testing.assert_array_equal(picture, node.render(4))


def test_the_ocio_variable_of_the_host_counts(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCIO", "/no/such/config.ocio")
    with open_node(bundle, source()) as node:
        with pytest.raises(ActionFailed):
            node.render(2)
        assert "/no/such/config.ocio" in node.persistent_message.text
        node.params["config"].set("ocio://default")
        assert node.render(2) is not None
    # where the host has set it for itself, it says nothing
    with open_node(bundle, source(), "filter", name="MLT", temporal_access=False) as node:
        node.params["speed"].set(1.0)
        assert node.render(2) is not None


def test_two_hosts_one_after_the_other(bundle: Path) -> None:
    """Loaded, unloaded, loaded: nothing of the first is left."""
    pictures = []
    for _ in range(3):
        with open_node(bundle, source()) as node:
            pictures.append(node.render(2))
    np.testing.assert_array_equal(pictures[0], pictures[2])


def test_vectors_in_whole_numbers_are_refused(bundle: Path) -> None:
    clips = {name: FrameSequenceClip(FRAMES, depth="byte") for name in ("Source", "Vectors")}
    with open_node(bundle, clips, params={"flow": "Vectors input"}) as node:
        with pytest.raises(ActionFailed):
            node.render(2)
        assert "half or float" in node.persistent_message.text


def test_a_worker_that_was_ended_is_started_again(bundle: Path) -> None:
    with open_node(bundle, source()) as node:
        before = node.render(2)
        stop_worker(Path(os.environ["RETEMPO_RUNTIME_DIR"]))
        np.testing.assert_array_equal(node.render(2), before)


def test_a_worker_that_cannot_start_is_reported(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RETEMPO_PYTHON", "/no/such/python")
    monkeypatch.setenv("RETEMPO_RUNTIME_DIR", str(tmp_path / "run"))
    with open_node(bundle, source()) as node:
        with pytest.raises(ActionFailed):
            node.render(2)
        assert "/no/such/python" in node.persistent_message.text


@pytest.mark.parametrize("withheld", [{"OfxMessageSuite"}, {("OfxMessageSuite", 2)}, {"OfxProgressSuite"}])
def test_hosts_with_fewer_suites(bundle: Path, withheld: set[object]) -> None:
    with open_node(bundle, source(), suites_withheld=withheld, api=(1, 4)) as node:
        assert node.render(2) is not None
        node.params["inputSpace"].set("no such space")
        with pytest.raises(ActionFailed):
            node.render(2)
        spoken = [message.text for message in node.plugin.host.talking.messages]
        assert bool(spoken) == (withheld == {("OfxMessageSuite", 2)})
