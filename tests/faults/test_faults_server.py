"""What does a compositor see when the real worker is killed, told to stop, starved or misled about the time?"""

from __future__ import annotations

import os
import random
import resource
import signal
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from runs import ROUNDS

sys.path.append(str(Path(__file__).parents[1] / "server"))

from server_programs import Programs
from wire_client import Client, Picture, Refused

from plates import picture

PAIR = [Picture(number, picture(number)) for number in (1, 2)]
TIMES = ["5/4", "3/2", "7/4"]
WAY = {"flow": "dis:fast"}


@pytest.fixture(scope="module")
def right(tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    """The pictures of an undisturbed server."""
    home = tmp_path_factory.mktemp("undisturbed") / "r"
    before = os.environ.get("RETEMPO_RUNTIME_DIR")
    os.environ["RETEMPO_RUNTIME_DIR"] = str(home)
    one = Programs(home)
    try:
        one.start()
        with one.connect(60) as client:
            return {when: client.render(when, PAIR, WAY)[0] for when in TIMES}
    finally:
        for program in one.running:
            program.terminate()
            program.communicate()
        os.environ.pop("RETEMPO_RUNTIME_DIR")
        if before is not None:
            os.environ["RETEMPO_RUNTIME_DIR"] = before


def check(client: Client, right: dict[str, np.ndarray]) -> None:
    for when in TIMES:
        np.testing.assert_array_equal(client.render(when, PAIR, WAY)[0], right[when])


@pytest.mark.parametrize("seed", range(ROUNDS))
@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_server_that_is_ended_at_any_time(
    programs: Programs, folder: Path, right: dict[str, np.ndarray], sent: signal.Signals, seed: int
) -> None:
    """What was delivered before is right; the client hears of it at once; the next server gives the same pictures."""
    draw = random.Random(f"{seed} {sent}")
    server = programs.start("--idle-exit", 0)
    client = programs.connect(60)
    client.render("3/2", PAIR, WAY)
    ending = threading.Timer(draw.uniform(0, 0.4), server.send_signal, (sent,))
    ending.start()
    until = time.monotonic() + 60
    with pytest.raises((ConnectionError, Refused, BrokenPipeError)):
        while True:
            assert time.monotonic() < until
            when = draw.choice(TIMES)
            np.testing.assert_array_equal(client.render(when, PAIR, WAY)[0], right[when])
    ending.join()
    server.communicate(timeout=30)
    assert server.returncode == (-sent if sent == signal.SIGKILL else 0)
    client.close()
    programs.start("--idle-exit", 0)
    with programs.connect(60) as other:
        check(other, right)
    assert not [name for name in os.listdir("/dev/shm") if name.startswith("rtmp")]


@pytest.mark.parametrize("sent", [signal.SIGHUP, signal.SIGPIPE])
def test_server_outlives_terminals_and_pipes(
    programs: Programs, right: dict[str, np.ndarray], sent: signal.Signals
) -> None:
    server = programs.start("--idle-exit", 0)
    with programs.connect(60) as client:
        for _ in range(3):
            server.send_signal(sent)
            check(client, right)
        assert client.status()["pid"] == server.pid


def test_clock_that_jumps_ends_no_server(
    programs: Programs, right: dict[str, np.ndarray], shim: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A day ahead and back from call to call: nobody is idle, silent or late for it."""
    monkeypatch.setenv("LD_PRELOAD", str(shim))
    monkeypatch.setenv("RETEMPO_FAULT_CLOCK", "1")
    server = programs.start("--idle-exit", 120)
    monkeypatch.delenv("LD_PRELOAD")
    with programs.connect(60) as client:
        check(client, right)
        time.sleep(0.6)  # some rounds of the loop
        check(client, right)
        facts = client.status()
    assert facts["pid"] == server.pid and 0 <= facts["uptime"] < 3600 and facts["failures"] == 0


def test_memory_that_runs_out_is_an_answer(programs: Programs, right: dict[str, np.ndarray]) -> None:
    """A picture for which there is no room is refused with what to do; the server goes on with smaller ones."""
    server = programs.start("--idle-exit", 0, "--cache", "8M")
    with programs.connect(60) as client:
        check(client, right)
        taken = int(Path(f"/proc/{server.pid}/statm").read_text().split()[0]) * os.sysconf("SC_PAGESIZE")
        limit = taken + (96 << 20)
        resource.prlimit(server.pid, resource.RLIMIT_AS, (limit, limit))
        large = [Picture(number, np.tile(picture(number), (40, 40, 1))) for number in (1, 2)]
        with pytest.raises(Refused, match="memory") as refused:
            client.render("3/2", large, WAY)
        assert refused.value.failed.code in (4, 7) and refused.value.failed.hint
        check(client, right)
    assert server.poll() is None


def test_a_full_disk_under_the_log_stops_nobody(
    programs: Programs,
    right: dict[str, np.ndarray],
    shim: Path,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The log cannot grow; pictures are made all the same, and nothing is printed over the host's terminal."""
    monkeypatch.setenv("LD_PRELOAD", str(shim))
    monkeypatch.setenv("RETEMPO_FAULT_FOLDER", f"{folder}/server.log")
    monkeypatch.setenv("RETEMPO_FAULT", "write:3:ENOSPC:on")
    server = programs.start("--idle-exit", 0)
    for name in ("LD_PRELOAD", "RETEMPO_FAULT", "RETEMPO_FAULT_FOLDER"):
        monkeypatch.delenv(name)
    with programs.connect(60) as client:
        check(client, right)
    server.terminate()
    said = server.communicate(timeout=30)[1]
    assert server.returncode == 0 and "Traceback" not in said, said
