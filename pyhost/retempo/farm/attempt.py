"""How does a scheduler run a chunk so that nobody else does, too, and how does it learn whether to try again?

``python -m retempo.farm.attempt DIR CHUNK ... -- COMMAND`` runs the command of a task and writes down, in files of
``DIR``, when it began and how it ended. A scheduler that loses sight of a machine starts a chunk elsewhere,
although the first attempt may still be at work: the newest one owns the chunk, and an older one that sees this
stops. What is done is known from the frames; these files only say what became of the attempts.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import retempo
from retempo.errors import ColorError, InputError, InterruptedByUser, TimingError, UsageError, WeightsError
from retempo.farm.processes import end_with_parent

AGAIN = 75
"""Exit code that asks the scheduler for another attempt (EX_TEMPFAIL of sysexits.h)."""
SETTLED = {kind.exit_code for kind in (UsageError, InputError, ColorError, TimingError, WeightsError)}
"""Exit codes of a task that would end the same another time."""
LOOK_SECONDS = 1.0
"""How often an attempt looks whether it still owns its chunk."""
YIELD_SECONDS = 3 * LOOK_SECONDS
"""How long a new attempt waits for an older one that has not ended, so that it can step back."""
KILL_SECONDS = 60.0
"""Until a task that was told to stop is killed."""


@dataclass(frozen=True)
class History:
    """What is written down about a chunk.

    Args:
        starts: attempts that began. failures: those that ended with an exit code other than 0.
        code: exit code of the last one; None where it was killed, stopped, or has not ended.
        open: did the last one begin, and not end? It runs, or was killed together with whoever would have known.
    """

    starts: int = 0
    failures: int = 0
    code: int | None = None
    open: bool = False

    @property
    def is_settled(self) -> bool:
        """Would another attempt end the same?"""
        return self.code in SETTLED


class Records:
    """The files of one job's attempts.

    Args:
        folder: of the job's backend; holds ``tasks/N`` (what happened), ``owners/N`` (whose chunk it is),
            ``logs/N.log`` and ``cancelled``.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cancelled = folder / "cancelled"

    def make(self) -> None:
        """Make the folders, and forget what an earlier submission of this job wrote (but its logs)."""
        for name in ("tasks", "owners", "logs"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        for name in ("tasks", "owners"):
            for path in (self.folder / name).iterdir():
                path.unlink(missing_ok=True)
        self.cancelled.unlink(missing_ok=True)

    def log(self, chunk: int) -> Path:
        """What the attempts at a chunk printed, one after the other."""
        return self.folder / "logs" / ("report.log" if chunk < 0 else f"{chunk}.log")

    def note(self, chunk: int, what: str) -> None:
        """Add a line about a chunk; a full disk does not stop the work."""
        line = f"{datetime.now(UTC).isoformat(timespec='seconds')} {what}\n"
        try:
            with (self.folder / "tasks" / str(chunk)).open("a", encoding="utf-8") as stream:
                stream.write(line)
        except OSError as error:
            print(f"retempo farm: nobody will know of '{what}': {error}", file=sys.stderr)

    def history(self, chunk: int) -> History:
        """What was written down about a chunk; nothing, where nobody has begun it."""
        try:
            text = (self.folder / "tasks" / str(chunk)).read_text(encoding="utf-8")
        except OSError:
            return History()
        words = [line.split() for line in text.splitlines()]
        ends = [line for line in words if len(line) > 2 and line[1] == "ended"]
        last = next((line for line in reversed(words) if len(line) > 1 and line[1] != "yielded"), ["", ""])
        return History(
            starts=sum(len(line) > 1 and line[1] == "started" for line in words),
            failures=sum(line[2] != "0" for line in ends),
            code=int(last[2]) if last in ends else None,
            open=last[1] == "started",
        )

    def claim(self, chunk: int, owner: str) -> bool:
        """Make a chunk one's own; False where that cannot be written down."""
        path = self.folder / "owners" / str(chunk)
        temporary = path.with_name(f".{chunk}.{os.getpid()}.{socket.gethostname()}")
        try:
            temporary.write_text(owner, encoding="utf-8")
            os.replace(temporary, path)
        except OSError:
            temporary.unlink(missing_ok=True)
            return False
        return True

    def owner(self, chunk: int) -> str:
        """Whose a chunk is; '' where nobody knows."""
        try:
            return (self.folder / "owners" / str(chunk)).read_text(encoding="utf-8")
        except OSError:
            return ""

    def last_lines(self, chunk: int, count: int = 3) -> str:
        """The end of a chunk's log, without the lines that are for schedulers."""
        try:
            with self.log(chunk).open("rb") as stream:
                stream.seek(max(0, os.fstat(stream.fileno()).st_size - 8192))
                lines = stream.read().decode(errors="replace").splitlines()
        except OSError:
            return ""
        return "\n".join([line for line in lines if line.strip() and not line.startswith("openjd_")][-count:])


class Attempt:
    """One attempt at one chunk, in this process.

    Args:
        records: of the job. chunk: its index; -1 is the report. owner: names this attempt, and no other one.
        command: of the task. retries: how many failures are followed by another attempt.
        parent: process id of who started this one, and without whom it is an orphan.
    """

    def __init__(
        self, records: Records, chunk: int, owner: str, command: Sequence[str], retries: int, parent: int
    ) -> None:
        self._records = records
        self._chunk = chunk
        self._owner = owner
        self._command = list(command)
        self._retries = retries
        self._parent = parent
        self._stopped = ""

    def run(self) -> int:
        """Run the command to its end; returns 0, ``AGAIN``, or the exit code that is final."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        if self._records.cancelled.exists():
            return 0
        claimed = self._take_over()
        self._records.note(self._chunk, f"started {self._owner}")
        sys.stdout.flush()
        process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, preexec_fn=end_with_parent)
        code = self._watch(process, claimed)
        if self._stopped:
            word = "yielded" if self._stopped == "superseded" else "stopped"
            self._records.note(self._chunk, f"{word} {self._owner} {self._stopped}")
            return 0 if word == "yielded" else InterruptedByUser.exit_code
        code = 128 - code if code < 0 else code  # killed by a signal: as a shell says it
        self._records.note(self._chunk, f"ended {code} {self._owner}")
        if code in SETTLED or code == 0:
            return code
        return AGAIN if self._records.history(self._chunk).failures <= self._retries else code

    def _take_over(self) -> bool:
        other = self._records.history(self._chunk).open
        claimed = self._records.claim(self._chunk, self._owner)
        deadline = time.monotonic() + YIELD_SECONDS
        while other and time.monotonic() < deadline and not self._stopped:
            time.sleep(0.1)
        return claimed

    def _watch(self, process: subprocess.Popen[bytes], claimed: bool) -> int:
        deadline = float("inf")
        while True:
            try:
                return process.wait(LOOK_SECONDS)
            except subprocess.TimeoutExpired:
                pass
            self._stopped = self._stopped or self._reason_to_stop(claimed)
            if self._stopped and deadline == float("inf"):
                deadline = time.monotonic() + KILL_SECONDS
                process.terminate()
            if time.monotonic() > deadline:
                process.kill()

    def _reason_to_stop(self, claimed: bool) -> str:
        if claimed and self._records.owner(self._chunk) not in ("", self._owner):
            return "superseded"
        if self._records.cancelled.exists():
            return "cancelled"
        return "orphaned" if os.getppid() != self._parent else ""

    def _on_signal(self, number: int, frame: object) -> None:
        self._stopped = self._stopped or f"by {signal.Signals(number).name}"


def attempt_command(folder: Path, chunk: str, owner: str, retries: int, python: str) -> list[str]:
    """The arguments before the command of a task, which follows them."""
    return [
        *(python, "-P", "-m", "retempo.farm.attempt"),
        *(str(folder), chunk, owner, "--retries", str(retries), "--"),
    ]


def program_of(python: str) -> list[str]:
    """The arguments that start Retempo on a machine whose Python has it; '' takes the one that runs this."""
    return [python or sys.executable, "-P", "-m"]


def path_of_sources() -> str:
    """What PYTHONPATH has to name for this very Retempo; '' where it is installed."""
    home = Path(retempo.__file__).resolve().parents[1]
    return "" if home.name in ("site-packages", "dist-packages") else str(home)


def main(argv: Sequence[str] | None = None) -> int:
    """Run an attempt; with ``--here`` all of them, one after the other, for schedulers that do not retry."""
    parser = argparse.ArgumentParser(prog="python -m retempo.farm.attempt", description=__doc__)
    parser.add_argument("folder", type=Path, help="of the records")
    parser.add_argument("chunk", type=int, help="index of the chunk")
    parser.add_argument("owner", help="what the scheduler calls this; machine and process are added")
    parser.add_argument(
        "--retries", type=int, default=0, help="failures that are followed by another attempt"
    )
    parser.add_argument("--here", type=float, metavar="SECONDS", help="try again here, after so long")
    parser.add_argument("--log", type=Path, help="add what the task prints to this file")
    parser.add_argument("--after", help="exit codes of what had to be over before; they are only told")
    parser.add_argument("command", nargs="+", help="of the task")
    args = parser.parse_args(argv)
    if args.log is not None:
        descriptor = os.open(args.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        os.dup2(descriptor, sys.stdout.fileno())
        os.dup2(descriptor, sys.stderr.fileno())
    parent = os.getppid()
    owner = f"{args.owner}@{socket.gethostname()}.{os.getpid()}"
    while True:
        attempt = Attempt(Records(args.folder), args.chunk, owner, args.command, args.retries, parent)
        code = attempt.run()
        if code != AGAIN or args.here is None:
            return code
        time.sleep(args.here)


if __name__ == "__main__":
    raise SystemExit(main())
