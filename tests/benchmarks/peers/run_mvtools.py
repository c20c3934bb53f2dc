"""What does VapourSynth's MVTools make halfway between pictures? Its own process: run_mvtools.py PAIRS.npy MADE.npy.

Needs NumPy, vapoursynth and vapoursynth-mvtools. Works on 4:4:4 of full range, so that its colours stand no worse than
those of the others; its settings are those that FlowFPS scripts mostly use (blocks of 16 that overlap by half).
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import vapoursynth as vs


def clip_of(pair: np.ndarray) -> Any:
    """Two pictures [2, H, W, 3] as a clip of YUV 4:4:4; of 16 bits, as 8 would lose 5 dB on still footage."""
    blank = vs.core.std.BlankClip(
        width=pair.shape[2], height=pair.shape[1], format=vs.RGB24, length=2, fpsnum=1, fpsden=1
    )

    def fill(n: int, f: Any) -> Any:
        frame = f.copy()
        for plane in range(3):
            np.copyto(np.asarray(frame[plane]), pair[n, ..., plane])
        return frame

    filled = vs.core.std.ModifyFrame(blank, blank, fill)
    return vs.core.resize.Bicubic(filled, format=vs.YUV444P16, matrix_s="709", range_s="full")


def halfway(pair: np.ndarray) -> np.ndarray:
    """[H, W, 3] between two pictures."""
    clip = clip_of(pair)
    mv = vs.core.mv
    pyramid = mv.Super(clip, pel=2)
    search = {"blksize": 16, "overlap": 8, "search": 3}
    backward = mv.Analyse(pyramid, isb=True, **search)
    forward = mv.Analyse(pyramid, isb=False, **search)
    double = mv.FlowFPS(clip, pyramid, backward, forward, num=2, den=1)
    shown = vs.core.resize.Bicubic(double, format=vs.RGB24, matrix_in_s="709", range_in_s="full")
    with shown.get_frame(1) as frame:
        return np.stack([np.asarray(frame[plane]) for plane in range(3)], axis=2)


def main() -> None:
    """Pairs in, pictures out."""
    source, target = sys.argv[1:]
    np.save(target, np.stack([halfway(np.array(pair)) for pair in np.load(source, mmap_mode="r")]))


if __name__ == "__main__":
    main()
