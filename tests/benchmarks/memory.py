"""How much memory does a shot need, and does it grow with its length?

``shot_peak_megabytes``: the largest resident set of a ``retempo retime --speed 1/2`` of a 1920x1080 half-float EXR
shot: RGBA and three further layers of RGB (13 channels). A few files stand for the shot, by symbolic links,
so that its length costs no disk.

    python tests/benchmarks/memory.py --frames 150       the long one; 299 output frames
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from clips import frames_of
from in_memory import with_channels

LAYERS = ("diffuse", "specular", "normal")
DIFFERENT = 6
"""Files that really exist; the shot walks over them back and forth."""


def write_files(folder: Path) -> None:
    """The few real frames."""
    from retempo.io.frame import Frame, make_layer
    from retempo.io.target import open_target

    names = ("R", "G", "B", "A", *(f"{layer}.{channel}" for layer in LAYERS for channel in "RGB"))
    target = open_target(str(folder / "real.####.exr"), overwrite=True)
    for number, picture in enumerate(frames_of(DIFFERENT, 1920, 1080)[0]):
        colour = with_channels(picture.astype(np.float32) / np.float32(255), 4)
        pixels = np.concatenate([colour, *(colour[..., :3] * part for part in (0.5, 0.25, 0.125))], axis=2)
        layer = make_layer(pixels, names, formats="half")
        target.write(number, Frame([layer], layer.window, Path("memory")), {"compression": "zip"})
    target.close()


def link_shot(folder: Path, count: int) -> str:
    """A shot of ``count`` frames; returns its pattern."""
    there_and_back = [*range(DIFFERENT), *range(DIFFERENT - 2, 0, -1)]
    for number in range(count):
        real = folder / f"real.{there_and_back[number % len(there_and_back)]:04d}.exr"
        (folder / f"shot.{number + 1:04d}.exr").symlink_to(real)
    return str(folder / "shot.####.exr")


def peak_megabytes(pattern: str, output: Path, *flags: str) -> float:
    """Largest resident set of one retime, in units of 2^20 bytes."""
    code = """
import sys
from retempo.cli import main
code = main(sys.argv[1:])
with open("/proc/self/status") as told:  # a child's ru_maxrss begins with that of its parent
    print(next(line.split()[1] for line in told if line.startswith("VmHWM")))
sys.exit(code)
"""
    words = ["retime", pattern, "-o", str(output), "--speed", "1/2", "--overwrite", "--quiet", *flags]
    words += ["--config", "ocio://cg-config-latest", "--input-space", "lin_rec709_scene"]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
    return int(done.stdout.splitlines()[-1]) / (1 << 10)


def measure_memory(scratch: Path, count: int = 8, *flags: str) -> dict[str, Any]:
    """Peak of a short shot and of one twice as long."""
    scratch.mkdir(parents=True, exist_ok=True)
    write_files(scratch)
    peaks: dict[str, float] = {}
    for length in (count, 2 * count):
        folder = scratch / str(length)
        folder.mkdir()
        for number in range(DIFFERENT):
            (folder / f"real.{number:04d}.exr").symlink_to(scratch / f"real.{number:04d}.exr")
        pattern = link_shot(folder, length)
        peaks[f"{length} frames"] = peak_megabytes(pattern, folder / "slow.####.exr", *flags)
    return {"shot_peak_megabytes": peaks}


def main() -> int:
    """Measure one shot of any length."""
    parser = argparse.ArgumentParser(description="measure the memory that a shot needs")
    parser.add_argument("--frames", type=int, default=150, help="source frames (default: 150)")
    parser.add_argument("flags", nargs="*", help="further flags of retempo retime, after --")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="retempo-memory-") as scratch:
        folder = Path(scratch)
        write_files(folder)
        pattern = link_shot(folder, arguments.frames)
        peak = peak_megabytes(pattern, folder / "slow.####.exr", *arguments.flags)
    print(json.dumps({"source_frames": arguments.frames, "peak_megabytes": round(peak, 1)}, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
