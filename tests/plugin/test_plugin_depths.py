"""Does each depth give what the command line writes into files of that depth, at any speed, in every context?

Float to the bit, half to its last place, short and byte within one code value.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from host import FrameSequenceClip
from retempo_bundle import find_bundle, moving_frames, open_node, stop_worker, use_own_worker

from bits import assert_same_bits
from retempo.cli.main import main
from retempo.io.frame import Frame, Window, make_layer
from retempo.io.sequence import open_source
from retempo.io.target import open_target

SPEEDS = ("1/4", "2", "-1", "ramp")
RAMP = {1: 0.0, 5: 1.0, 9: 0.25}
"""Keys of the speed: output frame -> frames a frame."""

FILES = {
    "byte": ("png", "uint8"),
    "short": ("tif", "uint16"),
    "half": ("exr", "half"),
    "float": ("exr", "float"),
}
MAXIMUM = {"byte": 255, "short": 65535}


@pytest.fixture(scope="module")
def bundle() -> Iterator[Path]:
    found = find_bundle()
    with tempfile.TemporaryDirectory(prefix="rt-") as folder, pytest.MonkeyPatch.context() as patch:
        use_own_worker(Path(folder) / "run", patch)
        yield found
        stop_worker(Path(folder) / "run")


def quantize(pixels: np.ndarray, depth: str) -> np.ndarray:
    """Values that the depth can hold, as float32."""
    if depth in MAXIMUM:
        return (np.round(pixels * MAXIMUM[depth]) / MAXIMUM[depth]).astype(np.float32)
    return pixels.astype(np.float16).astype(np.float32) if depth == "half" else pixels


@pytest.fixture(scope="module", params=list(FILES))
def shot(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Shot:
    return Shot(request.param, tmp_path_factory.mktemp(request.param))


class Shot:
    """Frames of one depth, as files and as a clip, and what ``retempo retime`` makes of the files."""

    def __init__(self, depth: str, folder: Path) -> None:
        self.depth, self.folder = depth, folder
        self.frames = {number: quantize(one, depth) for number, one in moving_frames().items()}
        extension, kind = FILES[depth]
        self.pattern = str(folder / f"in.####.{extension}")
        window = Window(0, 0, 80, 48)
        target = open_target(self.pattern, overwrite=True, source=None, fps=None)
        for number, pixels in self.frames.items():
            layer = make_layer(pixels, ("R", "G", "B", "A"), window=window, formats=kind)
            target.write(number, Frame([layer], window, ""), {})
        target.close()
        self._made: dict[str, dict[int, np.ndarray]] = {}

    def retimed(self, speed: str) -> dict[int, np.ndarray]:
        """The command line's frames by number."""
        if speed not in self._made:
            out = self.folder / speed.replace("/", "_") / Path(self.pattern).name
            out.parent.mkdir()
            words = ["retime", self.pattern, "-o", str(out), "--json"]
            if speed == "ramp":
                keys = self.folder / "ramp.json"
                keys.write_text(json.dumps({"keys": [list(one) for one in RAMP.items()]}))
                words.append(f"--speed-curve={keys}")
            else:
                words.append(f"--speed={speed}")
            if self.depth in ("half", "float"):
                words.append("--input-space=scene_linear")  # an EXR file would be taken for ACES2065-1
            assert main(words) == 0
            source = open_source(str(out))
            self._made[speed] = {one: source.read(one).layers[0].pixels for one in source.frames}
        return self._made[speed]


def source_time(speed: str, time: float) -> float:
    """What a host's own retimer would say."""
    if speed != "ramp":
        value = float(Fraction(speed))
        return (5.0 if value < 0 else 1.0) + value * (time - 1)
    passed = sum(
        np.interp([now, now + 1], list(RAMP), list(RAMP.values())).mean() for now in range(1, round(time))
    )
    return min(1.0 + float(passed), 5.0)


@pytest.mark.parametrize("context", ["general", "filter", "retimer"])
@pytest.mark.parametrize("speed", SPEEDS)
def test_equals_the_command_line(bundle: Path, shot: Shot, speed: str, context: str) -> None:
    expected = shot.retimed(speed)
    assert len(expected) >= 3
    clip = FrameSequenceClip(shot.frames, depth=shot.depth)
    with open_node(bundle, {"Source": clip}, context) as node:
        if context == "retimer":
            node.params["SourceTime"].animate(lambda time: source_time(speed, time))
        elif speed == "ramp":
            node.params["speed"].keys(RAMP)
        else:
            node.params["speed"].set(float(Fraction(speed)))
        for number, wanted in expected.items():
            if shot.depth == "float":
                assert_same_bits(node.render(number), wanted)
                continue
            made = node.render(number, raw=True).astype(np.float64)
            if shot.depth in MAXIMUM:
                codes = np.round(wanted.astype(np.float64) * MAXIMUM[shot.depth])
                assert np.abs(made - codes).max() <= 1, f"frame {number}"
            else:
                spacing = np.spacing(np.maximum(np.abs(wanted), 6.2e-5).astype(np.float16)).astype(np.float64)
                assert (np.abs(made - wanted) <= spacing).all(), f"frame {number}"
