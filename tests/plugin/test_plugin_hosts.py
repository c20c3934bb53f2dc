"""Does the plugin work in hosts that are not the strict one: HostSupport and its demo, Natron, MLT?

``host/personalities.py`` says how each of them differs, and where that was read.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from host import FrameSequenceClip, OfxHost
from host import constants as k
from host.effect import Instance
from host.personalities import PERSONALITIES, STRICT
from host.plugin import ActionFailed
from retempo_bundle import (
    INBETWEEN,
    MAXIMUM,
    RETIME,
    VECTORS,
    moving_frames,
    open_node,
    quantize,
    retime_files,
    write_files,
)  # fmt: skip

from bits import assert_same_bits

FRAMES = moving_frames()
WHERE = [
    ("hostsupport", "retimer", "byte"), ("hostsupport", "general", "byte"), ("hostsupport", "filter", "byte"),
    ("natron", "general", "float"), ("natron", "general", "byte"),
]  # fmt: skip


def play_slowly(node: Instance) -> None:
    if "SourceTime" in node.params:
        node.params["SourceTime"].animate(lambda time: 1 + (time - 1) / 4)
    else:
        node.params["speed"].set(0.25)


@pytest.mark.parametrize(("name", "context", "depth"), WHERE)
def test_a_retimed_shot_equals_the_command_line(
    bundle: Path, tmp_path: Path, name: str, context: str, depth: str
) -> None:
    frames = {number: quantize(pixels, depth) for number, pixels in FRAMES.items()}
    expected = retime_files(write_files(frames, tmp_path, depth), tmp_path, "--speed=1/4")
    clip = FrameSequenceClip(frames, depth=depth, pixel_aspect=768 / 720 if name == "hostsupport" else 1.0)
    manners = PERSONALITIES[name]
    assert context in manners.contexts
    with open_node(bundle, {"Source": clip}, context, like=name) as node:
        play_slowly(node)
        if context == "general":
            assert node.time_domain() == (1.0, 17.0)
        assert node.is_identity(5) == ("Source", 2.0) and node.is_identity(6) is None
        assert node.frames_needed(6)["Source"] == [(1.0, 4.0)], "two, and one more on either side"
        for number in (1, 5, 6, 7):
            made = node.render(number, raw=True, **manners.render)
            assert made is not None
            if depth == "float":
                assert_same_bits(made, expected[number])
            else:
                codes = expected[number].astype(np.float64) * MAXIMUM[depth]
                assert np.abs(made - codes).max() <= 1, f"frame {number}"
        node.params["flowScale"].set(node.params["flowScale"].value)
        assert node.params["info"].value, "written when something is edited, and told of as the host does"


@pytest.mark.parametrize("context", ["retimer", "general", "filter"])
def test_the_demo_shows_the_frames_that_its_values_stand_for(bundle: Path, context: str) -> None:
    """Every double is 2 there, what is no double has its default: double speed, or frame 2 for ever."""
    frames = {
        number: quantize(pixels, "byte") for number, pixels in moving_frames(20, (24, 36), first=0).items()
    }
    clip = FrameSequenceClip(
        frames, depth="byte", premultiplication="unpremultiplied", pixel_aspect=768 / 720
    )
    inputs = ["Source"] if context == "filter" else ["Source", "Vectors", "Depth", "Matte"]
    with open_node(bundle, dict.fromkeys(inputs, clip), context, like="hostdemo") as node:
        assert "info" not in node.params and "cuts" not in node.params, "strings, and all behind them"
        for time in (0, 5, 15):
            shown = 2 if context == "retimer" else min(2 * time, 19)
            made = node.render(time, raw=True, field="both")
            np.testing.assert_array_equal(made, np.round(frames[shown] * 255))


def test_the_other_effects_in_the_demo(bundle: Path) -> None:
    frames = {number: quantize(pixels, "byte") for number, pixels in moving_frames(4, (24, 36)).items()}
    clip = FrameSequenceClip(frames, depth="byte")
    both = {"Source": clip, "Second": clip}
    with open_node(bundle, both, effect=INBETWEEN, like="hostdemo") as node:
        assert node.is_identity(3) == ("Second", 3.0), "an amount of 2 is one of 1"
        np.testing.assert_array_equal(node.render(3, raw=True), np.round(frames[3] * 255))
    with open_node(bundle, {"Source": clip}, effect=VECTORS, like="hostdemo") as node:
        assert node.render(2) is not None


def test_pictures_that_are_not_of_their_depth_are_refused(bundle: Path) -> None:
    """The demo makes bytes, whatever depth was agreed on."""
    liar = replace(STRICT, image={k.kOfxImageEffectPropPixelDepth: k.kOfxBitDepthFloat})
    clip = FrameSequenceClip(FRAMES, depth="byte")
    wrong = pytest.raises(ActionFailed, match="rows are too short")
    with open_node(bundle, {"Source": clip}, params={"speed": 1.0}, personality=liar) as node, wrong:
        node.render(2)


@pytest.mark.parametrize("name", ["hostsupport", "natron"])
def test_it_works_again_after_it_was_unloaded(bundle: Path, name: str) -> None:
    seen = []
    with OfxHost.like(name) as host:
        plugins = host.load(bundle)
        for _ in range(2):
            with plugins[RETIME].create("general", {"Source": FrameSequenceClip(FRAMES)}) as node:
                play_slowly(node)
                seen.append(node.render(6))
            for plugin in plugins.values():
                plugin.unload()
            for plugin in plugins.values():
                plugin.scan()
                plugin.load()
    assert_same_bits(*seen)


def test_natron_makes_a_node_before_it_connects_it(bundle: Path) -> None:
    with open_node(bundle, {}, like="natron") as node:
        for scale in ((1.0, 1.0), (0.5, 0.5)):
            assert not node.output_region(1, scale).empty, "the project's"
        assert node.time_domain() is None and node.is_identity(1) is None
        node.change_clip("Source", FrameSequenceClip(FRAMES))
        play_slowly(node)
        alone = {number: node.render(number) for number in (2, 3, 6, 7)}
        for number, made in node.render_many(alone, threads=4).items():
            assert_same_bits(made, alone[number])
        half = node.render(5, scale=(0.5, 0.25))
        assert half is not None and half.shape == (12, 40, 4)


def test_a_generator_is_played_on_for_ever(bundle: Path) -> None:
    """Natron's nodes without inputs have all frames from -2^31 to 2^31 - 1."""
    clip = FrameSequenceClip(
        lambda time: np.full((12, 16, 4), time / 100, np.float32), frame_range=(-(2.0**31), 2.0**31 - 1)
    )
    with open_node(bundle, {"Source": clip}, params={"speed": 2.0}, like="natron") as node:
        assert node.time_domain() is None
        assert node.is_identity(4) == ("Source", 8.0)


