"""What does ``--normalise-exposure auto`` change where training clips flash, and where they do not?

Every second frame of 17 at 480x270 is dropped and made again; the flash stands on a frame that is kept. PSNR in dB,
off and auto, means of the frames away from the flash, and of the two beside it (no in-between can hit those).

    python tests/benchmarks/flashes.py --data ../shared/data/training
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import cv2
import numpy as np

from dissolves import load
from retempo.cli.main import main
from retempo.metrics.quality import psnr

CLIPS = (
    ("tokyo_walk_1280x720.mp4", 60),
    ("road_960x540.mp4", 30),
    ("asl_book.mkv", 40),
    ("asl_walk.mkv", 20),
)
LENGTH, BESIDE = 17, (7, 9)
FLASHES: dict[str, dict[int, float]] = {
    "as shot": {},
    "one frame": {8: 3.0},
    "three frames": {8: 3.0, 9: 2.0, 10: 1.4},
}


def score(frames: Sequence[np.ndarray], mode: str) -> tuple[float, float]:
    """Mean PSNR away from the flash, and beside it."""
    with tempfile.TemporaryDirectory() as folder:
        for at in range(0, LENGTH, 2):
            cv2.imwrite(f"{folder}/s.{at // 2 + 1:04d}.png", frames[at])
        flags = ("--speed", "1/2", "--quiet", "--normalise-exposure", mode)
        with redirect_stdout(StringIO()):
            if main(["retime", f"{folder}/s.####.png", "-o", f"{folder}/o.####.png", *flags]):
                raise SystemExit("retempo retime failed")
        scores = {
            at: psnr(frames[at], cv2.imread(f"{folder}/o.{at + 1:04d}.png")) for at in range(1, LENGTH, 2)
        }
    away = [value for at, value in scores.items() if at not in BESIDE]
    return float(np.mean(away)), float(np.mean([scores[at] for at in BESIDE]))


def run() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data/training"))
    args = parser.parse_args()
    for clip, first in CLIPS:
        shot = load(args.data / clip, first)[:LENGTH]
        for kind, gains in FLASHES.items():
            lit = [frame * np.float32(gains.get(at, 1.0)) for at, frame in enumerate(shot)]
            frames = [np.clip(np.round(frame), 0, 255).astype(np.uint8) for frame in lit]
            (off, off_beside), (auto, auto_beside) = (score(frames, mode) for mode in ("off", "auto"))
            print(
                f"{clip}, {kind}: {off:.2f} {auto:.2f}, beside {off_beside:.2f} {auto_beside:.2f}", flush=True
            )


if __name__ == "__main__":
    run()
