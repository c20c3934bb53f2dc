"""Which processes came from a task, what do they take, and how are they ended? Linux: /proc and prctl.

A task is a tree: `openjd run`, and what it starts. None of it may outlive its end, to work beside its successor.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
from collections import defaultdict
from collections.abc import Collection, Iterable
from pathlib import Path

_PROC = Path("/proc")
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36


def list_children() -> dict[int, list[int]]:
    """Parent -> children, of all processes."""
    children: dict[int, list[int]] = defaultdict(list)
    for name in os.listdir(_PROC):
        if name.isdigit():
            try:
                # the name of the program, in brackets, may hold anything
                rest = (_PROC / name / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue  # it has ended
            children[int(rest[1])].append(int(name))
    return children


def list_tree(roots: Iterable[int]) -> list[int]:
    """These processes and all that came from them."""
    children = list_children()
    found: list[int] = []
    waiting = list(roots)
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting += children.get(pid, [])
    return found


def resident(pids: Iterable[int]) -> int:
    """Bytes of memory that processes hold."""
    total = 0
    for pid in pids:
        try:
            total += int((_PROC / str(pid) / "statm").read_text().split()[1])
        except (OSError, IndexError):
            continue
    return total * os.sysconf("SC_PAGE_SIZE")


def adopt_orphans() -> None:
    """Have processes whose parents die become children of this one (PR_SET_CHILD_SUBREAPER)."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_with_parent() -> None:
    """Be told to stop when the parent dies (PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def end_tree(pid: int) -> None:
    """Kill a process and all that came from it."""
    for one in list_tree([pid]):
        with contextlib.suppress(ProcessLookupError):
            os.kill(one, signal.SIGKILL)


def end_strays(known: Collection[int]) -> None:
    """End children of this process that are not known: of tasks that were killed, and left them behind."""
    for pid in list_children().get(os.getpid(), []):
        if pid not in known:
            end_tree(pid)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)
