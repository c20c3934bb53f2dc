"""How is a timeline file read so that a damaged one is an error? OpenTimelineIO, first in a process of its own.

OpenTimelineIO's reader (0.18) ends its process on some files whose parts are not what their place asks for. So a child
reads the file, writes it as OpenTimelineIO's own JSON and reads that again; only what came through is read here.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from retempo.errors import InputError, UsageError

PATIENCE: Final = 120.0
"""Seconds for reading a file."""
LARGEST: Final = 256 << 20
"""Bytes of a timeline's file."""
_HINT: Final = "give a file that OpenTimelineIO reads"
_CHILD: Final = """
import os, sys
import opentimelineio as otio
out = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(2, 1)  # what an adapter prints is no timeline
try:
    text = otio.adapters.read_from_file(sys.argv[1]).to_json_string()
    otio.adapters.read_from_string(text, "otio_json")
except Exception as error:
    sys.exit(str(error) or type(error).__name__)
out.write(text)
out.close()
"""


def import_otio() -> Any:
    """The module.

    Raises:
        UsageError: it is not installed.
    """
    try:
        import opentimelineio
    except ImportError as error:
        raise UsageError("OpenTimelineIO is not installed", "pip install opentimelineio") from error
    return opentimelineio


def read_timeline(path: str | Path) -> Any:
    """What the file holds: a timeline, a track, a clip or another object of OpenTimelineIO.

    Raises:
        UsageError: OpenTimelineIO is not installed. InputError: the file cannot be read.
    """
    otio, path = import_otio(), Path(path)
    try:
        size = path.stat().st_size
    except OSError as error:
        raise InputError(f"cannot read the timeline {path}: {error.strerror}", _HINT) from error
    if size > LARGEST:
        raise InputError(f"cannot read the timeline {path}: it has {size} bytes", f"{LARGEST} are the limit")
    return otio.adapters.read_from_string(_in_a_child(path), "otio_json")


def _in_a_child(path: Path) -> str:
    """The file as JSON that is known to be readable."""
    command = [sys.executable, "-c", _CHILD, str(path)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired as error:
        raise InputError(f"cannot read the timeline {path}: it takes over {PATIENCE:g} s", _HINT) from error
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip()[-300:]
        reason = said if done.returncode > 0 and said else f"its reader ended with {done.returncode}"
        raise InputError(f"cannot read the timeline {path}: {reason}", _HINT)
    return done.stdout.decode("utf-8")
