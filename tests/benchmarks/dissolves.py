"""What is nearer to the truth inside a dissolve: motion as everywhere, or neighbours mixed (``--dissolves``)?

Two training clips are dissolved at 480x270, every second frame is dropped and made again. Figures are the mean PSNR in
dB of what lies beside or between mixed frames, by motion, with the dissolve listed, and with a cut in its middle.

    python tests/benchmarks/dissolves.py --mixed 11 --data ../shared/data/training
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from contextlib import redirect_stdout
from io import StringIO
from itertools import islice
from pathlib import Path

import av
import cv2
import numpy as np

from retempo.cli.main import main
from retempo.metrics.quality import psnr

LENGTH, MIDDLE = 41, 20
SIZE = 480, 270
PAIRS = (
    ("tokyo_walk_1280x720.mp4", 0, "road_960x540.mp4", 20),
    ("asl_book.mkv", 5, "tokyo_walk_1280x720.mp4", 90),
    ("asl_help.mkv", 2, "asl_brother.mkv", 4),
    ("road_960x540.mp4", 100, "asl_walk.mkv", 30),
)


def load(path: Path, first: int) -> list[np.ndarray]:
    """``LENGTH`` frames, [270, 480, 3] uint8 BGR."""
    with av.open(str(path)) as container:
        frames = islice(container.decode(video=0), first, first + LENGTH)
        return [cv2.resize(f.to_ndarray(format="bgr24"), SIZE, interpolation=cv2.INTER_AREA) for f in frames]


def score(truth: Sequence[np.ndarray], shares: np.ndarray, folder: Path, flags: Sequence[str]) -> float:
    """Mean PSNR of the odd frames inside the dissolve."""
    for at in range(0, LENGTH, 2):
        cv2.imwrite(str(folder / f"s.{at // 2 + 1:04d}.png"), truth[at])
    out = folder / "o.####.png"
    common = ("--speed", "1/2", "--quiet", "--overwrite")
    with redirect_stdout(StringIO()):
        failed = main(["retime", str(folder / "s.####.png"), "-o", str(out), *common, *flags])
    if failed:
        raise SystemExit("retempo retime failed")
    mixed = (shares > 0) & (shares < 1)
    inside = [at for at in range(1, LENGTH, 2) if mixed[at - 1] or mixed[at + 1]]
    made = (cv2.imread(str(folder / f"o.{at + 1:04d}.png")) for at in inside)
    return float(np.mean([psnr(truth[at], one) for at, one in zip(inside, made, strict=True)]))


def run() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data/training"))
    parser.add_argument(
        "--mixed", type=int, default=11, help="mixed frames before every second one is dropped"
    )
    args = parser.parse_args()
    shares = np.clip((np.arange(LENGTH) - MIDDLE + (args.mixed + 1) / 2) / (args.mixed + 1), 0, 1)
    kept = [at // 2 + 1 for at in range(0, LENGTH, 2) if 0 < shares[at] < 1]
    ways = {
        "motion": (),
        "mixed": ("--dissolves", f"{kept[0]}-{kept[-1]}"),
        "cut": ("--cuts", str(MIDDLE // 2 + 1)),
    }
    for one, first, other, second in PAIRS:
        clips = zip(load(args.data / one, first), load(args.data / other, second), shares, strict=True)
        truth = [np.round(a * (1 - share) + b * share).astype(np.uint8) for a, b, share in clips]
        with tempfile.TemporaryDirectory() as folder:
            scores = {way: score(truth, shares, Path(folder), flags) for way, flags in ways.items()}
        print(f"{one} {other}", *(f"{way} {value:.2f}" for way, value in scores.items()), flush=True)


if __name__ == "__main__":
    run()
