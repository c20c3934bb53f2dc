"""Do reading, computing and writing really overlap?

``overlap``: wall time of retiming a 1920x1080 half-float RGBA EXR shot (zip) to half speed, over the larger of two
times of the same ``render_shot``: with a renderer that computes nothing but hands out the very in-betweens, made
beforehand (its reading and writing alone; made pixels compress worse than an 8-bit plate does), and with a source
and a target that live in memory (its computing alone). The files lie in the system's folder for temporary files.
``overlap_fast_flow`` is the same with ``dis:fast``, where files and computing weigh alike: the harder case, for both
want the same cores.

Where either half alone keeps every core busy, nothing is left to overlap with, however well it is arranged. So
``overlap_one_core_each`` gives each half one core, in all three times: computing has one thread on the first core; all
that reads and writes runs on the second, and neither OpenImageIO, OpenEXR nor OpenCV starts threads of its own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from clips import frames_of
from in_memory import with_channels
from retempo.color.pipeline import ColorPipeline
from retempo.io.frame import Frame
from retempo.io.reader import set_threads
from retempo.io.sequence import Source, open_source
from retempo.io.target import open_target
from retempo.render.frame import FrameRenderer
from retempo.render.prepared_frames import PreparedFrames
from retempo.render.settings import RetimeSettings
from retempo.render.shot import render_shot
from retempo.render.timing import schedule
from timing import median_costs


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
        self,
        frames: Mapping[int, Frame],
        vectors: Mapping[int, Frame] | None = None,
        first: int | None = None,
        **_: object,
    ) -> PreparedFrames:
        times = tuple(sorted(frames))
        return PreparedFrames(times, tuple(frames[time] for time in times), (), times[0])

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


class OnCore:
    """A source or target whose reading or writing happens on one core, whichever thread asks for it."""

    def __init__(self, inner: Any, core: int) -> None:
        self._inner = inner
        self._core = core

    def read(self, *arguments: Any) -> Frame:
        """As the source's own."""
        os.sched_setaffinity(0, {self._core})
        frame: Frame = self._inner.read(*arguments)
        return frame

    def write(self, *arguments: Any) -> None:
        """As the target's own."""
        os.sched_setaffinity(0, {self._core})
        self._inner.write(*arguments)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def measure_overlap(repeats: int, scratch: Path, count: int = 9) -> dict[str, Any]:
    """Ratio of the whole to its larger half: by default, with a fast flow, and with one core for each half."""
    source = open_source(write_plate(scratch / "plate", count))
    default = measure_shot(RetimeSettings(speed="1/2"), source, scratch, repeats)
    fast = measure_shot(RetimeSettings(speed="1/2", flow="dis:fast"), source, scratch, repeats)
    figures = {
        "overlap": ratio(default),
        "overlap_fast_flow": ratio(fast),
        "shot_seconds": default,
        "shot_seconds_fast_flow": fast,
        "shot_frames": 2 * count - 1,
    }
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if len(cores) > 1:
        with one_thread_each(cores[0]):
            apart = measure_shot(
                RetimeSettings(speed="1/2", threads=1), source, scratch, repeats, files_core=cores[1]
            )
        figures |= {"overlap_one_core_each": ratio(apart), "shot_seconds_one_core_each": apart}
    return figures


def ratio(taken: Mapping[str, float]) -> float:
    """The whole over the larger of its halves."""
    return taken["whole"] / max(taken["files"], taken["computing"])


@contextmanager
def one_thread_each(core: int) -> Iterator[None]:
    """This thread, and those it starts, on ``core``; OpenCV, OpenImageIO and OpenEXR without threads of their own."""
    allowed, opencv = os.sched_getaffinity(0), cv2.getNumThreads()
    os.sched_setaffinity(0, {core})
    cv2.setNumThreads(1)
    set_threads(1)
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)
        cv2.setNumThreads(opencv)
        set_threads(0)


def measure_shot(
    settings: RetimeSettings, source: Source, scratch: Path, repeats: int, files_core: int | None = None
) -> dict[str, float]:
    """Seconds that the whole shot takes, its files alone, and its computing alone; and their processor times.

    Args:
        files_core: read and write on this core only.
    """
    color = ColorPipeline(input_space="lin_rec709", output_space="lin_rec709", threads=settings.threads)
    wanted = schedule(settings, source.frames, source.fps)
    memory = MemorySource(source)
    busy, idle = FrameRenderer(settings, color), IdleRenderer(settings, color, memory)

    def placed(files: Any) -> Any:
        return files if files_core is None else OnCore(files, files_core)

    def shot(renderer: FrameRenderer, in_memory: bool) -> None:
        pattern = str(scratch / "slow" / "slow.####.exr")
        target: Any = (
            NoTarget() if in_memory else open_target(pattern, overwrite=True, source=source, fps=None)
        )
        render_shot(placed(memory if in_memory else source), placed(target), wanted, renderer)

    taken = median_costs(
        {
            "whole": lambda: shot(busy, False),
            "files": lambda: shot(idle, False),
            "computing": lambda: shot(busy, True),
        },
        repeats,
    )
    walls = {name: wall for name, (wall, _) in taken.items()}
    return walls | {f"{name}_processor": spent for name, (_, spent) in taken.items()}
