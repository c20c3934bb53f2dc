"""Who is served, with what in hand, and how much may be asked for? Everybody and everything else is kept out.

Elsewhere: unsafe folders, and a second user (``test_server_runtime``); garbage, descriptors, memory that shrinks or
is too small, deaf and silent clients (``test_server_faults``); the client's half (``tests/bridge``).
"""

from __future__ import annotations

import ast
import os
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from server_programs import Programs
from wire_client import Client, Picture, Refused, ask, header, make_memory

from plates import Program
from retempo.errors import ColorError, OutputError, UsageError
from retempo.server import messages
from retempo.server.limits import Limits
from retempo.server.loop import Server
from retempo.server.messages import Failed, Hello
from retempo.server.protocol import Type
from retempo.server.request_settings import locate_config
from retempo.server.runtime import LOG, SOCKET, check_dir
from retempo.server.token import TOKEN, Token, read_token, same, write_token

REPO = Path(__file__).resolve().parents[2]
PAIR = [Picture(number, np.full((20, 24, 4), number / 8, np.float32)) for number in (1, 2)]
ROOT = pytest.mark.skipif(os.getuid() != 0, reason="only root can become a second user")


def refusal(client: Client) -> Failed:
    """What is said to a client that has to go."""
    kind, _, payload = client.take()
    failed = Failed.parse(payload)
    assert kind == Type.FAILED and failed.closing and failed.message and failed.hint
    with pytest.raises(ConnectionError):
        client.take()
    return failed


def until_gone(path: Path) -> None:
    end = time.monotonic() + 20
    while path.exists():
        assert time.monotonic() < end, f"{path} stays"
        time.sleep(0.02)


# ---- the token


def test_token_is_random_and_for_the_user_alone(folder: Path, programs: Programs, retempo: Program) -> None:
    seen = set()
    for _ in range(2):
        programs.start()
        programs.connect().close()
        status = (folder / TOKEN).lstat()
        assert stat.S_ISREG(status.st_mode) and stat.S_IMODE(status.st_mode) == 0o600
        data = (folder / TOKEN).read_bytes()
        assert len(data) == 64 and data[:32] != data[32:]
        seen.add(data)
        assert data.hex() not in (folder / LOG).read_text()
        assert retempo("serve", "--stop").code == 0
        until_gone(folder / SOCKET)
        until_gone(folder / TOKEN)  # a moment later
    assert len(seen) == 2, "a server has the token of the one before"


@pytest.mark.parametrize("at", [0, 31])
def test_another_token_is_refused(client: Client, folder: Path, at: int) -> None:
    token = read_token(folder)
    assert token is not None
    wrong = bytearray(token.client)
    wrong[at] ^= 1
    for said in (bytes(wrong), bytes(32), token.server):
        with Client(folder, greet=False) as stranger:
            stranger.send(Type.HELLO, 1, Hello("stranger", 1, said).pack())
            failed = refusal(stranger)
            assert failed.code == 4 and "token" in failed.message and TOKEN in failed.hint
    client.ping()


@pytest.mark.parametrize(
    "kind", [Type.PING, Type.STATUS, Type.STOP, Type.CANCEL, Type.FRAMES, Type.RENDER, Type.PONG]
)
def test_nothing_is_answered_before_hello(client: Client, folder: Path, kind: Type) -> None:
    before = len(os.listdir("/proc/self/fd"))
    with Client(folder, greet=False) as stranger:
        fd = make_memory(4096) if kind in (Type.RENDER, Type.FRAMES) else None
        stranger.send(kind, 1, b"", fd)
        if fd is not None:
            os.close(fd)
        assert "before HELLO" in refusal(stranger).message
    client.ping()
    end = time.monotonic() + 10
    while len(os.listdir("/proc/self/fd")) > before:
        assert time.monotonic() < end, "a descriptor is left open"
        time.sleep(0.02)


