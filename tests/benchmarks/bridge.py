"""What does the way to the worker and back cost, against a memory copy of the frames that cross?

Cost: a whole call of the bridge's ``render`` less the time the worker prepares and renders (``engine=nearest``, so that
this is little). *First visit*: two new frames go there, one comes back: three cross. *Second visit*: the worker knows
both frames, one comes back; they are recognised by a sample, and hashed while the worker is at work, so that this costs
what it adds to the call, not its processor time. ``hinted``: the host names its frames (``Frame::identity``), so known
ones are not even hashed. A copy is timed behind each render, in the same process, between touched memory, on one
thread, so that both meet the same load; the visits take turns in ``--rounds``, and the round with the best median ratio
counts, beside the median of all. Processor time: of the driver and of the worker, all
threads. Prints a table and writes JSON.

    python tests/benchmarks/bridge.py [--driver FILE] [--repeats 20] [--rounds 5] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

REPO = Path(__file__).resolve().parents[2]
DRIVER = REPO / "build" / "bridge" / "retempo_bridge_driver"
VISITS = {
    "first": ({"fresh": 1}, 3),
    "second": ({"step": 0.005}, 1),
    "second, hinted": ({"step": 0.005, "identity": 1}, 1),
}
"""Arguments of the driver, and how many frames cross."""


def measure_bridge(
    driver: Path, repeats: int, rounds: int, width: int = 1920, height: int = 1080
) -> dict[str, Any]:
    """Milliseconds for each kind of visit, and their ratio to a copy of what crosses: the best round, and all."""
    facts: dict[str, Any] = {"width": width, "height": height, "repeats": repeats, "rounds": rounds}
    facts["load"] = [round(os.getloadavg()[0], 1)]
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in VISITS}
    for _ in range(rounds):
        for name, (values, crossing) in VISITS.items():
            found[name].append(_visit(driver, values, crossing, repeats, width, height))
    facts["load"].append(round(os.getloadavg()[0], 1))
    for name, seen in found.items():
        facts[name] = min(seen, key=lambda one: one["over_copies"]) | {
            "of_rounds": [one["over_copies"] for one in seen],
            "median": round(statistics.median(one["over_copies"] for one in seen), 2),
        }
    return facts


def _visit(
    driver: Path, values: dict[str, Any], crossing: int, repeats: int, width: int, height: int
) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="rtmp-") as folder:
        environment = os.environ | {"RETEMPO_RUNTIME_DIR": folder, "RETEMPO_PYTHON": sys.executable}
        try:
            *lines, _ = _drive(
                driver, environment, "render", frames="0,1", width=width, height=height, copy=1,
                setting="engine:nearest", time=0.3, repeat=min(repeats, 24) + 2, **values,
            )  # fmt: skip
        finally:
            _drive(driver, environment, "status", stop=1)
    bad = next((line for line in lines if not line["ok"]), None)
    if bad is not None:
        raise SystemExit(f"the bridge failed: {bad}")
    return _summary(lines[2:], crossing)


def _drive(driver: Path, environment: dict[str, str], command: str, **values: object) -> list[dict[str, Any]]:
    words = [str(driver), command, *(f"{key}={value}" for key, value in values.items())]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False, timeout=300)
    return [json.loads(line) for line in done.stdout.splitlines()]


def _summary(lines: list[dict[str, Any]], crossing: int) -> dict[str, Any]:
    costs = [
        line["elapsed_ms"] - (line["worker_prepare_us"] + line["worker_render_us"]) / 1e3 for line in lines
    ]
    stages = {
        name: round(statistics.median(line[name] for line in lines) / 1e3, 2)
        for name in lines[0]
        if name.endswith("_us")
    }
    calls = statistics.median(line["elapsed_ms"] for line in lines)
    processor = [line["cpu_ms"] + line["worker_cpu_ms"] for line in lines]
    copy = statistics.median(line["copy_us"] for line in lines) / 1e3
    cost = statistics.median(costs)
    return {
        "frames_sent": lines[-1]["frames_sent"],
        "copy_ms": round(copy, 2),
        "crossing": crossing,
        "call_ms": round(calls, 2),
        "cost_ms": round(cost, 2),
        "processor_ms": round(statistics.median(processor), 2),
        "over_copies": round(cost / (crossing * copy), 2),
        "stages_ms": stages,
    }


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--driver", type=Path, default=DRIVER)
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, default=REPO / "build" / "bridge.json")
    chosen = parser.parse_args()
    facts = measure_bridge(chosen.driver, chosen.repeats, chosen.rounds)
    chosen.json.parent.mkdir(parents=True, exist_ok=True)
    chosen.json.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    print(f"load {facts['load'][0]} before, {facts['load'][1]} after, {os.cpu_count()} processors")
    print(
        f"{'visit':16}{'copy':>7}{'call':>8}{'cost':>8}{'/copies':>9}{'median':>8}{'processor':>11}  milliseconds"
    )
    for name in VISITS:
        one = facts[name]
        print(
            f"{name:16}{one['copy_ms']:7.2f}{one['call_ms']:8.2f}{one['cost_ms']:8.2f}{one['over_copies']:9.2f}{one['median']:8.2f}"
            f"{one['processor_ms']:11.2f}  rounds {one['of_rounds']}"
        )
        print("   " + "  ".join(f"{key[:-3]} {value}" for key, value in one["stages_ms"].items() if value))


if __name__ == "__main__":
    main()
