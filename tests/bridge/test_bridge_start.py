"""How does the bridge find or start a worker, and what does it say when there is none to be had?"""

from __future__ import annotations

import json
import os
import shlex
import socket
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest


def words(bridge, line: str) -> list[str]:
    done = subprocess.run(
        [bridge.driver, "words", f"line={line}"], capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    "line", ["a b", " a  b ", "'a b' c", 'a "b \\" c" d', "a\\ b", "'' x", "a'b'c", '"\\\\"', ""]
)
def test_commands_are_split_as_in_a_shell(bridge, line: str) -> None:
    assert words(bridge, line) == shlex.split(line)


def test_worker_is_started_once_and_used_again(bridge) -> None:
    bridge.use_fake()
    first, second = bridge.render(repeat=2)
    assert first["ok"] and second["ok"] and first["worker"] == second["worker"]
    assert (first["frames_sent"], second["frames_sent"]) == (2, 0)
    (third,) = bridge.render()  # another process: the same worker
    assert third["worker"] == first["worker"] and third["frames_sent"] == 2
    assert len(bridge.pids()) == 1


def test_worker_sees_nothing_of_the_host(bridge) -> None:
    bridge.use_fake()
    bridge.environment |= {
        "PYTHONHOME": "/nowhere", "PYTHONPATH": "/nowhere", "LD_LIBRARY_PATH": "/nowhere", "OCIO": "/a/config.ocio",
        "VIRTUAL_ENV": "/nowhere", "RETEMPO_KEPT": "yes",
    }  # fmt: skip
    with open(os.devnull) as extra:  # a descriptor that a host forgot to close on exec
        os.set_inheritable(extra.fileno(), True)
        running = subprocess.Popen(
            [bridge.driver, "render", "frames=0"],
            stdout=subprocess.PIPE,
            text=True,
            close_fds=False,
            env=bridge.environment,
        )
        out, _ = running.communicate(timeout=60)
    assert json.loads(out.splitlines()[0])["ok"]
    seen = dict(
        line.split("=", 1) for line in (bridge.folder / "environment").read_text().splitlines() if "=" in line
    )
    assert seen["OCIO"] == "/a/config.ocio" and seen["RETEMPO_KEPT"] == "yes"
    assert seen["RETEMPO_RUNTIME_DIR"] == str(bridge.folder)
    assert not [name for name in seen if name.startswith(("PYTHON", "LD_", "DYLD_", "VIRTUAL_ENV"))]
    *standard, count, session = (bridge.folder / "descriptors").read_text().splitlines()
    assert sorted(standard) == ["/dev/null", "/dev/null", str(bridge.folder / "start.log")]
    assert int(count) == 5  # those three, the worker's lock, and the listing itself
    assert int(session) not in (os.getsid(0), running.pid)


def test_many_hosts_start_one_worker(bridge) -> None:
    bridge.use_fake("late")
    with ThreadPoolExecutor(6) as pool:
        lines = list(pool.map(lambda _: bridge.render(threads=2), range(6)))
    results = [line for process in lines for line in process]
    assert len(results) == 12 and all(line["ok"] for line in results), results
    assert len({line["worker"] for line in results}) == 1
    assert len(bridge.pids()) == 1


def test_socket_left_by_a_dead_worker_is_no_obstacle(bridge) -> None:
    bridge.use_fake()
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(bridge.folder / "bridge-v2.sock"))
    (line,) = bridge.render()
    assert line["ok"]


@pytest.mark.parametrize(
    "command", ["/nowhere/python -m retempo serve", "no-such-program-at-all", "/etc/hostname"]
)
def test_missing_program_is_named(bridge, command: str) -> None:
    bridge.environment["RETEMPO_WORKER_COMMAND"] = command
    (line,) = bridge.render()
    assert line["problem"] == "cannot start" and command.split()[0] in line["message"]
    assert "RETEMPO_PYTHON" in line["hint"] and line["elapsed_ms"] < 2000


def test_program_that_cannot_run_is_named(bridge) -> None:
    program = bridge.folder / "program"
    program.write_bytes(b"\0\0\0 not a program")
    program.chmod(0o700)
    bridge.environment["RETEMPO_WORKER_COMMAND"] = str(program)
    (line,) = bridge.render()
    assert line["problem"] == "cannot start" and "format" in line["message"].lower()


def test_worker_that_ends_at_once_is_quoted(bridge) -> None:
    bridge.use_fake("no-start")
    lines = bridge.render(threads=8)
    assert len(lines) == 8
    for line in lines:
        assert line["problem"] == "cannot start" and "No module named 'retempo'" in line["message"]
        assert "doctor" in line["hint"]
    assert len(bridge.pids()) == 1  # seven took the first one's word for it


def test_failed_start_is_tried_again_after_a_while(bridge) -> None:
    bridge.use_fake("once:no-start")
    lines = bridge.render(repeat=3, pause_ms=150, retry_ms=200)
    assert [line["ok"] for line in lines] == [False, False, True]


def test_worker_that_never_listens_is_given_up(bridge) -> None:
    bridge.use_fake("never-listen")
    (line,) = bridge.render(start_ms=500)
    assert line["problem"] == "cannot start" and 450 < line["elapsed_ms"] < 3000
    assert not bridge.lives(bridge.pids()[0])


def test_aborted_call_leaves_its_worker_to_the_next(bridge) -> None:
    """A host that aborts while the worker is starting, again and again, starts one."""
    bridge.use_fake("never-listen")
    lines = bridge.render(abort_ms=150, start_ms=600, repeat=8)
    problems = [line["problem"] for line in lines]
    assert problems[0] == "cancelled" and problems[-1] == "cannot start", problems
    (worker,) = bridge.pids()
    assert not bridge.lives(worker)


