"""Which clips are scored, and how are their frames decoded?"""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

REPO = Path(__file__).resolve().parents[3]


def find_clips(names: str = "") -> list[Path]:
    """Return the scoreboard's clips, all or those whose names contain one of the comma-separated ``names``.

    Raises:
        SystemExit: there is no footage, or no clip of that name.
    """
    folder = Path(os.environ.get("RETEMPO_DATA", REPO.parent / "shared" / "data")) / "clips"
    clips = sorted(folder.glob("*.mp4"))
    if not clips:
        raise SystemExit(f"no clips in {folder}; set RETEMPO_DATA to the folder that holds clips/")
    if names:
        wanted = [name.strip() for name in names.split(",")]
        clips = [clip for clip in clips if any(name in clip.name for name in wanted)]
        if not clips:
            raise SystemExit(f"no clip in {folder} is called anything like {names}")
    return clips


def read_clip(path: Path, last: int) -> tuple[list[av.VideoFrame], Fraction]:
    """Return frames 0..last as decoded (fewer if the clip ends), and the frame rate."""
    frames = []
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        rate = stream.average_rate or stream.guessed_rate
        for frame in container.decode(stream):
            frames.append(frame)
            if len(frames) > last:
                break
    if rate is None or len(frames) < 3:
        raise SystemExit(f"{path} has no frame rate or fewer than three frames")
    return frames, Fraction(rate)


def to_rgb(
    frame: av.VideoFrame, like: av.VideoFrame | None = None, chroma: str = "nearest"
) -> NDArray[np.uint8]:
    """Convert to [H, W, 3] uint8.

    Args:
        frame: as decoded.
        like: a frame whose colour matrix and range apply, where ``frame`` has lost its own.
        chroma: how 4:2:0 colour grows to full size: ``nearest`` (swscale's direct path, 2x2 blocks) or ``bicubic``.
    """
    # A fresh frame for everybody: marks such as the chroma location, which a raw file loses, would shift colours.
    plain = av.VideoFrame.from_ndarray(frame.to_ndarray(), format=frame.format.name)
    plain.colorspace, plain.color_range = (like or frame).colorspace, (like or frame).color_range
    if chroma == "bicubic":
        plain = plain.reformat(format="yuv444p", interpolation="BICUBIC")
    return plain.to_ndarray(format="rgb24")
