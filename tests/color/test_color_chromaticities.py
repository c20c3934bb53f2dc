"""Are primaries recognised by what they do, in configs of any names?"""

from __future__ import annotations

import copy

import numpy as np
import PyOpenColorIO as ocio
import pytest

from retempo.color.chromaticities import KNOWN, contradict, identify, matrix_of, spelled, stated_by, to_aces
from retempo.color.config import ColorConfig, find_config

REC709 = KNOWN["Rec.709 (sRGB)"]
SPACES = {
    "Rec.709 (sRGB)": "Linear Rec.709 (sRGB)",
    "ACES AP0": "ACES2065-1",
    "ACES AP1": "ACEScg",
    "P3-D65": "Linear P3-D65",
    "Rec.2020": "Linear Rec.2020",
}


@pytest.fixture(scope="module", params=["ocio://cg-config-latest", "ocio://studio-config-latest"])
def config(request: pytest.FixtureRequest) -> ColorConfig:
    return find_config(request.param)


@pytest.mark.parametrize("name", SPACES)
def test_known_sets_name_their_spaces(config: ColorConfig, name: str) -> None:
    found = identify(config, [np.float32(one) for one in KNOWN[name]])
    assert (found.name, found.spaces) == (name, (SPACES[name],))
    assert config.space(found.flag) == SPACES[name] and not set(found.flag) & set(" ()")
    assert stated_by(config, SPACES[name]) == KNOWN[name]


def test_the_matrix_is_that_of_the_config(config: ColorConfig) -> None:
    """Known answer: the first row of Rec.709 to AP0, Bradford-adapted, as in the ACES configs."""
    matrix = to_aces(REC709)
    assert matrix is not None
    np.testing.assert_allclose(matrix[0], [0.43963, 0.38299, 0.17738], atol=1e-5)
    for name, space in SPACES.items():
        np.testing.assert_allclose(to_aces(KNOWN[name]), matrix_of(config, space), atol=1e-6)


def test_only_another_known_space_contradicts(config: ColorConfig) -> None:
    found = contradict(config, "ACES2065-1", REC709)
    assert found is not None and found.flag == "lin_rec709_scene"
    assert contradict(config, "Linear Rec.709 (sRGB)", REC709) is None
    assert contradict(config, "sRGB Encoded Rec.709 (sRGB)", KNOWN["Rec.2020"]) is None, "encoded: not judged"
    strange = (0.9, 0.05, 0.05, 0.9, 0.05, 0.05, 0.3, 0.3)
    assert contradict(config, "ACES2065-1", strange) is None and identify(config, strange).spaces == ()
    assert stated_by(config, "ACEScct") is None


@pytest.mark.parametrize(
    "numbers",
    [
        (0.0,) * 8,
        (1.0,) * 8,
        REC709[:6],
        (*REC709[:7], 0.0),
        (float("nan"), *REC709[1:]),
        (*REC709[:6], 0.3, -0.3),
    ],
)
def test_nonsense_is_nothing(numbers: tuple[float, ...]) -> None:
    config = find_config("ocio://cg-config-latest")
    assert to_aces(numbers) is None
    assert identify(config, numbers).spaces == () and contradict(config, "ACEScg", numbers) is None


def test_a_config_without_the_interchange_role_is_not_judged() -> None:
    bare = ColorConfig(ocio.Config.CreateRaw(), "raw")
    assert contradict(bare, bare.spaces()[0], REC709) is None and identify(bare, REC709).spaces == ()


def test_spaces_of_any_name_and_names_in_quotes() -> None:
    made = copy.deepcopy(ocio.Config.CreateFromFile("ocio://cg-config-latest"))
    matrix = np.eye(4)
    wide = to_aces(KNOWN["P3-D65"])
    assert wide is not None
    matrix[:3, :3] = wide
    space = ocio.ColorSpace(name="house wide", encoding="scene-linear")
    space.setTransform(ocio.MatrixTransform(matrix.ravel().tolist()), ocio.COLORSPACE_DIR_TO_REFERENCE)
    made.removeColorSpace("Linear P3-D65")
    made.addColorSpace(space)
    config = ColorConfig(made, "made")
    found = identify(config, KNOWN["P3-D65"])
    assert found.spaces == ("house wide",) and found.flag == "'house wide'"
    assert spelled(config, "ACEScg") == "ACEScg"
