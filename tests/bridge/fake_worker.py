"""How does a worker behave that behaves badly? A small one that speaks the protocol with the standard library alone.

``python fake_worker.py MISDEED ...`` listens where ``retempo serve`` would. A result is the pixels of the first
frame of the request. A misdeed that is given as ``once:...`` happens in the first process only.
``table:HEX`` is no misdeed but the hash of a parameter table that it claims to have.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import signal
import socket
import struct
import sys
import threading
import time
from pathlib import Path
from typing import Any

HEADER = struct.Struct("<IHHQIHHQ")
FIXED = struct.Struct("<HHB3siiIIiiIIqqQqIHH")
FRAME = struct.Struct("<BBHIq16sIIiiQ")
(
    HELLO,
    WELCOME,
    RENDER,
    NEED,
    FRAMES,
    DONE,
    FAILED,
    PROGRESS,
    CANCEL,
    PING,
    PONG,
    STATUS,
    STATUS_REPLY,
    STOP,
) = range(1, 15)
F_GET_SEALS, F_SEAL_SHRINK = 1034, 2
FOLDER = Path(os.environ["RETEMPO_RUNTIME_DIR"])
TOKEN = os.urandom(64)


def text(value: str) -> bytes:
    return struct.pack("<H", len(value)) + value.encode()


def misdeeds() -> set[str]:
    """What this process is to do wrong."""
    chosen, marker = set(), FOLDER / "was-started"
    first = not marker.exists()
    with marker.open("a") as file:
        file.write(f"{os.getpid()}\n")
    for word in sys.argv[1:]:
        name = word.removeprefix("once:")
        if first or name == word:
            chosen.add(name)
    return chosen


class Session(threading.Thread):
    """One connection: messages in, answers out."""

    def __init__(self, connection: socket.socket, wrong: set[str], cache: dict[bytes, bytes]) -> None:
        super().__init__(daemon=True)
        self.connection, self.wrong, self.cache = connection, wrong, cache
        self.pending: dict[int, dict[str, Any]] = {}
        self.cancelled: set[int] = set()
        self.lock = threading.Lock()

    def answer(self, kind: int, request: int, payload: bytes = b"", version: int = 2) -> None:
        with self.lock:
            self.connection.sendall(
                HEADER.pack(0x504D5452, version, kind, request, len(payload), 0, 0, 0) + payload
            )

    def read(self, count: int) -> tuple[bytes, list[int]]:
        data, descriptors = b"", []
        while len(data) < count:
            part, more, _, _ = socket.recv_fds(self.connection, count - len(data), 4)
            descriptors += more
            if not part:
                raise EOFError
            data += part
        return data, descriptors

    def run(self) -> None:
        try:
            while True:
                head, descriptors = self.read(HEADER.size)
                magic, version, kind, request, length, fds, flags, reserved = HEADER.unpack(head)
                assert (magic, version, flags, reserved) == (0x504D5452, 2, 0, 0)
                assert len(descriptors) == fds
                payload, _ = self.read(length)
                self.take(kind, request, payload, descriptors)
        except (EOFError, OSError):
            pass
        finally:
            for asked in self.pending.values():
                os.close(asked["fd"])
            self.connection.close()

    def take(self, kind: int, request: int, payload: bytes, descriptors: list[int]) -> None:
        if kind == HELLO:
            self.greet(request, payload)
        elif kind == RENDER:
            self.render(request, payload, descriptors[0])
        elif kind == FRAMES:
            self.frames(request, payload)
        elif kind == CANCEL:
            self.cancelled.add(request)
        elif kind == PING:
            self.answer(PONG, request)
        elif kind in (STATUS, STOP):
            self.answer(STATUS_REPLY, request, b'{"fake": true}')
            if kind == STOP:
                os._exit(0)

    def greet(self, request: int, payload: bytes) -> None:
        assert payload[8:40] == TOKEN[:32], "the client does not know the token"
        if "silent-hello" in self.wrong:
            return
        if "garbage-hello" in self.wrong:
            self.connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 4)
            return
        if "other-version" in self.wrong:
            self.answer(
                FAILED,
                request,
                struct.pack("<HH", 2, 1) + text("version 3 is spoken here, not 2") + text("update"),
            )
            raise EOFError
        given = [word.removeprefix("table:") for word in self.wrong if word.startswith("table:")]
        table = bytes.fromhex(given[0]) if given else bytes(range(16))
        head = struct.pack("<HHI16sIIHHIQ", 2, 0, os.getpid(), table, 1 << 20, 32768, 64, 64, 0, 1 << 30)
        token = bytes(32) if "other-token" in self.wrong else TOKEN[32:]
        version = 3 if "header-version" in self.wrong else 2
        self.answer(WELCOME, request, head + token + text("fake"), version)

    def render(self, request: int, payload: bytes, fd: int) -> None:
        if "die" in self.wrong:
            os.kill(os.getpid(), signal.SIGKILL)
        if "hang" in self.wrong:
            os.kill(os.getpid(), signal.SIGSTOP)
        if "close" in self.wrong:
            os.close(fd)
            raise EOFError
        if "garbage" in self.wrong:
            self.connection.sendall(os.urandom(4096))
        if "need-too-much" in self.wrong:
            self.answer(NEED, request, struct.pack("<2H", 1, 63))
        if "long-payload" in self.wrong:
            self.connection.sendall(HEADER.pack(0x504D5452, 2, DONE, request, 0xFFFFFFF0, 0, 0, 0))
        if "half-message" in self.wrong:
            self.connection.sendall(HEADER.pack(0x504D5452, 2, DONE, request, 45, 0, 0, 0) + b"\0" * 7)
            os.kill(os.getpid(), signal.SIGSTOP)
        fixed = FIXED.unpack_from(payload)
        offset, stride, settings, count = fixed[14], fixed[15], fixed[17], fixed[18]
        at = FIXED.size
        for _ in range(settings):
            at += 1 + payload[at]
            at += 2 + struct.unpack_from("<H", payload, at)[0]
        table = [FRAME.unpack_from(payload, at + i * FRAME.size) for i in range(count)]
        assert at + count * FRAME.size == len(payload)
        row = 4 * fixed[2] * fixed[6]
        assert fcntl.fcntl(fd, F_GET_SEALS) & F_SEAL_SHRINK
        assert os.fstat(fd).st_size >= offset + stride * (fixed[7] - 1) + row
        self.pending[request] = {"fd": fd, "offset": offset, "rows": fixed[7], "row": row, "table": table}
        came = False
        for entry in table:
            if entry[2]:  # its pixels came along
                self.keep(fd, entry, entry[-1])
                came = True
        lacking = [i for i, one in enumerate(table) if one[5] not in self.cache]
        if lacking:
            self.answer(NEED, request, struct.pack(f"<{1 + len(lacking)}H", len(lacking), *lacking))
        elif came:
            self.go_on(request)
        else:
            self.finish(request)

    def frames(self, request: int, payload: bytes) -> None:
        asked = self.pending.get(request)
        if asked is None:
            return
        count = struct.unpack_from("<H", payload)[0]
        for i in range(count):
            index, _, _, offset = struct.unpack_from("<HHIQ", payload, 8 + 16 * i)
            entry = asked["table"][index]
            self.keep(asked["fd"], entry, offset)
        if all(one[5] in self.cache for one in asked["table"]):
            self.go_on(request)

    def go_on(self, request: int) -> None:
        if "die-after-frames" in self.wrong:
            os.kill(os.getpid(), signal.SIGKILL)
        threading.Thread(target=self.finish, args=(request,), daemon=True).start()

    def keep(self, fd: int, entry: tuple[Any, ...], offset: int) -> None:
        size = 4 * entry[1] * entry[6] * entry[7]
        assert offset % 4 == 0 and os.fstat(fd).st_size >= offset + size
        with mmap.mmap(fd, 0, prot=mmap.PROT_READ) as memory:
            self.cache[entry[5]] = memory[offset : offset + size]

    def finish(self, request: int) -> None:
        try:
            asked = self.pending[request]
            steps = 200 if "slow" in self.wrong else 10
            if self.wrong & {"slow", "brisk"}:
                for step in range(steps):
                    self.answer(
                        PROGRESS, request, struct.pack("<HH", step * 1000 // steps, 0) + text("slowly")
                    )
                    time.sleep(0.05)
                    if request in self.cancelled:
                        del self.pending[request]
                        os.close(asked["fd"])
                        return self.answer(
                            FAILED, request, struct.pack("<HH", 130, 0) + text("cancelled") + text("")
                        )
            while "never" in self.wrong:
                time.sleep(1)
            if "refuse" in self.wrong:
                self.answer(
                    FAILED, request, struct.pack("<HH", 5, 0) + text("no such space") + text("choose another")
                )
            else:
                pixels = self.cache[asked["table"][0][5]]
                with mmap.mmap(asked["fd"], 0) as memory:
                    size = asked["rows"] * asked["row"]
                    memory[asked["offset"] : asked["offset"] + size] = pixels[:size].ljust(size, b"\0")
                if "forgetful" in self.wrong:
                    self.cache.clear()
                self.answer(
                    DONE, request, struct.pack("<HHIIIIIIIQ", 1, 0, 1, 2, 3, 4, 5, 0, 0, 99) + text("fake")
                )
            del self.pending[request]
            os.close(asked["fd"])
        except OSError:
            pass
        return None


def leave_token() -> None:
    """Beside the socket, as the misdeeds want it."""
    wrong, path = set(sys.argv[1:]), FOLDER / "bridge-v2.token"
    path.unlink(missing_ok=True)
    if "no-token" in wrong:
        return
    if "link-token" in wrong:
        (FOLDER / "elsewhere").write_bytes(TOKEN)
        path.symlink_to(FOLDER / "elsewhere")
        return
    path.touch(0o600)
    path.write_bytes(TOKEN[:63] if "short-token" in wrong else TOKEN)
    path.chmod(0o640 if "open-token" in wrong else 0o600)
    if "other-token-owner" in wrong:
        os.chown(path, 65534, 65534)


def main() -> None:
    wrong = misdeeds()
    if "no-start" in wrong:
        print("ModuleNotFoundError: No module named 'retempo'", file=sys.stderr)
        sys.exit(3)
    while "never-listen" in wrong:
        time.sleep(1)
    lock = os.open(FOLDER / "bridge-v2.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(0)
    (FOLDER / "environment").write_text(
        "\n".join(f"{name}={value}" for name, value in sorted(os.environ.items()))
    )
    (FOLDER / "descriptors").write_text(
        "\n".join(os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if int(fd) < 3)
        + f"\n{sum(1 for fd in os.listdir('/proc/self/fd'))}\n{os.getsid(0)}"
    )
    time.sleep(0.3 if "late" in wrong else 0)
    leave_token()
    path = FOLDER / "bridge-v2.sock"
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    if "other-user" in wrong:
        os.seteuid(65534)  # whoever listens is whom SO_PEERCRED tells
    listener.listen(64)
    cache: dict[bytes, bytes] = {}
    while True:
        connection, _ = listener.accept()
        if "close-at-once" in wrong:
            connection.close()
            continue
        Session(connection, wrong, cache).start()


if __name__ == "__main__":
    main()
