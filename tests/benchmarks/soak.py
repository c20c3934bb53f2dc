"""Do memory and latency stay flat over ten thousand frames, through the server and through the command line?

A run is watched from outside: resident memory, descriptors, threads, shared memory objects, temporary files, at two
hundred moments. *Slope* is the least-squares line through resident memory over the second half of the frames, in
bytes a frame; *latency ratio* is the median time of the last tenth of the frames over that of the first tenth (after
the first hundred frames). The *processor ratio* is the same of the processor time of the last and the second tenth,
which a busy machine disturbs less.

    python tests/benchmarks/soak.py                    10,000 frames each, 64x48, some minutes
    python tests/benchmarks/soak.py --frames 600 --only server
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "server"), str(TESTS)]

WIDTH, HEIGHT = 64, 48
PICTURES = 48
SAMPLES = 200
WARM = 100


@dataclass
class Trace:
    """What was seen of a process, sample by sample, and how long each frame took.

    Args:
        pid: the process.
        folder: where temporary files would be.
    """

    pid: int
    folder: Path
    rows: list[dict[str, int]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def sample(self, done: int) -> None:
        """Look once, after ``done`` frames; a process that is gone is left out."""
        try:
            with open(f"/proc/{self.pid}/statm") as told:
                resident = int(told.read().split()[1]) * os.sysconf("SC_PAGESIZE")
            with open(f"/proc/{self.pid}/stat") as told:
                ticks = told.read().rpartition(")")[2].split()[11:13]
            row = {
                "done": done,
                "resident": resident,
                "ticks": sum(map(int, ticks)),
                "descriptors": len(os.listdir(f"/proc/{self.pid}/fd")),
                "threads": len(os.listdir(f"/proc/{self.pid}/task")),
            }
        except (FileNotFoundError, ProcessLookupError, IndexError):
            return
        row["shared_objects"] = sum(name.startswith("rtmp") for name in os.listdir("/dev/shm"))
        row["hidden_files"] = sum(name.startswith(".") for name in os.listdir(self.folder))
        self.rows.append(row)

    def facts(self) -> dict[str, Any]:
        """The figures that this file is about."""
        half = self.rows[len(self.rows) // 2 :]
        slope = np.polyfit([row["done"] for row in half], [row["resident"] for row in half], 1)[0]
        tenth = max(1, (len(self.seconds) - WARM) // 10)
        first, last = self.seconds[WARM : WARM + tenth], self.seconds[-tenth:]
        ends = {
            key: [half[0][key], half[-1][key]] for key in half[0] if key not in ("done", "resident", "ticks")
        }
        return {
            "frames": len(self.seconds),
            "resident_megabytes": [
                round(self.rows[i]["resident"] / 2**20, 1) for i in (0, len(self.rows) // 2, -1)
            ],
            "slope_bytes_a_frame": round(float(slope), 1),
            "latency_ms": [round(1000 * statistics.median(part), 2) for part in (first, last)],
            "latency_ratio": round(statistics.median(last) / statistics.median(first), 3),
            "processor_ratio": round(self._processor(-1) / self._processor(1), 3),
            **ends,
        }

    def _processor(self, tenth: int) -> float:
        """Processor time of a frame, in ticks, over one tenth of the samples; the last one is -1."""
        size = max(2, len(self.rows) // 10)
        rows = self.rows[-size:] if tenth < 0 else self.rows[tenth * size : tenth * size + size]
        return (rows[-1]["ticks"] - rows[0]["ticks"]) / (rows[-1]["done"] - rows[0]["done"])


def picture(number: int) -> np.ndarray:
    """A textured picture that moves two pixels a frame: [H, W, 4] float32."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    x = x - 2 * number
    waves = [np.sin(x / 3 + y / 7), np.cos(x / 5 - y / 4), np.sin(x / 2) * np.cos(y / 3), np.ones_like(x)]
    return (np.stack(waves, 2) * 0.3 + 0.5).astype(np.float32)


def environment(folder: Path) -> dict[str, str]:
    """Of a program of its own."""
    path = os.pathsep.join(filter(None, [str(TESTS.parent / "pyhost"), os.environ.get("PYTHONPATH", "")]))
    return {**os.environ, "PYTHONPATH": path, "RETEMPO_RUNTIME_DIR": str(folder)}


