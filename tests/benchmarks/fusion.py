"""What does a gradient-domain fusion gain over mixing pixels, and what does it take?

On the street of ``retempo.scene`` (fixed camera, day plate, noisy night with cars), by the video algorithm and, with
the clean night as reference, by the dynamic one. In the log of ``retempo.fusion.space``, codes of 255, over all frames:

- detail: correlation of the result's gradients with the day plate's, where nothing is taken of the night;
- kept: SSIM with the night frame (without its noise), the mean of the map where importance is at least 0.5 (a video's
  is a mean over 11 frames), and the correlation of gradients there;
- shift: mean difference from the day plate where nothing is taken of the night 8 pixels around: colour shift, halos;
- flicker: mean difference of neighbouring frames where no car nor its light is in either, noise included.

Baselines: the average of both pictures, the larger of both, an alpha blend by importance.

    python tests/benchmarks/fusion.py --frames 24 --sheet build/fusion.png
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from skimage.metrics import structural_similarity

from retempo.fusion.clip import ClipFusion, Fused
from retempo.fusion.gradients import gradient
from retempo.fusion.importance import blur_box
from retempo.fusion.options import FusionOptions
from retempo.fusion.space import to_log
from retempo.report.contact_sheet import make_sheet
from retempo.scene.street import StreetScene

VIDEO = FusionOptions(method="video", denoise=2)
DYNAMIC = FusionOptions(method="dynamic", denoise=2)
COLUMNS = ("detail", "kept, SSIM", "kept, gradients", "shift", "flicker")
Results = dict[str, list[np.ndarray]]


class Street:
    """The frames of a clip, and what only the painter knows."""

    def __init__(self, width: int, height: int, count: int) -> None:
        scene = StreetScene(width, height)
        self.day, self.reference = scene.day(), scene.reference()
        self.numbers = tuple(range(1, count + 1))
        self.nights = {number: scene.night(number) for number in self.numbers}
        self.clean = {number: scene.night(number, noise=False) for number in self.numbers}
        self.action = {
            number: blur_box(scene.action(number).astype(np.float32), 9) > 0 for number in self.numbers
        }

    def fuse(self, options: FusionOptions) -> list[Fused]:
        """Every frame."""
        fusion = ClipFusion(
            self.nights.__getitem__, self.numbers, lambda number: self.day, options,
            reference=lambda number: self.reference,
        )  # fmt: skip
        return [fusion.fuse(number) for number in self.numbers]


def codes(light: np.ndarray) -> np.ndarray:
    """Linear light in codes of 255 of the log."""
    return 255 * to_log(light)


def compare(street: Street, options: FusionOptions) -> tuple[Results, list[Fused]]:
    """Every way's frames in codes, and the fusion by defaults, whose importance decides what is looked at where."""
    fused = street.fuse(options)
    weights = [one.importance for one in fused]
    results: Results = {"fuse, screen 0": [codes(one.picture) for one in fused]}
    published = replace(options, fit="affine", grow=0, elsewhere="unimportant")
    results["as published"] = [codes(one.picture) for one in street.fuse(published)]
    results["fuse, screen 0.001"] = [codes(one.picture) for one in street.fuse(replace(options, screen=1e-3))]
    if options.method == "video":
        results["fuse, elsewhere day"] = [
            codes(one.picture) for one in street.fuse(replace(options, elsewhere="day"))
        ]
    day = codes(street.day)
    nights = [codes(street.nights[number]) for number in street.numbers]
    results["average"] = [0.5 * night + 0.5 * day for night in nights]
    results["maximum"] = [np.maximum(night, day) for night in nights]
    results["alpha blend"] = [
        day + weight[..., None] * (night - day) for night, weight in zip(nights, weights, strict=True)
    ]
    return results, fused


