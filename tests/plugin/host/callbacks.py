"""How does a Python function become a member of a C suite without ever raising into C?

``Refusal`` is how a suite function says no: it carries the status to return. Anything else that escapes is
a fault of this host; it is recorded as the violation ``host error`` and the plugin gets kOfxStatFailed.
"""

from __future__ import annotations

import ctypes
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any

from host import constants as k
from host.journal import Journal
from host.properties import PropertyError

_busy = threading.local()


def seconds_in_host() -> float:
    """Time that this thread has spent inside suite functions so far, to tell the plugin's own time by."""
    return float(getattr(_busy, "seconds", 0.0))


class Refusal(PropertyError):
    """A suite function fails with this status."""


class Strings:
    """C strings that stay where they are for as long as the host lives."""

    def __init__(self) -> None:
        self._pool: dict[bytes, ctypes.Array] = {}

    def address(self, text: str) -> int:
        data = text.encode()
        buffer = self._pool.setdefault(data, ctypes.create_string_buffer(data))
        return ctypes.addressof(buffer)


def read_text(data: bytes | None, journal: Journal, where: str) -> str:
    """A C string; what is not UTF-8 is recorded and read with replacements."""
    try:
        return (data or b"").decode()
    except UnicodeDecodeError:
        journal.violate("text", where, f"{data!r} is not UTF-8")
        return (data or b"").decode(errors="replace")


def fill_suite(
    struct: type[ctypes.Structure], functions: dict[str, Callable[..., Any]], journal: Journal
) -> Any:
    """A suite whose members call ``functions``; they return a status, or None for kOfxStatOK.

    The struct keeps the C functions alive. Every member of the struct must be given.
    """
    suite = struct()
    for name, prototype in struct._fields_:  # type: ignore[misc]
        setattr(suite, name, prototype(_guard(functions.pop(name), f"{struct.__name__}.{name}", journal)))
    if functions:
        raise TypeError(f"{struct.__name__} has no {', '.join(functions)}")
    return suite


def _guard(function: Callable[..., Any], where: str, journal: Journal) -> Callable[..., int]:
    def call(*arguments: Any) -> int:
        start = time.perf_counter()
        try:
            return int(function(*arguments) or k.kOfxStatOK)
        except PropertyError as refusal:
            return refusal.status
        except BaseException:
            journal.violate("host error", where, traceback.format_exc())
            return k.kOfxStatFailed
        finally:
            _busy.seconds = seconds_in_host() + time.perf_counter() - start

    return call


def need(pointer: Any, journal: Journal, where: str, what: str) -> Any:
    """``pointer`` unless it is null, which is recorded and refused."""
    if not pointer:
        journal.violate("null pointer", where, f"{what} is null")
        raise Refusal(k.kOfxStatErrValue)
    return pointer
