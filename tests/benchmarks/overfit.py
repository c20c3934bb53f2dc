"""Can each engine learn anything: does it reproduce one triplet of real footage when it sees nothing else?

    python tests/benchmarks/overfit.py CLIP [--engines cain ifrnet:small ...] [--minutes 10] [--json results.json]

Trains from weights by chance, as ``retempo train --engine`` does: the engine's own objective and optimiser, no
variation, one square of the clip: where the mean of both neighbours is furthest from the truth. Ends at the goal (dB of
PSNR against the truth, of what the engine makes, by the running mean of its weights), or after the minutes. Prints a
table.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file

from retempo.errors import UsageError, WeightsError
from retempo.models.base import Capabilities
from retempo.models.engine import Batch
from retempo.models.registry import ENGINES, Choice, find_engine, parse_engine
from retempo.train.engine_task import EngineTask
from retempo.train.reels import Reel, find_reels
from retempo.train.trainer import Plan, train

_STEP = 32
"""Squares are looked for at multiples of this, pixels."""


@dataclass(frozen=True)
class OneTriplet:
    """A clip's frame and its neighbours, again and again; see ``BatchSource``.

    Attributes:
        pictures: 2 before, 1 before, the truth, 1 after, 2 after ... by their distance, [1, 3, H, W] in [0, 1].
        able: of the engine.
    """

    pictures: dict[int, torch.Tensor]
    able: Capabilities

    def draw(self, count: int, crop: int, names: Sequence[str], generator: torch.Generator) -> Batch:
        """The same whatever is asked for."""
        steps = (-1, 1) if self.able.frames == 2 else (-3, -1, 1, 3)
        frames = tuple(self.pictures[step] for step in steps)
        return Batch(frames, self.pictures[0], torch.full((1, 1, 1, 1), 0.5))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clip", type=Path)
    parser.add_argument("--frame", type=int, default=40, help="of the truth")
    parser.add_argument(
        "--crop", type=int, default=64, help="side of the square, pixels, or the engine's multiple"
    )
    parser.add_argument("--engines", nargs="*", help="default: every variant that has a network")
    parser.add_argument("--minutes", type=float, default=10.0, help="an engine")
    parser.add_argument("--goal", type=float, default=35.0, help="dB")
    parser.add_argument("--rate", type=float, help="default: the engine's")
    parser.add_argument("--half", action="store_true", help="bfloat16 where PyTorch deems it enough")
    parser.add_argument("--start", type=Path, help="weights to begin with, in place of weights by chance")
    parser.add_argument("--keep", type=Path, help="folder in which each engine's best weights stay")
    parser.add_argument("--report", type=float, default=10.0, help="seconds between looks")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument(
        "--json", type=Path, help="file of the results; what it holds already is not done again"
    )
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    reel = find_reels([args.clip])[0]
    rows: list[dict[str, Any]] = json.loads(args.json.read_text()) if args.json and args.json.exists() else []
    for name in args.engines or every_variant():
        if any(row["engine"] == name for row in rows):
            continue
        rows.append(overfit(parse_engine(name, training=True), reel, args))
        if args.json:
            args.json.write_text(json.dumps(rows, indent=1) + "\n")
    show(rows)


def every_variant() -> list[str]:
    """Names of all networks that there are, smallest first."""
    found = [
        (variant.parameters, f"{engine.name}:{variant.name}")
        for engine in map(find_engine, ENGINES)
        for variant in engine.variants
        if variant.parameters
    ]
    return [name for _, name in sorted(found)]


def cut_square(reel: Reel, frame: int, crop: int) -> tuple[dict[int, torch.Tensor], float]:
    """The pictures around a frame in the square that moves most, and what the mean of both neighbours scores there."""
    whole = {
        step: reel.read(frame + step).astype(np.float32) / 255
        for step in (-3, -1, 0, 1, 3)
        if frame + step in reel.numbers
    }
    error = np.square((whole[-1] + whole[1]) / 2 - whole[0]).mean(2)
    height, width = error.shape
    corners = [(y, x) for y in range(0, height - crop + 1, _STEP) for x in range(0, width - crop + 1, _STEP)]
    worst, top, left = max((float(error[y : y + crop, x : x + crop].mean()), y, x) for y, x in corners)
    pictures = {
        step: torch.from_numpy(one[top : top + crop, left : left + crop].copy())
        .permute(2, 0, 1)[None]
        .contiguous()
        for step, one in whole.items()
    }
    return pictures, -10 * float(np.log10(worst))


def overfit(choice: Choice, reel: Reel, args: argparse.Namespace) -> dict[str, Any]:
    """Train one engine until the goal, or for its minutes."""
    able, recipe = choice.engine.capabilities, choice.engine.recipe
    side = max(args.crop, able.multiple)
    pictures, mean = cut_square(reel, args.frame, side)
    print(
        f"{choice.name}: frame {args.frame}, {side}x{side}; mean of its neighbours {mean:.2f} dB", flush=True
    )
    source = OneTriplet(pictures, able)
    row: dict[str, Any] = {
        "engine": choice.name,
        "parameters": choice.variant.parameters,
        "side": side,
        "mean": mean,
    }
    try:
        task = EngineTask(choice, source, source, batch=1, crop=side, limit=1, device=args.device)
    except (UsageError, WeightsError) as error:
        print(f"{choice.name}: not trained: {error}", flush=True)
        return {**row, "missing": str(error)}
    if args.start:
        task.module.load_state_dict(load_file(args.start))
    plan = Plan(
        minutes=args.minutes, horizon=args.minutes, rate=args.rate or recipe.rate, report=args.report,
        optimiser=recipe.optimiser, betas=recipe.betas, decay=recipe.decay, clip=recipe.clip, goal=args.goal,
        half=args.half,
    )  # fmt: skip
    told: list[dict[str, Any]] = []

    def tell(line: dict[str, Any]) -> None:
        told.append(line)
        loss, found = line["validation_loss"], line["validation"]
        print(f"{choice.name}: step {line['iteration']}, loss {loss:.5g}, {found:.2f} dB", flush=True)

    with tempfile.TemporaryDirectory() as folder:
        begun = time.monotonic()
        progress = train(task, Path(folder), plan, tell)
        seconds = time.monotonic() - begun
        if args.keep:
            args.keep.mkdir(parents=True, exist_ok=True)
            shutil.copy(Path(folder) / "best.safetensors", args.keep / f"{choice.name}.safetensors")
    return {
        **row, "half": args.half, "steps": progress.iteration, "seconds": seconds,
        "rate": plan.rate, "before": progress.first, "after": told[-1]["validation"],
        "loss_before": told[0]["validation_loss"], "loss_after": told[-1]["validation_loss"],
    }  # fmt: skip


def show(rows: Sequence[dict[str, Any]]) -> None:
    """The table."""
    print(
        "| engine | parameters | side | rate | steps | seconds | objective | neighbours' mean | before | after |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
    for row in rows:
        head = f"| `{row['engine']}` | {row['parameters'] / 1e6:.2f} M |"
        if "missing" in row:
            print(f"{head} | | | | not trained | | | |")
            continue
        side = f"{row['side']}, 16 bits" if row["half"] else f"{row['side']}"
        print(
            f"{head} {side} | {row['rate']:g} | {row['steps']} | {row['seconds']:.0f} | "
            f"{row['loss_before']:.4g} -> {row['loss_after']:.4g} | {row['mean']:.2f} | {row['before']:.2f} | "
            f"{row['after']:.2f} |"
        )


if __name__ == "__main__":
    main()
