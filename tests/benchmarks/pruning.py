"""What does leaving out tiles save: operations, and time, of UGSP against everything refined?

One instant of a pair of the sample scene whose features are there (``render``); operations with them, too. Weights by
chance: which tiles are kept is arbitrary, how many is not. Operations are PyTorch's own count of convolutions, two a
product, of what was really convolved; seconds are medians of runs in turns. Last, the largest difference from the
masked whole.

    python tests/benchmarks/pruning.py [--width 1280] [--height 720] [--tiles 8,16] [--keep 0.25,0.5,0.75] [--repeats 5]
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from retempo.models.base import PreparedWindow
from retempo.models.ugsp.adapter import UgspInterpolator
from retempo.models.ugsp.choosing import Choose
from retempo.models.ugsp.network import Ugsp
from retempo.models.ugsp.sparse import Masked, Where
from retempo.scene.sample_scene import SampleScene, tone_map
from timing import median_costs, processor


def count(action: Callable[[], object]) -> float:
    """Operations in units of 10^12."""
    with FlopCounterMode(display=False) as counter:
        action()
    return counter.get_total_flops() / 1e12


def masked(choose: Choose) -> Choose:
    """The same choice, everything convolved and multiplied by the mask."""

    def mask(logits: Tensor) -> Where | None:
        where = choose(logits)
        return None if where is None else Masked(where.kept)

    return mask


def difference(network: Ugsp, engine: UgspInterpolator, pair: list[Tensor]) -> float:
    """Largest difference of the made picture from that of the masked whole."""
    found = engine.prepare(pair).render(0.5).image
    whole = UgspInterpolator(network, "masked")
    whole.choose = masked(engine.choose)
    return float((found - whole.prepare(pair).render(0.5).image).abs().max())


def main(arguments: list[str] | None = None) -> int:
    """Print the table; returns 0."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--height", type=int, default=720)
    parser.add_argument("--tiles", default="8,16", help="sides of a tile, comma-separated")
    parser.add_argument("--keep", default="0.25,0.5,0.75", help="parts that are kept, comma-separated")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args(arguments)
    torch.manual_seed(0)
    network = Ugsp().to(given.device)
    scene = SampleScene(given.width, given.height)
    shot = [np.ascontiguousarray(tone_map(scene.render(time)["rgba"][..., :3])) for time in (8.0, 9.0)]
    pair = [torch.from_numpy(one).permute(2, 0, 1)[None].float().to(given.device) for one in shot]
    engines = {("", 1.0): UgspInterpolator(network, "dense", dense=True)}
    for tile in map(int, given.tiles.split(",")):
        for keep in map(float, given.keep.split(",")):
            engines[str(tile), keep] = UgspInterpolator(network, "pruned", keep=keep, tile=tile)
    windows = {key: engine.prepare(pair) for key, engine in engines.items()}

    def render(window: PreparedWindow) -> Callable[[], object]:
        def action() -> None:
            window.render(0.5)
            if given.device != "cpu":
                torch.cuda.synchronize()

        return action

    actions = {f"{tile} {keep}": render(windows[tile, keep]) for tile, keep in engines}
    costs = median_costs(actions, given.repeats)
    features = count(lambda: engines["", 1.0].prepare(pair))
    table = Table(
        title=f"{given.width}x{given.height}, {processor()}, load {os.getloadavg()[0]:.1f}, {given.device}; "
        f"features of both frames: {features:.3f} T"
    )
    for column in ("tile", "kept", "T", "of dense", "with features", "s", "of dense", "CPU s", "difference"):
        table.add_column(column, justify="right")
    dense = count(actions[" 1.0"])
    for (tile, keep), engine in engines.items():
        name = f"{tile} {keep}"
        operations, (wall, busy) = count(actions[name]), costs[name]
        table.add_row(
            tile or "dense", f"{keep:g}", f"{operations:.3f}", f"{operations / dense:.2f}",
            f"{(operations + features) / (dense + features):.2f}", f"{wall:.3f}",
            f"{wall / costs[' 1.0'][0]:.2f}", f"{busy:.2f}", f"{difference(network, engine, pair):.1e}",
        )  # fmt: skip
    Console(width=120).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
