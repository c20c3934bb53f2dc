"""How are finished frames written while the next are made, without piling up?"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor


class FrameWriter:
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
