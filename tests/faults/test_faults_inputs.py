"""What do footage and files beside it do that were cut off or changed by a bit? An error in words, or pictures."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from runs import ROUNDS, environment

from plates import LINEAR, assert_same_pixels
from retempo.cli.main import main

TRIES = 4
"""Harmed files a kind, for each seed; half of them are cut, half have a flipped bit."""
CODES = (0, 2, 3, 4, 6)
FLAGS = ("--flow", "dis:fast", "--quiet", "--overwrite", *LINEAR)


@dataclass(frozen=True)
class Kind:
    """A file that is harmed, and what is run with it.

    Args:
        name: of the file, in a copy of the footage.
        words: of the command; ``IN`` and ``OUT`` stand for folders.
        notices: the format itself tells of every changed bit of the picture.
    """

    name: str
    words: tuple[str, ...]
    notices: bool = False


RETIME = ("retime", "IN/plate.####.exr", "-o", "OUT/o.####.exr", "--output-range", "1-3", *FLAGS)
KINDS = {
    "exr": Kind("plate.0002.exr", RETIME),
    "exr, cropped by strips": Kind("plate.0002.exr", (*RETIME, "--memory", "1400K")),
    "png": Kind(
        "plate.0002.png", ("retime", "IN/plate.####.png", "-o", "OUT/o.####.png", "--output-range", "1-3", *FLAGS),
        notices=True,
    ),
    "tif": Kind("plate.0002.tif", ("retime", "IN/plate.####.tif", "-o", "OUT/o.####.png", *FLAGS)),
    "dpx": Kind("plate.0002.dpx", ("retime", "IN/plate.####.dpx", "-o", "OUT/o.####.png", *FLAGS)),
    "jpg": Kind("plate.0002.jpg", ("retime", "IN/plate.####.jpg", "-o", "OUT/o.####.png", *FLAGS)),
    "movie": Kind("clip.mp4", ("retime", "IN/clip.mp4", "-o", "OUT/o.####.png", *FLAGS)),
    "intra movie": Kind("clip.mov", ("retime", "IN/clip.mov", "-o", "OUT/o.####.png", *FLAGS)),
    "vectors": Kind("vectors.0002.exr", (*RETIME, "--flow", "vectors", "--vectors", "IN/vectors.####.exr")),
    "matte": Kind("matte.0002.exr", (*RETIME, "--matte", "IN/matte.####.exr", "--matte-channel", "A")),
    "overlay": Kind("plate.0001.png", (*RETIME, "--overlay", "IN/plate.0001.png")),
    "curve": Kind("ramp.json", (*RETIME, "--speed-curve", "IN/ramp.json")),
    "table": Kind("ramp.csv", (*RETIME, "--speed-curve", "IN/ramp.csv")),
    "edit list": Kind("cuts.edl", (*RETIME, "--cuts", "IN/cuts.edl", "--fps", "24")),
    "background": Kind(
        "day.exr", ("fuse", "IN/plate.####.exr", "--background", "IN/day.exr", "-o", "OUT/f.####.exr",
                    "--quiet", "--overwrite", *LINEAR),
    ),
    "clip of a plate": Kind(
        "plate.0002.exr", ("plate", "IN/plate.####.exr", "-o", "OUT/p.exr", "--quiet", "--overwrite")
    ),
    "source of vectors": Kind("plate.0002.exr", ("vectors", "IN/plate.####.exr", "-o", "OUT/v.####.exr", *FLAGS)),
}  # fmt: skip

LOOP = """
import contextlib, io, json, pathlib, sys
from retempo.cli.main import main
words, path, folder = json.loads(sys.argv[1]), pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
for one in sorted(folder.iterdir(), key=lambda one: int(one.name)):
    path.write_bytes(one.read_bytes())
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        try:
            code = main(words)
        except SystemExit as end:
            code = end.code
    print(json.dumps([one.name, code, said.getvalue()]), flush=True)
"""
"""Run a command once for each harmed file, all in one process: a crash ends it, and is found by what is missing."""


@pytest.fixture(scope="module")
def everything(footage: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The footage in many formats, and files beside it."""
    folder = tmp_path_factory.mktemp("everything")
    for path in footage.iterdir():
        shutil.copy(path, folder)
    plate = str(folder / "plate.####.exr")
    for target in (
        "plate.####.tif",
        "plate.####.dpx",
        "plate.####.jpg",
        "clip.mp4",
        "clip.mov",
        "matte.####.exr",
    ):
        assert main(["retime", plate, "-o", str(folder / target), *FLAGS]) == 0
    assert main(["vectors", plate, "-o", str(folder / "vectors.####.exr"), *FLAGS]) == 0
    shutil.copy(folder / "plate.0001.exr", folder / "day.exr")
    (folder / "ramp.json").write_text('{"keys": [[1, 1], [3, "1/2", "smooth"], [5, 1, "linear"]]}')
    (folder / "ramp.csv").write_text("1,1\n3,1/2,smooth\n5,1,linear\n")
    (folder / "cuts.edl").write_text(
        "TITLE: cuts\nFCM: NON-DROP FRAME\n\n"
        "001  AX       V     C        00:00:00:00 00:00:00:02 00:00:00:00 00:00:00:02\n"
        "002  AX       V     C        00:00:10:00 00:00:10:01 00:00:00:02 00:00:00:03\n"
    )
    return folder


def harm(data: bytes, number: int, draw: random.Random) -> bytes:
    """Cut off, or one bit flipped, in turns."""
    if number % 2:
        return data[: draw.randrange(len(data))]
    changed = bytearray(data)
    changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
    return bytes(changed)


@pytest.mark.parametrize("kind", KINDS)
def test_harmed_input(everything: Path, tmp_path: Path, kind: str) -> None:
    """No crash, no traceback, nothing unexpected; the error names the file. No hidden file is left."""
    one, draw = KINDS[kind], random.Random(kind)
    shot, out, harmed = tmp_path / "in", tmp_path / "out", tmp_path / "harmed"
    shutil.copytree(everything, shot)
    for folder in (out, harmed):
        folder.mkdir()
    data = (shot / one.name).read_bytes()
    for number in range(TRIES * ROUNDS):
        (harmed / str(number)).write_bytes(harm(data, number, draw))
    words = [word.replace("IN", str(shot)).replace("OUT", str(out)) for word in one.words]
    arguments = [sys.executable, "-c", LOOP, json.dumps(words), str(shot / one.name), str(harmed)]
    done = subprocess.run(
        arguments, capture_output=True, text=True, env=environment(), check=False, timeout=60 + 10 * ROUNDS
    )
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0 and len(told) == TRIES * ROUNDS, (
        len(told),
        done.returncode,
        done.stderr[-2000:],
    )
    for number, code, said in told:
        assert code in CODES and "Traceback" not in said and "unexpected" not in said, (number, code, said)
        assert code == 0 or Path(one.name).suffix in said or one.name in said, (number, code, said)
        cut = int(number) % 2 == 1
        if one.notices and code == 0:
            assert not cut, f"{number} went unnoticed"
            shutil.copy(harmed / number, shot / "harmed.png")
            assert_same_pixels(shot / "harmed.png", everything / one.name)
    assert not [name for name in out.iterdir() if name.name.startswith(".")]
