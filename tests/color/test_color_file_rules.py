"""Which colour space does a file get when nobody names one?"""

from __future__ import annotations

import copy

import PyOpenColorIO as ocio
import pytest

from retempo.color.config import ColorConfig, find_config
from retempo.color.file_rules import MOVIE_SUFFIXES, choose_space, kind_of
from retempo.color.pipeline import ColorPipeline


@pytest.mark.parametrize(
    ("path", "kind"),
    [("a/b.####.exr", "float"), ("a.HDR", "float"), ("x.MOV", "movie"), ("p.mp4", "movie"),
     ("p.png", "integer"), ("p.%04d.dpx", "integer"), ("p.tif", "integer"), ("noext", "integer")],
)  # fmt: skip
def test_kind_by_suffix(path: str, kind: str) -> None:
    assert kind_of(path) == kind


@pytest.mark.parametrize(
    ("path", "space", "reason"),
    [
        ("/s/shot.0001.exr", "ACES2065-1", "file rule 'EXR'"),
        ("/s/take.mov", "Rec.1886 Rec.709 - Display", "file rule 'Movies'"),
        ("/s/still.png", "sRGB - Display", "Default file rule"),
        ("/s/light.hdr", "ACEScg", "scene_linear role"),
        (None, "ACEScg", "scene_linear role"),
    ],
)
def test_builtin_config(path: str | None, space: str, reason: str) -> None:
    choice = choose_space(find_config("ocio://default"), path)
    assert choice.space == space
    assert reason in choice.reason


@pytest.mark.parametrize("config", ["ocio://default", "ocio://cg-config-v1.0.0_aces-v1.3_ocio-v2.1"])
def test_a_movie_is_in_one_space_whatever_its_container(config: str) -> None:
    found = find_config(config)
    choices = {suffix: choose_space(found, f"/s/take{suffix}").space for suffix in MOVIE_SUFFIXES}
    assert set(choices.values()) == {choose_space(found, "/s/take.mov").space}
    assert choose_space(found, "/s/take.xyz", "movie").space == choices[".mov"]
    if config == "ocio://default":
        assert choices[".mkv"] == "Rec.1886 Rec.709 - Display"
        assert choose_space(found, "/s/take.mkv").reason == "file rule 'Movies' of the config"


def test_a_rule_for_a_container_itself_comes_first() -> None:
    config = copy.deepcopy(ocio.Config.CreateFromFile("ocio://default"))
    rules = config.getFileRules()
    rules.insertRule(0, "Archive", "ACEScct", "*", "mkv")
    config.setFileRules(rules)
    found = ColorConfig(config, "made")
    assert choose_space(found, "/s/take.mkv") == ("ACEScct", "file rule 'Archive' of the config")
    assert choose_space(found, "/s/take.avi").space == "Rec.1886 Rec.709 - Display"


def test_float_tiff_is_linear_when_the_reader_says_so() -> None:
    pipeline = ColorPipeline("ocio://default", path_for_rules="a.tif", kind="float")
    assert pipeline.input_space == "ACEScg"


def test_default_rule_that_means_data_falls_back_to_an_encoded_role(write_config) -> None:
    roles = {"scene_linear": "linear", "texture_paint": "linear", "color_picking": "video"}
    config = find_config(write_config(roles, default_rule="raw"))
    assert choose_space(config, "a.png") == ("video", "integer pixels: the color_picking role")
    assert choose_space(config, "a.exr").space == "linear"


def test_without_any_encoded_space_the_default_rule_stands(write_config) -> None:
    config = find_config(write_config({"scene_linear": "linear"}, default_rule="linear"))
    choice = choose_space(config, "a.png")
    assert choice.space == "linear"
    assert "no sRGB space" in choice.reason


def test_version_1_config_has_no_file_rules_but_a_default_role(write_config) -> None:
    config = find_config(write_config({"scene_linear": "linear", "color_picking": "video"}, version=1))
    assert choose_space(config, "a.exr").space == "linear"
    assert choose_space(config, "a.png").space == "video"


def test_named_input_space_beats_the_rules() -> None:
    pipeline = ColorPipeline("ocio://default", input_space="lin_rec709", path_for_rules="a.exr")
    assert pipeline.input_space == "Linear Rec.709 (sRGB)"
    assert pipeline.describe()["input_reason"] == "asked for"
