"""Where does a file live until it is whole? Beside its target, under a hidden name, then it is renamed.

The hidden name carries the host and the process, ``.shot.1001.<host>.<pid>.tmp.exr``: several machines may
write into one folder, and a process number says nothing about another machine's processes. Renaming replaces
the target at once; ``durable`` also waits until the bytes are on the disk (for power cuts; costs time).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import socket
from pathlib import Path

from retempo.errors import OutputError

_HOST = hashlib.sha256(socket.gethostname().encode()).hexdigest()[:6]
_NAME = re.compile(r"^\.(?P<stem>.+)\.(?P<host>[0-9a-f]{6})\.(?P<pid>\d+)\.tmp(?:\.[\w]+)?$")
_LOW_SPACE = 4 << 20
_folders: set[Path] = set()


def temporary_for(target: Path, suffix: str | None = None) -> Path:
    """Return the hidden path beside ``target`` for this process."""
    end = target.suffix if suffix is None else suffix
    _folders.add(target.parent)
    return target.with_name(f".{target.stem}.{_HOST}.{os.getpid()}.tmp{end}")


def prepare_folder(folder: Path) -> None:
    """Make the folder of a target, and see that it can be written to.

    Raises:
        OutputError: it cannot be made or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"folder {folder} cannot be made: {error.strerror}", "choose another output"
        ) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(
            f"folder {folder} is not writable", "choose another output or change its permissions"
        )


def publish(temporary: Path, target: Path, durable: bool = False) -> None:
    """Give a finished file its final name, replacing what was there.

    Raises:
        OutputError: the rename failed; the temporary file is removed.
    """
    try:
        if durable:
            descriptor = os.open(temporary, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        os.replace(temporary, target)
    except OSError as error:
        discard(temporary)
        raise OutputError(f"{target} cannot be written: {error.strerror}", hint_for(target.parent)) from error


def discard(temporary: Path) -> None:
    """Remove a temporary file, or folder, if it is there."""
    if temporary.is_dir() and not temporary.is_symlink():
        shutil.rmtree(temporary, ignore_errors=True)
    else:
        temporary.unlink(missing_ok=True)


def discard_own() -> None:
    """Remove every temporary file of this process: it is about to end, and its writers will not."""
    for folder in list(_folders):
        with contextlib.suppress(OSError):
            for name in os.listdir(folder):
                match = _NAME.match(name)
                if match and match["host"] == _HOST and int(match["pid"]) == os.getpid():
                    discard(folder / name)


def remove_stale(folder: Path) -> list[Path]:
    """Remove temporary files of processes of this host that no longer run; returns what was removed.

    Files of other hosts are left alone: whether their writers live cannot be seen from here.
    """
    removed: list[Path] = []
    try:
        names = os.listdir(folder)
    except OSError:
        return removed
    for name in names:
        match = _NAME.match(name)
        if match and match["host"] == _HOST and not _runs(int(match["pid"])):
            discard(folder / name)
            removed.append(folder / name)
    return removed


def hint_for(folder: Path) -> str:
    """Say what to do about a failed write: free space when there is none, else look at the permissions."""
    try:
        free = shutil.disk_usage(folder).free
    except OSError:
        return "check that the folder is still there"
    if free < _LOW_SPACE:
        return f"the disk is full ({free // 1024} KiB left); free some space and resume"
    return "check permissions and quota, then resume"


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
