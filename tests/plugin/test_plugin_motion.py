"""Do curved motion paths in a host give what ``--motion quadratic`` gives, from the frames that were announced?"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from host import FrameSequenceClip
from host.effect import Instance
from retempo_bundle import (
    INBETWEEN,
    choose,
    moving_frames,
    open_node,
    retime_files,
    write_files,
)  # fmt: skip

from bits import assert_same_bits

HEIGHT, WIDTH = 48, 80
LAST = 7


def faster_and_faster() -> dict[int, np.ndarray]:
    """Seven frames of a picture that moves by 1, 2, 3... pixels; [H, W, 4] float32, alpha 1."""
    wide = moving_frames(1, (HEIGHT, WIDTH + 40))[1]
    starts = {number: number * (number - 1) // 2 for number in range(1, LAST + 1)}
    return {number: np.ascontiguousarray(wide[:, x : x + WIDTH]) for number, x in starts.items()}


FRAMES = faster_and_faster()


@pytest.fixture(scope="module")
def plates(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The frames as float EXR files."""
    return write_files(FRAMES, tmp_path_factory.mktemp("plates"))


def source() -> dict[str, FrameSequenceClip | None]:
    return {"Source": FrameSequenceClip(FRAMES)}


def made_by_program(
    plates: str, folder: Path, *flags: str, motion: str = "quadratic"
) -> dict[int, np.ndarray]:
    """The plates retimed by the command line."""
    return retime_files(plates, folder, f"--motion={motion}", *flags, name=motion)


def render(node: Instance, time: float) -> np.ndarray:
    """A picture whose frames were announced, each of them and no others."""
    announced = {
        float(frame)
        for first, last in node.frames_needed(time)["Source"]
        for frame in range(int(first), int(last) + 1)
    }
    made = node.render(time)
    assert made is not None
    assert {frame for name, frame in node.last_render.frames if name == "Source"} == announced
    return made


@pytest.mark.parametrize("context", ["general", "filter", "retimer"])
@pytest.mark.parametrize("speed", ["1/4", "-1/2"])
def test_equals_the_command_line_bit_by_bit(
    bundle: Path, plates: str, tmp_path: Path, speed: str, context: str
) -> None:
    """From one end of the shot to the other, where there is no frame past the gap."""
    expected = made_by_program(plates, tmp_path, f"--speed={speed}")
    value = float(Fraction(speed))
    with open_node(bundle, source(), context, params={"motionPath": "Quadratic"}) as node:
        if context == "retimer":
            start = 1.0 if value > 0 else float(LAST)
            node.params["SourceTime"].animate(lambda time: start + value * (time - 1))
        else:
            node.params["speed"].set(value)
        assert len(expected) == 1 + (LAST - 1) / abs(value)
        for number, pixels in expected.items():
            assert_same_bits(render(node, number), pixels)


@pytest.mark.parametrize(
    ("speed", "flags", "params"),
    [
        ("1/4", ("--cuts=4",), {"cuts": "4"}),
        ("1/2", ("--cuts=3,4", "--at-cut=cross-fade"), {"cuts": "4, 3", "atCut": "Cross-fade"}),
        ("1/2", ("--shutter-samples=3",), {"shutterSamples": 3}),
        ("1", ("--shutter-samples=auto", "--shutter-angle=720"), {"shutterSamples": 0, "shutterAngle": 720.0}),
        ("1/4", ("--shutter-samples=3", "--shutter-angle=720", "--cuts=4"),
         {"shutterSamples": 3, "shutterAngle": 720.0, "cuts": "4"}),
        ("1/2", ("--shutter-samples=3", "--shutter-angle=720", "--cuts=3,5", "--at-cut=cross-fade"),
         {"shutterSamples": 3, "shutterAngle": 720.0, "cuts": "3,5", "atCut": "Cross-fade"}),
        ("3/2", ("--outside=bounce", "--output-range=1-12"), {"outside": "Bounce"}),
        ("3/2", ("--outside=loop", "--output-range=1-9", "--shutter-samples=3"),
         {"outside": "Loop", "shutterSamples": 3}),
    ],
)  # fmt: skip
def test_cuts_shutters_and_ends_equal_the_command_line(
    bundle: Path, plates: str, tmp_path: Path, speed: str, flags: tuple[str, ...], params: dict[str, object]
) -> None:
    expected = made_by_program(plates, tmp_path, f"--speed={speed}", *flags)
    straight = made_by_program(plates, tmp_path, f"--speed={speed}", *flags, motion="linear")
    values = {"speed": float(Fraction(speed)), "motionPath": "Quadratic", **params}
    with open_node(bundle, source(), params=values) as node:
        for number, pixels in expected.items():
            assert_same_bits(render(node, number), pixels)
    assert any(not np.array_equal(expected[number], straight[number]) for number in expected)


def test_a_ramp_equals_the_command_line(bundle: Path, plates: str, tmp_path: Path) -> None:
    curve = tmp_path / "ramp.csv"
    curve.write_text("1,0\n5,1\n")
    expected = made_by_program(plates, tmp_path, f"--speed-curve={curve}", "--output-range=1-8")
    with open_node(bundle, source(), params={"motionPath": "Quadratic"}) as node:
        node.params["speed"].keys({1: 0.0, 5: 1.0})
        for number, pixels in expected.items():
            assert_same_bits(render(node, number), pixels)


