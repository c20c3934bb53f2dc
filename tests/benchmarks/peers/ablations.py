"""What is each choice of the synthesis worth? The same rebuilt frames with one thing changed at a time.

The axes are those of the specification of splatting-based synthesis, section 11, and what was added since. Each line
differs from the defaults in what it names; "as published" has straight paths and one flow each way. The figures tell
what a choice is worth, nothing is chosen by them: the clips are the scoreboard.

    python tests/benchmarks/peers/ablations.py --every 4        a first look: every fourth of the dropped frames
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from peer import read_shot
from plain_peers import Retempo
from quality import Figures, Notebook, find_clips, score_peer
from rich.console import Console
from rich.table import Table

from retempo.evaluate.score import mean_of
from retempo.render.quality import choose_settings
from retempo.render.settings import RetimeSettings

PUBLISHED: Final = {"motion": "linear", "inverses": "off"}
AXES: Final[dict[str, dict[str, Any]]] = {
    "defaults": {},
    "as published": PUBLISHED,
    "as published, inverses": {"motion": "linear"},
    "as published, quadratic": {"inverses": "off"},
    "naive softmax, no maximum": {"stability": "none"},
    "temperature 1": {"temperature": 1.0},
    "temperature 20": {"temperature": 20.0},
    "bilinear footprint": {"footprint": "bilinear"},
    "colours are splatted": {"payload": "color"},
    "merged by time alone": {"merge": "linear"},
    "no photometric term": {"coefficients": "0,1,1,0,1,1"},
    "no consistency term": {"coefficients": "10,0,1,10,0,1"},
    "no variance term": {"coefficients": "10,1,0,10,1,0"},
    "coverage gate": {"coverage_gate": "on"},
    "four frames": {"source_frames": 4},
    "flow at half size": {"flow_scale": 0.5},
    "dis:fine": {"flow": "dis:fine"},
    "dis+dis:coarse": {"flow": "dis+dis:coarse"},
    "lanczos4": {"filter": "lanczos4"},
    "quality fast": {"quality": "fast"},
    "quality best": {"quality": "best"},
}


class Variant(Retempo):
    """Our own method with some settings changed."""

    def __init__(self, name: str, changed: dict[str, Any]) -> None:
        quality = {"quality": changed["quality"]} if "quality" in changed else {}
        chosen = choose_settings(quality).settings if quality else RetimeSettings()
        super().__init__(
            replace(chosen, **{key: value for key, value in changed.items() if key != "quality"})
        )
        self.name = name


def main(arguments: list[str] | None = None) -> int:
    """Score every variant on every clip; returns 0."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--clips", default="", help="comma-separated parts of clip names (default: all)")
    parser.add_argument("--axes", default="", help="comma-separated names of variants (default: all)")
    parser.add_argument("--last", type=int, default=80, help="last frame of each clip (default 80)")
    parser.add_argument("--every", type=int, default=1, help="score each n-th dropped frame (default 1)")
    parser.add_argument("--json", type=Path, default=Path("build/ablations.json"), help="where figures go")
    given = parser.parse_args(arguments)
    wanted = [name.strip() for name in given.axes.split(",") if name.strip()] or list(AXES)
    unknown = [name for name in wanted if name not in AXES]
    if unknown:
        parser.error(f"there is no axis {unknown[0]!r}: choose from {', '.join(AXES)}")
    console = Console()
    book = Notebook(given.json, f"0-{given.last}, every {given.every}, chroma nearest, psnr")
    found: dict[str, list[Figures]] = {name: [] for name in wanted}
    for path in find_clips(given.clips):
        shot = None
        for name in wanted:
            variant = Variant(name, AXES[name])
            figures = book.recall(path.stem, variant)
            if figures is None:
                shot = shot or read_shot(path, given.last, given.every, "nearest")
                figures = score_peer(variant, shot, False, None)
                book.write(path.stem, variant, figures)
            found[name].append(figures)
            console.print(f"{path.stem}, {name}: {figures['psnr_pooled']:.2f} dB", style="dim")
    table = Table(title="mean over clips, dB")
    for column in ("variant", "pooled", "by frame", "against the first", "seconds a frame"):
        table.add_column(column, justify="left" if column == "variant" else "right")
    keys = ("psnr_pooled", "psnr", "seconds_per_frame")
    first = mean_of(found[wanted[0]], keys)
    for name in wanted:
        mean = mean_of(found[name], keys)
        table.add_row(
            name,
            f"{mean['psnr_pooled']:.2f}",
            f"{mean['psnr']:.2f}",
            f"{mean['psnr_pooled'] - first['psnr_pooled']:+.2f} ({mean['psnr'] - first['psnr']:+.2f})",
            f"{mean['seconds_per_frame']:.2f}",
        )
    console.print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
