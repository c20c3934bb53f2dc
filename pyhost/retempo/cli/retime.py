"""How does a person retime a shot? ``retempo retime IN -o OUT``: slow motion, ramps, rate conversion, reverse."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retempo.cli.footage import add_frames_arguments, open_footage
from retempo.cli.result import Result
from retempo.errors import UsageError
from retempo.render.flags import add_setting_arguments
from retempo.render.quality import Choice, choose_settings

if TYPE_CHECKING:
    from retempo.io.source import Source
    from retempo.render.overlay import Overlay
    from retempo.render.settings import RetimeSettings
    from retempo.render.timing import Schedule
    from retempo.retime.plan import Plan

HELP = "retime an image sequence or a movie"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of this command; all but the first few come from the settings."""
    parser.add_argument("source", help="sequence (shot.####.exr, shot.%%04d.exr, shot.$F4.exr) or movie")
    parser.add_argument("-o", "--output", required=True, help="pattern of the result, or a movie")
    add_frames_arguments(parser)
    add_run_arguments(parser)
    parser.add_argument(
        "--part",
        metavar="RANGE",
        help="a farm's task: of all outputs those gaps between two source frames whose first output is in this range, "
        "so that no two tasks look at the same gap",
    )
    parser.add_argument(
        "--part-gap",
        type=int,
        default=0,
        metavar="FRAMES",
        help="with --part: a gap of more outputs than this is parted itself, the same in every task (0: never)",
    )
    add_setting_arguments(parser)


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of how to run, shared by the commands that render."""
    parser.add_argument(
        "--dry-run", action="store_true", help="print which source frames make each output frame"
    )
    parser.add_argument(
        "--resume", action="store_true", help="make only what is missing, broken or made otherwise"
    )
    add_verify_argument(parser)
    parser.add_argument("--overwrite", action="store_true", help="replace results that exist")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    parser.add_argument(
        "--progress",
        choices=("bar", "openjd", "off"),
        default="bar",
        help="a bar on a terminal, lines that OpenJD's schedulers read, or nothing (default: bar)",
    )
    parser.add_argument(
        "--review", metavar="FOLDER", help="also a page to judge the result by; see `retempo review`"
    )


def add_verify_argument(parser: argparse.ArgumentParser) -> None:
    """The flag ``--verify``."""
    parser.add_argument(
        "--verify", action="store_true",
        help="with --resume: also make again what has changed since it was written, by any byte; reads all results",
    )  # fmt: skip


def run(args: argparse.Namespace) -> Result:
    """Plan, then render; see ``retempo.render.shot``."""
    return render(args, choose_settings(vars(args)), open_footage(args))


def render(args: argparse.Namespace, choice: Choice, source: Source) -> Result:
    """Retime ``source`` as the settings say into ``args.output``."""
    from retempo.cli.review import begin_review, review_facts, tell_review
    from retempo.io.pattern import parse_range
    from retempo.render.foresight import foresee_halvings, foresee_matched
    from retempo.render.job import colour_warning, open_renderer, render_job
    from retempo.render.review import make_review
    from retempo.render.survey import survey
    from retempo.render.timing import schedule
    from retempo.retime.cadence import name_runs, tell_cadence

    found = survey(choice.settings, source, open_renderer)
    settings = found.settings
    outputs = parse_range(settings.output_range) if settings.output_range else None
    wanted = schedule(settings, source.frames, source.fps, outputs, lambda number: name_of(source, number))
    if getattr(args, "part", None):
        wanted = take_part(wanted, args.part, args.part_gap)
    if args.dry_run:
        facts: dict[str, Any] = {"plan": wanted.plan.to_json(), "settings": settings.as_dict()}
        facts |= {"choices": choice.reasons}
        facts |= overlay_facts(settings, found.overlay)
        halvings = foresee_halvings(wanted, settings)
        facts |= {"halvings": halvings} if halvings else {}
        reasons = [*choice.reasons, *halvings]
        if settings.normalise_exposure != "off":
            matched = foresee_matched(source, wanted, open_renderer(settings, source))
            facts["exposure_matched"] = matched
            reasons += (
                [f"flow sees source frames {name_runs(matched)} at another exposure"] if matched else []
            )
        return Result(facts, plan_table(wanted.plan, reasons))
    page = begin_review(args, wanted)
    renderer = open_renderer(settings, source, args.output, found.overlay)
    warnings = [one for one in (colour_warning(settings, source, renderer.color),) if one]
    if not args.json:
        for one in warnings:
            print(f"retempo {args.command}: warning: {one}", file=sys.stderr)
    with open_progress(args.quiet or args.json, args.progress) as progress:
        report = render_job(
            source,
            args.output,
            wanted,
            renderer,
            overwrite=args.overwrite,
            resume=args.resume,
            verify=args.verify,
            progress=progress,
        )
        if page is not None:
            shown = make_review(
                source, args.output, wanted, renderer, page,
                overwrite=args.overwrite or args.resume, made=report,
                progress=progress if args.progress == "bar" else None,
            )  # fmt: skip
    data: dict[str, Any] = {"output": args.output, "plan": wanted.plan.description, **report.as_dict()}
    data |= {"warnings": warnings, "choices": choice.reasons, **overlay_facts(settings, found.overlay)}
    data["dropped"] = sorted(wanted.plan.cadence.dropped)
    told = [summary(report.as_dict(), args.output), tell_cadence(wanted.plan.cadence)]
    if page is not None:
        data["review"] = review_facts(shown, page)
        told.append(tell_review(shown, page))
    return Result(data, "\n".join(filter(None, told)))


def take_part(wanted: Schedule, part: str, limit: int) -> Schedule:
    """A task's part of a schedule; a range may be spelled as OpenJD does (``1-9:2``).

    Raises:
        UsageError: not a range, or a negative limit.
    """
    from retempo.io.pattern import parse_range

    if limit < 0:
        raise UsageError(f"--part-gap is {limit}", "give how many outputs, or 0")
    numbers = frozenset(parse_range(part.replace(":", "x")))
    return wanted.take(numbers, limit or len(wanted.plan.entries) or 1)


def name_of(source: Source, number: int) -> str:
    """What to call a frame that is wanted and not among the source's."""
    path = Path(source.path(number))
    return (
        f"{path.name} (left out by --frames)" if number not in source.frames and path.exists() else path.name
    )


