"""Are our in-betweens closer to the truth than those of ffmpeg's minterpolate, and than a plain blend?

Of each clip's frames 0-80 every odd one is dropped and rebuilt from its two neighbours; with quadratic motion those at
distance 3 are looked at as well. Figures are on uint8 RGB:

    PSNR         from the squared error of all rebuilt frames of a clip together (a frame that is rebuilt exactly,
                 as between duplicates, has no PSNR of its own); the mean is over clips
    per frame    mean over frames of their own PSNR, counted as 60 dB where it is higher

The conversion of 4:2:0 to RGB matters: with swscale's direct path (nearest, the default) colour stands in blocks of
2x2 pixels that a method working in RGB has to move, while minterpolate moves the colour planes themselves; "--chroma
bicubic" converts truth and results alike without blocks.

minterpolate gets the even frames as they were decoded, at half the rate, and its frames are taken by their time stamps;
each of its even frames must be the very frame that went in, which proves the numbering. The clips are a scoreboard:
nothing is tuned on them.

    python tests/benchmarks/peers/quality.py                         everything
    python tests/benchmarks/peers/quality.py --last 16 --clips bedroom,cups
    python tests/benchmarks/peers/quality.py --every 5 --peers ""    ours and the blend alone, every fifth frame
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
from ffmpeg_peer import OPTIONS, double_rate, ffmpeg_version, find_ffmpeg
from footage import find_clips, read_clip, to_rgb
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from retempo.flow.base import Flow, FlowEstimator
from retempo.flow.catalog import VectorsMarker, parse_flow
from retempo.render.options import synthesis_options
from retempo.render.settings import RetimeSettings
from retempo.render.surroundings import Estimator, surround
from retempo.synthesis.options import CHOICES, SynthesisOptions
from retempo.synthesis.pipeline import prepare

Rgb = NDArray[np.uint8]
CAP: Final = 60.0


class Score:
    """Squared errors of one method on one clip, frame by frame."""

    def __init__(self) -> None:
        self.errors: list[float] = []

    def add(self, truth: Rgb, made: Rgb) -> None:
        """Count one rebuilt frame."""
        difference = truth.astype(np.float32) - made
        self.errors.append(float(np.mean(np.square(difference), dtype=np.float64)))

    def figures(self) -> dict[str, float]:
        """Return the clip's PSNR, its mean PSNR per frame, and the number of frames."""
        each = [min(CAP, _psnr(error)) for error in self.errors]
        return {
            "psnr": _psnr(float(np.mean(self.errors))),
            "psnr_per_frame": float(np.mean(each)),
            "frames": len(self.errors),
        }


def _psnr(error: float) -> float:
    return CAP if error == 0 else float(10 * np.log10(255.0**2 / error))


class Rebuilder:
    """Makes the frames of one clip that were dropped; each motion is estimated once.

    Args:
        estimators, options: of the synthesis.
        motion: as the setting of that name.
    """

    def __init__(self, estimators: list[FlowEstimator], options: SynthesisOptions, motion: str) -> None:
        self._estimators = estimators
        self._options = options
        self._settings = RetimeSettings(motion=motion)
        self._flows: dict[tuple[str, int, int], tuple[Flow, Flow]] = {}

    def between(self, frames: dict[int, Rgb], first: int) -> Rgb:
        """Return our frame halfway between ``first`` and the next of ``frames`` (up to two, and one past either)."""
        pictures = {number: frame.astype(np.float32) / np.float32(255) for number, frame in frames.items()}
        around = surround(sorted(frames), first, self._settings)
        self._flows = {key: flows for key, flows in self._flows.items() if key[1:] in around.questions}

        def ask(estimator: Estimator, one: int, other: int) -> tuple[Flow, Flow]:
            assert not isinstance(estimator, VectorsMarker)
            key = (estimator.name, one, other)
            if key not in self._flows:
                self._flows[key] = estimator.estimate(pictures[one], pictures[other])
            return self._flows[key]

        pair = [pictures[number] for number in around.times]
        ready = prepare(pair, around.times, around.ask(self._estimators, ask), self._options)
        made = ready.render(pair, first + Fraction(around.times[1] - first, 2))
        return np.clip(np.rint(made.pixels * 255), 0, 255).astype(np.uint8)


