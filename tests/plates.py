"""Where do end-to-end tests get their plates, how do they run the program, and how do they compare files?"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import pytest

from retempo.cli.main import main
from retempo.io.frame import Frame, Layer, make_layer
from retempo.io.writer import write_frame

REPO = Path(__file__).resolve().parents[1]
PLATE_FRAMES = tuple(range(1001, 1006))
RAW = {"half": np.uint16, "float": np.uint32, "uint": np.uint32, "uint32": np.uint32}
LINEAR = ("--config", "ocio://cg-config-latest", "--input-space", "lin_rec709_scene")
"""The colour space in which the sample is painted; transforms to the output space are then no-ops."""


@dataclass(frozen=True)
class Outcome:
    """What a run of the program gave."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> dict[str, Any]:
        """What ``--json`` printed: the whole of standard output, parsed."""
        parsed: dict[str, Any] = json.loads(self.out)
        return parsed


class Program:
    """Runs ``retempo`` in this process; never lets a traceback through."""

    def __init__(self, capfd: pytest.CaptureFixture[str]) -> None:
        self._capfd = capfd

    def __call__(self, *arguments: object) -> Outcome:
        self._capfd.readouterr()
        try:
            code = main([str(one) for one in arguments])
        except SystemExit as exit:  # argparse
            code = int(exit.code or 0)
        seen = self._capfd.readouterr()
        assert "Traceback" not in seen.err + seen.out, seen.err
        return Outcome(code, seen.out, seen.err)

    def done(self, *arguments: object) -> dict[str, Any]:
        """A run that must succeed; returns its JSON."""
        outcome = self(*arguments, "--json")
        assert outcome.code == 0, outcome.err
        return outcome.data


@pytest.fixture
def retempo(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Program:
    """``retempo("retime", ...)`` -> Outcome, with no OCIO config in the environment."""
    monkeypatch.delenv("OCIO", raising=False)
    return Program(capfd)


@pytest.fixture(scope="session")
def plate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with ``plate.####.exr``, frames 1001-1005 of the sample scene at 160x90.

    R, G, B, A are half, Z and the vectors float, id is uint.
    """
    folder = tmp_path_factory.mktemp("plate")
    assert (
        main(["sample", str(folder), "--frames", f"1-{len(PLATE_FRAMES)}", "--size", "160x90", "--json"]) == 0
    )
    for at, number in enumerate(PLATE_FRAMES, 1):  # the scene is over long before frame 1001
        (folder / f"plate.{at:04d}.exr").rename(folder / f"plate.{number}.exr")
    return folder


def start(*arguments: object, cwd: Path | None = None, **variables: str) -> subprocess.Popen[str]:
    """``retempo`` in a process of its own, with further variables in its environment."""
    path = os.pathsep.join(filter(None, [str(REPO / "pyhost"), os.environ.get("PYTHONPATH", "")]))
    environment = {**os.environ, "PYTHONPATH": path}
    environment.pop("OCIO", None)
    environment |= variables
    return subprocess.Popen(
        [sys.executable, "-m", "retempo", *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=cwd, env=environment,
    )  # fmt: skip


def copy_plate(plate: Path, folder: Path, numbers: Iterable[int] = PLATE_FRAMES) -> Path:
    """Copies of some frames of the plate, to be harmed; returns their pattern."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        shutil.copy(plate / f"plate.{number}.exr", folder)
    return folder / "plate.####.exr"


def write_image(path: Path, *layers: Layer, attributes: Mapping[str, Any] | None = None) -> Path:
    """Write layers as one file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    display = oiio_display(layers[0])
    write_frame(path, Frame(list(layers), display, Path("made"), "openexr"), attributes)
    return path


def oiio_display(layer: Layer) -> Any:
    """Display window of a made layer."""
    from retempo.io.frame import Window

    spec = layer.spec
    return Window(spec.full_x, spec.full_y, spec.full_width, spec.full_height)


def picture(number: float, width: int = 64, height: int = 36) -> np.ndarray:
    """A textured picture that moves two pixels a frame: [H, W, 3] float32, exact in half floats."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    x = x - 2 * number
    waves = [np.sin(x / 3 + y / 7), np.cos(x / 5 - y / 4), np.sin(x / 2) * np.cos(y / 3)]
    return (np.stack(waves, 2) * 0.3 + 0.5).astype(np.float16).astype(np.float32)


def make_shot(folder: Path, numbers: Iterable[int], **options: Any) -> Path:
    """Small RGB frames of ``picture``; options go to ``make_layer``. Returns their pattern."""
    for number in numbers:
        write_image(folder / f"shot.{number:04d}.exr", make_layer(picture(number), "RGB", **options))
    return folder / "shot.####.exr"


def raw(path: Path) -> dict[tuple[int, str], np.ndarray]:
    """Every channel of every part as the bits that the file stores, ``[H, W]`` uint16 or uint32, unscaled."""
    file = oiio.ImageInput.open(str(path))
    assert file is not None, oiio.geterror()
    found: dict[tuple[int, str], np.ndarray] = {}
    part = 0
    while file.seek_subimage(part, 0):
        spec = file.spec()
        for index, name in enumerate(spec.channelnames):
            kind = str(spec.channelformat(index))
            values = file.read_image(part, 0, index, index + 1, kind)
            assert values is not None, file.geterror()
            found[part, name] = values.reshape(spec.height, spec.width).view(RAW.get(kind, values.dtype))
        part += 1
    file.geterror()
    file.close()
    return found


def planes(path: Path, channels: Iterable[str], part: int = 0) -> np.ndarray:
    """Some float channels of one part as ``[H, W, C]`` float32, values as stored."""
    found = raw(path)
    bits = [found[part, name] for name in channels]
    return np.stack(
        [one.view(np.float16 if one.dtype == np.uint16 else np.float32) for one in bits], 2
    ).astype(np.float32)


def assert_same_pixels(one: Path, two: Path) -> None:
    """Both files hold the same channels with the same bits."""
    if one.read_bytes() == two.read_bytes():
        return
    a, b = raw(one), raw(two)
    assert sorted(a) == sorted(b), f"{one.name} and {two.name} hold different channels"
    for key, bits in a.items():
        assert bits.dtype == b[key].dtype, f"{key} is stored differently in {one.name} and {two.name}"
        np.testing.assert_array_equal(bits, b[key], err_msg=f"{key} of {one.name} and {two.name}")


def names(folder: Path) -> list[str]:
    """Everything in a folder, hidden files too; empty for one that does not exist."""
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def numbers(folder: Path) -> list[int]:
    """Frame numbers of what is in a folder; fails on anything that is not a finished frame."""
    return [int(name.split(".")[1]) for name in names(folder)]
