"""At 4096x2160, what does flow that is searched smaller cost and gain?

Two frames of the sample scene, so far apart that its fastest layer moves by about 150 pixels. Per estimator and
working scale: seconds of the search both ways, end-point error of the vectors (pixels, mean and median, where a point
is seen in both frames), and the PSNR of the frame halfway, tone-mapped (x / (1 + x)), with inverses as by default.
Growth back to full size is bilinear.

    python tests/benchmarks/working_size.py [--width 4096] [--height 2160] [--flows dis,dis:fine] [--scales 1,0.5,0.25]
"""

from __future__ import annotations

import argparse
import sys
import time
from fractions import Fraction

import numpy as np
from rich.console import Console
from rich.table import Table

from retempo.flow.base import Flow
from retempo.flow.catalog import VectorsMarker, parse_flow
from retempo.scene.sample_scene import SampleScene, tone_map
from retempo.synthesis.candidates import FlowPair
from retempo.synthesis.options import SynthesisOptions
from retempo.synthesis.pipeline import prepare

START, GAP = 8.0, 1.25


def main(arguments: list[str] | None = None) -> int:
    """Print the table; returns 0."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--width", type=int, default=4096)
    parser.add_argument("--height", type=int, default=2160)
    parser.add_argument("--flows", default="dis,dis:fine", help="estimators, comma-separated")
    parser.add_argument("--scales", default="1,0.5,0.25", help="working scales, comma-separated")
    given = parser.parse_args(arguments)
    scene = SampleScene(given.width, given.height)
    times = START, START + GAP
    shot = [scene.render(one) for one in times]
    middle = scene.render(START + GAP / 2)["rgba"][..., :3]
    pictures = [np.ascontiguousarray(tone_map(one["rgba"][..., :3])) for one in shot]
    exact = scene.flow(*times)
    seen = scene.visible(*times)
    fastest = float(np.percentile(np.linalg.norm(exact[seen], axis=1), 99.5))

    def score(flows: tuple[Flow, Flow]) -> float:
        pair = FlowPair(0, 1, *flows)
        ready = prepare(pictures, [0, 1], [pair], SynthesisOptions(inverses=True))
        made = ready.render([np.ascontiguousarray(one["rgba"]) for one in shot], Fraction(1, 2)).pixels[
            ..., :3
        ]
        error = np.square(tone_map(made) - tone_map(middle)).mean(dtype=np.float64)
        return float(-10 * np.log10(error))

    table = Table(title=f"{given.width}x{given.height}, motion up to {fastest:.0f} pixels")
    for column in ("flow", "scale", "seconds", "error, mean", "error, median", "PSNR, dB"):
        table.add_column(column, justify="left" if column == "flow" else "right")
    for name in given.flows.split(","):
        for scale in map(float, given.scales.split(",")):
            (estimator,) = parse_flow(name, working_scale=scale)
            assert not isinstance(estimator, VectorsMarker)
            start = time.monotonic()
            flows = estimator.estimate(*pictures)
            seconds = time.monotonic() - start
            error = np.linalg.norm(flows[0] - exact, axis=2)[seen]
            table.add_row(
                name, f"{scale:g}", f"{seconds:.2f}", f"{error.mean():.2f}", f"{np.median(error):.2f}",
                f"{score(flows):.2f}",
            )  # fmt: skip
    Console().print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
