"""What can go wrong, and which exit code says so?

Every error a user can cause or meet is one of these. A message says what is wrong and where; ``hint``
says what to do next. The command line prints both without a traceback and exits with ``exit_code``.
"""

from __future__ import annotations


class RetempoError(Exception):
    """Base of all expected errors.

    Args:
        message: what is wrong, and where (file, channel, argument, frame number).
        hint: what to do about it; empty when there is nothing to add.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}; {self.hint}" if self.hint else self.message


class UsageError(RetempoError):
    """A parameter is unknown, out of range, or contradicts another one."""

    exit_code = 2


class InputError(RetempoError):
    """A source is missing, broken, of the wrong size or kind, or lacks a channel."""

    exit_code = 3


class OutputError(RetempoError):
    """A result cannot be written: no permission, no space, a target that would destroy its source."""

    exit_code = 4


class ColorError(RetempoError):
    """An OCIO config, colour space, role or display does not exist or does not work."""

    exit_code = 5


class TimingError(RetempoError):
    """A time map asks for something impossible: zero speed, an empty range, a frame outside of it."""

    exit_code = 6


class DeviceError(RetempoError):
    """The asked-for device is absent, was not compiled in, or ran out of memory."""

    exit_code = 7


class WeightsError(RetempoError):
    """A trained network cannot run: its weights, PyTorch or the reader of weight files are not installed."""

    exit_code = 8


class DownloadError(RetempoError):
    """A file cannot be fetched: no connection, the server refuses, or what came is not what was published."""

    exit_code = 9


class JobError(RetempoError):
    """A farm's job is incomplete and nobody works on it: tasks failed, it was cancelled, its supervisor died."""

    exit_code = 10


class InterruptedByUser(RetempoError):
    """Ctrl-C or SIGTERM; every finished frame is whole, no unfinished one is visible."""

    exit_code = 130


OUT_OF_MEMORY = (
    "there is not enough memory",
    "make frames in strips with --memory 1G, or raise the limit; finished frames are whole, --resume makes the rest",
)
"""What is wrong, and what to do, when ``is_out_of_memory`` says so."""

_SIGNS = ("Insufficient memory", "std::bad_alloc", "can't allocate memory", "annot allocate memory",
          "failed to map segment", "can't start new thread", "Resource temporarily unavailable")  # fmt: skip


def is_out_of_memory(error: BaseException) -> bool:
    """Does an error, of whatever library, come from memory (or the room for one more thread) having run out?"""
    kinds = (MemoryError, OSError, RuntimeError, ImportError)
    named = type(error).__name__ in ("error", "OutOfMemoryError")  # OpenCV's, PyTorch's
    if isinstance(error, MemoryError):
        return True
    return (named or isinstance(error, kinds)) and any(sign in str(error) for sign in _SIGNS)


__all__ = [
    "OUT_OF_MEMORY",
    "ColorError",
    "DeviceError",
    "DownloadError",
    "InputError",
    "InterruptedByUser",
    "JobError",
    "OutputError",
    "RetempoError",
    "TimingError",
    "UsageError",
    "WeightsError",
    "is_out_of_memory",
]
