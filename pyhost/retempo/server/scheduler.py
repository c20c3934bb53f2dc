"""Whose turn is it? A few worker threads, shared fairly between connections.

Jobs of one owner wait in its own queue; queues take turns. One owner never has all workers: while it is
busy with slow frames there is always one left for somebody else.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Hashable

Job = Callable[[], None]

log = logging.getLogger(__name__)


def default_workers() -> int:
    """Four, or the number of cores up to eight: a frame fills the cores anyway, more are for fairness."""
    return max(4, min(8, os.cpu_count() or 4))


class Scheduler:
    """Runs jobs on threads of its own.

    Args:
        workers: how many at a time, two at least.
    """

    def __init__(self, workers: int = 0) -> None:
        self.workers = max(2, workers or default_workers())
        self._queues: dict[Hashable, deque[Job]] = {}
        self._turns: deque[Hashable] = deque()
        self._running: dict[Hashable, int] = {}
        self._changed = threading.Condition()
        self._stopped = False
        self._threads = [
            threading.Thread(target=self._work, name=f"render-{index}", daemon=True)
            for index in range(self.workers)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, owner: Hashable, job: Job, *, first: bool = False) -> None:
        """Let ``job`` wait for its turn, behind the owner's other jobs or (``first``) before them."""
        with self._changed:
            if owner not in self._queues:
                self._queues[owner] = deque()
                self._turns.append(owner)
            if first:
                self._queues[owner].appendleft(job)
            else:
                self._queues[owner].append(job)
            self._changed.notify()

    @property
    def busy(self) -> int:
        """Jobs that run now."""
        with self._changed:
            return sum(self._running.values())

    def stop(self, patience: float) -> bool:
        """Start nothing more; wait for what runs. True when all is done within ``patience`` seconds."""
        with self._changed:
            self._stopped = True
            self._queues.clear()
            self._turns.clear()
            self._changed.notify_all()
            return self._changed.wait_for(lambda: not self._running, patience)

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._stopped and (taken := self._next()) is None:
                    self._changed.wait()
                if self._stopped:
                    return
                owner, job = taken  # type: ignore[misc]
                self._running[owner] = self._running.get(owner, 0) + 1
            try:
                job()
            except BaseException:
                log.exception("a job failed")
            finally:
                del job
                with self._changed:
                    self._running[owner] -= 1
                    if not self._running[owner]:
                        del self._running[owner]
                    self._changed.notify_all()

    def _next(self) -> tuple[Hashable, Job] | None:
        """The first job of the first queue whose owner may have another worker; that owner goes to the back."""
        for _ in range(len(self._turns)):
            owner = self._turns.popleft()
            queue = self._queues[owner]
            if self._running.get(owner, 0) >= self.workers - 1:
                self._turns.append(owner)
                continue
            job = queue.popleft()
            if queue:
                self._turns.append(owner)
            else:
                del self._queues[owner]
            return owner, job
        return None
