"""Do reading, computing and writing really overlap?

``overlap``: wall time of retiming a 1920x1080 half-float RGBA EXR shot (zip) to half speed, over the larger of two
times of the same ``render_shot``: with a renderer that computes nothing but hands out the very in-betweens, made
beforehand (its reading and writing alone; made pixels compress worse than an 8-bit plate does), and with a source
and a target that live in memory (its computing alone). The files lie in the system's folder for temporary files.
``overlap_fast_flow`` is the same with ``dis:fast``, where files and computing weigh alike: the harder case, for both
want the same cores.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from clips import frames_of
from in_memory import with_channels
from retempo.color.pipeline import ColorPipeline
from retempo.io.frame import Frame
from retempo.io.sequence import Source, open_source
from retempo.io.target import open_target
from retempo.render.frame import FrameRenderer, PreparedFrames
from retempo.render.settings import RetimeSettings
from retempo.render.shot import render_shot
from retempo.render.timing import schedule
from timing import medians


class MemorySource:
    """Frames of another source, read beforehand; the rest of it is as it was."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._frames = {number: source.read(number) for number in source.frames}

    def read(self, number: int, rows: tuple[int, int] | None = None) -> Frame:
        """The frame of that number."""
        return self._frames[number]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)


class IdleRenderer(FrameRenderer):
    """Computes nothing: every in-between was made beforehand, from frames in memory."""

    def __init__(self, settings: RetimeSettings, color: ColorPipeline, origin: MemorySource) -> None:
        super().__init__(settings, color)
        self.made: dict[Fraction, Frame] = {}
        busy = FrameRenderer(settings, color)
        for first, second in pairwise(origin.frames):
            ready = busy.prepare({number: origin.read(number) for number in (first, second)})
            time = Fraction(first + second, 2)
            self.made[time] = busy.render(ready, time)

    def prepare(
        self, frames: Mapping[int, Frame], vectors: Mapping[int, Frame] | None = None
    ) -> PreparedFrames:
        times = tuple(sorted(frames))
        return PreparedFrames(times, tuple(frames[time] for time in times), ())

    def render(self, prepared: PreparedFrames, time: Fraction) -> Frame:
        return self.made[time]


class NoTarget:
    """Takes frames and forgets them."""

    def path(self, number: int) -> Path:
        """A name, for messages."""
        return Path(f"memory.{number:04d}.exr")

    def write(self, number: int, frame: Frame, attributes: Mapping[str, Any]) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""

    def abort(self) -> None:
        """Nothing."""


def write_plate(folder: Path, count: int) -> str:
    """A 1080p EXR sequence of the benchmark's clip; returns its pattern."""
    import OpenImageIO as oiio

    folder.mkdir(parents=True, exist_ok=True)
    pictures, _ = frames_of(count, 1920, 1080)
    for number, picture in enumerate(pictures, 1):
        pixels = with_channels(picture.astype(np.float32) / np.float32(255), 4)
        spec = oiio.ImageSpec(1920, 1080, 4, "half")
        spec.attribute("compression", "zip")
        file = oiio.ImageOutput.create("plate.exr")
        file.open(str(folder / f"plate.{number:04d}.exr"), spec)
        file.write_image(pixels)
        file.close()
    return str(folder / "plate.####.exr")


def measure_overlap(repeats: int, scratch: Path, count: int = 9) -> dict[str, Any]:
    """Ratio of the whole to its larger half, with the default flow and with a fast one."""
    source = open_source(write_plate(scratch / "plate", count))
    default = measure_shot(RetimeSettings(speed="1/2"), source, scratch, repeats)
    fast = measure_shot(RetimeSettings(speed="1/2", flow="dis:fast"), source, scratch, repeats)
    return {
        "overlap": default["whole"] / max(default["files"], default["computing"]),
        "overlap_fast_flow": fast["whole"] / max(fast["files"], fast["computing"]),
        "shot_seconds": default,
        "shot_seconds_fast_flow": fast,
        "shot_frames": 2 * count - 1,
    }


def measure_shot(settings: RetimeSettings, source: Source, scratch: Path, repeats: int) -> dict[str, float]:
    """Seconds that the whole shot takes, its files alone, and its computing alone."""
    color = ColorPipeline(input_space="lin_rec709", output_space="lin_rec709")
    wanted = schedule(settings, source.frames, source.fps)
    memory = MemorySource(source)

    def shot(renderer: FrameRenderer, origin: Any, to_memory: bool) -> None:
        pattern = str(scratch / "slow" / "slow.####.exr")
        target: Any = (
            NoTarget() if to_memory else open_target(pattern, overwrite=True, source=source, fps=None)
        )
        render_shot(origin, target, wanted, renderer)

    busy, idle = FrameRenderer(settings, color), IdleRenderer(settings, color, memory)
    return medians(
        {
            "whole": lambda: shot(busy, source, False),
            "files": lambda: shot(idle, source, False),
            "computing": lambda: shot(busy, memory, True),
        },
        repeats,
    )
