"""Does the button write the cuts that ``--cuts auto`` finds, and what does the user learn where it cannot?"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
from host import FrameSequenceClip
from host.effect import Instance
from retempo_bundle import (
    INBETWEEN,
    find_bundle,
    open_node,
    retime_files,
    use_fake_worker,
    write_files,
)  # fmt: skip

from bits import assert_same_bits
from retempo.cli.main import main

FIRST, LAST = 95, 112
SHOTS = (101, 107)
"""First frames of the second and the third shot."""
HEIGHT, WIDTH = 48, 80


def frame(number: int) -> np.ndarray:
    """Blots that move by two pixels a frame, cut twice, with a flash of one frame; [H, W, 4] float32, alpha 1."""
    shot = sum(number >= first for first in SHOTS)
    coarse = np.random.default_rng(shot).uniform(0.0, 1.0, (8, 20, 3))
    start = 2 * (number - FIRST)
    pixels = np.ones((HEIGHT, WIDTH, 4), np.float32)
    pixels[..., :3] = np.kron(coarse, np.ones((6, 6, 1)))[:, start : start + WIDTH]
    pixels[..., :3] *= 6.0 if number == 104 else 1.0
    return pixels


FRAMES = {number: frame(number) for number in range(FIRST, LAST + 1)}
LISTED = ",".join(map(str, SHOTS))


@pytest.fixture(scope="module")
def plates(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The frames as float EXR files."""
    return write_files(FRAMES, tmp_path_factory.mktemp("plates"))


def texts(node: Instance) -> list[str]:
    """What the user was told since this was asked last."""
    said = [one.text for one in node.plugin.host.messages]
    node.plugin.host.messages.clear()
    return said


def test_it_writes_what_the_command_line_finds(
    bundle: Path, plates: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ("--cuts=auto", "--speed=1/2")
    words = [
        "retime",
        plates,
        "-o",
        str(tmp_path / "x.####.exr"),
        "--input-space=scene_linear",
        "--json",
        "--dry-run",
    ]
    assert main([*words, *flags, "--output-range=100-125"]) == 0
    assert json.loads(capsys.readouterr().out)["settings"]["cuts"] == LISTED
    made = retime_files(plates, tmp_path, *flags, "--output-range=104-109")
    with open_node(bundle, {"Source": FrameSequenceClip(FRAMES)}, params={"speed": 0.5}) as node:
        node.params["findCuts"].press()
        assert node.params["cuts"].value == LISTED and texts(node) == []
        assert node.params["atCut"].enabled
        for number, pixels in made.items():  # 99.5 to 102: over the first cut
            assert_same_bits(node.render(number), pixels)


@pytest.mark.parametrize("context", ["filter", "retimer"])
@pytest.mark.parametrize(
    "options",
    [{"negative_rows": True, "padding": 64}, {"premultiplication": "unpremultiplied"}, {"depth": "half"}],
)
def test_whatever_the_host_hands_over(bundle: Path, context: str, options: dict[str, object]) -> None:
    clip = FrameSequenceClip(FRAMES, **options)  # type: ignore[arg-type]
    with open_node(bundle, {"Source": clip}, context) as node:
        node.params["findCuts"].press()
        assert node.params["cuts"].value == LISTED


def test_missing_frames_are_skipped_as_missing_files_are(bundle: Path) -> None:
    there = {number: one for number, one in FRAMES.items() if number not in (103, 108)}
    with open_node(bundle, {"Source": FrameSequenceClip(there)}) as node:
        node.params["findCuts"].press()
        assert node.params["cuts"].value == LISTED


def test_a_list_gives_way_to_what_is_found(bundle: Path) -> None:
    one_shot = {number: FRAMES[number] for number in range(FIRST, SHOTS[0])}
    with open_node(bundle, {"Source": FrameSequenceClip(one_shot)}, params={"cuts": "97"}) as node:
        node.params["findCuts"].press()
        assert node.params["cuts"].value == "" and "No cut" in texts(node)[0]
        node.change_clip("Source", FrameSequenceClip({5: FRAMES[FIRST]}))
        node.params["findCuts"].press()
        assert "No cut" in texts(node)[0], "in a single frame"


def test_where_it_cannot_look_the_list_stays(bundle: Path) -> None:
    cases = (
        (FrameSequenceClip(FRAMES), {"temporal_access": False}, "current frame alone"),
        (FrameSequenceClip(lambda time: FRAMES[FIRST], frame_range=(1, 40000)), {}, "32768"),
    )
    for clip, host, text in cases:
        with open_node(bundle, {"Source": clip}, params={"cuts": "97"}, **host) as node:  # type: ignore[arg-type]
            node.params["findCuts"].press()
            assert node.params["cuts"].value == "97" and text in texts(node)[0]


def test_an_error_of_the_worker_is_told(bundle: Path) -> None:
    params = {"cuts": "97", "config": "/no/such/config.ocio"}
    with open_node(bundle, {"Source": FrameSequenceClip(FRAMES)}, params=params) as node:
        node.params["findCuts"].press()
        assert node.params["cuts"].value == "97" and "/no/such/config.ocio" in texts(node)[0]
        assert node.persistent_message is None, "no picture has failed"


def test_it_can_be_called_off(monkeypatch: pytest.MonkeyPatch) -> None:
    found = find_bundle()
    with tempfile.TemporaryDirectory(prefix="rt-") as folder:
        use_fake_worker(Path(folder) / "run", monkeypatch, "slow")
        try:
            with open_node(found, {"Source": FrameSequenceClip(FRAMES)}, params={"cuts": "97"}) as node:
                talking = node.plugin.host.talking
                talking.cancel = lambda value: True
                node.params["findCuts"].press()
                assert node.params["cuts"].value == "97" and texts(node) == []
                assert (talking.progress[0].event, talking.progress[-1].event) == ("start", "end")
        finally:
            started = Path(folder) / "run" / "was-started"
            end = time.monotonic() + 20
            while not started.exists() and time.monotonic() < end:  # it may only just be starting
                time.sleep(0.02)
            for pid in started.read_text().split() if started.exists() else ():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)


def test_only_retime_has_shots(bundle: Path) -> None:
    with open_node(bundle, {"Source": FrameSequenceClip(FRAMES)}, effect=INBETWEEN) as node:
        assert "findCuts" not in node.params and "cuts" not in node.params