@pytest.mark.parametrize("name", [name for name in PERSONALITIES if name != "hostdemo"])
def test_messages_are_legible(bundle: Path, name: str) -> None:
    """In the demo no parameter can be wrong."""
    context = PERSONALITIES[name].contexts[-1]
    clips = {"Source": FrameSequenceClip(FRAMES)}
    with open_node(bundle, clips, context, params={"cuts": "50%s"}, like=name) as node:
        with pytest.raises(ActionFailed):
            node.render(1)
        assert node.persistent_message.text.startswith("Cuts is '50%s'; give the first frames of new shots")


@pytest.mark.parametrize("name", PERSONALITIES)
def test_parameters_are_greyed_out_once(bundle: Path, name: str) -> None:
    """Hosts redraw for each write; some tell of each frame that the time line passes."""
    clips = {"Source": FrameSequenceClip(FRAMES)}
    with open_node(bundle, clips, PERSONALITIES[name].contexts[-1], like=name) as node:
        assert not node.params["frame"].enabled
        for param in node.params:
            node.params[param].properties.written.clear()
        node.tell_changed(k.kOfxTypeParameter, "speed", k.kOfxChangeTime)
        assert not [param for param in node.params if node.params[param].properties.written]


def test_mlt_gets_the_frame_that_it_has(bundle: Path) -> None:
    with OfxHost.like("mlt") as host:
        plugins = host.load(bundle)
        assert [name for name, one in plugins.items() if "filter" in one.contexts] == [RETIME]
    clips = {"Source": FrameSequenceClip(FRAMES)}
    with open_node(bundle, clips, "filter", params={"speed": 1.0}, like="mlt") as node:
        for number, pixels in FRAMES.items():
            assert_same_bits(node.render(number), pixels)
        node.params["speed"].set(0.5)
        with pytest.raises(ActionFailed, match="hands plugins the current frame alone"):
            node.render(2)
