"""What happens to bright light on its way through an engine that sees and makes pictures in flow space?

Frames of the sample scene (highlights up to about 100) are made halfway between their neighbours. The default moves the
pixels in linear light. The others do the same in flow space, as a network is given pictures and gives them back; and
"8 bits" rounds what such an engine made to 256 levels, about as exact as a network that was trained on 8-bit pictures.
Light is that of pixels above 10 in the true frame: how much of it is left, and its mean relative error.

    python tests/benchmarks/network_light.py     # a minute; results stand in RESULTS.md
"""

from __future__ import annotations

import tempfile
from fractions import Fraction
from pathlib import Path

import numpy as np

from retempo.cli import main
from retempo.color.pipeline import ColorPipeline
from retempo.io.sequence import open_source
from retempo.metrics.quality import psnr
from retempo.scene.sample_scene import tone_map

MIDDLES = (1, 5, 9)
BRIGHT = 10.0
SPACE = "lin_rec709_scene"
METHODS = {
    "splatsyn (linear light)": ("--motion", "linear"),
    "splatsyn in flow space": ("--engine", "splatsyn:plain"),
    "splatsyn in flow space, 8 bits": ("--engine", "splatsyn:plain"),
    "blend (linear light)": ("--engine", "blend"),
}


def light(path: Path) -> np.ndarray:
    """Colour of a file's first layer, [H, W, 3]."""
    source = open_source(path)
    layer = source.read(source.frames[0]).layers[0]
    return np.ascontiguousarray(layer.pixels[..., list(layer.color_indices()[:3])])


def run() -> None:
    """Print the table."""
    color = ColorPipeline("ocio://default", input_space=SPACE)
    figures: dict[str, list[tuple[float, float, float]]] = {name: [] for name in METHODS}
    there_and_back = []
    for frame in MIDDLES:
        with tempfile.TemporaryDirectory() as held:
            folder = Path(held)
            sample = [
                "--frames",
                f"{frame}-{frame + 1}",
                "--times",
                str(Fraction(2 * frame + 1, 2)),
                "--quiet",
                "--json",
            ]
            assert main(["sample", str(folder), "--size", "960x540", *sample]) == 0
            truth = light(next(folder.glob("moment.*.exr")))
            bright = (truth > BRIGHT).any(axis=2)
            back = color.from_flow(color.to_flow(truth))
            there_and_back.append(float(np.abs(back - truth)[bright].sum() / truth[bright].sum()))
            for index, (name, flags) in enumerate(METHODS.items()):
                out = folder / str(index) / "made.####.exr"
                fixed = [
                    "--speed",
                    "1/2",
                    "--output-start",
                    "0",
                    "--output-range",
                    "1",
                    "--input-space",
                    SPACE,
                    "--quiet",
                ]
                assert main(["retime", str(folder / "plate.####.exr"), "-o", str(out), *fixed, *flags]) == 0
                made = light(out.parent / "made.0001.exr")
                if name.endswith("8 bits"):
                    made = color.from_flow(np.rint(color.to_flow(made) * 255).astype(np.float32) / 255)
                kept = float(made[bright].sum() / truth[bright].sum())
                error = float(np.abs(made - truth)[bright].sum() / truth[bright].sum())
                figures[name].append((psnr(tone_map(truth), tone_map(made)), kept, error))
    print(
        f"there and back without an engine: mean relative error of light above 10: {np.mean(there_and_back):.2e}"
    )
    print("| engine | PSNR, tone-mapped | light above 10 that is left | its mean relative error |")
    print("|---|---|---|---|")
    for name, rows in figures.items():
        score, kept, error = np.mean(rows, axis=0)
        print(f"| {name} | {score:.2f} | {kept:.3f} | {error:.3f} |")


if __name__ == "__main__":
    run()
