"""Does each depth give what the command line writes into files of that depth, at any speed, in every context?

Float to the bit, half to its last place, short and byte within one code value.
"""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from host import FrameSequenceClip
from retempo_bundle import FILES, MAXIMUM, moving_frames, open_node, quantize, retime_files, write_files

from bits import assert_same_bits

SPEEDS = ("1/4", "2", "-1", "ramp")
RAMP = {1: 0.0, 5: 1.0, 9: 0.25}
"""Keys of the speed: output frame -> frames a frame."""


@pytest.fixture(scope="module", params=list(FILES))
def shot(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Shot:
    return Shot(request.param, tmp_path_factory.mktemp(request.param))


class Shot:
    """Frames of one depth, as files and as a clip, and what ``retempo retime`` makes of the files."""

    def __init__(self, depth: str, folder: Path) -> None:
        self.depth, self.folder = depth, folder
        self.frames = {number: quantize(one, depth) for number, one in moving_frames().items()}
        self.pattern = write_files(self.frames, folder, depth)
        self._made: dict[str, dict[int, np.ndarray]] = {}

    def retimed(self, speed: str) -> dict[int, np.ndarray]:
        """The command line's frames by number."""
        if speed not in self._made:
            folder = self.folder / speed.replace("/", "_")
            folder.mkdir()
            flag = f"--speed={speed}"
            if speed == "ramp":
                keys = self.folder / "ramp.json"
                keys.write_text(json.dumps({"keys": [list(one) for one in RAMP.items()]}))
                flag = f"--speed-curve={keys}"
            self._made[speed] = retime_files(self.pattern, folder, flag)
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
