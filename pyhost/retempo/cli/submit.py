"""How does a shot get to a farm? ``retempo submit IN -o OUT --backend NAME --job-dir DIR``; then ``retempo status``."""

from __future__ import annotations

import argparse
import sys
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retempo.cli.result import Result
from retempo.errors import OutputError, UsageError
from retempo.farm.backends import find_backend, list_backends
from retempo.render.flags import add_setting_arguments, settings_from

if TYPE_CHECKING:
    from retempo.farm.job import Job
    from retempo.farm.submission import Submission

HELP = "retime a sequence or a movie on a render farm, in chunks"

PACKAGES = ("pydantic", "yaml", "openjd")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of this command: those of ``retime``, the job's, and the backends' own."""
    parser.add_argument(
        "source", nargs="?", help="as `retempo retime` takes it; left out to go on with --job-dir"
    )
    parser.add_argument("-o", "--output", help="as `retempo retime` takes it; a movie is made by one task")
    parser.add_argument("--frames", help="source frames to use, e.g. 1001-1050; default: all there are")
    job = parser.add_argument_group("job")
    job.add_argument("--job-dir", required=True, metavar="DIR", help="folder that the job is written to")
    job.add_argument("--backend", choices=list_backends(), default="local", help=_tell_backends())
    job.add_argument(
        "--chunk",
        type=int,
        default=0,
        metavar="FRAMES",
        help="frames a task makes at most, in whole gaps between source frames (default: 1/32 of the job, 8 to 100)",
    )
    job.add_argument("--name", default="", help="of the job (default: the output's)")
    job.add_argument(
        "--cores", type=int, default=0, help="processors of a task (default: 1; local: all are shared)"
    )
    job.add_argument(
        "--memory-per-task",
        default="",
        metavar="SIZE",
        help="what a task needs, e.g. 4G (default: an estimate from the size of a frame)",
    )
    job.add_argument(
        "--gpu",
        type=int,
        metavar="N",
        help="graphics cards of a task (default: 1 with --device cuda, else 0)",
    )
    job.add_argument(
        "--retries", type=int, default=2, help="how often a failed task is tried again (default: 2)"
    )
    job.add_argument(
        "--resume",
        action="store_true",
        help="keep results that are done; without IN and -o: go on with the job in --job-dir, as it was submitted",
    )
    job.add_argument(
        "--overwrite",
        action="store_true",
        help="results that exist may be replaced; those of the same settings and files are kept",
    )
    job.add_argument(
        "--review",
        action="store_true",
        help="when all is made, a page to judge it by in DIR/report/review; searches all motion again, on one machine",
    )
    job.add_argument("--wait", action="store_true", help="follow the job until it is over")
    job.add_argument("--dry-run", action="store_true", help="print the chunks; write nothing")
    for name in list_backends():
        add_setting_arguments(parser, table=find_backend(name).options)
    add_setting_arguments(parser)


def run(args: argparse.Namespace) -> Result:
    """Plan, write the job's folder, hand it out.

    Raises:
        UsageError: a package or a flag is missing.
        OutputError: there is a job in the folder already.
    """
    require_packages()
    from retempo.farm.backends import save_handle

    folder = Path(args.job_dir).expanduser().absolute()
    if args.source is None or args.output is None:
        job = continued(args, folder)
        reasons: tuple[str, ...] = ()
    else:
        made = submission(args, folder)
        if args.dry_run:
            return Result(made.job.model_dump(mode="json"), chunk_table(made))
        if made.warning and not args.json:
            print(f"retempo submit: warning: {made.warning}", file=sys.stderr)
        write(made, folder, args.overwrite)
        job, reasons = made.job, made.reasons
    handle = find_backend(job.backend).submit(job, folder)
    save_handle(folder, job.backend, handle)
    if args.wait:
        from retempo.cli.status import follow

        return follow(job, folder, as_json=args.json)
    data = {
        "job": str(folder),
        "name": job.name,
        "backend": job.backend,
        "chunks": len(job.chunks),
        "handle": handle,
    }
    told = f"{folder}: {len(job.numbers)} frames in {count_of(job)}, {told_of(job)}"
    return Result(data | {"choices": list(reasons)}, "\n".join([told, *reasons]))


def submission(args: argparse.Namespace, folder: Path) -> Submission:
    """The job that the flags ask for, checked, not written."""
    from retempo import _native
    from retempo.farm.submission import Order, prepare_job
    from retempo.render.settings import parse_memory

    if args.resume and args.overwrite:
        raise UsageError("--resume keeps what is done, --overwrite replaces it", "give one of them")
    for flag, value, least in (
        ("--cores", args.cores, 0),
        ("--gpu", args.gpu or 0, 0),
        ("--retries", args.retries, 0),
    ):
        if value < least:
            raise UsageError(f"{flag} is {value}", f"give a number from {least} up")
    if (folder / "job.json").exists() and not args.overwrite and not args.dry_run:
        raise OutputError(
            f"{folder} holds a job already",
            f"go on with it: retempo submit --job-dir {folder} --resume; or choose another --job-dir",
        )
    backend = find_backend(args.backend)
    options = settings_from(vars(args), backend.options)
    order = Order(
        source=args.source,
        output=args.output,
        frames=args.frames,
        folder=folder,
        name=args.name,
        chunk=args.chunk,
        cores=args.cores,
        memory=parse_memory(args.memory_per_task) or 0,
        gpus=int(getattr(args, "device", "") == "cuda") if args.gpu is None else args.gpu,
        retries=args.retries,
        backend=args.backend,
        options={one.name: getattr(options, one.name) for one in fields(backend.options)},
        overwrite=args.overwrite,
        resume=args.resume,
        review=args.review,
    )
    made = prepare_job(order, vars(args), str(_native.build_info()["version"]))
    backend.check(made.job)
    return made


def write(made: Submission, folder: Path, overwrite: bool) -> None:
    """Write the job's folder; refuses to take it from a job that runs."""
    from retempo.farm.bundle import write_bundle
    from retempo.farm.job import load_job
    from retempo.farm.state import ask

    if overwrite and (folder / "job.json").exists():
        view = ask(load_job(folder), folder)
        if view is not None and view.state in ("waiting", "running"):
            raise OutputError(f"the job in {folder} is running", f"stop it first: retempo cancel {folder}")
    made.write_companions(folder)
    write_bundle(made.job, folder)


