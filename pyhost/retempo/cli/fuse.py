"""How does a night shot get the context of a day plate? ``retempo fuse NIGHT --background DAY -o OUT``."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from retempo.cli.footage import add_frames_arguments, open_footage
from retempo.cli.result import Result
from retempo.cli.retime import add_run_arguments, repairs
from retempo.render.flags import add_setting_arguments, settings_from
from retempo.render.fuse_settings import FuseSettings

if TYPE_CHECKING:
    from retempo.render.fuse import FuseJob

HELP = "give a poor shot from a fixed camera the context of a good plate of the same view"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of this command; all but the first few come from the settings."""
    parser.add_argument("source", help="sequence, picture or movie: the night, what happens")
    parser.add_argument(
        "--background", required=True, metavar="DAY",
        help="a picture of the same view, or a sequence of the source's frame numbers (see `retempo plate`)",
    )  # fmt: skip
    parser.add_argument(
        "--reference",
        metavar="R",
        help="the source's view at night without what happens: a picture or a sequence",
    )
    parser.add_argument("-o", "--output", required=True, help="pattern of the result, or a movie")
    add_frames_arguments(parser)
    add_run_arguments(parser)
    add_setting_arguments(parser, table=FuseSettings)


def run(args: argparse.Namespace) -> Result:
    """Fuse; see ``retempo.render.fuse``."""
    from retempo.cli.retime import open_progress
    from retempo.io.sequence import open_source
    from retempo.render.fuse import FuseJob, run_fusion
    from retempo.render.job import colour_warning

    settings = settings_from(vars(args), FuseSettings)
    source = open_footage(args)
    job = FuseJob(
        settings,
        source,
        open_source(args.background),
        open_source(args.reference) if args.reference else None,
        open_source(settings.matte) if settings.matte else None,
        args.output,
    )
    if args.dry_run:
        job.check()
        return foresee(job)
    warnings = [one for one in (colour_warning(settings, source, job.color),) if one]
    if not args.json:
        for one in warnings:
            print(f"retempo {args.command}: warning: {one}", file=sys.stderr)
    with open_progress(args.quiet or args.json, args.progress) as progress:
        report = run_fusion(
            job, overwrite=args.overwrite, resume=args.resume, verify=args.verify, progress=progress
        )
    data: dict[str, Any] = {"output": args.output, **report.as_dict(), "warnings": warnings}
    parts = [f"{len(report.written)} frames written ({report.method})"]
    if report.skipped:
        parts.append(f"{len(report.skipped)} found done")
    if report.repaired:
        parts.append(f"NaN or infinite colour replaced in {repairs(report.repaired)}")
    times = ", ".join(f"{stage} {seconds:.1f} s" for stage, seconds in report.seconds.items())
    return Result(data, f"{args.output}: {', '.join(parts)} ({times})")


def foresee(job: FuseJob) -> Result:
    """Which frames are made from which."""
    from rich.table import Table

    from retempo.io.pattern import format_range

    table = Table("output", "source frames", "background", title=job.options.method)
    rows = []
    for number in job.source.frames:
        needed, plate = job.needs(number), job.background.number_for(number)
        rows.append({"output": number, "needs": list(needed), "background": plate})
        table.add_row(str(number), format_range(needed), str(plate))
    return Result({"method": job.options.method, "frames": rows}, table)
