"""Where does an edit list or a timeline say that new shots begin? ``--cuts reel.edl`` or ``reel.otio``.

The source is the finished edit, so the *record* side counts: the first event stands for the first source frame. A
dissolve or wipe counts as a cut in its middle. EDLs are CMX 3600; timelines are whatever OpenTimelineIO reads.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

from retempo.errors import InputError, UsageError

SUFFIXES = (".edl", ".otio", ".otioz", ".otiod")
_CODE = r"(\d\d[:;]\d\d[:;]\d\d[:;.]\d\d)"
_EVENT = re.compile(
    rf"\s*\d+\s+\S+\s+(\S+)\s+([A-Z]+\d*)\s*(\d+)?\s+{_CODE}\s+{_CODE}\s+{_CODE}\s+{_CODE}", re.ASCII
)
_DROPPED = {30: 2, 60: 4}
"""Nominal rate -> numbers left out at each full minute, but for each tenth."""


def names_file(text: str) -> bool:
    """Does ``--cuts`` name a file, rather than list frames?"""
    return text.lower().endswith(SUFFIXES)


def load_cuts(path: str, first: int, rate: Fraction | None) -> tuple[int, ...]:
    """The first frames of new shots, ascending.

    Args:
        path: an EDL, or a file that OpenTimelineIO reads.
        first: number of the first source frame.
        rate: frames per second of the source, which timecodes count in; None where it is not known.

    Raises:
        UsageError: no rate is known. InputError: the file cannot be read, or has no event.
    """
    if rate is None:
        raise UsageError(
            f"{path} counts in timecode, and the source does not say its frame rate",
            "give it with --fps, or list frames",
        )
    starts = _read_edl(path, rate) if path.lower().endswith(".edl") else _read_timeline(path, rate)
    begin = min(starts, default=None)
    if begin is None:
        raise InputError(f"{path} has no picture event", "give the list of the edit that the source shows")
    return tuple(sorted({first + start - begin for start in starts} - {first}))


def _read_edl(path: str, rate: Fraction) -> list[int]:
    """Where the events of the picture start, in frames of the record side."""
    try:
        text = Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}", "check the path") from error
    starts, dropping = [], False
    for line in text.splitlines():
        if line.upper().startswith("FCM:"):
            dropping = "NON" not in line.upper()
        event = _EVENT.match(line)
        if event is None or not set(event[1].upper()) & {"V", "B"}:
            continue
        begin, end = (count_frames(code, rate, dropping, path) for code in (event[6], event[7]))
        if begin < end:  # what a dissolve comes from is listed with no length
            half = 0 if event[2] == "C" else int(event[3] or 0) // 2
            starts.append(begin + half)
    return starts


def count_frames(code: str, rate: Fraction, dropping: bool, where: str) -> int:
    """The number of the frame that has a timecode.

    Args:
        code: hh:mm:ss:ff; a semicolon before the frames means drop-frame.
        rate: frames per second; timecode counts whole ones, 30 for 30000/1001.
        dropping: the list says that its timecodes are drop-frame.
        where: for the message.

    Raises:
        InputError: no timecode of this rate.
    """
    hours, minutes, seconds, frames = (int(part) for part in re.split(r"[:;.]", code))
    nominal = -(-rate.numerator // rate.denominator)
    if frames >= nominal or seconds > 59 or minutes > 59:
        raise InputError(
            f"{where}: {code} is no timecode of {nominal} frames a second", "give the rate with --fps"
        )
    number = ((hours * 60 + minutes) * 60 + seconds) * nominal + frames
    if (dropping or ";" in code) and nominal in _DROPPED and rate != nominal:
        whole = hours * 60 + minutes
        number -= _DROPPED[nominal] * (whole - whole // 10)
    return number


def _read_timeline(path: str, rate: Fraction) -> list[int]:
    """Where the items of the first track with pictures start, in frames of ``rate``."""
    try:
        import opentimelineio as otio
    except ImportError as error:
        raise UsageError("OpenTimelineIO is not installed", "pip install opentimelineio") from error
    try:
        document = otio.adapters.read_from_file(path)
    except Exception as error:  # adapters raise anything; the message must name the file
        raise InputError(
            f"cannot read the timeline {path}: {error}", "give a file that OpenTimelineIO reads"
        ) from error
    return [
        _whole(time, rate) for track in _video_tracks(otio, document)[:1] for time in _starts(otio, track)
    ]


def _video_tracks(otio: Any, document: Any) -> list[Any]:
    if isinstance(document, otio.schema.Track):
        return [document]
    return list(document.video_tracks()) if isinstance(document, otio.schema.Timeline) else []


def _starts(otio: Any, track: Any) -> Iterable[Any]:
    for index, item in enumerate(track):
        if not isinstance(item, otio.schema.Transition):
            yield track.range_of_child_at_index(index).start_time


def _whole(time: Any, rate: Fraction) -> int:
    own = Fraction(time.rate).limit_denominator(1001)
    return round(Fraction(time.value) * rate / own)
