"""What does the way to the worker and back cost, against a memory copy of the frames that cross?

Cost: a whole call of the bridge's ``render`` less the time the worker prepares and renders (``engine=nearest``, so that
this is little). *First visit*: two new frames go there, one comes back: three cross. *Second visit*: the worker knows
both frames, one comes back. ``hinted``: the host names its frames (``Frame::identity``), so known ones are not even
hashed. The copy is timed in the same process, between touched memory, on one thread. Processor time: of the driver
and of the worker, all threads. Prints a table and writes JSON.

    python tests/benchmarks/bridge.py [--driver build/bridge/retempo_bridge_driver] [--repeats 20] [--json FILE]
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


def measure_bridge(driver: Path, repeats: int, width: int = 1920, height: int = 1080) -> dict[str, Any]:
    """Medians and minima in milliseconds for each kind of visit, and their ratio to a copy of what crosses."""
    facts: dict[str, Any] = {"width": width, "height": height, "repeats": repeats}
    with tempfile.TemporaryDirectory(prefix="rtmp-") as folder:
        environment = os.environ | {"RETEMPO_RUNTIME_DIR": folder, "RETEMPO_PYTHON": sys.executable}
        try:
            for name, (values, crossing) in VISITS.items():
                *lines, last = _drive(
                    driver, environment, "render", frames="0,1", width=width, height=height, copy=1,
                    setting="engine:nearest", time=0.3, repeat=min(repeats, 24) + 2, **values,
                )  # fmt: skip
                bad = next((line for line in lines if not line["ok"]), None)
                if bad is not None:
                    raise SystemExit(f"the bridge failed: {bad}")
                facts[name] = _summary(lines[2:], last["copy_us"] / 1e3, crossing)
        finally:
            _drive(driver, environment, "status", stop=1)
    return facts


def _drive(driver: Path, environment: dict[str, str], command: str, **values: object) -> list[dict[str, Any]]:
    words = [str(driver), command, *(f"{key}={value}" for key, value in values.items())]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False, timeout=300)
    return [json.loads(line) for line in done.stdout.splitlines()]


def _summary(lines: list[dict[str, Any]], copy: float, crossing: int) -> dict[str, Any]:
    costs = [
        line["elapsed_ms"] - (line["worker_prepare_us"] + line["worker_render_us"]) / 1e3 for line in lines
    ]
    stages = {
        name: round(statistics.median(line[name] for line in lines) / 1e3, 2)
        for name in lines[0]
        if name.endswith("_us")
    }
    processor = [line["cpu_ms"] + line["worker_cpu_ms"] for line in lines]
    return {
        "frames_sent": lines[-1]["frames_sent"],
        "copy_ms": copy,
        "crossing": crossing,
        "cost_ms": {"median": round(statistics.median(costs), 2), "min": round(min(costs), 2)},
        "processor_ms": {"median": round(statistics.median(processor), 2), "min": round(min(processor), 2)},
        "over_copies": {
            "median": round(statistics.median(costs) / (crossing * copy), 2),
            "min": round(min(costs) / (crossing * copy), 2),
        },
        "stages_ms": stages,
    }


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--driver", type=Path, default=DRIVER)
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--json", type=Path, default=REPO / "build" / "bridge.json")
    chosen = parser.parse_args()
    facts = measure_bridge(chosen.driver, chosen.repeats)
    chosen.json.parent.mkdir(parents=True, exist_ok=True)
    chosen.json.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    print(
        f"{'visit':16}{'copy':>7}{'cost':>8}{'min':>8}{'/copies':>9}{'min':>7}{'processor':>11}  milliseconds"
    )
    for name in VISITS:
        one = facts[name]
        cost, ratio = one["cost_ms"], one["over_copies"]
        print(
            f"{name:16}{one['copy_ms']:7.2f}{cost['median']:8.2f}{cost['min']:8.2f}{ratio['median']:9.2f}"
            f"{ratio['min']:7.2f}{one['processor_ms']['median']:11.2f}"
        )
        print("   " + "  ".join(f"{key[:-3]} {value}" for key, value in one["stages_ms"].items() if value))


if __name__ == "__main__":
    main()
