"""Are Retime's vectors those of ``retempo vectors`` at whole source frames, and those of the picture between two?"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from host import FrameSequenceClip
from host.effect import Instance
from host.plugin import ActionFailed
from retempo_bundle import (
    INBETWEEN,
    VECTORS,
    choose,
    moving_frames,
    open_node,
    write_files,
)  # fmt: skip

from bits import assert_same_bits
from retempo.cli.main import main
from retempo.io.sequence import open_source
from retempo.render.job import open_renderer
from retempo.render.settings import RetimeSettings
from retempo.synthesis.ways import render_ways

FRAMES = moving_frames()
HEIGHT, WIDTH, _ = FRAMES[1].shape
LAST = max(FRAMES)
CHANNELS = ("forward.u", "forward.v", "backward.u", "backward.v")
STILL = (slice(8, -8), slice(16, -16))
"""Where the scene does not leave the frame."""


@pytest.fixture(scope="module")
def plates(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The frames as float EXR files."""
    return write_files(FRAMES, tmp_path_factory.mktemp("plates"))


def source(**options: object) -> dict[str, FrameSequenceClip | None]:
    return {"Source": FrameSequenceClip(FRAMES, **options)}  # type: ignore[arg-type]


def by_program(plates: str, folder: Path, *flags: str) -> dict[int, np.ndarray]:
    """The motion of every source frame, as ``retempo vectors`` writes it."""
    words = ["vectors", plates, "-o", str(folder / "v.####.exr"), "--json"]
    assert main([*words, "--input-space=scene_linear", *flags]) == 0
    made = open_source(str(folder / "v.####.exr"))
    found = {}
    for number in made.frames:
        layer = made.read(number).layers[0]
        found[number] = layer.pixels[..., [layer.channels.index(name) for name in CHANNELS]]
    return found


def render(node: Instance, time: float) -> np.ndarray:
    """Vectors, of frames that were announced, each of them and no others, and never passed on."""
    assert node.is_identity(time) is None
    announced = {
        (name, float(frame))
        for name, ranges in node.frames_needed(time).items()
        for first, last in ranges
        for frame in range(int(first), int(last) + 1)
        if name in ("Source", "Vectors")
    }
    made = node.render(time)
    assert made is not None and made.shape[2] == 4
    assert set(node.last_render.frames) == {one for one in announced if one[0] in node.connected}
    return made


@pytest.mark.parametrize("context", ["general", "filter", "retimer"])
@pytest.mark.parametrize(("flags", "cuts"), [((), ""), (("--cuts=3",), "3")])
def test_whole_frames_have_what_the_command_writes(
    bundle: Path, plates: str, tmp_path: Path, context: str, flags: tuple[str, ...], cuts: str
) -> None:
    expected = by_program(plates, tmp_path, *flags)
    with open_node(bundle, source(), context, params={"output": "Vectors", "cuts": cuts}) as node:
        if context == "retimer":
            node.params["SourceTime"].animate(lambda time: (time + 1) / 2)
        for number, vectors in expected.items():
            assert_same_bits(render(node, 2 * number - 1), vectors)
    with open_node(bundle, source(), effect=VECTORS) as node:
        for number, vectors in by_program(plates, tmp_path, "--overwrite").items():
            assert_same_bits(node.render(number), vectors)


@pytest.mark.parametrize("motion", ["linear", "quadratic"])
def test_pictures_between_have_the_motion_that_makes_them(bundle: Path, plates: str, motion: str) -> None:
    files = open_source(plates)
    settings = RetimeSettings(motion=motion, input_space="scene_linear")
    renderer = open_renderer(settings, files)
    numbers = range(1, 6) if motion == "quadratic" else range(2, 4)
    around = [number for number in numbers if number in (1, 2, 3, 4)]
    prepared = renderer.prepare({number: files.read(number) for number in around}, first=2)
    with open_node(bundle, source(), params={"output": "Vectors", "motionPath": motion.capitalize()}) as node:
        node.params["speed"].set(0.25)
        for step in (1, 2, 3):
            assert prepared.views[0].motion is not None
            ways = render_ways(prepared.views[0].motion, 2 + Fraction(step, 4))  # type: ignore[arg-type]
            ways[..., [1, 3]] *= -1  # y up
            assert_same_bits(render(node, 5 + step), ways)
            left, gone = 1 - step / 4, step / 4
            middle = np.median(ways[STILL].reshape(-1, 4), axis=0)
            np.testing.assert_allclose(np.abs(middle), [3 * left, left, 3 * gone, gone], atol=0.15)
            np.testing.assert_allclose(middle[:2] * gone, -middle[2:] * left, atol=0.05)


def test_what_is_asked_for(bundle: Path) -> None:
    values = {"timing": "Frame", "output": "Vectors", "motionPath": "Linear"}
    with open_node(bundle, source(), params=values) as node:

        def needed(frame: float) -> list[tuple[float, float]]:
            node.params["frame"].set(frame)
            render(node, 1)
            return list(node.frames_needed(1)["Source"])

        assert needed(3.0) == [(2.0, 4.0)]
        assert needed(1.0) == [(1.0, 2.0)] and needed(5.0) == [(4.0, 5.0)]
        assert needed(-7.0) == [(1.0, 2.0)], "held"
        assert needed(2.5) == [(2.0, 3.0)]
        node.params["cuts"].set("3")
        assert needed(3.0) == [(3.0, 4.0)] and needed(2.0) == [(1.0, 2.0)]
        assert needed(2.5) == [(3.0, 4.0)] and needed(2.25) == [(1.0, 2.0)], "the frame that is shown"
        choose(node, "atCut", "Cross-fade")
        assert needed(2.5) == [(3.0, 4.0)], "a mix of two has no motion"
        node.params["cuts"].set("")
        choose(node, "motionPath", "Quadratic")
        assert needed(2.5) == [(1.0, 4.0)] and needed(3.0) == [(2.0, 4.0)]
        node.params["shutterSamples"].set(8)
        assert needed(3.0) == [(2.0, 4.0)], "of one moment"
        choose(node, "outside", "Black")
        node.params["frame"].set(9.0)
        assert not node.render(1).any() and not node.last_render.fetches  # type: ignore[union-attr]


