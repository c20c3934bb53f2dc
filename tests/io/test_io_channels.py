"""Is each channel's purpose told from its name, type and metadata?"""

from __future__ import annotations

import pytest

from retempo.io import channels as ch


@pytest.mark.parametrize(
    ("name", "part", "expected"),
    [
        ("R", "", "color"), ("A", "", "alpha"), ("diffuse.R", "", "color"), ("diffuse.A", "", "alpha"),
        ("R", "rgba_left", "color"), ("Y", "", "color"), ("Z", "", "depth"), ("depth.Z", "", "depth"),
        ("depth.V", "", "depth"), ("Z", "depth_left", "depth"), ("forward.u", "", "vector"),
        ("ViewLayer.Vector.X", "", "vector"), ("motion.x", "", "vector"), ("disparityL.x", "", "vector"),
        ("R", "motion", "vector"), ("N.x", "", "data"), ("N.Z", "", "data"), ("P.Z", "", "data"),
        ("mask.mask", "", "data"), ("id", "", "id"), ("objectId", "", "id"), ("ViewLayer.IndexOB.X", "", "id"),
        ("grid.x", "", "data"), ("ViewLayer.Combined.G", "", "color"), ("ViewLayer.Depth.Z", "", "depth"),
    ],
)  # fmt: skip
def test_role(name: str, part: str, expected: str) -> None:
    assert ch.role(name, part) == expected


def test_integer_channels_are_ids() -> None:
    assert ch.role("whatever", integer=True) == "id"


def test_cryptomatte_needs_its_metadata() -> None:
    found = ch.cryptomattes({
        "cryptomatte/ab12cd3/name": "CryptoObject", "cryptomatte/ab12cd3/manifest": "{}",
        "cryptomatte/ab12cd3/hash": "MurmurHash3_32", "other": 1,
    })  # fmt: skip
    assert found["CryptoObject"]["manifest"] == "{}" and found["CryptoObject"]["key"] == "ab12cd3"
    assert ch.role("CryptoObject00.r", crypto=found) == "cryptomatte"
    assert ch.role("CryptoObject12.A", crypto=found) == "cryptomatte"
    assert ch.role("R", "CryptoObject01", crypto=found) == "cryptomatte"
    assert ch.role("CryptoObjectOther.r", crypto=found) == "color"
    assert ch.role("CryptoObject00.r") != "cryptomatte"


def test_color_groups_put_the_beauty_first() -> None:
    names = ("diffuse.R", "diffuse.G", "diffuse.B", "Z", "B", "G", "R", "A", "N.x")
    assert ch.color_groups(names) == [(6, 5, 4, 7), (0, 1, 2)]
    blender = (
        "V.Diff.R",
        "V.Diff.G",
        "V.Diff.B",
        "V.Combined.R",
        "V.Combined.G",
        "V.Combined.B",
        "V.Combined.A",
    )
    assert ch.color_groups(blender)[0] == (3, 4, 5, 6)
    assert ch.color_groups(("Y",)) == [(0, 0, 0)]
    assert ch.color_groups(("Z", "N.x")) == []
