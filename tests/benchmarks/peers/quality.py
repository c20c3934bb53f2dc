"""Are our in-betweens closer to the truth than those of other programs, on the same frames?

Of each clip's frames 0-80 every odd one is dropped and rebuilt from its neighbours; with quadratic motion we look at
those at distance 3 as well. Figures are on uint8 RGB:

    PSNR         from the squared error of all rebuilt frames of a clip together (a frame that is rebuilt exactly,
                 as between duplicates, has no PSNR of its own); the mean is over clips
    per frame    mean over frames of their own PSNR, counted as 60 dB where it is higher

The conversion of 4:2:0 to RGB matters: with swscale's direct path (nearest, the default) colour stands in blocks of
2x2 pixels that a method working in RGB has to move, while minterpolate moves the colour planes themselves; "--chroma
bicubic" converts truth and results alike without blocks.

minterpolate gets the even frames as they were decoded, at half the rate, and its frames are taken by their time stamps;
each of its even frames must be the very frame that went in, which proves the numbering. All others get RGB. The clips
are a scoreboard: nothing is tuned on them.

Every result is written down as soon as it is there; the same command goes on where it was stopped.

    python tests/benchmarks/peers/quality.py                         everything that is installed
    python tests/benchmarks/peers/quality.py --last 16 --clips bedroom,cups
    python tests/benchmarks/peers/quality.py --every 5 --peers ""    ours and the blend alone, every fifth frame
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ffmpeg_peer import Minterpolate
from footage import find_clips
from outside_peer import outside_peers
from peer import Peer, Shot, read_shot
from plain_peers import Blend, HalfWarp, Retempo
from rich.console import Console
from rich.table import Table

from retempo.cli.evaluate import add_method_arguments
from retempo.errors import RetempoError
from retempo.evaluate.layouts import REPEATED
from retempo.evaluate.perceptual import find_perceptual
from retempo.evaluate.score import Perceptual, Score, mean_of
from retempo.render.quality import choose_settings

Figures = dict[str, Any]
ALL = "all"


def choose_peers(names: str, ours: Retempo, console: Console) -> list[Peer]:
    """Ours, the blend, and those of the others that are asked for and can run; says which cannot.

    Raises:
        SystemExit: there is no peer of that name.
    """
    others: list[Peer] = [HalfWarp(), Minterpolate(), *outside_peers()]
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    if names != ALL:
        unknown = [name for name in wanted if name not in {peer.name for peer in others}]
        if unknown:
            raise SystemExit(
                f"no peer is called {unknown[0]}: there are {', '.join(peer.name for peer in others)}"
            )
        others = [peer for peer in others if peer.name in wanted]
    for peer in others:
        if peer.missing():
            console.print(f"without {peer.name}: {peer.missing()}")
    return [Blend(), *(peer for peer in others if not peer.missing()), ours]


def score_peer(peer: Peer, shot: Shot, everything: bool, perceptual: Perceptual | None) -> Figures:
    """Figures of one method on one clip; seconds are a frame's, with the start of its program."""
    start = time.monotonic()
    made = peer.rebuild(shot)
    seconds = (time.monotonic() - start) / len(shot.wanted)
    score = Score(REPEATED, perceptual)
    for number in shot.wanted:
        if everything:
            score.add(shot.rgb(number), made[number])
        else:
            score.add_error(shot.rgb(number), made[number])
    return {**score.figures(), "seconds_per_frame": seconds}


class Notebook:
    """Results on disk, by clip, method and setup.

    Args:
        path: JSON file; may not be there yet.
        run: what the figures of all methods depend on: frames, chroma, measures.
    """

    def __init__(self, path: Path, run: str) -> None:
        self._path, self._run = path, run
        self._held: dict[str, dict[str, Figures]] = {}
        if path.is_file():
            self._held = json.loads(path.read_text()).get("results", {})

    def recall(self, clip: str, peer: Peer) -> Figures | None:
        """What was found before; None when nothing was, or under other conditions."""
        found = self._held.get(clip, {}).get(peer.name)
        return found if found and found["setup"] == self._setup(peer) else None

    def write(self, clip: str, peer: Peer, figures: Figures) -> None:
        """Keep a result."""
        self._held.setdefault(clip, {})[peer.name] = {**figures, "setup": self._setup(peer)}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._path.with_suffix(".new")
        fresh.write_text(json.dumps({"results": self._held}, indent=1) + "\n")
        fresh.replace(self._path)

    def _setup(self, peer: Peer) -> str:
        return f"{self._run}; {peer.setup}"


