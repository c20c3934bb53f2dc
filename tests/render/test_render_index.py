"""Does one object move at its own pace, do maps take the place of instants, and is what they changed made again?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from plates import LINEAR, Program, make_shot, planes, raw, write_image
from retempo.cli import main
from retempo.errors import UsageError
from retempo.io.frame import make_layer
from retempo.io.sequence import open_source
from retempo.render.settings import RetimeSettings
from retempo.scene.layers import LAYERS

KITE = next(layer.id for layer in LAYERS if layer.name == "kite")
SLOW = "[[0,0],[0.5,0.25],[1,1]]"


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Frames 3 and 4 of the sample scene; nothing passes in front of the kite, which moves 14 pixels."""
    folder = tmp_path_factory.mktemp("scene")
    assert main(["sample", str(folder), "--frames", "3-4", "--size", "480x270", "--quiet", "--json"]) == 0
    return folder


def between(retempo: Program, scene: Path, folder: Path, *flags: object) -> Path:
    """The frame halfway, number 1 of the result."""
    out = folder / "out.####.exr"
    fixed = (
        "--speed",
        "1/2",
        "--output-start",
        "0",
        "--output-range",
        "1",
        "--flow",
        "vectors",
        "--quiet",
        *LINEAR,
    )
    retempo.done("retime", scene / "plate.####.exr", "-o", out, *fixed, *flags)
    return folder / "out.0001.exr"


def ids(path: Path) -> np.ndarray:
    return open_source(path).read(open_source(path).frames[0]).layers[0].ids[..., 0]


def centre(plane: np.ndarray, key: int) -> np.ndarray:
    """Where an object is: mean row and column of its pixels."""
    return np.argwhere(plane == key).mean(0)


def test_one_object_lags_behind(retempo: Program, scene: Path, tmp_path: Path) -> None:
    plain = between(retempo, scene, tmp_path / "plain")
    made = between(retempo, scene, tmp_path / "slow", "--object-curve", f"{KITE}={SLOW}")
    start, end = (centre(ids(scene / f"plate.000{number}.exr"), KITE) for number in (3, 4))
    gone = np.linalg.norm(end - start)
    assert gone > 10
    for path, share in ((plain, 0.5), (made, 0.25)):
        expected = start + share * (end - start)
        assert np.linalg.norm(centre(ids(path), KITE) - expected) < 0.06 * gone, share
    away = ids(plain) != KITE
    away &= ids(made) != KITE
    for name in "RGB":
        same = raw(plain)[0, name] == raw(made)[0, name]
        assert same[away].mean() > 0.95, "the rest of the picture stays"
        assert same[~away].mean() < 0.5


def test_a_matte_channel_is_as_good_as_an_id(retempo: Program, scene: Path, tmp_path: Path) -> None:
    for number in (3, 4):
        layer = open_source(scene / "plate.####.exr").read(number).layers[0]
        matte = (layer.ids[..., :1] == KITE).astype(np.float32)
        both = make_layer(
            np.concatenate([layer.pixels, matte], 2), (*layer.channels, "matte.kite"),
            ids=layer.ids, id_names=layer.id_channels, formats={**layer.formats, "matte.kite": "half"},
        )  # fmt: skip
        write_image(tmp_path / f"plate.{number:04d}.exr", both)
    by_id = between(retempo, scene, tmp_path / "id", "--object-curve", f"{KITE}={SLOW}")
    by_matte = between(retempo, tmp_path, tmp_path / "matte", "--object-curve", f"matte.kite={SLOW}")
    for name in "RGBA":
        assert np.array_equal(raw(by_id)[0, name], raw(by_matte)[0, name])


