"""Does ``retempo serve`` start fast, stay alone, go when it should, and leave nothing behind?"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from server_programs import REPO, Programs
from wire_client import Client, Picture, Refused, ask, header

from plates import Program, names, picture
from retempo.errors import OutputError
from retempo.server import runtime
from retempo.server.loop import Server
from retempo.server.messages import Failed
from retempo.server.protocol import Type
from retempo.server.runtime import LOCK, LOG, SOCKET, AlreadyRunning, Home, check_dir, runtime_dir

PAIR = [Picture(1, picture(1)), Picture(2, picture(2))]


def test_a_life(programs: Programs, retempo: Program) -> None:
    """Start, render, status, second server, stop; no torch, nothing left but log and lock."""
    first = programs.start()
    with programs.connect() as client:
        made, _ = client.render("3/2", PAIR)
        assert made.any()
        maps = Path(f"/proc/{first.pid}/maps").read_text()
        assert "libtorch" not in maps
        status = retempo.done("serve", "--status")
        assert status["pid"] == first.pid and status["renders"] == 1 and status["cache_used"] > 0
        second = programs.start()
        out, err = second.communicate(timeout=10)
        assert second.returncode == 0 and f"runs already (pid {first.pid})" in out, err
        client.ping()
        assert retempo.done("serve", "--stop")["pid"] == first.pid
        with pytest.raises(ConnectionError):
            client.take()
    out, err = first.communicate(timeout=10)
    assert first.returncode == 0 and "Traceback" not in err and "listening on" in out
    assert names(programs.folder) == [LOCK, LOG]
    log = (programs.folder / LOG).read_text()
    assert "listening" in log and "source time 1.5 of 1, 2; motion estimated" in log and "stopped" in log
    outcome = retempo("serve", "--status")
    assert outcome.code == 3 and "no server runs" in outcome.out
    assert retempo("serve", "--stop").code == 0


def test_sigterm_ends_it_cleanly_with_requests_pending(programs: Programs) -> None:
    program = programs.start()
    with programs.connect() as client:
        _, fd = client.begin(ask("3/2", PAIR), PAIR)
        os.close(fd)
        assert client.take()[0] == Type.NEED
        program.send_signal(signal.SIGTERM)
        kind, _, payload = client.take()
        assert kind == Type.FAILED and "stopped" in Failed.parse(payload).message
    assert program.wait(10) == 0
    assert names(programs.folder) == [LOCK, LOG]


def test_a_killed_server_is_replaced(programs: Programs) -> None:
    program = programs.start()
    programs.connect().close()
    program.kill()
    program.wait(10)
    assert SOCKET in names(programs.folder)
    with pytest.raises(ConnectionRefusedError):
        Client(programs.folder)
    next_one = programs.start()
    with programs.connect() as client:
        assert client.status()["pid"] == next_one.pid


def test_ten_at_once_leave_one(programs: Programs) -> None:
    started = [programs.start() for _ in range(4)]
    with programs.connect() as client:
        winner = client.status()["pid"]
        for one in started:
            if one.pid != winner:
                assert one.wait(20) == 0
        client.ping()
    assert winner in [one.pid for one in started]


def test_idle_exit(programs: Programs) -> None:
    program = programs.start("--idle-exit", "0.3")
    with programs.connect() as client:
        time.sleep(1.5)
        client.ping()  # a client keeps it alive
    assert program.wait(10) == 0
    assert names(programs.folder) == [LOCK, LOG]


def test_idle_clients_keep_the_server_but_not_its_memory(folder: Path, serve: type[Server]) -> None:
    server = serve(idle_exit=0.3)
    with Client(folder) as client:
        client.render("3/2", PAIR)
        assert server.cache.used
        end = time.monotonic() + 10
        while server.cache.used:
            assert time.monotonic() < end, "the cache stays full"
            time.sleep(0.05)
        client.render("3/2", PAIR)


def test_log_is_rotated(folder: Path, programs: Programs) -> None:
    folder.mkdir(0o700)
    (folder / LOG).write_text("old\n" * (runtime.LOG_BYTES // 4))
    programs.start()
    with programs.connect() as client:
        client.ping()
    assert (folder / f"{LOG}.1").read_text().startswith("old")
    assert "old" not in (folder / LOG).read_text()


def test_unsafe_folders(tmp_path: Path, retempo: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "own"
    assert check_dir(own, make=True) == own and own.stat().st_mode & 0o777 == 0o700
    own.chmod(0o750)
    with pytest.raises(OutputError, match="chmod 700"):
        check_dir(own)
    own.chmod(0o700)
    link = tmp_path / "link"
    link.symlink_to(own)
    with pytest.raises(OutputError, match="not a folder"):
        check_dir(link)
    with pytest.raises(OutputError, match="too long"):
        check_dir(tmp_path / ("x" * 100))
    with pytest.raises(OutputError, match="cannot be used"):
        check_dir(Path("/proc/nothing/r"), make=True)
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    with pytest.raises(OutputError, match="belongs to user"):
        check_dir(own)
    monkeypatch.undo()
    own.chmod(0o755)
    monkeypatch.setenv("RETEMPO_RUNTIME_DIR", str(own))
    for flags in ((), ("--status",), ("--stop",)):
        outcome = retempo("serve", *flags)
        assert outcome.code == 4 and "chmod 700" in outcome.err


def test_bad_flags(folder: Path, retempo: Program) -> None:
    for flags in (("--cache", "4X"), ("--idle-exit", "-1"), ("--workers", "1000")):
        outcome = retempo("serve", *flags)
        assert outcome.code == 2, outcome.err
    outcome = retempo("serve", "--log", "/nowhere/x.log")
    assert outcome.code == 4 and "--log" in outcome.err
    assert SOCKET not in names(folder)


def test_where(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RETEMPO_RUNTIME_DIR", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    assert runtime_dir() == Path(f"/tmp/retempo-{os.getuid()}")
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/1")
    assert runtime_dir() == Path("/run/user/1/retempo")
    monkeypatch.setenv("RETEMPO_RUNTIME_DIR", "/x")
    assert runtime_dir() == Path("/x")


def test_lock(folder: Path) -> None:
    home = Home(folder)
    with pytest.raises(AlreadyRunning) as running:
        Home(folder)
    assert running.value.pid == os.getpid()
    assert home.path.stat().st_mode & 0o077 == 0
    home.unlink()
    home.close()
    again = Home(folder)
    again.unlink()
    again.close()


def test_stop_in_the_middle_of_a_frame(folder: Path, tmp_path: Path) -> None:
    """A frame that takes very long does not keep the server from ending; the client is told."""
    program = tmp_path / "slow.py"
    program.write_text(
        "import time\nfrom retempo.flow.catalog import register_flow\nfrom retempo.cli.main import main\n"
        "from retempo.server import loop\nloop.PATIENCE = 0.2\n"
        "class Slow:\n    name = 'slow'\n    def estimate(self, a, b):\n        time.sleep(60)\n"
        "register_flow('slow', lambda *_: Slow())\nraise SystemExit(main(['serve']))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(REPO / "pyhost")}
    server = subprocess.Popen([sys.executable, str(program)], env=environment, stdout=subprocess.DEVNULL)
    try:
        with Programs(folder).connect() as client:
            message = ask("3/2", PAIR, {"flow": "slow"})
            number, fd = client.begin(message, PAIR)
            client.answer_need(number, client.take()[2], message, PAIR)
            assert client.take()[0] == Type.PROGRESS
            server.send_signal(signal.SIGTERM)
            with pytest.raises(Refused, match="stopped"):
                client.finish(number, message, PAIR)
            os.close(fd)
        assert server.wait(10) == 0
        assert names(folder) == [LOCK, LOG]
        assert "still being computed" in (folder / LOG).read_text()
    finally:
        server.kill()
        server.wait()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become a second user")
def test_a_second_user_is_not_served(programs: Programs) -> None:
    """Kept out by the folder, and by the kernel's word for who connects even where the folder lets them in."""
    programs.start()
    with programs.connect() as client:
        attempt = (
            "import os, socket, sys\nos.setgid(65534); os.setuid(65534)\n"
            "s = socket.socket(socket.AF_UNIX)\n"
            "try:\n    s.connect(sys.argv[1])\nexcept PermissionError:\n    print('kept out'); raise SystemExit\n"
            "s.settimeout(10)\n"
            "try:\n    s.sendall(bytes.fromhex(sys.argv[2])); print('answered', len(s.recv(100)))\n"
            "except (BrokenPipeError, ConnectionResetError):\n    print('answered 0')\n"
        )
        ping = header(kind=Type.PING).hex()
        address = str(programs.folder / SOCKET)

        def try_it() -> str:
            command = [sys.executable, "-c", attempt, address, ping]
            return subprocess.run(command, capture_output=True, text=True, check=True, cwd="/").stdout.strip()

        assert try_it() == "kept out"
        programs.folder.chmod(0o777)
        (programs.folder / SOCKET).chmod(0o777)
        opened = [one for one in programs.folder.parents if one.stat().st_mode & 0o005 != 0o005]
        if any(one.stat().st_uid != 0 for one in opened):
            pytest.skip("the folders above belong to somebody")
        modes = {one: one.stat().st_mode & 0o7777 for one in opened}
        try:
            for one in opened:
                one.chmod(0o755)
            assert try_it() == "answered 0"
        finally:
            for one, mode in modes.items():
                one.chmod(mode)
        client.ping()
        assert "of user 65534 refused" in (programs.folder / LOG).read_text()
