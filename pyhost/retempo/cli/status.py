"""How far is a farm's job? ``retempo status DIR``: by its output files, and what its scheduler says."""

from __future__ import annotations

import argparse
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retempo.cli.result import Result
from retempo.errors import InterruptedByUser, JobError

if TYPE_CHECKING:
    from retempo.farm.job import Job
    from retempo.farm.standing import Known
    from retempo.farm.state import JobView

HELP = "tell how far a farm's job is"

EVERY = 1.0
"""Seconds between two looks while a job is followed, at least;"""
SHARE = 20
"""and at least so many times what a look takes: whoever watches a long job takes no processor from it."""
_SHOWN = 12


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of this command."""
    parser.add_argument("job", help="folder given to submit as --job-dir")
    parser.add_argument("--watch", action="store_true", help="follow it until it is over")
    parser.add_argument(
        "--verify",
        action="store_true",
        help="read all of every frame that seems done; what has changed since is removed, so that it is made again",
    )
    parser.add_argument(
        "--report", action="store_true", help="write DIR/report: every frame, and pictures of some"
    )


def run(args: argparse.Namespace) -> Result:
    """Look, and tell; exit code 10 where frames lack and nobody makes them."""
    from retempo.cli.submit import require_packages

    require_packages()
    from retempo.farm.job import load_job
    from retempo.farm.report import write_report
    from retempo.farm.standing import look, verify
    from retempo.farm.state import JobView, ask

    folder = Path(args.job).expanduser().absolute()
    job = load_job(folder)
    folder = folder.parent if folder.is_file() else folder
    if args.watch:
        return follow(job, folder, as_json=args.json)
    standing, broken = verify(job) if args.verify else (look(job), {})
    seen = JobView(job, standing, ask(job, folder))
    result = tell(
        seen, {"removed": {str(number): reason for number, reason in broken.items()}} if args.verify else {}
    )
    if args.report:
        write_report(job, folder, standing, broken)
        result.exit_code = 0 if standing.is_complete else JobError.exit_code  # the step after all tasks
    return result


def tell(seen: JobView, further: dict[str, Any] | None = None) -> Result:
    """A job's state for people and programs."""
    facts = seen.as_dict() | (further or {})
    over = seen.is_over and not seen.standing.is_complete
    return Result(facts, picture(facts), JobError.exit_code if over else 0)


def picture(facts: dict[str, Any]) -> Any:
    """The facts of a job as something that ``rich`` prints: a line, and the chunks that are not simply done."""
    from rich.console import Group
    from rich.table import Table

    parts = [f"{facts['job']}: {facts['state']}, {facts['done']} of {facts['frames']} frames done"]
    parts += [f"{facts['frames_per_second']} frames/s"] if facts["frames_per_second"] else []
    parts += [f"until about {facts['expected_end']}"] if facts["expected_end"] else []
    lines = [", ".join(parts)]
    lines += [f"missing: {facts['missing']}"] if facts["missing"] else []
    lines += [f"broken or made otherwise: {facts['otherwise']}"] if facts["otherwise"] else []
    lines += [f"removed {number}: {reason}" for number, reason in facts.get("removed", {}).items()]
    lines += [facts["told"]] if facts["told"] else []
    worth = [one for one in facts["chunks"] if one["state"] not in ("done", "waiting")]
    table = Table("chunk", "outputs", "done", "state", "starts", "last lines")
    for one in worth[:_SHOWN]:
        cells = (one["chunk"], one["outputs"], one["done"], one["state"], one["attempts"], one["told"])
        table.add_row(*map(str, cells))
    return Group(*lines, *([table] if worth else []))


def follow(job: Job, folder: Path, *, as_json: bool) -> Result:
    """Watch a job until it is over, with a bar on a terminal."""
    from retempo.cli.retime import open_progress
    from retempo.farm.shot import list_frames
    from retempo.farm.standing import sort
    from retempo.farm.state import JobView, ask

    target, steps = list_frames(job)
    known: Known = {}
    with open_progress(as_json) as progress, suppress(KeyboardInterrupt):
        while True:
            began = time.monotonic()
            view = ask(job, folder)  # before the files: what is over now has left them behind
            seen = JobView(job, sort(target, steps, known), view)
            if progress is not None:
                progress(len(seen.standing.done), seen.standing.total, seen.state)
            if seen.is_over:
                return tell(seen)
            time.sleep(max(EVERY, SHARE * (time.monotonic() - began)))
    told = f"{job.name}: not followed any more; the job goes on, retempo cancel {folder} stops it"
    return Result({"job": job.name, "followed": False}, told, InterruptedByUser.exit_code)
