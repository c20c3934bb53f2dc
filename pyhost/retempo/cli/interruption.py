"""How does a run end when it is told to, even where a disk or a decoder never answers?

A signal becomes a KeyboardInterrupt in the main thread, which cleans up and lets the frames on their way get whole.
A main thread inside a call that does not come back (a network share that hangs) never sees it: then a thread that the
signal itself wakes removes what is unfinished and ends the process. A second signal does so at once.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Final, NoReturn

from retempo.errors import InterruptedByUser

PATIENCE: Final = 5.0
"""Seconds that a run has, after the first signal, to end by itself."""
SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_REMOVAL: Final = 1.0
_DONE: Final = 0


@contextlib.contextmanager
def interruptible(patience: float | None = PATIENCE) -> Iterator[None]:
    """Signals end the ``with`` block by KeyboardInterrupt; main thread only. Ignored ones (``nohup``) stay ignored.

    Args:
        patience: seconds after which the process is ended from outside the main thread; None: never.
    """
    taken = [one for one in SIGNALS if signal.getsignal(one) is not signal.SIG_IGN]
    before = {one: signal.signal(one, _interrupt) for one in taken}
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    earlier = signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    watch = threading.Thread(target=_watch, args=(woken, patience), name="retempo-signals", daemon=True)
    watch.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(earlier)
        for one, handler in before.items():
            signal.signal(one, handler)
        os.write(wake, bytes([_DONE]))
        watch.join()
        os.close(wake)
        os.close(woken)


def leave(code: int) -> NoReturn:
    """End the process with this exit code, whatever its threads do: one may be in a read that never comes back."""
    others = [one for one in threading.enumerate() if one is not threading.main_thread() and not one.daemon]
    if not others:
        sys.exit(code)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def _interrupt(signum: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _watch(woken: int, patience: float | None) -> None:
    """Read the numbers of signals that arrive, until the block has ended or the process has to."""
    import select

    told = False
    while True:
        ready, _, _ = select.select([woken], [], [], patience if told else None)
        number = os.read(woken, 1)[0] if ready else None
        if number == _DONE:
            return
        if patience is not None and (number is None or (told and number in SIGNALS)):
            _end()
        told = told or number in SIGNALS


def _end() -> NoReturn:
    from retempo.io.temporary import discard_own

    removal = threading.Thread(target=discard_own, daemon=True)  # a disk that hangs may hang here, too
    removal.start()
    removal.join(_REMOVAL)
    with contextlib.suppress(OSError):
        os.write(2, b"retempo: interrupted in a call that did not come back; finished frames are whole\n")
    os._exit(InterruptedByUser.exit_code)