def test_frames_past_the_gap_are_of_the_shot(bundle: Path) -> None:
    values = {"timing": "Frame", "motionPath": "Quadratic"}
    with open_node(bundle, source(), params=values) as node:

        def needed(frame: float) -> list[tuple[float, float]]:
            node.params["frame"].set(frame)
            return list(node.frames_needed(1)["Source"])

        assert needed(3.5) == [(2.0, 5.0)]
        assert needed(1.5) == [(1.0, 3.0)] and needed(6.5) == [(5.0, 7.0)], "no frame beyond the source"
        assert needed(3.0) == [(3.0, 3.0)] and node.is_identity(1) == ("Source", 3.0)
        node.params["cuts"].set("5")
        assert needed(3.5) == [(2.0, 4.0)] and needed(5.5) == [(5.0, 7.0)]
        node.params["cuts"].set("3,5")
        assert needed(3.5) == [(3.0, 4.0)]
        assert needed(4.5) == [(5.0, 5.0)], "held"
        choose(node, "atCut", "Cross-fade")
        assert needed(4.5) == [(4.0, 5.0)], "mixed: nothing moves"
        node.params["cuts"].set("")
        choose(node, "output", "Confidence")
        assert needed(3.5) == [(2.0, 5.0)]
        choose(node, "engine", "Blend")
        assert needed(3.5) == [(3.0, 4.0)], "what does not move has no path"
        choose(node, "engine", "Motion")
        choose(node, "motionPath", "Linear")
        assert needed(3.5) == [(3.0, 4.0)]


@pytest.mark.parametrize("missing", [2, 5])
def test_a_frame_past_the_gap_that_is_missing_tells_nothing(bundle: Path, missing: int) -> None:
    """Elsewhere a missing frame is black; motion from or to that would bend what is there."""
    values = {"timing": "Frame", "frame": 3.5, "motionPath": "Quadratic"}
    with open_node(bundle, source(), params=values) as node:
        node.params["cuts"].set("3" if missing == 2 else "5")
        expected = node.render(1)
    there = {number: frame for number, frame in FRAMES.items() if number != missing}
    with open_node(bundle, {"Source": FrameSequenceClip(there)}, params=values) as node:
        assert_same_bits(render(node, 1), expected)
        node.params["frame"].set(missing + 0.5)
        assert not np.array_equal(node.render(1), expected)


def test_vectors_and_depth_of_every_frame_are_asked_for(bundle: Path) -> None:
    motion = np.zeros((HEIGHT, WIDTH, 4), np.float32)
    motion[..., 0], motion[..., 2] = -2.0, 2.0
    depth = np.ones((HEIGHT, WIDTH, 4), np.float32)
    clips = source() | {
        "Vectors": FrameSequenceClip(dict.fromkeys(FRAMES, motion)),
        "Depth": FrameSequenceClip(dict.fromkeys(FRAMES, depth)),
    }
    values = {
        "timing": "Frame", "flow": "Vectors input", "depth": "Add", "motionPath": "Quadratic", "shutterSamples": 3,
    }  # fmt: skip
    with open_node(bundle, clips, params=values) as node:
        node.params["frame"].keys({1: 3.5, 2: 4.0, 3: 4.5})
        for time, range_ in ((1, (2.0, 5.0)), (2, (2.0, 6.0)), (3, (3.0, 6.0))):
            assert [node.frames_needed(time)[name] for name in clips] == [[range_]] * 3
            assert node.render(time) is not None
            assert {frame for _, frame in node.last_render.frames} == set(np.arange(range_[0], range_[1] + 1))


def test_confidence_and_occlusion_are_those_of_the_curved_paths(bundle: Path) -> None:
    values = {"timing": "Frame", "frame": 3.5, "motionPath": "Quadratic"}
    with open_node(bundle, source(), params=values) as node:
        made: dict[tuple[str, str], np.ndarray] = {}
        for path in ("Quadratic", "Linear"):
            for output in ("Confidence", "Occlusion"):
                choose(node, "motionPath", path)
                choose(node, "output", output)
                made[path, output] = render(node, 1)
        assert not np.array_equal(made["Quadratic", "Confidence"], made["Linear", "Confidence"])
        for path in ("Quadratic", "Linear"):
            assert set(np.unique(made[path, "Occlusion"][..., :3])) <= {0.0, 1.0}
            assert 0.5 < float(np.median(made[path, "Confidence"][..., 0])) <= 1.0


def test_inbetweens_of_two_frames_stay_straight(bundle: Path, plates: str, tmp_path: Path) -> None:
    expected = made_by_program(plates, tmp_path, "--speed=1/4", motion="linear")[10]  # 3.25
    params = {"amount": 0.25, "frameA": 3, "frameB": 4}
    with open_node(bundle, source(), effect=INBETWEEN, params=params) as node:
        assert "motionPath" not in node.params
        assert node.frames_needed(1)["Source"] == [(3.0, 4.0)]
        assert_same_bits(node.render(1), expected)
