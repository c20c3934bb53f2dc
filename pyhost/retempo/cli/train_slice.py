"""What do all trainings of ``retempo train`` have in common? The flags of a slice, the progress line, the last word."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retempo.cli.result import Result

if TYPE_CHECKING:
    from retempo.train.state import Progress


def add_slice_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags that say how long, where and by which chance."""
    parser.add_argument(
        "-o", "--output", type=Path, required=True, help="folder of the training's state and results"
    )
    parser.add_argument(
        "--minutes", type=float, default=10.0, help="length of this slice; default: %(default)s"
    )
    parser.add_argument(
        "--horizon", type=float, default=60.0, help="minutes of all slices; default: %(default)s"
    )
    parser.add_argument(
        "--report", type=float, default=180.0, help="seconds between validations; default: %(default)s"
    )
    parser.add_argument("--seed", type=int, default=0, help="of all chance; default: %(default)s")
    parser.add_argument("--device", default="cpu", help="torch device; default: %(default)s")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads, 0 for all; default: %(default)s")


def teller(quiet: bool) -> Callable[[dict[str, Any]], None]:
    """What prints a line of the log, or keeps quiet."""

    def tell(line: dict[str, Any]) -> None:
        if not quiet:
            facts = "  ".join(
                f"{key} {value:.6g}" if isinstance(value, float) else f"{key} {value}"
                for key, value in line.items()
            )
            print(facts, flush=True)

    return tell


def find_best(folder: Path) -> tuple[str | None, str]:
    """The weights that a training in this folder has kept, None where it has none; and how to say so."""
    best = folder / "best.safetensors"
    if best.is_file():
        return str(best), str(best)
    return None, "no weights yet: nothing was better than at first; the same command goes on"


def report(progress: Progress, folder: Path, further: str = "") -> Result:
    """How far a training is, for people and as JSON; ``further`` is said of weights that are better than the first."""
    weights, kept = find_best(folder)
    gained = progress.best - progress.first
    said = (
        f"{progress.iteration} steps, {progress.minutes:.1f} minutes in all; held-out samples "
        f"{progress.first:.3f} -> {progress.best:.3f} dB ({gained:+.3f}); {kept}"
    )
    return Result(
        {
            "iterations": progress.iteration, "minutes": progress.minutes, "untrained": progress.first,
            "best": progress.best, "weights": weights,
        },
        f"{said}\n{further}" if further and weights else said,
    )  # fmt: skip
