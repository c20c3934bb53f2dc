"""Does `retempo info` tell what is there, and what is missing?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from retempo.cli.main import main


@pytest.fixture(scope="module")
def plate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("info")
    assert main(["sample", str(folder), "--frames", "8-10,12", "--size", "48x27", "--quiet"]) == 0
    return folder


def facts(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict:
    capsys.readouterr()
    assert main(["info", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_installation(capsys: pytest.CaptureFixture[str]) -> None:
    data = facts(capsys)
    assert data["build"]["version"]
    assert data["devices"][0] == "cpu"
    assert {"splatsyn", "blend", "nearest"} <= set(data["engines"])
    assert {"dis", "dis:coarse", "vectors"} <= set(data["flow"])
    assert data["ocio"]["roles"]["scene_linear"]


def test_sequence(plate: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = facts(capsys, str(plate / "plate.####.exr"))
    assert (data["ranges"], data["missing"], data["frames"]) == ("8-10,12", "11", 4)
    assert (data["size"], data["fps"], data["timecode"]) == ("48x27", "24", "01:00:00:08")
    (layer,) = data["layers"]
    roles = {channel["name"]: channel["role"] for channel in layer["channels"]}
    formats = {channel["name"]: channel["format"] for channel in layer["channels"]}
    assert roles["R"] == "color"
    assert roles["A"] == "alpha"
    assert roles["Z"] == "depth"
    assert roles["forward.u"] == "vector"
    assert roles["id"] == "id"
    assert (formats["R"], formats["Z"], formats["id"]) == ("half", "float", "uint")


def test_colour_follows_the_flags(plate: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = ("--config", "ocio://cg-config-latest")
    data = facts(capsys, str(plate / "plate.####.exr"), *config, "--input-space", "lin_rec709_scene")
    assert data["colour"]["input_space"] == "Linear Rec.709 (sRGB)"


def test_tables_name_everything(plate: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(plate / "plate.####.exr")]) == 0
    shown = capsys.readouterr().out
    assert all(word in shown for word in ("8-10,12", "missing 11", "backward.v", "48x27", "ACES"))
    assert main(["info"]) == 0
    assert "dis:coarse" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["nothing.####.exr"], 3),
        (["plate.####.exr", "--frames", "90-95"], 3),
        (["plate.####.exr", "--config", "no.ocio"], 5),
    ],
)
def test_errors(plate: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int) -> None:
    assert main(["info", str(plate / arguments[0]), *arguments[1:]]) == code
    assert "Traceback" not in capsys.readouterr().err
