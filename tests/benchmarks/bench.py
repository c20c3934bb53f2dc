"""How fast is it, in figures that travel between machines? Runs every measurement; ``make bench``.

Prints a table and writes ``build/bench.json``. Each figure is a ratio of two times taken in turns in one run;
the files that measure define them exactly.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from in_memory import measure_inbetween, measure_slow_motion
from memory import measure_memory
from minterpolate import measure_minterpolate
from overlap import measure_overlap
from timing import processor

REPO = Path(__file__).resolve().parents[2]

MEASUREMENTS: dict[str, Callable[[int, Path], dict[str, Any]]] = {
    "inbetween": lambda repeats, scratch: measure_inbetween(max(repeats, 5)),
    "slow_motion": lambda repeats, scratch: measure_slow_motion(max(repeats // 3, 3)),
    "minterpolate": lambda repeats, scratch: measure_minterpolate(max(repeats // 4, 2), scratch),
    "overlap": lambda repeats, scratch: measure_overlap(max(repeats // 4, 2), scratch),
    "memory": lambda repeats, scratch: measure_memory(scratch / "memory"),
}

GOALS = {
    "inbetween_over_memcpy": (
        8.0,
        "a further in-between, 1920x1080 RGBA float32, over a copy of its traffic",
    ),
    "cost_8x_over_2x": (3.0, "eight times slow motion over two times, a source pair, flow included"),
    "frame_over_minterpolate": (0.5, "an output frame at 1280x720, flow included, over one of minterpolate"),
    "overlap": (1.3, "a 1080p EXR shot over the larger of its files alone and its computing alone"),
    "overlap_one_core_each": (1.3, "the same, where files have one core to themselves and computing another"),
}


def table_of(results: dict[str, Any]) -> Table:
    """The ratios with their goals, then everything that was timed on the way."""
    table = Table(title=f"retempo bench: {results['machine']}", title_justify="left")
    table.add_column("figure")
    table.add_column("value", justify="right")
    table.add_column("goal", justify="right")
    table.add_column("what")
    for name, (goal, what) in GOALS.items():
        if name in results:
            value = results[name]
            mark = "green" if value <= goal else "red"
            table.add_row(name, f"[{mark}]{value:.2f}[/{mark}]", f"<= {goal:g}", what)
    table.add_section()
    for name, value in results.items():
        if name not in GOALS and name != "machine":
            table.add_row(name, *cells(value))
    return table


def cells(value: Any) -> tuple[str, str, str]:
    """A value in its column: numbers to the right, several or words in the last one."""
    if isinstance(value, float):
        return f"{value:.1f}", "", ""
    if isinstance(value, int):
        return str(value), "", ""
    if isinstance(value, dict):
        return "", "", ", ".join(f"{key} {one:.2f}" for key, one in value.items())
    return "", "", str(value)


def main() -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description="measure Retempo's speed as ratios")
    parser.add_argument("--only", nargs="+", choices=tuple(MEASUREMENTS), default=tuple(MEASUREMENTS))
    parser.add_argument(
        "--repeats", type=int, default=9, help="timed turns of the short measurements (default: 9)"
    )
    parser.add_argument(
        "--json", type=Path, default=REPO / "build" / "bench.json", help="where the figures go"
    )
    arguments = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 160)
    results: dict[str, Any] = {"machine": processor()}
    if arguments.json.is_file() and len(arguments.only) < len(MEASUREMENTS):
        results = {**json.loads(arguments.json.read_text(encoding="utf-8")), **results}
    load = os.getloadavg()[0]
    if load > 1:
        console.print(
            f"the machine is busy (load {load:.1f}); ratios suffer less than times, but they do suffer"
        )
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="retempo-bench-") as scratch:
        for name in arguments.only:
            console.print(f"measuring {name} ...")
            results.update(MEASUREMENTS[name](arguments.repeats, Path(scratch)))
            arguments.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    console.print(table_of(results))
    console.print(f"written: {arguments.json}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
