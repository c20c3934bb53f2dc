"""Which card was it, did its tests pass, and how fast was it? Writes the one JSON of ``tests/gpu.sh``.

python tests/benchmarks/gpu_report.py --device cuda --junit FILE --out FILE [--small]
"""

from __future__ import annotations

import argparse
import datetime
import json
import platform
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import torch

from gpu_operators import measure_inbetween, measure_instants, measure_splat
from gpu_timing import copy_gigabytes_a_second
from retempo import _native

SIZES = {"1920x1080": (1080, 1920), "4096x2160": (2160, 4096)}
SMALL_SIZES = {"96x54": (54, 96), "128x68": (68, 128)}


def describe(device: str) -> dict[str, Any]:
    """Name the card, its software and the build."""
    facts: dict[str, Any] = {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "device": device,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "build": dict(_native.build_info()),
    }
    if device == "cpu":
        facts["card"] = f"none: {platform.processor() or platform.machine()}"
        return facts
    card = torch.cuda.get_device_properties(0)
    facts |= {
        "card": card.name,
        "multiprocessors": card.multi_processor_count,
        "memory_gib": round(card.total_memory / 2**30, 1),
        "l2_mib": round(card.L2_cache_size / 2**20, 1),
    }
    query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    driver = subprocess.run(query, capture_output=True, text=True, check=False)
    facts["driver"] = (
        driver.stdout.strip().splitlines()[0] if driver.returncode == 0 and driver.stdout else "unknown"
    )
    return facts


def count_tests(junit: Path) -> dict[str, Any]:
    """Count what passed, failed and was skipped, and why."""
    counts: dict[str, Any] = {
        "passed": 0,
        "failed": 0,
        "skipped": 0,
        "on_cuda": 0,
        "failures": [],
        "skip_reasons": {},
    }
    for case in ET.parse(junit).iter("testcase"):
        failure = case.find("failure") if case.find("failure") is not None else case.find("error")
        skip = case.find("skipped")
        name = f"{case.get('classname')}::{case.get('name')}"
        if failure is not None:
            counts["failed"] += 1
            counts["failures"].append({"test": name, "message": (failure.get("message") or "")[:400]})
        elif skip is not None:
            counts["skipped"] += 1
            reason = skip.get("message") or "no reason"
            counts["skip_reasons"][reason] = counts["skip_reasons"].get(reason, 0) + 1
        else:
            counts["passed"] += 1
            counts["on_cuda"] += "cuda" in name
    return counts


def measure(device: str, small: bool, repeats: int) -> dict[str, Any]:
    """Run all benchmarks; sizes exceed the cache unless ``small``."""
    sizes = SMALL_SIZES if small else SIZES
    copy_gbs = copy_gigabytes_a_second(device, 2**20 if small else 2**30, repeats)
    result: dict[str, Any] = {"copy_gb_s": copy_gbs, "inbetween": {}, "splat": {}, "instants": {}}
    for name, (height, width) in sizes.items():
        for channels in (4, 12, 24):
            key = f"{name} {channels} channels"
            result["inbetween"][key] = measure_inbetween(height, width, channels, device, copy_gbs, repeats)
        result["instants"][name] = measure_instants(height, width, device, repeats)
    name, (height, width) = next(iter(sizes.items()))
    for footprint in ("bilinear", "gaussian"):
        result["splat"][f"{name} {footprint}"] = measure_splat(height, width, footprint, device, repeats)
    return result


def print_table(report: dict[str, Any]) -> None:
    """Print what matters, short."""
    figures = report["benchmarks"]
    print(f"{report['card']}, {report['date']}: copy {figures['copy_gb_s']:.0f} GB/s")
    for name, row in figures["inbetween"].items():
        print(
            f"  in-between {name:24} {row['default_ms']:8.3f} ms = {row['over_floor']:6.2f} x floor"
            f" {row['floor_ms']:.3f} ms; deterministic x{row['deterministic_factor']:.2f}"
        )
    for name, row in figures["splat"].items():
        print(
            f"  splat {name:24} forward {row['forward_ms']:8.3f} ms (reference x{row['reference_over_forward']:.1f},"
            f" deterministic x{row['deterministic_factor']:.2f}), with backward {row['forward_backward_ms']:8.3f} ms"
            f" (reference x{row['reference_over_forward_backward']:.1f})"
        )
    for name, row in figures["instants"].items():
        print(f"  instants {name}: " + ", ".join(f"{key[:-3]} {value:.3f} ms" for key, value in row.items()))


def main() -> int:
    """Read the test results, measure, write and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", choices=["cpu", "cuda"], required=True)
    parser.add_argument("--junit", type=Path, required=True, help="pytest's --junitxml file")
    parser.add_argument("--out", type=Path, required=True, help="the JSON to write")
    parser.add_argument(
        "--small", action="store_true", help="small sizes and few repeats, to prove the script"
    )
    options = parser.parse_args()
    report = describe(options.device)
    report["tests"] = count_tests(options.junit) if options.junit.exists() else None
    report["benchmarks"] = measure(options.device, options.small, 3 if options.small else 30)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(report, indent=2) + "\n")
    if report["tests"]:
        print(
            "tests: " + ", ".join(f"{report['tests'][key]} {key}" for key in ("passed", "failed", "skipped"))
        )
    print_table(report)
    print(f"written: {options.out}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
