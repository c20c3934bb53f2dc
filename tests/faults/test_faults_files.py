"""What does a run leave when a file operation, drawn by chance, fails, hangs, or is its last? Faults by doors.

Each fault meets another door with each seed; ``RETEMPO_FAULT_SEEDS=8`` is all of them with all doors.
"""

from __future__ import annotations

import random
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from doors import DOORS
from runs import ROUNDS, Results, Undisturbed, assert_in_words, begin

INTERRUPTED = 130


@dataclass(frozen=True)
class Fault:
    """Something that happens at one operation.

    Args:
        operation: kind of it, see ``shim.c``; of the footage where it reads, of the results otherwise.
        action: what happens.
        code: how the program ends.
    """

    operation: str
    action: str
    code: int

    @property
    def reads(self) -> bool:
        return self.operation in ("open", "read")


FAULTS = {
    "killed": Fault("any", "kill", -signal.SIGKILL),
    "terminated": Fault("any", "term", INTERRUPTED),
    "interrupted": Fault("any", "int", INTERRUPTED),
    "hung up": Fault("any", "hup", INTERRUPTED),
    "killed while reading": Fault("read", "kill", -signal.SIGKILL),
    "killed at the rename": Fault("rename", "kill", -signal.SIGKILL),
    "disk full": Fault("write", "ENOSPC:on", 4),
    "disk full for a moment": Fault("write", "ENOSPC", 4),
    "disk full at close": Fault("close", "ENOSPC", 4),
    "disk full at the rename": Fault("rename", "ENOSPC:on", 4),
    "quota": Fault("write", "EDQUOT:on", 4),
    "disk breaks": Fault("write", "EIO:on", 4),
    "read-only from now on": Fault("create", "EROFS:on", 4),
    "one file may not be made": Fault("create", "EACCES", 4),
    "one file may not be renamed": Fault("rename", "EACCES", 4),
    "one frame may not be read": Fault("open", "EACCES", 3),
    "bad sector": Fault("read", "EIO:on", 3),
    "descriptors run out": Fault("open", "EMFILE:on", 3),
}


def cases() -> list[tuple[int, str, str]]:
    """(seed, fault, door)."""
    doors = list(DOORS)
    return [
        (seed, fault, doors[(at * 3 + seed) % len(doors)])
        for seed in range(ROUNDS)
        for at, fault in enumerate(FAULTS)
    ]


@pytest.mark.parametrize(("seed", "fault", "door"), cases())
def test_fault(
    results: Callable[[str], Results],
    undisturbed: Callable[[str], Undisturbed],
    shim: Path,
    footage: Path,
    seed: int,
    fault: str,
    door: str,
) -> None:
    """Either the run says that something is wrong, or its results are right; nothing partial, nothing left."""
    happens, counted, here = FAULTS[fault], undisturbed(door), results(door)
    counts = counted.inside if happens.reads else counted.outside
    known = counts[happens.operation]
    if happens.operation == "any":
        known = sum(count for kind, count in counts.items() if kind not in ("open", "read"))
    at = random.Random(f"{seed} {fault} {door}").randint(1, max(1, known))
    code, said = here.run(
        LD_PRELOAD=str(shim),
        RETEMPO_FAULT_FOLDER=f"{footage if happens.reads else here.folder}/",
        RETEMPO_FAULT=f"{happens.operation}:{at}:{happens.action}",
    )
    assert code in (0, happens.code), f"{code} at {happens.operation} {at} of {known}\n{said}"
    here.check_unfinished(hidden=code < 0)
    if code in (3, 4):
        assert_in_words(said, naming={"in": footage, "out": here.folder})
    if code == INTERRUPTED:
        assert_in_words(said)
    here.go_on()


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_killed_at_any_time(results: Callable[[str], Results], seed: int) -> None:
    """By the clock instead of by an operation: the moment may lie between two, or in the middle of one."""
    draw = random.Random(seed)
    here = results(draw.choice([one for one in DOORS if one != "plate"]))
    program = begin(here.door.command(here.footage, here.folder))
    try:
        program.wait(draw.uniform(0.2, 1.5))
    except Exception:
        program.kill()
    program.communicate()
    here.check_unfinished(hidden=True)
    here.go_on()


@pytest.mark.parametrize("door", ["exr", "movie"])
def test_clock_that_jumps(results: Callable[[str], Results], shim: Path, door: str) -> None:
    """The wall clock goes a day ahead and back from call to call."""
    here = results(door)
    code, said = here.run(LD_PRELOAD=str(shim), RETEMPO_FAULT_CLOCK="1")
    assert code == 0, said
    here.go_on()


@pytest.mark.parametrize(
    ("door", "operation", "path"),
    [
        ("exr", "open", "IN/plate.0001.exr"),
        ("png", "open", "IN/plate.0003.png"),
        ("strips", "open", "IN/plate.0002.exr"),
        ("movie", "create", "OUT/"),
    ],
)
def test_disk_that_hangs(
    results: Callable[[str], Results], shim: Path, footage: Path, door: str, operation: str, path: str
) -> None:
    """A call that never comes back, not even for a signal: SIGTERM ends the run all the same."""
    here = results(door)
    ready = here.folder.with_suffix(".log")
    program = begin(
        here.door.command(here.footage, here.folder),
        LD_PRELOAD=str(shim),
        RETEMPO_FAULT_FOLDER=path.replace("IN", str(footage)).replace("OUT", str(here.folder)),
        RETEMPO_FAULT=f"{operation}:1:hang",
        RETEMPO_FAULT_LOG=str(ready),
    )
    while not ready.exists() or operation not in ready.read_text().split():
        assert program.poll() is None, program.communicate()[1]
    program.send_signal(signal.SIGTERM)
    said = program.communicate(timeout=60)[1]
    assert program.returncode == INTERRUPTED and "interrupted" in said, said
    here.check_unfinished()
    here.go_on()
