"""Are parameters greyed out exactly while they change nothing? No worker is needed to know that."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from host import FrameSequenceClip
from host.effect import Instance
from retempo_bundle import INBETWEEN, RETIME, VECTORS, choose, find_bundle, moving_frames, open_node

CLIP = FrameSequenceClip(moving_frames(3))
TIMING = {"speed", "frame", "fpsIn", "fpsOut"}
SHUTTER = {"shutterAngle", "shutterOffset", "shutterPhase"}
CONVENTION = {"vectorPreset", "vectorMax", "vectorScale", "vectorFlipY"}
MATTE = {"matteChannel", "matteInvert"}
MOTION = {
    "flow", "flowScale", "flowSpace", "inverses", "motionPath", "filter", "footprint", "sigma", "temperature", "merge",
    "mergeExponent", "coverageGate",
}  # fmt: skip
UNUSED = (TIMING - {"speed"}) | SHUTTER | CONVENTION | MATTE | {"atCut", "depth", "depthConvention"}
"""Of a new Retime in the general context with nothing but a source."""


@pytest.fixture(scope="module")
def bundle() -> Path:
    return find_bundle()


@pytest.fixture
def retime(bundle: Path) -> Iterator[Instance]:
    with open_node(bundle, {"Source": CLIP}) as node:
        yield node


def grey(node: Instance) -> set[str]:
    """The parameters that cannot be edited."""
    return {name for name in node.params if not node.params[name].enabled}


@pytest.mark.parametrize(
    ("changes", "more", "fewer"),
    [
        ({}, set(), set()),
        ({"timing": "Frame"}, {"speed"}, {"frame"}),
        ({"timing": "Frame rate"}, {"speed"}, {"fpsIn", "fpsOut"}),
        ({"shutterSamples": 4}, set(), {"shutterAngle", "shutterOffset"}),
        ({"shutterSamples": 0, "shutterOffset": "Custom"}, set(), SHUTTER),
        ({"shutterOffset": "Custom"}, set(), set()),
        ({"shutterSamples": 4, "output": "Confidence"}, {"shutterSamples", "filter"}, set()),
        ({"cuts": "2"}, set(), {"atCut"}),
        ({"cuts": "2", "output": "Vectors"}, {"shutterSamples", "filter"}, set()),
        ({"engine": "Blend"}, MOTION, set()),
        ({"engine": "Nearest", "flow": "Vectors input"}, MOTION, set()),
        ({"flow": "Vectors input"}, set(), CONVENTION),
        ({"flow": "DIS and vectors input"}, set(), CONVENTION),
        ({"depth": "Add"}, set(), {"depth", "depthConvention"}),
        ({"depth": "Add", "engine": "Blend"}, MOTION, set()),
        ({"footprint": "Bilinear"}, {"sigma"}, set()),
        ({"merge": "Linear"}, {"mergeExponent"}, set()),
    ],
)
def test_by_the_other_parameters(
    retime: Instance, changes: dict[str, object], more: set[str], fewer: set[str]
) -> None:
    for name, value in changes.items():
        choose(retime, name, value)
    assert grey(retime) == (UNUSED | more) - fewer
    defaults = {
        "timing": 0,
        "shutterSamples": 1,
        "shutterOffset": 0,
        "output": 0,
        "cuts": "",
        "engine": 0,
        "flow": 0,
    }
    for name, value in (defaults | {"depth": 0, "footprint": 0, "merge": 0}).items():
        retime.params[name].set(value)
    assert grey(retime) == UNUSED, "and back"


def test_by_what_is_connected(retime: Instance) -> None:
    retime.change_clip("Matte", CLIP)
    assert grey(retime) == UNUSED - MATTE
    choose(retime, "output", "Vectors")
    assert grey(retime) >= MATTE, "a matte has no part in vectors"
    choose(retime, "engine", "Blend")
    choose(retime, "output", "Result")
    assert grey(retime) >= MATTE, "nor in what does not move"
    choose(retime, "output", "Foreground")
    assert not MATTE & grey(retime), "but in a layer"
    retime.change_clip("Matte", None)
    choose(retime, "output", "Result")
    choose(retime, "engine", "Motion")
    retime.change_clip("Depth", CLIP)
    assert grey(retime) == UNUSED - {"depth"}
    choose(retime, "depth", "Only")
    retime.change_clip("Depth", None)
    assert "depth" not in grey(retime), "an error that is shown must be possible to mend"


def test_from_the_first_moment_on(bundle: Path) -> None:
    """As a host does that opens a project: values and clips are there before the instance is."""
    from host import OfxHost

    with OfxHost() as made:
        plugin = made.load(bundle)[RETIME]
        clips = {"Source": CLIP, "Matte": CLIP}
        with plugin.create("general", clips, params={"timing": 1, "shutterSamples": 5}) as node:
            expected = UNUSED - MATTE - {"frame", "shutterAngle", "shutterOffset"} | {"speed"}
            assert grey(node) == expected


@pytest.mark.parametrize("context", ["filter", "retimer"])
def test_contexts_with_fewer_parameters(bundle: Path, context: str) -> None:
    with open_node(bundle, {"Source": CLIP}, context) as node:
        absent = TIMING if context == "retimer" else CONVENTION | MATTE | {"depth", "depthConvention"}
        assert not absent & set(node.params) and grey(node) == UNUSED - absent


def test_the_other_effects(bundle: Path) -> None:
    with open_node(bundle, {"Source": CLIP}, effect=INBETWEEN) as node:
        assert grey(node) == CONVENTION | MATTE | {"depth", "depthConvention"}
        node.change_clip("Second", CLIP)
        assert {"frameA", "frameB"} <= grey(node)
    with open_node(bundle, {"Source": CLIP}, effect=VECTORS) as node:
        assert not grey(node)
        choose(node, "motion", "Confidence")
        assert grey(node) == {"vectorPreset", "vectorMax"}
