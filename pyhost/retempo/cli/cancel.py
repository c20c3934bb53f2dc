"""How is a farm's job stopped? ``retempo cancel DIR``: its tasks end, finished frames stay."""

from __future__ import annotations

import argparse
from pathlib import Path

from retempo.cli.result import Result

HELP = "stop a farm's job; finished frames stay"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of this command."""
    parser.add_argument("job", help="folder given to submit as --job-dir")


def run(args: argparse.Namespace) -> Result:
    """Tell the scheduler to stop; twice is harmless."""
    from retempo.cli.submit import require_packages

    require_packages()
    from retempo.farm.backends import find_backend, load_handle
    from retempo.farm.job import load_job

    folder = Path(args.job).expanduser().absolute()
    job = load_job(folder)
    folder = folder.parent if folder.is_file() else folder
    handle = load_handle(folder, job.backend)
    backend = find_backend(job.backend)
    if handle is not None:
        backend.cancel(job, folder, handle)
    view = None if handle is None else backend.poll(job, folder, handle)
    told = view.state if view and view.state else (view.told if view else "it was never handed out")
    return Result(
        {"job": job.name, "backend": job.backend, "state": view and view.state}, f"{job.name}: {told}"
    )
