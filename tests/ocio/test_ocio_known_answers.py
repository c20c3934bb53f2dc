"""Do the shipped known answers follow from the published equations, and does OCIO agree with both?"""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import PyOpenColorIO as ocio
import pytest

from retempo.color.additions import additions_path, load_additions, with_additions
from retempo.color.config import find_config

ANSWERS = json.loads((additions_path().parent / "known_answers.json").read_text())
GREYS = {answer["name"]: answer for answer in ANSWERS["answers"]}


def acescct(light: float) -> float:
    """Academy S-2016-001, section 4.4."""
    if light <= 0.0078125:
        return 10.5402377416545 * light + 0.0729055341958355
    return (math.log2(light) + 9.72) / 17.52


def srgb_to_linear(value: float) -> float:
    """IEC 61966-2-1."""
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def retempo_flow(light: float) -> float:
    """The text of ocio/README.md: its bend is the root of log1p(bend * room) / bend = 0.25 / slope."""
    black, white, peak = acescct(0.0), acescct(1.0), acescct(65504.0)
    slope, room = 0.75 / (white - black), peak - white
    low, high = 1.0, 100.0
    for _ in range(100):
        bend = (low + high) / 2
        low, high = (bend, high) if math.log1p(bend * room) / bend > 0.25 / slope else (low, bend)
    value = acescct(light)
    if value > white:
        return min(1.0, 0.75 + slope / bend * math.log1p(bend * (value - white)))
    return max(0.0, slope * (value - black))


EQUATIONS = {"ACEScct": acescct, "sRGB to linear": srgb_to_linear, "Retempo Flow": retempo_flow}


def rgb_to_xyz(primaries: list[tuple[float, float]], white: tuple[float, float]) -> np.ndarray:
    """SMPTE RP 177: the matrix that sends (1, 1, 1) to the white point."""
    columns = np.array([[x / y, 1.0, (1.0 - x - y) / y] for x, y in primaries]).T
    x, y = white
    return columns * np.linalg.solve(columns, np.array([x / y, 1.0, (1.0 - x - y) / y]))


def run(config: ocio.Config, source: str, target: str, rgb: np.ndarray) -> np.ndarray:
    out = np.array(rgb, np.float32).reshape(1, -1, 3).copy()
    cpu = config.getProcessor(source, target).getOptimizedCPUProcessor(ocio.OPTIMIZATION_LOSSLESS)
    cpu.apply(ocio.PackedImageDesc(out, out.shape[1], 1, 3))
    return out[0]


@pytest.mark.parametrize("name", sorted(EQUATIONS))
def test_file_follows_the_published_equation(name: str) -> None:
    for value, expected in GREYS[name]["grey"]:
        assert EQUATIONS[name](value) == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize(
    "source", ["ocio://default", "ocio://cg-config-latest", "ocio://studio-config-latest"]
)
@pytest.mark.parametrize("name", sorted(EQUATIONS))
def test_ocio_gives_the_known_greys(name: str, source: str) -> None:
    answer = GREYS[name]
    config = with_additions(find_config(source)).config
    values = np.array([value for value, _ in answer["grey"]])
    got = run(config, answer["from"], answer["to"], np.repeat(values[:, None], 3, axis=1))
    expected = np.array([result for _, result in answer["grey"]])
    np.testing.assert_allclose(got, np.repeat(expected[:, None], 3, axis=1), atol=answer["tolerance"], rtol=0)


def test_matrix_follows_from_the_primaries_and_ocio_agrees() -> None:
    white = (0.32168, 0.33767)
    ap0 = rgb_to_xyz([(0.7347, 0.2653), (0.0, 1.0), (0.0001, -0.077)], white)
    ap1 = rgb_to_xyz([(0.713, 0.293), (0.165, 0.83), (0.128, 0.044)], white)
    (answer,) = ANSWERS["matrices"]
    rows = np.array(answer["rows"])
    np.testing.assert_allclose(np.linalg.inv(ap1) @ ap0, rows, atol=1e-8)
    got = run(find_config("ocio://default").config, answer["from"], answer["to"], np.eye(3)).T
    np.testing.assert_allclose(got, rows, atol=answer["tolerance"])


def test_named_transform_is_the_curve_of_the_space() -> None:
    config = load_additions().config
    light = np.geomspace(1e-5, 65504.0, 200, dtype=np.float32)
    rgb = np.repeat(light[:, None], 3, axis=1)
    through_space = run(config, "ACEScg", "Retempo Flow", rgb)
    curve = rgb.reshape(1, -1, 3).copy()
    named = config.getProcessor(config.getNamedTransform("Retempo Flow - Curve"), ocio.TRANSFORM_DIR_FORWARD)
    named.getOptimizedCPUProcessor(ocio.OPTIMIZATION_LOSSLESS).apply(
        ocio.PackedImageDesc(curve, len(light), 1, 3)
    )
    np.testing.assert_allclose(through_space, curve[0], atol=1e-6)


def test_shipped_config_is_valid_and_loads_from_its_text(tmp_path: Path) -> None:
    load_additions().config.validate()
    copy = tmp_path / "copy.ocio"
    copy.write_text(additions_path().read_text())
    assert "Retempo Flow" in find_config(str(copy)).spaces()


@pytest.mark.parametrize(
    "source",
    ["ocio://default", "ocio://studio-config-latest", "ocio://cg-config-v1.0.0_aces-v1.3_ocio-v2.1"],
)
def test_merging_adds_two_things_and_changes_nothing_else(source: str) -> None:
    base = find_config(source)
    merged = with_additions(base)
    merged.config.validate()
    assert set(merged.spaces()) - set(base.spaces()) == {"Retempo Flow"}
    assert [name for name in merged.spaces() if name != "Retempo Flow"] == [*base.spaces()]
    added = set(merged.config.getNamedTransformNames()) - set(base.config.getNamedTransformNames())
    assert added == {"Retempo Flow - Curve"}
    assert merged.roles() == base.roles()
    assert merged.name == base.name
    assert list(merged.config.getDisplays()) == list(base.config.getDisplays())
    assert list(merged.config.getViewTransformNames()) == list(base.config.getViewTransformNames())
    assert merged.config.getDefaultDisplay() == base.config.getDefaultDisplay()
    assert merged.config.getWorkingDir() == base.config.getWorkingDir()
    assert merged.config.getSearchPath() == base.config.getSearchPath()
    rules, merged_rules = base.config.getFileRules(), merged.config.getFileRules()
    assert [rules.getColorSpace(i) for i in range(rules.getNumEntries())] == [
        merged_rules.getColorSpace(i) for i in range(merged_rules.getNumEntries())
    ]
