"""What does a Dask scheduler get, and how is it asked later? Command lines, and functions of the standard library.

A future is ``subprocess.call`` of a task's command: a worker that dies loses what it was at, and no more, and need
not have Retempo in the Python that it runs in. Futures are published under the job's name, so that they go on when
this client has left.
"""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retempo.errors import JobError
from retempo.farm.attempt import Records, path_of_sources, program_of
from retempo.farm.command import report_command, task_command

if TYPE_CHECKING:
    from distributed import Client

    from retempo.farm.backends.dask import DaskOptions
    from retempo.farm.job import Job

FOLDER = "dask"
CONNECT_SECONDS = 10
PAUSE_SECONDS = 5
"""Before a task that failed is tried again, where it is."""
REPORT = -1


@contextmanager
def connected(address: str, tls: bool) -> Iterator[Client]:
    """A client of the scheduler at an address, for a while.

    Args:
        tls: refuse to talk in the clear; certificates come from distributed's own configuration.

    Raises:
        JobError: nobody answers there, or not as it has to be.
    """
    from distributed import Client
    from distributed.security import Security

    try:
        security = Security(require_encryption=True) if tls else None
        client = Client(address, timeout=CONNECT_SECONDS, security=security, set_as_default=False)
    except (OSError, ValueError, TypeError, RuntimeError) as error:
        raise JobError(
            f"no Dask scheduler answers at {address}: {str(error) or type(error).__name__}",
            "look whether it runs, and whether --dask-address is the one that it prints",
        ) from error
    with client:
        yield client


def name_tasks(job: Job, folder: Path, number: int, chunks: Sequence[int]) -> dict[int, str]:
    """Keys of the futures of a submission, the report's too: the same for the same job, folder and number."""
    digest = hashlib.sha256(f"{folder}\0{job.created}".encode()).hexdigest()[:12]
    names = {chunk: str(chunk) for chunk in chunks} | {REPORT: "report"}
    return {chunk: f"retempo-{job.name}-{digest}-{number}-{name}" for chunk, name in names.items()}


def hand_out(client: Client, job: Job, folder: Path, keys: Mapping[int, str], options: DaskOptions) -> None:
    """Submit a future for each chunk and one for the report that follows them, and publish them.

    Args:
        keys: from ``name_tasks``.
    """
    needs = {"resources": {"GPU": job.needs.gpus}} if job.needs.gpus else {}
    chunks = [chunk for chunk in keys if chunk != REPORT]
    futures = [
        client.submit(
            subprocess.call,
            list_arguments(job, folder, chunk, keys[chunk], options),
            key=keys[chunk],
            pure=False,
            retries=job.retries,
            **needs,
        )
        for chunk in chunks
    ]
    codes = client.submit(str, futures, key=keys[REPORT] + "-codes", pure=False)  # "[0, 0, 3]"
    arguments: list[Any] = list_arguments(job, folder, REPORT, keys[REPORT], options)
    arguments.insert(arguments.index("--"), codes)
    report = client.submit(subprocess.call, arguments, key=keys[REPORT], pure=False)
    client.publish_dataset([*futures, codes, report], name=keys[REPORT], override=True)


def list_arguments(job: Job, folder: Path, chunk: int, owner: str, options: DaskOptions) -> list[str]:
    """The command line of a task (or of the report) on any machine that sees the job's folder."""
    records = Records(folder / FOLDER)
    run = program_of(options.dask_python)
    variables = [f"{name}={text}" for name, text in job.environment.items()]
    if not options.dask_python and path_of_sources():
        variables.append(f"PYTHONPATH={path_of_sources()}")
    attempt = [str(records.folder), str(chunk), owner, "--log", str(records.log(chunk))]
    if chunk == REPORT:
        attempt += ["--after", "--", *run, *report_command(folder)]
    else:
        attempt += ["--retries", str(job.retries), "--here", str(PAUSE_SECONDS), "--"]
        attempt += [*run, *task_command(job, job.part(chunk))]
    return ["env", *variables, *run, "retempo.farm.attempt", *attempt]


def ask_states(client: Client, keys: Mapping[int, str]) -> dict[int, str | None]:
    """What the scheduler says of each future: ``waiting``, ``processing``, ``memory``, ``erred``, ...; or None."""
    told = client.sync(client.scheduler.get_task_status, keys=list(keys.values()))
    return {chunk: told.get(key) for chunk, key in keys.items()}


def withdraw(client: Client, keys: Mapping[int, str]) -> None:
    """Have the scheduler forget the futures; what runs of them is not stopped by that."""
    if keys[REPORT] in client.list_datasets():
        client.unpublish_dataset(keys[REPORT])
