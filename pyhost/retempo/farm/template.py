"""How does Open Job Description say what a job is? Template 2023-09, with the extension TASK_CHUNKING.

A scheduler cuts CHUNK[INT] ranges into chunks of one size and knows nothing of gaps, so uneven chunks cannot be
written down. They need not be: a task makes the gaps whose *first* output is in its range (``--part``), the same
whatever chunks a scheduler forms, and it parts no gap. Paths are PATH parameters, for schedulers that map them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from retempo.errors import UsageError
from retempo.farm.command import PROGRAM, report_command, task_command
from retempo.farm.job import Job
from retempo.io.pattern import format_range
from retempo.render.declaring import WORDS
from retempo.render.settings import RetimeSettings

FRAMES, REPORT = "Frames", "Report"
"""Names of the steps."""
FRAME = "Frame"
"""Name of the task parameter."""
_NOTICE = 60
"""Seconds that a task gets to finish what it writes."""
_PART = f"{{{{Task.Param.{FRAME}}}}}"


def make_template(job: Job, folder: Path) -> dict[str, Any]:
    """The job as plain data for YAML or JSON.

    Args:
        job: complete. folder: where ``job.json`` is, an absolute path.

    Raises:
        UsageError: a path or setting holds ``{{``, which begins an expression in a template.
    """
    known = {value: name for name, value in list_parameters(job, folder).items() if name != "Retempo"}
    command = [_refer(one, known) for one in task_command(job, _PART)]
    report = [_refer(one, known) for one in report_command(folder)]
    frames: dict[str, Any] = {
        "name": FRAMES,
        "description": f"Each task makes at most about {job.gap} frames.",
    }
    if not job.is_movie:
        frames["parameterSpace"] = {
            "taskParameterDefinitions": [
                {
                    "name": FRAME,
                    "type": "CHUNK[INT]",
                    "range": span(job.numbers),
                    "chunks": {"defaultTaskCount": job.gap, "rangeConstraint": "CONTIGUOUS"},
                }
            ]
        }
    frames |= {"hostRequirements": _host(job.needs.cores, job.needs.memory, job.needs.gpus)}
    frames |= {"script": _script(command)}
    checked = {
        "name": REPORT,
        "description": "Looks at every frame, and writes the report.",
        "dependencies": [{"dependsOn": FRAMES}],
        "hostRequirements": _host(1, 0, 0),
        "script": _script(report),
    }
    template: dict[str, Any] = {
        "specificationVersion": "jobtemplate-2023-09",
        "extensions": ["TASK_CHUNKING"],
        "name": job.name,
        "description": f"retempo {job.program}: {job.source} -> {job.output}, frames {job.outputs}"[:2048],
        "parameterDefinitions": _define(job, folder),
    }
    if job.environment:
        variables = {"name": "Retempo", "variables": dict(job.environment)}
        template["jobEnvironments"] = [variables]
    return template | {"steps": [frames, checked]}


def list_parameters(job: Job, folder: Path) -> dict[str, str]:
    """Job parameters and their values: the program, and every path by itself."""
    paths = {"Source": job.source, "Output": job.output, "JobFolder": str(folder)}
    for one in fields(RetimeSettings):
        value = job.settings.get(one.name, "")
        if one.metadata["path"] and value and value not in WORDS and "://" not in value:
            paths[one.name.title().replace("_", "")] = value
    return {"Retempo": PROGRAM, **paths}


def span(numbers: Sequence[int]) -> str:
    """A range that OpenJD reads and that covers these numbers; all between them where they have a step."""
    text = format_range(numbers)
    return f"{numbers[0]}-{numbers[-1]}" if "x" in text else text


def _define(job: Job, folder: Path) -> list[dict[str, Any]]:
    defined: list[dict[str, Any]] = [
        {
            "name": "Retempo",
            "type": "STRING",
            "default": PROGRAM,
            "description": "The program on the machines that run tasks: a name or a path.",
        }
    ]
    for name in list_parameters(job, folder):
        if name != "Retempo":
            kind = "DIRECTORY" if name == "JobFolder" else "FILE"
            defined.append({"name": name, "type": "PATH", "objectType": kind, "dataFlow": "NONE"})
    return defined


def _refer(text: str, known: dict[str, str]) -> str:
    if text == PROGRAM:
        return "{{Param.Retempo}}"
    if text in known:
        return f"{{{{Param.{known[text]}}}}}"
    if "{{" in text and text != _PART:
        raise UsageError(
            f"{text!r} holds '{{{{', which begins an expression in a job template", "rename the file"
        )
    return text


def _script(command: Sequence[str]) -> dict[str, Any]:
    cancelation = {"mode": "NOTIFY_THEN_TERMINATE", "notifyPeriodInSeconds": _NOTICE}
    run = {"command": command[0], "args": list(command[1:]), "cancelation": cancelation}
    return {"actions": {"onRun": run}}


def _host(cores: int, memory: int, gpus: int) -> dict[str, Any]:
    amounts = [{"name": "amount.worker.vcpu", "min": cores}]
    amounts += [{"name": "amount.worker.memory", "min": -(-memory // (1 << 20))}] if memory else []
    amounts += [{"name": "amount.worker.gpu", "min": gpus}] if gpus else []
    return {"amounts": amounts, "attributes": [{"name": "attr.worker.os.family", "anyOf": ["linux"]}]}
