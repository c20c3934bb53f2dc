"""What do the benchmarks run on? Frames of a real clip where there is one, else of a moving texture."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

REPO = Path(__file__).resolve().parents[2]
CLIP = "05_default_juggle.mp4"


def footage() -> Path | None:
    """The clip, in ``$RETEMPO_DATA`` or ``shared/data`` beside the checkout; None when it is not there."""
    path = Path(os.environ.get("RETEMPO_DATA", REPO.parent / "shared" / "data")) / "clips" / CLIP
    return path if path.is_file() else None


def frames_of(count: int, width: int, height: int) -> tuple[list[np.ndarray], str]:
    """``count`` consecutive frames as [height, width, 3] uint8 RGB, and where they come from."""
    path = footage()
    if path is None:
        return [
            moving_texture(index, width, height) for index in range(count)
        ], "a moving texture (no footage found)"
    import av

    with av.open(str(path)) as container:
        found = [frame.to_ndarray(format="rgb24") for frame in islice(container.decode(video=0), count)]
    if found[0].shape[:2] != (height, width):
        found = [cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA) for frame in found]
    return found, f"{path.name}, frames 0-{count - 1}, at {width}x{height}"


def moving_texture(index: int, width: int, height: int) -> np.ndarray:
    """Two layers of smooth noise that drift against each other, [height, width, 3] uint8."""
    noise = np.random.default_rng(7).random((2, height // 8 + 64, width // 8 + 64, 3)).astype(np.float32)
    layers = [cv2.resize(one, None, fx=8, fy=8, interpolation=cv2.INTER_CUBIC) for one in noise]
    shifts = ((3 * index, 2 * index), (200 - 5 * index, 100 - index))
    back, front = (one[y : y + height, x : x + width] for one, (x, y) in zip(layers, shifts, strict=True))
    return (np.where(front[..., :1] > 0.55, front, back).clip(0, 1) * 255).astype(np.uint8)