def score_clip(
    path: Path,
    last: int,
    every: int,
    estimators: list[FlowEstimator],
    options: SynthesisOptions,
    peer: bool,
    tick: Any,
    chroma: str = "nearest",
    motion: str = "linear",
) -> dict[str, dict[str, float]]:
    """Score ours, the blend and, if asked for, minterpolate on one clip; all on the same frames."""
    spare = 4  # minterpolate looks ahead: it needs a frame beyond the last one that it makes
    frames, fps = read_clip(path, last + spare)
    last = min(last, len(frames) - 2 - (len(frames) % 2 == 0))
    odd = list(range(1, last, 2))[::every]
    scores = {name: Score() for name in ("retempo", "blend", *(["minterpolate"] if peer else []))}
    with ThreadPoolExecutor(1) as pool:
        theirs: Future[dict[int, av.VideoFrame]] | None = (
            pool.submit(double_rate, frames[::2], fps) if peer else None
        )
        truths = {}
        rebuilder = Rebuilder(estimators, options, motion)
        reach = 3 if motion == "quadratic" else 1
        for number in odd:
            first, truth, second = (to_rgb(frames[number + step], chroma=chroma) for step in (-1, 0, 1))
            truths[number] = truth
            around = {
                near: to_rgb(frames[near], chroma=chroma)
                for near in range(number - reach, number + reach + 1, 2)
                if 0 <= near <= last + 1
            }
            scores["retempo"].add(truth, rebuilder.between(around, number - 1))
            scores["blend"].add(truth, ((first.astype(np.uint16) + second + 1) // 2).astype(np.uint8))
            tick()
        if theirs is not None:
            made = theirs.result()
            absent = [number for number in odd if number not in made]
            if absent:
                raise RuntimeError(f"{path.name}: minterpolate did not return frames {absent}")
            if not np.array_equal(to_rgb(made[0], frames[0], chroma), to_rgb(frames[0], chroma=chroma)):
                raise RuntimeError(
                    f"{path.name}: minterpolate's frames are converted to other colours than the truth"
                )
            for number in odd:
                scores["minterpolate"].add(
                    truths[number], to_rgb(made[number], like=frames[number], chroma=chroma)
                )
    return {name: score.figures() for name, score in scores.items()}


def mean_of(clips: dict[str, dict[str, dict[str, float]]], key: str) -> dict[str, float]:
    """Return each method's mean over clips."""
    methods = next(iter(clips.values()))
    return {method: float(np.mean([clip[method][key] for clip in clips.values()])) for method in methods}


def show(clips: dict[str, dict[str, dict[str, float]]], console: Console) -> None:
    """Print the table."""
    methods = list(next(iter(clips.values())))
    table = Table(title="PSNR in dB of rebuilt frames (per frame in brackets)")
    table.add_column("clip")
    table.add_column("frames", justify="right")
    for method in methods:
        table.add_column(method, justify="right")
    if "minterpolate" in methods:
        table.add_column("gain", justify="right")

    def row(name: str, count: str, figures: dict[str, float], each: dict[str, float]) -> None:
        cells = [f"{figures[method]:.2f} ({each[method]:.2f})" for method in methods]
        if "minterpolate" in methods:
            cells.append(f"{figures['retempo'] - figures['minterpolate']:+.2f}")
        table.add_row(name, count, *cells)

    for name, clip in clips.items():
        figures = {method: clip[method]["psnr"] for method in methods}
        each = {method: clip[method]["psnr_per_frame"] for method in methods}
        row(name, str(int(clip["retempo"]["frames"])), figures, each)
    table.add_section()
    row("mean", "", mean_of(clips, "psnr"), mean_of(clips, "psnr_per_frame"))
    console.print(table)


def main(arguments: list[str] | None = None) -> int:
    """Run the comparison; returns 0."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--clips", default="", help="comma-separated parts of clip names (default: all)")
    parser.add_argument("--last", type=int, default=80, help="last frame of each clip (default 80)")
    parser.add_argument("--every", type=int, default=1, help="score each n-th dropped frame only (default 1)")
    parser.add_argument("--flow", default="dis", help="our flow, for example dis+dis:coarse (default dis)")
    parser.add_argument("--merge-exponent", type=float, default=SynthesisOptions().merge_exponent)
    parser.add_argument(
        "--inverses",
        default=RetimeSettings().inverses,
        choices=("auto", "on", "off"),
        help="also use every flow inverted as a hypothesis",
    )
    parser.add_argument(
        "--motion",
        default=RetimeSettings().motion,
        choices=("linear", "quadratic"),
        help="path between two frames; quadratic looks at one more kept frame on either side",
    )
    parser.add_argument("--filter", default=SynthesisOptions().filter, choices=CHOICES["filter"])
    parser.add_argument(
        "--chroma",
        default="nearest",
        choices=("nearest", "bicubic"),
        help="how the 4:2:0 colour of truth and of all methods becomes RGB (default nearest)",
    )
    parser.add_argument("--peers", default="minterpolate", help='"" leaves minterpolate out')
    parser.add_argument("--json", type=Path, default=Path("build/quality.json"), help="where the figures go")
    given = parser.parse_args(arguments)
    if given.last < 2 or given.every < 1:
        parser.error("--last must be at least 2 and --every at least 1")
    parsed = parse_flow(given.flow)
    estimators = [entry for entry in parsed if not isinstance(entry, VectorsMarker)]
    if len(estimators) != len(parsed):
        parser.error("the clips carry no vectors")
    settings = RetimeSettings(
        merge_exponent=given.merge_exponent, inverses=given.inverses, filter=given.filter
    )
    options = synthesis_options(settings, parsed)
    paths = find_clips(given.clips)
    console = Console()
    started = time.monotonic()
    clips: dict[str, dict[str, dict[str, float]]] = {}
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("rebuilding", total=len(paths) * len(range(1, given.last, 2 * given.every)))
        for path in paths:
            progress.update(task, description=path.stem)
            clips[path.stem] = score_clip(
                path,
                given.last,
                given.every,
                estimators,
                options,
                bool(given.peers),
                lambda: progress.advance(task),
                given.chroma,
                given.motion,
            )
    show(clips, console)
    report = {
        "flow": [estimator.name for estimator in estimators],
        "options": {
            "merge_exponent": options.merge_exponent,
            "coverage_gate": options.coverage_gate,
            "inverses": options.inverses,
            "filter": options.filter,
            "motion": given.motion,
        },
        "chroma": given.chroma,
        "frames": f"0-{given.last}, each odd one dropped, every {given.every} of them scored",
        "minterpolate": {"options": OPTIONS, "ffmpeg": ffmpeg_version(find_ffmpeg())}
        if given.peers
        else None,
        "clips": clips,
        "mean_psnr": mean_of(clips, "psnr"),
        "mean_psnr_per_frame": mean_of(clips, "psnr_per_frame"),
        "seconds": time.monotonic() - started,
    }
    given.json.parent.mkdir(parents=True, exist_ok=True)
    given.json.write_text(json.dumps(report, indent=1) + "\n")
    console.print(f"{given.json} written in {report['seconds']:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
