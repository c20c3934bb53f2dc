"""Does `retempo vectors` write the motion that is there, in the convention that it claims?"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from plates import Program, assert_same_pixels
from retempo.cli.main import main
from retempo.flow.vectors import PRESETS, decode_vectors
from retempo.io.frame import Frame
from retempo.io.sequence import open_source

FLAGS = ("--quiet", "--config", "ocio://cg-config-latest", "--input-space", "lin_rec709_scene")


@pytest.fixture(scope="module")
def plate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("vectors")
    assert main(["sample", str(folder), "--frames", "5-7", "--size", "240x135", "--quiet"]) == 0
    return folder


def flow_of(frame: Frame, direction: str, part: int = 0) -> np.ndarray:
    layer = frame.layers[part]
    columns = [layer.channels.index(f"{direction}.{axis}") for axis in "uv"]
    return decode_vectors(layer.pixels[..., columns], PRESETS["nuke"], direction=direction)[0]  # type: ignore[arg-type]


def plane(frame: Frame, name: str) -> np.ndarray:
    layer = frame.layers[0]
    return layer.pixels[..., layer.channels.index(name)]


def test_estimated_flow_is_near_the_truth(plate: Path, tmp_path: Path) -> None:
    made = str(tmp_path / "v.####.exr")
    assert main(["vectors", str(plate / "plate.####.exr"), "-o", made, *FLAGS]) == 0
    found, truth = open_source(made).read(6), open_source(str(plate / "plate.####.exr")).read(6)
    for direction in ("forward", "backward"):
        seen = plane(found, f"occlusion.{direction}") == 0
        error = np.hypot(*np.moveaxis(flow_of(found, direction) - flow_of(truth, direction), 2, 0))
        still = np.hypot(*np.moveaxis(flow_of(truth, direction), 2, 0))
        assert np.median(error[seen]) < 0.5
        assert error[seen].mean() < 0.4 * still[seen].mean()
        trust = plane(found, f"confidence.{direction}")
        assert trust.min() >= 0
        assert trust.max() <= 1
        assert error[trust > 0.8].mean() < error[trust < 0.3].mean()


def test_vectors_of_the_file_come_back_unchanged(plate: Path, tmp_path: Path) -> None:
    """Also the sign of y: a stored vector read and written again keeps its sign."""
    made = str(tmp_path / "v.####.exr")
    assert main(["vectors", str(plate / "plate.####.exr"), "-o", made, "--flow", "vectors", *FLAGS]) == 0
    found, truth = open_source(made).read(6), open_source(str(plate / "plate.####.exr")).read(6)
    for name in ("forward.u", "forward.v", "backward.u", "backward.v"):
        np.testing.assert_allclose(plane(found, name), plane(truth, name), atol=1e-5)
    assert np.abs(plane(truth, "forward.v")).max() > 0.5


def test_ends_say_that_nothing_is_known(plate: Path, tmp_path: Path) -> None:
    made = str(tmp_path / "v.####.exr")
    assert main(["vectors", str(plate / "plate.####.exr"), "-o", made, "--flow", "dis:fast", *FLAGS]) == 0
    source = open_source(made)
    assert source.frames == (5, 6, 7)
    for number, direction in ((5, "backward"), (7, "forward")):
        frame = source.read(number)
        assert not flow_of(frame, direction).any()
        assert (plane(frame, f"occlusion.{direction}") == 1).all()
        assert (plane(frame, f"confidence.{direction}") == 0).all()
    assert flow_of(source.read(5), "forward").any()


def test_picture_and_json(plate: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made, wheel = str(tmp_path / "v.####.exr"), str(tmp_path / "wheel.####.png")
    capsys.readouterr()
    arguments = ["-o", made, "--picture", wheel, "--flow", "dis:fast", "--json", *FLAGS]
    assert main(["vectors", str(plate / "plate.####.exr"), *arguments]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["frames"] == [5, 6, 7]
    assert data["longest_pixels"] > 1
    picture = open_source(wheel).read(5).main()
    assert picture.pixels.shape == (135, 240, 3)
    assert picture.pixels.std() > 0.05


def test_single_frame_has_no_motion(plate: Path, tmp_path: Path) -> None:
    made = str(tmp_path / "v.####.exr")
    assert main(["vectors", str(plate / "plate.####.exr"), "-o", made, "--frames", "6", *FLAGS]) == 0
    assert not flow_of(open_source(made).read(6), "forward").any()


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["-o", "v.####.png"], 2, ".exr"),
        (["-o", "v.####.exr", "--flow", "dis+dis:coarse"], 2, "one flow"),
        (["-o", "v.####.exr", "--flow", "dis,continued=1"], 2, "beside a gap"),
        (["-o", "v.####.exr", "--flow", "magic"], 2, "magic"),
        (["-o", "plate.####.exr"], 4, "plate"),
    ],
)
def test_errors(
    plate: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, says: str
) -> None:
    output = str(plate / arguments[1])
    assert main(["vectors", str(plate / "plate.####.exr"), "-o", output, *arguments[2:], *FLAGS]) == code
    assert says in capsys.readouterr().err


def test_cropped_stereo_parts(data_dir: Path, tmp_path: Path) -> None:
    """Data windows differ from the display window, between views and between frames."""
    made = str(tmp_path / "v.####.exr")
    plate = data_dir / "exr" / "beachball" / "multipart.####.exr"
    assert main(["vectors", str(plate), "-o", made, "--frames", "3-4", "--flow", "dis:fast", "--quiet"]) == 0
    given, found = open_source(str(plate)).header(3), open_source(made).read(3)
    assert found.display == given.display
    assert {layer.view for layer in found.layers} == {"left", "right"}
    assert all(np.abs(flow_of(found, "forward", part)).max() > 1 for part in range(2))


def test_resume(retempo: Program, plate: Path, tmp_path: Path) -> None:
    """What is missing, broken, harmed or shows a changed frame is made again, with the bits of a run in one go."""
    shutil.copytree(plate, tmp_path / "in")
    out, right = tmp_path / "out", tmp_path / "right"
    words = ("vectors", tmp_path / "in" / "plate.####.exr", "-o", out / "v.####.exr")
    words += ("--picture", out / "w.####.png", *FLAGS, "--flow", "dis:fast")
    first = retempo.done(*words)
    assert first["written"] == [5, 6, 7] and first["skipped"] == []
    shutil.copytree(out, right)
    assert retempo.done(*words, "--resume")["written"] == []
    (out / "v.0005.exr").unlink()
    (out / "w.0007.png").write_bytes(b"")
    data = bytearray((out / "v.0006.exr").read_bytes())
    data[len(data) // 2] ^= 1
    (out / "v.0006.exr").write_bytes(data)
    assert retempo.done(*words, "--resume")["written"] == [5, 7]
    assert retempo.done(*words, "--resume", "--verify")["written"] == [6]
    for path in right.iterdir():
        assert_same_pixels(path, out / path.name)
    shutil.copy(plate / "plate.0005.exr", tmp_path / "in" / "plate.0007.exr")
    assert retempo.done(*words, "--resume")["written"] == [6, 7]
    assert retempo.done(*words[:-1], "dis:medium", "--resume")["skipped"] == []
    assert retempo(*words, "--resume", "--overwrite").code == 2
