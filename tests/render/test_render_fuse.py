"""Does a fusion of files keep what a retime keeps: metadata, other channels, whole files, and what is done already?"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest

from plates import LINEAR, Program, assert_same_pixels, names, numbers, planes, raw, start, write_image
from retempo.conventions import SETTINGS_KEY
from retempo.errors import DeviceError, UsageError
from retempo.fusion.clip import ClipFusion
from retempo.fusion.options import FusionOptions
from retempo.io.frame import Layer, Window, make_layer
from retempo.io.sequence import file_digest
from retempo.render.device import find_solver_device
from retempo.render.flags import settings_from
from retempo.render.fuse import list_reads
from retempo.render.fuse_settings import FuseSettings

RGB = ("R", "G", "B")
FRAMES = tuple(range(1, 8))


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """day.exr, reference.exr and night.0001.exr to night.0007.exr, 96x54."""
    from retempo.cli.main import main

    folder = tmp_path_factory.mktemp("street")
    flags = ("--scene", "street", "--frames", f"1-{FRAMES[-1]}", "--size", "96x54", "--json")
    assert main(["sample", str(folder), *flags]) == 0
    return folder


def night(street: Path) -> Path:
    return street / "night.####.exr"


def fuse(street: Path, output: Path, *more: object) -> tuple[object, ...]:
    return ("fuse", night(street), "--background", street / "day.exr", "-o", output, *LINEAR, *more)


def header(path: Path) -> oiio.ImageSpec:
    file = oiio.ImageInput.open(str(path))
    assert file is not None
    spec = file.spec()
    file.close()
    return spec


# ---- settings


def test_settings_mean_the_published_values() -> None:
    assert FuseSettings().options(1, False) == FusionOptions()
    video = FuseSettings().options(9, False)
    assert (video.method, video.denoise, video.hysteresis, video.sigma) == ("video", 2, 5, 15)
    assert video.t == pytest.approx(20 / 255) and video.motion_threshold == pytest.approx(10 / 255)
    assert FuseSettings().options(9, True).method == "dynamic"
    assert video.screen == 1e-3 and FuseSettings(screen=0).options(9, False).screen == 0
    assert FuseSettings(denoise=0).options(9, False).denoise == 0


def test_every_setting_that_changes_pixels_changes_the_stamp() -> None:
    changed = {
        "method": "static", "show": "importance", "space": "linear", "matte": "m.exr", "rule": "larger",
        "fit": "affine",
        "elsewhere": "day", "config": "c", "input_space": "i", "background_space": "b", "working_space": "w",
        "output_space": "o", "data_type": "half", "compression": "zip", "codec": "h264", "fps": "24",
    }  # fmt: skip
    plain = FuseSettings().fingerprint()
    for one in fields(FuseSettings):
        value = changed.get(one.name, 3)
        if one.metadata["pixels"]:
            assert FuseSettings(**{one.name: value}).fingerprint() != plain, one.name
    assert FuseSettings(threads=3).fingerprint() == plain
    assert settings_from({"screen": 0.5, "other": 1}, FuseSettings).screen == 0.5


@pytest.mark.parametrize(
    "given",
    [
        {"soften": 4},
        {"soften": 0},
        {"screen": -0.5},
        {"method": "x"},
        {"hysteresis": -1},
        {"susan_radius": 4},
    ],
)
def test_bad_settings(given: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="--"):
        FuseSettings(**given)  # type: ignore[arg-type]


def test_method_and_reference_have_to_fit() -> None:
    with pytest.raises(UsageError, match="reference"):
        FuseSettings(method="dynamic").options(5, False)
    with pytest.raises(UsageError, match="reference"):
        FuseSettings(method="video").options(5, True)


def test_solving_on_a_gpu_asks_for_pytorch_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys
    from types import SimpleNamespace

    cuda = SimpleNamespace(is_available=lambda: True, device_count=lambda: 1)
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))
    assert find_solver_device("cuda:0") == "cuda:0" and find_solver_device("cpu") == "cpu"
    with pytest.raises(DeviceError, match="1 GPU"):
        find_solver_device("cuda:1")


def test_frames_are_read_ahead_of_use_and_never_again() -> None:
    frames = range(1, 21)

    def needs(number: int) -> tuple[int, ...]:
        return tuple(one for one in range(number - 3, number + 3) if one in frames)

    reads = list_reads(list(frames), needs)
    assert reads[0] == (1, 2, 3) and reads[1] == (2, 3, 4) and reads[-1] == (20,)
    apart = list_reads([2, 12], needs)
    assert apart == [(1, 2, 3, 4), (9, 10, 11, 12, 13, 14)]


# ---- files


@pytest.mark.parametrize("more", [(), ("--space", "linear"), ("--screen", "0.002"), ("--screen", "auto")])
def test_files_hold_what_the_fusion_makes(
    retempo: Program, street: Path, tmp_path: Path, more: tuple[str, ...]
) -> None:
    report = retempo.done(*fuse(street, tmp_path / "o.####.exr", "--data-type", "float", *more))
    assert report["method"] == "video" and report["written"] == list(FRAMES)
    pictures = {n: planes(street / f"night.{n:04d}.exr", RGB) for n in FRAMES}
    day = planes(street / "day.exr", RGB)
    given = dict(zip(more[::2], more[1::2], strict=True))
    screen = given.get("--screen", "auto").replace("auto", "-1")
    settings = FuseSettings(space=given.get("--space", "log"), screen=float(screen))
    fusion = ClipFusion(pictures.__getitem__, FRAMES, lambda n: day, settings.options(len(FRAMES), False))
    for number in FRAMES:
        assert np.array_equal(planes(tmp_path / f"o.{number:04d}.exr", RGB), fusion.fuse(number).picture)


def test_metadata_stays(retempo: Program, street: Path, tmp_path: Path) -> None:
    retempo.done(*fuse(street, tmp_path / "o.####.exr", "--frames", "2-4", "--compression", "piz"))
    source, made = header(street / "night.0003.exr"), header(tmp_path / "o.0003.exr")
    for name in ("chromaticities", "smpte:TimeCode", "FramesPerSecond"):
        assert made.getattribute(name) == source.getattribute(name) is not None, name
    assert made.getattribute("compression") == "piz"
    assert len(str(made.getattribute(SETTINGS_KEY))) == 40
    assert [str(made.channelformat(i)) for i in range(3)] == ["half"] * 3


def test_alpha_data_ids_and_other_layers_pass(retempo: Program, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    channels = ("R", "G", "B", "A", "Z", "diffuse.R", "diffuse.G", "diffuse.B")
    kinds = {**dict.fromkeys(channels, "half"), "Z": "float", "id": "uint"}
    for number in (1, 2):
        values = rng.random((20, 30, 8)).astype(np.float16).astype(np.float32)
        ids = rng.integers(0, 1 << 32, (20, 30, 1), np.uint32)
        layer = make_layer(values, channels, ids=ids, id_names=("id",), formats=kinds)
        write_image(tmp_path / f"n.{number:04d}.exr", layer)
    write_image(tmp_path / "d.exr", make_layer(rng.random((20, 30, 3)).astype(np.float32), RGB))
    retempo.done(
        "fuse",
        tmp_path / "n.####.exr",
        "--background",
        tmp_path / "d.exr",
        "-o",
        tmp_path / "o.####.exr",
        *LINEAR,
    )
    before, after = raw(tmp_path / "n.0002.exr"), raw(tmp_path / "o.0002.exr")
    assert before.keys() == after.keys()
    for key, bits in before.items():
        assert np.array_equal(bits, after[key]) == (key[1] not in RGB), key


def test_a_single_pair_and_a_reference(retempo: Program, street: Path, tmp_path: Path) -> None:
    one = street / "night.0003.exr"
    flags = ("--background", street / "day.exr", *LINEAR)
    assert retempo.done("fuse", one, *flags, "-o", tmp_path / "s.exr")["method"] == "static"
    given = (*flags, "--reference", street / "reference.exr")
    assert retempo.done("fuse", one, *given, "-o", tmp_path / "d.exr")["method"] == "dynamic"
    day, made = planes(street / "day.exr", RGB), planes(tmp_path / "d.exr", RGB)
    houses = slice(0, 35)  # nothing happens there
    assert np.abs(made[houses] - day[houses]).mean() < 0.1
    assert np.abs(planes(one, RGB)[houses] - day[houses]).mean() > 0.3


def test_a_sequence_as_background(retempo: Program, street: Path, tmp_path: Path) -> None:
    """A plate of the same numbers; a constant one gives what one picture gives."""
    for number in FRAMES:
        (tmp_path / f"day.{number:04d}.exr").write_bytes((street / "day.exr").read_bytes())
    retempo.done(*fuse(street, tmp_path / "a.####.exr"))
    arguments = (
        "fuse",
        night(street),
        "--background",
        tmp_path / "day.####.exr",
        "-o",
        tmp_path / "b.####.exr",
        *LINEAR,
    )
    retempo.done(*arguments)
    for number in FRAMES:
        assert_same_pixels(tmp_path / f"a.{number:04d}.exr", tmp_path / f"b.{number:04d}.exr")
    (tmp_path / "day.0004.exr").unlink()
    outcome = retempo(*arguments, "--overwrite")
    assert outcome.code == 3 and "day.0004.exr is missing, the background of source frame 4" in outcome.err


def test_importance_and_matte(retempo: Program, street: Path, tmp_path: Path) -> None:
    show = ("--show", "importance", "--data-type", "float")
    retempo.done(*fuse(street, tmp_path / "w.####.exr", *show))
    weight = planes(tmp_path / "w.0004.exr", RGB)
    assert weight.min() == 0 and 0.3 < weight.max() <= 1
    assert np.array_equal(weight[..., 0], weight[..., 2])
    half = np.zeros((54, 96, 1), np.float32)
    half[:, 48:] = 1
    write_image(tmp_path / "m.exr", make_layer(half, ("A",)))
    retempo.done(*fuse(street, tmp_path / "h.####.exr", *show, "--matte", tmp_path / "m.exr"))
    masked = planes(tmp_path / "h.0004.exr", RGB)
    assert np.array_equal(masked, weight * half)
    retempo.done(*fuse(street, tmp_path / "r.####.exr", "--matte", tmp_path / "m.exr"))
    retempo.done(*fuse(street, tmp_path / "p.####.exr"))
    assert (
        np.abs(planes(tmp_path / "r.0004.exr", RGB) - planes(tmp_path / "p.0004.exr", RGB))[:, :40].max()
        > 0.01
    )


def test_movies_in_and_out(retempo: Program, street: Path, tmp_path: Path) -> None:
    flags = ("--config", "ocio://cg-config-latest")
    movie = tmp_path / "night.mkv"
    retempo.done("retime", night(street), "-o", movie, "--speed", "1", "--fps", "24", *LINEAR)
    report = retempo.done("fuse", movie, "--background", street / "day.exr", "-o", tmp_path / "o.mkv",
                          "--background-space", "lin_rec709_scene", *flags)  # fmt: skip
    assert len(report["written"]) == len(FRAMES)
    again = retempo.done("fuse", movie, "--background", street / "day.exr", "-o", tmp_path / "o.mkv",
                         "--background-space", "lin_rec709_scene", *flags, "--resume")  # fmt: skip
    assert again["written"] == [] and len(again["skipped"]) == len(FRAMES)
    made = retempo.done("info", tmp_path / "o.mkv")
    assert "96x54" in str(made)


def test_input_that_is_not_finite(retempo: Program, street: Path, tmp_path: Path) -> None:
    for number in FRAMES:
        pixels = planes(street / f"night.{number:04d}.exr", RGB)
        if number == 4:
            pixels[3, 5], pixels[4, 6] = np.nan, np.inf
        write_image(tmp_path / f"n.{number:04d}.exr", make_layer(pixels, RGB, formats="float"))
    report = retempo.done("fuse", tmp_path / "n.####.exr", "--background", street / "day.exr", "-o",
                          tmp_path / "o.####.exr", *LINEAR)  # fmt: skip
    assert report["repaired"] == {"4": 2}
    for number in FRAMES:
        assert np.isfinite(planes(tmp_path / f"o.{number:04d}.exr", RGB)).all()


# ---- what is refused


def flat(width: int, height: int, names: tuple[str, ...] = RGB, **windows: Window) -> Layer:
    return make_layer(np.zeros((height, width, len(names)), np.float32), names, **windows)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("day", "says"),
    [
        (lambda: flat(96, 50), "at one size"),
        (lambda: flat(96, 54, ("Z",)), "no colour"),
        (lambda: flat(96, 40, window=Window(0, 4, 96, 40), display=Window(0, 0, 96, 54)), "without a crop"),
    ],
    ids=["size", "depth", "crop"],
)
def test_backgrounds_that_do_not_fit(
    retempo: Program, street: Path, tmp_path: Path, day: Callable[[], Layer], says: str
) -> None:
    plate = write_image(tmp_path / "day.exr", day())
    outcome = retempo("fuse", night(street), "--background", plate, "-o", tmp_path / "o.####.exr", *LINEAR)
    assert outcome.code == 3 and says in outcome.err
    assert names(tmp_path) == ["day.exr"]


def test_results_never_replace_what_they_are_made_of(retempo: Program, street: Path) -> None:
    before = file_digest(street / "day.exr")
    outcome = retempo("fuse", street / "night.0001.exr", "--background", street / "day.exr", "-o", street / "day.exr",
                      "--overwrite", *LINEAR)  # fmt: skip
    assert outcome.code == 4 and "destroy its own background" in outcome.err
    outcome = retempo(*fuse(street, night(street), "--overwrite"))
    assert outcome.code == 4 and "destroy its own source" in outcome.err
    assert file_digest(street / "day.exr") == before


def test_flags_that_exclude_each_other(retempo: Program, street: Path, tmp_path: Path) -> None:
    outcome = retempo(*fuse(street, tmp_path / "o.####.exr", "--resume", "--overwrite"))
    assert outcome.code == 2 and names(tmp_path) == []


def test_dry_run_tells_and_writes_nothing(retempo: Program, street: Path, tmp_path: Path) -> None:
    told = retempo.done(
        *fuse(street, tmp_path / "o.####.exr", "--dry-run", "--hysteresis", "1", "--denoise", "0")
    )
    assert told["method"] == "video" and told["frames"][3]["needs"] == [2, 3, 4, 5]
    assert names(tmp_path) == []
    said = retempo(*fuse(street, tmp_path / "o.####.exr", "--dry-run"))
    assert said.code == 0 and "1-7" in said.out


# ---- resume


def test_resume_makes_what_is_missing_broken_or_other(retempo: Program, street: Path, tmp_path: Path) -> None:
    arguments = fuse(street, tmp_path / "o.####.exr", "--hysteresis", "1", "--denoise", "0")
    retempo.done(*arguments)
    whole = {number: (tmp_path / f"o.{number:04d}.exr").read_bytes() for number in FRAMES}
    assert retempo(*arguments).code == 4  # they exist
    assert retempo.done(*arguments, "--resume")["written"] == []
    (tmp_path / "o.0002.exr").unlink()
    (tmp_path / "o.0005.exr").write_bytes(whole[5][: len(whole[5]) // 2])
    assert retempo.done(*arguments, "--resume")["written"] == [2, 5]
    for number in FRAMES:
        assert_same_bytes_or_pixels(tmp_path / f"o.{number:04d}.exr", whole[number], tmp_path)
    other = retempo.done(*arguments, "--resume", "--soften", "3")
    assert other["written"] == list(FRAMES)


def assert_same_bytes_or_pixels(path: Path, whole: bytes, folder: Path) -> None:
    kept = folder / "kept" / path.name
    kept.parent.mkdir(exist_ok=True)
    kept.write_bytes(whole)
    assert_same_pixels(path, kept)


def test_resume_follows_the_files(retempo: Program, street: Path, tmp_path: Path) -> None:
    """A new source frame changes its neighbours within the window; a new background changes all."""
    for path in street.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    arguments = fuse(
        tmp_path, tmp_path / "out" / "o.####.exr", "--hysteresis", "1", "--denoise", "0", "--resume"
    )
    retempo.done(*arguments)
    pixels = planes(tmp_path / "night.0006.exr", RGB) * 2
    write_image(tmp_path / "night.0006.exr", make_layer(pixels, RGB))
    assert retempo.done(*arguments)["written"] == [5, 6, 7]
    write_image(tmp_path / "day.exr", make_layer(planes(tmp_path / "day.exr", RGB) * 0.9, RGB))
    assert retempo.done(*arguments)["written"] == list(FRAMES)


@pytest.mark.slow
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
def test_a_stopped_run_can_be_resumed(
    retempo: Program, street: Path, tmp_path: Path, sent: signal.Signals
) -> None:
    for number in range(1, 61):
        source = street / f"night.{(number - 1) % 7 + 1:04d}.exr"
        (tmp_path / f"night.{number:04d}.exr").write_bytes(source.read_bytes())
    (tmp_path / "day.exr").write_bytes((street / "day.exr").read_bytes())
    out = tmp_path / "out"
    arguments = fuse(tmp_path, out / "o.####.exr")
    run = start(*arguments)
    while run.poll() is None and len([name for name in names(out) if not name.startswith(".")]) < 4:
        time.sleep(0.002)
    run.send_signal(sent)
    run.communicate(timeout=120)
    finished = [name for name in names(out) if not name.startswith(".")]
    assert 4 <= len(finished) < 60, "it was stopped in the middle"
    if sent == signal.SIGINT:
        assert run.returncode == 130 and len(numbers(out)) == len(finished), "no hidden files are left"
    report = retempo.done(*arguments, "--resume")
    assert len(report["skipped"]) == len(finished)
    assert numbers(out) == list(range(1, 61))
    retempo.done(*fuse(tmp_path, tmp_path / "whole" / "o.####.exr"))
    for number in range(1, 61):
        assert_same_pixels(out / f"o.{number:04d}.exr", tmp_path / "whole" / f"o.{number:04d}.exr")


def test_a_broken_source_frame_leaves_the_finished_ones(
    retempo: Program, street: Path, tmp_path: Path
) -> None:
    for path in street.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    broken = tmp_path / "night.0006.exr"
    broken.write_bytes(broken.read_bytes()[:2000])
    arguments = fuse(tmp_path, tmp_path / "out" / "o.####.exr", "--hysteresis", "1", "--denoise", "0")
    outcome = retempo(*arguments)
    assert outcome.code == 3 and "night.0006.exr" in outcome.err
    assert set(numbers(tmp_path / "out")) <= {1, 2, 3, 4}