def test_a_map_takes_the_place_of_the_instant(retempo: Program, scene: Path, tmp_path: Path) -> None:
    """An even map of 3/4 for the frame halfway: what 3/4 of the gap gives; frames without a map are plain."""
    shape = (270, 480, 1)
    write_image(
        tmp_path / "map.0001.exr", make_layer(np.full(shape, 0.75, np.float32), ("Y",), formats="float")
    )
    made = between(retempo, scene, tmp_path / "map", "--index-map", tmp_path / "map.####.exr")
    out = tmp_path / "quarter" / "out.####.exr"
    quarters = (
        "--speed",
        "1/4",
        "--output-start",
        "0",
        "--output-range",
        "1-3",
        "--flow",
        "vectors",
        "--quiet",
        *LINEAR,
    )
    retempo.done("retime", scene / "plate.####.exr", "-o", out, *quarters)
    known = planes(tmp_path / "quarter" / "out.0003.exr", "RGBA")
    assert (
        np.abs(planes(made, "RGBA") - known) <= 2e-3 * (1 + known)
    ).mean() > 0.9999  # an edge may fall otherwise
    write_image(tmp_path / "map.0001.exr", make_layer(np.full(shape, 1.5, np.float32), ("Y",)))
    failed = retempo(
        "retime", scene / "plate.####.exr", "-o", tmp_path / "x.####.exr", *quarters,
        "--index-map", tmp_path / "map.####.exr",
    )  # fmt: skip
    assert failed.code == 3 and "map.0001.exr holds values outside 0 to 1" in failed.err
    write_image(tmp_path / "map.0001.exr", make_layer(np.zeros((8, 8, 1), np.float32), ("Y",)))
    failed = retempo(
        "retime", scene / "plate.####.exr", "-o", tmp_path / "y.####.exr", *quarters,
        "--index-map", tmp_path / "map.####.exr",
    )  # fmt: skip
    assert failed.code == 3 and "is 8x8, the frames 480x270" in failed.err


def test_frames_are_made_again_where_curve_or_map_changed(retempo: Program, tmp_path: Path) -> None:
    source, curve = make_shot(tmp_path, (1, 2)), tmp_path / "curve.json"
    for number in (1, 2):  # ids beside the colour
        layer = open_source(source).read(number).layers[0]
        marked = make_layer(
            layer.pixels,
            layer.channels,
            ids=np.ones((36, 64, 1), np.uint32),
            id_names=("id",),
            formats="half",
        )
        write_image(tmp_path / f"shot.{number:04d}.exr", marked)
    curve.write_text(SLOW)
    grey = make_layer(np.full((36, 64, 1), 0.5, np.float32), ("Y",))
    write_image(tmp_path / "map.0001.exr", grey)
    flags = (
        "--speed",
        "1/2",
        "--output-start",
        "0",
        "--resume",
        "--quiet",
        *LINEAR,
        "--object-curve",
        f"2={curve}",
    )
    command = (
        "retime",
        source,
        "-o",
        tmp_path / "out.####.exr",
        *flags,
        "--index-map",
        tmp_path / "map.####.exr",
    )
    assert len(retempo.done(*command)["written"]) == 3
    assert retempo.done(*command)["written"] == []
    curve.write_text("[[0,0],[1,1]]")
    assert retempo.done(*command)["written"] == [0, 1, 2]
    write_image(tmp_path / "map.0001.exr", make_layer(np.full((36, 64, 1), 0.25, np.float32), ("Y",)))
    assert retempo.done(*command)["written"] == [1], "only the frame of that map"


def test_an_object_that_nothing_tells_of(retempo: Program, tmp_path: Path) -> None:
    source = make_shot(tmp_path, (1, 2))
    for key, said in (("7", "no channel of ids"), ("matte.kite", "no channel called 'matte.kite'")):
        failed = retempo("retime", source, "-o", tmp_path / "o.####.exr", "--object-curve", f"{key}={SLOW}")
        assert failed.code == 3 and said in failed.err and "R, G, B" in failed.err
    assert not list(tmp_path.glob("o.*"))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"engine": "blend"}, "knows no motion"),
        ({"source_frames": 4}, "--source-frames 2"),
        ({"matte": "m.####.exr"}, "mattes"),
        ({"overlay": "auto"}, "overlays"),
    ],
)
def test_what_does_not_go_together(settings: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        RetimeSettings(object_curve=(f"7={SLOW}",), **settings)
    with pytest.raises(UsageError, match="one instant a frame"):
        RetimeSettings(index_map="m.####.exr", shutter_samples=4)


def test_strips_are_refused(retempo: Program, scene: Path, tmp_path: Path) -> None:
    failed = retempo(
        "retime", scene / "plate.####.exr", "-o", tmp_path / "o.####.exr", "--object-curve", f"{KITE}={SLOW}",
        "--memory", "40M",
    )  # fmt: skip
    assert failed.code == 2 and "index maps are made whole" in failed.err
