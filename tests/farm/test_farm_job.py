"""Is a job's file whole, exact, and refused where it is not?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from retempo.errors import InputError
from retempo.farm.backends import (
    find_backend,
    list_backends,
    load_handle,
    save_handle,
)
from retempo.farm.job import Job, Needs, load_job, save_job

VALUES: dict[str, Any] = {
    "program": "0.1.0",
    "name": "shot",
    "created": "2026-01-02T03:04:05+00:00",
    "source": "/shots/in.####.exr",
    "output": "/shots/out.####.exr",
    "frames": "1-10",
    "settings": {"speed": "1/4", "object_curve": ['7=[["0","0"],["1","1"]]']},
    "outputs": "1-8,10-14x2",
    "chunks": ("1-4,10", "5-8", "12,14"),
    "gap": 5,
    "needs": Needs(cores=2, memory=1 << 30),
    "backend": "export",
}


def test_a_job_comes_back_as_it_was(tmp_path: Path) -> None:
    job = Job(**VALUES)
    assert load_job(save_job(job, tmp_path).parent) == job == load_job(tmp_path / "job.json")
    assert job.numbers == (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14)
    assert job.chunk(0) == (1, 2, 3, 4, 10)
    assert [job.part(index) for index in range(3)] == ["1-4", "5-11", "12-14"]
    assert job.render_settings.speed == "1/4"
    assert [path.name for path in tmp_path.iterdir()] == ["job.json"], "no temporary file is left"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("source", "in.####.exr", "absolute"),
        ("name", "../x", "name"),
        ("name", "", "name"),
        ("chunks", ("1-4", "5-8"), "every output once"),
        ("chunks", ("1-8", "5-14"), "every output once"),
        ("chunks", (), "chunks"),
        ("chunks", ("5-8", "1-4,10", "12,14"), "order"),
        ("chunks", ("1:4",), "range"),
        ("frames", "one", "range"),
        ("settings", {"sped": "1/4"}, "no setting sped"),
        ("settings", {"sigma": -1.0}, "--sigma"),
        ("settings", {"sigma": "wide"}, "--sigma"),
        ("gap", 0, "gap"),
        ("gap", "5", "gap"),
        ("retries", -1, "retries"),
        ("needs", {"cores": 0}, "cores"),
        ("further", 1, "further"),
        ("version", 2, "version"),
        ("kind", "a render", "kind"),
    ],
)
def test_a_wrong_value_is_refused_by_name(name: str, value: Any, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Job(**{**VALUES, name: value})


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"kind": "retempo job"}', '{"version": 99}', "\x00\x01", '"\\ud800"']
)
def test_a_broken_file_is_no_job(tmp_path: Path, text: str) -> None:
    (tmp_path / "job.json").write_text(text)
    with pytest.raises(InputError, match=r"job\.json is no job of this version") as error:
        load_job(tmp_path)
    assert "submit again" in error.value.hint


def test_a_truncated_file_is_no_job(tmp_path: Path) -> None:
    whole = save_job(Job(**VALUES), tmp_path).read_bytes()
    for length in range(0, len(whole) - 2, 7):
        (tmp_path / "job.json").write_bytes(whole[:length])
        with pytest.raises(InputError):
            load_job(tmp_path)


def test_no_file_is_no_job(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no job") as error:
        load_job(tmp_path)
    assert "--job-dir" in error.value.hint


def test_handles_come_back_and_foreign_ones_are_refused(tmp_path: Path) -> None:
    assert load_handle(tmp_path, "export") is None
    save_handle(tmp_path, "export", {"id": 7})
    assert load_handle(tmp_path, "export") == {"id": 7}
    with pytest.raises(InputError, match="not of the backend local"):
        load_handle(tmp_path, "local")
    (tmp_path / "backend.json").write_text("{")
    with pytest.raises(InputError, match="cannot be read"):
        load_handle(tmp_path, "export")


@pytest.mark.parametrize("name", list_backends())
def test_every_backend_fills_the_protocol(name: str) -> None:
    backend = find_backend(name)
    assert backend.name == name and backend.title
    assert all(one.startswith(f"{name}_") for one in backend.options.__dataclass_fields__)
    assert json.dumps({one: getattr(backend.options(), one) for one in backend.options.__dataclass_fields__})
    for method in ("check", "default_cores", "submit", "poll", "cancel"):
        assert callable(getattr(backend, method))