def test_a_server_that_does_not_know_the_token_is_not_believed(folder: Path, retempo: Program) -> None:
    """Something of the same user listens in the folder; it has not written the token that lies there."""
    folder.mkdir(0o700)
    write_token(folder, Token.make())
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / SOCKET))
        listener.listen(1)
        command = [sys.executable, "-m", "retempo", "serve", "--status"]
        environment = {**os.environ, "PYTHONPATH": str(REPO / "pyhost")}
        asking = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
        listener.settimeout(30)
        with listener.accept()[0] as sock:
            sock.recv(1000)
            welcome = messages.Welcome("0", 1, bytes(16), 0, bytes(32)).pack()
            sock.sendall(header(kind=Type.WELCOME, length=len(welcome)) + welcome)
            _, said = asking.communicate(timeout=30)
    assert asking.returncode == 4 and "somebody else" in said


def test_tokens_of_others_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / TOKEN
    assert read_token(tmp_path) is None
    write_token(tmp_path, Token(b"c" * 32, b"s" * 32))
    assert read_token(tmp_path) == Token(b"c" * 32, b"s" * 32)
    path.chmod(0o640)
    with pytest.raises(OutputError, match="user alone"):
        read_token(tmp_path)
    path.chmod(0o600)
    with monkeypatch.context() as patch, pytest.raises(OutputError, match="user alone"):
        patch.setattr(os, "getuid", lambda: 12345)
        read_token(tmp_path)
    path.write_bytes(bytes(63))
    with pytest.raises(OutputError, match="no token"):
        read_token(tmp_path)
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutputError, match="cannot be read"):
        read_token(tmp_path)
    path.unlink()
    os.mkfifo(path, 0o600)  # opening one would wait for a writer
    with pytest.raises(OutputError, match="user alone"):
        read_token(tmp_path)


def test_a_link_that_lies_where_the_token_goes_is_replaced_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / TOKEN).symlink_to(victim)
    write_token(tmp_path, Token.make())
    assert victim.read_text() == "precious" and not (tmp_path / TOKEN).is_symlink()


def test_comparison_and_what_is_shown() -> None:
    assert same(b"a" * 32, b"a" * 32) and not same(b"a" * 32, b"a" * 31 + b"b") and not same(b"", b"a")
    token = Token.make()
    shown = repr((token, Hello("x", 1, token.client), messages.Welcome("x", 1, bytes(16), 0, token.server)))
    assert "token=" not in shown and repr(token.client)[2:-1] not in shown


@ROOT
def test_another_user_is_refused_even_with_the_token(folder: Path, programs: Programs) -> None:
    """The kernel's word counts before the token does; the folder is opened for this."""
    programs.start()
    with programs.connect() as client:
        token = read_token(folder)
        assert token is not None
        folder.chmod(0o711)
        (folder / SOCKET).chmod(0o666)
        attempt = (
            "import os, socket, sys\nos.chdir(sys.argv[1]); os.setgid(65534); os.setuid(65534)\n"
            f"s = socket.socket(socket.AF_UNIX); s.connect({SOCKET!r}); s.settimeout(10)\n"
            "try:\n    s.sendall(bytes.fromhex(sys.argv[2])); print(len(s.recv(100)))\n"
            "except (BrokenPipeError, ConnectionResetError):\n    print(0)\n"
        )
        hello = Hello("thief", 1, token.client).pack()
        message = header(kind=Type.HELLO, length=len(hello)) + hello
        command = [sys.executable, "-c", attempt, str(folder), message.hex()]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "0"
        folder.chmod(0o700)
        client.ping()
        assert "of user 65534 refused" in (folder / LOG).read_text()


# ---- the folder


def test_a_folder_that_anybody_may_replace_is_refused(tmp_path: Path) -> None:
    parent = tmp_path / "all"
    parent.mkdir()
    parent.chmod(0o777)
    with pytest.raises(OutputError, match="put another in its place"):
        check_dir(parent / "own", make=True)
    parent.chmod(0o1777)
    check_dir(parent / "own", make=True)


@ROOT
def test_a_folder_that_somebody_else_made_first_is_refused(tmp_path: Path) -> None:
    """As /tmp/retempo-1000 would be: the parent is sticky and open, the folder there already."""
    tmp_path.chmod(0o1777)
    theirs = tmp_path / "r"
    theirs.mkdir(0o700)
    os.chown(theirs, 65534, 65534)
    with pytest.raises(OutputError, match="belongs to user 65534"):
        check_dir(theirs, make=True)


# ---- paths


