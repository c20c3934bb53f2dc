"""Does `retempo evaluate` score what it should, and say what is wrong when it cannot?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sets import blend, picture, write_picture, write_set

from plates import Program
from retempo.evaluate.clip import drop_frames
from retempo.evaluate.layouts import LAYOUTS
from retempo.evaluate.rebuild import Rebuilder
from retempo.io.reader import read_frame
from retempo.metrics.quality import flicker, interpolation_error, psnr, ssim
from retempo.render.settings import RetimeSettings

BLEND = ("--engine", "blend", "--no-lpips")


def shifted(step: float, size: tuple[int, int] = (48, 64)) -> np.ndarray:
    """A soft pattern moved to the right by ``step`` pixels."""
    y, x = np.mgrid[: size[0], : size[1]].astype(np.float64)
    waves = [np.sin((x - step) / 5 + phase) * np.cos(y / 7 + phase) for phase in (0, 1, 2)]
    return np.rint(127 + 100 * np.stack(waves, axis=2)).astype(np.uint8)


def triplet(number: int) -> list[np.ndarray]:
    """Two pictures of noise and a truth a little off their mean."""
    first, second = picture(3 * number), picture(3 * number + 1)
    off = np.random.default_rng(number).integers(-9, 10, first.shape)
    truth = np.clip(blend(first, second).astype(int) + off, 0, 255).astype(np.uint8)
    return [first, truth, second]


@pytest.fixture
def triplets(tmp_path: Path) -> Path:
    folder = tmp_path / "set"
    for number in range(3):
        write_set(folder, {f"{number}/im{i}.png": pixels for i, pixels in enumerate(triplet(number), 1)})
    return folder


def test_known_scores(retempo: Program, triplets: Path) -> None:
    peer = pytest.importorskip("skimage.metrics")
    data = retempo.done("evaluate", triplets, *BLEND)
    assert data["layout"] == "vimeo-triplet"
    assert [clip["name"] for clip in data["clips"]] == ["0", "1", "2"]
    for number, clip in enumerate(data["clips"]):
        first, truth, second = triplet(number)
        made = blend(first, second)
        assert clip["psnr"] == pytest.approx(
            peer.peak_signal_noise_ratio(truth, made, data_range=255), abs=1e-4
        )
        expected = peer.structural_similarity(truth, made, data_range=255, channel_axis=2)
        assert clip["ssim"] == pytest.approx(expected, abs=1e-5)
        assert clip["ie"] == pytest.approx(np.sqrt(np.mean((truth.astype(float) - made) ** 2)))
        assert clip["mae"] == pytest.approx(np.mean(np.abs(truth.astype(float) - made)))
        assert clip["psnr_pooled"] == pytest.approx(clip["psnr"])
        assert clip["lpips"] is None and clip["flicker_4x"] is None
        assert clip["seconds"] > 0 and clip["frames"] == 1
    for name in ("psnr", "ssim", "ie", "mae"):
        assert data["mean"][name] == pytest.approx(np.mean([clip[name] for clip in data["clips"]]))
    assert data["mean"]["frames"] == 3
    assert data["mean"]["seconds_per_frame"] == pytest.approx(
        np.mean([clip["seconds"] for clip in data["clips"]])
    )


def test_motion_is_followed_and_settings_count(retempo: Program, tmp_path: Path) -> None:
    write_set(tmp_path, {f"im{i}.png": shifted(3.0 * i) for i in (1, 2, 3)})
    scores = {
        flags: retempo.done("evaluate", tmp_path, "--no-lpips", *flags)["mean"]["psnr"]
        for flags in (("--engine", "blend"), (), ("--filter", "lanczos4"), ("--inverses", "off"))
    }
    assert scores[()] > scores["--engine", "blend"] + 3
    assert len(set(scores.values())) == 4


def test_a_sequence(retempo: Program, tmp_path: Path) -> None:
    frames = [picture(number) for number in range(9)]
    write_set(tmp_path, {f"shot.{number:04d}.png": pixels for number, pixels in enumerate(frames)})
    data = retempo.done("evaluate", tmp_path, *BLEND)
    assert data["layout"] == "sequence" and data["cap"] == 60
    (clip,) = data["clips"]
    truths = [frames[number] for number in (1, 3, 5, 7)]
    made = [blend(frames[number - 1], frames[number + 1]) for number in (1, 3, 5, 7)]
    each = [psnr(truth, test) for truth, test in zip(truths, made, strict=True)]
    assert clip["psnr"] == pytest.approx(np.mean(each))
    assert clip["psnr_pooled"] == pytest.approx(psnr(np.stack(truths), np.stack(made)))
    assert clip["ssim"] == pytest.approx(np.mean([ssim(a, b) for a, b in zip(truths, made, strict=True)]))

    def slow(factor: int) -> float:
        floats = [frame.astype(np.float32) / np.float32(255) for frame in frames]
        result = []
        for number in range(9):
            first = min(number - number % factor, 8 - factor)
            phase = np.float32((number - first) / factor)
            mixed = floats[first] * (1 - phase) + floats[first + factor] * phase
            result.append(np.rint(mixed * 255).astype(np.uint8))
        return flicker(frames, result)

    assert clip["flicker_4x"] == pytest.approx(slow(4), rel=1e-5)
    assert clip["flicker_8x"] == pytest.approx(slow(8), rel=1e-5)
    assert data["notes"] == []
    short = retempo.done("evaluate", tmp_path, *BLEND, "--frames", "0-7")
    assert short["clips"][0]["flicker_8x"] is None and short["clips"][0]["flicker_4x"] > 0
    assert short["notes"] == ["flicker 8x needs clips of 9 frames or more"]
    quick = retempo.done("evaluate", tmp_path, *BLEND, "--no-flicker")
    assert quick["clips"][0]["flicker_4x"] is None and quick["mean"]["psnr"] == data["mean"]["psnr"]
    eight = retempo.done("evaluate", tmp_path, *BLEND, "--every", "8")["clips"][0]
    assert eight["frames"] == 7 and eight["flicker_8x"] == pytest.approx(slow(8), rel=1e-5)


def test_repeats_count_as_the_cap(retempo: Program, tmp_path: Path) -> None:
    write_set(tmp_path, {f"shot.{number:04d}.png": picture(1) for number in range(3)})
    assert retempo.done("evaluate", tmp_path, *BLEND)["mean"]["psnr"] == LAYOUTS["sequence"].cap


def test_odd_sizes_are_scored(retempo: Program, tmp_path: Path) -> None:
    write_set(tmp_path, {f"im{i}.png": shifted(3.0 * i, (33, 47)) for i in (1, 2, 3)})
    assert retempo.done("evaluate", tmp_path, "--no-lpips")["mean"]["psnr"] > 25


def test_the_sheet_shows_the_worst_first(retempo: Program, triplets: Path, tmp_path: Path) -> None:
    write_picture(triplets / "1" / "im2.png", np.zeros_like(picture(0)))
    sheet = tmp_path / "new" / "worst.png"
    data = retempo.done("evaluate", triplets, *BLEND, "--sheet", sheet, "--worst", "2")
    assert data["sheet"] == str(sheet) and len(data["worst"]) == 2
    assert data["worst"][0]["frame"] == str(triplets / "1" / "im2.png")
    assert data["worst"][0]["psnr"] == pytest.approx(data["clips"][1]["psnr"])
    pixels = read_frame(sheet).layers[0].pixels
    tile = pixels[40:200, 40:280]
    assert not tile.any()  # the black truth, in the first row's first column
    assert pixels[40:200, 340:600].any()
    outcome = retempo("evaluate", triplets, *BLEND, "--sheet", sheet)
    assert outcome.code == 4 and "--overwrite" in outcome.err
    assert retempo("evaluate", triplets, *BLEND, "--sheet", sheet, "--overwrite").code == 0


def test_the_table(retempo: Program, triplets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retempo.cli.evaluate.ROWS", 2)
    outcome = retempo("evaluate", triplets, *BLEND, "--quiet")
    assert outcome.code == 0
    assert "mean over triplets" in outcome.out and "PSNR dB" in outcome.out
    assert "the 2 worst of 3 clips" in outcome.out
    assert "flicker 4x: vimeo-triplet asks for no frames at that pace" in outcome.out


@pytest.mark.parametrize(
    ("flags", "code", "words"),
    [
        (("--layout", "kinetics"), 2, "invalid choice"),
        (("--layout", "ucf101"), 3, "holds no ucf101"),
        (("--every", "2"), 2, "--every is for footage"),
        (("--layout", "sequence", "--every", "1"), 2, "--every is 1"),
        (("--flow", "vectors"), 2, "carries no motion vectors"),
        (("--clips", "absent"), 3, "absent"),
        (("--limit", "0"), 2, "--limit is 0"),
        (("--device", "cuda:9"), 7, "cuda"),
    ],
)
def test_mistakes_are_named(
    retempo: Program, triplets: Path, flags: tuple[str, ...], code: int, words: str
) -> None:
    outcome = retempo("evaluate", triplets, "--no-lpips", *flags)
    assert outcome.code == code, outcome.err
    assert words in outcome.err


def test_broken_sets_are_named(retempo: Program, triplets: Path, tmp_path: Path) -> None:
    write_picture(triplets / "2" / "im3.png", picture(1, (24, 40)))
    outcome = retempo("evaluate", triplets, *BLEND)
    assert outcome.code == 3 and "im1.png is 32x24" in outcome.err and "im3.png 40x24" in outcome.err
    (triplets / "1" / "im3.png").unlink()
    outcome = retempo("evaluate", triplets, *BLEND)
    assert outcome.code == 3 and "1/im3.png is missing" in outcome.err
    (tmp_path / "empty").mkdir()
    outcome = retempo("evaluate", tmp_path / "empty")
    assert outcome.code == 3 and "holds no sequence" in outcome.err
    outcome = retempo("evaluate", tmp_path / "absent")
    assert outcome.code == 3 and "does not exist" in outcome.err
    write_set(tmp_path / "tiny", {f"im{i}.png": picture(i, (6, 40)) for i in (1, 2, 3)})
    outcome = retempo("evaluate", tmp_path / "tiny", *BLEND)
    assert outcome.code == 3 and "window of 7x7" in outcome.err


@pytest.mark.parametrize("motion", ["linear", "quadratic"])
def test_what_is_remembered_changes_nothing(motion: str) -> None:
    """A rebuilder that has made the gaps before makes the same bits as a fresh one."""
    settings = RetimeSettings(motion=motion)
    frames = {number: shifted(2.0 * number + 0.1 * number**2) for number in range(0, 12, 2)}
    going_on = Rebuilder(settings)
    for gap in drop_frames(range(11), 2):
        pictures = {number: frames[number] for number in going_on.nearby(gap.inputs, gap.first)}
        (made,) = going_on.between(pictures, gap.first, gap.truths)
        (alone,) = Rebuilder(settings).between(pictures, gap.first, gap.truths)
        assert np.array_equal(made, alone)
        assert interpolation_error(shifted(2.0 * gap.truths[0] + 0.1 * gap.truths[0] ** 2), made) < 8


def test_lpips_is_looked_for(retempo: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    write_set(tmp_path / "set", {f"im{i}.png": picture(i, (64, 64)) for i in (1, 2, 3)})
    monkeypatch.setenv("RETEMPO_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "hub"))
    data = retempo.done("evaluate", tmp_path / "set", "--engine", "blend")
    assert data["mean"]["lpips"] is None
    assert "alexnet-owt-7be5be79.pth" in data["notes"][0] and "nothing is downloaded" in data["notes"][0]
    assert not (tmp_path / "hub").exists()

    made = torch.Generator().manual_seed(1)
    shapes = ((64, 3, 11), (192, 64, 5), (384, 192, 3), (256, 384, 3), (256, 256, 3))
    backbone, linear = {}, {}
    for index, (place, (channels, inputs, size)) in enumerate(zip((0, 3, 6, 8, 10), shapes, strict=True)):
        backbone[f"features.{place}.weight"] = 0.05 * torch.randn(
            channels, inputs, size, size, generator=made
        )
        backbone[f"features.{place}.bias"] = torch.zeros(channels)
        linear[f"lin{index}.model.1.weight"] = torch.rand(1, channels, 1, 1, generator=made)
    torch.save(backbone, tmp_path / "alexnet-owt-7be5be79.pth")
    torch.save(linear, tmp_path / "lpips_alex.pth")
    from retempo.metrics.perceptual import Lpips

    data = retempo.done("evaluate", tmp_path / "set", "--engine", "blend")
    expected = Lpips(backbone, linear)(
        picture(2, (64, 64)), blend(picture(1, (64, 64)), picture(3, (64, 64)))
    )
    assert data["mean"]["lpips"] == pytest.approx(expected) and expected > 0
    (tmp_path / "lpips_alex.pth").write_bytes(b"no weights")
    outcome = retempo("evaluate", tmp_path / "set")
    assert outcome.code == 3 and "lpips_alex.pth cannot be read" in outcome.err
