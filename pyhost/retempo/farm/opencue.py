"""How does OpenCue say what a job is? The XML that PyOutline serializes an outline to, which cuebot takes as it is.

Two layers: ``frames``, made in chunks (cuebot puts a chunk's ends in place of #FRAME_START# and #FRAME_END#), and
``report``, which waits for it. Hand it in with ``opencue.api.launchSpecAndWait``. Elements and their order are those of
OpenCue's cjsl-1.15.dtd; show and shot are the studio's to say: $SHOW and $SHOT at submission, or else a guess.
"""

from __future__ import annotations

import getpass
import os
import re
import shlex
from pathlib import Path
from xml.etree import ElementTree

from retempo.farm.command import PROGRAM, report_command, task_command
from retempo.farm.job import Job
from retempo.farm.template import span

SPEC = "1.15"
_PART = "#FRAME_START#-#FRAME_END#"


def make_outline(job: Job, folder: Path, program: str = PROGRAM) -> str:
    """The job as XML.

    Args:
        job: complete. folder: where ``job.json`` is. program: name or path of Retempo on the farm.
    """
    user = _name(getpass.getuser())
    shot = _name(os.environ.get("SHOT") or job.name)
    spec = ElementTree.Element("spec")
    for name, text in (("show", _name(os.environ.get("SHOW") or "testing")), ("shot", shot), ("user", user)):
        _add(spec, name, text)
    _add(spec, "uid", str(os.getuid()))
    made = ElementTree.SubElement(spec, "job", {"name": _name(job.name)})
    _add(made, "paused", "False")
    _add(made, "maxretries", str(job.retries))
    _add(made, "autoeat", "False")
    env = ElementTree.SubElement(made, "env")
    for name, text in job.environment.items():
        ElementTree.SubElement(env, "key", {"name": name}).text = text
    layers = ElementTree.SubElement(made, "layers")
    numbers = "1" if job.is_movie else span(job.numbers)
    chunk = 1 if job.is_movie else job.gap
    command = _spell(task_command(job, _PART, program))
    _add_layer(layers, job, "frames", "Render", command, numbers, chunk, job.needs.cores)
    _add_layer(layers, job, "report", "Post", _spell(report_command(folder, program)), "1", 1, 1)
    depends = ElementTree.SubElement(spec, "depends")
    depend = ElementTree.SubElement(depends, "depend", {"type": "LAYER_ON_LAYER", "anyframe": "False"})
    for name, text in (
        ("depjob", job.name),
        ("deplayer", "report"),
        ("onjob", job.name),
        ("onlayer", "frames"),
    ):
        _add(depend, name, _name(text))
    ElementTree.indent(spec)
    doctype = f'<!DOCTYPE spec PUBLIC "SPI Cue  Specification Language" "http://localhost:8080/spcue/dtd/cjsl-{SPEC}.dtd">'
    return f'<?xml version="1.0"?>\n{doctype}\n{ElementTree.tostring(spec, encoding="unicode")}\n'


def _add_layer(
    layers: ElementTree.Element,
    job: Job,
    name: str,
    kind: str,
    command: str,
    numbers: str,
    chunk: int,
    cores: int,
) -> None:
    layer = ElementTree.SubElement(layers, "layer", {"name": name, "type": kind})
    _add(layer, "cmd", command)
    _add(layer, "range", numbers)
    _add(layer, "chunk", str(chunk))
    _add(layer, "cores", f"{cores:.1f}")
    _add(layer, "threadable", str(cores > 1))
    _add(layer, "memory", f"{max(256, -(-job.needs.memory // (1 << 20)))}m")
    if name == "frames" and job.needs.gpus:
        _add(layer, "gpus", str(job.needs.gpus))
        _add(layer, "gpu_memory", "1g")
    _add(ElementTree.SubElement(layer, "services"), "service", "default")


def _spell(command: list[str]) -> str:
    """A command for a shell, in which cuebot still finds its tokens."""
    return " ".join(one if one == _PART else shlex.quote(one) for one in command)


def _add(parent: ElementTree.Element, name: str, text: str) -> None:
    ElementTree.SubElement(parent, name).text = text


def _name(text: str) -> str:
    """Letters, digits and underscores, as OpenCue's names are."""
    return re.sub(r"\W+", "_", text)