def test_a_config_leads_to_a_plain_file(tmp_path: Path) -> None:
    assert locate_config("ocio://default") == "ocio://default"
    config = tmp_path / "studio.ocio"
    config.write_text("ocio_profile_version: 2\n")
    link = tmp_path / "current.ocio"
    link.symlink_to(config)
    assert locate_config(str(config)) == locate_config(str(link)) == str(config.resolve())
    bad = {
        "secret.ocio": Path("/etc/passwd"),
        "memory.ocio": Path("/proc/self/mem"),
        "endless.ocio": Path("/dev/zero"),
    }
    for name, target in bad.items():
        (tmp_path / name).symlink_to(target)
        with pytest.raises(ColorError, match="no config"):
            locate_config(str(tmp_path / name))
    (tmp_path / "circle.ocio").symlink_to(tmp_path / "circle.ocio")
    os.mkfifo(tmp_path / "pipe.ocio")
    (tmp_path / "folder.ocio").mkdir()
    with (tmp_path / "huge.ocio").open("wb") as file:
        file.truncate((1 << 30) + 1)
    for name, text in {
        "circle": "circle",
        "pipe": "plain file",
        "folder": "plain file",
        "huge": "limit",
    }.items():
        with pytest.raises(ColorError, match=text):
            locate_config(str(tmp_path / f"{name}.ocio"))
    with pytest.raises(ColorError, match="does not exist"):
        locate_config("/proc/self/root/nowhere.ocio")


