"""What if a real disk is full, a file may grow no more, a folder belongs to another, or memory runs out?"""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from control_group import ControlGroup
from doors import DOORS, assert_same_result
from runs import ROUNDS, Results, assert_in_words, environment

from plates import LINEAR, Program, names

NOBODY = 65534
STILL = ("exr", "movie", "vectors", "plate")


def limited(words: list[str], prepare: Callable[[], None] | None = None, *before: str) -> tuple[int, str]:
    """``retempo`` under a limit: exit code and what it said."""
    done = subprocess.run(
        [*before, sys.executable, "-m", "retempo", *words],
        capture_output=True, text=True, preexec_fn=prepare, env=environment(), check=False, timeout=120,
    )  # fmt: skip
    return done.returncode, done.stderr


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 96 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=96k", "none", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize("door", ["exr", "movie", "vectors"])
def test_real_disk_that_is_full(
    footage: Path, small_disk: Path, undisturbed: Callable[..., object], retempo: Program, door: str
) -> None:
    """The disk takes some frames; then the program says that it is full, and goes on when there is room."""
    expected = undisturbed(door).folder  # type: ignore[attr-defined]
    needed = sum(path.stat().st_size for path in expected.iterdir())
    (small_disk / "ballast").write_bytes(bytes(max(0, (96 << 10) - needed * 2 // 3)))
    code, said = limited(DOORS[door].command(footage, small_disk))
    assert code == 4 and "disk is full" in said and str(small_disk) in said, said
    left = [name for name in names(small_disk) if name != "ballast"]
    assert not [name for name in left if name.startswith(".")], left
    for name in left:
        assert_same_result(small_disk / name, expected / name)
    subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
    assert retempo(*DOORS[door].command(footage, small_disk, DOORS[door].again)).code == 0
    for name in names(expected):
        assert_same_result(small_disk / name, expected / name)


@pytest.mark.parametrize("door", ["exr", "png", "movie", "plate"])
def test_file_that_may_grow_no_more(results: Callable[[str], Results], door: str) -> None:
    """RLIMIT_FSIZE: a write that is cut short, for every user."""
    here = results(door)
    smallest = min(path.stat().st_size for path in here.expected.iterdir())

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (smallest * 2 // 3, smallest * 2 // 3))

    code, said = limited(here.door.command(here.footage, here.folder), limit)
    assert code == 4, said
    assert_in_words(said, naming={"out": here.folder})
    here.check_unfinished()
    assert names(here.folder) == []
    here.go_on()


@pytest.fixture
def other_user(tmp_path_factory: pytest.TempPathFactory, footage: Path) -> Iterator[tuple[Path, list[str]]]:
    """A folder with footage that everybody may read, and the words that make a command another user's."""
    if os.getuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("only root can become another user")
    probe = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    if subprocess.run(
        [*probe, sys.executable, "-c", "import retempo"], env=environment(), check=False
    ).returncode:
        pytest.skip("another user cannot run this Python")
    folder = Path("/tmp") / f"retempo-faults-{os.getpid()}"
    shutil.copytree(footage, folder / "in")
    subprocess.run(["chmod", "-R", "a+rX", str(folder)], check=True)
    yield folder, probe
    shutil.rmtree(folder)


@pytest.mark.parametrize("door", STILL)
def test_folder_of_another_user(other_user: tuple[Path, list[str]], door: str) -> None:
    """Found out before any work is done."""
    folder, words = other_user
    out = folder / "out"
    out.mkdir(mode=0o755)
    code, said = limited(DOORS[door].command(folder / "in", out), None, *words)
    assert code == 4 and f"folder {out} is not writable" in said, said
    assert names(out) == []


def test_frame_of_another_user(other_user: tuple[Path, list[str]]) -> None:
    folder, words = other_user
    out = folder / "out"
    out.mkdir()
    os.chown(out, NOBODY, NOBODY)
    (folder / "in" / "plate.0002.exr").chmod(0o600)
    code, said = limited(DOORS["exr"].command(folder / "in", out), None, *words)
    assert code == 3 and "plate.0002.exr cannot be read: Permission denied; change its permissions" in said, (
        said
    )
    assert not [name for name in names(out) if name.startswith(".")]


def test_read_only_disk(footage: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "ro,size=1m", "none", str(out)]
    mounted = subprocess.run(words, capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip(f"nothing can be mounted here: {mounted.stderr.decode().strip()}")
    try:
        code, said = limited(DOORS["exr"].command(footage, out))
        assert code == 4 and f"folder {out} is not writable" in said, said
    finally:
        subprocess.run(["umount", "-l", str(out)], check=True)


# ----------------------------------------------------------------------------------------------------------- memory


@pytest.mark.parametrize("room", [120] if ROUNDS == 1 else range(20, 320, 20))
def test_memory_that_runs_out(tmp_path: Path, footage: Path, retempo: Program, room: int) -> None:
    """``ulimit -v``, so many MiB above what the program takes at rest: it says so, and goes on with more.

    Libraries that end the process when a thread of theirs gets no memory are the exception: their abort is what is
    seen. Even then nothing partial is under a final name, and the next run makes the rest.
    """
    assert retempo("sample", tmp_path / "in", "--frames", "1-2", "--size", "640x360").code == 0
    rest = address_space(
        [sys.executable, "-c", "import cv2, OpenImageIO, PyOpenColorIO, av, retempo._native"]
    )
    words = ["retime", str(tmp_path / "in" / "plate.####.exr"), "-o", str(tmp_path / "out" / "o.####.exr")]
    words += ["--speed", "1/3", "--flow", "dis:fast", "--quiet", *LINEAR]

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (rest + (room << 20), rest + (room << 20)))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    code, said = limited(words, limit)
    assert code in (0, 3, 4, 7, -signal.SIGABRT), (code, said)
    if code == 7:
        assert "not enough memory" in said and "--memory" in said
        assert_in_words(said)
    assert retempo(*words, "--resume").code == 0
    assert len(names(tmp_path / "out")) == 4 and not any(
        name.startswith(".") for name in names(tmp_path / "out")
    )


def test_the_kernel_ends_it_for_want_of_memory(
    tmp_path: Path, retempo: Program, small_memory: ControlGroup
) -> None:
    """As on a farm's machine, where others took what there was: only hidden files are left, and the rest is made."""
    assert retempo("sample", tmp_path / "in", "--frames", "1-3", "--size", "1280x720").code == 0
    out, expected = tmp_path / "out", tmp_path / "expected"
    words = [
        "retime",
        str(tmp_path / "in" / "plate.####.exr"),
        "--speed",
        "1/2",
        "--flow",
        "dis:fast",
        "--quiet",
    ]
    words += LINEAR
    assert retempo(*words, "-o", expected / "o.####.exr").code == 0
    done = small_memory.run(
        [sys.executable, "-m", "retempo", *words, "-o", str(out / "o.####.exr")], **environment()
    )
    assert small_memory.killed() and done.returncode == -signal.SIGKILL
    for name in names(out):
        if not name.startswith("."):
            assert_same_result(out / name, expected / name)
    assert retempo(*words, "-o", out / "o.####.exr", "--resume").code == 0
    assert names(out) == names(expected)
    for name in names(out):
        assert_same_result(out / name, expected / name)


def address_space(words: list[str]) -> int:
    """Bytes of addresses that a program takes when it has begun."""
    words[-1] += (
        "\nprint(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmPeak')))"
    )
    done = subprocess.run(words, capture_output=True, text=True, env=environment(), check=True)
    return int(done.stdout) << 10