def overlay_facts(settings: RetimeSettings, overlay: Overlay | None) -> dict[str, Any]:
    """What --overlay auto found; empty where it did not look."""
    if settings.overlay != "auto":
        return {}
    return {
        "overlay": None if overlay is None else {"share": round(overlay.share, 5), "box": list(overlay.box)}
    }


def summary(report: dict[str, Any], output: str) -> str:
    """One line for people."""
    from retempo.retime.cadence import name_runs

    parts = [f"{len(report['written'])} frames written"]
    if report["skipped"]:
        parts.append(f"{len(report['skipped'])} found done")
    if report["copied"]:
        parts.append(f"{len(report['copied'])} of them source frames, untouched")
    if report["repaired"]:
        parts.append(f"NaN or infinite colour replaced in {repairs(report['repaired'])}")
    if report["exposure_matched"]:
        parts.append(f"flow saw source frames {name_runs(report['exposure_matched'])} at another exposure")
    times = ", ".join(f"{stage} {seconds:.1f} s" for stage, seconds in report["seconds"].items())
    return f"{output}: {', '.join(parts)} ({times})"


def repairs(counts: dict[int, int]) -> str:
    """Source frames and how many of their pixels were replaced, the first few of them."""
    listed = [
        f"source frame {number} ({count} pixel{'s' if count > 1 else ''})"
        for number, count in sorted(counts.items())
    ]
    return ", ".join(listed[:4]) + (f" and {len(listed) - 4} more" if len(listed) > 4 else "")


def plan_table(plan: Plan, reasons: Sequence[str] = ()) -> Any:
    """The plan as a table that ``rich`` prints, and below it what was chosen and why."""
    from rich.console import Group
    from rich.table import Table

    from retempo.retime.cadence import tell_cadence
    from retempo.retime.cuts import tell_dissolves

    header, *rows = plan.table()
    told = filter(None, (tell_cadence(plan.cadence), tell_dissolves(plan.cuts)))
    table = Table(*header, title=plan.description, caption="\n".join(told) or None)
    for row in rows:
        table.add_row(*row)
    return Group(table, *reasons)


class open_progress:
    """A progress bar on standard error for the length of a ``with``; gives the callback that moves it, or None.

    Args:
        quiet: show nothing.
        kind: ``bar`` (on a terminal), ``off``, or ``openjd``: lines on standard output.
    """

    def __init__(self, quiet: bool, kind: str = "bar") -> None:
        self._quiet = quiet or kind == "off"
        self._kind = kind
        self._bar: Any = None

    def __enter__(self) -> Any:
        if self._quiet:
            return None
        if self._kind == "openjd":
            return tell_openjd
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        console = Console(stderr=True)
        if not console.is_terminal:
            return None
        self._bar = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
            console=console, transient=True,
        )  # fmt: skip
        self._bar.start()
        task = self._bar.add_task("reading", total=None)
        return lambda done, total, what: self._bar.update(task, completed=done, total=total, description=what)

    def __exit__(self, *exc: object) -> None:
        if self._bar is not None:
            self._bar.stop()


def tell_openjd(done: int, total: int, what: str) -> None:
    """Progress as Open Job Description's schedulers read it from a task's output."""
    print(f"openjd_progress: {100 * done / max(1, total):.1f}", flush=True)
    print(f"openjd_status: {what}, {done} of {total}", flush=True)