def show(title: str, clips: dict[str, dict[str, Figures]], names: Sequence[str], digits: int = 2) -> Table:
    """A table of one or two figures, the second in brackets: clips by methods, and the mean."""
    methods = list(next(iter(clips.values())))
    table = Table(title=title)
    table.add_column("clip")
    for method in methods:
        table.add_column(method, justify="right")

    def cell(figures: Figures) -> str:
        shown = [f"{figures[name]:.{digits}f}" if figures[name] is not None else "-" for name in names]
        return shown[0] if len(shown) == 1 else f"{shown[0]} ({shown[1]})"

    for name, clip in clips.items():
        table.add_row(name, *(cell(clip[method]) for method in methods))
    table.add_section()
    means = [mean_of([clip[method] for clip in clips.values()], names) for method in methods]
    table.add_row("mean", *(cell(mean) for mean in means))
    return table


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--clips", default="", help="comma-separated parts of clip names (default: all)")
    parser.add_argument("--last", type=int, default=80, help="last frame of each clip (default 80)")
    parser.add_argument("--every", type=int, default=1, help="score each n-th dropped frame only (default 1)")
    parser.add_argument(
        "--chroma",
        default="nearest",
        choices=("nearest", "bicubic"),
        help="how the 4:2:0 colour of truth and of all methods becomes RGB (default nearest)",
    )
    parser.add_argument(
        "--peers", default=ALL, help='comma-separated (default: all that run here); "" for none'
    )
    parser.add_argument(
        "--measures", default="psnr", choices=("psnr", ALL), help="all: SSIM, IE and LPIPS, too"
    )
    parser.add_argument("--json", type=Path, default=Path("build/quality.json"), help="where the figures go")
    add_method_arguments(parser)
    given = parser.parse_args(arguments)
    if given.last < 2 or given.every < 1:
        parser.error("--last must be at least 2 and --every at least 1")
    return given


def main(arguments: list[str] | None = None) -> int:
    """Run the comparison; returns 0, or 3 when a method failed on a clip."""
    given = parse(arguments)
    console = Console()
    try:
        choice = choose_settings(vars(given))
    except RetempoError as error:
        raise SystemExit(str(error)) from error
    for reason in choice.reasons:
        console.print(reason)
    peers = choose_peers(given.peers, Retempo(choice.settings), console)
    everything = given.measures == ALL
    perceptual, why = find_perceptual() if everything else (None, "")
    if why:
        console.print(why)
    measured = f"{given.measures}{'+lpips' if perceptual else ''}"
    book = Notebook(given.json, f"0-{given.last}, every {given.every}, chroma {given.chroma}, {measured}")
    clips: dict[str, dict[str, Figures]] = {}
    failed = False
    for path in find_clips(given.clips):
        found = {peer.name: book.recall(path.stem, peer) for peer in peers}
        shot = None if all(found.values()) else read_shot(path, given.last, given.every, given.chroma)
        for peer in peers:
            if shot is None or found[peer.name]:
                continue
            try:
                figures = score_peer(peer, shot, everything, perceptual)
            except RuntimeError as error:
                console.print(f"{path.stem}: {error}")
                failed = True
                continue
            book.write(path.stem, peer, figures)
            found[peer.name] = figures
            console.print(f"{path.stem}, {peer.name}: {figures['psnr_pooled']:.2f} dB", style="dim")
        if all(found.values()):
            clips[path.stem] = {name: figures for name, figures in found.items() if figures}
    if clips:
        console.print(
            show("PSNR in dB of rebuilt frames (per frame in brackets)", clips, ("psnr_pooled", "psnr"))
        )
        for name in ("ssim", "lpips") if everything else ():
            console.print(show(f"{name.upper()}, mean over frames", clips, (name,), 4))
        console.print(show("seconds a frame, start of the program included", clips, ("seconds_per_frame",)))
    return 3 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
