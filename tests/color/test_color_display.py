"""Do previews go through a view that exists, and do reports say what was decided?"""

from __future__ import annotations

import json

import numpy as np
import pytest

from retempo.color.config import find_config
from retempo.color.pipeline import ColorPipeline
from retempo.errors import ColorError

CONFIG = find_config("ocio://default")


def test_default_view_maps_hdr_into_the_picture() -> None:
    pipeline = ColorPipeline(CONFIG)
    light = np.repeat(np.array([0.0, 0.01, 0.18, 1.0, 10.0, 1000.0], np.float32)[None, :, None], 3, axis=2)
    shown = pipeline.to_display(light)
    assert shown.shape == (1, 6, 3)
    assert shown.min() >= 0.0
    assert shown.max() <= 1.0
    assert (np.diff(shown[0, :5, 1]) > 0.0).all()
    assert 0.3 < shown[0, 2, 1] < 0.45


def test_named_view_without_tone_mapping_is_the_srgb_curve() -> None:
    pipeline = ColorPipeline(CONFIG, working_space="lin_rec709")
    light = np.array([[[0.2140411, 0.2140411, 0.2140411], [5.0, -1.0, np.nan]]], np.float32)
    shown = pipeline.to_display(light, "srgb - display", "un-tone-mapped")
    np.testing.assert_allclose(shown[0, 0], 0.5, atol=1e-4)
    np.testing.assert_allclose(shown[0, 1], [1.0, 0.0, 0.0], atol=1e-4)


def test_alpha_is_dropped_over_black() -> None:
    pipeline = ColorPipeline(CONFIG)
    rgba = np.array([[[0.2, 0.1, 0.05, 0.5]]], np.float32)
    np.testing.assert_array_equal(pipeline.to_display(rgba), pipeline.to_display(rgba[..., :3].copy()))


@pytest.mark.parametrize(
    ("display", "view", "message"),
    [
        ("sRGB", None, "display 'sRGB' does not exist.*'sRGB - Display'"),
        (None, "ACES", "view of .* 'ACES' does not"),
    ],
)
def test_unknown_display_or_view_is_an_error_with_suggestions(
    display: str | None, view: str | None, message: str
) -> None:
    with pytest.raises(ColorError, match=message):
        ColorPipeline(CONFIG).to_display(np.zeros((1, 1, 3), np.float32), display, view)


def test_config_with_its_own_display(write_config) -> None:
    pipeline = ColorPipeline(write_config({"scene_linear": "linear"}))
    shown = pipeline.to_display(np.full((1, 1, 3), 0.5, np.float32))
    np.testing.assert_allclose(shown, 0.5 ** (1 / 2.2), atol=1e-4)


def test_description_is_json_and_tells_the_decisions() -> None:
    facts = ColorPipeline(CONFIG, path_for_rules="shot.####.exr", output_space="sRGB - Display").describe()
    assert json.loads(json.dumps(facts)) == facts
    assert facts["input_space"] == "ACES2065-1"
    assert facts["working_space"] == "ACEScg"
    assert facts["working_is_linear"] is True
    assert facts["copies_are_bit_exact"] is False
    assert facts["flow_space"] == "ACEScct"
    assert facts["flow_peak"] == pytest.approx(1.46800, abs=1e-4)


def test_description_is_the_same_for_the_same_settings() -> None:
    first = ColorPipeline("ocio://default", path_for_rules="a.exr").describe()
    assert ColorPipeline("ocio://default", path_for_rules="a.exr").describe() == first
    assert ColorPipeline("ocio://studio-config-latest", path_for_rules="a.exr").describe() != first
