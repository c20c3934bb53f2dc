"""Whose turn is it? A few worker threads, shared fairly between programs, and within a program between its connections.

Programs take turns, and so do the connections of one, each with its own queue. No program ever has all workers, and
no connection all that its program may have: while one is busy with slow frames there is one left for another.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

Job = Callable[[], None]

log = logging.getLogger(__name__)


class Owner(NamedTuple):
    """Who wants a job done; each part anything hashable."""

    program: Any
    connection: Any


@dataclass
class _Program:
    """What waits for one program: a queue a connection, in the order of their turns."""

    queues: dict[Any, deque[Job]] = field(default_factory=dict)
    turns: deque[Any] = field(default_factory=deque)
    running: dict[Any, int] = field(default_factory=dict)

    @property
    def busy(self) -> int:
        return sum(self.running.values())

    def take(self, most: int) -> tuple[Any, Job] | None:
        """The first job of the first connection that has fewer than ``most`` running; it goes to the back."""
        for _ in range(len(self.turns)):
            connection = self.turns.popleft()
            if self.running.get(connection, 0) >= most:
                self.turns.append(connection)
                continue
            queue = self.queues[connection]
            job = queue.popleft()
            if queue:
                self.turns.append(connection)
            else:
                del self.queues[connection]
            return connection, job
        return None


def default_workers() -> int:
    """Four, or the number of cores up to eight: a frame fills the cores anyway, more are for fairness."""
    return max(4, min(8, os.cpu_count() or 4))


class Scheduler:
    """Runs jobs on threads of its own.

    Args:
        workers: how many at a time, three at least.
    """

    def __init__(self, workers: int = 0) -> None:
        self.workers = max(3, workers or default_workers())
        self._programs: dict[Any, _Program] = {}
        self._turns: deque[Any] = deque()
        self._changed = threading.Condition()
        self._stopped = False
        for index in range(self.workers):
            threading.Thread(target=self._work, name=f"render-{index}", daemon=True).start()

    def submit(self, owner: Owner, job: Job, *, first: bool = False) -> None:
        """Let ``job`` wait for its turn, behind its connection's other jobs or (``first``) before them."""
        with self._changed:
            if self._stopped:
                return
            if owner.program not in self._programs:
                self._programs[owner.program] = _Program()
                self._turns.append(owner.program)
            program = self._programs[owner.program]
            if owner.connection not in program.queues:
                program.queues[owner.connection] = deque()
                program.turns.append(owner.connection)
            queue = program.queues[owner.connection]
            if first:
                queue.appendleft(job)
            else:
                queue.append(job)
            self._changed.notify()

    @property
    def busy(self) -> int:
        """Jobs that run now."""
        with self._changed:
            return self._busy()

    def stop(self, patience: float) -> bool:
        """Start nothing more; wait for what runs. True when all is done within ``patience`` seconds."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
            return self._changed.wait_for(lambda: not self._busy(), patience)

    def _busy(self) -> int:
        return sum(one.busy for one in self._programs.values())

    def _work(self) -> None:
        while True:
            with self._changed:
                while (taken := self._next()) is None:
                    if self._stopped:
                        return
                    self._changed.wait()
            owner, job = taken
            try:
                job()
            except BaseException:
                log.exception("a job failed")
            del job, taken
            with self._changed:
                self._release(owner)
                self._changed.notify_all()

    def _next(self) -> tuple[Owner, Job] | None:
        """The next job that may run, which is counted from now on; its program goes to the back."""
        if self._stopped:
            return None
        for _ in range(len(self._turns)):
            name = self._turns.popleft()
            self._turns.append(name)
            program = self._programs[name]
            found = program.take(self.workers - 2) if program.busy < self.workers - 1 else None
            if found is not None:
                connection, job = found
                program.running[connection] = program.running.get(connection, 0) + 1
                return Owner(name, connection), job
        return None

    def _release(self, owner: Owner) -> None:
        program = self._programs[owner.program]
        program.running[owner.connection] -= 1
        if not program.running[owner.connection]:
            del program.running[owner.connection]
        if not program.running and not program.queues:
            del self._programs[owner.program]
            self._turns.remove(owner.program)
