"""What does Retempo do, shown in a minute or two? ``make demo``; everything lands in ``build/demo``.

Renders the sample scene as an HDR plate, slows it down four times with the command line, through
OpenColorIO and with estimated flow (``dis``; the scene's true vectors stay unread), writes a contact sheet
and a movie, and compares every in-between with the exact one that the scene can render.

The last line is ``PSNR <number> dB``: the mean over all in-betweens, RGB over black, tone-mapped to [0, 1]
by x / (1 + x).
"""

from __future__ import annotations

import argparse
import shlex
import shutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np

from retempo.color.pipeline import ColorPipeline
from retempo.io.frame import Frame, make_layer
from retempo.io.sequence import Source, open_source
from retempo.io.target import open_target
from retempo.metrics.quality import psnr
from retempo.report.contact_sheet import make_sheet
from retempo.report.heat_map import paint_error

CONFIG = "ocio://cg-config-latest"
SPACE = "Linear Rec.709 (sRGB)"
SPEED = Fraction(1, 4)
FPS = Fraction(24)
SHOWN = 4
"""Source frame with which the contact sheet begins."""


def retempo(*words: str) -> None:
    """Run the command line, showing what is run; its failure is ours."""
    print(f"$ retempo {shlex.join(words)}", flush=True)
    code = subprocess.run([sys.executable, "-m", "retempo", *words], check=False).returncode
    if code != 0:
        sys.exit(code)


def color_of(frame: Frame) -> np.ndarray:
    """RGBA of the picture, [H, W, 4] float32, scene-linear, premultiplied."""
    layer = frame.main()
    return np.ascontiguousarray(layer.pixels[..., list(layer.color_indices())])


def tone_map(rgba: np.ndarray) -> np.ndarray:
    """RGB in [0, 1]: x / (1 + x)."""
    light = np.maximum(rgba[..., :3], 0.0)
    return light / (1.0 + light)


def picture_frame(picture: np.ndarray) -> Frame:
    """An 8-bit frame of a picture [H, W, 3], floats in [0, 1] or uint8."""
    values = picture / np.float32(255) if picture.dtype == np.uint8 else picture
    layer = make_layer(values.astype(np.float32), ("R", "G", "B"), formats="uint8")
    return Frame([layer], layer.window, Path("picture"), "png")


def write_pictures(path: Path, pictures: list[np.ndarray]) -> None:
    """Write one PNG, or a movie of all."""
    target = open_target(str(path), overwrite=True, source=None, fps=FPS)
    for number, picture in enumerate(pictures, 1):
        target.write(number, picture_frame(picture), {})
    target.close()


def score(made: Source, truth: Source) -> dict[int, float]:
    """PSNR in dB of every output frame that is not a copy of a source frame."""
    between = [number for number in made.frames if (number - made.frames[0]) * SPEED % 1]
    return {
        number: float(psnr(tone_map(color_of(made.read(number))), tone_map(color_of(truth.read(number)))))
        for number in between
    }


def contact_sheet(made: Source, truth: Source, color: ColorPipeline) -> np.ndarray:
    """Four moments in columns: what Retempo made, the truth, and where they differ."""
    start = made.frames[0] + int((SHOWN - made.frames[0]) / SPEED)
    numbers = range(start, start + 4)
    rows: dict[str, list[np.ndarray]] = {"made": [], "truth": [], "difference": []}
    for number in numbers:
        pair = [color.to_display(color.to_working(color_of(source.read(number)))) for source in (made, truth)]
        rows["made"].append(pair[0])
        rows["truth"].append(pair[1])
        rows["difference"].append(paint_error(*pair, largest=0.25))
    times = [str(float(made.frames[0] + (number - made.frames[0]) * SPEED)) for number in numbers]
    labels = [f"{row} {time}" for row in rows for time in times]
    labels[0] = f"source frame {SHOWN}, untouched"
    return make_sheet(
        [tile for row in rows.values() for tile in row],
        labels,
        columns=4,
        title="Retempo: a quarter of the speed, estimated flow; red is a difference of 0.25",
    )


def main() -> int:
    """Make everything; returns an exit code."""
    parser = argparse.ArgumentParser(description="show what Retempo does")
    parser.add_argument("directory", type=Path, help="where everything goes; emptied first")
    parser.add_argument("--frames", default="1-8", help="frames of the plate (default: 1-8)")
    parser.add_argument("--size", default="960x540")
    arguments = parser.parse_args()
    folder: Path = arguments.directory
    shutil.rmtree(folder, ignore_errors=True)
    plate, slow = folder / "plate.####.exr", folder / "slow.####.exr"
    retempo(
        "sample", str(folder), "--frames", arguments.frames, "--truth", str(SPEED), "--size", arguments.size
    )
    retempo("info", str(plate), "--config", CONFIG, "--input-space", SPACE)
    retempo(
        "retime", str(plate), "-o", str(slow), "--speed", str(SPEED), "--flow", "dis",
        "--config", CONFIG, "--input-space", SPACE, "--working-space", "scene_linear",
    )  # fmt: skip
    made, truth = open_source(str(slow)), open_source(str(folder / "truth.####.exr"))
    color = ColorPipeline(CONFIG, SPACE)
    write_pictures(folder / "sheet.png", [contact_sheet(made, truth, color)])
    shown = [color.to_display(color.to_working(color_of(made.read(number)))) for number in made.frames]
    write_pictures(folder / "slow.mp4", shown)
    scores = score(made, truth)
    worst = min(scores, key=scores.__getitem__)
    print(f"\nlook at {folder / 'sheet.png'} and {folder / 'slow.mp4'}; the EXRs are {slow}")
    print(
        f"{len(scores)} in-betweens by estimated flow against the exact ones, "
        f"the worst is frame {worst}: {scores[worst]:.2f} dB"
    )
    print(f"PSNR {np.mean(list(scores.values())):.2f} dB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
