"""Are the files of a farm job refused or understood? The first byte: the job, its handle, its state, its report."""

from __future__ import annotations

from target import file_of

from retempo.farm.backends import FILE as HANDLE
from retempo.farm.backends import list_backends, load_handle
from retempo.farm.backends.local import FOLDER, STATE, read_state
from retempo.farm.job import FILE, Job, load_job, save_job
from retempo.farm.report import read_report

WORDS = tuple(
    f'"{name}"'.encode() for name in (*Job.model_fields, "cores", "memory", "handle", "state", "tasks")
)
LONGEST = 4096


def parse(data: bytes) -> None:
    which, text = (data[0] % 4 if data else 0), data[1:]
    folder = file_of(b"", ".none").parent
    inner = folder / FOLDER
    inner.mkdir(exist_ok=True)
    if which == 0:
        (folder / FILE).write_bytes(text)
        job = load_job(folder)
        assert sorted(number for i in range(len(job.chunks)) for number in job.chunk(i)) == list(job.numbers)
        assert job.render_settings.fingerprint()
        save_job(job, folder)
        assert load_job(folder) == job
    elif which == 1:
        (folder / HANDLE).write_bytes(text)
        for name in list_backends():
            load_handle(folder, name)
    elif which == 2:
        (inner / STATE).write_bytes(text)
        read_state(folder)
    else:
        (inner / "report.json").write_bytes(text)
        read_report(folder)


def seeds() -> dict[str, bytes]:
    job = Job(
        program="0.1.0", name="shot", created="2026-01-01T00:00:00+00:00", source="/in/a.####.exr",
        output="/out/b.####.exr", frames="1-10", settings={"speed": "1/2"}, outputs="1-19",
        chunks=("1-10", "11-19"), gap=8, backend="local",
    )  # fmt: skip
    return {
        "job": b"\0" + job.model_dump_json().encode(),
        "handle": b'\1{"backend": "local", "handle": {"pid": 7}}',
        "state": b'\2{"state": "running", "tasks": [{"chunk": 0}]}',
        "report": b'\3{"frames": 19}',
    }
