"""How long does something take, on a machine that others use too? Interleaved repeats and medians."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path


def cost(action: Callable[[], object]) -> tuple[float, float]:
    """Wall time of one call, and the processor time of all threads meanwhile; seconds."""
    start, busy = time.perf_counter(), time.process_time()
    action()
    return time.perf_counter() - start, time.process_time() - busy


def medians(actions: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Median wall time of each action in seconds; see ``median_costs``."""
    return {name: wall for name, (wall, _) in median_costs(actions, repeats).items()}


def median_costs(actions: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, tuple[float, float]]:
    """Median wall and processor time of each action in seconds.

    The actions take turns, so that what slows the machine for a while slows all of them; each runs once
    beforehand, untimed, so that memory is mapped and caches are as they will be.
    """
    for action in actions.values():
        action()
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in actions}
    for _ in range(repeats):
        for name, action in actions.items():
            taken[name].append(cost(action))
    return {
        name: (statistics.median(wall for wall, _ in values), statistics.median(busy for _, busy in values))
        for name, values in taken.items()
    }


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def processor() -> str:
    """Name of the processor, and what of it we use."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    name = next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown CPU"
    )
    return f"{name}, {cores()} cores"
