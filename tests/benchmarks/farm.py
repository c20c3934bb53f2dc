"""What does a farm cost, beyond making the frames? A job of many small frames against one process that makes them all.

``overhead_ms``: what ``retempo submit --backend NAME --wait`` takes less what one ``retempo retime`` of the same shot
takes, divided by the frames, in milliseconds: of wall time, and (``cpu_overhead_ms``) of processor time of all its
processes, which a busy machine does not stretch. Both compute with one thread, and the backend gets one task at a time,
so that nothing is gained by working side by side. It holds the start of the supervisor, of every task (``openjd run``,
the program, the plan of the whole shot), and the report, which reads every frame. ``ratio``: one over the other.

    python tests/benchmarks/farm.py                              1000 frames, in tasks of 100
    python tests/benchmarks/farm.py --frames 200 --chunk 25
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from retempo.farm.processes import adopt_orphans, list_children

BACKENDS: dict[str, tuple[str, ...]] = {
    "local": ("--local-workers", "1"),
    "dask": ("--dask-workers", "1"),
    "slurm": ("--slurm-throttle", "1"),
}
"""Each backend's flags for one task at a time."""
SIZE = "96x54"
DIFFERENT = 9
"""Source files that really exist; the shot walks over them back and forth."""
SLOWER = 8


@dataclass(frozen=True)
class Cost:
    """Seconds of wall time, and of processor time of everything that was started."""

    wall: float
    cpu: float


def retempo(*arguments: object) -> Cost:
    """Run the program, and wait for what it leaves behind (``adopt_orphans``: a supervisor becomes our child)."""
    kept = set(children())  # the daemons of a scheduler
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-m", "retempo", *map(str, arguments)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"retempo {' '.join(map(str, arguments))}: {done.stderr or done.stdout}")
    wall = time.perf_counter() - began
    while left := set(children()) - kept:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(left.pop(), 0)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Cost(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def children() -> list[int]:
    """Process numbers of those that this process started, or adopted."""
    return list_children().get(os.getpid(), [])


def make_shot(folder: Path, outputs: int) -> tuple[Path, int]:
    """A shot that gives at least so many frames at an eighth of its speed; its pattern and how many it gives."""
    retempo("sample", folder / "real", "--frames", f"1-{DIFFERENT}", "--size", SIZE, "--quiet")
    there_and_back = [*range(1, DIFFERENT + 1), *range(DIFFERENT - 1, 1, -1)]
    count = -(-(outputs - 1) // SLOWER) + 1
    for number in range(count):
        real = folder / "real" / f"plate.{there_and_back[number % len(there_and_back)]:04d}.exr"
        (folder / f"shot.{number + 1:04d}.exr").symlink_to(real)
    return folder / "shot.####.exr", (count - 1) * SLOWER + 1


@contextmanager
def slurm_here() -> Iterator[None]:
    """The tests' private Slurm of this machine, for a while; every command finds it by SLURM_CONF."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "farm"))
    from slurm_cluster import SlurmCluster

    cluster = SlurmCluster(Path(tempfile.mkdtemp(prefix="retempo-slurm-")))
    try:
        cluster.start()
        os.environ |= cluster.environment
        yield
    finally:
        cluster.stop()


def measure_farm(
    outputs: int = 1000, chunk: int = 100, repeats: int = 1, backends: Sequence[str] = tuple(BACKENDS)
) -> dict[str, Any]:
    """JSON-ready: ``frames``, ``chunk``, the cost of a single process, and of each backend; medians."""
    adopt_orphans()
    costs: dict[str, list[Cost]] = {name: [] for name in ("single", *backends)}
    with ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="retempo-farm-")))
        if "slurm" in backends:
            held.enter_context(slurm_here())
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
            costs["single"].append(retempo("retime", shot, "-o", out, *flags, "--quiet"))
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
                costs[name].append(
                    retempo("submit", shot, "-o", out, *flags, "--backend", name, *BACKENDS[name], *job)
                )
    single = median_of(costs["single"])
    facts: dict[str, Any] = {"frames": frames, "chunk": chunk, "single": asdict(single)}
    for name in backends:
        cost = median_of(costs[name])
        facts[name] = {
            **asdict(cost),
            "ratio": cost.wall / single.wall,
            "cpu_ratio": cost.cpu / single.cpu,
            "overhead_ms": 1000 * (cost.wall - single.wall) / frames,
            "cpu_overhead_ms": 1000 * (cost.cpu - single.cpu) / frames,
        }
    return facts


def median_of(costs: Sequence[Cost]) -> Cost:
    """Of each kind of time by itself."""
    return Cost(statistics.median(one.wall for one in costs), statistics.median(one.cpu for one in costs))


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
