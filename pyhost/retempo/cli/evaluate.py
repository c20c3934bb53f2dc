"""How good are our in-betweens? ``retempo evaluate FOLDER``: footage whose true frames are known in, a table out."""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retempo.cli.result import Result
from retempo.errors import InputError, UsageError
from retempo.render.flags import add_setting_arguments
from retempo.render.quality import choose_settings

if TYPE_CHECKING:
    from retempo.evaluate.clip import Clip
    from retempo.render.settings import RetimeSettings

HELP = "score in-betweens against the true frames of a test set or of any footage"

LAYOUTS = ("auto", "vimeo-triplet", "vimeo-septuplet", "ucf101", "middlebury", "snu-film", "xiph-2k", "xiph-4k",
           "x-test", "x-test-2k", "sequence")  # fmt: skip
"""As ``retempo.evaluate.layouts`` has them, which would load what --help does not need."""

COLUMNS = (("psnr", "PSNR dB", 2), ("ssim", "SSIM", 4), ("ie", "IE", 2), ("lpips", "LPIPS", 4),
           ("flicker_4x", "flicker 4x", 3), ("flicker_8x", "flicker 8x", 3), ("seconds_per_frame", "s/frame", 3),
           ("peak_mebibytes", "peak MiB", 0))  # fmt: skip
ROWS = 40
"""Clips in the table at the most: the worst of them; --json has all."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of this command."""
    parser.add_argument("folder", help="the set's folder; of plain footage also a movie or a pattern")
    parser.add_argument(
        "--layout", choices=LAYOUTS, default="auto", metavar="LAYOUT",
        help=f"which set it is: {', '.join(LAYOUTS)} (default: auto, by what is there)",
    )  # fmt: skip
    parser.add_argument("--every", type=int, metavar="N", help="footage: keep one frame in N (default: 2)")
    parser.add_argument("--frames", help="footage: frames to use of each clip, e.g. 0-80; default: all")
    parser.add_argument(
        "--flicker", action=argparse.BooleanOptionalAction, default=True,
        help="footage: make it at 4 and 8 times slow motion, too, for its flicker; takes most of the time",
    )  # fmt: skip
    parser.add_argument(
        "--lpips", action=argparse.BooleanOptionalAction, default=True,
        help="measure LPIPS where its weights are found (nothing is downloaded)",
    )  # fmt: skip
    parser.add_argument(
        "--clips", default="", help="only clips with one of these in their name, comma-separated"
    )
    parser.add_argument("--limit", type=int, metavar="N", help="only the first N clips")
    parser.add_argument(
        "--engines", metavar="NAMES",
        help="compare engines instead (ifrnet,film,... or all): quality where their weights are here, parameters, "
        "arithmetic, seconds a frame, cost of 8x against 2x",
    )  # fmt: skip
    parser.add_argument(
        "--cost-size", default="1280x720", metavar="WxH", help="with --engines: size at which cost is measured "
        "(default: 1280x720)",
    )  # fmt: skip
    parser.add_argument("--sheet", help="write the worst frames as a picture: truth, made, error")
    parser.add_argument("--worst", type=int, default=8, metavar="N", help="how many of them (default: 8)")
    parser.add_argument("--overwrite", action="store_true", help="replace a sheet that exists")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    add_method_arguments(parser)


