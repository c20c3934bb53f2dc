"""How does a clip become a clean plate? ``retempo plate CLIP -o PLATE.exr``: what stands still, by the median."""

from __future__ import annotations

import argparse
from typing import Any

from retempo.cli.footage import add_frames_arguments, open_footage
from retempo.cli.result import Result
from retempo.cli.retime import add_verify_argument
from retempo.render.flags import add_setting_arguments
from retempo.render.fuse_settings import FuseSettings

HELP = "make a clean plate: the median of every pixel of a clip over time"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of this command."""
    parser.add_argument("source", help="sequence or movie of a camera that does not move")
    parser.add_argument("-o", "--output", required=True, help="the picture to write, e.g. plate.exr")
    add_frames_arguments(parser)
    parser.add_argument(
        "--memory",
        default="1G",
        help="budget for what is held of the frames (default: 1G); smaller: more passes",
    )
    parser.add_argument("--resume", action="store_true", help="leave a whole plate of the same frames alone")
    add_verify_argument(parser)
    parser.add_argument("--overwrite", action="store_true", help="replace the plate, if it exists")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    left_out = ("codec", "bit_depth", "crf", "fps")
    add_setting_arguments(parser, groups=("output",), leave_out=left_out, table=FuseSettings)


def run(args: argparse.Namespace) -> Result:
    """Read, take medians, write; see ``retempo.render.plate``."""
    from retempo.cli.retime import open_progress
    from retempo.io.pattern import format_range
    from retempo.render.plate import make_plate

    given = vars(args)
    source = open_footage(args)
    with open_progress(args.quiet or args.json) as progress:
        report = make_plate(
            source,
            args.output,
            memory=args.memory,
            data_type=given.get("data_type", "keep"),
            compression=given.get("compression", "keep"),
            overwrite=args.overwrite,
            resume=args.resume,
            verify=args.verify,
            progress=progress,
        )
    data: dict[str, Any] = {"output": args.output, **report.as_dict()}
    if report.skipped:
        return Result(data, f"{args.output}: found done")
    strips = f", in {report.strips} strips of {report.rows} rows" if report.strips > 1 else ""
    frames = format_range(report.frames)
    return Result(data, f"{args.output}: median of {len(report.frames)} frames ({frames}){strips}")