def score(street: Street, frames: list[np.ndarray], fused: list[Fused]) -> dict[str, float]:
    """The figures of one way, means over the frames."""
    day = codes(street.day)
    base = np.stack(gradient(day))
    found: dict[str, list[float]] = {name: [] for name in COLUMNS}
    for number, frame, one in zip(street.numbers, frames, fused, strict=True):
        nothing, sure = one.share == 0, one.importance >= 0.5
        made, clean = np.stack(gradient(frame)), codes(street.clean[number])
        found["detail"].append(correlate(made, base, nothing))
        quiet = blur_box(one.share, 17) == 0
        found["shift"].append(float(np.abs(frame - day)[quiet].mean()))
        if sure.any():
            ssim = structural_similarity(
                clean, frame, channel_axis=2, data_range=255, full=True,
                gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
            )[1]  # fmt: skip
            found["kept, SSIM"].append(float(ssim[sure].mean()))
            found["kept, gradients"].append(correlate(made, np.stack(gradient(clean)), sure))
    for before, after, number in zip(frames[:-1], frames[1:], street.numbers[1:], strict=True):
        still = ~(street.action[number] | street.action[number - 1])
        found["flicker"].append(float(np.abs(after - before)[still].mean()))
    return {name: float(np.mean(values)) if values else float("nan") for name, values in found.items()}


def correlate(one: np.ndarray, other: np.ndarray, where: np.ndarray) -> float:
    """Of gradients [2, H, W, 3], in some pixels."""
    return float(np.corrcoef(one[:, where].ravel(), other[:, where].ravel())[0, 1])


def show(values: np.ndarray) -> np.ndarray:
    """Codes as a picture to look at, lamps clipped; [H, W, 3] uint8."""
    return np.clip(values * (0.9 if values.ndim == 3 else 255), 0, 255).astype(np.uint8)


def draw(street: Street, results: Results, fused: list[Fused], at: int, title: str) -> np.ndarray:
    """A contact sheet of one frame."""
    grey = np.repeat(fused[at].importance[..., None], 3, axis=2) * 255 / 0.9
    shown = {"day": codes(street.day), "night": codes(street.nights[street.numbers[at]]), "importance": grey}
    shown |= {name: frames[at] for name, frames in results.items()}
    return make_sheet(
        [show(one) for one in shown.values()], list(shown), columns=3, tile_width=480, title=title
    )


def clock(width: int, height: int) -> None:
    """Seconds a frame in the middle of a clip, and the share of the solve; frames come from memory."""
    scene = StreetScene(width, height)
    day, few = scene.day(), [scene.night(t) for t in (1, 2, 3)]
    numbers = tuple(range(1, 26))
    for name, options in (("video", VIDEO), ("video, not denoised", replace(VIDEO, denoise=0))):
        fusion = ClipFusion(lambda n: few[n % 3], numbers, lambda n: day, options)
        fusion.fuse(1)
        times, before = [], fusion.solver.seconds
        for number in range(2, 10):
            began = time.perf_counter()
            fusion.fuse(number)
            times.append(time.perf_counter() - began)
        solving = (fusion.solver.seconds - before) / len(times)
        print(
            f"{width}x{height} {name}: {np.median(times):.3f} s a frame (median of {len(times)}), "
            f"of which solving {solving:.3f} s ({100 * solving / np.mean(times):.0f} %)"
        )


def run() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", default="320x240")
    parser.add_argument("--frames", type=int, default=24)
    parser.add_argument("--sheet", type=Path, help="PNG; -dynamic is added to the second one's name")
    parser.add_argument("--no-times", action="store_true")
    args = parser.parse_args()
    width, height = map(int, args.size.split("x"))
    street = Street(width, height, args.frames)
    for options in (VIDEO, DYNAMIC):
        results, fused = compare(street, options)
        share = 100 * float(np.mean([(one.importance >= 0.5).mean() for one in fused]))
        print(
            f"\n{options.method}, {args.size}, {args.frames} frames; importance is at least 0.5 in {share:.2f} %"
        )
        print(f"| | {' | '.join(COLUMNS)} |\n|---|{'---|' * len(COLUMNS)}")
        for name, frames in results.items():
            found = score(street, frames, fused)
            print(f"| {name} | " + " | ".join(f"{value:.3f}" for value in found.values()) + " |")
        if args.sheet:
            suffix = "" if options.method == "video" else "-dynamic"
            path = args.sheet.with_stem(args.sheet.stem + suffix)
            path.parent.mkdir(parents=True, exist_ok=True)
            sheet = draw(street, results, fused, args.frames // 2, f"{options.method}, {args.size}")
            cv2.imwrite(str(path), sheet[..., ::-1])
    if not args.no_times:
        print()
        clock(320, 240)
        clock(1920, 1080)


if __name__ == "__main__":
    run()