def add_method_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of everything that decides how in-betweens of plain pictures are made."""
    add_setting_arguments(
        parser,
        groups=("quality", "flow", "synthesis", "computing"),
        leave_out=(
            "flow_layer", "vectors", "vector_preset", "vector_max", "vector_scale", "vector_flip_y", "depth",
            "depth_convention", "depth_channel", "matte", "matte_channel", "matte_invert", "matte_output", "memory",
        ),
    )  # fmt: skip


def run(args: argparse.Namespace) -> Result:
    """Find the clips, rebuild, score.

    Raises:
        UsageError: a flag out of range, or one that does not belong to the layout.
        InputError: the set is not there, incomplete, or its pictures do not fit together.
        OutputError: the sheet cannot be written.
    """
    from retempo.cli.retime import open_progress
    from retempo.evaluate.layouts import LAYOUTS, find_clips, find_layout
    from retempo.evaluate.perceptual import find_perceptual
    from retempo.evaluate.run import evaluate
    from retempo.evaluate.worst import check_sheet, write_sheet

    choice = choose_settings(vars(args))
    settings = choice.settings
    given = Path(args.folder).expanduser()
    name = find_layout(given, args.layout)
    check_flags(args, name)
    clips = choose(
        find_clips(given, name, every=args.every or 2, frames=args.frames, flicker=args.flicker), args
    )
    if args.engines is not None:
        return _compare(args, clips, settings, LAYOUTS[name].cap)
    if args.sheet:
        check_sheet(Path(args.sheet), args.overwrite)
    perceptual, why = find_perceptual() if args.lpips else (None, "")
    start = time.monotonic()
    with open_progress(args.quiet or args.json) as progress:
        found = evaluate(
            clips, settings, cap=LAYOUTS[name].cap, perceptual=perceptual, worst=args.worst, progress=progress
        )
    if args.sheet:
        write_sheet(Path(args.sheet), found.worst)
    data: dict[str, Any] = {
        "folder": str(given),
        "layout": name,
        "protocol": LAYOUTS[name].protocol.format(every=args.every or 2),
        "cap": LAYOUTS[name].cap,
        "mean": found.mean(),
        "clips": found.clips,
        "worst": [{"frame": label, "psnr": psnr} for label, psnr in found.worst.labels()],
        "sheet": args.sheet,
        "notes": notes(found.clips, why, name, args),
        "settings": asdict(settings),
        "choices": choice.reasons,
        "seconds": time.monotonic() - start,
    }
    return Result(data, table(data))


def _compare(args: argparse.Namespace, clips: list[Clip], settings: RetimeSettings, cap: float) -> Result:
    """The table of ``--engines``."""
    from retempo.evaluate.engines import compare_engines, list_engines

    size = _read_size(args.cost_size)
    tell = (lambda said: None) if args.quiet or args.json else partial(print, file=sys.stderr, flush=True)
    lines = compare_engines(clips, list_engines(args.engines), settings, cap=cap, size=size, tell=tell)
    data = {"engines": lines, "cost_size": args.cost_size, "folder": args.folder}
    return Result(data, _engine_table(lines, args.cost_size))


def _read_size(text: str) -> tuple[int, int]:
    """``1280x720``.

    Raises:
        UsageError: it is no size, or smaller than networks take.
    """
    width, _, height = text.lower().partition("x")
    if not (width.isdigit() and height.isdigit() and min(int(width), int(height)) >= 64):
        raise UsageError(
            f"--cost-size is {text!r}", "give width x height from 64x64 up, for example 1280x720"
        )
    return int(width), int(height)


def _engine_table(lines: list[dict[str, Any]], size: str) -> Any:
    from rich.console import Group
    from rich.table import Table

    made = Table("engine", title=f"engines; cost at {size}", title_justify="left")
    for heading in ("PSNR dB", "SSIM", "frames", "parameters, M", "TFLOP", "s/frame", "8x : 2x"):
        made.add_column(heading, justify="right")
    for line in lines:
        scored = line["psnr"] is not None
        made.add_row(
            line["name"], f"{line['psnr']:.2f}" if scored else "-", f"{line['ssim']:.4f}" if scored else "-",
            str(line["frames"]), f"{line['parameters'] / 1e6:.2f}", f"{line['teraflops']:.3f}",
            f"{line['seconds']:.2f}", f"{line['eight_to_two']:.2f}",
        )  # fmt: skip
    missing = [line["name"] for line in lines if not line["weights"]]
    said = f"no weights here, so no score: {', '.join(missing)} (retempo weights list)" if missing else ""
    return Group(made, *filter(None, [said]))


def check_flags(args: argparse.Namespace, name: str) -> None:
    """Refuse what cannot be meant.

    Raises:
        UsageError: naming the flag.
    """
    if args.every is not None and args.every < 2:
        raise UsageError(f"--every is {args.every}", "2 drops every second frame; give 2 or more")
    if args.limit is not None and args.limit < 1:
        raise UsageError(f"--limit is {args.limit}", "score one clip or more")
    if args.worst < 1:
        raise UsageError(f"--worst is {args.worst}", "show one frame or more")
    for flag in ("every", "frames"):
        if getattr(args, flag) is not None and name != "sequence":
            raise UsageError(
                f"--{flag} is for footage, and {name} has its own frames",
                "leave it out, or score the files as footage with --layout sequence",
            )


def choose(clips: list[Clip], args: argparse.Namespace) -> list[Clip]:
    """Those of the clips that are wanted.

    Raises:
        InputError: none is.
    """
    wanted = [part.strip() for part in args.clips.split(",") if part.strip()]
    chosen = [clip for clip in clips if not wanted or any(part in clip.name for part in wanted)]
    if not chosen:
        raise InputError(f"no clip is called anything like {args.clips}", f"there is {clips[0].name}")
    return chosen[: args.limit]


def notes(clips: list[dict[str, Any]], why: str, name: str, args: argparse.Namespace) -> list[str]:
    """Why figures are missing, a line each."""
    said = [why] if why else []
    for factor in (4, 8):
        if any(clip[f"flicker_{factor}x"] is not None for clip in clips):
            continue
        if name != "sequence":
            said.append(f"flicker {factor}x: {name} asks for no frames at that pace")
        elif args.flicker:
            said.append(f"flicker {factor}x needs clips of {factor + 1} frames or more")
    return said


def table(data: dict[str, Any]) -> Any:
    """The figures for people: the worst clips where there are many, and the mean."""
    from rich.console import Group
    from rich.table import Table

    rows = sorted(data["clips"], key=lambda row: row["psnr"])[:ROWS]
    shown = [row for row in data["clips"] if row in rows] if len(rows) == len(data["clips"]) else rows
    title = f"{data['layout']}: {data['protocol']}"
    made = Table("clip", title=title, title_justify="left")
    made.add_column("frames", justify="right")
    for _, heading, _ in COLUMNS:
        made.add_column(heading, justify="right")
    for row in shown:
        made.add_row(row["name"], str(row["frames"]), *cells(row))
    made.add_section()
    made.add_row("mean", str(data["mean"]["frames"]), *cells(data["mean"]))
    lines = list(data["notes"])
    if len(shown) < len(data["clips"]):
        lines.insert(
            0,
            f"the {len(shown)} worst of {len(data['clips'])} clips; the mean is over all (--json lists them)",
        )
    if data["sheet"]:
        lines.append(f"worst frames: {data['sheet']}")
    return Group(made, *lines)


def cells(row: dict[str, Any]) -> list[str]:
    """One line's figures; - where there is none."""
    return ["-" if row[key] is None else f"{row[key]:.{digits}f}" for key, _, digits in COLUMNS]
