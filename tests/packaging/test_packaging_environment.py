"""Does the set-up script do what is needed, once, and say what is missing?"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

REPO = Path(__file__).resolve().parents[2]


@pytest.fixture
def environment() -> ModuleType:
    """packaging/environment.py as a module."""
    spec = importlib.util.spec_from_file_location("environment", REPO / "packaging" / "environment.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_stamp_follows_contents(environment: ModuleType, tmp_path: Path) -> None:
    place = environment.Environment(tmp_path)
    assert not place.done("native", "a")
    place.mark("native", "a")
    assert place.done("native", "a")
    assert not place.done("native", "b")


def test_digest_sees_contents_and_not_time_stamps(
    environment: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    source = tmp_path / "kernel.cpp"
    source.write_text("int a;")
    before = environment.digest(source)
    source.touch()
    assert environment.digest(source) == before
    source.write_text("int b;")
    assert environment.digest(source) != before


def test_without_a_compiler_it_says_what_to_install(
    environment: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyvenv.cfg").write_text("version = 3.11.0\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(environment.SetupFailed, match="apt install g"):
        environment.Environment(tmp_path).build(environment.project())


def test_without_any_way_to_make_an_environment_it_says_so(
    environment: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "works", lambda *command: False)
    with pytest.raises(environment.SetupFailed, match="python3-venv"):
        environment.Environment(tmp_path / "new").create()


def test_only_one_set_up_at_a_time(environment: ModuleType, tmp_path: Path) -> None:
    code = f"""
import sys; sys.path.insert(0, {str(REPO / "packaging")!r})
from pathlib import Path
from environment import only_one
with only_one(Path({str(tmp_path / "lock")!r})):
    print("in", flush=True)
"""
    with environment.only_one(tmp_path / "lock"):
        other = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        assert other.stdout
        assert "waiting" in other.stdout.readline()
    rest, _ = other.communicate(timeout=30)
    assert rest.strip() == "in"


def test_ci_runs_the_readme_test_command() -> None:
    assert "make test" in (REPO / ".ci" / "run").read_text(encoding="utf-8")
    assert "make test" in (REPO / "README.md").read_text(encoding="utf-8")
