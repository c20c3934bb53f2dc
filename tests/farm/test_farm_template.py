"""Does OpenJD take what we write, and do its tasks make the shot? Does the outline fit OpenCue's grammar?"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml
from test_farm_job import VALUES

from farm_jobs import FAST, assert_same_files, retempo, status
from retempo.cli.main import main
from retempo.errors import UsageError
from retempo.farm.backends.local import write_launcher
from retempo.farm.job import Job, Needs, load_job
from retempo.farm.opencue import make_outline
from retempo.farm.template import list_parameters, make_template, span

OPENJD = (sys.executable, "-c", "import sys; from openjd.cli import main; sys.exit(main())")
LAYER = ["cmd", "range", "chunk", "cores", "threadable", "memory", "gpus", "gpu_memory", "services"]
"""Order of a layer's elements in OpenCue's cjsl-1.15.dtd, of those that we write."""


@pytest.fixture(scope="module")
def exported(plate: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """Folders of a job, of its results to come, and of what a single process makes."""
    root = tmp_path_factory.mktemp("exported")
    source = plate / "plate.####.exr"
    flags = ("--speed", "1/4", *FAST)
    retempo("submit", source, "-o", root / "out" / "o.####.exr", *flags, "--backend", "export", "--chunk", 6,
            "--job-dir", root / "job")  # fmt: skip
    retempo("retime", source, "-o", root / "alone" / "o.####.exr", *flags)
    return root / "job", root / "out", root / "alone"


def openjd(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*OPENJD, *map(str, arguments)], capture_output=True, text=True, timeout=300, check=False
    )


def run_step(folder: Path, step: str, *further: str) -> subprocess.CompletedProcess[str]:
    launcher = folder / "launcher" / "retempo"
    if not launcher.exists():
        write_launcher(launcher.parent)
    return openjd("run", folder / "template.yaml", "--step", step, "-p", f"file://{folder / 'parameters.json'}",
                  "-p", f"Retempo={launcher}", *further)  # fmt: skip


def test_openjd_accepts_the_template(exported: tuple[Path, Path, Path]) -> None:
    checked = openjd("check", exported[0] / "template.yaml")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    summary = openjd(
        "summary", exported[0] / "template.yaml", "-p", f"file://{exported[0] / 'parameters.json'}"
    )
    assert "Frames" in summary.stdout and "Report" in summary.stdout, summary.stdout + summary.stderr


def test_chunks_that_openjd_forms_in_several_processes_make_the_shot(
    exported: tuple[Path, Path, Path],
) -> None:
    """Ranges that part gaps (of four outputs each), at the same time, and a report after them."""
    folder, out, alone = exported
    write_launcher(folder / "launcher")
    ranges = ["1001-1006", "1007-1012", "1013-1017"]
    with ThreadPoolExecutor(3) as pool:
        done = list(
            pool.map(lambda part: run_step(folder, "Frames", "--task-param", f"Frame={part}"), ranges)
        )
    assert [one.returncode for one in done] == [0, 0, 0], done[0].stdout + done[0].stderr
    assert all("openjd_progress: 100.0" in one.stdout for one in done)
    assert_same_files(out, alone)
    reported = run_step(folder, "Report", "--no-run-dependencies")
    assert reported.returncode == 0, reported.stdout
    report = json.loads((folder / "report" / "report.json").read_text())
    assert report["complete"] and report["done"] == "1001-1017" and report["missing"] == ""
    assert (folder / "report" / "sheet.png").is_file()
    assert status(folder, code=0)["state"] == "complete"
    (out / "o.1006.exr").unlink()
    assert run_step(folder, "Report", "--no-run-dependencies").returncode != 0, "a frame lacks"
    assert json.loads((folder / "report" / "report.json").read_text())["missing"] == "1006"
    assert status(folder, code=10)["state"] == "incomplete"


def test_a_bundle_is_what_deadline_cloud_reads(exported: tuple[Path, Path, Path], plate: Path) -> None:
    folder, out, _ = exported
    template = yaml.safe_load((folder / "template.yaml").read_text())
    given = yaml.safe_load((folder / "parameter_values.yaml").read_text())["parameterValues"]
    assert {one["name"] for one in template["parameterDefinitions"]} == {one["name"] for one in given}
    assets = yaml.safe_load((folder / "asset_references.yaml").read_text())["assetReferences"]
    assert {str(path) for path in plate.glob("*.exr")} <= set(assets["inputs"]["filenames"])
    assert str(out) in assets["outputs"]["directories"]


def test_the_template_says_what_a_task_needs(tmp_path: Path) -> None:
    job = Job(**{**VALUES, "needs": Needs(cores=4, memory=(3 << 30) + 1, gpus=1)})
    frames, report = make_template(job, tmp_path)["steps"]
    amounts = {one["name"]: one["min"] for one in frames["hostRequirements"]["amounts"]}
    assert amounts == {"amount.worker.vcpu": 4, "amount.worker.memory": 3073, "amount.worker.gpu": 1}
    assert frames["parameterSpace"]["taskParameterDefinitions"][0]["chunks"] == {
        "defaultTaskCount": 5,
        "rangeConstraint": "CONTIGUOUS",
    }
    run = frames["script"]["actions"]["onRun"]
    assert run["cancelation"]["mode"] == "NOTIFY_THEN_TERMINATE"
    assert {"--resume", "--progress", "--part"} <= set(run["args"])
    assert report["dependencies"] == [{"dependsOn": frames["name"]}]


def test_paths_are_parameters_and_braces_are_refused(tmp_path: Path) -> None:
    settings = {"vectors": "/shots/mv.####.exr", "config": "ocio://default", "overlay": "auto"}
    job = Job(**{**VALUES, "settings": settings})
    assert list_parameters(job, tmp_path)["Vectors"] == "/shots/mv.####.exr"
    template = make_template(job, tmp_path)
    args = template["steps"][0]["script"]["actions"]["onRun"]["args"]
    assert "{{Param.Vectors}}" in args and "ocio://default" in args and "auto" in args
    with pytest.raises(UsageError, match="begins an expression"):
        make_template(Job(**{**VALUES, "settings": {"speed_curve": "/x{{y", "flow_layer": "{{"}}), tmp_path)


@pytest.mark.parametrize(
    ("numbers", "text"),
    [((5,), "5"), ((1, 2, 3), "1-3"), ((-3, -2, 4), "-3--2,4"), ((1, 3, 5, 7), "1-7")],
)
def test_ranges_are_spelled_as_openjd_reads_them(numbers: tuple[int, ...], text: str) -> None:
    from openjd.model import IntRangeExpr

    assert span(numbers) == text
    assert set(numbers) <= set(IntRangeExpr.from_str(text))


def test_a_movie_is_one_task(plate: Path, tmp_path: Path) -> None:
    retempo("submit", plate / "plate.####.exr", "-o", tmp_path / "o.mov", *FAST, "--backend", "export",
            "--chunk", 2, "--job-dir", tmp_path / "job")  # fmt: skip
    job = load_job(tmp_path / "job")
    assert job.is_movie and len(job.chunks) == 1
    template = yaml.safe_load((tmp_path / "job" / "template.yaml").read_text())
    assert "parameterSpace" not in template["steps"][0]
    done = run_step(tmp_path / "job", "Report", "--run-dependencies")
    assert done.returncode == 0, done.stdout
    assert status(tmp_path / "job", code=0)["done"] == 9
    assert (tmp_path / "o.mov").is_file()


def test_the_outline_fits_opencues_grammar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOW", "a show")
    values: dict[str, Any] = {
        "needs": Needs(cores=2, memory=5 << 30, gpus=1),
        "environment": {"OCIO": "/c & d.ocio"},
    }
    spec = ElementTree.fromstring(make_outline(Job(**{**VALUES, **values}), tmp_path))
    assert [one.tag for one in spec] == ["show", "shot", "user", "uid", "job", "depends"]
    assert spec.findtext("show") == "a_show"
    job = spec.find("job")
    assert job is not None and [one.tag for one in job] == [
        "paused",
        "maxretries",
        "autoeat",
        "env",
        "layers",
    ]
    assert job.findtext("env/key") == "/c & d.ocio"
    frames, report = job.findall("layers/layer")
    for layer in (frames, report):
        tags = [one.tag for one in layer]
        assert tags == sorted(tags, key=LAYER.index) and {"cmd", "range", "chunk"} <= set(tags)
    command = shlex.split(frames.findtext("cmd") or "")
    assert command[command.index("--part") + 1] == "#FRAME_START#-#FRAME_END#"
    assert (frames.findtext("range"), frames.findtext("chunk"), frames.findtext("memory")) == (
        "1-14",
        "5",
        "5120m",
    )
    depend = spec.find("depends/depend")
    assert depend is not None and depend.get("type") == "LAYER_ON_LAYER"
    assert [depend.findtext(one) for one in ("deplayer", "onlayer")] == ["report", "frames"]


def test_help_names_every_backend(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["submit", "--help"])
    assert "--local-workers" in capsys.readouterr().out
