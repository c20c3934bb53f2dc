"""Do all parsers survive the committed inputs and a short walk from them, and would a bad parser be noticed?"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
import target as targets

RUN = Path(__file__).with_name("run.py")
ATHERIS = importlib.util.find_spec("atheris") is not None
NEEDS = {
    "timelines": "opentimelineio", "tensorflow_tables": "torch", "torchscript_archives": "torch",
    "safetensors_headers": "safetensors", "codec_container": "torch", "farm_jobs": "pydantic",
}  # fmt: skip


def fuzz(name: str | Path, work: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(RUN), str(name), "--work", str(work), *flags]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


@pytest.mark.parametrize("name", targets.names())
def test_target(name: str, tmp_path: Path) -> None:
    """The corpus, what once was a finding, and some dozens of inputs beyond; the corpus alone without atheris."""
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    done = fuzz(name, tmp_path, *(["--runs", "60"] if ATHERIS else ["--plain"]))
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "no findings" in done.stdout


def test_all_committed_inputs_go_through_without_atheris(tmp_path: Path) -> None:
    done = fuzz("numbers", tmp_path, "--plain")
    assert done.returncode == 0 and done.stdout.count("corpus/") == len(
        list((targets.CORPUS / "numbers").iterdir())
    )


@pytest.mark.parametrize("name", targets.names())
def test_corpus_is_what_the_seeds_are(name: str) -> None:
    folder = targets.CORPUS / name
    assert folder.is_dir() and any(folder.iterdir()), "run tests/fuzz/make_corpus.py"
    assert sum(path.stat().st_size for path in folder.iterdir()) < 20_000


BAD = {
    "raises": "raise KeyError('a bug')",
    "hangs": "[None for _ in iter(int, 1)]",
    "takes": "bytearray(2 << 30)",
    "hides": """
        try:
            bytearray(2 << 30)
        except MemoryError as error:
            raise InputError('damaged') from error""",
}
"""An exception that is none of ours, no end, memory without measure, and that behind an error of ours."""
TARGET = """
from retempo.errors import InputError
WORDS = (b"!",)
def parse(data):
    if b"!" in data:
        {}
def seeds():
    return {{}}
"""
PLAIN = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import run, target
target.SECONDS = 1
target.Target.inputs = lambda self: {"input": Path(sys.argv[3])}
sys.exit(run.try_all(target.load_target(sys.argv[2])))
"""


@pytest.fixture
def bad(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The file of a target whose parser goes wrong where there is an exclamation mark."""
    path = tmp_path / "targets" / "bad.py"
    path.parent.mkdir()
    path.write_text(TARGET.format(BAD[request.param]))
    return path


@pytest.mark.parametrize("bad", BAD, indirect=True)
def test_a_bad_parser_is_noticed_in_a_committed_input(bad: Path, tmp_path: Path) -> None:
    given = tmp_path / "input"
    command = [sys.executable, "-c", PLAIN, str(RUN.parent), str(bad), str(given)]
    for text, wanted in ((b"?", True), (b"!", False)):
        given.write_bytes(text)
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        assert (done.returncode == 0) is wanted, done.stderr


@pytest.mark.skipif(not ATHERIS, reason="atheris is not installed")
@pytest.mark.parametrize("bad", ["raises", "takes", "hides"], indirect=True)
def test_a_bad_parser_is_found_by_chance(bad: Path, tmp_path: Path) -> None:
    done = fuzz(bad, tmp_path, "--runs", "4000")
    assert done.returncode == 1 and "findings in:" in done.stdout, done.stdout + done.stderr
    assert any(one.name.startswith(("crash-", "oom-")) for one in (tmp_path / "bad").iterdir())
