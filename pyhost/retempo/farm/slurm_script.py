"""What does Slurm get to run? Two scripts that can be read, changed, and submitted or run by hand."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from retempo.farm.attempt import AGAIN, attempt_command, path_of_sources, program_of
from retempo.farm.command import report_command, task_command
from retempo.farm.job import write_text

if TYPE_CHECKING:
    from retempo.farm.backends.slurm import SlurmOptions
    from retempo.farm.job import Job

TASK = """\
# One task of {job}: makes the output frames of a chunk, or what is missing of them.
# By hand:  SLURM_ARRAY_TASK_ID=0 bash {script}
set -u
{exports}parts=(
{parts}
)
chunk=${{SLURM_ARRAY_TASK_ID:?it is the index of a chunk, 0 to $((${{#parts[@]}} - 1))}}
owner="${{SLURM_JOB_ID:-by-hand}}.${{SLURM_RESTART_COUNT:-0}}"
{attempt} \\
  {command}
code=$?
# {again}: it failed, and may try again; back in the queue, it comes to another node, or to this one somewhat later
if [ $code -eq {again} ] && [ -n "${{SLURM_JOB_ID:-}}" ]; then scontrol requeue "$SLURM_JOB_ID"; fi
exit $code
"""
REPORT = """\
# The end of {job}: looks at every frame and writes the report. Where frames are missing,
# the chunks that another attempt may mend are handed out again, and another report after them.
set -u
{exports}{command} && exit
code=$?
{again} && exit
exit $code
"""


def write_scripts(job: Job, folder: Path, here: Path, options: SlurmOptions) -> tuple[Path, Path]:
    """Write the script of the tasks and that of the report; returns their paths.

    Args:
        folder: of the job. here: that of Slurm in it.

    Raises:
        OutputError: they cannot be written.
    """
    run = program_of(options.slurm_python)
    exports = [f"export {name}={shlex.quote(text)}\n" for name, text in job.environment.items()]
    if not options.slurm_python and path_of_sources():
        exports.append(f"export PYTHONPATH={shlex.quote(path_of_sources())}${{PYTHONPATH:+:$PYTHONPATH}}\n")
    told = {"job": str(folder), "exports": "".join(exports)}
    task, report = here / "task.sh", here / "report.sh"
    attempt = attempt_command(here, "CHUNK", "OWNER", job.retries, run[0])
    text = TASK.format(
        **told,
        script=shlex.quote(str(task)),
        again=AGAIN,
        parts="\n".join(f"  {shlex.quote(job.part(index))}" for index in range(len(job.chunks))),
        attempt=spell(attempt, CHUNK='"$chunk"', OWNER='"$owner"'),
        command=spell([*run, *task_command(job, "PART")], PART='"${parts[chunk]}"'),
    )
    write_text(task, "\n".join(header(job, folder, here, options)) + "\n" + text)
    text = REPORT.format(
        **told,
        command=spell([*run, *report_command(folder)]),
        again=spell([*run, "retempo.farm.backends.slurm", str(folder)]),
    )
    write_text(report, "\n".join(header(job, folder, here, options, "report")) + "\n" + text)
    return task, report


def header(job: Job, folder: Path, here: Path, options: SlurmOptions, part: str = "") -> list[str]:
    """The first lines of a script: what sbatch is to know.

    Args:
        part: ``report``; '' for the tasks.
    """
    logs = quote(str(here / "logs")).replace("%", "%%")
    flags = {
        "job-name": f"{job.name}-{part}" if part else job.name,
        "chdir": quote(str(folder)),
        "output": f'{logs[:-1]}/{part or "%a"}.log"',
        "open-mode": "append",
        "partition": quote(options.slurm_partition) if options.slurm_partition else "",
        "account": quote(options.slurm_account) if options.slurm_account else "",
        "qos": quote(options.slurm_qos) if options.slurm_qos else "",
        "nice": str(options.slurm_nice or ""),
        "ntasks": "1",
        "cpus-per-task": "1" if part else str(job.needs.cores),
    }
    if not part:
        kind = f"{options.slurm_gpu_type}:" if options.slurm_gpu_type else ""
        flags |= {
            "time": quote(options.slurm_time) if options.slurm_time else "",
            "mem": f"{-(-job.needs.memory // 2**20)}M" if job.needs.memory else "",
            "gres": quote(f"gpu:{kind}{job.needs.gpus}") if job.needs.gpus else "",
        }
    lines = ["--requeue", *(f"--{name}={value}" for name, value in flags.items() if value)]
    lines += [quote(one) for one in shlex.split(options.slurm_extra)]
    return ["#!/bin/bash", *(f"#SBATCH {line}" for line in lines)]


def quote(text: str) -> str:
    """A value for a line of #SBATCH, which knows double quotes and backslashes."""
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'


def spell(command: Iterable[str], **variables: str) -> str:
    """A command line for bash; arguments that are one of ``variables`` become what that stands for."""
    return " ".join(variables.get(one) or shlex.quote(one) for one in command)
