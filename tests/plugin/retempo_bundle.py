"""Which bundle do the tests of the plugin load, and where do its workers live?"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from host import FrameSequenceClip, OfxHost
from host.effect import Instance

from retempo.cli.main import main
from retempo.io.frame import Frame, Window, make_layer
from retempo.io.sequence import open_source
from retempo.io.target import open_target

REPO = Path(__file__).resolve().parents[2]
FILES = {
    "byte": ("png", "uint8"),
    "short": ("tif", "uint16"),
    "half": ("exr", "half"),
    "float": ("exr", "float"),
}
"""What files have the pixels of a depth: extension, format of the channels."""
MAXIMUM = {"byte": 255, "short": 65535}
RETIME, INBETWEEN, VECTORS = (f"org.retempo.{name}" for name in ("Retime", "Inbetween", "Vectors"))


def find_bundle() -> Path:
    """``$RETEMPO_BUNDLE``, else what ``make plugin`` has built; skips where there is none of this release."""
    from retempo.server.parameters import table_hash

    path = Path(os.environ.get("RETEMPO_BUNDLE", REPO / "build" / "Retempo.ofx.bundle"))
    if not list(path.glob("Contents/*/Retempo.ofx")):
        pytest.skip(f"no bundle at {path}; `make plugin` builds it")
    if table_hash() not in find_binary(path).read_bytes():
        pytest.skip(f"{path} was built with other parameters; `make plugin` builds it anew")
    return path


def find_binary(bundle: Path) -> Path:
    """The plugin itself."""
    return next(bundle.glob("Contents/*/Retempo.ofx"))


def stop_worker(folder: Path) -> None:
    """End the worker that a test has made the plugin start."""
    from retempo.server.control import ask

    if folder.is_dir():
        ask(folder, stop=True)


@contextlib.contextmanager
def open_node(
    bundle: Path,
    clips: Mapping[str, FrameSequenceClip | None],
    context: str = "general",
    effect: str = RETIME,
    params: Mapping[str, Any] | None = None,
    like: str = "",
    **host: Any,
) -> Iterator[Instance]:
    """An instance in a strict host, or one ``like`` another, with parameters set; choices by their labels."""
    with OfxHost.like(like, **host) if like else OfxHost(**host) as made:
        plugin = made.load(bundle)[effect]
        with plugin.create(context, dict(clips)) as node:
            for name, value in (params or {}).items():
                choose(node, name, value)
            yield node


def choose(node: Instance, name: str, value: Any) -> None:
    """Set a parameter; a choice by its label."""
    if isinstance(value, str) and node.params[name].type == "OfxParamTypeChoice":
        value = node.params[name].properties.all("OfxParamPropChoiceOption").index(value)
    node.params[name].set(value)


def moving_frames(count: int = 5, size: tuple[int, int] = (48, 80), first: int = 1) -> dict[int, np.ndarray]:
    """A textured scene that moves by 3 and 1 pixels a frame; [H, W, 4] float32, alpha 1."""
    rng = np.random.default_rng(7)
    height, width = size
    noise = rng.uniform(0.0, 1.0, (height + 64, width + 96, 3))
    for axis in (0, 1):
        noise = sum(np.roll(noise, shift, axis) for shift in range(-2, 3)) / 5
    noise = ((noise - noise.min()) / np.ptp(noise)).astype(np.float32)
    frames = {}
    for index in range(count):
        y, x = 20 + index, 60 - 3 * index
        pixels = np.ones((height, width, 4), np.float32)
        pixels[..., :3] = noise[y : y + height, x : x + width]
        frames[first + index] = pixels
    return frames


def quantize(pixels: np.ndarray, depth: str) -> np.ndarray:
    """Values that the depth can hold, as float32."""
    if depth in MAXIMUM:
        return (np.round(pixels * MAXIMUM[depth]) / MAXIMUM[depth]).astype(np.float32)
    return pixels.astype(np.float16).astype(np.float32) if depth == "half" else pixels


def write_files(
    frames: Mapping[int, np.ndarray], folder: Path, depth: str = "float", name: str = "in"
) -> str:
    """Frames as files of a depth; their pattern."""
    extension, kind = FILES[depth]
    pattern = str(folder / f"{name}.####.{extension}")
    height, width, _ = next(iter(frames.values())).shape
    window = Window(0, 0, width, height)
    target = open_target(pattern, overwrite=True, source=None, fps=None)
    for number, pixels in frames.items():
        layer = make_layer(pixels, ("R", "G", "B", "A"), window=window, formats=kind)
        target.write(number, Frame([layer], window, ""), {})
    target.close()
    return pattern


def retime_files(pattern: str, folder: Path, *flags: str, name: str = "out") -> dict[int, np.ndarray]:
    """What ``retempo retime`` makes of files, by number; EXR is taken for scene linear, as hosts hand it over."""
    out = folder / f"{name}.####{Path(pattern).suffix}"
    space = ["--input-space=scene_linear"] if pattern.endswith(".exr") else []
    assert main(["retime", pattern, "-o", str(out), "--json", *space, *flags]) == 0
    made = open_source(str(out))
    return {number: made.read(number).layers[0].pixels for number in made.frames}


def use_fake_worker(folder: Path, patch: pytest.MonkeyPatch, *misdeeds: str) -> None:
    """Workers are those of ``tests/bridge/fake_worker.py``, with the plugin's parameters."""
    from retempo.server.parameters import table_hash

    use_own_worker(folder, patch)
    fake = REPO / "tests" / "bridge" / "fake_worker.py"
    words = [sys.executable, str(fake), f"table:{table_hash().hex()}", *misdeeds]
    patch.setenv("RETEMPO_WORKER_COMMAND", " ".join(f"'{word}'" for word in words))


def use_own_worker(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Workers of these tests meet in ``folder`` and run this interpreter."""
    patch.setenv("RETEMPO_RUNTIME_DIR", str(folder))
    patch.setenv("RETEMPO_PYTHON", sys.executable)
    for name in ("RETEMPO_WORKER_COMMAND", "OCIO"):
        patch.delenv(name, raising=False)
