"""What has this machine to give? Linux: /proc, and the limits of a container."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

_PROC = Path("/proc")
_GROUP = Path("/sys/fs/cgroup")


def count_cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0))


def free_memory() -> int:
    """Bytes that can be taken without swapping, and without meeting a container's limit."""
    free = 1 << 62
    for line in (_PROC / "meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            free = int(line.split()[1]) << 10
    try:
        limit = (_GROUP / "memory.max").read_text().strip()
        if limit != "max":
            free = min(free, max(0, int(limit) - int((_GROUP / "memory.current").read_text())))
    except (OSError, ValueError):
        pass  # no such limit
    return free


def list_gpus() -> tuple[str, ...]:
    """Graphics cards as CUDA_VISIBLE_DEVICES names them."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return tuple(one.strip() for one in named.split(",") if one.strip())
    return _ask_driver()


@cache
def _ask_driver() -> tuple[str, ...]:
    """By nvidia-smi; in a container /proc may show none of the driver."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return ()
    query = [program, "--query-gpu=index", "--format=csv,noheader"]
    try:
        told = subprocess.run(query, capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return ()
    return tuple(line.strip() for line in told.stdout.splitlines() if line.strip().isdigit())
