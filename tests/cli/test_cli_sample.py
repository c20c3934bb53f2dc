"""Does `retempo sample` write what the scene shows, at the times that were asked for?"""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from bits import digest_of
from retempo.cli.main import main
from retempo.cli.sample import photograph
from retempo.flow.vectors import PRESETS, decode_vectors
from retempo.io.metadata import attributes_of, fps_of, timecode_of
from retempo.io.sequence import open_source
from retempo.scene.sample_scene import SampleScene

SIZE = "64x36"


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample")
    arguments = ["--frames", "1-3", "--truth", "1/2", "--times", "1.5,2.25", "--size", SIZE, "--quiet"]
    assert main(["sample", str(folder), *arguments]) == 0
    return folder


@pytest.fixture(scope="module")
def scene() -> SampleScene:
    return SampleScene(64, 36)


def test_plate_truth_and_moments_have_their_names(sample: Path) -> None:
    assert open_source(str(sample / "plate.####.exr")).frames == (1, 2, 3)
    assert open_source(str(sample / "truth.####.exr")).frames == (1, 2, 3, 4, 5)
    assert sorted(path.name for path in sample.glob("moment.*")) == [
        "moment.0001.500.exr",
        "moment.0002.250.exr",
    ]


@pytest.mark.parametrize(("name", "number", "time"), [("plate.####.exr", 2, 2.0), ("truth.####.exr", 4, 2.5)])
def test_pixels_are_the_scene(sample: Path, scene: SampleScene, name: str, number: int, time: float) -> None:
    layer = open_source(str(sample / name)).read(number).main()
    seen = scene.render(time)
    at = {channel: index for index, channel in enumerate(layer.channels)}
    for index, channel in enumerate("RGBA"):
        stored = seen["rgba"][..., index].astype(np.float16).astype(np.float32)
        np.testing.assert_array_equal(layer.pixels[..., at[channel]], stored)
    np.testing.assert_array_equal(layer.pixels[..., at["Z"]], seen["depth"])
    np.testing.assert_array_equal(layer.ids[..., layer.id_channels.index("id")], seen["id"])
    for direction in ("forward", "backward"):
        stored = layer.pixels[..., [at[f"{direction}.u"], at[f"{direction}.v"]]]
        flow, valid = decode_vectors(stored, PRESETS["nuke"], direction=direction)  # type: ignore[arg-type]
        assert valid.all()
        np.testing.assert_array_equal(flow, seen[direction])


def test_ids_have_bits_that_a_float_would_lose(sample: Path) -> None:
    ids = open_source(str(sample / "plate.####.exr")).read(1).main().ids
    assert (ids > 2**24).any()
    assert np.float32(ids).astype(np.uint64).tolist() != ids.tolist()


def test_truth_at_a_source_frame_is_the_source_frame(sample: Path) -> None:
    plate, truth = (open_source(str(sample / f"{name}.####.exr")) for name in ("plate", "truth"))
    np.testing.assert_array_equal(plate.read(2).main().pixels, truth.read(3).main().pixels)


def test_metadata(sample: Path) -> None:
    header = open_source(str(sample / "plate.####.exr")).header(3)
    assert fps_of(header) == 24
    assert str(timecode_of(header)) == "01:00:00:03"
    assert attributes_of(header)["retempo:sourceTime"] == "3"


def test_the_colour_space_is_stated_and_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the sample says about itself must be what a retime that obeys it believes."""
    monkeypatch.delenv("OCIO", raising=False)
    assert main(["sample", str(tmp_path), "--frames", "1-2", "--size", "48x27", "--quiet"]) == 0
    said = capsys.readouterr().out.split("--input-space ")[1].split()[0]
    plate = str(tmp_path / "plate.####.exr")
    assert main(["info", plate, "--json", "--input-space", said]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["chromaticities"]["spaces"] == [data["colour"]["input_space"]] == ["Linear Rec.709 (sRGB)"]
    monkeypatch.setenv("OCIO", str(tmp_path / "none.ocio"))
    assert main(["sample", str(tmp_path / "b"), "--frames", "1", "--size", "48x27", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["input_space"] == ""


def test_seeds_differ_and_repeat() -> None:
    pictures = [photograph(SampleScene(32, 18, seed), Fraction(3)).main().pixels for seed in (1, 1, 2)]
    np.testing.assert_array_equal(pictures[0], pictures[1])
    assert not np.array_equal(pictures[0], pictures[2])


def test_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sample", str(tmp_path), "--frames", "2", "--size", "16x16", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["frames"] == "2"
    assert data["plate"] == str(tmp_path / "plate.####.exr")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--size", "big"], 2, "960x540"),
        (["--size", "4x4"], 2, "16x16"),
        (["--frames", "1:3"], 2, "1-10x2"),
        (["--times", "noon", "--size", SIZE], 2, "--times"),
        (["--truth", "0", "--size", SIZE], 6, "speed"),
        (["--fps", "-3", "--size", SIZE], 6, "--fps"),
    ],
)
def test_bad_parameters(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, says: str
) -> None:
    assert main(["sample", str(tmp_path / "new"), "--quiet", *arguments]) == code
    assert says in capsys.readouterr().err
    assert not list(tmp_path.rglob("*.exr"))


def test_existing_files_are_kept(sample: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = digest_of(sample / "plate.0001.exr")
    assert main(["sample", str(sample), "--frames", "1", "--size", "32x18", "--quiet"]) == 4
    assert "plate" in capsys.readouterr().err
    assert digest_of(sample / "plate.0001.exr") == before


def test_the_scene_begins_with_a_late_first_frame(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    common = ["--size", "64x36", "--quiet", "--json"]
    assert main(["sample", str(tmp_path / "a"), "--frames", "1-2", *common]) == 0
    assert main(["sample", str(tmp_path / "b"), "--frames", "1001-1002", "--times", "1001.5", *common]) == 0
    early = open_source(tmp_path / "a" / "plate.####.exr").read(2).layers[0]
    late = open_source(tmp_path / "b" / "plate.####.exr").read(1002).layers[0]
    assert np.array_equal(early.pixels, late.pixels) and np.array_equal(early.ids, late.ids)
