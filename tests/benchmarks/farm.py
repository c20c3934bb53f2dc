"""What does a farm cost, beyond making the frames? A job of many small frames against one process that makes them all.

``overhead_ms``: wall time of ``retempo submit --backend NAME --wait`` less that of one ``retempo retime`` of the same
shot, divided by the frames, in milliseconds; both compute with one thread, and the backend gets one task at a time, so
that nothing is gained by working side by side. It holds the start of the supervisor, of every task (``openjd run``, the
program, the plan of the whole shot), and the report, which decodes every frame. ``ratio``: one time over the other.

    python tests/benchmarks/farm.py                              1000 frames, in tasks of 100
    python tests/benchmarks/farm.py --frames 200 --chunk 25
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

BACKENDS: dict[str, tuple[str, ...]] = {"local": ("--local-workers", "1")}
"""Each backend's flags for one task at a time."""
SIZE = "96x54"
DIFFERENT = 9
"""Source files that really exist; the shot walks over them back and forth."""
SLOWER = 8


def retempo(*arguments: object) -> float:
    """Run the program; returns seconds of wall time."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "retempo", *map(str, arguments)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"retempo {' '.join(map(str, arguments))}: {done.stderr or done.stdout}")
    return time.perf_counter() - began


def make_shot(folder: Path, outputs: int) -> tuple[Path, int]:
    """A shot that gives at least so many frames at an eighth of its speed; its pattern and how many it gives."""
    retempo("sample", folder / "real", "--frames", f"1-{DIFFERENT}", "--size", SIZE, "--quiet")
    there_and_back = [*range(1, DIFFERENT + 1), *range(DIFFERENT - 1, 1, -1)]
    count = -(-(outputs - 1) // SLOWER) + 1
    for number in range(count):
        real = folder / "real" / f"plate.{there_and_back[number % len(there_and_back)]:04d}.exr"
        (folder / f"shot.{number + 1:04d}.exr").symlink_to(real)
    return folder / "shot.####.exr", (count - 1) * SLOWER + 1


def measure_farm(
    outputs: int = 1000, chunk: int = 100, repeats: int = 1, backends: Sequence[str] = tuple(BACKENDS)
) -> dict[str, Any]:
    """JSON-ready: ``frames``, ``chunk``, ``single_seconds``; by backend ``seconds``, ``ratio``, ``overhead_ms``."""
    times: dict[str, list[float]] = {name: [] for name in ("single", *backends)}
    with tempfile.TemporaryDirectory(prefix="retempo-farm-") as made:
        folder = Path(made)
        shot, frames = make_shot(folder, outputs)
        flags = (
            "--speed",
            f"1/{SLOWER}",
            "--flow",
            "dis:fast",
            "--input-space",
            "lin_rec709_scene",
            "--threads",
            1,
        )
        for turn in range(repeats):
            out = folder / f"single{turn}" / "o.####.exr"
            times["single"].append(retempo("retime", shot, "-o", out, *flags, "--quiet"))
            for name in backends:
                out = folder / f"{name}{turn}" / "o.####.exr"
                job = (
                    "--job-dir",
                    folder / f"job-{name}{turn}",
                    "--chunk",
                    chunk,
                    "--cores",
                    1,
                    "--wait",
                    "--json",
                )
                times[name].append(
                    retempo("submit", shot, "-o", out, *flags, "--backend", name, *BACKENDS[name], *job)
                )
    single = statistics.median(times["single"])
    facts: dict[str, Any] = {"frames": frames, "chunk": chunk, "single_seconds": round(single, 2)}
    for name in backends:
        seconds = statistics.median(times[name])
        overhead = 1000 * (seconds - single) / frames
        facts[name] = {
            "seconds": round(seconds, 2),
            "ratio": round(seconds / single, 2),
            "overhead_ms": round(overhead, 1),
        }
    return facts


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frames", type=int, default=1000)
    parser.add_argument("--chunk", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--backends", nargs="+", default=list(BACKENDS), choices=list(BACKENDS))
    args = parser.parse_args()
    print(json.dumps(measure_farm(args.frames, args.chunk, args.repeats, args.backends), indent=2))
