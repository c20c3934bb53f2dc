"""Is every picture taken for the colours that it has? For each style of OpenFX 1.5, and where a host says nothing.

What the worker was told shows in the pixels: a blend in another light is another blend.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from host import FrameSequenceClip
from retempo_bundle import (
    INBETWEEN,
    RETIME,
    VECTORS,
    choose,
    moving_frames,
    open_node,
)  # fmt: skip

from bits import assert_same_bits
from retempo.color.file_rules import choose_space
from retempo.color.pipeline import ColorPipeline

FRAMES = moving_frames(2)
NATIVE = "ocio://studio-config-v2.1.0_aces-v1.3_ocio-v2.3"
STYLES = ("basic", "core", "full", "ocio")


def clip(colourspace: str = "", depth: str = "float", channels: int = 4) -> FrameSequenceClip:
    frames = {number: np.ascontiguousarray(one[..., :channels]) for number, one in FRAMES.items()}
    return FrameSequenceClip(frames, depth=depth, colourspace=colourspace)


def blend(
    bundle: Path, source: FrameSequenceClip, config: str = "", space: str = "", **host: object
) -> np.ndarray:
    """The picture in the middle, without motion."""
    values = {"engine": "Blend", "config": config, "inputSpace": space}
    with open_node(bundle, {"Source": source}, params=values, **host) as node:
        made = node.render(2)
        assert made is not None
        return made


def test_nothing_is_negotiated_without_a_style(bundle: Path) -> None:
    with open_node(bundle, {"Source": clip("ACEScct")}, colour_style="none") as node:
        assert node.colour_style == "none"
        assert node.preferred_colourspaces["Source"] == ()
    told = blend(bundle, clip("ACEScct"), colour_style="none")
    assert_same_bits(told, blend(bundle, clip()))
    assert_same_bits(told, blend(bundle, clip(), "ocio://default", "scene_linear"))


@pytest.mark.parametrize("style", STYLES)
def test_what_is_asked_for(bundle: Path, style: str) -> None:
    linear = ("ofx_scene_linear",) if style != "ocio" else ()
    inputs = {"Source": clip("ACEScg"), "Vectors": clip("ACEScg"), "Depth": clip("ACEScg")}
    with open_node(bundle, inputs, colour_style=style) as node:
        assert node.colour_style == style
        asked = node.preferred_colourspaces
        assert asked["Source"] == linear
        assert asked["Vectors"] == asked["Depth"] == ("ofx_raw",)
        assert (
            node.output_colourspace("ofx_scene_log") == "ACEScg"
        )  # the source's, whatever the host would like
        choose(node, "output", "Confidence")
        assert node.output_colourspace("ACEScg") == "ofx_raw"
    with open_node(
        bundle, {"Source": clip("ACEScg"), "Second": clip("ACEScct")}, effect=INBETWEEN, colour_style=style
    ) as node:
        assert node.preferred_colourspaces["Second"] == ("OfxColourspace_Source",)
    with open_node(bundle, {"Source": clip("ACEScg")}, effect=VECTORS, colour_style=style) as node:
        assert node.output_colourspace("ACEScg") == "ofx_raw"
    with open_node(bundle, {"Source": clip(channels=1)}, effect=RETIME, colour_style=style) as node:
        assert node.preferred_colourspaces["Source"] == ()  # alpha has no colour


@pytest.mark.parametrize("style", ["core", "full"])
@pytest.mark.parametrize("space", ["ACEScct", "srgb_tx", "ACEScg"])
def test_the_space_of_a_clip_is_that_of_the_native_config(bundle: Path, style: str, space: str) -> None:
    told = blend(bundle, clip(space), colour_style=style)
    assert_same_bits(told, blend(bundle, clip(), NATIVE, space))
    linear = blend(bundle, clip(), NATIVE, "scene_linear")
    assert (space == "ACEScg") == np.allclose(told, linear, atol=1e-4)


@pytest.mark.parametrize(
    ("basic", "like"),
    [
        ("ofx_scene_linear", "scene_linear"), ("ofx_scene_log", "ACEScct"), ("ofx_display_sdr", "sRGB - Display"),
        ("ofx_display_hdr", "Rec.2100-PQ - Display"), ("ofx_raw", ""),
    ],
)  # fmt: skip
def test_a_basic_space_stands_for_a_family(bundle: Path, basic: str, like: str) -> None:
    told = blend(bundle, clip(basic), colour_style="basic")
    assert_same_bits(told, blend(bundle, clip(), NATIVE, like))


def test_a_host_with_a_config_of_its_own(bundle: Path) -> None:
    config = "ocio://cg-config-v1.0.0_aces-v1.3_ocio-v2.1"
    told = blend(bundle, clip("sRGB - Texture"), colour_style="ocio", ocio_config=config)
    assert_same_bits(told, blend(bundle, clip(), config, "sRGB - Texture"))


@pytest.mark.parametrize("style", STYLES)
def test_the_users_word_is_the_last(bundle: Path, style: str) -> None:
    told = blend(bundle, clip("ACEScg"), "ocio://default", "ACEScct", colour_style=style)
    assert_same_bits(told, blend(bundle, clip(), "ocio://default", "ACEScct"))


@pytest.mark.parametrize("depth", ["byte", "short", "half", "float"])
def test_code_values_of_no_known_space_are_those_of_files(bundle: Path, depth: str) -> None:
    kind = "integer" if depth in ("byte", "short") else "float"
    config = ColorPipeline("ocio://default", kind=kind)
    assert config.input_space == choose_space(config.config, None, kind).space
    told = blend(bundle, clip(depth=depth))
    assert_same_bits(told, blend(bundle, clip(depth=depth), "ocio://default", config.input_space))
    other = blend(bundle, clip(depth=depth), "ocio://default", "ACEScct")
    assert not np.array_equal(told, other)