def continued(args: argparse.Namespace, folder: Path) -> Job:
    """The job of a folder, to be handed out again.

    Raises:
        UsageError: IN or -o is missing, and --resume too.
    """
    from retempo.farm.job import load_job

    if args.source is not None or args.output is not None or not args.resume:
        raise UsageError(
            "submit needs IN and -o OUT", "or go on with a job: retempo submit --job-dir DIR --resume"
        )
    job = load_job(folder)
    find_backend(job.backend).check(job)
    return job


def require_packages() -> None:
    """See that the farm's packages are here.

    Raises:
        UsageError: naming the first that is not.
    """
    from importlib.util import find_spec

    missing = next((name for name in PACKAGES if find_spec(name) is None), None)
    if missing:
        raise UsageError(
            f"{missing} is not installed, which farm jobs need", "run pip install 'retempo[farm]'"
        )


def count_of(job: Job) -> str:
    """Its chunks, for people."""
    if job.is_movie:
        return "one file, which one task makes"
    return f"{len(job.chunks)} chunks" if len(job.chunks) > 1 else "one chunk"


def told_of(job: Job) -> str:
    """Where the job went, for people."""
    if job.backend == "export":
        return "written for a scheduler to take; see template.yaml"
    return f"handed to {job.backend}; `retempo status` shows how far it is"


def chunk_table(made: Submission) -> Any:
    """The chunks as a table that ``rich`` prints."""
    from rich.console import Group
    from rich.table import Table

    job = made.job
    table = Table("chunk", "outputs", "frames", title=f"{job.name}: {made.shot.wanted.plan.description}")
    for index, outputs in enumerate(job.chunks):
        table.add_row(str(index), outputs, str(len(job.chunk(index))))
    told = ["a movie is one file, so it is made by one task"] if job.is_movie else []
    return Group(table, *told, *made.reasons)


def _tell_backends() -> str:
    return "; ".join(f"{name}: {find_backend(name).title}" for name in list_backends()) + " (default: local)"