def test_a_neighbour_that_is_missing_moves_nowhere(bundle: Path, plates: str, tmp_path: Path) -> None:
    """In the effect Vectors as well; elsewhere a missing frame is black, and motion to that is nonsense."""
    expected = by_program(plates, tmp_path)[3]
    there = {number: frame for number, frame in FRAMES.items() if number != 4}
    values = {"timing": "Frame", "frame": 3.0, "output": "Vectors"}
    with open_node(bundle, {"Source": FrameSequenceClip(there)}, params=values) as node:
        made = render(node, 1)
        assert not made[..., :2].any()
        assert_same_bits(made[..., 2:], expected[..., 2:])
        node.params["frame"].set(4.0)
        assert not node.render(1).any()  # type: ignore[union-attr]
    with open_node(bundle, {"Source": FrameSequenceClip(there)}, effect=VECTORS) as node:
        assert_same_bits(node.render(3), made)
        assert not node.render(4).any()  # type: ignore[union-attr]


@pytest.mark.parametrize("depth", ["byte", "half", "float"])
def test_the_output_is_rgba_in_float_whatever_the_source(bundle: Path, depth: str) -> None:
    rgb = {number: np.ascontiguousarray(frame[..., :3]) for number, frame in FRAMES.items()}
    clip = FrameSequenceClip(rgb, depth=depth)
    with open_node(bundle, {"Source": clip}, params={"speed": 1.0}, multiple_depths=True) as node:
        assert node.render(3).shape[2] == 3  # type: ignore[union-attr]
        choose(node, "output", "Vectors")
        made = node.render(3, raw=True)
        assert made is not None and made.dtype == np.float32 and made.shape[2] == 4
        assert made.min() < -1 and made.max() > 1
        choose(node, "output", "Result")
        assert node.render(3).shape[2] == 3  # type: ignore[union-attr]


@pytest.mark.parametrize(("depth", "channels"), [("byte", 4), ("float", 3)])
def test_where_they_cannot_be_held_that_is_said(bundle: Path, depth: str, channels: int) -> None:
    """A filter's output is like its input."""
    frames = {number: np.ascontiguousarray(frame[..., :channels]) for number, frame in FRAMES.items()}
    clips = {"Source": FrameSequenceClip(frames, depth=depth)}
    with open_node(bundle, clips, "filter", params={"output": "Vectors"}) as node:
        with pytest.raises(ActionFailed):
            node.render(3)
        assert "RGBA, half or float" in node.persistent_message.text
        choose(node, "output", "Confidence")
        assert node.render(3) is not None and node.persistent_message is None


def test_no_alpha_divides_them(bundle: Path) -> None:
    """The fourth channel is motion, also where the host's pictures are not multiplied by alpha."""
    with open_node(bundle, source(), "filter", params={"output": "Vectors"}) as node:
        expected = render(node, 4)
    clips = source(premultiplication="unpremultiplied")
    with open_node(bundle, clips, "filter", params={"output": "Vectors"}) as node:
        assert_same_bits(render(node, 4), expected)


def test_vectors_of_the_input_and_a_matte(bundle: Path) -> None:
    motion = np.zeros((HEIGHT, WIDTH, 4), np.float32) + np.array([-3, -1, 3, 1], np.float32)
    clips = source() | {
        "Vectors": FrameSequenceClip(dict.fromkeys(FRAMES, motion)),
        "Matte": FrameSequenceClip(FRAMES),
    }
    values = {"timing": "Frame", "flow": "Vectors input", "output": "Vectors", "motionPath": "Linear"}
    with open_node(bundle, clips, params=values) as node:
        for frame, expected in ((3.0, (-3, -1, 3, 1)), (2.25, (-2.25, -0.75, 0.75, 0.25))):
            node.params["frame"].set(frame)
            made = render(node, 1)
            np.testing.assert_allclose(made[STILL], np.zeros_like(made[STILL]) + expected, atol=1e-5)
            assert not [name for name, _ in node.last_render.frames if name == "Matte"]
        choose(node, "flow", "DIS and vectors input")
        with pytest.raises(ActionFailed):
            node.render(1)
        assert "several estimators" in node.persistent_message.text


def test_an_inbetween_leads_to_both_pictures(bundle: Path) -> None:
    values = {"frameA": 2, "frameB": 3, "output": "Vectors"}
    with open_node(bundle, source(), effect=INBETWEEN, params=values) as node:
        for amount, share in ((0.0, (1, 0)), (0.25, (0.75, 0.25)), (1.0, (0, 1))):
            node.params["amount"].set(amount)
            made = render(node, 1)
            middle = np.abs(np.median(made[STILL].reshape(-1, 4), axis=0))
            np.testing.assert_allclose(middle, [3 * share[0], share[0], 3 * share[1], share[1]], atol=0.15)


def test_fields_are_refused(bundle: Path) -> None:
    clips = source(field_order="lower")
    with open_node(bundle, clips, params={"output": "Vectors"}) as node:
        with pytest.raises(ActionFailed):
            node.render(3, field="lower")
        assert "deinterlace" in node.persistent_message.text
