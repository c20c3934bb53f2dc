"""Is a result that has changed since it was written found, and made again?"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from doors import DOORS, assert_same_result
from runs import ROUNDS, Undisturbed

from plates import LINEAR, Program, names
from retempo.io import checksum, whole

EXTENSIONS = ("exr", "png", "tif", "dpx", "jpg", "mkv", "mp4", "mov")
HARMED = [("cut off", "--resume"), ("emptied", "--resume"), ("flipped", "--verify"), ("pixel", "--verify")]


def harm(path: Path, how: str, draw: random.Random) -> None:
    """Do something to a file that its size and time of change do not show, where that is possible."""
    data = bytearray(path.read_bytes())
    if how == "cut off":
        data = data[: draw.randrange(1, len(data) - 64)]
    elif how == "emptied":
        data.clear()
    elif how == "flipped":
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
    else:  # in the last tenth, where there is nothing but pixels
        data[draw.randrange(len(data) * 9 // 10, len(data) - 64)] ^= 0x40
    path.write_bytes(data)


@pytest.mark.parametrize("seed", range(ROUNDS))
@pytest.mark.parametrize("door", DOORS if ROUNDS > 1 else ("exr", "png", "movie", "vectors"))
@pytest.mark.parametrize(("how", "flag"), HARMED)
def test_harmed_result_is_made_again(
    undisturbed: Callable[[str], Undisturbed],
    footage: Path,
    tmp_path: Path,
    retempo: Program,
    door: str,
    how: str,
    flag: str,
    seed: int,
) -> None:
    """``--resume`` sees what is cut; ``--resume --verify`` every byte."""
    expected, out = undisturbed(door).folder, tmp_path / "out"
    shutil.copytree(expected, out)
    draw = random.Random(f"{seed} {door} {how}")
    name = draw.choice(names(out))
    harm(out / name, how, draw)
    words = DOORS[door].command(footage, out, "--resume", *([flag] if flag == "--verify" else []))
    report = retempo.done(*words)
    assert report.get("written") or report.get("skipped") is False, f"{name} {how} was left alone"
    assert names(out) == names(expected)
    for one in names(out):
        assert_same_result(out / one, expected / one)
    if door not in ("movie", "plate"):
        assert len(report["written"]) == 1, "and nothing else"


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_every_flipped_bit_is_seen(footage: Path, tmp_path: Path, retempo: Program, extension: str) -> None:
    """Of every format; without compression, where any bits are pixels, too."""
    token = "" if extension in ("mkv", "mp4", "mov") else "####."
    words = [
        "retime",
        footage / "plate.####.exr",
        "-o",
        tmp_path / f"o.{token}{extension}",
        "--flow",
        "dis:fast",
    ]
    packed = ["--compression", "none"] if extension == "exr" else []
    retempo.done(*words, "--output-range", "1-3", *packed, *LINEAR)
    made = tmp_path / names(tmp_path)[0]
    assert checksum.is_sealed(made) and checksum.changed_reason(made) is None
    data = made.read_bytes()
    draw = random.Random(extension)
    for _ in range(100 * ROUNDS):
        changed, at = bytearray(data), draw.randrange(len(data))
        if b"retempo-check=" in data[max(0, at - 30) : at + 30]:
            continue  # who loses the checksum has lost no pixels
        changed[at] ^= 1 << draw.randrange(8)
        made.write_bytes(changed)
        assert checksum.changed_reason(made) or whole.broken_reason(made), f"byte {at} of {len(data)}"


def test_a_farm_sees_it_too(footage: Path, tmp_path: Path, retempo: Program) -> None:
    """``retempo status --verify`` reads the checksum where there is one: here decoding alone would notice nothing."""
    standing = pytest.importorskip("retempo.farm.standing", reason="the farm is not installed")
    words = [
        "retime",
        footage / "plate.####.exr",
        "-o",
        tmp_path / "o.####.exr",
        "--flow",
        "dis:fast",
        *LINEAR,
    ]
    retempo.done(*words, "--output-range", "1", "--compression", "none")
    assert standing.undecodable(tmp_path / "o.0001.exr") == ""
    harm(tmp_path / "o.0001.exr", "pixel", random.Random(1))
    assert "not those that were written" in standing.undecodable(tmp_path / "o.0001.exr")


def test_a_checksum_does_not_travel(footage: Path, tmp_path: Path, retempo: Program) -> None:
    """A result that is a source again: what is made of it has a checksum of its own, though metadata goes along."""
    for extension in ("exr", "tif"):
        first, second = tmp_path / f"a{extension}", tmp_path / f"b{extension}"
        flags = ("--flow", "dis:fast", *LINEAR)
        retempo.done("retime", footage / "plate.####.exr", "-o", first / f"o.####.{extension}", *flags)
        words = ("retime", first / f"o.####.{extension}", "-o", second / "o.####.exr", "--flow", "dis:fast")
        retempo.done(*words)
        for name in names(second):
            assert whole.changed_reason(second / name) is None, name
        assert retempo.done(*words, "--resume", "--verify")["written"] == []


def test_files_without_a_checksum_are_decoded(footage: Path, tmp_path: Path) -> None:
    """Frames of another program, or of an earlier version: what their format notices is found."""
    path = tmp_path / "made.exr"
    data = (footage / "plate.0001.exr").read_bytes()
    path.write_bytes(data.replace(b"retempo-check=", b"retempo-other="))
    assert not checksum.is_sealed(path) and whole.changed_reason(path) is None
    harm(path, "pixel", random.Random(1))
    assert whole.broken_reason(path) is None and "corrupt" in str(whole.changed_reason(path))


def test_verify_needs_resume(footage: Path, tmp_path: Path, retempo: Program) -> None:
    words = ("retime", footage / "plate.####.exr", "-o", tmp_path / "o.####.exr", "--verify", *LINEAR)
    outcome = retempo(*words)
    assert outcome.code == 2 and "--resume" in outcome.err
