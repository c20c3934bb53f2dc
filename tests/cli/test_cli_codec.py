"""Does ``retempo codec`` take a clip there and back, and say what is wrong with others?"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("constriction")

from retempo.cli.main import main  # noqa: E402
from retempo.codec.weights import save_codec  # noqa: E402
from small_codec import network, paint  # noqa: E402


def save(path: Path, codes: np.ndarray, kind: str = "uint8") -> None:
    out = oiio.ImageOutput.create(str(path))
    assert out.open(str(path), oiio.ImageSpec(codes.shape[1], codes.shape[0], 3, kind))
    assert out.write_image(np.ascontiguousarray(codes))
    out.close()


def read(path: Path) -> np.ndarray:
    return oiio.ImageInput.open(str(path)).read_image("uint8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six pictures from 1001 on, and two networks."""
    found = tmp_path_factory.mktemp("codec")
    for index, codes in enumerate(paint(6)):
        save(found / f"plate.{1001 + index}.png", codes)
    (found / "weights").mkdir()
    for seed in (1, 2):
        save_codec(network(seed), found / "weights" / f"{seed}.safetensors", {"lambda": str(0.1 * seed)})
    return found


@pytest.fixture(scope="module")
def encoded(folder: Path) -> Path:
    path = folder / "clip.rtc"
    done = main([
        "codec", "encode", str(folder / "plate.####.png"), "-o", str(path), "--weights", str(folder / "weights"),
        "--gop", "4", "--key-quality", "100", "--threads", "1", "--quiet",
    ])  # fmt: skip
    assert done == 0
    return path


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str]:
    """The exit code, and all that was said."""
    code = main(["codec", *map(str, words)])
    said = capsys.readouterr()
    return code, said.out + said.err


