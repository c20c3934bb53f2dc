"""Which files make up a job's folder, so that a scheduler can take it?

``template.yaml``, ``parameter_values.yaml`` and ``asset_references.yaml`` are a job bundle of AWS Deadline Cloud;
``parameters.json`` holds the same values as `openjd run` reads them; ``opencue.xml`` is an outline for OpenCue.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from retempo.farm.job import Job, save_job, write_text
from retempo.farm.opencue import make_outline
from retempo.farm.template import list_parameters, make_template
from retempo.io.sequence import open_source

TEMPLATE, PARAMETERS = "template.yaml", "parameters.json"


def write_bundle(job: Job, folder: Path) -> None:
    """Write every file of a job's folder, ``job.json`` last: a folder without it is no job.

    Raises:
        OutputError: the folder cannot be written to.
        UsageError: see ``make_template``.
    """
    parameters = list_parameters(job, folder)
    given = [{"name": name, "value": value} for name, value in parameters.items()]
    write_text(folder / TEMPLATE, spell(make_template(job, folder)))
    write_text(folder / "parameter_values.yaml", spell({"parameterValues": given}))
    write_text(folder / "asset_references.yaml", spell({"assetReferences": list_assets(job, folder)}))
    write_text(folder / "opencue.xml", make_outline(job, folder))
    write_text(folder / PARAMETERS, json.dumps(parameters, indent=2) + "\n")
    save_job(job, folder)


def list_assets(job: Job, folder: Path) -> dict[str, Any]:
    """The files that tasks read, and the folders that they write to."""
    source = open_source(job.source, job.frames)
    read = {str(source.path(number)) for number in source.frames}
    for name, value in list_parameters(job, folder).items():
        if name in ("Retempo", "Source", "Output", "JobFolder"):
            continue
        if name in ("Vectors", "Matte", "IndexMap", "Overlay"):
            beside = open_source(value)
            read |= {str(beside.path(number)) for number in beside.frames}
        elif Path(value).is_file():
            read.add(value)
    read.add(str(folder / "job.json"))
    written = sorted({str(Path(job.output).parent), str(folder / "report")})
    return {"inputs": {"filenames": sorted(read), "directories": []}, "outputs": {"directories": written}}


def spell(data: dict[str, Any]) -> str:
    """YAML, in the order given."""
    import yaml

    text: str = yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=110)
    return text
