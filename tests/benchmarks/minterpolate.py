"""How do we compare with what a command-line user would run otherwise, ffmpeg's minterpolate?

``frame_over_minterpolate``: seconds per output frame at 1280x720, twice as many frames, flow included. Both get
frames that are decoded already (ours: float32 RGB in memory; ffmpeg: raw 8-bit 4:2:0 from a file in the page
cache) and encode nothing (ours stay in memory; ffmpeg writes to its null output). Output frames are counted the
same way, originals included. Both may use every core. Nothing is subtracted from either.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from clips import frames_of
from retempo.flow.base import hypothesize
from retempo.flow.catalog import parse_flow
from retempo.render.options import synthesis_options
from retempo.render.settings import RetimeSettings
from retempo.render.surroundings import surround
from retempo.synthesis.pipeline import prepare
from timing import medians

DEFAULTS = RetimeSettings()
DEFAULT_FLOW = DEFAULTS.flow
OTHER_FLOWS = ("dis:medium", "dis:fast")
FILTER = "minterpolate=fps={fps}:scd=none:mi_mode=mci:mc_mode=aobmc:me_mode=bidir:vsbmc=1"


def find_ffmpeg() -> str:
    """The system's ffmpeg, else the one that imageio-ffmpeg brings."""
    found = shutil.which("ffmpeg")
    if found:
        return found
    import imageio_ffmpeg

    return str(imageio_ffmpeg.get_ffmpeg_exe())


def run_minterpolate(ffmpeg: str, raw: Path, width: int, height: int) -> int:
    """Double the frame rate of a raw clip to the null output; returns how many frames came out."""
    command = [ffmpeg, "-nostdin", "-hide_banner", "-f", "rawvideo", "-pix_fmt", "yuv420p"]
    command += [
        "-s",
        f"{width}x{height}",
        "-r",
        "25",
        "-i",
        str(raw),
        "-vf",
        FILTER.format(fps=50),
        "-f",
        "null",
        "-",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(re.findall(r"frame=\s*(\d+)", done.stderr)[-1])


def write_raw(frames: list[np.ndarray], path: Path) -> None:
    """Write [H, W, 3] uint8 RGB frames as raw planar 4:2:0."""
    import cv2

    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        for frame in frames:
            file.write(cv2.cvtColor(frame, cv2.COLOR_RGB2YUV_I420).tobytes())


def double(frames: list[np.ndarray], flow: str = DEFAULT_FLOW, motion: str = DEFAULTS.motion) -> int:
    """Twice as many frames from float32 RGB in memory; returns how many (originals count, as in ffmpeg)."""
    settings = RetimeSettings(flow=flow, motion=motion)
    estimators = parse_flow(flow)
    options = synthesis_options(settings, estimators)
    out = np.empty_like(frames[0])
    flows: dict[tuple[int, int], Any] = {}

    def ask(estimator: Any, one: int, other: int, known: Any) -> Any:
        if (one, other) not in flows:
            flows[one, other] = hypothesize(estimator, frames[one], frames[other])
        return flows[one, other]

    beside = settings.window // 2 - 1
    for first in range(len(frames) - 1):
        near = range(max(0, first - beside), min(len(frames), first + 2 + beside))
        around = surround(near, first, settings)
        pair = frames[first : first + 2]
        ready = prepare(pair, around.times, around.ask(estimators, ask), options)
        ready.render(pair, first + Fraction(1, 2), out=out)
        flows.pop((first - 1, first), None)
    return 2 * len(frames) - 1


def measure_minterpolate(repeats: int, scratch: Path, count: int = 12) -> dict[str, Any]:
    """Seconds per output frame of both, and their ratio."""
    width, height = 1280, 720
    pictures, origin = frames_of(count, width, height)
    raw = scratch / "decoded.yuv"
    write_raw(pictures, raw)
    floats = [picture.astype(np.float32) / np.float32(255) for picture in pictures]
    ffmpeg = find_ffmpeg()
    made: dict[str, int] = {}

    def theirs() -> None:
        made["theirs"] = run_minterpolate(ffmpeg, raw, width, height)

    def ours(flow: str) -> Callable[[], None]:
        def action() -> None:
            made[flow] = double(floats, flow)

        return action

    flows = (DEFAULT_FLOW, *OTHER_FLOWS)
    straight = {"linear": lambda: double(floats, motion="linear")}
    taken = medians({"theirs": theirs, **{flow: ours(flow) for flow in flows}, **straight}, repeats)
    made["linear"] = made[DEFAULT_FLOW]
    raw.unlink()
    version = subprocess.run(
        [ffmpeg, "-version"], capture_output=True, text=True, check=True
    ).stdout.splitlines()[0]
    each = {name: taken[name] / made[name] for name in taken}
    return {
        "frame_over_minterpolate": each[DEFAULT_FLOW] / each["theirs"],
        "frame_over_minterpolate_by_flow": {flow: each[flow] / each["theirs"] for flow in flows},
        "linear_frame_over_minterpolate": each["linear"] / each["theirs"],
        "frame_ms": 1e3 * each[DEFAULT_FLOW],
        "minterpolate_frame_ms": 1e3 * each["theirs"],
        "minterpolate_frames": made["theirs"],
        "our_frames": made[DEFAULT_FLOW],
        "ffmpeg": version.partition(" Copyright")[0],
        "minterpolate_on": origin,
    }