def soak_server(
    scratch: Path, frames: int, *, cache: str = "8M", seed: int = 1, before: str = ""
) -> dict[str, Any]:
    """``retempo serve`` under an artist who scrubs: back and forth, changing settings, coming and going.

    Args:
        scratch: an empty folder with a short name.
        frames: requests in all; every 250 the connection is a new one.
        cache: small, so that it fills and lets go all the time.
        seed: of the walk.
        before: Python that the server runs before it begins; tests put a leak there.
    """
    home = scratch / "run"
    begin = f"{before}\nfrom retempo.cli import program\nprogram()"
    words = [sys.executable, "-c", begin, "serve", "--cache", cache, "--idle-exit", "0"]
    server = subprocess.Popen(words, env=environment(home), stdout=subprocess.DEVNULL)
    try:
        return _scrub(server.pid, home, frames, random.Random(seed))
    finally:
        server.terminate()
        server.wait(30)


def _scrub(pid: int, home: Path, frames: int, draw: random.Random) -> dict[str, Any]:
    from wire_client import Client, Picture

    from retempo.server.runtime import SOCKET

    pictures = [Picture(number, picture(number)) for number in range(1, PICTURES + 1)]
    ways: list[dict[str, str]] = [
        {"flow": "dis:fast"}, {"flow": "dis:fast", "filter": "bicubic"}, {"engine": "blend"}, {"motion": "linear"},
    ]  # fmt: skip
    until = time.monotonic() + 60
    while not (home / SOCKET).exists():
        if time.monotonic() > until:
            raise TimeoutError("the server does not come")
        time.sleep(0.05)
    trace, client, at, way = Trace(pid, home), Client(home), 10.0, ways[0]
    every = max(1, frames // SAMPLES)
    for done in range(frames):
        if done % 250 == 249:
            client.close()
            client = Client(home)
        if draw.random() < 0.02:
            way = draw.choice(ways)
        at = (
            at + draw.choice((-0.25, 0.25, 0.25, 0.5))
            if draw.random() < 0.95
            else draw.uniform(2, PICTURES - 2)
        )
        at = min(max(at, 2.0), PICTURES - 2.0)
        first = int(at)
        given = (
            pictures[first - 2 : first + 2]
            if way.get("motion") != "linear"
            else pictures[first - 1 : first + 1]
        )
        began = time.perf_counter()
        client.render(Fraction(at).limit_denominator(64), given, way)
        trace.seconds.append(time.perf_counter() - began)
        if done % every == every - 1:
            trace.sample(done + 1)
    facts = trace.facts() | {"renders": client.status()["renders"]}
    client.close()
    return facts


def soak_command(scratch: Path, frames: int) -> dict[str, Any]:
    """One ``retempo retime`` that makes that many frames from a few; a frame's time is that of its file after the last.

    Args:
        scratch: an empty folder.
        frames: to make.
    """
    from retempo.io.frame import Frame, make_layer
    from retempo.io.target import open_target

    source = open_target(str(scratch / "in.####.exr"))
    for number in range(1, PICTURES + 1):
        layer = make_layer(picture(number), ("R", "G", "B", "A"), formats="half")
        source.write(number, Frame([layer], layer.window, Path("soak")))
    source.close()
    out = scratch / "out"
    out.mkdir()
    speed = Fraction(PICTURES - 1, frames - 1)
    words = ["retime", str(scratch / "in.####.exr"), "-o", str(out / "o.#####.exr"), "--speed", str(speed)]
    words += ["--flow", "dis:fast", "--quiet", "--config", "ocio://cg-config-latest"]
    program = subprocess.Popen(
        [sys.executable, "-m", "retempo", *words], env=environment(scratch), stdout=subprocess.DEVNULL
    )
    trace = Trace(program.pid, out)
    watch = threading.Thread(target=_watch, args=(program, trace, out, frames))
    watch.start()
    if program.wait() != 0:
        raise RuntimeError(f"the run ended with {program.returncode}")
    watch.join()
    times = sorted(path.stat().st_mtime_ns for path in out.iterdir())
    trace.seconds = [(b - a) / 1e9 for a, b in pairwise(times)]
    return trace.facts() | {"files": len(times)}


def _watch(program: subprocess.Popen[bytes], trace: Trace, out: Path, frames: int) -> None:
    every, last = max(1, frames // SAMPLES), 0
    while program.poll() is None:
        done = sum(not name.startswith(".") for name in os.listdir(out))
        if done >= last + every:
            trace.sample(done)
            last = done
        time.sleep(0.2)  # seldom: looking through ten thousand names takes time from what is measured


def soak_runs(scratch: Path, runs: int) -> dict[str, Any]:
    """The same small run again and again in one process, as the tests and farms' workers do it.

    Args:
        scratch: an empty folder.
        runs: how many; 7 frames each.
    """
    code = """
import contextlib, io, os, sys, time
from retempo.cli.main import main
words, runs, trace = sys.argv[3:], int(sys.argv[1]), sys.argv[2]
with open(trace, "w") as told:
    for run in range(runs):
        began, used = time.perf_counter(), time.process_time()
        with contextlib.redirect_stdout(io.StringIO()):
            assert main(words) == 0
        spent = f"{time.perf_counter() - began} {time.process_time() - used}"
        pages = int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGESIZE")
        told.write(f"{pages} {len(os.listdir('/proc/self/fd'))} {len(os.listdir('/proc/self/task'))} {spent}\\n")
"""
    (scratch / "made").mkdir()
    assert_made = [sys.executable, "-m", "retempo", "sample", str(scratch / "made"), "--frames", "1-4"]
    subprocess.run(
        [*assert_made, "--size", f"{WIDTH}x{HEIGHT}", "--json"],
        env=environment(scratch), check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    words = [
        "retime",
        str(scratch / "made" / "plate.####.exr"),
        "-o",
        str(scratch / "o.####.exr"),
        "--overwrite",
    ]
    words += ["--speed", "1/2", "--flow", "dis:fast", "--quiet", "--config", "ocio://cg-config-latest"]
    words += ["--input-space", "lin_rec709_scene"]
    told = scratch / "trace"
    subprocess.run(
        [sys.executable, "-c", code, str(runs), str(told), *words], env=environment(scratch), check=True
    )
    rows = np.array([[float(one) for one in line.split()] for line in told.read_text().splitlines()])
    half, tenth = rows[len(rows) // 2 :], max(1, len(rows) // 10)
    slope = np.polyfit(np.arange(len(half)) * 7, half[:, 0], 1)[0]
    return {
        "runs": len(rows),
        "resident_megabytes": [round(float(rows[i, 0]) / 2**20, 1) for i in (0, len(rows) // 2, -1)],
        "slope_bytes_a_frame": round(float(slope), 1),
        "latency_ratio": round(float(np.median(rows[-tenth:, 3]) / np.median(rows[tenth : 2 * tenth, 3])), 3),
        "processor_ratio": round(
            float(np.median(rows[-tenth:, 4]) / np.median(rows[tenth : 2 * tenth, 4])), 3
        ),
        "descriptors": [int(half[0, 1]), int(half[-1, 1])],
        "threads": [int(half[0, 2]), int(half[-1, 2])],
    }


SOAKS = {
    "server": soak_server,
    "command": soak_command,
    "runs": lambda where, frames: soak_runs(where, frames // 7),
}


def main() -> int:
    """Soak, and print the figures as JSON."""
    parser = argparse.ArgumentParser(description="see that memory and latency stay flat")
    parser.add_argument("--frames", type=int, default=10000, help="frames of each (default: 10000)")
    parser.add_argument("--only", choices=SOAKS, help="one of them")
    arguments = parser.parse_args()
    for name, soak in SOAKS.items():
        if arguments.only in (None, name):
            load = os.getloadavg()[0]
            with tempfile.TemporaryDirectory(prefix="soak-") as scratch:
                began = time.monotonic()
                facts = soak(Path(scratch), arguments.frames)
            took = {
                "seconds": round(time.monotonic() - began),
                "load": [round(load, 1), round(os.getloadavg()[0], 1)],
            }
            print(json.dumps({name: facts | took}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
