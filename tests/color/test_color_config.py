"""Is the right config found, and does a wrong name get an answer that helps?"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from retempo.color.additions import with_additions
from retempo.color.config import DEFAULT_CONFIG, find_config
from retempo.color.pipeline import ColorPipeline
from retempo.errors import ColorError


@pytest.mark.parametrize("name", ["ocio://default", "ocio://cg-config-latest", "ocio://studio-config-latest"])
def test_builtin_configs_are_found_and_differ_only_in_name(name: str) -> None:
    config = find_config(name)
    assert config.source == name
    assert config.require_role("scene_linear", "the test") == "ACEScg"


def test_without_argument_the_environment_decides(monkeypatch: pytest.MonkeyPatch, write_config) -> None:
    path = write_config({"scene_linear": "linear"})
    monkeypatch.setenv("OCIO", path)
    assert find_config().source == path
    assert find_config("ocio://default").source == "ocio://default"
    monkeypatch.setenv("OCIO", "")
    assert find_config().source == DEFAULT_CONFIG
    monkeypatch.delenv("OCIO")
    assert find_config(None).source == DEFAULT_CONFIG


def test_a_config_that_is_loaded_already_is_kept() -> None:
    config = find_config("ocio://default")
    assert find_config(config) is config


def test_bad_environment_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCIO", "/no/such/config.ocio")
    with pytest.raises(ColorError, match=r"/no/such/config\.ocio, named by \$OCIO, does not exist"):
        find_config()


def test_unknown_builtin_lists_those_there_are() -> None:
    with pytest.raises(ColorError, match="ocio://studio-config-latest"):
        find_config("ocio://nope")


def test_folder_and_broken_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ColorError, match=r"is a folder; name the \.ocio"):
        find_config(tmp_path)
    broken = tmp_path / "broken.ocio"
    for text in ("", "hello", "ocio_profile_version: 99\n", "ocio_profile_version: 2\nroles: ["):
        broken.write_text(text)
        with pytest.raises(ColorError, match="cannot be loaded"):
            find_config(broken)


def test_names_aliases_roles_and_case_are_understood() -> None:
    config = find_config("ocio://default")
    for name in ("ACEScg", "acescg", "lin_ap1", "scene_linear"):
        assert config.space(name) == "ACEScg"


@pytest.mark.parametrize(
    ("typo", "meant"),
    [("ACESgc", "ACEScg"), ("sRGB Display", "sRGB - Display"), ("rec2020", "Linear Rec.2020")],
)
def test_unknown_space_suggests_the_near_ones(typo: str, meant: str) -> None:
    with pytest.raises(ColorError) as caught:
        ColorPipeline("ocio://default", input_space=typo)
    assert f"input colour space '{typo}' does not exist in OCIO config ocio://default" in caught.value.message
    assert meant in caught.value.hint
    assert caught.value.exit_code == 5


def test_a_name_like_nothing_lists_what_there_is() -> None:
    with pytest.raises(ColorError, match=r"the config has: 'sRGB - Display'.* and \d+ more"):
        find_config("ocio://default").space("qqqqq")


def test_every_argument_is_checked_and_named() -> None:
    for argument, what in (
        ("working_space", "working colour space"),
        ("output_space", "output colour space"),
        ("flow_space", "flow space"),
    ):
        with pytest.raises(ColorError, match=f"{what} 'nope'"):
            ColorPipeline("ocio://default", **{argument: "nope"})


def test_named_transform_is_not_a_space() -> None:
    with pytest.raises(ColorError, match="named transform"):
        find_config("ocio://default").space("sRGB - Curve")


def test_missing_scene_linear_role_says_so_unless_a_working_space_is_named(write_config) -> None:
    path = write_config({})
    with pytest.raises(ColorError, match="no role 'scene_linear', needed for"):
        ColorPipeline(path, input_space="linear")
    assert ColorPipeline(path, input_space="linear", working_space="linear").working_space == "linear"


def test_missing_lut_is_reported(write_config) -> None:
    path = write_config({"scene_linear": "linear"})
    with pytest.raises(ColorError, match=r"nowhere\.spi1d"):
        ColorPipeline(path, input_space="lost_lut")


def test_version_1_configs_work(write_config) -> None:
    pipeline = ColorPipeline(write_config({"scene_linear": "linear"}, version=1), input_space="video")
    assert pipeline.working_space == "linear"


def test_cache_id_follows_the_content_not_the_environment(
    monkeypatch: pytest.MonkeyPatch, write_config
) -> None:
    first = find_config(write_config({"scene_linear": "linear"})).cache_id
    monkeypatch.setenv("SHOT", "elsewhere")
    assert find_config(write_config({"scene_linear": "linear"})).cache_id == first
    assert find_config(write_config({"scene_linear": "video"})).cache_id != first


def test_additions_keep_the_search_path_and_need_the_interchange_role(write_config) -> None:
    lonely = find_config(write_config({"scene_linear": "linear"}))
    with pytest.raises(ColorError, match="no role aces_interchange"):
        with_additions(lonely)
    base = find_config(write_config({"scene_linear": "linear", "aces_interchange": "linear"}))
    merged = with_additions(base)
    assert merged.config.getWorkingDir() == base.config.getWorkingDir()
    assert "luts" in merged.config.getSearchPath()
    assert "Retempo Flow" in merged.spaces()
    assert with_additions(merged) is merged


def test_room_imports_neither_torch_nor_openimageio() -> None:
    code = (
        "import sys, retempo.color.pipeline\n"
        "assert not {'torch', 'OpenImageIO', 'cv2', 'av'} & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