def test_retempo_python_and_the_launcher_have_their_turn(bridge) -> None:
    bridge.environment["PATH"] = "/nowhere"
    (line,) = bridge.render()
    assert "no program retempo" in line["message"]
    (line,) = bridge.render(launcher="/bundle/launcher serve")
    assert "no program /bundle/launcher" in line["message"]
    bridge.environment["RETEMPO_PYTHON"] = "/other/python"
    (line,) = bridge.render(launcher="/bundle/launcher serve")
    assert "no program /other/python" in line["message"]


@pytest.mark.parametrize("wrong", ["open", "link", "file", "long"])
def test_unsafe_directory_is_refused(bridge, wrong: str) -> None:
    bridge.use_fake()
    folder = bridge.folder / "inner"
    if wrong == "open":
        folder.mkdir()
        folder.chmod(0o750)
    elif wrong == "link":
        (bridge.folder / "real").mkdir(0o700)
        folder.symlink_to(bridge.folder / "real")
    elif wrong == "file":
        folder.touch(0o700)
    else:
        folder = bridge.folder / ("x" * 90)
    (line,) = bridge.render(dir=folder)
    assert line["problem"] == "unsafe" and str(folder) in line["message"] and line["hint"]


def test_directory_is_made_for_its_user_alone(bridge) -> None:
    bridge.use_fake("no-start")
    folder = bridge.folder / "a" / "b"
    bridge.render(dir=folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_directory_that_anybody_may_replace_is_refused(bridge) -> None:
    bridge.use_fake("no-start")
    parent = bridge.folder / "all"
    parent.mkdir()
    parent.chmod(0o777)
    (line,) = bridge.render(dir=parent / "inner")
    assert line["problem"] == "unsafe" and "put another in its place" in line["message"]
    parent.chmod(0o1777)  # as /tmp
    (line,) = bridge.render(dir=parent / "inner")
    assert line["problem"] == "cannot start"


@pytest.mark.parametrize(
    ("misdeed", "text"),
    [
        ("other-token", "does not know the token"),
        ("open-token", "not a file for its user alone"),
        ("link-token", "cannot be read"),
        ("short-token", "holds no token"),
    ],
)
def test_worker_whose_token_is_not_right_is_refused(bridge, misdeed: str, text: str) -> None:
    """The fake worker ends a connection whose HELLO has another token, so every other test shows that it is sent."""
    bridge.use_fake(misdeed)
    (line,) = bridge.render()
    assert line["problem"] == "unsafe" and text in line["message"] and line["hint"]


def test_token_of_another_user_is_refused(bridge) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can give a file away")
    bridge.use_fake("other-token-owner")
    (line,) = bridge.render()
    assert line["problem"] == "unsafe" and "not a file for its user alone" in line["message"]


def test_worker_without_a_token_is_not_talked_to(bridge) -> None:
    bridge.use_fake("no-token")
    (line,) = bridge.render(start_ms=1000)
    assert line["problem"] == "cannot start" and not line["ok"]


def test_worker_of_an_unexpected_user_is_refused(bridge) -> None:
    """The check itself, on any machine: the bridge is told to expect somebody else."""
    bridge.use_fake()
    (line,) = bridge.render(uid=os.getuid() + 1)
    assert line["problem"] == "unsafe" and "not yours" in line["message"]


def test_worker_of_another_user_is_refused(bridge) -> None:
    if os.getuid() != 0:
        pytest.skip(
            "only root can make a worker of another user; the check is tested with an expected uid instead"
        )
    bridge.use_fake("other-user")
    (line,) = bridge.render(start_ms=3000)
    assert line["problem"] == "unsafe" and "65534" in line["message"]


def test_directory_of_another_user_is_refused(bridge) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can give a directory away")
    folder = bridge.folder / "theirs"
    folder.mkdir(0o700)
    os.chown(folder, 65534, 65534)
    (line,) = bridge.render(dir=folder)
    assert line["problem"] == "unsafe" and "belongs to user 65534" in line["message"]


@pytest.mark.parametrize("misdeed", ["other-version", "header-version"])
def test_other_version_of_the_protocol_is_named(bridge, misdeed: str) -> None:
    bridge.use_fake(misdeed)
    (line,) = bridge.render()
    assert line["problem"] == "version" and "version 3" in line["message"] and line["hint"]
    assert len(bridge.pids()) == 1  # it is left alone: other hosts may use it


def test_other_parameters_are_named(bridge) -> None:
    bridge.use_fake()
    (line,) = bridge.render(table="ff" * 16)
    assert line["problem"] == "version" and "parameters" in line["message"]
    (line,) = bridge.render(table=bytes(range(16)).hex())
    assert line["ok"]


def test_status_and_stop(bridge) -> None:
    bridge.use_fake()
    assert bridge.run("status") == [{"status": ""}]
    assert bridge.run("status", start=1) == [{"status": '{"fake": true}'}]
    bridge.run("status", stop=1)
    assert bridge.run("status") == [{"status": ""}]
    assert len(bridge.pids()) == 1


def test_interpreter_is_found_by_name(bridge) -> None:
    bridge.use_fake()
    fake = bridge.environment.pop("RETEMPO_WORKER_COMMAND")
    bridge.environment["PATH"] = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    (line,) = bridge.render(launcher=fake.replace(sys.executable, Path(sys.executable).name))
    assert line["ok"]
