"""How do frames arrive before they are needed, and leave while the next are made, without piling up?"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Final

from retempo.io.frame import Frame

_MOMENT: Final = 1.0
"""Seconds that a read which is under way gets to end."""


class FrameReader:
    """Reads ahead in the order of use; holds at most ``ahead`` frames beyond those of the largest step.

    Args:
        read: reads the frame of a number.
        steps: for each step of the work in turn, the frame numbers it needs.
        ahead: how many further frames to read while the present ones are worked on.
    """

    def __init__(
        self, read: Callable[[int], Frame], steps: Sequence[tuple[int, ...]], ahead: int = 1
    ) -> None:
        self._read = read
        self._ahead = ahead
        self._groups: list[tuple[int, ...]] = []
        self._group_of: list[int] = []
        for needed in steps:
            if not self._groups or self._groups[-1] != needed:
                self._groups.append(needed)
            self._group_of.append(len(self._groups) - 1)
        self._most = max((len(group) for group in self._groups), default=0)
        self._held: dict[int, Future[Frame]] = {}
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="retempo-read")

    def take(self, step: int) -> dict[int, Frame]:
        """The frames of ``step``; frames not needed soon are let go, the next ones are asked for.

        Raises:
            InputError: a frame of this step cannot be read.
        """
        group = self._group_of[step]
        capacity = self._most + self._ahead
        wanted: list[int] = []
        for needed in self._groups[group:]:
            wanted.extend(number for number in needed if number not in wanted)
            if len(wanted) >= capacity:
                break
        wanted = wanted[:capacity]
        for number in set(self._held) - set(wanted):
            self._held.pop(number).cancel()
        for number in wanted:
            if number not in self._held:
                self._held[number] = self._pool.submit(self._read, number)
        return {number: self._held[number].result() for number in self._groups[group]}

    def close(self) -> None:
        """Stop reading; frames on their way are dropped. A read that hangs is not waited for longer than a moment."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        if not wait(self._held.values(), timeout=_MOMENT).not_done:
            self._pool.shutdown(wait=True)
        self._held.clear()


class FrameQueue:
    """Runs writes in the background, in order of submission; at most ``pending`` wait at a time.

    Args:
        workers: threads; 1 keeps the order, which movies need.
        pending: writes that may be under way or waiting before ``submit`` blocks.
    """

    def __init__(self, workers: int = 1, pending: int = 2) -> None:
        self._pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="retempo-write")
        self._queue: deque[Future[None]] = deque()
        self._pending = pending

    def submit(self, write: Callable[[], None]) -> None:
        """Queue ``write``; raises what an earlier one raised."""
        while len(self._queue) >= self._pending or (self._queue and self._queue[0].done()):
            self._queue.popleft().result()
        self._queue.append(self._pool.submit(write))

    def finish(self) -> None:
        """Wait for all; raises the first error."""
        while self._queue:
            self._queue.popleft().result()
        self._pool.shutdown(wait=True)

    def cancel(self) -> None:
        """Drop what has not begun and wait for what has: each file is whole or absent."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._queue.clear()