def test_there_and_back(
    folder: Path, encoded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = run(
        capsys, "decode", encoded, "-o", tmp_path / "back.####.png", "--weights", folder / "weights", "--json"
    )
    assert code == 0
    assert json.loads(said) == {"output": str(tmp_path / "back.####.png"), "frames": 6, "not_exact": []}
    pictures = {n: read(tmp_path / f"back.{n}.png") for n in range(1001, 1007)}
    for key in (1001, 1005, 1006):
        assert np.array_equal(pictures[key], read(folder / f"plate.{key}.png"))
    for between in (1002, 1003, 1004):
        assert pictures[between].shape == (50, 77, 3)
        assert not np.array_equal(pictures[between], pictures[1001])


def test_what_is_told_is_json(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Lossless keys have no PSNR in dB."""
    code, said = run(
        capsys, "encode", folder / "plate.####.png", "-o", tmp_path / "x.rtc", "--weights", folder / "weights",
        "--key-quality", "100", "--gop", "4", "--json",
    )  # fmt: skip
    facts = json.loads(said, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert code == 0
    assert facts["keys"]["psnr"] is None
    assert facts["between"]["psnr"] > 5
    assert facts["bytes"] == (tmp_path / "x.rtc").stat().st_size
    assert [one["frame"] for one in facts["frames"]] == [0, 4, 2, 1, 3, 5]


def test_a_movie_comes_out_as_well(folder: Path, encoded: Path, tmp_path: Path) -> None:
    movie = tmp_path / "back.mkv"
    assert (
        main(["codec", "decode", str(encoded), "-o", str(movie), "--weights", str(folder / "weights")]) == 0
    )
    from retempo.io.sequence import open_source

    source = open_source(str(movie))
    assert len(source.frames) == 6
    codes = np.round(source.read(0).main().pixels * 255).astype(np.uint8)
    assert np.array_equal(codes, read(folder / "plate.1001.png"))


def test_info_says_what_is_there(folder: Path, encoded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = run(capsys, "info", encoded, "--json")
    facts = json.loads(said)
    assert code == 0
    assert (facts["width"], facts["height"], facts["frames"], facts["first"]) == (77, 50, 6, 1001)
    assert [one["frame"] for one in facts["packets"]] == [0, 4, 2, 1, 3, 5]
    assert facts["bytes"] == encoded.stat().st_size
    code, said = run(capsys, "info", folder / "weights", "--json")
    weights = json.loads(said)["weights"]
    assert [one["digest"] for one in weights] == facts["networks"]
    assert [one["lambda"] for one in weights] == [0.1, 0.2]
    code, said = run(capsys, "info", encoded)
    assert code == 0
    assert "6 frames of 77x50" in said


def test_keys_alone_need_no_network_to_decode(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "keys.rtc"
    assert main([
        "codec", "encode", str(folder / "plate.####.png"), "-o", str(path), "--weights", str(folder / "weights"),
        "--gop", "1", "--still", "png",
    ]) == 0  # fmt: skip
    assert main(["codec", "decode", str(path), "-o", str(tmp_path / "k.####.png")]) == 0
    assert np.array_equal(read(tmp_path / "k.1003.png"), read(folder / "plate.1003.png"))


def test_damaged_files_are_named(
    folder: Path, encoded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = encoded.read_bytes()
    for data, why in (
        (whole[:-5], "cut off"),
        (whole[:-5] + b"other", "checksum of frame"),
        (b"no", "no encoded"),
    ):
        path = tmp_path / "bad.rtc"
        path.write_bytes(data)
        code, said = run(
            capsys, "decode", path, "-o", tmp_path / "b.####.png", "--weights", folder / "weights"
        )
        assert code == 3
        assert "bad.rtc" in said and why in said
    assert not list(tmp_path.glob("b.*"))


def test_other_weights_are_named(
    folder: Path, encoded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_codec(network(8), tmp_path / "other.safetensors", {"lambda": "1"})
    for flags in (["--weights", tmp_path], []):
        code, said = run(capsys, "decode", encoded, "-o", tmp_path / "b.####.png", *flags)
        assert code == 8
        assert "was encoded with networks" in said
        assert not list(tmp_path.glob("b.*"))


def test_what_is_not_8_bits_is_refused(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for index in range(3):
        save(tmp_path / f"deep.{index:04d}.exr", paint(3)[index].astype(np.float32) / 50, "half")
    code, said = run(
        capsys, "encode", tmp_path / "deep.#.exr", "-o", tmp_path / "x.rtc", "--weights", folder / "weights"
    )
    assert code == 3
    assert "half" in said and "8-bit" in said
    assert not (tmp_path / "x.rtc").exists()


def test_what_cannot_be_encoded(
    folder: Path, encoded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plate, weights = folder / "plate.####.png", folder / "weights"
    out = ["-o", tmp_path / "x.rtc", "--weights", weights]
    assert "exists" in run(capsys, "encode", plate, "-o", encoded, "--weights", weights)[1]
    for flags, code, why in (
        (["--gop", "11"], 2, "keys every 11"),
        (["--key-quality", "0"], 2, "1 to 100"),
        (["--flow", "vectors"], 2, "one estimator"),
        (["--flow", "dis+dis:coarse"], 2, "one estimator"),
        (["--frames", "1001,1003"], 3, "gaps"),
    ):
        found, said = run(capsys, "encode", plate, *out, *flags)
        assert (found, why in said) == (code, True), said
    assert run(capsys, "encode", plate, "-o", tmp_path / "x.rtc", "--weights", tmp_path)[0] == 8
    assert not (tmp_path / "x.rtc").exists()


@pytest.mark.slow
def test_gather_train_encode(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From a clip to weights to an encoded clip."""
    for index, codes in enumerate(paint(12, 200, 196)):
        save(tmp_path / f"wide.{index:04d}.png", codes)
    clip, data = tmp_path / "wide.####.png", tmp_path / "samples.npy"
    code, said = run(capsys, "gather", clip, "-o", data, "--count", "4")
    assert code == 0, said
    words = [
        "train", "--data", data, "--held-out", data, "-o", tmp_path / "run", "--minutes", "0.05", "--width", "8",
        "--latent", "6", "--batch", "1", "--crop", "64", "--lambda", "0.02", "--threads", "1",
    ]  # fmt: skip
    code, said = run(capsys, *words)
    assert code == 0, said
    assert "steps" in said
    best = tmp_path / "run" / "best.safetensors"
    code, said = run(capsys, *words[:-2], "--width", "9", "--from", best)
    assert code == 2
    assert "to begin with" in said
    code, said = run(
        capsys, "encode", clip, "-o", tmp_path / "x.rtc", "--weights", best, "--frames", "0-4", "--json"
    )
    assert code == 0, said
    facts = json.loads(said)
    assert facts["between"]["frames"] == 3
    assert facts["keys"]["frames"] == 2
