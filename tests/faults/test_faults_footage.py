"""What if footage comes late, is changed or taken away while it is used, or the folder of results goes?"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from doors import DOORS, assert_same_result
from runs import Results, begin

from plates import LINEAR, Program, names
from retempo.errors import OutputError
from retempo.io.reader import read_frame
from retempo.io.target import open_target

FAST = ("--flow", "dis:fast", "--quiet")


@pytest.fixture
def shot(footage: Path, tmp_path: Path) -> Path:
    """A copy of the footage, to be harmed."""
    shutil.copytree(footage, tmp_path / "in")
    return tmp_path / "in"


def wait_for(true: Callable[[], object], program: subprocess.Popen[str]) -> None:
    """Until something holds, or the program has ended."""
    until = time.monotonic() + 60
    while not true() and program.poll() is None:
        assert time.monotonic() < until
        time.sleep(0.002)


@pytest.fixture
def stopped(shim: Path, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """``stopped(operation, path, words)``: a run that has stopped at its first such operation there; see ``go_on``."""
    running: list[subprocess.Popen[str]] = []

    def start(operation: str, folder: Path, words: list[str]) -> subprocess.Popen[str]:
        log = tmp_path / "log"
        running.append(
            begin(
                words, LD_PRELOAD=str(shim), RETEMPO_FAULT_FOLDER=str(folder), RETEMPO_FAULT_LOG=str(log),
                RETEMPO_FAULT=f"{operation}:1:stop",
            )
        )  # fmt: skip
        state = Path(f"/proc/{running[-1].pid}/stat")
        wait_for(lambda: state.read_text().rpartition(")")[2].split()[0] == "T", running[-1])
        assert running[-1].poll() is None, running[-1].communicate()
        return running[-1]

    yield start
    for one in running:
        one.kill()
        one.communicate()


def threads(pid: int) -> set[str]:
    """Names of the threads of a process."""
    return {(one / "comm").read_text().strip() for one in Path(f"/proc/{pid}/task").iterdir()}


def go_on(program: subprocess.Popen[str]) -> tuple[int, str]:
    program.send_signal(signal.SIGCONT)
    said = program.communicate(timeout=60)[1]
    return program.returncode, said


def words(shot: Path, out: Path, *flags: str) -> list[str]:
    return [*DOORS["exr"].command(shot, out), *flags]


def test_source_that_is_replaced_while_it_is_used(
    shot: Path, tmp_path: Path, stopped: Callable[..., subprocess.Popen[str]], retempo: Program
) -> None:
    """Pixels of the new file under the stamp of the old: it is said, and --resume makes what shows it."""
    out = tmp_path / "out"
    program = stopped("open", shot / "plate.0003.exr", words(shot, out))
    shutil.copy(shot / "plate.0001.exr", shot / "new.exr")
    os.replace(shot / "new.exr", shot / "plate.0003.exr")
    code, said = go_on(program)
    assert code == 3 and "plate.0003.exr was replaced" in said and "--resume" in said, said
    report = retempo.done(*words(shot, out, "--resume"))
    assert report["written"], "frames of the earlier file stayed"
    retempo.done(*words(shot, tmp_path / "right"))
    for name in names(tmp_path / "right"):
        assert_same_result(out / name, tmp_path / "right" / name)


def test_source_that_disappears_while_it_is_used(
    shot: Path, results: Callable[[str], Results], stopped: Callable[..., subprocess.Popen[str]]
) -> None:
    here = results("exr")
    program = stopped("open", shot / "plate.0003.exr", words(shot, here.folder))
    (shot / "plate.0003.exr").rename(shot / "away")
    code, said = go_on(program)
    assert code == 3 and "plate.0003.exr does not exist" in said, said
    here.check_unfinished()
    here.go_on()


def test_folder_of_results_that_is_removed(
    shot: Path, results: Callable[[str], Results], stopped: Callable[..., subprocess.Popen[str]]
) -> None:
    """Frames that were there are lost: the run must not end as if they were not."""
    here = results("exr")
    program = stopped("rename", here.folder, words(shot, here.folder))
    shutil.rmtree(here.folder)
    code, said = go_on(program)
    assert code == 4 and str(here.folder) in said and ("removed" in said or "still there" in said), said
    assert not here.folder.exists()
    here.go_on()


def test_folder_is_not_made_again_for_the_rest(footage: Path, tmp_path: Path) -> None:
    """Between two frames, too: a folder with the second half of a shot looks like one with all of it."""
    frame = read_frame(footage / "plate.0001.exr")
    target = open_target(tmp_path / "out" / "o.####.exr")
    target.write(1, frame)
    shutil.rmtree(tmp_path / "out")
    with pytest.raises(OutputError, match="removed while"):
        target.write(2, frame)
    assert not (tmp_path / "out").exists()


def test_two_runs_into_one_folder(results: Callable[[str], Results], shot: Path) -> None:
    """With --resume both are done, whoever makes which frame; nothing of either is taken for left-overs."""
    here = results("exr")
    both = [begin(here.door.command(here.footage, here.folder, "--resume")) for _ in range(2)]
    ends = [(one.communicate(timeout=60)[1], one.returncode) for one in both]
    assert [code for _, code in ends] == [0, 0], ends
    here.check_unfinished()
    here.go_on()


def test_second_run_without_resume_is_refused(results: Callable[[str], Results]) -> None:
    """Or both of them: each finds frames of the other. None is replaced."""
    here = results("exr")
    both = [begin(here.door.command(here.footage, here.folder)) for _ in range(2)]
    ends = [(one.communicate(timeout=60)[1], one.returncode) for one in both]
    assert {code for _, code in ends} <= {0, 4}
    for said, code in ends:
        assert code == 0 or "exists" in said, said
    here.check_unfinished()
    here.go_on()


# ------------------------------------------------------------------------------------------------------ late frames


def late(shot: Path, out: Path, seconds: str) -> list[str]:
    return words(shot, out, "--frames", "1-3", "--wait-for-frames", seconds)


def test_frame_that_is_missing_is_an_error(shot: Path, tmp_path: Path, retempo: Program) -> None:
    (shot / "plate.0002.exr").unlink()
    outcome = retempo(*words(shot, tmp_path / "out", "--frames", "1-3"))
    assert outcome.code == 3 and "plate.0002.exr" in outcome.err and "--on-missing" in outcome.err


def test_frames_are_waited_for(results: Callable[[str], Results], shot: Path) -> None:
    """One comes late, and is written slowly, in place, as some renderers do; half of it is not taken for a frame."""
    here = results("exr")
    data = (shot / "plate.0002.exr").read_bytes()
    (shot / "plate.0002.exr").unlink()
    (shot / "plate.0003.exr").rename(shot / "later")
    program = begin(late(shot, here.folder, "30"))

    def render() -> None:
        time.sleep(1)
        with (shot / "plate.0002.exr").open("wb") as stream:
            for at in range(0, len(data), len(data) // 4 + 1):
                stream.write(data[at : at + len(data) // 4 + 1])
                stream.flush()
                time.sleep(0.4)
        (shot / "later").rename(shot / "plate.0003.exr")

    renderer = threading.Thread(target=render)
    renderer.start()
    said = program.communicate(timeout=60)[1]
    renderer.join()
    assert program.returncode == 0, said
    here.check_unfinished()
    assert names(here.folder) == names(here.expected)


@pytest.mark.parametrize(
    ("left", "what"), [(None, "does not exist"), (400, "0002.exr has not come within 1 s")]
)
def test_waiting_ends(shot: Path, tmp_path: Path, retempo: Program, left: int | None, what: str) -> None:
    path = shot / "plate.0002.exr"
    data = path.read_bytes()
    path.unlink()
    if left is not None:
        path.write_bytes(data[:left])
    outcome = retempo(*late(shot, tmp_path / "out", "1"))
    assert outcome.code == 3 and what in outcome.err and "wait longer" in outcome.err, outcome.err
    assert names(tmp_path / "out") == []


def test_waiting_for_what(shot: Path, tmp_path: Path, retempo: Program) -> None:
    outcome = retempo(*words(shot, tmp_path / "out", "--wait-for-frames", "5"))
    assert outcome.code == 2 and "--frames" in outcome.err
    outcome = retempo(*late(shot, tmp_path / "out", "-1"))
    assert outcome.code == 2


def test_waiting_can_be_interrupted(shot: Path, tmp_path: Path) -> None:
    (shot / "plate.0002.exr").unlink()
    program = begin(late(shot, tmp_path / "out", "600"))
    wait_for(lambda: len(threads(program.pid)) or True, program)
    time.sleep(3)
    program.send_signal(signal.SIGINT)
    said = program.communicate(timeout=30)[1]
    assert program.returncode == 130 and "interrupted" in said, said


@pytest.mark.parametrize("when", [1, 4102444800])
def test_times_of_change_in_the_past_and_the_future(
    shot: Path, tmp_path: Path, retempo: Program, when: int
) -> None:
    """Files of a machine whose clock is wrong are like others: only that a time is another one counts."""
    retempo.done(*words(shot, tmp_path / "out"))
    for name in names(tmp_path / "out"):
        os.utime(tmp_path / "out" / name, (when, when))
    assert retempo.done(*words(shot, tmp_path / "out", "--resume"))["written"] == []
    for name in names(shot):
        os.utime(shot / name, (when, when))
    assert len(retempo.done(*words(shot, tmp_path / "out", "--resume"))["written"]) == len(
        names(tmp_path / "out")
    )
    assert retempo.done(*words(shot, tmp_path / "out", "--resume"))["written"] == []


def test_pipe_that_never_delivers(shot: Path, tmp_path: Path, retempo: Program) -> None:
    """A named pipe is no frame; nobody waits for its writer."""
    (shot / "plate.0002.exr").unlink()
    os.mkfifo(shot / "plate.0002.exr")
    outcome = retempo(*words(shot, tmp_path / "out"))
    assert outcome.code == 3 and "plate.0002.exr" in outcome.err
    os.mkfifo(shot / "one.exr")
    outcome = retempo(
        "inbetween", shot / "one.exr", shot / "plate.0001.exr", "-o", tmp_path / "b.exr", *LINEAR
    )
    assert outcome.code == 3 and "one.exr" in outcome.err