def test_a_config_that_would_hang_is_an_answer(client: Client, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.ocio")
    with pytest.raises(Refused) as refused:
        client.render("3/2", PAIR, {"config": str(tmp_path / "pipe.ocio")})
    assert refused.value.failed.code == 5
    client.ping()


# ---- no code


FORBIDDEN_MODULES = {
    "pickle",
    "cPickle",
    "_pickle",
    "marshal",
    "shelve",
    "dill",
    "cloudpickle",
    "joblib",
    "jsonpickle",
}
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__"}
NEEDED = {
    "torch.load": ("weights_only", True),
    "np.load": ("allow_pickle", False),
    "numpy.load": ("allow_pickle", False),
}
UNSAFE = {
    "yaml.load",
    "yaml.unsafe_load",
    "yaml.full_load",
    "os.system",
    "os.popen",
    "torch.hub.load",
    "torch.jit.load",
}


def code_from_data(text: str) -> Iterator[str]:
    """Everything in a module that makes data into code."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            named = [one.name for one in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            yield from (f"imports {name}" for name in named if name.split(".")[0] in FORBIDDEN_MODULES)
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            given = {one.arg: getattr(one.value, "value", None) for one in node.keywords}
            name, value = NEEDED.get(called, ("", None))
            if (
                called in FORBIDDEN_CALLS | UNSAFE
                or given.get("shell")
                or (name and given.get(name) is not value)
            ):
                yield f"calls {called}"


def test_nothing_in_the_package_makes_data_into_code() -> None:
    """No pickle, no eval, no shell: not in the server, nor in any other room, the farm launchers or the installers."""
    modules = sorted([*(REPO / "pyhost").rglob("*.py"), *(REPO / "packaging").rglob("*.py")])
    assert len(modules) > 200
    found = {path.name: list(code_from_data(path.read_text())) for path in modules}
    assert not {name: what for name, what in found.items() if what}


@pytest.mark.parametrize(
    "text",
    [
        "import pickle", "from marshal import loads", "eval('1')", "torch.load(p)", "torch.load(p, weights_only=False)",
        "np.load(path)", "np.load(path, allow_pickle=True)", "yaml.load(text)", "subprocess.run(x, shell=True)",
        "import os, shelve", "__import__('os')", "torch.jit.load(path)",
    ],
)  # fmt: skip
def test_what_would_is_seen(text: str) -> None:
    assert list(code_from_data(text))


# ---- limits


def test_connections_are_limited(serve: Callable[..., Server], folder: Path) -> None:
    serve(limits=Limits(connections=2))
    with Client(folder) as first, Client(folder):
        with pytest.raises((ConnectionError, BrokenPipeError)):
            Client(folder)
        first.ping()
        assert first.status()["connections"] == 2
    end = time.monotonic() + 10
    while True:  # a place is free again as soon as the server has seen that they are gone
        try:
            Client(folder).close()
            break
        except (ConnectionError, BrokenPipeError):
            assert time.monotonic() < end, "no place becomes free"


def test_messages_are_limited(serve: Callable[..., Server], folder: Path) -> None:
    serve(limits=Limits(message=4096))
    with Client(folder) as client:
        assert client.welcome is not None and client.welcome.most_payload == 4096
        client.send_raw(header(kind=Type.CANCEL, length=4096))  # not too long yet: it is waited for
        client.send_raw(bytes(4096))
        assert "has a payload" in refusal(client).message
    with Client(folder) as client:
        client.send_raw(header(kind=Type.CANCEL, length=4097))
        assert "4096 are the limit" in refusal(client).hint


def test_sides_are_limited(serve: Callable[..., Server], folder: Path) -> None:
    serve(limits=Limits(side=24))
    with Client(folder) as client:
        assert client.welcome is not None and client.welcome.most_side == 24
        client.render("3/2", PAIR)
        wide = [Picture(number, np.zeros((2, 25, 4), np.float32)) for number in (1, 2)]
        with pytest.raises(Refused, match=r"25 pixels.*--max-side") as refused:
            client.render("3/2", wide)
        assert refused.value.failed.code == 3
        client.ping()


def test_memory_is_limited(serve: Callable[..., Server], folder: Path) -> None:
    serve(limits=Limits(memory=1 << 20))
    with Client(folder) as client:
        client.render("3/2", PAIR)
        message = ask("3/2", PAIR)
        number, fd = client.begin(message, PAIR, 1 << 20)
        client.finish(number, message, PAIR)
        os.close(fd)
        number, fd = client.begin(message, PAIR, (1 << 20) + 1)
        os.close(fd)
        with pytest.raises(Refused, match="1048576 are the limit"):
            client.finish(number, message, PAIR)
        client.ping()


def test_requests_are_limited(serve: Callable[..., Server], folder: Path) -> None:
    serve(limits=Limits(requests=2))
    with Client(folder) as client:
        assert client.welcome is not None and client.welcome.most_pending == 2
        message = ask("3/2", PAIR)
        waiting = [client.begin(message, PAIR, message.window.height * message.stride) for _ in range(3)]
        for _, fd in waiting:
            os.close(fd)
        answers = [client.take() for _ in waiting]
        assert [kind for kind, _, _ in answers] == [Type.NEED, Type.NEED, Type.FAILED]
        assert "2 requests are pending" in Failed.parse(answers[2][2]).message
        client.send(Type.CANCEL, waiting[0][0])
        assert Failed.parse(client.take()[2]).code == 130
        client.begin(message, PAIR, message.window.height * message.stride)
        assert client.take()[0] == Type.NEED


def test_limits_have_ranges() -> None:
    for name, wrong in (("connections", 0), ("message", 4095), ("message", (1 << 20) + 1), ("side", 32769),
                        ("requests", 65), ("memory", (64 << 30) + 1)):  # fmt: skip
        with pytest.raises(UsageError, match=f"--max-{name}"):
            Limits(**{name: wrong})


def test_limits_are_options(folder: Path, programs: Programs, retempo: Program) -> None:
    said = retempo("serve", "--help").out
    for name in (
        "--max-connections",
        "--max-message",
        "--max-side",
        "--max-requests",
        "--max-memory",
        "--idle-exit",
        "--cache",
    ):
        assert name in said
    assert retempo("serve", "--max-side", "0.5").code == 2
    assert retempo("serve", "--max-requests", "1000").code == 2
    programs.start("--max-side", "100", "--max-message", "8K", "--max-requests", "3")
    with programs.connect() as client:
        welcome = client.welcome
        assert welcome is not None
        assert (welcome.most_side, welcome.most_payload, welcome.most_pending) == (100, 8192, 3)


def test_a_name_is_one_line_of_the_log(folder: Path, programs: Programs) -> None:
    programs.start()
    programs.connect().close()
    token = read_token(folder)
    assert token is not None
    with Client(folder, greet=False) as client:
        client.send(Type.HELLO, 1, Hello("host\n2030-01-01 ERROR forged\x1b[2J", 1, token.client).pack())
        assert client.take()[0] == Type.WELCOME
    text = (folder / LOG).read_text()
    assert "\n2030-01-01 ERROR" not in text and "\x1b" not in text and "forged" in text
