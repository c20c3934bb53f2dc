"""Does `retempo retime` make the frames that were asked for, and leave source frames that are hit alone?"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from plates import (
    LINEAR,
    PLATE_FRAMES,
    Program,
    assert_same_pixels,
    make_shot,
    names,
    numbers,
    picture,
    planes,
    raw,
    write_image,
)
from retempo.cli.main import main
from retempo.io.frame import Window, make_layer
from retempo.metrics.quality import psnr

FAST = ("--flow", "dis:fast")


@pytest.fixture(scope="module")
def truth(plate: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What 1/4 speed should have made of the plate: ``truth.0001.exr`` to ``truth.0017.exr``."""
    folder = tmp_path_factory.mktemp("truth")
    flags = ("--frames", "1-5", "--truth", "1/4", "--size", "160x90", "--json")
    assert main(["sample", str(folder), *flags]) == 0
    return folder


@pytest.fixture(scope="module")
def quarter(plate: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plate at 1/4 speed: ``o.1001.exr`` to ``o.1017.exr``."""
    folder = tmp_path_factory.mktemp("quarter")
    flags = ("--speed", "1/4", "--quiet", "--json", *LINEAR)
    assert main(["retime", str(plate / "plate.####.exr"), "-o", str(folder / "o.####.exr"), *flags]) == 0
    return folder


def tone_mapped(path: Path) -> np.ndarray:
    light = np.maximum(planes(path, "RGB"), 0)
    return light / (1 + light)


# ------------------------------------------------------------------------------------------------------- timing


def test_quarter_speed_makes_what_was_not_shot(plate: Path, quarter: Path, truth: Path) -> None:
    assert numbers(quarter) == list(range(1001, 1018))
    gains = []
    for output in (1002, 1003, 1004, 1010, 1011, 1012):
        shot, made = (
            tone_mapped(truth / f"truth.{output - 1000:04d}.exr"),
            tone_mapped(quarter / f"o.{output}.exr"),
        )
        phase = np.float32((output - 1001) % 4 / 4)
        before, after = (
            tone_mapped(plate / f"plate.{1001 + (output - 1001) // 4 + one}.exr") for one in (0, 1)
        )
        gains.append(psnr(made, shot) - psnr(before * (1 - phase) + after * phase, shot))
    assert min(gains) > 0.3 and np.mean(gains) > 0.7, f"dB over a mix of the two frames: {gains}"


def test_source_frames_that_are_hit_keep_every_bit(plate: Path, quarter: Path) -> None:
    for at, number in enumerate(PLATE_FRAMES):
        assert_same_pixels(plate / f"plate.{number}.exr", quarter / f"o.{1001 + 4 * at}.exr")


def test_highlights_are_not_clamped(plate: Path, quarter: Path, truth: Path) -> None:
    for output in (1003, 1011):
        brightest = planes(truth / f"truth.{output - 1000:04d}.exr", "RGB").max()
        made = planes(quarter / f"o.{output}.exr", "RGB").max()
        assert brightest > 10 and made > 10


def test_object_ids_are_never_blended(plate: Path, quarter: Path) -> None:
    known = set(np.unique(raw(plate / "plate.1001.exr")[0, "id"])) | set(
        np.unique(raw(plate / "plate.1002.exr")[0, "id"])
    )
    assert len(known) > 2
    for output in (1002, 1003, 1004):
        made = raw(quarter / f"o.{output}.exr")[0, "id"]
        assert set(np.unique(made)) <= known
        edges = (made != raw(plate / "plate.1001.exr")[0, "id"]).mean()
        assert 0 < edges < 0.2, "they moved"


@pytest.mark.parametrize(
    ("flags", "outputs", "copies", "pairs"),
    [
        (["--speed", "2"], [1001, 1002, 1003], [1001, 1003, 1005], 0),
        (["--speed", "-1"], list(range(1001, 1006)), [1005, 1004, 1003, 1002, 1001], 0),
        (["--speed", "-1/2", "--output-range", "1001-1003"], [1001, 1002, 1003], [1005, None, 1004], 1),
        (["--speed", "100%", "--output-start", "7"], list(range(7, 12)), list(PLATE_FRAMES), 0),
        (["--to-fps", "48"], list(range(1001, 1010)), [1001, None, 1002, None, 1003, None, 1004, None, 1005], 4),
        (["--to-fps", "12"], [1001, 1002, 1003], [1001, 1003, 1005], 0),
        (["--duration", "3"], [1001, 1002, 1003], [1001, 1003, 1005], 0),
        (["--freeze", "1003", "--duration", "3"], [1001, 1002, 1003], [1003, 1003, 1003], 0),
        (["--freeze", "1002.5", "--duration", "2"], [1001, 1002], [None, None], 1),
        (["--speed", "1", "--output-range", "999-1007"], list(range(999, 1008)),
         [1001, 1001, 1001, 1002, 1003, 1004, 1005, 1005, 1005], 0),
        (["--speed", "1", "--output-range", "1005-1008", "--outside", "loop"], [1005, 1006, 1007, 1008],
         [1005, 1001, 1002, 1003], 0),
        (["--speed", "1", "--output-range", "1005-1008", "--outside", "bounce"], [1005, 1006, 1007, 1008],
         [1005, 1004, 1003, 1002], 0),
        (["--speed", "1", "--output-range", "1001-1004x3"], [1001, 1004], [1001, 1004], 0),
        (["--frames", "1002-1004", "--speed", "1"], [1002, 1003, 1004], [1002, 1003, 1004], 0),
        (["--engine", "nearest", "--speed", "2/3"], list(range(1001, 1008)),
         [1001, 1002, 1002, 1003, 1004, 1004, 1005], 4),
    ],
)  # fmt: skip
def test_which_source_frames_show(
    retempo: Program, plate: Path, tmp_path: Path,
    flags: list[str], outputs: list[int], copies: list[int | None], pairs: int,
) -> None:  # fmt: skip
    """Outputs that are copies have the bits of their source frame; None stands for one between two frames."""
    report = retempo.done("retime", plate / "plate.####.exr", "-o", tmp_path / "o.####.exr", *FAST, *flags)
    assert report["written"] == outputs == numbers(tmp_path) and report["pairs"] == pairs
    for output, number in zip(outputs, copies, strict=True):
        made = tmp_path / f"o.{output:04d}.exr"
        if number is not None:
            assert_same_pixels(plate / f"plate.{number}.exr", made)
        else:
            sources = [planes(plate / f"plate.{one}.exr", "RGB") for one in PLATE_FRAMES]
            assert all((planes(made, "RGB") != one).any() for one in sources)


def test_black_outside(retempo: Program, plate: Path, tmp_path: Path) -> None:
    flags = ("--speed", "1", "--output-range", "1005-1006", "--outside", "black")
    retempo.done("retime", plate / "plate.####.exr", "-o", tmp_path / "o.####.exr", *flags)
    made = raw(tmp_path / "o.1006.exr")
    assert sorted(made) == sorted(raw(plate / "plate.1005.exr"))
    assert not any(bits.any() for bits in made.values())


def test_avoiding_originals(retempo: Program, plate: Path, truth: Path, tmp_path: Path) -> None:
    report = retempo.done(
        "retime", plate / "plate.####.exr", "-o", tmp_path / "o.####.exr", "--avoid-originals", *LINEAR
    )
    assert report["copied"] == [] and len(report["written"]) == 8 and report["pairs"] == 4
    times = retempo.done(
        "retime", plate / "plate.####.exr", "-o", tmp_path / "o.####.exr", "--avoid-originals", "--dry-run"
    )
    first = times["plan"]["entries"][0]
    assert (first["first"], first["second"], first["phase"]) == (1001, 1002, "1/4")
    shot, made = tone_mapped(truth / "truth.0002.exr"), tone_mapped(tmp_path / "o.1001.exr")
    assert psnr(made, shot) > psnr(tone_mapped(plate / "plate.1001.exr"), shot)


def test_ramp(retempo: Program, plate: Path, tmp_path: Path) -> None:
    """Speed 1 slows down to 1/2 and stays there: 1, then times that the integral of the curve gives."""
    curve = tmp_path / "ramp.json"
    keys = [{"time": 1001, "value": 1}, {"time": 1003, "value": "1/2"}, {"time": 1007, "value": "1/2"}]
    curve.write_text(json.dumps({"curve": "speed", "keys": keys}))
    source, out = plate / "plate.####.exr", tmp_path / "out" / "o.####.exr"
    plan = retempo.done("retime", source, "-o", out, "--speed-curve", curve, "--dry-run")["plan"]["entries"]
    times = [entry["source_time"] for entry in plan]
    assert times == ["1001", "8015/8", "2005/2", "1003", "2007/2", "1004", "2009/2", "1005"]
    report = retempo.done("retime", source, "-o", out, "--speed-curve", curve, *FAST)
    assert report["copied"] == [1001, 1004, 1006, 1008] and numbers(tmp_path / "out") == list(
        range(1001, 1009)
    )
    assert_same_pixels(plate / "plate.1003.exr", tmp_path / "out" / "o.1004.exr")


def test_frame_curve(retempo: Program, plate: Path, tmp_path: Path) -> None:
    (tmp_path / "curve.csv").write_text("# output, source\n1,1005\n3,1001,hold\n4,1003\n")
    out = tmp_path / "out" / "o.####.exr"
    report = retempo.done(
        "retime", plate / "plate.####.exr", "-o", out, "--frame-curve", tmp_path / "curve.csv"
    )
    assert report["copied"] == [1, 2, 3, 4]
    for output, number in ((1, 1005), (2, 1003), (3, 1001), (4, 1003)):
        assert_same_pixels(plate / f"plate.{number}.exr", tmp_path / "out" / f"o.{output:04d}.exr")


def test_otio_clip(retempo: Program, plate: Path, tmp_path: Path) -> None:
    otio = pytest.importorskip("opentimelineio")
    clip = otio.schema.Clip("slow", source_range=otio.opentime.TimeRange(
        otio.opentime.RationalTime(1001, 24), otio.opentime.RationalTime(4, 24)))  # fmt: skip
    clip.effects.append(otio.schema.LinearTimeWarp(time_scalar=0.5))
    timeline = otio.schema.Timeline()
    timeline.tracks.append(otio.schema.Track(children=[clip]))
    otio.adapters.write_to_file(timeline, str(tmp_path / "cut.otio"))
    out = tmp_path / "out" / "o.####.exr"
    flags = ("--otio", f"{tmp_path / 'cut.otio'}:slow", *FAST)
    report = retempo.done("retime", plate / "plate.####.exr", "-o", out, *flags)
    assert len(report["written"]) == 4 and len(report["copied"]) == 2


# ------------------------------------------------------------------------------------------- bits and identities


def test_values_that_are_no_numbers_pass_through(retempo: Program, tmp_path: Path) -> None:
    """NaN payloads, infinities, denormals and ids of a source frame that is hit keep their bits, in every type."""
    rng = np.random.default_rng(3)
    for number in (1, 2):
        half = rng.integers(0, 1 << 16, (24, 40, 5), dtype=np.uint16).view(np.float16).astype(np.float32)
        full = rng.integers(0, 1 << 32, (24, 40, 2), dtype=np.uint32).view(np.float32)
        ids = rng.integers(0, 1 << 32, (24, 40, 3), dtype=np.uint32)
        channels = ("R", "G", "B", "A", "mask", "Z", "P.x")
        layer = make_layer(
            np.concatenate([half, full], 2), channels,
            ids=ids, id_names=("id", "CryptoObject00.r", "CryptoObject00.g"),
            formats={**dict.fromkeys(channels[:5], "half"), "Z": "float", "P.x": "float", "id": "uint",
                     "CryptoObject00.r": "float", "CryptoObject00.g": "float"},
        )  # fmt: skip
        layer.spec.attribute("cryptomatte/1234abc/name", "CryptoObject")
        write_image(tmp_path / "in" / f"a.{number:04d}.exr", layer)
    report = retempo.done("retime", tmp_path / "in" / "a.####.exr", "-o", tmp_path / "out" / "o.####.exr")
    assert report["copied"] == [1, 3] and report["written"] == [1, 2, 3]
    assert_same_pixels(tmp_path / "in" / "a.0001.exr", tmp_path / "out" / "o.0001.exr")
    assert_same_pixels(tmp_path / "in" / "a.0002.exr", tmp_path / "out" / "o.0003.exr")
    made = raw(tmp_path / "out" / "o.0002.exr")
    assert all(np.isfinite(made[0, name].view(np.float16)).all() for name in "RGBA")


def test_cryptomatte_ids_come_from_source_frames(retempo: Program, tmp_path: Path) -> None:
    """Ids whose bits are NaNs or denormals of floats too; the manifest stays."""
    rng = np.random.default_rng(4)
    hashes = rng.integers(1, 1 << 32, 40, dtype=np.uint32)
    hashes[:4] = 0x7F800001, 0xFFC00001, 0x00000001, 0x80000000
    for number in (1, 2):
        y, x = np.mgrid[0:36, 0:64]
        owner = hashes[((y // 6) * 8 + ((x - 2 * number) // 8)) % 40]
        ids = np.stack([owner, np.full_like(owner, 0x3F000000), hashes[(x // 9) % 40], owner[::-1]], 2)
        names_of = [f"CryptoObject00.{one}" for one in "rgba"]
        layer = make_layer(
            picture(number), "RGB", ids=ids, id_names=names_of,
            formats={**dict.fromkeys("RGB", "half"), **dict.fromkeys(names_of, "float")},
        )  # fmt: skip
        for key, value in (
            ("name", "CryptoObject"),
            ("manifest", '{"ball":"7f800001"}'),
            ("hash", "MurmurHash3_32"),
        ):
            layer.spec.attribute(f"cryptomatte/1234abc/{key}", value)
        write_image(tmp_path / f"a.{number:04d}.exr", layer)
    retempo.done("retime", tmp_path / "a.####.exr", "-o", tmp_path / "out" / "o.####.exr", "--speed", "1/4")
    sources = [raw(tmp_path / f"a.{number:04d}.exr") for number in (1, 2)]
    for output in (2, 3, 4):
        made = raw(tmp_path / "out" / f"o.{output:04d}.exr")
        for one in "rgba":
            known = np.concatenate([source[0, f"CryptoObject00.{one}"].ravel() for source in sources])
            assert np.isin(made[0, f"CryptoObject00.{one}"], known).all()
        pairs = made[0, "CryptoObject00.r"].astype(np.uint64) << 32 | made[0, "CryptoObject00.g"]
        assert len(np.unique(pairs)) > 10
    from retempo.io.reader import read_header

    spec = read_header(tmp_path / "out" / "o.0002.exr").layers[0].spec
    assert spec.getattribute("cryptomatte/1234abc/manifest") == '{"ball":"7f800001"}'


def test_overscan_and_windows_of_many_parts(retempo: Program, tmp_path: Path) -> None:
    from plates import picture
    from retempo.io.reader import read_header

    display = Window(0, 0, 64, 36)
    for number in (1, 2):
        beauty = make_layer(
            picture(number, 80, 52), "RGB", window=Window(-8, -8, 80, 52), display=display, name="rgb"
        )
        crop = Window(10 + number, 5, 20, 12)
        depth = make_layer(picture(number, 20, 12)[..., :1], ("Z",), window=crop, display=display, formats="float",
                           name="depth")  # fmt: skip
        write_image(tmp_path / f"a.{number:04d}.exr", beauty, depth)
    retempo.done("retime", tmp_path / "a.####.exr", "-o", tmp_path / "out" / "o.####.exr", *FAST)
    for number in (1, 2):
        assert_same_pixels(tmp_path / f"a.{number:04d}.exr", tmp_path / "out" / f"o.{2 * number - 1:04d}.exr")
    made = read_header(tmp_path / "out" / "o.0002.exr")
    assert made.display == display and [layer.name for layer in made.layers] == ["rgb", "depth"]
    assert made.layers[0].window == Window(-8, -8, 80, 52)
    assert made.layers[1].window == Window(11, 5, 21, 12), "the union of both crops"


@pytest.mark.parametrize("threads", ["1", "5"])
def test_threads_change_no_bit(
    retempo: Program, plate: Path, quarter: Path, tmp_path: Path, threads: str
) -> None:
    flags = ("--speed", "1/4", "--output-range", "1002-1008", "--threads", threads, *LINEAR)
    retempo.done("retime", plate / "plate.####.exr", "-o", tmp_path / "o.####.exr", *flags)
    for output in range(1002, 1009):
        assert_same_pixels(quarter / f"o.{output}.exr", tmp_path / f"o.{output}.exr")


def test_chunks_have_the_pixels_of_one_run(
    retempo: Program, plate: Path, quarter: Path, tmp_path: Path
) -> None:
    """Also their timecode and stamp: a farm's chunks cannot be told from one machine's work."""
    from retempo.io.metadata import attributes_of
    from retempo.io.reader import read_header

    for chunk in ("1001-1006", "1007-1017"):
        flags = ("--speed", "1/4", "--output-range", chunk, *LINEAR)
        retempo.done("retime", plate / "plate.####.exr", "-o", tmp_path / "o.####.exr", *flags)
    for output in range(1001, 1018):
        one, other = quarter / f"o.{output}.exr", tmp_path / f"o.{output}.exr"
        assert_same_pixels(one, other)
        mine, theirs = (attributes_of(read_header(path)) for path in (one, other))
        assert {key: value for key, value in mine.items() if key != "DateTime"} == {
            key: value for key, value in theirs.items() if key != "DateTime"
        }


def test_four_source_frames(retempo: Program, plate: Path, tmp_path: Path) -> None:
    flags = ("--source-frames", "4", "--speed", "1/2", *FAST)
    report = retempo.done("retime", plate / "plate.####.exr", "-o", tmp_path / "o.####.exr", *flags)
    assert report["written"] == list(range(1001, 1010)) and report["pairs"] == 4
    assert all(
        np.isfinite(planes(tmp_path / f"o.{output}.exr", "RGB")).all() for output in (1002, 1004, 1008)
    )


@pytest.mark.parametrize("flow", ["vectors", "dis+vectors"])
def test_vectors_and_depth_of_the_renderer(
    retempo: Program, plate: Path, truth: Path, tmp_path: Path, flow: str
) -> None:
    flags = ("--flow", flow, "--depth", "add", "--output-range", "1002-1004", "--speed", "1/4", *LINEAR)
    retempo.done("retime", plate / "plate.####.exr", "-o", tmp_path / "o.####.exr", *flags)
    for output in (1002, 1003, 1004):
        shot, phase = tone_mapped(truth / f"truth.{output - 1000:04d}.exr"), np.float32((output - 1001) / 4)
        before, after = (tone_mapped(plate / f"plate.{number}.exr") for number in (1001, 1002))
        mixed = psnr(before * (1 - phase) + after * phase, shot)
        assert psnr(tone_mapped(tmp_path / f"o.{output}.exr"), shot) > mixed


# ------------------------------------------------------------------------------------------------------ reporting


def test_dry_run_writes_nothing(retempo: Program, plate: Path, tmp_path: Path) -> None:
    outcome = retempo("retime", plate / "plate.####.exr", "-o", tmp_path / "out" / "o.####.exr", "--dry-run")
    assert outcome.code == 0 and not (tmp_path / "out").exists()
    assert all(word in outcome.out for word in ("1001 and 1002", "copy of 1005", "0.5", "source time"))
    data = retempo.done(
        "retime", plate / "plate.####.exr", "-o", tmp_path / "out" / "o.####.exr", "--dry-run"
    )
    assert not (tmp_path / "out").exists()
    assert [entry["output"] for entry in data["plan"]["entries"]] == list(range(1001, 1010))
    assert data["settings"]["speed"] == "1/2"


def test_json_and_text(retempo: Program, plate: Path, tmp_path: Path) -> None:
    outcome = retempo("retime", plate / "plate.####.exr", "-o", tmp_path / "a.####.exr", "--json", *FAST)
    assert outcome.code == 0 and outcome.err == ""
    assert outcome.data["written"] == list(range(1001, 1010)) and outcome.data["repaired"] == {}
    assert set(outcome.data["seconds"]) == {"read", "prepare", "render", "write"}
    flags = (*FAST, "--input-space", "lin_rec709_scene")
    outcome = retempo("retime", plate / "plate.####.exr", "-o", tmp_path / "b.####.exr", *flags)
    assert outcome.code == 0 and outcome.err == "" and "9 frames written" in outcome.out


def test_data_type_and_compression(retempo: Program, plate: Path, tmp_path: Path) -> None:
    from retempo.io.reader import read_header

    flags = ("--output-range", "1001-1002", "--data-type", "float", "--compression", "piz", *FAST)
    retempo.done("retime", plate / "plate.####.exr", "-o", tmp_path / "o.####.exr", *flags)
    for output in (1001, 1002):
        layer = read_header(tmp_path / f"o.{output}.exr").layers[0]
        assert {kind for name, kind in layer.formats.items() if name != "id"} == {"float"}
        assert layer.formats["id"] == "uint" and layer.spec.getattribute("compression") == "piz"


def test_png_numbers_and_names(retempo: Program, tmp_path: Path) -> None:
    source = make_shot(tmp_path / "in", (9, 10, 11))
    outcome = retempo("retime", source, "-o", tmp_path / "out" / "o.%03d.png", "--speed", "1")
    assert outcome.code == 0 and names(tmp_path / "out") == ["o.009.png", "o.010.png", "o.011.png"]
