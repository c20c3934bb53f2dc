"""How does a supervisor judge a retime? ``retempo review SOURCE RESULT -o FOLDER``: one page to open, without a server.

The retime's own options are given again: they say from which source frames each frame was made, and the stamps in the
result say whether that is so. Of a farm's job its folder says it all: ``retempo review JOB``. ``retempo retime --review
FOLDER`` makes the same page right after rendering.
"""

from __future__ import annotations

import argparse
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retempo.cli.result import Result
from retempo.errors import UsageError
from retempo.render.flags import add_setting_arguments
from retempo.render.quality import choose_settings
from retempo.render.settings import RetimeSettings

if TYPE_CHECKING:
    from retempo.io.source import Source
    from retempo.render.review import ReviewOptions
    from retempo.render.timing import Schedule
    from retempo.report.review import Review

HELP = "make a page to judge a retimed shot by: players, wipe, difference, motion, timing, the worst frames"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of this command."""
    parser.add_argument(
        "source", help="the sequence or movie that was retimed; or the folder of a farm's job"
    )
    parser.add_argument("result", nargs="?", help="what was made of it: a pattern, or a movie")
    parser.add_argument(
        "-o",
        "--output",
        help="folder of the page; open its index.html (of a job by default JOB/report/review)",
    )
    parser.add_argument(
        "--frames", help="source frames that were used, e.g. 1001-1050; default: all there are"
    )
    parser.add_argument(
        "--width", type=int, default=960, help="width of the pictures, at most (default: 960)"
    )
    parser.add_argument(
        "--limit", type=int, default=2000, help="output frames on a page, at most (default: 2000)"
    )
    parser.add_argument(
        "--against", default="", help="frames to compare the result with, of its numbers; default: the source"
    )
    parser.add_argument(
        "--display", default="", help="OCIO display; default: the config's, for encoded pictures none"
    )
    parser.add_argument("--view", default="", help="view of the display; default: its first")
    parser.add_argument("--overwrite", action="store_true", help="replace a review that exists")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    add_setting_arguments(parser)


def run(args: argparse.Namespace) -> Result:
    """Look at source and result, and write the page.

    Raises:
        InputError: a source frame cannot be read, or there is no frame of the result.
        UsageError, OutputError: too many frames; the folder exists and is to stay.
    """
    if args.result is None:
        return review_job(args, Path(args.source).expanduser())
    if args.output is None:
        raise UsageError("review needs -o FOLDER", "name a folder for the page")
    from retempo.io.sequence import open_source

    settings = choose_settings(vars(args)).settings
    return review(args, settings, open_source(args.source, args.frames), args.result, Path(args.output))


def review_job(args: argparse.Namespace, folder: Path) -> Result:
    """The page of a farm's job, whose ``job.json`` knows source, result and settings.

    Raises:
        UsageError: there is no job, or settings of its own are given.
    """
    if not (folder / "job.json").is_file():
        raise UsageError(
            f"review needs SOURCE and RESULT, and {folder} is no job's folder", "name what was made of it"
        )
    from retempo.cli.retime import open_progress
    from retempo.farm.job import load_job
    from retempo.farm.report import REVIEW, write_review

    given = sorted({one.name for one in fields(RetimeSettings)} & set(vars(args)))
    if given or args.frames:
        flag = "--" + (given[0] if given else "frames").replace("_", "-")
        raise UsageError(f"{flag} is the job's own", "leave it out: job.json says it")
    place = (Path(args.output) if args.output else folder / REVIEW).expanduser()
    with open_progress(args.quiet or args.json) as progress:
        made = write_review(
            load_job(folder), place, options_of(args), overwrite=args.overwrite, progress=progress
        )
    return Result(review_facts(made, place), tell_review(made, place))


def review(
    args: argparse.Namespace, settings: RetimeSettings, source: Source, result: str, folder: Path
) -> Result:
    """The page of a retime of ``source`` into ``result``, as the settings say."""
    from retempo.cli.retime import open_progress
    from retempo.render.review import review_shot

    folder = folder.expanduser()
    with open_progress(args.quiet or args.json) as progress:
        made = review_shot(
            settings, source, result, folder, options_of(args), overwrite=args.overwrite, progress=progress
        )
    return Result(review_facts(made, folder), tell_review(made, folder))


def options_of(args: argparse.Namespace) -> ReviewOptions:
    """What the page is to be like."""
    from retempo.render.review import ReviewOptions

    return ReviewOptions(args.width, args.limit, args.display, args.view, args.against)


def begin_review(args: argparse.Namespace, wanted: Schedule) -> Path | None:
    """Where ``--review`` of a command that renders wants its page, checked before any work; None without it."""
    if not args.review:
        return None
    from retempo.render.review import ReviewOptions, check_review

    folder = Path(args.review).expanduser()
    outputs = [entry.output for entry in wanted.plan.entries]
    check_review(folder, outputs, ReviewOptions(), args.overwrite or args.resume)
    return folder


def review_facts(made: Review, folder: Path) -> dict[str, Any]:
    """JSON-ready: where the page is, and what it found."""
    states: dict[str, list[int]] = {}
    for frame in made.frames:
        states.setdefault(frame.state, []).append(frame.output)
    worst = made.as_dict()["worst"]
    return {
        "page": str(folder / "index.html"),
        "frames": len(made.frames),
        "states": states,
        "worst": [{"output": made.frames[one].output, "error": made.frames[one].error} for one in worst],
        "notes": list(made.notes),
        "seconds": {name: round(value, 3) for name, value in made.times["This review"].items()},
    }


def tell_review(made: Review, folder: Path) -> str:
    """Some lines for people."""
    seconds = sum(made.times["This review"].values())
    told = [f"{folder / 'index.html'}: {len(made.frames)} frames ({seconds:.1f} s); open it in any browser"]
    return "\n".join([*told, *made.notes])
